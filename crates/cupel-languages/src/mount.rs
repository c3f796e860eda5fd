//! Determines which paths of the machine a language file may make visible to programs.

use cupel_types::BoxPath;

/// Checks that a mount is a plain absolute path, is not a place that the sandbox creates itself, and is not a place
/// where hosts keep private data.
pub(crate) fn check_mount(mount: &str) -> Result<(), String> {
    const NEVER: [&str; 9] = ["proc", "sys", "dev", "box", "tmp", "root", "home", "run", "boot"];
    let expected = "expected an absolute path without `.`, `..` or a trailing `/`";
    let inner = mount.strip_prefix('/').ok_or(expected)?;
    if BoxPath::new(inner).is_err() {
        return Err(expected.to_owned());
    }
    let first = inner.split('/').next().unwrap_or_default();
    if NEVER.contains(&first) || matches!(inner, "etc" | "var" | "var/lib") {
        return Err(format!("`{mount}` is never visible to programs; name the toolchain's own directory instead"));
    }
    Ok(())
}
