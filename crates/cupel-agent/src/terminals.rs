//! Forbids the program to create pseudo-terminals, with Landlock.
//!
//! All containers and processes of the machine share the kernel's maximum number of pseudo-terminals
//! (`kernel.pty.max`). Docker Engine sets no lower maximum for a container. Landlock only takes away the files of
//! `/dev/pts`, except the program's own terminal.

use std::path::{Path, PathBuf};

use landlock::{
    AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError,
};

/// Restricts the calling process and everything that it starts. Does nothing if the kernel has no Landlock, or one that
/// cannot permit the renaming of files to other directories (before Linux 5.19).
///
/// # Errors
///
/// If the kernel has Landlock and refuses a rule.
pub(crate) fn forbid_new() -> Result<(), RulesetError> {
    let Ok(ruleset) = create() else { return Ok(()) };
    let mut ruleset = allow(ruleset, Path::new("/"), AccessFs::Refer.into())?;
    // Symbolic links get no rule, because an image may have a link to `/dev/pts`. Programs can still use links: the
    // kernel checks the rights to the target.
    let is_forbidden = |path: &Path| path == Path::new("/dev") || path == Path::new("/dev/pts") || path.is_symlink();
    for path in entries("/").chain(entries("/dev")).filter(|path| !is_forbidden(path)) {
        ruleset = allow(ruleset, &path, opening())?;
    }
    if let Ok(terminal) = rustix::termios::ttyname(rustix::stdio::stdin(), Vec::new()) {
        ruleset = allow(ruleset, Path::new(&*terminal.to_string_lossy()), opening())?;
    }
    ruleset.restrict_self().map(drop)
}

/// The rights to open a file for reading and for writing.
fn opening() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::WriteFile
}

fn create() -> Result<RulesetCreated, RulesetError> {
    let rights = opening() | AccessFs::Refer;
    Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(rights)?.create()
}

fn allow(ruleset: RulesetCreated, path: &Path, rights: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    // A path that cannot be opened here cannot be opened by the program either.
    match PathFd::new(path) {
        Ok(opened) => ruleset.add_rule(PathBeneath::new(opened, rights)),
        Err(_) => Ok(ruleset),
    }
}

/// The paths of a directory's entries.
fn entries(directory: &str) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}
