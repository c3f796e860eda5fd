//! The process that becomes the program. It applies the settings that a process can set only for itself, and then
//! executes the program.
//!
//! The agent starts this process with the program's environment and standard streams. Its arguments are the
//! settings, the path of the program, the program's name (`argv[0]`) and its other arguments.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::terminals;

/// The argument that selects this mode of the agent.
pub(crate) const WORD: &str = "program";

/// Settings that a process applies to itself. They are passed as one argument: numbers in a fixed order, joined by
/// commas.
pub(crate) struct Settings {
    /// Seconds of CPU time after which the kernel kills a process that the agent has not killed earlier.
    pub(crate) cpu_seconds: u64,
    pub(crate) address_space: Option<u64>,
    pub(crate) open_files: u64,
    pub(crate) file_size: u64,
    pub(crate) stack: u64,
    pub(crate) terminal: bool,
}

impl Settings {
    pub(crate) fn to_argument(&self) -> String {
        let address_space = self.address_space.unwrap_or(u64::MAX);
        let Settings { cpu_seconds, open_files, file_size, stack, terminal, .. } = self;
        format!("{cpu_seconds},{address_space},{open_files},{file_size},{stack},{}", u64::from(*terminal))
    }

    fn from_argument(text: &str) -> Option<Settings> {
        let numbers: Option<Vec<u64>> = text.split(',').map(|word| word.parse().ok()).collect();
        let [cpu_seconds, address_space, open_files, file_size, stack, terminal] = numbers?.try_into().ok()?;
        let address_space = (address_space != u64::MAX).then_some(address_space);
        Some(Settings { cpu_seconds, address_space, open_files, file_size, stack, terminal: terminal != 0 })
    }
}

/// Exit codes if the program, or the interpreter that its first line names, does not exist, and if the program cannot
/// be executed for another reason. A shell uses the same codes.
const MISSING: u8 = 127;
const CANNOT_EXECUTE: u8 = 126;

/// Becomes the program. Returns only if that fails.
pub(crate) fn become_program(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let settings = arguments.next().and_then(|text| Settings::from_argument(text.to_str()?));
    let (Some(settings), Some(path), Some(name)) = (settings, arguments.next(), arguments.next()) else {
        return ExitCode::from(CANNOT_EXECUTE);
    };
    // If memory is exhausted, the kernel kills the program before the agent.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // The program gets a separate session, so that its signals and terminal do not affect the agent.
    let _ = rustix::process::setsid();
    if settings.terminal {
        let _ = rustix::process::ioctl_tiocsctty(rustix::stdio::stdin());
    }
    // This needs descriptors and memory, so the limits come later, and that on memory comes last.
    if terminals::forbid_new().is_err() {
        return ExitCode::from(CANNOT_EXECUTE);
    }
    let mut program = Command::new(path);
    program.arg0(name).args(arguments);
    let limits = [
        (Resource::Cpu, Some(settings.cpu_seconds)),
        (Resource::Nofile, Some(settings.open_files)),
        (Resource::Fsize, Some(settings.file_size)),
        (Resource::Stack, Some(settings.stack)),
        (Resource::As, settings.address_space),
    ];
    for (resource, limit) in limits {
        // If a limit exceeds the container's hard limit, the hard limit applies.
        let most = rustix::process::getrlimit(resource).maximum;
        let limit = limit.map(|limit| most.map_or(limit, |most| limit.min(most)));
        if limit.is_some() && setrlimit(resource, Rlimit { current: limit, maximum: limit }).is_err() {
            return ExitCode::from(CANNOT_EXECUTE);
        }
    }
    // Returns only if the program cannot be executed.
    let error = program.exec();
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { MISSING } else { CANNOT_EXECUTE })
}
