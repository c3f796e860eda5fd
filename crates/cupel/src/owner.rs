//! Who Cupel runs as: the owner of its data directory.
//!
//! Started as root, a command that works on a data directory becomes its owner before it opens anything there, so a
//! database never gets files that its server cannot write. A directory that is root's own is first handed over to the
//! service user: `cupel` where there is one, else an id that nobody else has. Started by anybody else, Cupel is that
//! user.
//!
//! Invariants: only a directory with nothing in it but what Cupel makes changes its owner; no link is followed; the
//! directory itself goes last, so that a half-finished change is done again by the next start.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use cupel_sandbox::privileges::{self, GiveUpError, Identity};

use crate::data_dir::{DATABASE, DataDir};

/// Things in a data directory that are looked at when it changes its owner: far more than its caches hold.
const THINGS_MAX: u32 = 1_000_000;

/// Beside the data directory: the database's temporary files, and what commands unpack. Their names are random, and none is
/// opened that is there already.
const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

/// Cupel cannot run as the owner of its data directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnerError {
    #[error(
        "{path} belongs to root and has other things in it, such as {name}: name a directory of Cupel's own with --data, or make it \
         the service user's (chown)", path = path.display()
    )]
    Foreign { path: PathBuf, name: String },
    #[error("{path} belongs to root, and others may write in it: chmod 700, or name another directory with --data", path = path.display())]
    Open { path: PathBuf },
    #[error("cannot hand {path} over to the service user", path = path.display())]
    HandOver {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the user with id {uid}, to whom {path} belongs, cannot pass {closed}, and no way could be made: name another directory with --data", path = path.display(), closed = closed.display())]
    Closed {
        path: PathBuf,
        closed: PathBuf,
        uid: u32,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    GiveUp(#[from] GiveUpError),
}

/// Becomes the owner of a data directory and gives up all privileges. While there is one thread; programs cannot be
/// started afterwards.
pub(crate) fn become_owner(data: &DataDir) -> Result<(), OwnerError> {
    become_owner_beside(data, None)
}

/// [`become_owner`], with one more directory in which things may be written: it has to be that owner's already.
pub(crate) fn become_owner_beside(data: &DataDir, shared: Option<&Path>) -> Result<(), OwnerError> {
    let path = data.path();
    let user = if privileges::is_root() { Some(settle_owner(path)?) } else { None };
    become_user(user, path, shared)
}

/// Hands a data directory of root's over to the service user, as [`become_owner`] would: for what has to be made there by
/// root, which may not be before it is known for a data directory.
pub(crate) fn settle(data: &DataDir) -> Result<(), OwnerError> {
    if privileges::is_root() {
        settle_owner(data.path())?;
    }
    Ok(())
}

/// [`become_owner`] for a directory inside a data directory, or for a user's own: its owner is who we become.
pub(crate) fn become_owner_of(path: &Path) -> Result<(), OwnerError> {
    let meta = fs::metadata(path).map_err(at(path))?;
    let user = Identity { uid: meta.uid(), gid: meta.gid() };
    become_user((privileges::is_root() && user.uid != 0).then_some(user), path, None)
}

fn become_user(user: Option<Identity>, path: &Path, shared: Option<&Path>) -> Result<(), OwnerError> {
    if let Some(user) = user
        && let Some(closed) = privileges::closed_parent(path, user).map_err(at(path))?
    {
        let unreachable =
            |source| OwnerError::Closed { path: path.into(), closed: closed.clone(), uid: user.uid, source };
        privileges::open_a_way(&closed, path).map_err(unreachable)?;
    }
    Ok(privileges::give_up(user, &writable(path).into_iter().chain(shared).collect::<Vec<_>>())?)
}

/// Gives up all privileges but stays who started it: for commands that work on that user's own files, beneath
/// `directory` if they write any. While there is one thread.
pub(crate) fn stay_oneself(directory: Option<&Path>) -> Result<(), GiveUpError> {
    privileges::give_up(None, &directory.map_or_else(|| TEMPORARY.map(Path::new).to_vec(), writable))
}

fn writable(directory: &Path) -> Vec<&Path> {
    [directory].into_iter().chain(TEMPORARY.map(Path::new)).collect()
}

fn at(path: &Path) -> impl Fn(io::Error) -> OwnerError {
    let path = path.to_owned();
    move |source| OwnerError::HandOver { path: path.clone(), source }
}

/// The owner; root hands its directory over first.
fn settle_owner(path: &Path) -> Result<Identity, OwnerError> {
    let at = at(path);
    let directory = File::open(path).map_err(&at)?;
    let meta = directory.metadata().map_err(&at)?;
    if meta.uid() != 0 {
        return Ok(Identity { uid: meta.uid(), gid: meta.gid() });
    }
    if meta.mode() & 0o022 != 0 {
        return Err(OwnerError::Open { path: path.to_owned() });
    }
    let mut ours = Vec::new();
    for entry in fs::read_dir(path).map_err(&at)? {
        let name = entry.map_err(&at)?.file_name();
        match kind_of(&name) {
            Kind::Ours => ours.push(name),
            Kind::Besides => {}
            // Where there is a database, this is a data directory, whatever else somebody has put there.
            Kind::Foreign if DataDir::has_database(path) => {}
            Kind::Foreign => {
                return Err(OwnerError::Foreign { path: path.to_owned(), name: name.to_string_lossy().into_owned() });
            }
        }
    }
    let user = Identity::of_service().map_err(&at)?;
    let mut budget = THINGS_MAX;
    for name in ours {
        privileges::hand_over_tree(&directory, &name, user, &mut budget).map_err(&at)?;
    }
    fchown(&directory, Some(user.uid), Some(user.gid)).map_err(&at)?;
    Ok(user)
}

enum Kind {
    /// Made by Cupel.
    Ours,
    /// Made by whoever starts Cupel there, and left as it is: the log and the key of `make run`; a new file system's own.
    Besides,
    Foreign,
}

fn kind_of(name: &OsStr) -> Kind {
    match name.to_str() {
        Some("cache" | "packages") => Kind::Ours,
        Some(name) if name.starts_with(DATABASE) || name.starts_with("secret.") => Kind::Ours,
        Some("serve.log" | "run.key" | "lost+found") => Kind::Besides,
        _ => Kind::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn owner(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().uid()
    }

    /// These change owners, so they need root, as the end-to-end suite does.
    fn root() -> bool {
        privileges::is_root()
    }

    #[test]
    fn what_cupel_made_is_handed_over_and_nothing_else() {
        if !root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path();
        fs::create_dir_all(data.join("cache/artifacts")).unwrap();
        fs::create_dir_all(data.join("packages/one")).unwrap();
        for name in
            ["cupel.db", "cupel.db-wal", "secret.key", "serve.log", "cache/artifacts/one", "packages/one/file", "notes"]
        {
            fs::write(data.join(name), name).unwrap();
        }
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("target"), b"").unwrap();
        symlink(outside.path().join("target"), data.join("cache/link")).unwrap();
        symlink(outside.path(), data.join("cache/way")).unwrap();

        let user = settle_owner(data).unwrap();
        assert_eq!(user, Identity::of_service().unwrap());
        for ours in ["", "cupel.db", "cupel.db-wal", "secret.key", "cache", "cache/artifacts", "cache/artifacts/one"] {
            assert_eq!(owner(&data.join(ours)), user.uid, "{ours}");
        }
        for ours in ["packages", "packages/one", "packages/one/file"] {
            assert_eq!(owner(&data.join(ours)), user.uid, "{ours}");
        }
        for others in [data.join("serve.log"), data.join("notes"), outside.path().join("target"), outside.path().into()]
        {
            assert_eq!(owner(&others), 0, "{}", others.display());
        }
        assert_eq!(settle_owner(data).unwrap(), user, "the owner is asked, not changed again");
    }

    #[test]
    fn a_directory_of_somebody_elses_things_is_refused() {
        if !root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("shadow"), b"").unwrap();
        assert!(matches!(settle_owner(dir.path()), Err(OwnerError::Foreign { name, .. }) if name == "shadow"));
        assert_eq!(owner(dir.path()), 0);
        let open = tempfile::tempdir().unwrap();
        fs::set_permissions(open.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(matches!(settle_owner(open.path()), Err(OwnerError::Open { .. })));
        assert_eq!(owner(open.path()), 0);
    }

    #[test]
    fn another_users_directory_stays_that_users() {
        if !root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(dir.path(), Some(4321), Some(4322)).unwrap();
        assert_eq!(settle_owner(dir.path()).unwrap(), Identity { uid: 4321, gid: 4322 });
    }
}
