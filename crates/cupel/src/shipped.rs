//! The problems that come with Cupel, and their way into the store when a server starts.

use anyhow::Context;
use cupel_core::Core;
use cupel_core::problems::{Shipped, ShippedOutcome};
use sha2::{Digest, Sha256};

/// Slug and archive of each; see `build.rs`.
const PROBLEMS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/problems.rs"));

/// Loads those that are not here yet, and newer versions of those that nobody has changed.
///
/// # Errors
/// When one cannot be loaded.
pub(crate) async fn load(core: &Core) -> anyhow::Result<()> {
    let (mut loaded, mut updated) = (0, 0);
    for (slug, archive) in PROBLEMS {
        let shipped = Shipped { slug, archive_hash: Sha256::digest(archive).into(), archive };
        let outcome = core.load_shipped(shipped).await;
        match outcome.with_context(|| format!("cannot load the problem `{slug}` that comes with Cupel"))? {
            ShippedOutcome::Loaded => loaded += 1,
            ShippedOutcome::Updated => updated += 1,
            ShippedOutcome::Unchanged => {}
            ShippedOutcome::LeftAlone => {
                tracing::info!(problem = slug, "a problem that was changed here is left as it is")
            }
        }
    }
    if loaded + updated > 0 {
        tracing::info!(
            loaded,
            updated,
            "loaded {loaded} problems that come with Cupel, and newer versions of {updated}"
        );
    }
    Ok(())
}
