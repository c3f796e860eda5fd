//! Forbids the program to create pseudo-terminals, with Landlock.
//!
//! All containers and processes of the machine share the kernel's maximum number of pseudo-terminals
//! (`kernel.pty.max`). Docker Engine sets no lower maximum for a container. Landlock only takes away the files of
//! `/dev/pts`, except the program's own terminal.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, PathFdError, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError,
};
use rustix::io::Errno;

/// Restricts the calling process and everything that it starts. Does nothing if the kernel has no Landlock, or one that
/// cannot permit the renaming of files to other directories (before Linux 5.19). Needs descriptors, so the program's
/// limits must not apply yet.
///
/// # Errors
///
/// If the kernel has Landlock and refuses the rules, or if a resource is exhausted.
pub(crate) fn forbid_new() -> io::Result<()> {
    let ruleset = match create() {
        Ok(ruleset) => ruleset,
        // The kernel does not know these rights.
        Err(RulesetError::HandleAccesses(_)) => return Ok(()),
        Err(error) => return Err(io::Error::other(error)),
    };
    let mut ruleset = allow(ruleset, Path::new("/"), AccessFs::Refer.into())?;
    // Symbolic links get no rule, because an image may have a link to `/dev/pts`. Programs can still use links: the
    // kernel checks the rights to the target.
    let is_forbidden = |path: &Path| path == Path::new("/dev") || path == Path::new("/dev/pts") || path.is_symlink();
    for path in [entries("/")?, entries("/dev")?].concat().iter().filter(|path| !is_forbidden(path)) {
        ruleset = allow(ruleset, path, opening())?;
    }
    if let Ok(terminal) = rustix::termios::ttyname(rustix::stdio::stdin(), Vec::new()) {
        ruleset = allow(ruleset, Path::new(&*terminal.to_string_lossy()), opening())?;
    }
    ruleset.restrict_self().map(drop).map_err(io::Error::other)
}

/// The rights to open a file for reading and for writing.
fn opening() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::WriteFile
}

fn create() -> Result<RulesetCreated, RulesetError> {
    let rights = opening() | AccessFs::Refer;
    Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(rights)?.create()
}

fn allow(ruleset: RulesetCreated, path: &Path, rights: BitFlags<AccessFs>) -> io::Result<RulesetCreated> {
    match PathFd::new(path) {
        Ok(opened) => ruleset.add_rule(PathBeneath::new(opened, rights)).map_err(io::Error::other),
        Err(PathFdError::OpenCall { source, .. }) if is_exhaustion(&source) => Err(source),
        // A path that cannot be opened here cannot be opened by the program either.
        Err(_) => Ok(ruleset),
    }
}

/// The paths of a directory's entries; none if the directory is missing or may not be read.
fn entries(directory: &str) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if is_exhaustion(&error) => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

/// Whether the process or the machine lacks a descriptor or memory.
fn is_exhaustion(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}
