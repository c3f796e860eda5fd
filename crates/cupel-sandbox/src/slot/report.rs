//! The caller's report of a run, from the lane's figures: how the program ended, and what it used.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use cupel_types::{
    Accuracy, BoxFile, BoxFiles, Bytes, ExitStatus, FetchedFile, FoundFile, FoundFiles, Instructions, Limits, Outcome,
    Signal, Usage,
};

use super::conversation::OUTPUTS;
use crate::command::{CellReport, Command, RunError};
use crate::mechanism::mounts::BoxSize;
use crate::step::SetupStep;
use crate::wire::{CellDone, LimitHit};

/// Creates the caller's report from the lane's figures.
pub(super) fn conclude(
    command: &Command,
    done: &CellDone,
    totals: [u64; OUTPUTS],
    truncated: [bool; OUTPUTS],
    (files, fetched, found): (Vec<BoxFile>, Vec<FetchedFile>, Vec<FoundFile>),
) -> Result<CellReport, RunError> {
    let usage = Usage {
        cpu_time: Duration::from_nanos(done.cpu_ns),
        cpu_user: Duration::from_nanos(done.cpu_user_ns),
        cpu_system: Duration::from_nanos(done.cpu_system_ns),
        wall_time: Duration::from_nanos(done.wall_ns),
        instructions: done.instructions.map(Instructions::new),
        // Smaller figures would be noise, because the kernel charges in batches.
        memory: Bytes::new(done.memory_peak).max(Limits::MEMORY_MIN),
        output: Bytes::new(totals.iter().sum()),
        // Set by the caller, which knows whether the language has warm starts.
        start: None,
        accuracy: Accuracy::Exact,
    };
    let limit = LimitHit::from_number(done.limit);
    if done.failed_step != 0 && limit != Some(LimitHit::Cancelled) && limit != Some(LimitHit::Memory) {
        let step = SetupStep::from_number(done.failed_step);
        return match not_begun(command, step, done.failed_errno) {
            Some(outcome) => {
                let usage = match outcome {
                    // The time was that of the attempt to start the program.
                    Outcome::Exited(_) => Usage {
                        cpu_time: Duration::ZERO,
                        cpu_user: Duration::ZERO,
                        cpu_system: Duration::ZERO,
                        wall_time: Duration::ZERO,
                        ..usage
                    },
                    _ => usage,
                };
                let report = CellReport::bare(outcome, Duration::from_nanos(done.ended_ns), usage);
                Ok(CellReport { warm: done.warm, ..report })
            }
            None => Err(RunError::Setup { step, source: io::Error::from_raw_os_error(done.failed_errno) }),
        };
    }
    let exit = done.status_known.then(|| exit_status(done.status));
    let outcome = match (limit, exit) {
        (Some(LimitHit::Memory), _) => Outcome::MemoryLimit,
        (Some(LimitHit::Cancelled), _) => Outcome::Cancelled,
        (Some(LimitHit::Output), _) => Outcome::OutputLimit,
        (Some(LimitHit::Cpu), _) => Outcome::TimeLimit,
        (Some(LimitHit::Wall), _) => Outcome::WallLimit,
        (Some(LimitHit::Idle), _) => Outcome::IdleLimit,
        (Some(LimitHit::Instructions), _) => Outcome::InstructionLimit,
        // The program wrote too much and ended before the lane received the kill message.
        (None, _) if truncated != [false; OUTPUTS] => Outcome::OutputLimit,
        (None, Some(ExitStatus::Exited(code))) => Outcome::Exited(code),
        (None, Some(ExitStatus::Signalled(signal))) => Outcome::Signalled(signal),
        (None, None) => return Err(RunError::LaneLost),
    };
    let by_itself = outcome.is_by_itself();
    let (files, fetched, found) = if by_itself { (files, fetched, found) } else { Default::default() };
    let has_more = done.collect_overflow && by_itself;
    Ok(CellReport {
        outcome,
        exit: CellReport::own_exit(outcome, exit),
        ended: Duration::from_nanos(done.ended_ns),
        usage,
        stdin_left: false,
        stdout_truncated: truncated[0],
        stderr_truncated: truncated[1],
        files: BoxFiles::new(files),
        files_truncated: has_more && command.find.is_none(),
        fetched,
        found: FoundFiles { files: found, has_more: has_more && command.find.is_some() },
        warm: done.warm,
        cold: None,
    })
}

/// The outcome of a program that could not start, if the cause is the command or its limits, and not the sandbox.
fn not_begun(command: &Command, step: SetupStep, errno: i32) -> Option<Outcome> {
    match (step, errno) {
        // The files exceed the disk limit, or the disk size that the memory limit allows.
        (SetupStep::BoxFiles, libc::ENOSPC | libc::EDQUOT) => Some(match BoxSize::is_of_the_memory(&command.limits) {
            true if fit_the_disk(command) => Outcome::MemoryLimit,
            _ => Outcome::DiskLimit,
        }),
        (SetupStep::BoxFiles, libc::ENOMEM) => Some(Outcome::MemoryLimit),
        // Too little stack for the arguments, too little memory for the executable, or a process limit that is too low.
        (SetupStep::Exec, libc::E2BIG | libc::ENOMEM | libc::EAGAIN) => Some(Outcome::Exited(126)),
        // If the program is in the box, the exit codes are those that a shell would return.
        (SetupStep::Exec, errno) if command.argv[0].contains('/') && !command.argv[0].starts_with('/') => {
            Some(Outcome::Exited(if errno == libc::ENOENT { 127 } else { 126 }))
        }
        _ => None,
    }
}

/// Whether the program's input files would be within the disk limit if there were enough memory.
fn fit_the_disk(command: &Command) -> bool {
    let files = || command.files.iter().flat_map(|group| group.iter());
    let bytes: u64 = files().map(|file| file.data.len() as u64).sum();
    let directories: HashSet<&str> = files()
        .flat_map(|file| file.path.as_str().match_indices('/').map(|(end, _)| &file.path.as_str()[..end]))
        .collect();
    let inodes = (files().count() + directories.len()) as u64;
    bytes <= command.limits.disk.get() && inodes <= command.limits.inodes
}

/// Decodes a wait status as specified in wait(2).
pub(super) fn exit_status(status: i32) -> ExitStatus {
    match status & 0x7f {
        0 => ExitStatus::Exited(status >> 8 & 0xff),
        signal => ExitStatus::Signalled(Signal(signal)),
    }
}
