//! What the judge says of a run, and which saying wins where several are true.
//!
//! ```text
//!  on one case:       JE > MLE > OLE > TLE > ILE > SV > RTE > what the checker says
//!  worst of several:  JE > RTE > SV > MLE > TLE > ILE > OLE > WA > PE > PT > SK > AC
//! ```
//!
//! The first order is that of the cause: only one limit can have ended a program, and a program that was ended cannot be blamed
//! for its unfinished output. The second one is what graders with the mode "worst error" use. Source of the second:
//! problemtools, default grader; where its list has no word of ours, ours stands beside the verdict it is told as.
//! What other judges call them is in [`Dialect`](crate::Dialect).

use std::fmt;
use std::time::Duration;

use crate::{ExitStatus, Outcome, Signal, named};

named! {
    /// The judgement of a run or of one test case. Its [`code`](Verdict::code) is the short form that people know.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Verdict, code, from_code {
        /// AC: exit code 0 and, where an answer was expected, the right one.
        Accepted = "AC",
        /// PT: the checker gave some of the case's points.
        PartialScore = "PT",
        /// WA: ended well with another answer than the expected one.
        WrongAnswer = "WA",
        /// PE: the answer is there, or may be, and its form is wrong. Only where somebody asked for the difference.
        PresentationError = "PE",
        /// TLE: CPU time, wall-clock time or instructions over the limit.
        TimeLimit = "TLE",
        /// ILE: waited without using the CPU for longer than the idle limit.
        IdleLimit = "ILE",
        /// MLE: the kernel refused more memory.
        MemoryLimit = "MLE",
        /// OLE: wrote more than may be kept.
        OutputLimit = "OLE",
        /// RTE: exit code other than 0, or ended by a signal.
        RuntimeError = "RTE",
        /// SV: the kernel ended it for a system call that nobody may make.
        SecurityViolation = "SV",
        /// CE: the compiler refused the source. A run without a problem is also told so when the compiler went over its limits.
        CompileError = "CE",
        /// CLE: the compiler went over its own limits.
        CompileLimit = "CLE",
        /// SK: not run, because an earlier case had decided; or run on an input of the sender's own that is none of the problem's.
        Skipped = "SK",
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
            Verdict::PartialScore => "partial score",
            Verdict::WrongAnswer => "wrong answer",
            Verdict::PresentationError => "presentation error",
            Verdict::TimeLimit => "time limit exceeded",
            Verdict::IdleLimit => "idle limit exceeded",
            Verdict::MemoryLimit => "memory limit exceeded",
            Verdict::OutputLimit => "output limit exceeded",
            Verdict::RuntimeError => "runtime error",
            Verdict::SecurityViolation => "security violation",
            Verdict::CompileError => "compile error",
            Verdict::CompileLimit => "compile limit exceeded",
            Verdict::Skipped => "skipped",
            Verdict::InternalError => "internal error",
            Verdict::Cancelled => "cancelled",
        }
    }

    /// The verdict of a program that only had to run, from how it ended.
    pub const fn of_outcome(outcome: Outcome) -> Verdict {
        match outcome {
            Outcome::Exited(0) => Verdict::Accepted,
            Outcome::Exited(_) | Outcome::Signalled(_) => Verdict::RuntimeError,
            Outcome::TimeLimit | Outcome::WallLimit | Outcome::InstructionLimit => Verdict::TimeLimit,
            Outcome::IdleLimit => Verdict::IdleLimit,
            Outcome::MemoryLimit => Verdict::MemoryLimit,
            Outcome::OutputLimit | Outcome::DiskLimit => Verdict::OutputLimit,
            Outcome::Cancelled => Verdict::Cancelled,
        }
    }

    /// All that is true of a case's program by itself, before anybody looks at its output; the strongest first. Empty when
    /// it ended well in time.
    ///
    /// The wall clock alone is ILE here: the program had its CPU time and did not use it. Signals that stand for a limit count
    /// as that limit. Source: signal(7), `SIGXCPU`, `SIGXFSZ`, `SIGSYS`.
    pub fn causes(
        outcome: Outcome,
        exit: Option<ExitStatus>,
        cpu_time: Duration,
        cpu_time_max: Duration,
    ) -> Vec<Verdict> {
        let mut causes = Vec::new();
        match outcome {
            Outcome::Exited(_) | Outcome::Signalled(_) => {}
            Outcome::WallLimit => causes.push(Verdict::IdleLimit),
            limit => causes.push(Verdict::of_outcome(limit)),
        }
        if cpu_time > cpu_time_max {
            causes.push(Verdict::TimeLimit);
        }
        let was_killed = !matches!(outcome, Outcome::Exited(_) | Outcome::Signalled(_));
        match exit {
            // That is how we end a program.
            Some(ExitStatus::Signalled(Signal(9))) if was_killed => {}
            Some(ExitStatus::Signalled(Signal(24))) => causes.push(Verdict::TimeLimit),
            Some(ExitStatus::Signalled(Signal(25))) => causes.push(Verdict::OutputLimit),
            Some(ExitStatus::Signalled(Signal(31))) => causes.push(Verdict::SecurityViolation),
            Some(ExitStatus::Signalled(_)) => causes.push(Verdict::RuntimeError),
            Some(ExitStatus::Exited(code)) if code != 0 => causes.push(Verdict::RuntimeError),
            Some(ExitStatus::Exited(_)) | None => {}
        }
        causes.sort_by_key(|cause| cause.precedence());
        causes.dedup();
        causes
    }

    /// Where it stands among what can be true of one case at once; the smallest wins.
    pub const fn precedence(self) -> u8 {
        match self {
            Verdict::Cancelled => 0,
            Verdict::InternalError => 1,
            Verdict::CompileLimit => 2,
            Verdict::CompileError => 3,
            Verdict::MemoryLimit => 4,
            Verdict::OutputLimit => 5,
            Verdict::TimeLimit => 6,
            Verdict::IdleLimit => 7,
            Verdict::SecurityViolation => 8,
            Verdict::RuntimeError => 9,
            Verdict::WrongAnswer => 10,
            Verdict::PresentationError => 11,
            Verdict::PartialScore => 12,
            Verdict::Skipped => 13,
            Verdict::Accepted => 14,
        }
    }

    /// How bad it is beside the verdicts of other cases; the largest is the worst.
    pub const fn severity(self) -> u8 {
        match self {
            Verdict::Accepted => 0,
            Verdict::Skipped => 1,
            Verdict::PartialScore => 2,
            Verdict::PresentationError => 3,
            Verdict::WrongAnswer => 4,
            Verdict::OutputLimit => 5,
            Verdict::IdleLimit => 6,
            Verdict::TimeLimit => 7,
            Verdict::MemoryLimit => 8,
            Verdict::SecurityViolation => 9,
            Verdict::RuntimeError => 10,
            Verdict::CompileError => 11,
            Verdict::CompileLimit => 12,
            Verdict::InternalError => 13,
            Verdict::Cancelled => 14,
        }
    }

    /// The same in the words of a format that knows AC, WA, TLE, RTE, CE and JE only.
    #[must_use]
    pub const fn folded(self) -> Verdict {
        match self {
            Verdict::PartialScore | Verdict::Accepted => Verdict::Accepted,
            Verdict::PresentationError | Verdict::WrongAnswer => Verdict::WrongAnswer,
            Verdict::IdleLimit | Verdict::TimeLimit => Verdict::TimeLimit,
            Verdict::MemoryLimit | Verdict::SecurityViolation | Verdict::OutputLimit | Verdict::RuntimeError => {
                Verdict::RuntimeError
            }
            Verdict::CompileLimit | Verdict::CompileError => Verdict::CompileError,
            Verdict::InternalError => Verdict::InternalError,
            Verdict::Skipped => Verdict::Skipped,
            Verdict::Cancelled => Verdict::Cancelled,
        }
    }

    /// Whether the case counts as solved: in full, or in part.
    pub const fn is_accepted(self) -> bool {
        matches!(self, Verdict::Accepted | Verdict::PartialScore)
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

    #[test]
    fn both_orders_are_total() {
        let distinct = |rank: fn(Verdict) -> u8| {
            let mut ranks = Verdict::ALL.map(rank);
            ranks.sort_unstable();
            ranks.windows(2).all(|pair| pair[0] < pair[1])
        };
        assert!(distinct(Verdict::precedence));
        assert!(distinct(Verdict::severity));
    }

    #[test]
    fn folding_is_idempotent_and_keeps_solved_apart_from_unsolved() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.folded().folded(), verdict.folded());
            assert_eq!(verdict.folded() == Verdict::Accepted, verdict.is_accepted(), "{verdict}");
        }
    }

    #[test]
    fn the_cause_of_our_own_kill_wins() {
        use Verdict::{IdleLimit, MemoryLimit, OutputLimit, RuntimeError, SecurityViolation, TimeLimit};
        let second = Duration::from_secs(1);
        let (exited, signalled) = (|code| Some(ExitStatus::Exited(code)), |n| Some(ExitStatus::Signalled(Signal(n))));
        for (outcome, exit, cpu_ms, expected) in [
            (Outcome::Exited(0), exited(0), 1000, &[][..]),
            (Outcome::Exited(0), exited(0), 1001, &[TimeLimit]),
            (Outcome::Exited(1), exited(1), 1001, &[TimeLimit, RuntimeError]),
            (Outcome::Exited(137), exited(137), 1, &[RuntimeError]),
            (Outcome::Signalled(Signal(11)), signalled(11), 1, &[RuntimeError]),
            (Outcome::Signalled(Signal(9)), signalled(9), 1, &[RuntimeError]),
            (Outcome::Signalled(Signal(31)), signalled(31), 1, &[SecurityViolation]),
            (Outcome::Signalled(Signal(25)), signalled(25), 1, &[OutputLimit]),
            (Outcome::Signalled(Signal(24)), signalled(24), 1, &[TimeLimit]),
            (Outcome::WallLimit, signalled(9), 1, &[IdleLimit]),
            (Outcome::IdleLimit, None, 1, &[IdleLimit]),
            (Outcome::InstructionLimit, signalled(9), 1, &[TimeLimit]),
            (Outcome::InstructionLimit, exited(0), 1, &[TimeLimit]),
            (Outcome::MemoryLimit, signalled(9), 1500, &[MemoryLimit, TimeLimit]),
            (Outcome::MemoryLimit, exited(1), 1, &[MemoryLimit, RuntimeError]),
            (Outcome::OutputLimit, exited(0), 1500, &[OutputLimit, TimeLimit]),
            (Outcome::DiskLimit, None, 0, &[OutputLimit]),
        ] {
            let causes = Verdict::causes(outcome, exit, Duration::from_millis(cpu_ms), second);
            assert_eq!(causes, expected, "{outcome:?} {exit:?} {cpu_ms}");
        }
    }
}
