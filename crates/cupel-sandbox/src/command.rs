//! The interface of a run: the command, the observer that follows it, and the report at its end.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use cupel_types::{
    BoxFiles, BoxPath, Bytes, ExitStatus, FetchedFile, FileSearch, FoundFiles, ImageRoot, Limits, Outcome, Signal,
    TerminalSize, Usage,
};

use crate::CollectLimits;
use crate::live::LiveQueue;
use crate::refusal::Refusal;
use crate::step::SetupStep;
use crate::warm::Warm;

/// One step: a program with its files, its input and its limits.
#[derive(Clone, Debug)]
pub struct Command {
    /// Program and arguments. A program name that contains `/` is a path; relative paths start at `/box`. A name
    /// without `/` is searched in the directories of the toolchains, or in [`ImageRoot::search`] for a program of an
    /// image, regardless of `PATH` in `env`. Program, arguments and `env` together have at most 96 KiB, with 8 bytes
    /// added for each string.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// The initial content of `/box`, the working directory.
    pub files: Vec<BoxFiles>,
    /// Bytes of these files that count as the program's memory. The other input files are not counted, but the program
    /// can use as much memory in their place, because it may overwrite and remove them.
    pub counted_files: Bytes,
    /// Standard input.
    pub stdin: Stdin,
    /// The directory that the program sees as `/`.
    pub root: CellRoot,
    /// Resources that the program may use.
    pub limits: Limits,
    /// Whether this is a compiler or a tenant's program; the two use separate lanes.
    pub kind: CellKind,
    /// The interpreter whose zygote may be forked to start this program. The program is executed normally if no such
    /// zygote is available, if the zygote cannot replace the executable, if standard input is not a pipe, or if this is
    /// a compiler or a program of an image.
    pub warm: Option<Warm>,
    /// Whether standard error is the same pipe as standard output, so that the order of all output is kept.
    pub stderr_to_stdout: bool,
    /// Whether descriptor 3 is a pipe to [`Observer::result`], for a result separate from the printed output.
    pub result: bool,
    /// Bounds on the regular files that are collected from `/box` at the end; `None` collects nothing.
    pub collect: Option<CollectLimits>,
    /// A directory that exists in the box from the start. If this field is set, and `fetch` and `find` are not, only
    /// the files in that directory are collected; with [`CollectLimits::after_failure`], also if a signal ended the
    /// program.
    pub outbox: Option<BoxPath>,
    /// Paths of single files to collect. If there are any, only the files at these paths and those of `find` are
    /// collected, into [`CellReport::fetched`]; with [`CollectLimits::after_failure`], also if a signal ended the
    /// program. Files that exceed the bound on bytes are cut off.
    pub fetch: Vec<BoxPath>,
    /// A search for files by pattern. If there is one, only the files that it finds and those of `fetch` are collected.
    /// The files that it finds are in [`CellReport::found`]; with [`CollectLimits::after_failure`], also if a signal
    /// ended the program.
    pub find: Option<FileSearch>,
    /// Whether the observer is notified immediately when the main process ends and when standard output closes.
    pub watch: bool,
}

impl Command {
    /// The report of this command if its counted files leave less than the minimum of its memory limit, so that it
    /// cannot run.
    pub fn exceeded_by_its_files(&self) -> Option<CellReport> {
        let memory = self.limits.memory.max(Limits::MEMORY_MIN);
        let is_over = self.counted_files > memory.saturating_sub(Limits::MEMORY_MIN);
        let usage = Usage { memory, ..Usage::default() };
        is_over.then(|| CellReport::bare(Outcome::MemoryLimit, Duration::ZERO, usage))
    }
}

/// The directory that a program sees as `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CellRoot {
    /// The machine's toolchains.
    #[default]
    System,
    /// The files of a container image.
    ///
    /// The image's directory is beneath [`SandboxConfig::images`](crate::SandboxConfig::images). Programs of an image
    /// always start cold: a process that keeps an interpreter warm runs outside every cell, and would load the image's
    /// code there.
    Image(Arc<ImageRoot>),
}

