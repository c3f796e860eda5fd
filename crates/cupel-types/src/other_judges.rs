//! Names of Cupel's verdicts in other judges.
//!
//! Sources, as read in November 2026: Kattis problem package format 2025-09; DOMjudge, `judging.output_limit` and the
//! verdict configuration; DMOJ judge-server, `result.py`; Codeforces API, `Submission.verdict`; Judge0, `status.rb`.

use crate::{ExitStatus, Signal, Verdict, named};

named! {
    /// A judge that has different names for verdicts.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum OtherJudge, as_str, from_name {
        /// Four verdicts on a case: AC, WA, TLE, RTE.
        Icpc = "icpc",
        /// Like ICPC, but with a separate OLE. Source: output of the Kattis tools.
        Kattis = "kattis",
        /// Lower-case words.
        DomJudge = "domjudge",
        /// Short codes, with two codes for runtime errors.
        Dmoj = "dmoj",
        /// Names of the Codeforces API.
        Codeforces = "codeforces",
        /// Status numbers.
        Judge0 = "judge0",
    }
}

impl OtherJudge {
    /// Name of the verdict in this judge; `None` if the judge has no name for it (a skipped case or a cancelled run).
    /// Some judges have several names for runtime errors, which depend on the exit status `exit`.
    pub const fn word(self, verdict: Verdict, exit: Option<ExitStatus>) -> Option<&'static str> {
        match self {
            OtherJudge::Icpc => icpc(verdict),
            OtherJudge::Kattis => match verdict {
                Verdict::OutputLimit => Some("OLE"),
                other => icpc(other),
            },
            OtherJudge::DomJudge => domjudge(verdict),
            OtherJudge::Dmoj => dmoj(verdict, exit),
            OtherJudge::Codeforces => codeforces(verdict),
            OtherJudge::Judge0 => judge0(verdict, exit),
        }
    }
}

const fn icpc(verdict: Verdict) -> Option<&'static str> {
    match verdict.folded() {
        Verdict::Cancelled | Verdict::Skipped => None,
        other => Some(other.code()),
    }
}

const fn domjudge(verdict: Verdict) -> Option<&'static str> {
    Some(match verdict {
        Verdict::Accepted | Verdict::PartialScore => "correct",
        Verdict::WrongAnswer | Verdict::PresentationError => "wrong-answer",
        Verdict::TimeLimit | Verdict::IdleLimit => "timelimit",
        Verdict::MemoryLimit | Verdict::RuntimeError | Verdict::SecurityViolation => "run-error",
        Verdict::OutputLimit => "output-limit",
        Verdict::CompileError | Verdict::CompileLimit => "compiler-error",
        Verdict::InternalError => "compare-error",
        Verdict::Skipped | Verdict::Cancelled => return None,
    })
}

const fn dmoj(verdict: Verdict, exit: Option<ExitStatus>) -> Option<&'static str> {
    Some(match verdict {
        Verdict::Accepted | Verdict::PartialScore => "AC",
        Verdict::WrongAnswer | Verdict::PresentationError => "WA",
        Verdict::TimeLimit | Verdict::IdleLimit => "TLE",
        Verdict::MemoryLimit => "MLE",
        Verdict::OutputLimit => "OLE",
        Verdict::RuntimeError => match exit {
            Some(ExitStatus::Exited(_)) => "IR",
            Some(ExitStatus::Signalled(_)) | None => "RTE",
        },
        Verdict::SecurityViolation => "RTE",
        Verdict::CompileError | Verdict::CompileLimit => "CE",
        Verdict::InternalError => "IE",
        Verdict::Skipped => "SC",
        Verdict::Cancelled => "AB",
    })
}

