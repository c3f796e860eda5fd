//! Validation of commands and configurations before anything is created. A refusal names a field and the rule that this
//! field breaks.
//!
//! A command is accepted even if its box is too small for its files, or if it will soon reach a limit: these are
//! outcomes of the run. Limits have no upper bound here. A limit above the machine's resources has no effect.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use cupel_types::{COMMAND_BYTES_MAX, Limits, command_bytes};

use crate::command::{CellKind, Command, Stdin};
use crate::config::{Mount, SandboxConfig};
use crate::launcher::{Features, lanes_max};
use crate::mechanism::mounts::{OWN_PLACES, SYSTEM};

/// An invalid command, or an invalid sandbox configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct Refusal {
    /// Path of the field in [`Command`] or [`SandboxConfig`]: `limits.memory`, `mounts`.
    pub field: &'static str,
    /// The rule that the field breaks.
    pub rule: Cow<'static, str>,
}

fn refuse<T>(field: &'static str, rule: impl Into<Cow<'static, str>>) -> Result<T, Refusal> {
    Err(Refusal { field, rule: rule.into() })
}

/// Maximum number of file groups. Each group is passed as one descriptor, and one message passes all descriptors.
const FILE_GROUPS_MAX: usize = 16;
/// Maximum number of input files and, separately, of collected files.
const FILES_MAX: usize = 100_000;
pub(crate) const SLOTS_MAX: usize = 1000;
/// Maximum number of configured mounts. Each lane mounts all of them.
const MOUNTS_MAX: usize = 256;
/// Maximum size of all mount paths together. All paths are sent in one message.
const MOUNTS_BYTES_MAX: usize = 64 * 1024;

/// Checks that a cell for this command can be created on this machine.
pub(crate) fn of_command(command: &Command, features: &Features) -> Result<(), Refusal> {
    of_texts(&command.argv, &command.env)?;
    of_limits(&command.limits, features)?;
    of_files(command)?;
    if command.kind == CellKind::Compile && matches!(command.stdin, Stdin::Live { .. }) {
        return refuse("stdin", "a compiler has no live input");
    }
    if command.collect.is_some_and(|collect| collect.files as usize > FILES_MAX) {
        return refuse("collect.files", "must be at most 100,000 files");
    }
    Ok(())
}

/// Checks that a program can be started with these arguments and this environment.
pub(crate) fn of_texts(argv: &[String], env: &[(String, String)]) -> Result<(), Refusal> {
    if argv.first().is_none_or(String::is_empty) {
        return refuse("argv", "the first argument must name the program");
    }
    if argv.iter().any(|argument| argument.contains('\0')) {
        return refuse("argv", "an argument must not contain NUL");
    }
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return refuse("env", "a variable's name must not be empty and must contain neither `=` nor NUL");
        }
        if value.contains('\0') {
            return refuse("env", "a variable's value must not contain NUL");
        }
    }
    if command_bytes(argv, env) > COMMAND_BYTES_MAX {
        let field = if command_bytes(argv, &[]) >= command_bytes(&[], env) { "argv" } else { "env" };
        return refuse(
            field,
            "arguments and environment must be at most 96 KiB together, counting 8 extra bytes for each string",
        );
    }
    Ok(())
}

/// Checks that these limits can be enforced on this machine.
pub(crate) fn of_limits(limits: &Limits, features: &Features) -> Result<(), Refusal> {
    if let Some((field, rule)) = limits.first_too_low() {
        return refuse(field, rule);
    }
    match &features.uncounted {
        Some(reason) if limits.instructions.is_some() => {
            refuse("limits.instructions", format!("this machine cannot count instructions, so omit it: {reason}"))
        }
        _ => Ok(()),
    }
}