/// The kind of lane in which a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// A tenant's program.
    Run,
    /// A compiler that processes a tenant's source.
    Compile,
}

/// The source of standard input.
#[derive(Clone, Debug)]
pub enum Stdin {
    /// These bytes, followed by end of file.
    Bytes(Arc<[u8]>),
    /// A descriptor. A pipe, a socket or a character device is passed to the program itself. A file is read from its
    /// current offset, and the program gets a pipe with the content. So the program can neither learn the file's name
    /// nor lock the file. Never pass a terminal.
    Descriptor(Arc<OwnedFd>),
    /// Input that arrives while the program runs. Only for [`CellKind::Run`]. While the input is open, the idle limit
    /// does not apply; from [`LiveInput::EndOfInput`](cupel_types::LiveInput::EndOfInput) on, it does.
    Live {
        /// Where the input arrives. For one run only.
        queue: LiveQueue,
        /// Initial window of the program's terminal. The terminal is standard input, output and error, so all output
        /// arrives as standard output. It is also the controlling terminal of the program. Such a program is never
        /// started warm. If this is `None`, the program has pipes.
        terminal: Option<TerminalSize>,
    },
}

/// Callbacks of a running step, called on the thread that runs it.
pub trait Observer {
    /// Standard output, as it arrives. The total never exceeds the output limit.
    fn stdout(&mut self, data: &[u8]);
    /// Standard error, as it arrives. The total never exceeds the output limit, which bounds each stream separately.
    fn stderr(&mut self, data: &[u8]);
    /// Bytes written to descriptor 3, if [`Command::result`] is set. The total never exceeds the output limit.
    fn result(&mut self, data: &[u8]) {
        let _ = data;
    }
    /// This many bytes of [`Stdin::Live`] in total were written to the program's pipe or terminal, or were dropped
    /// because the input had ended or the program cannot read any more.
    fn input_consumed(&mut self, total_bytes: u64) {
        let _ = total_bytes;
    }
    /// The main process has ended. Its files and the rest of its output are still outstanding. Called if
    /// [`Command::watch`] is set, unless the process was killed because of a limit or a cancellation.
    fn ended(&mut self, exit: ExitStatus) {
        let _ = exit;
    }
    /// Standard output has closed. Called if [`Command::watch`] is set. If the main process has ended,
    /// [`Observer::ended`] is called before this. Otherwise, the program continues without standard output.
    fn stdout_closed(&mut self) {}
    /// Whether the step should end now. Polled at each output, and about five times per second while nothing happens.
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// Appends both streams to one vector, in the order of arrival.
impl Observer for Vec<u8> {
    fn stdout(&mut self, data: &[u8]) {
        self.extend_from_slice(data);
    }

