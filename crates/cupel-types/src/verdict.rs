//! The judge's verdict on a run, and the order of precedence of verdicts.
//!
//! ```text
//!  on one case:       JE > MLE > OLE > TLE > ILE > SV > RTE > the checker's verdict
//!  worst of several:  JE > RTE > SV > MLE > TLE > ILE > OLE > WA > PE > PT > SK > AC
//! ```
//!
//! The first order ranks the causes. An exceeded limit ranks before the signal or the exit code that may follow from
//! it. The checker's verdict ranks last, because the output of a program that failed is not checked. The second order
//! is that of problemtools' default grader in "worst error" mode. A verdict that problemtools does not have ranks next
//! to the most similar one: ILE next to TLE, SV next to RTE, PT and SK next to AC.

use std::fmt;
use std::time::Duration;

use crate::{ExitStatus, Outcome, Signal, named};

named! {
    /// Verdict on a run or on one test case. [`code`](Verdict::code) is the usual abbreviation.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Verdict, code, from_code {
        /// AC: exit code 0 and, if an answer was expected, the right answer.
        Accepted = "AC",
        /// PT: the checker gave some of the case's points.
        PartialScore = "PT",
        /// WA: exit code 0, but the output is not the expected answer.
        WrongAnswer = "WA",
        /// PE: the answer may be right, but its format is wrong. Used only if the problem distinguishes PE from WA.
        PresentationError = "PE",
        /// TLE: CPU time or instruction limit exceeded; without a problem, also wall-clock time limit exceeded.
        TimeLimit = "TLE",
        /// ILE: (almost) no CPU use for longer than the idle limit; on a problem's case, also wall-clock time limit
        /// exceeded.
        IdleLimit = "ILE",
        /// MLE: memory limit exceeded.
        MemoryLimit = "MLE",
        /// OLE: output limit or disk limit exceeded.
        OutputLimit = "OLE",
        /// RTE: nonzero exit code, or killed by a signal.
        RuntimeError = "RTE",
        /// SV: killed by the kernel because of a forbidden system call.
        SecurityViolation = "SV",
        /// CE: the compiler rejected the source. A run without a problem also gets CE if the compiler exceeds its
        /// limits.
        CompileError = "CE",
        /// CLE: the compiler exceeded its limits, in a submission to a problem.
        CompileLimit = "CLE",
        /// SK: not run, because an earlier case had decided the result, or because the sender's own input is not valid
        /// for the problem.
        Skipped = "SK",
        /// JE: the judge itself failed; not the program's fault.
        InternalError = "JE",
        /// CANCELLED: the run was cancelled before it finished.
        Cancelled = "CANCELLED",
    }
}

impl Verdict {
    /// Display name.
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

    /// Verdict on a program without an expected answer, derived from the outcome of its execution.
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

    /// Every verdict that applies to a case's program before its output is checked, strongest first. Empty if the
    /// program exited with code 0 within its limits.
    ///
    /// A wall-clock timeout is ILE here, because the program did not use up its CPU time. The signals `SIGXCPU`,
    /// `SIGXFSZ` and `SIGSYS` give TLE, OLE and SV, because the kernel sends them for CPU time, file size and forbidden
    /// system calls. Source: signal(7).
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
        let was_killed = !outcome.is_by_itself();
        match exit {
            Some(ExitStatus::Signalled(Signal::KILL)) if was_killed => {}
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

    /// Rank among the verdicts that can apply to one case; the verdict with the smallest rank is used.
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

    /// Rank among the verdicts of several cases; the largest is the worst.
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

    /// The nearest verdict for formats that have only AC, WA, TLE, RTE, CE and JE. SK and CANCELLED stay as they are.
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

    /// The overall verdict on a submission, as package formats name it. A partial score is accepted, because the score
    /// already shows the missing points; a compiler that exceeded its limits gives a compile error.
    #[must_use]
    pub const fn overall(self) -> Verdict {
        match self {
            Verdict::PartialScore => Verdict::Accepted,
            Verdict::CompileLimit => Verdict::CompileError,
            Verdict::Accepted
            | Verdict::WrongAnswer
            | Verdict::PresentationError
            | Verdict::TimeLimit
            | Verdict::IdleLimit
            | Verdict::MemoryLimit
            | Verdict::OutputLimit
            | Verdict::RuntimeError
            | Verdict::SecurityViolation
            | Verdict::CompileError
            | Verdict::Skipped
            | Verdict::InternalError
            | Verdict::Cancelled => self,
        }
    }

    /// Whether the case counts as solved, fully or partially.
    pub const fn is_accepted(self) -> bool {
        match self {
            Verdict::Accepted | Verdict::PartialScore => true,
            Verdict::WrongAnswer
            | Verdict::PresentationError
            | Verdict::TimeLimit
            | Verdict::IdleLimit
            | Verdict::MemoryLimit
            | Verdict::OutputLimit
            | Verdict::RuntimeError
            | Verdict::SecurityViolation
            | Verdict::CompileError
            | Verdict::CompileLimit
            | Verdict::Skipped
            | Verdict::InternalError
            | Verdict::Cancelled => false,
        }
    }

    /// Whether there is no program to run, because compilation failed.
    pub const fn is_not_built(self) -> bool {
        match self {
            Verdict::CompileError | Verdict::CompileLimit => true,
            Verdict::Accepted
            | Verdict::PartialScore
            | Verdict::WrongAnswer
            | Verdict::PresentationError
            | Verdict::TimeLimit
            | Verdict::IdleLimit
            | Verdict::MemoryLimit
            | Verdict::OutputLimit
            | Verdict::RuntimeError
            | Verdict::SecurityViolation
            | Verdict::Skipped
            | Verdict::InternalError
            | Verdict::Cancelled => false,
        }
    }

    /// Whether the verdict is a result of the program. If it is not, then Cupel or the package failed, or the run was
    /// cancelled.
    pub const fn is_result(self) -> bool {
        match self {
            Verdict::InternalError | Verdict::Cancelled => false,
            Verdict::Accepted
            | Verdict::PartialScore
            | Verdict::WrongAnswer
            | Verdict::PresentationError
            | Verdict::TimeLimit
            | Verdict::IdleLimit
            | Verdict::MemoryLimit
            | Verdict::OutputLimit
            | Verdict::RuntimeError
            | Verdict::SecurityViolation
            | Verdict::CompileError
            | Verdict::CompileLimit
            | Verdict::Skipped => true,
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
    fn every_verdict_is_found_by_its_code() {
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
    fn folding_is_idempotent_and_keeps_accepted_distinct() {
        for verdict in Verdict::ALL {
            assert_eq!(verdict.folded().folded(), verdict.folded());
            assert_eq!(verdict.folded() == Verdict::Accepted, verdict.is_accepted(), "{verdict}");
        }
    }

    #[test]
    fn the_limit_that_killed_the_program_decides_the_verdict() {
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