const fn codeforces(verdict: Verdict) -> Option<&'static str> {
    Some(match verdict {
        Verdict::Accepted => "OK",
        Verdict::PartialScore => "PARTIAL",
        Verdict::WrongAnswer => "WRONG_ANSWER",
        Verdict::PresentationError => "PRESENTATION_ERROR",
        Verdict::TimeLimit => "TIME_LIMIT_EXCEEDED",
        Verdict::IdleLimit => "IDLENESS_LIMIT_EXCEEDED",
        Verdict::MemoryLimit => "MEMORY_LIMIT_EXCEEDED",
        // Codeforces has no verdict for too much output.
        Verdict::OutputLimit | Verdict::RuntimeError => "RUNTIME_ERROR",
        Verdict::SecurityViolation => "SECURITY_VIOLATED",
        Verdict::CompileError | Verdict::CompileLimit => "COMPILATION_ERROR",
        Verdict::InternalError => "FAILED",
        Verdict::Skipped => "SKIPPED",
        Verdict::Cancelled => return None,
    })
}

/// Status number, as text.
const fn judge0(verdict: Verdict, exit: Option<ExitStatus>) -> Option<&'static str> {
    Some(match verdict {
        Verdict::Accepted => "3",
        Verdict::PartialScore | Verdict::WrongAnswer | Verdict::PresentationError => "4",
        Verdict::TimeLimit | Verdict::IdleLimit => "5",
        Verdict::CompileError | Verdict::CompileLimit => "6",
        Verdict::OutputLimit => "8",
        Verdict::MemoryLimit | Verdict::RuntimeError | Verdict::SecurityViolation => match exit {
            Some(ExitStatus::Signalled(Signal(11))) => "7",
            Some(ExitStatus::Signalled(Signal(25))) => "8",
            Some(ExitStatus::Signalled(Signal(8))) => "9",
            Some(ExitStatus::Signalled(Signal(6))) => "10",
            Some(ExitStatus::Exited(_)) => "11",
            Some(ExitStatus::Signalled(_)) | None => "12",
        },
        Verdict::InternalError => "13",
        Verdict::Skipped | Verdict::Cancelled => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_judge_has_the_expected_names() {
        let exited = Some(ExitStatus::Exited(1));
        let segv = Some(ExitStatus::Signalled(Signal(11)));
        use Verdict as V;
        for (verdict, exit, words) in [
            (V::Accepted, None, ["AC", "AC", "correct", "AC", "OK", "3"]),
            (V::WrongAnswer, None, ["WA", "WA", "wrong-answer", "WA", "WRONG_ANSWER", "4"]),
            (V::PresentationError, None, ["WA", "WA", "wrong-answer", "WA", "PRESENTATION_ERROR", "4"]),
            (V::TimeLimit, None, ["TLE", "TLE", "timelimit", "TLE", "TIME_LIMIT_EXCEEDED", "5"]),
            (V::IdleLimit, None, ["TLE", "TLE", "timelimit", "TLE", "IDLENESS_LIMIT_EXCEEDED", "5"]),
            (V::MemoryLimit, exited, ["RTE", "RTE", "run-error", "MLE", "MEMORY_LIMIT_EXCEEDED", "11"]),
            (V::OutputLimit, None, ["RTE", "OLE", "output-limit", "OLE", "RUNTIME_ERROR", "8"]),
            (V::RuntimeError, exited, ["RTE", "RTE", "run-error", "IR", "RUNTIME_ERROR", "11"]),
            (V::RuntimeError, segv, ["RTE", "RTE", "run-error", "RTE", "RUNTIME_ERROR", "7"]),
            (V::SecurityViolation, None, ["RTE", "RTE", "run-error", "RTE", "SECURITY_VIOLATED", "12"]),
            (V::CompileError, None, ["CE", "CE", "compiler-error", "CE", "COMPILATION_ERROR", "6"]),
            (V::InternalError, None, ["JE", "JE", "compare-error", "IE", "FAILED", "13"]),
            (V::PartialScore, None, ["AC", "AC", "correct", "AC", "PARTIAL", "4"]),
        ] {
            let found = OtherJudge::ALL.map(|judge| judge.word(verdict, exit).unwrap());
            assert_eq!(found, words, "{verdict}");
        }
    }

    #[test]
    fn skipped_and_cancelled_have_a_name_only_in_some_judges() {
        assert_eq!(OtherJudge::Icpc.word(Verdict::Skipped, None), None);
        assert_eq!(OtherJudge::Dmoj.word(Verdict::Skipped, None), Some("SC"));
        assert_eq!(OtherJudge::Kattis.word(Verdict::Cancelled, None), None);
    }
}