    fn stderr(&mut self, data: &[u8]) {
        self.extend_from_slice(data);
    }
}

/// The result of a step.
#[derive(Clone, Debug)]
pub struct CellReport {
    /// How the step ended.
    pub outcome: Outcome,
    /// How the main process ended; `None` if a limit killed it ([`CellReport::own_exit`]).
    pub exit: Option<ExitStatus>,
    /// Time at which the main process ended or was killed, on the monotonic clock; comparable between cells.
    pub ended: Duration,
    /// Resources used.
    pub usage: Usage,
    /// Whether unread data is left in the pipe of standard input. Determined only if [`Command::watch`] is set.
    pub stdin_left: bool,
    /// Whether standard output was longer than the limit.
    pub stdout_truncated: bool,
    /// Whether standard error was longer than the limit.
    pub stderr_truncated: bool,
    /// The collected files. They are collected if [`Command::collect`] is set and the program exited with code 0. If
    /// [`CollectLimits::after_failure`] is set, they are also collected if the program exited with another code, and,
    /// if an outbox is set, if a signal ended the program. Empty if [`Command::fetch`] or [`Command::find`] is set. If
    /// the program exceeded a limit or was cancelled, no files are returned, because they may be incomplete.
    pub files: BoxFiles,
    /// Whether the files exceeded the bounds of the collection, so that some are missing.
    pub files_truncated: bool,
    /// The regular files at the paths of [`Command::fetch`], in that order. Empty if the program exceeded a limit or
    /// was cancelled, or if it failed and [`CollectLimits::after_failure`] is not set.
    pub fetched: Vec<FetchedFile>,
    /// The result of [`Command::find`]. Empty in the same cases as `fetched`.
    pub found: FoundFiles,
    /// Whether the program was started as a copy of a warm interpreter.
    pub warm: bool,
    /// Why the lane starts programs cold although warm starts are configured; reported once per lane.
    pub cold: Option<String>,
}

impl CellReport {
    /// How the main process ended, without the SIGKILL of a limit: the kernel and the sandbox both kill for a limit,
    /// and it depends on chance whether the end of the main process is recorded before its supervisor is killed, too.
    pub fn own_exit(outcome: Outcome, exit: Option<ExitStatus>) -> Option<ExitStatus> {
        exit.filter(|exit| outcome.is_by_itself() || !matches!(exit, ExitStatus::Signalled(Signal::KILL)))
    }

    /// A report without files and without truncated output, such as the report of a program that could not be started.
    pub fn bare(outcome: Outcome, ended: Duration, usage: Usage) -> CellReport {
        CellReport {
            outcome,
            exit: match outcome {
                Outcome::Exited(code) => Some(ExitStatus::Exited(code)),
                _ => None,
            },
            ended,
            usage,
            stdin_left: false,
            stdout_truncated: false,
            stderr_truncated: false,
            files: BoxFiles::default(),
            files_truncated: false,
            fetched: Vec::new(),
            found: FoundFiles::default(),
            warm: false,
            cold: None,
        }
    }
}

/// A failure of the sandbox, an invalid command, or a program outside `/box` that cannot be executed. Other failures of
/// the program are in the [`CellReport`].
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cell could not be set up.
    #[error("cannot set up a cell: failed to {step}")]
    Setup {
        /// The step that failed.
        step: SetupStep,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The lane ended or stopped answering.
    #[error("the lane ended or stopped answering")]
    LaneLost,
    /// The launcher ended or stopped answering; the sandbox must be started again.
    #[error("the launcher ended or stopped answering; the sandbox must be started again")]
    LauncherLost,
    /// The command is invalid for this sandbox; no cell was created.
    #[error("the command is invalid")]
    BadCommand(#[from] Refusal),
    /// Communication with the lane failed.
    #[error("cannot communicate with the lane")]
    Io(#[from] std::io::Error),
}

impl RunError {
    /// Whether another attempt with the same command may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            RunError::Setup { step, .. } => !matches!(step, SetupStep::Exec | SetupStep::Protocol),
            RunError::LaneLost | RunError::Io(_) => true,
            RunError::LauncherLost | RunError::BadCommand(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_is_reported_unless_a_limit_killed_the_program() {
        let (exited, killed, aborted) =
            (ExitStatus::Exited(1), ExitStatus::Signalled(Signal::KILL), ExitStatus::Signalled(Signal(6)));
        for (outcome, exit, reported) in [
            (Outcome::Exited(1), Some(exited), Some(exited)),
            (Outcome::Signalled(Signal::KILL), Some(killed), Some(killed)),
            (Outcome::MemoryLimit, Some(killed), None),
            (Outcome::TimeLimit, Some(killed), None),
            (Outcome::TimeLimit, None, None),
            // The kernel killed a child, or the program ended by itself after it had exceeded a limit.
            (Outcome::MemoryLimit, Some(exited), Some(exited)),
            (Outcome::OutputLimit, Some(aborted), Some(aborted)),
        ] {
            assert_eq!(CellReport::own_exit(outcome, exit), reported, "{outcome:?} {exit:?}");
        }
    }
}
