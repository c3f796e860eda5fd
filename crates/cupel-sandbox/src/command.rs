//! What a caller asks of a cell, hears while it runs, and gets at its end.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use cupel_types::{BoxFiles, BoxPath, ExitStatus, Limits, Outcome, Usage};

use crate::CollectLimits;
use crate::refusal::Refusal;
use crate::step::SetupStep;
use crate::warm::Warm;

/// One step: a program with its files, its input and its limits.
#[derive(Clone, Debug)]
pub struct Command {
    /// Program and arguments. A name with a `/` is a path, relative ones to `/box`; one without is looked up
    /// where toolchains lie, whatever `PATH` is in `env`. Together with `env` at most 96 KiB.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// What lies in `/box`, the working directory, at the start.
    pub files: Vec<BoxFiles>,
    /// Standard input.
    pub stdin: Stdin,
    /// What it may use.
    pub limits: Limits,
    /// Whether it is a compiler or a tenant's program; each has lanes of its own.
    pub kind: CellKind,
    /// Whether it may be started by a fork of a warm interpreter, where it is one that can be; never for compilers.
    pub warm: Option<Warm>,
    /// Whether descriptor 3 is a pipe to [`Observer::result`], for what the program has to say beside what it prints.
    pub result: bool,
    /// Whether the regular files left in `/box` come back, and how much of them.
    pub collect: Option<CollectLimits>,
    /// A directory that is in the box from the start, and of which alone files come back: then also after a signal.
    pub outbox: Option<BoxPath>,
    /// Whether the observer hears of the end of the main process and of standard output as soon as they come.
    pub watch: bool,
}

/// Which lanes a step runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// A tenant's program.
    Run,
    /// A compiler over a tenant's source.
    Compile,
}

/// Where standard input comes from.
#[derive(Clone, Debug)]
pub enum Stdin {
    /// These bytes, then end of file.
    Bytes(Arc<[u8]>),
    /// A pipe, a socket or a device is what the program gets. A file is read from where it stands, and the program gets a
    /// pipe with its content: it can neither learn its name nor lock it. Never hand over a terminal.
    Descriptor(Arc<OwnedFd>),
}

/// Hears of a step while it runs. Called by the thread that runs it.
pub trait Observer {
    /// Standard output, as it comes; never more than the output limit in all.
    fn stdout(&mut self, data: &[u8]);
    /// Standard error, likewise.
    fn stderr(&mut self, data: &[u8]);
    /// What it wrote to descriptor 3, likewise, where [`Command::result`] asks for it.
    fn result(&mut self, data: &[u8]) {
        let _ = data;
    }
    /// The main process has ended; files are still to come, and what lies in the pipes. Told where [`Command::watch`] asks for it, of
    /// one that no limit has ended.
    fn ended(&mut self, exit: ExitStatus) {
        let _ = exit;
    }
    /// Standard output is at its end, where [`Command::watch`] asks for it: after [`Observer::ended`] if the end of the main process
    /// has closed it; before it, the program goes on without.
    fn stdout_closed(&mut self) {}
    /// Asked at every output and at least five times a second: whether the step should end now.
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// Keeps both streams in one, as they come.
impl Observer for Vec<u8> {
    fn stdout(&mut self, data: &[u8]) {
        self.extend_from_slice(data);
    }

    fn stderr(&mut self, data: &[u8]) {
        self.extend_from_slice(data);
    }
}

/// How a step ended.
#[derive(Clone, Debug)]
pub struct CellReport {
    /// What ended it.
    pub outcome: Outcome,
    /// How the main process ended, where it did so before it was killed.
    pub exit: Option<ExitStatus>,
    /// When the main process ended or was ended, by the monotonic clock; comparable among cells.
    pub ended: Duration,
    /// What was used.
    pub usage: Usage,
    /// Whether something is left in the pipe it read from, where [`Command::watch`] asks for it.
    pub stdin_left: bool,
    /// Whether standard output was longer than the limit.
    pub stdout_truncated: bool,
    /// Whether standard error was.
    pub stderr_truncated: bool,
    /// The files it left, when they were asked for and it exited with 0, or with any code where that was asked for. A program
    /// that a signal ended leaves none but those in its outbox, one that was over a limit none at all: what it was about to
    /// write is not there.
    pub files: BoxFiles,
    /// Whether there were more files than may be collected; then some are missing.
    pub files_truncated: bool,
    /// Whether it was started as a copy of a warm interpreter.
    pub warm: bool,
    /// Why the lane starts programs cold that were to be started warm; told once.
    pub cold: Option<String>,
}

/// Our failure, never the program's.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Setting the cell up failed.
    #[error("cannot set up a cell: {step}")]
    Setup {
        /// What was being done.
        step: SetupStep,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The lane ended or fell silent.
    #[error("the lane was lost")]
    LaneLost,
    /// The launcher ended or fell silent: the sandbox has to be made anew.
    #[error("the launcher was lost")]
    LauncherLost,
    /// There can be no cell for this command, here or anywhere; nothing was made.
    #[error("the command cannot be run")]
    BadCommand(#[from] Refusal),
    /// Talking to the lane failed.
    #[error("cannot talk to the lane")]
    Io(#[from] std::io::Error),
}

impl RunError {
    /// Whether the same command may go well on another try.
    pub fn is_transient(&self) -> bool {
        match self {
            RunError::Setup { step, .. } => !matches!(step, SetupStep::Exec | SetupStep::Protocol),
            RunError::LaneLost | RunError::Io(_) => true,
            RunError::LauncherLost | RunError::BadCommand(_) => false,
        }
    }
}
