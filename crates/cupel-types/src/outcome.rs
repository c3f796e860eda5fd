//! What the sandbox saw: how a step ended and what it used. Never a judgement; that is
//! [`Verdict`](crate::Verdict).

use std::fmt;
use std::time::Duration;

use crate::{Bytes, Instructions};

/// A signal number, such as 11 for `SIGSEGV`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(pub i32);

impl Signal {
    /// The name without `SIG` for the signals programs die of, `None` for the rest.
    /// Source: signal(7), x86 and arm numbering.
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

/// How the step's main process ended, as `wait` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It called `exit` with this code (0 to 255).
    Exited(i32),
    /// A signal ended it.
    Signalled(Signal),
}

/// How a step ended. A limit has precedence over the way the main process then died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The main process ended by itself with this code.
    Exited(i32),
    /// A signal that was not ours ended the main process.
    Signalled(Signal),
    /// CPU time over the limit.
    TimeLimit,
    /// Wall-clock time over the limit.
    WallLimit,
    /// No progress for longer than the idle limit.
    IdleLimit,
    /// More instructions than the limit, or a part of them executed where they could not be counted.
    InstructionLimit,
    /// The kernel's OOM killer acted in this cell.
    MemoryLimit,
    /// Standard output or standard error over the limit; what was written before is kept.
    OutputLimit,
    /// Its files do not fit into the bytes or the number of files that it may have on the disk. Told of files that it is given:
    /// a program that writes more itself is refused that (`ENOSPC`), and goes on.
    DiskLimit,
    /// The caller asked for the step to end.
    Cancelled,
}

impl Outcome {
    /// Ended by itself with code 0.
    pub const fn is_success(self) -> bool {
        matches!(self, Outcome::Exited(0))
    }
}

/// How a program of a language with a warm start began. CPU time is comparable only among programs that began alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// As a copy of an interpreter that was initialised before: its start costs the program no CPU time.
    Warm,
    /// By executing the interpreter, whose start is part of the program's CPU time.
    Cold,
}

impl Start {
    /// The name in the API and in stored reports.
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

/// What a step used. Field names follow [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time of all processes, user and system together.
    pub cpu_time: Duration,
    /// The user part of it.
    pub cpu_user: Duration,
    /// The system part of it.
    pub cpu_system: Duration,
    /// From the first instruction to the end of the main process.
    pub wall_time: Duration,
    /// Machine instructions of all processes, the kernel's own left out; `None` where they could not be counted.
    pub instructions: Option<Instructions>,
    /// Highest memory use of all processes together: private and shared memory, files written to `/box`, `/tmp` and `/dev/shm`, and
    /// what the kernel keeps for them; without pages of files on disk and without the files that the step was given. A step that
    /// ran is counted with at least [`Limits::MEMORY_MIN`](crate::Limits::MEMORY_MIN), and never with more than its limit.
    pub memory: Bytes,
    /// Bytes written to standard output and standard error, also those that were not kept.
    pub output: Bytes,
    /// How the program began; `None` where its language has no warm start.
    pub start: Option<Start>,
}
