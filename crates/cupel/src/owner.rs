//! The user that Cupel runs as: the owner of its data directory.
//!
//! If a command that works on a data directory is started as root, it switches to the directory's owner before it opens
//! any file there. So the server can write every file of its database. If the directory belongs to root, the command
//! first gives it to the service user: `cupel` if that user exists, otherwise an unused id. A command that an ordinary
//! user starts does not switch.
//!
//! Invariants: a directory changes its owner only if it is empty, contains only Cupel's files, or has Cupel's database.
//! Directories with common names, such as `images`, are Cupel's only beside a file that only Cupel creates. No symbolic
//! link is followed. The directory itself is changed last, so the next start repeats an incomplete change.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use cupel_sandbox::privileges::{self, GiveUpError, Identity};

use crate::config::DIRECTORY_IN_DATA;
use crate::data_dir::{DATABASE, DataDir};

/// Maximum number of files in a data directory whose owner is changed. A data directory contains far fewer files,
/// unless it has many container images.
const THINGS_MAX: u32 = 10_000_000;

/// Further directories that the process may write to: for the database's temporary files and for unpacked archives.
/// File names there are random, and an existing file is never opened.
fn temporary() -> [PathBuf; 3] {
    ["/tmp".into(), "/var/tmp".into(), std::env::temp_dir()]
}

