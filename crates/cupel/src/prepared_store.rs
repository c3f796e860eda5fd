//! Location of the store of prepared artefacts: below the data directory of a server, or in the user's cache directory.

use cupel_core::chain;
use cupel_runner::prepared::PreparedStore;

use crate::config::Config;
use crate::data_dir::{self, DataDir, PREPARED};
use crate::local;

/// Opens the store for commands without a server. If a server has ever started in the data directory, this is the store
/// of the data directory; otherwise, it is the user's store. `None` if that store cannot be used.
pub(crate) fn of_commands(config: &Config) -> Option<PreparedStore> {
    if let Some(data) = local::servers_data(config) {
        return PreparedStore::open(DataDir::open(data).ok()?.path(), &PREPARED).ok();
    }
    // The user's cache directory may be a symbolic link.
    let own = data_dir::user_cache()?.join("prepared");
    std::fs::create_dir_all(&own).ok()?;
    PreparedStore::open(&own, &[]).ok()
}

/// Opens the store of a data directory, for its server. Called before the sandbox is launched, which mounts the store.
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
