//! Converts the agent's report into the report of a cell.

use std::io;
use std::time::Duration;

use cupel_agent::{self as agent, Done, Exit, Hit};
use cupel_sandbox::{CellReport, Command};
use cupel_types::{
    Accuracy, BoxFile, BoxFiles, BoxPath, Bytes, ExitStatus, FetchedFile, FoundFile, FoundFiles, Limits, Outcome,
    Signal, Usage,
};
use tokio::time::Instant;

use super::engine::ContainerError;

/// Error numbers that depend on the command or its limits. Source: errno(3).
const ENOENT: i32 = 2;
const E2BIG: i32 = 7;
const ENOSPC: i32 = 28;

/// The outcome of a step whose files do not fit into its box; `None` if they fit.
pub(super) fn exceeds_the_disk(command: &Command) -> Option<Outcome> {
    let files = || command.files.iter().flat_map(|group| group.iter());
    let bytes: u64 = files().map(|file| file.data.len() as u64).sum();
    // A limit that the files of a step can exceed before the program starts must be compared here.
    let Limits {
        disk,
        inodes,
        // With the disk limit, `Limits::disk_bytes`.
        memory: _,
        // The limits of a program that runs. `file_size` is for the files that it writes.
        cpu_time: _,
        wall_time: _,
        idle_time: _,
        instructions: _,
        address_space: _,
        processes: _,
        open_files: _,
        file_size: _,
        output: _,
        stack: _,
    } = command.limits;
    match bytes {
        bytes if bytes > disk.get() || files().count() as u64 > inodes => Some(Outcome::DiskLimit),
        bytes if bytes > command.limits.disk_bytes().get() => Some(Outcome::MemoryLimit),
        _ => None,
    }
}

/// The report of a program that was not started.
pub(super) fn not_run(outcome: Outcome) -> CellReport {
    let usage = Usage { memory: Limits::MEMORY_MIN, ..Usage::default() };
    CellReport::bare(outcome, Duration::ZERO, usage)
}

/// The report of a program that could not start, if the cause is the command or its limits, as in the native sandbox.
pub(super) fn not_started(command: &Command, errno: i32, what: String) -> Result<CellReport, ContainerError> {
    let program = command.argv.first().map_or("", String::as_str);
    let is_relative = program.contains('/') && !program.starts_with('/');
    match &*what {
        agent::FINDS if is_relative => Ok(not_run(Outcome::Exited(if errno == ENOENT { 127 } else { 126 }))),
        agent::STARTS if errno == E2BIG => Ok(not_run(Outcome::Exited(126))),
        // For instance, the machine has no free process or pseudo-terminal.
        agent::STARTS => {
            let reason = io::Error::from_raw_os_error(errno);
            Err(ContainerError::Lost(format!("its agent could not {what}: {reason}")))
        }
        // The other steps need space in the box.
        other if other != agent::FINDS && errno == ENOSPC => Ok(not_run(Outcome::DiskLimit)),
        _ => Err(ContainerError::NotStarted { what, source: io::Error::from_raw_os_error(errno) }),
    }
}

pub(super) fn exit_status(exit: Exit) -> ExitStatus {
    match exit {
        Exit::Code(code) => ExitStatus::Exited(code),
        Exit::Signal(signal) => ExitStatus::Signalled(Signal(signal)),
    }
}

/// The files of a step as they arrive.
#[derive(Default)]
pub(super) struct ReceivedFiles {
    files: Vec<ReceivedFile>,
    bytes: u64,
}

struct ReceivedFile {
    path: String,
    kind: ReceivedKind,
    data: Vec<u8>,
}

enum ReceivedKind {
    Collected { executable: bool, truncated: bool },
    Found { size: u64, has_content: bool },
}

impl ReceivedFiles {
    pub(super) fn add(&mut self, path: String, executable: bool, truncated: bool) {
        let kind = ReceivedKind::Collected { executable, truncated };
        self.files.push(ReceivedFile { path, kind, data: Vec::new() });
    }

