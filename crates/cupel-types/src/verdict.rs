//! What the judge says of a run.

use std::fmt;

use crate::{Outcome, named};

named! {
    /// The judgement of a run or of one test case. Its [`code`](Verdict::code) is the short form that people know.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Verdict, code, from_code {
        /// AC: exit code 0 and, where an answer was expected, the right one.
        Accepted = "AC",
        /// WA: ended well with another answer than the expected one.
        WrongAnswer = "WA",
        /// TLE: CPU or wall-clock time over the limit.
        TimeLimit = "TLE",
        /// ILE: waited without using the CPU for longer than the idle limit.
        IdleLimit = "ILE",
        /// MLE: the kernel refused more memory.
        MemoryLimit = "MLE",
        /// OLE: wrote more than may be kept.
        OutputLimit = "OLE",
        /// RTE: exit code other than 0, or ended by a signal.
        RuntimeError = "RTE",
        /// CE: the compiler refused the source, or went over its own limits.
        CompileError = "CE",
        /// JE: the judge itself failed. Never the program's fault.
        InternalError = "JE",
        /// The run was cancelled before it ended.
        Cancelled = "CANCELLED",
    }
}

impl Verdict {
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