fn of_files(command: &Command) -> Result<(), Refusal> {
    if command.files.len() > FILE_GROUPS_MAX {
        return refuse("files", "must be at most 16 groups of files");
    }
    let count: usize = command.files.iter().map(cupel_types::BoxFiles::len).sum();
    if count > FILES_MAX {
        return refuse("files", "must be at most 100,000 files");
    }
    let is_in_the_way = |file: &cupel_types::BoxFile| {
        let beneath = command.outbox.as_ref().and_then(|outbox| outbox.as_str().strip_prefix(file.path.as_str()));
        beneath.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if command.files.iter().flat_map(|group| group.iter()).any(is_in_the_way) {
        return refuse("outbox", "must be a directory; one of `files` has this path or a parent of it");
    }
    if count < 2 {
        return Ok(());
    }
    let paths = || command.files.iter().flat_map(|group| group.iter()).map(|file| file.path.as_str());
    let mut times: HashMap<&str, u32> = HashMap::with_capacity(count);
    for path in paths() {
        let n = times.entry(path).or_default();
        *n += 1;
        if *n > 1 {
            return refuse("files", format!("`{path}` must appear only once"));
        }
    }
    for path in paths() {
        for (end, _) in path.match_indices('/') {
            if times.contains_key(&path[..end]) {
                return refuse("files", format!("`{}` is a file and also the directory of another file", &path[..end]));
            }
        }
    }
    Ok(())
}

/// Checks that a sandbox with this configuration is possible.
pub(crate) fn of_config(config: &SandboxConfig) -> Result<(), Refusal> {
    if config.slots == 0 || config.slots > SLOTS_MAX {
        return refuse("slots", "must be from 1 to 1,000");
    }
    if config.background_slots > SLOTS_MAX {
        return refuse("background_slots", "must be at most 1,000");
    }
    if config.lane_runs_max == 0 {
        return refuse("lane_runs_max", "must be at least 1");
    }
    // A lane uses two ids.
    let ids = lanes_max(config).saturating_mul(2);
    if config.uid_base == 0 || config.uid_base.checked_add(ids).is_none_or(|end| end == u32::MAX) {
        return refuse("uid_base", "must not be 0 (root), and must leave room above it for two ids per lane");
    }
    if config.mounts.len() > MOUNTS_MAX {
        return refuse("mounts", "must be at most 256");
    }
    for Mount { source, target } in &config.mounts {
        for path in [source, target] {
            of_mounted(path)?;
        }
        if target == Path::new("/") {
            return refuse("mounts", "`/` cannot be a target: each lane has its own root");
        }
        of_target(source, target)?;
    }
    let bytes: usize = config.mounts.iter().map(|m| m.source.as_os_str().len() + m.target.as_os_str().len()).sum();
    if bytes > MOUNTS_BYTES_MAX {
        return refuse("mounts", "all paths together must be at most 64 KiB");
    }
    for template in &config.warm {
        of_texts(&template.argv, &template.env)?;
    }
    Ok(())
}

/// Checks that a mount target is not inside a cell's private directories or the system's directories: these would hide
/// the mount.
fn of_target(source: &Path, target: &Path) -> Result<(), Refusal> {
    let (shown, beneath) = (target.display(), |place: &&&str| target.starts_with(place));
    if let Some(place) = OWN_PLACES.iter().find(beneath) {
        let instead = "choose another target, such as one below `/opt/cupel`";
        return refuse(
            "mounts",
            format!("target `{shown}` must not be at or below `{place}`, which is private to each cell: {instead}"),
        );
    }
    if source != target
        && let Some(place) = SYSTEM.iter().find(beneath)
    {
        let instead = "choose another target, such as one below `/opt/cupel`";
        return refuse(
            "mounts",
            format!("target `{shown}` must not be at or below `{place}`, which belongs to the system: {instead}"),
        );
    }
    Ok(())
}

fn of_mounted(path: &Path) -> Result<(), Refusal> {
    let Some(text) = path.to_str() else {
        return refuse("mounts", format!("`{}` must be UTF-8", path.display()));
    };
    if !path.is_absolute() || text.contains('\0') || path.components().any(|c| c.as_os_str() == "..") {
        return refuse("mounts", format!("`{}` must be absolute, without `..` and NUL", text.escape_debug()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::PathBuf;

    use super::*;

    fn refused(change: impl FnOnce(&mut SandboxConfig), field: &str) {
        let mut config = SandboxConfig::default();
        change(&mut config);
        let refusal = of_config(&config).unwrap_err();
        assert_eq!(refusal.field, field, "{refusal}");
    }

    fn mount(path: impl AsRef<OsStr>) -> Mount {
        PathBuf::from(path.as_ref()).into()
    }

    #[test]
    fn an_invalid_configuration_is_refused_with_its_field() {
        assert_eq!(of_config(&SandboxConfig::default()), Ok(()));
        refused(|c| c.slots = 0, "slots");
        refused(|c| c.slots = usize::MAX, "slots");
        refused(|c| c.background_slots = usize::MAX, "background_slots");
        refused(|c| c.lane_runs_max = 0, "lane_runs_max");
        refused(|c| c.uid_base = 0, "uid_base");
        refused(|c| c.uid_base = u32::MAX - 1, "uid_base");
        refused(|c| c.mounts = (0..10_000).map(|n| mount(format!("/opt/{n}"))).collect(), "mounts");
        refused(|c| c.mounts = (0..200).map(|n| mount(format!("/{n}/{}", "x".repeat(300)))).collect(), "mounts");
        refused(|c| c.mounts = vec![mount("relative")], "mounts");
        refused(|c| c.mounts = vec![mount("/opt/../etc")], "mounts");
        refused(|c| c.mounts = vec![mount("/")], "mounts");
        refused(|c| c.mounts = vec![mount(OsStr::from_bytes(b"/opt/\xff"))], "mounts");
    }

    #[test]
    fn a_mount_that_a_cell_would_hide_is_refused_with_the_reason() {
        let message = |source: &str, target: &str| {
            let mounts = vec![Mount { source: source.into(), target: target.into() }];
            of_config(&SandboxConfig { mounts, ..SandboxConfig::default() }).err().map(|refusal| refusal.to_string())
        };
        for place in ["/tmp", "/box", "/proc", "/dev", "/cell"] {
            for target in [place.to_owned(), format!("{place}/a/b")] {
                let text = message(&target, &target).unwrap_or_default();
                assert!(text.contains(&format!("at or below `{place}`")) && text.contains("private"), "{text}");
            }
        }
        for target in ["/usr/share/x", "/lib/x", "/etc/alternatives"] {
            assert!(message("/srv/x", target).is_some_and(|text| text.contains("the system")), "{target}");
            assert_eq!(message(target, target), None, "{target} is already visible in cells");
        }
        for (source, target) in
            [("/tmp/a b", "/opt/a b"), ("/tmp/x", "/home/x"), ("/srv/x", "/srv/x"), ("/boxes", "/boxes")]
        {
            assert_eq!(message(source, target), None, "{source} as {target}");
        }
    }

    #[test]
    fn invalid_arguments_and_environment_are_refused_with_their_field() {
        let field = |argv: &[&str], env: &[(&str, &str)]| {
            let argv: Vec<String> = argv.iter().map(|&a| a.to_owned()).collect();
            let env: Vec<(String, String)> = env.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
            of_texts(&argv, &env).err().map(|refusal| refusal.field)
        };
        assert_eq!(field(&["a", ""], &[("A", ""), ("B", "=")]), None);
        assert_eq!(field(&[], &[]), Some("argv"));
        assert_eq!(field(&[""], &[]), Some("argv"));
        assert_eq!(field(&["a", "\0"], &[]), Some("argv"));
        assert_eq!(field(&["a"], &[("", "b")]), Some("env"));
        assert_eq!(field(&["a"], &[("A=B", "c")]), Some("env"));
        assert_eq!(field(&["a"], &[("A", "\0")]), Some("env"));
        let long = "x".repeat(97 * 1024);
        assert_eq!(field(&["a", &long], &[]), Some("argv"));
        assert_eq!(field(&["a"], &[("A", &long)]), Some("env"));
        assert_eq!(field(&vec!["a"; 20_000], &[]), Some("argv"));
    }
}
