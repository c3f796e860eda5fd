//! The data directory of a server: its contents, its permissions, and its lock; and the cache directory of a user.
//!
//! ```text
//! DATA/  cupel.db (and -wal, -shm, .lock)   the database
//!        secret.key                         signs access tokens
//!        packages/                          problem packages, unpacked
//!        images/                            container images
//!        languages/                         language files of the operator
//!        cache/artifacts/                   compiled programs
//!        cache/prepared/                    prepared artefacts of toolchains, visible to programs
//! ```
//!
//! Invariants: the directory has mode 0700. The key is readable only by its owner from the moment it exists. At most
//! one server holds the database's lock. Commands beside a server need no lock, because SQLite allows several
//! processes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use cupel_store::ServeLock;
use tempfile::TempPath;

/// Length of the key that signs access tokens, in bytes.
const SECRET_BYTES: usize = 32;

/// An opened data directory.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
}

/// Reason why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    #[error("cannot {action} {path}", path = path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("another server uses {path}: stop it, or name another directory with --data", path = path.display())]
    Taken { path: PathBuf },
    #[error("{path} is not a valid session key (it has {bytes} bytes); remove it, and the server creates a new key, which ends all sessions", path = path.display())]
    Secret { path: PathBuf, bytes: usize },
}

/// Path of the prepared artefacts in a data directory.
pub(crate) const PREPARED: [&str; 2] = ["cache", "prepared"];

/// The database's name in a data directory.
pub(crate) const DATABASE: &str = "cupel.db";

/// Whether there is a directory at this path, or something that this process may not examine. The caller then reads the
/// directory and reports the failure. For a directory that is used only if it exists.
pub(crate) fn may_be_directory(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(meta) => meta.is_dir(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Returns the path of the current user's cache directory, which may not exist yet. `None` if the environment names no
/// absolute path.
pub(crate) fn user_cache() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("cupel"))
}

impl DataDir {
    /// Opens the directory. Creates it if it does not exist.
    pub(crate) fn open(path: &Path) -> Result<DataDir, DataDirError> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(at("create", parent))?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            made => made.map_err(at("create", path))?,
        }
        let path = fs::canonicalize(path).map_err(at("find", path))?;
        Ok(DataDir { path })
    }

    /// Whether a server or a worker has ever started in this directory. A worker has no database there.
    ///
    /// # Errors
    /// If this process may not look into the directory.
    pub(crate) fn has_server(path: &Path) -> Result<bool, DataDirError> {
        let database = path.join(DATABASE);
        Ok(DataDir::has_database(path)? || ServeLock::path(&database).try_exists().map_err(at("look into", path))?)
    }

    /// Whether the directory exists.
    ///
    /// # Errors
    /// If this process may not find out.
    pub(crate) fn exists(path: &Path) -> Result<bool, DataDirError> {
        path.try_exists().map_err(at("find", path))
    }

    /// Whether a server with an embedded database has ever started in this directory.
    ///
    /// # Errors
    /// If this process may not look into the directory.
    pub(crate) fn has_database(path: &Path) -> Result<bool, DataDirError> {
        path.join(DATABASE).try_exists().map_err(at("look into", path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    pub(crate) fn artifacts(&self) -> PathBuf {
        self.path.join("cache").join("artifacts")
    }

    pub(crate) fn packages(&self) -> PathBuf {
        self.path.join("packages")
    }

    /// Registers this process as the directory's only server until the lock is dropped.
    pub(crate) fn lock(&self) -> Result<ServeLock, DataDirError> {
        let database = self.database();
        let lock = ServeLock::take(&database).map_err(at("lock", &database))?;
        lock.ok_or_else(|| DataDirError::Taken { path: self.path.clone() })
    }

    /// Returns the key that signs access tokens. The first call creates it. Concurrent processes agree on one key.
    pub(crate) fn secret(&self) -> Result<Vec<u8>, DataDirError> {
        let path = self.path.join("secret.key");
        loop {
            match File::open(&path) {
                Ok(file) => {
                    let mut secret = Vec::new();
                    file.take(1024).read_to_end(&mut secret).map_err(at("read", &path))?;
                    // The permissions are set because a copied file may have other permissions.
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(at("protect", &path))?;
                    return match secret.len() {
                        SECRET_BYTES => Ok(secret),
                        bytes => Err(DataDirError::Secret { path, bytes }),
                    };
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_secret(&path)?,
                Err(source) => return Err(at("open", &path)(source)),
            }
        }
    }

    /// Writes the key to a file with another name first, so that no process reads an incomplete key. Only the first
    /// file gets the key's name. Hard links are used only on file systems that cannot rename a file to a new name only.
    fn make_secret(&self, path: &Path) -> Result<(), DataDirError> {
        // The name is random, because process ids are not unique if containers share a directory.
        let unfinished = self.path.join(format!("secret.{:016x}", rand::random::<u64>()));
        let secret: [u8; SECRET_BYTES] = rand::random();
        let written = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&unfinished)
            .and_then(|mut file| file.write_all(&secret).and_then(|()| file.sync_all()));
        // The file is also removed after a failure, because a partial key is useless.
        let named = TempPath::try_from_path(&unfinished).and_then(|unfinished| {
            written?;
            Ok(unfinished.persist_noclobber(path)?)
        });
        match named {
            Ok(()) => {
                tracing::info!(
                    path = %path.display(),
                    "made the key that signs access tokens, because there was none; tokens that another key signed are refused"
                );
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(at("write", path)(error)),
        }
    }
}

fn at<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> DataDirError + 'a {
    move |source| DataDirError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_created_once_and_readable_only_by_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(&dir.path().join("data")).unwrap();
        let secret = data.secret().unwrap();
        assert_eq!((secret.len(), data.secret().unwrap()), (SECRET_BYTES, secret));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data.path.join("secret.key")), mode(&data.path)), (0o600, 0o700));
        let left: Vec<_> = fs::read_dir(&data.path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["secret.key"]);
    }

    #[test]
    fn concurrent_creators_of_the_secret_agree_on_one() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let data = data.clone();
                std::thread::spawn(move || data.secret().unwrap())
            })
            .collect();
        let secrets: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    }

    #[test]
    fn a_damaged_secret_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("secret.key"), b"short").unwrap();
        assert!(matches!(DataDir::open(dir.path()).unwrap().secret(), Err(DataDirError::Secret { bytes: 5, .. })));
    }

    #[test]
    fn a_second_server_is_refused_until_the_first_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        let first = data.lock().unwrap();
        assert!(matches!(data.lock(), Err(DataDirError::Taken { .. })));
        drop(first);
        data.lock().unwrap();
    }
}