/// Reason why Cupel cannot run as the owner of its data directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnerError {
    #[error(
        "{path} belongs to root and contains other files, such as {name}: name a separate directory with --data, or give this one to \
         the service user (chown)", path = path.display()
    )]
    Foreign { path: PathBuf, name: String },
    #[error("{path} belongs to root, and other users can write to it: run chmod 700, or name another directory with --data", path = path.display())]
    Open { path: PathBuf },
    #[error("cannot change the owner of {path} to the service user", path = path.display())]
    HandOver {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the owner of {path} (user id {uid}) has no access to {closed}, and Cupel could not grant it: name another directory with --data", path = path.display(), closed = closed.display())]
    Closed {
        path: PathBuf,
        closed: PathBuf,
        uid: u32,
        #[source]
        source: io::Error,
    },
    #[error("cannot find the service user")]
    NoService(#[source] io::Error),
    #[error(transparent)]
    GiveUp(#[from] GiveUpError),
}

/// Switches to the owner of a data directory and gives up all privileges. Must be called while there is one thread.
/// Programs cannot be started afterwards.
pub(crate) fn become_owner(data: &DataDir) -> Result<(), OwnerError> {
    become_owner_beside(data, &[], None)
}

/// Like [`become_owner`], with further writable directories, which must already belong to that owner.
pub(crate) fn become_owner_beside(data: &DataDir, beside: &[&Path], group: Option<u32>) -> Result<(), OwnerError> {
    let path = data.path();
    let user = if privileges::is_root() { Some(settle_owner(path)?) } else { None };
    become_user(user, path, beside, group)
}

/// Like [`become_owner`], for a command that does not use the data directory, because its store is a server. Neither
/// creates the directory nor changes its owner: if it does not exist or belongs to root, this process switches to the
/// service user.
pub(crate) fn become_owner_or_service(path: &Path) -> Result<(), OwnerError> {
    let user = match fs::metadata(path) {
        _ if !privileges::is_root() => None,
        Ok(meta) if meta.uid() != 0 => Some(Identity { uid: meta.uid(), gid: meta.gid() }),
        _ => Some(Identity::of_service().map_err(OwnerError::NoService)?),
    };
    Ok(give_up(user, None, &[])?)
}

/// Gives a data directory that belongs to root to the service user, as [`become_owner`] does. Call this before root
/// creates files there: the function first checks that the directory is a data directory.
pub(crate) fn settle(data: &DataDir) -> Result<(), OwnerError> {
    if privileges::is_root() {
        settle_owner(data.path())?;
    }
    Ok(())
}

/// Like [`become_owner`], for a directory inside a data directory, or for a user's own directory: this process switches
/// to the owner of that directory.
pub(crate) fn become_owner_of(path: &Path) -> Result<(), OwnerError> {
    let user = owner_of(path)?;
    become_user((privileges::is_root() && user.uid != 0).then_some(user), path, &[], None)
}

/// Gives up root's privileges for work on one part of a data directory, such as its images, or on a directory of its
/// own elsewhere. The process switches to the owner of the part. If that is root, it switches to the owner of the
/// directory `above`, who also gets the part. If root owns both, the process stays root, without capabilities. It keeps
/// `group`. A process of an ordinary user gives up nothing, so it can run credential helpers.
pub(crate) fn become_owner_of_part(above: &Path, part: &Path, group: Option<u32>) -> Result<(), OwnerError> {
    if !privileges::is_root() {
        return Ok(());
    }
    // The owner of the directory above may replace the part by a link, which then has the owner of that directory.
    let part_meta = fs::symlink_metadata(part).map_err(at(part))?;
    let (user, of_part) = (owner_of(above)?, Identity { uid: part_meta.uid(), gid: part_meta.gid() });
    if of_part.uid != 0 && of_part.uid != user.uid {
        return become_user(Some(of_part), part, &[], group);
    }
    if user.uid == 0 {
        return Ok(drop_privileges_keep_user(&[part])?);
    }
    give_part(above, part)?;
    become_user(Some(user), above, &[], group)
}

/// Gives a directory that root has just created to the owner of the data directory. Does nothing if an ordinary user
/// calls it.
pub(crate) fn give_part(data: &Path, part: &Path) -> Result<(), OwnerError> {
    let user = owner_of(data)?;
    if privileges::is_root() && user.uid != 0 && owner_of(part)?.uid == 0 {
        let above = part.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let directory = File::open(above).map_err(at(above))?;
        let mut budget = THINGS_MAX;
        privileges::hand_over_tree(&directory, part.file_name().unwrap_or_default(), user, &mut budget)
            .map_err(at(part))?;
    }
    Ok(())
}

fn owner_of(directory: &Path) -> Result<Identity, OwnerError> {
    let meta = fs::metadata(directory).map_err(at(directory))?;
    Ok(Identity { uid: meta.uid(), gid: meta.gid() })
}

fn become_user(user: Option<Identity>, path: &Path, beside: &[&Path], group: Option<u32>) -> Result<(), OwnerError> {
    if let Some(user) = user
        && let Some(closed) = privileges::closed_parent(path, user).map_err(at(path))?
    {
        let unreachable =
            |source| OwnerError::Closed { path: path.into(), closed: closed.clone(), uid: user.uid, source };
        privileges::open_a_way(&closed, path).map_err(unreachable)?;
    }
    Ok(give_up(user, group, &[&[path], beside].concat())?)
}

/// Gives up all privileges but keeps the user id. For commands that work on the user's own files. Afterwards, the
/// process can write only beneath `directories`. Must be called while there is one thread.
pub(crate) fn drop_privileges_keep_user(directories: &[&Path]) -> Result<(), GiveUpError> {
    give_up(None, None, directories)
}

/// Gives up all privileges. Afterwards, the process can write only beneath `directories` and [`temporary`].
fn give_up(user: Option<Identity>, group: Option<u32>, directories: &[&Path]) -> Result<(), GiveUpError> {
    let temporary = temporary();
    let writable: Vec<&Path> = directories.iter().copied().chain(temporary.iter().map(PathBuf::as_path)).collect();
    privileges::give_up(user, group, &writable)
}

fn at(path: &Path) -> impl Fn(io::Error) -> OwnerError {
    let path = path.to_owned();
    move |source| OwnerError::HandOver { path: path.clone(), source }
}

/// Returns the owner. If the directory belongs to root, gives it to the service user first.
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
    let entries = fs::read_dir(path).map_err(&at)?;
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>().map_err(&at)?;
    let is_data = names.iter().any(|name| matches!(kind_of(name), Kind::Ours));
    let mut ours = Vec::new();
    for name in names {
        match kind_of(&name) {
            Kind::Ours => ours.push(name),
            Kind::Common if is_data => ours.push(name),
            // The operator may have put language files there before the first start.
            Kind::Common if name == DIRECTORY_IN_DATA && has_only_language_files(&path.join(&name)) => ours.push(name),
            Kind::Besides => {}
            // A directory with a database is a data directory, even if it has other files.
            Kind::Foreign if DataDir::has_database(path).unwrap_or(false) => {}
            Kind::Common | Kind::Foreign => {
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
    /// Created by Cupel: no other program uses this name.
    Ours,
    /// A name that Cupel uses, and that other programs may use, too.
    Common,
    /// Created by the user who starts Cupel there (the log and the key of `make run`), or part of a new file system.
    /// The owner of such a file is not changed.
    Besides,
    Foreign,
}

fn kind_of(name: &OsStr) -> Kind {
    match name.to_str() {
        Some("cache" | "packages" | "images" | DIRECTORY_IN_DATA) => Kind::Common,
        Some(name) if name.starts_with(DATABASE) || is_secret(name) => Kind::Ours,
        Some("serve.log" | "run.key" | "lost+found") => Kind::Besides,
        _ => Kind::Foreign,
    }
}

/// Whether this is the name of the key that signs access tokens, or of its unfinished file.
fn is_secret(name: &str) -> bool {
    let is_random = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.strip_prefix("secret.").is_some_and(|rest| rest == "key" || is_random(rest))
}

fn has_only_language_files(directory: &Path) -> bool {
    let is_language_file = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        let name = entry.file_name();
        let is_toml = Path::new(&name).extension().is_some_and(|extension| extension == "toml");
        // An interrupted `cupel languages add` may have left a part.
        let is_part = name.as_encoded_bytes().starts_with(b".cupel-language-");
        Ok::<_, io::Error>((is_toml || is_part) && entry.file_type()?.is_file())
    };
    let is_directory = fs::symlink_metadata(directory).is_ok_and(|meta| meta.is_dir());
    is_directory
        && fs::read_dir(directory).is_ok_and(|mut all| all.all(|entry| is_language_file(entry).unwrap_or(false)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn owner(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().uid()
    }

    /// Whether the tests run as root, which they need to change owners, like the end-to-end tests.
    fn root() -> bool {
        privileges::is_root()
    }

    #[test]
    fn only_cupels_own_files_are_handed_over() {
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
        assert_eq!(settle_owner(data).unwrap(), user, "an existing owner is kept");
    }

    #[test]
    fn a_directory_with_foreign_files_is_refused() {
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

    /// Regression: root worked beside a website with `data/images`, and the images got another owner.
    #[test]
    fn common_names_alone_do_not_make_a_data_directory() {
        if !root() {
            return;
        }
        for name in ["cache", "images", "languages", "packages", "secret.json"] {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("logo.png"), b"").unwrap();
            let refused = settle_owner(dir.path());
            assert!(matches!(refused, Err(OwnerError::Foreign { name: found, .. }) if found == name), "{name}");
            for unchanged in [dir.path().to_owned(), dir.path().join(name), dir.path().join(name).join("logo.png")] {
                assert_eq!(owner(&unchanged), 0, "{}", unchanged.display());
            }
        }
    }

    #[test]
    fn language_files_may_be_there_before_the_first_start() {
        if !root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let languages = dir.path().join("languages");
        fs::create_dir(&languages).unwrap();
        fs::write(languages.join("own.toml"), b"").unwrap();
        let user = settle_owner(dir.path()).unwrap();
        for ours in [dir.path(), &languages, &languages.join("own.toml")] {
            assert_eq!(owner(ours), user.uid, "{}", ours.display());
        }
    }

    #[test]
    fn a_directory_of_another_user_keeps_its_owner() {
        if !root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(dir.path(), Some(4321), Some(4322)).unwrap();
        assert_eq!(settle_owner(dir.path()).unwrap(), Identity { uid: 4321, gid: 4322 });
    }
}
