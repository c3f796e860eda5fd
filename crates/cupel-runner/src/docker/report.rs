//! Converts the agent's report into the report of a cell.

use std::io;
use std::time::Duration;

use cupel_agent::{self as agent, Done, Exit, Hit};
use cupel_sandbox::{CellReport, Command};
use cupel_types::{BoxFile, BoxFiles, Bytes, ExitStatus, FetchedFile, Limits, Outcome, Signal, Usage};
use tokio::time::Instant;

use super::engine::ContainerError;

/// Numbers of errors that depend on the command or its limits. Source: errno(3).
const ENOENT: i32 = 2;
const ENOSPC: i32 = 28;

/// The outcome of a step whose files do not fit into its box.
pub(super) fn exceeds_the_disk(command: &Command) -> Option<Outcome> {
    let files = || command.files.iter().flat_map(|group| group.iter());
    let bytes: u64 = files().map(|file| file.data.len() as u64).sum();
    let Limits { disk, inodes, .. } = command.limits;
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
    if errno == ENOSPC {
        return Ok(not_run(Outcome::DiskLimit));
    }
    if program.contains('/') && !program.starts_with('/') {
        return Ok(not_run(Outcome::Exited(if errno == ENOENT { 127 } else { 126 })));
    }
    Err(ContainerError::NotStarted { what, source: io::Error::from_raw_os_error(errno) })
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
    files: Vec<(String, bool, bool, Vec<u8>)>,
    bytes: u64,
}

impl ReceivedFiles {
    pub(super) fn add(&mut self, path: String, executable: bool, truncated: bool) {
        self.files.push((path, executable, truncated, Vec::new()));
    }

    /// Appends content to the last file. Returns `false` if the content is larger than an agent may send.
    pub(super) fn append(&mut self, data: &[u8], command: &Command) -> bool {
        self.bytes += data.len() as u64;
        let most = command.collect.as_ref().map_or(0, |limits| limits.bytes.get());
        match self.files.last_mut() {
            Some(file) if self.bytes <= most => {
                file.3.extend_from_slice(data);
                true
            }
            _ => false,
        }
    }

    /// The files, as collected files and as individually requested files.
    fn split(self, command: &Command) -> (BoxFiles, Vec<FetchedFile>) {
        // Files are skipped if no client can request their names.
        let named = self.files.into_iter().filter_map(|(path, executable, truncated, data)| {
            Some((cupel_types::BoxPath::new(&path).ok()?, executable, truncated, data))
        });
        if command.fetch.is_empty() {
            let files = named.map(|(path, executable, _, data)| BoxFile { path, data: data.into(), executable });
            return (BoxFiles::new(files.collect()), Vec::new());
        }
        let fetched = named.map(|(path, _, truncated, data)| FetchedFile {
            path,
            content: cupel_types::Output { data: data.into(), truncated },
        });
        (BoxFiles::default(), fetched.collect())
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

/// The report of a step whose agent was killed because the memory of the container was exhausted, at this time on the
/// monotonic clock of this machine. Its CPU time is that of the agent's last message.
pub(super) fn out_of_memory(command: &Command, progress: &Progress, ended: Duration) -> CellReport {
    let usage = Usage {
        cpu_time: progress.cpu,
        wall_time: progress.started.map_or(Duration::ZERO, |started| started.elapsed()),
        memory: command.limits.memory,
        output: Bytes::new(progress.output),
        ..Usage::default()
    };
    CellReport::bare(Outcome::MemoryLimit, ended, usage)
}

/// The report of a step that has ended, at this time on the monotonic clock of this machine.
pub(super) fn of(
    command: &Command,
    done: &Done,
    ended: Duration,
    files: ReceivedFiles,
) -> Result<CellReport, ContainerError> {
    let exit = done.exit.map(exit_status);
    let outcome = match (done.hit, exit) {
        (Some(Hit::Memory), _) => Outcome::MemoryLimit,
        (Some(Hit::Cancelled), _) => Outcome::Cancelled,
        (Some(Hit::Output), _) => Outcome::OutputLimit,
        (Some(Hit::Cpu), _) => Outcome::TimeLimit,
        (Some(Hit::Wall), _) => Outcome::WallLimit,
        (Some(Hit::Idle), _) => Outcome::IdleLimit,
        (None, _) if done.truncated != [false; 3] => Outcome::OutputLimit,
        (None, Some(ExitStatus::Exited(code))) => Outcome::Exited(code),
        (None, Some(ExitStatus::Signalled(signal))) => Outcome::Signalled(signal),
        (None, None) => return Err(ContainerError::Lost("its agent reports no end".to_owned())),
    };
    let memory = match outcome {
        Outcome::MemoryLimit => command.limits.memory,
        _ => Bytes::new(done.memory).min(command.limits.memory).max(Limits::MEMORY_MIN),
    };
    let by_itself = matches!(outcome, Outcome::Exited(_) | Outcome::Signalled(_));
    let (files, fetched) = if by_itself { files.split(command) } else { Default::default() };
    Ok(CellReport {
        outcome,
        exit,
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
        },
        stdin_left: done.stdin_left,
        stdout_truncated: done.truncated[0],
        stderr_truncated: done.truncated[1],
        files,
        files_truncated: done.files_truncated && by_itself,
        fetched,
        warm: false,
        cold: None,
    })
}

/// What the agent returns after a step.
pub(super) fn collect(command: &Command) -> agent::Collect {
    match &command.collect {
        None => agent::Collect::Nothing,
        Some(limits) if command.fetch.is_empty() => {
            agent::Collect::All { files: limits.files, bytes: limits.bytes.get(), after_failure: limits.after_failure }
        }
        Some(limits) => agent::Collect::Named {
            paths: command.fetch.iter().map(|path| path.as_str().to_owned()).collect(),
            bytes: limits.bytes.get(),
        },
    }
}