    /// Adds a file that was found by pattern. Returns `false` if there are more than a correct agent sends.
    pub(super) fn add_found(&mut self, path: String, size: u64, has_content: bool, command: &Command) -> bool {
        let kind = ReceivedKind::Found { size, has_content };
        self.files.push(ReceivedFile { path, kind, data: Vec::new() });
        let count = self.files.iter().filter(|file| matches!(file.kind, ReceivedKind::Found { .. })).count();
        command.find.as_ref().is_some_and(|find| count <= usize::try_from(find.files_max).unwrap_or(usize::MAX))
    }

    /// Appends content to the last file. Returns `false` if the content is larger than a correct agent sends.
    pub(super) fn append(&mut self, data: &[u8], command: &Command) -> bool {
        self.bytes += data.len() as u64;
        let collected = command.collect.as_ref().map_or(0, |limits| limits.bytes.get());
        let most = command.find.as_ref().map_or(0, |find| find.bytes_max.get()).saturating_add(collected);
        match self.files.last_mut() {
            Some(file) if self.bytes <= most => {
                file.data.extend_from_slice(data);
                true
            }
            _ => false,
        }
    }

    /// The files, as collected files, as individually requested files, and as files that were found by pattern.
    fn split(self, command: &Command) -> (BoxFiles, Vec<FetchedFile>, Vec<FoundFile>) {
        let (mut files, mut fetched, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for ReceivedFile { path, kind, data } in self.files {
            // Paths that clients cannot request are left out.
            let Ok(path) = BoxPath::new(&path) else { continue };
            match kind {
                ReceivedKind::Collected { executable, truncated: _ } if command.fetch.is_empty() => {
                    files.push(BoxFile { path, data: data.into(), executable });
                }
                ReceivedKind::Collected { executable: _, truncated } => {
                    let content = cupel_types::Output { data: data.into(), truncated };
                    fetched.push(FetchedFile { path, content });
                }
                ReceivedKind::Found { size, has_content } => {
                    found.push(FoundFile { path, size: Bytes::new(size), data: has_content.then(|| data.into()) });
                }
            }
        }
        (BoxFiles::new(files), fetched, found)
    }
}

/// Partial results of a running step.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) started: Option<Instant>,
    /// CPU time so far.
    pub(super) cpu: Duration,
    /// Bytes of output so far.
    pub(super) output: u64,
}

/// The report of a step whose agent was killed because the memory of the container was exhausted. `ended` is the time
/// of the end on this machine's monotonic clock. The CPU time is that of the agent's last message.
pub(super) fn out_of_memory(command: &Command, progress: &Progress, ended: Duration) -> CellReport {
    let usage = Usage {
        cpu_time: progress.cpu,
        wall_time: progress.started.map_or(Duration::ZERO, |started| started.elapsed()),
        memory: command.limits.memory,
        output: Bytes::new(progress.output),
        accuracy: Accuracy::Approximate,
        ..Usage::default()
    };
    CellReport::bare(Outcome::MemoryLimit, ended, usage)
}

/// The report of a step that has ended. `ended` is the time of the end on this machine's monotonic clock.
pub(super) fn of(
    command: &Command,
    done: &Done,
    ended: Duration,
    files: ReceivedFiles,
) -> Result<CellReport, ContainerError> {
    let exit = done.exit.map(exit_status);
    let outcome = match (done.hit, exit) {
        (Some(Hit::ForeignOom), _) => {
            let reason = "the machine ran out of memory, and the kernel killed a process of the program";
            return Err(ContainerError::Lost(reason.to_owned()));
        }
        (Some(Hit::Memory), _) => Outcome::MemoryLimit,
        (Some(Hit::Cancelled), _) => Outcome::Cancelled,
        (Some(Hit::Output), _) => Outcome::OutputLimit,
        (Some(Hit::Cpu), _) => Outcome::TimeLimit,
        (Some(Hit::Wall), _) => Outcome::WallLimit,
        (Some(Hit::Idle), _) => Outcome::IdleLimit,
        (None, _) if done.truncated != [false; 3] => Outcome::OutputLimit,
        (None, Some(ExitStatus::Exited(code))) => Outcome::Exited(code),
        (None, Some(ExitStatus::Signalled(signal))) => Outcome::Signalled(signal),
        (None, None) => return Err(ContainerError::Lost("its agent did not report the end of the program".to_owned())),
    };
    let memory = match outcome {
        Outcome::MemoryLimit => command.limits.memory,
        _ => Bytes::new(done.memory).min(command.limits.memory).max(Limits::MEMORY_MIN),
    };
    let by_itself = outcome.is_by_itself();
    let (files, fetched, found) = if by_itself { files.split(command) } else { Default::default() };
    let has_more = done.files_truncated && by_itself;
    Ok(CellReport {
        outcome,
        exit: CellReport::own_exit(outcome, exit),
        ended,
        usage: Usage {
            cpu_time: done.cpu,
            cpu_user: done.cpu_user,
            cpu_system: done.cpu.saturating_sub(done.cpu_user),
            wall_time: done.wall,
            instructions: None,
            memory,
            output: Bytes::new(done.written.iter().sum()),
            start: None,
            accuracy: Accuracy::Approximate,
        },
        stdin_left: done.stdin_left,
        stdout_truncated: done.truncated[0],
        stderr_truncated: done.truncated[1],
        files,
        files_truncated: has_more && command.find.is_none(),
        fetched,
        found: FoundFiles { files: found, has_more: has_more && command.find.is_some() },
        warm: false,
        cold: None,
    })
}

