//! The shipped problems, which a server loads into the store when it starts.

use anyhow::Context;
use cupel_core::Core;
use cupel_core::problems::{Shipped, ShippedOutcome};
use sha2::{Digest, Sha256};

/// Slug and archive of each problem; see `build.rs`.
static PROBLEMS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/problems.rs"));

/// Loads missing problems, and newer versions of the problems that were not changed on this server.
///
/// # Errors
/// A problem cannot be loaded.
pub(crate) async fn load(core: &Core) -> anyhow::Result<()> {
    let (mut loaded, mut updated, mut restored) = (0, 0, 0);
    for (slug, archive) in PROBLEMS {
        let shipped = Shipped { slug, archive_hash: Sha256::digest(archive).into(), archive };
        let outcome = core.load_shipped(shipped).await;
        match outcome.with_context(|| format!("cannot load the shipped problem `{slug}`"))? {
            ShippedOutcome::Loaded => loaded += 1,
            ShippedOutcome::Updated => updated += 1,
            ShippedOutcome::Restored => restored += 1,
            ShippedOutcome::Unchanged => {}
            ShippedOutcome::LeftAlone => {
                tracing::info!(
                    problem = slug,
                    "did not update a shipped problem, because it was changed on this server"
                )
            }
        }
    }
    if loaded + updated > 0 {
        tracing::info!(loaded, updated, "loaded {loaded} shipped problems, updated {updated}");
    }
    if restored > 0 {
        tracing::warn!(restored, "the packages of {restored} shipped problems were missing and were stored again");
    }
    Ok(())
}
