//! Location of the store of prepared artefacts: below the data directory of a server, or in the user's cache directory.

use std::path::Path;

use cupel_core::chain;
use cupel_runner::prepared::PreparedStore;

use crate::data_dir::{DataDir, PREPARED};
use crate::local;

/// Store for commands without a server: that of the data directory if a server has started in it, otherwise the user's
/// own. `None` if neither exists or it cannot be used.
pub(crate) fn of_commands(data: &Path) -> Option<PreparedStore> {
    if DataDir::has_database(data) {
        return PreparedStore::open(DataDir::open(data).ok()?.path(), &PREPARED).ok();
    }
    // The user's cache directory, which may be a link.
    let own = local::user_cache()?.join("prepared");
    std::fs::create_dir_all(&own).ok()?;
    PreparedStore::open(&own, &[]).ok()
}

/// Store of a data directory, for its server. Opened before the sandbox is launched, which mounts it at that time.
pub(crate) fn of_server(data: &DataDir) -> Option<PreparedStore> {
    match PreparedStore::open(data.path(), &PREPARED) {
        Ok(store) => Some(store),
        Err(error) => {
            let path = data.path().join("cache/prepared");
            tracing::warn!(error = %chain(&error), path = %path.display(), "cannot open the directory of prepared artefacts");
            None
        }
    }
}
