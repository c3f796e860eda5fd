//! What the judge says of a run.

use std::fmt;

use crate::Outcome;

/// The judgement of a run or of one test case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// AC: exit code 0 and, where an answer was expected, the right one.
    Accepted,
    /// WA: ended well with another answer than the expected one.
    WrongAnswer,
    /// TLE: CPU or wall-clock time over the limit.
    TimeLimit,
    /// ILE: waited without using the CPU for longer than the idle limit.
    IdleLimit,
    /// MLE: the kernel refused more memory.
    MemoryLimit,
    /// OLE: wrote more than may be kept.
    OutputLimit,
    /// RTE: exit code other than 0, or ended by a signal.
    RuntimeError,
    /// CE: the compiler refused the source, or went over its own limits.
    CompileError,
    /// JE: the judge itself failed. Never the program's fault.
    InternalError,
    /// The run was cancelled before it ended.
    Cancelled,
}

impl Verdict {
    /// Every verdict, for tables and exhaustive tests.
    pub const ALL: [Verdict; 10] = [
        Verdict::Accepted,
        Verdict::WrongAnswer,
        Verdict::TimeLimit,
        Verdict::IdleLimit,
        Verdict::MemoryLimit,
        Verdict::OutputLimit,
        Verdict::RuntimeError,
        Verdict::CompileError,
        Verdict::InternalError,
        Verdict::Cancelled,
    ];

    /// The stable short form used in the API, the store and the command line.
    pub const fn code(self) -> &'static str {
        match self {
            Verdict::Accepted => "AC",
            Verdict::WrongAnswer => "WA",
            Verdict::TimeLimit => "TLE",
            Verdict::IdleLimit => "ILE",
            Verdict::MemoryLimit => "MLE",
            Verdict::OutputLimit => "OLE",
            Verdict::RuntimeError => "RTE",
            Verdict::CompileError => "CE",
            Verdict::InternalError => "JE",
            Verdict::Cancelled => "CANCELLED",
        }
    }

    /// The verdict with this [`code`](Verdict::code).
    pub fn from_code(code: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|v| v.code() == code)
    }

    /// The words for people.
    pub const fn title(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::WrongAnswer => "wrong answer",
            Verdict::TimeLimit => "time limit exceeded",
            Verdict::IdleLimit => "idle limit exceeded",
            Verdict::MemoryLimit => "memory limit exceeded",
            Verdict::OutputLimit => "output limit exceeded",
            Verdict::RuntimeError => "runtime error",
            Verdict::CompileError => "compile error",
            Verdict::InternalError => "internal error",
            Verdict::Cancelled => "cancelled",
        }
    }

    /// The verdict of a program that only had to run, from how it ended.
    pub const fn of_outcome(outcome: Outcome) -> Verdict {
        match outcome {
            Outcome::Exited(0) => Verdict::Accepted,
            Outcome::Exited(_) | Outcome::Signalled(_) => Verdict::RuntimeError,
            Outcome::TimeLimit | Outcome::WallLimit => Verdict::TimeLimit,
            Outcome::IdleLimit => Verdict::IdleLimit,
            Outcome::MemoryLimit => Verdict::MemoryLimit,
            Outcome::OutputLimit => Verdict::OutputLimit,
            Outcome::Cancelled => Verdict::Cancelled,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_read_back() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::from_code(verdict.code()), Some(verdict));
        }
        assert_eq!(Verdict::from_code("ac"), None);
    }
}
