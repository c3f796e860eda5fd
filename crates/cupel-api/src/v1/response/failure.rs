//! Texts that explain why the compilation or the execution of a program failed.

use cupel_types::{Grading, Limits, Outcome, RunReport, StepReport, Verdict};

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

/// The execution of the test that decided the verdict of a submission to a problem. `None` if that test is hidden.
pub(super) fn deciding_case(grading: &Grading, verdict: Verdict) -> Option<&StepReport> {
    grading.cases.iter().find(|case| case.verdict == verdict)?.step.as_ref()
}

/// Like [`runtime_error`], for a submission to a problem. For a hidden test, the sentence contains no more information
/// than the verdict, because an exit code could leak a part of the input.
pub(super) fn runtime_error_of_problem(verdict: Verdict, grading: &Grading, limits: &Limits) -> Option<String> {
    let shown = deciding_case(grading, verdict).and_then(|step| runtime_error(verdict, step, limits));
    shown.or_else(|| {
        Some(match verdict {
            Verdict::RuntimeError => "exit code other than 0, or killed by a signal".to_owned(),
            Verdict::SecurityViolation => "killed for a system call that is not allowed".to_owned(),
            Verdict::TimeLimit => return limits.exceeded(time_limit_of(verdict, grading, limits)),
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

/// The time limit that a hidden test exceeded, by its times, which the result contains. A program that waits uses little
/// CPU time.
fn time_limit_of(verdict: Verdict, grading: &Grading, limits: &Limits) -> Outcome {
    let usage = grading.cases.iter().find(|case| case.verdict == verdict).map(|case| case.usage);
    match usage {
        Some(usage) if usage.cpu_time > limits.cpu_time => Outcome::TimeLimit,
        Some(usage) if usage.wall_time >= limits.wall_time => Outcome::WallLimit,
        Some(usage) if usage.wall_time >= limits.idle_time => Outcome::IdleLimit,
        _ => Outcome::TimeLimit,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cupel_types::{CaseGrade, Feedback, Usage};

    use super::*;

    #[test]
    fn the_message_of_a_hidden_test_names_the_limit_that_was_exceeded() {
        let time = Duration::from_millis;
        let limits = Limits { cpu_time: time(1000), wall_time: time(3000), idle_time: time(2000), ..Limits::default() };
        for (cpu_ms, wall_ms, expected) in [
            (1050, 1060, "time limit of 1000 ms exceeded"),
            (2, 3003, "wall time limit of 3000 ms exceeded"),
            (2, 2004, "idle limit of 2000 ms exceeded"),
        ] {
            let case = CaseGrade {
                name: "1".to_owned(),
                group: String::new(),
                verdict: Verdict::TimeLimit,
                score: None,
                usage: Usage { cpu_time: time(cpu_ms), wall_time: time(wall_ms), ..Usage::default() },
                feedback: Feedback::Verdict,
                step: None,
                conversation: None,
                judge_message: None,
                team_message: None,
            };
            let grading = Grading {
                score: None,
                max_score: None,
                groups: Vec::new(),
                cases: vec![case],
                author_message: None,
                returned: None,
                conversation: None,
            };
            let message = runtime_error_of_problem(Verdict::TimeLimit, &grading, &limits);
            assert_eq!(message.as_deref(), Some(expected));
        }
    }
}