/// The files that the agent returns after a step.
pub(super) fn collect(command: &Command) -> agent::Collect {
    match &command.collect {
        None => agent::Collect::Nothing,
        Some(limits) if command.fetch.is_empty() && command.find.is_none() => {
            agent::Collect::All { files: limits.files, bytes: limits.bytes.get(), after_failure: limits.after_failure }
        }
        Some(limits) => agent::Collect::Named {
            paths: command.fetch.iter().map(|path| path.as_str().to_owned()).collect(),
            bytes: limits.bytes.get(),
            find: command.find.as_ref().map(|find| agent::Find {
                patterns: find.patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
                files: find.files_max,
                file_bytes: find.file_bytes_max.get(),
                bytes: find.bytes_max.get(),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use cupel_sandbox::CellRoot;

    use super::*;

    #[test]
    fn a_kill_because_the_machine_has_no_memory_left_is_a_failure_of_the_container() {
        let command = crate::command::operators_command(CellRoot::System, &[], &[]);
        let report = |hit| {
            let zero = Duration::ZERO;
            let done = Done {
                hit: Some(hit),
                exit: None,
                ended: zero,
                wall: zero,
                cpu: zero,
                cpu_user: zero,
                memory: 5 << 20,
                written: [0; 3],
                truncated: [false; 3],
                stdin_left: false,
                files_truncated: false,
            };
            match of(&command, &done, zero, ReceivedFiles::default()) {
                Ok(report) => Ok(report.outcome),
                Err(error) => Err(error.is_transient()),
            }
        };
        assert_eq!((report(Hit::Memory), report(Hit::ForeignOom)), (Ok(Outcome::MemoryLimit), Err(true)));
    }

    #[test]
    fn only_failures_that_depend_on_the_command_are_outcomes_of_the_program() {
        let (eagain, eacces) = (11, 13);
        let started = |program: &str, errno, what: &str| {
            let command = crate::command::operators_command(CellRoot::System, &[program.to_owned()], &[]);
            match not_started(&command, errno, what.to_owned()) {
                Ok(report) => Ok(report.outcome),
                Err(error) => Err(error.is_transient()),
            }
        };
        assert_eq!(started("./main", ENOENT, agent::FINDS), Ok(Outcome::Exited(127)));
        assert_eq!(started("./main", eacces, agent::FINDS), Ok(Outcome::Exited(126)));
        assert_eq!(started("python3", ENOENT, agent::FINDS), Err(false));
        assert_eq!(started("python3", ENOSPC, "create the files of the box"), Ok(Outcome::DiskLimit));
        assert_eq!(started("python3", E2BIG, agent::STARTS), Ok(Outcome::Exited(126)));
        // No free process, and no free pseudo-terminal.
        for program in ["./main", "python3"] {
            assert_eq!([eagain, ENOSPC].map(|errno| started(program, errno, agent::STARTS)), [Err(true), Err(true)]);
        }
    }
}
