//! Observations of the sandbox: how a step ended, and the resources that it used. The judge derives a
//! [`Verdict`](crate::Verdict) from them.

use std::fmt;
use std::time::Duration;

use crate::{Bytes, Instructions};

/// A signal number, such as 11 for `SIGSEGV`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(pub i32);

impl Signal {
    /// SIGKILL, with which the sandbox and the kernel kill programs.
    pub const KILL: Signal = Signal(9);

    /// Name without `SIG`, for the signals that usually kill programs; `None` for other signals. Source: signal(7), x86
    /// and arm numbering.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "HUP",
            2 => "INT",
            3 => "QUIT",
            4 => "ILL",
            5 => "TRAP",
            6 => "ABRT",
            7 => "BUS",
            8 => "FPE",
            9 => "KILL",
            10 => "USR1",
            11 => "SEGV",
            12 => "USR2",
            13 => "PIPE",
            14 => "ALRM",
            15 => "TERM",
            16 => "STKFLT",
            24 => "XCPU",
            25 => "XFSZ",
            31 => "SYS",
            _ => return None,
        })
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "SIG{name}"),
            None => write!(f, "signal {}", self.0),
        }
    }
}

/// How the step's main process ended, as reported by `wait`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// The process called `exit` with this code (0 to 255).
    Exited(i32),
    /// The process was killed by this signal.
    Signalled(Signal),
}

/// How a step ended. An exceeded limit takes precedence over the exit status of the main process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The main process exited with this code.
    Exited(i32),
    /// The main process was killed by a signal that the sandbox did not send.
    Signalled(Signal),
    /// CPU time limit exceeded.
    TimeLimit,
    /// Wall-clock time limit exceeded.
    WallLimit,
    /// (Almost) no CPU use for longer than the idle limit.
    IdleLimit,
    /// Instruction limit exceeded, or some instructions could not be counted.
    InstructionLimit,
    /// Memory limit exceeded: the kernel's OOM killer acted in the step's cell.
    MemoryLimit,
    /// Output limit exceeded by standard output, standard error or the result; the output up to the limit is kept.
    OutputLimit,
    /// The files given to the step exceed the step's limit on bytes or on the number of files on disk. A program that
    /// itself writes too much gets `ENOSPC` and continues.
    DiskLimit,
    /// The caller cancelled the step.
    Cancelled,
}

impl Outcome {
    /// Whether the program ended by itself or by a signal, and not because of a limit or a cancellation.
    pub const fn is_by_itself(self) -> bool {
        matches!(self, Outcome::Exited(_) | Outcome::Signalled(_))
    }

    /// Whether the main process exited with code 0.
    pub const fn is_success(self) -> bool {
        matches!(self, Outcome::Exited(0))
    }
}

/// How a program of a language with warm start was started. CPU times are comparable only between programs with the
/// same kind of start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// Forked from an initialised interpreter: interpreter start-up costs the program no CPU time.
    Warm,
    /// Executed through the interpreter: interpreter start-up is part of the program's CPU time.
    Cold,
}

impl Start {
    /// Name in the API and in stored reports.
    pub const fn name(self) -> &'static str {
        match self {
            Start::Warm => "warm",
            Start::Cold => "cold",
        }
    }

    /// The start with this name.
    pub fn from_name(name: &str) -> Option<Start> {
        [Start::Warm, Start::Cold].into_iter().find(|start| start.name() == name)
    }
}

/// How exact the figures of a step are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Accuracy {
    /// The sandbox measured the program.
    #[default]
    Exact,
    /// A container engine ran the program. The CPU time includes the start of the program, up to a few milliseconds,
    /// and with control groups of version 1 the peak memory can be a few MiB off.
    Approximate,
}

/// Resource usage of a step. Field names follow [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system CPU time of all processes.
    pub cpu_time: Duration,
    /// User part of `cpu_time`.
    pub cpu_user: Duration,
    /// System part of `cpu_time`.
    pub cpu_system: Duration,
    /// Time from the first instruction to the end of the main process.
    pub wall_time: Duration,
    /// User-mode machine instructions of all processes; `None` if they could not be counted.
    pub instructions: Option<Instructions>,
    /// Peak memory of all processes together: private and shared memory, files written to `/box`, `/tmp` and
    /// `/dev/shm`, and the kernel memory charged for them. Does not include pages of files on disk, nor the files given
    /// to the step. A step that ran reports at least [`Limits::MEMORY_MIN`](crate::Limits::MEMORY_MIN) and at most its
    /// limit.
    pub memory: Bytes,
    /// Bytes written to standard output, standard error and, if the step has one, the pipe for a result; including
    /// discarded bytes.
    pub output: Bytes,
    /// How the program was started; `None` if its language has no warm start.
    pub start: Option<Start>,
    /// How exact the times and the memory are.
    pub accuracy: Accuracy,
}
