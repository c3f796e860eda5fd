//! Texts that explain why the compilation or the execution of a program failed.

use cupel_core::disclosure::DisclosedGrading;
use cupel_types::{Limits, Outcome, RunReport, StepReport, Verdict};

use super::step::text_of;

/// The reason of a failed compilation: the judge's reason, if any, then the compiler's output. Never empty.
pub fn compilation_error(report: &RunReport) -> String {
    let compiler_output = report.compile.as_ref().map(|compile| text_of(&compile.output).0).unwrap_or_default();
    match (&report.message, compiler_output.trim().is_empty()) {
        (None, false) => compiler_output,
        (Some(why), false) => format!("{why}\n{compiler_output}"),
        (Some(why), true) => why.clone(),
        (None, true) => match report.compile.as_ref().and_then(|compile| compile.exit_code) {
            Some(code) => format!("the compiler ended with exit code {code} and printed nothing"),
            None => "the program was not compiled".to_owned(),
        },
    }
}

/// The reason why a program failed at run time, in one sentence; `None` if the verdict is not a run-time failure.
pub fn runtime_error(verdict: Verdict, step: &StepReport, limits: &Limits) -> Option<String> {
    match verdict {
        Verdict::TimeLimit
        | Verdict::IdleLimit
        | Verdict::MemoryLimit
        | Verdict::OutputLimit
        | Verdict::RuntimeError
        | Verdict::SecurityViolation => {}
        Verdict::InternalError
        | Verdict::Cancelled
        | Verdict::WrongAnswer
        | Verdict::PresentationError
        | Verdict::PartialScore
        | Verdict::Skipped
        | Verdict::Accepted
        | Verdict::CompileError
        | Verdict::CompileLimit => return None,
    }
    match step.outcome {
        // A solution may run slightly longer than the time limit of its problem and exit by itself. The judge then sets
        // the verdict.
        Outcome::Exited(_) | Outcome::Signalled(_) if verdict == Verdict::TimeLimit => {
            limits.exceeded(Outcome::TimeLimit)
        }
        Outcome::Cancelled if verdict == Verdict::TimeLimit => {
            Some("time limit for all executions of the run exceeded".to_owned())
        }
        Outcome::Exited(code) => Some(format!("exit code {code}")),
        Outcome::Signalled(signal) => Some(format!("killed by {signal}")),
        outcome => limits.exceeded(outcome),
    }
}

/// Like [`runtime_error`], for a submission to a problem. For a hidden test, the sentence contains no more information
/// than the verdict, because an exit code could leak a part of the input.
pub(super) fn runtime_error_of_problem(
    verdict: Verdict,
    grading: &DisclosedGrading<'_>,
    limits: &Limits,
) -> Option<String> {
    let shown = grading.deciding_step(verdict).and_then(|step| runtime_error(verdict, step, limits));
    shown.or_else(|| {
        Some(match verdict {
            Verdict::RuntimeError => "exit code other than 0, or killed by a signal".to_owned(),
            Verdict::SecurityViolation => "killed for a system call that is not allowed".to_owned(),
            Verdict::TimeLimit => return limits.exceeded(grading.exceeded_time_limit(verdict, limits)),
            Verdict::IdleLimit => "idle or wall time limit exceeded".to_owned(),
            Verdict::MemoryLimit => return limits.exceeded(Outcome::MemoryLimit),
            Verdict::OutputLimit => "output or disk limit exceeded".to_owned(),
            Verdict::Accepted
            | Verdict::PartialScore
            | Verdict::WrongAnswer
            | Verdict::PresentationError
            | Verdict::CompileError
            | Verdict::CompileLimit
            | Verdict::Skipped
            | Verdict::InternalError
            | Verdict::Cancelled => return None,
        })
    })
}
