//! The result of a submission in the original's terms: status, message, streams, time and memory.

use std::sync::Arc;

use cupel_core::run::{RunState, SubmissionRecord};
use cupel_types::{Outcome, StepReport, Verdict};

use super::JUDGE0;
use super::attributes::Attributes;
use crate::compiler;

/// A status of the original. Clients know only this fixed list of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Status {
    InQueue = 1,
    Processing = 2,
    Accepted = 3,
    WrongAnswer = 4,
    TimeLimitExceeded = 5,
    CompilationError = 6,
    Sigsegv = 7,
    Sigxfsz = 8,
    Sigfpe = 9,
    Sigabrt = 10,
    Nzec = 11,
    Other = 12,
    InternalError = 13,
    ExecFormatError = 14,
}

impl Status {
    pub(super) const ALL: [Status; 14] = [
        Status::InQueue,
        Status::Processing,
        Status::Accepted,
        Status::WrongAnswer,
        Status::TimeLimitExceeded,
        Status::CompilationError,
        Status::Sigsegv,
        Status::Sigxfsz,
        Status::Sigfpe,
        Status::Sigabrt,
        Status::Nzec,
        Status::Other,
        Status::InternalError,
        Status::ExecFormatError,
    ];

    pub(super) const fn id(self) -> u8 {
        self as u8
    }

    pub(super) const fn description(self) -> &'static str {
        match self {
            Status::InQueue => "In Queue",
            Status::Processing => "Processing",
            Status::Accepted => "Accepted",
            Status::WrongAnswer => "Wrong Answer",
            Status::TimeLimitExceeded => "Time Limit Exceeded",
            Status::CompilationError => "Compilation Error",
            Status::Sigsegv => "Runtime Error (SIGSEGV)",
            Status::Sigxfsz => "Runtime Error (SIGXFSZ)",
            Status::Sigfpe => "Runtime Error (SIGFPE)",
            Status::Sigabrt => "Runtime Error (SIGABRT)",
            Status::Nzec => "Runtime Error (NZEC)",
            Status::Other => "Runtime Error (Other)",
            Status::InternalError => "Internal Error",
            Status::ExecFormatError => "Exec Format Error",
        }
    }
}

/// The signal for a file that is larger than allowed; standard output is a file in the original.
const SIGXFSZ: i32 = 25;
const SIGKILL: i32 = 9;

/// A result, in which empty texts are `None`. The streams are those of the report, not copies.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outputs {
    pub(super) status: Status,
    pub(super) stdout: Option<Arc<[u8]>>,
    pub(super) stderr: Option<Arc<[u8]>>,
    pub(super) compile_output: Option<Arc<[u8]>>,
    pub(super) message: Option<String>,
    /// Seconds.
    pub(super) time: Option<f64>,
    /// Seconds.
    pub(super) wall_time: Option<f64>,
    /// KiB.
    pub(super) memory: Option<u64>,
    pub(super) exit_code: Option<i32>,
    pub(super) exit_signal: Option<i32>,
}

impl Outputs {
    fn bare(status: Status) -> Outputs {
        Outputs {
            status,
            stdout: None,
            stderr: None,
            compile_output: None,
            message: None,
            time: None,
            wall_time: None,
            memory: None,
            exit_code: None,
            exit_signal: None,
        }
    }

    fn failed(message: Option<String>) -> Outputs {
        let message = message.unwrap_or_else(|| "The sandbox failed.".to_owned());
        Outputs { message: Some(message), ..Outputs::bare(Status::InternalError) }
    }

    /// The result of a submission.
    pub(super) fn of(record: &SubmissionRecord, attributes: &Attributes, is_strict: bool) -> Outputs {
        match record.state {
            RunState::Queued { .. } => return Outputs::bare(Status::InQueue),
            RunState::Leased { .. } => return Outputs::bare(Status::Processing),
            RunState::Cancelled { .. } => return Outputs::failed(Some("The submission was cancelled.".to_owned())),
            RunState::Abandoned { .. } => return Outputs::failed(None),
            RunState::Judged { .. } => {}
        }
        let Some(report) = &record.report else { return Outputs::failed(None) };
        let compile_output = present(&compiler::messages(report));
        match report.verdict {
            Verdict::InternalError => return Outputs::failed(report.message.clone()),
            Verdict::Cancelled => return Outputs::failed(Some("The submission was cancelled.".to_owned())),
            Verdict::CompileError | Verdict::CompileLimit => {
                let compile_output = match compiler::exceeded_limit(report) {
                    Some(limit) if compiler::is_of_time(limit) => Some(Arc::from(*b"Compilation time limit exceeded.")),
                    _ => compile_output,
                };
                return Outputs { compile_output, ..Outputs::bare(Status::CompilationError) };
            }
            _ => {}
        }
        let executions = executions(record);
        let made = runs_made(&executions, attributes, is_strict);
        let Some(last) = executions[..made].last() else { return Outputs::failed(report.message.clone()) };
        let end = End::of(last.step, attributes, is_strict);
        let (stdout, stderr) = (present(&last.step.stdout.data), present(&last.step.stderr.data));
        let mut status = end.status;
        if status == Status::Accepted && !last.is_right(attributes) {
            status = Status::WrongAnswer;
        }
        let count = made as f64;
        let mean = |of: fn(&StepReport) -> f64| executions[..made].iter().map(|one| of(one.step)).sum::<f64>() / count;
        Outputs {
            status,
            stdout,
            stderr,
            compile_output,
            message: end.message,
            time: Some(mean(|step| step.usage.cpu_time.as_millis() as f64) / 1000.0),
            wall_time: Some(mean(|step| step.usage.wall_time.as_millis() as f64) / 1000.0),
            memory: Some(mean(|step| step.usage.memory.as_kib() as f64) as u64),
            exit_code: Some(end.exit_code),
            exit_signal: end.exit_signal,
        }
    }
}

/// An execution of a submission.
struct Execution<'r> {
    step: &'r StepReport,
    /// The worker's verdict, which is about the whole output.
    verdict: Verdict,
    /// Whether the submission was created through this facade, so that all of its tests are equal.
    is_of_judge0: bool,
}

impl Execution<'_> {
    /// Whether the output is the expected output. If only the beginning of the output is stored, the worker's verdict
    /// decides, which compares words and ignores all white space. It also decides about a submission through another
    /// API, whose tests have different expected outputs.
    fn is_right(&self, attributes: &Attributes) -> bool {
        match attributes.expected_output.as_deref() {
            _ if !self.is_of_judge0 => self.verdict == Verdict::Accepted,
            None => true,
            Some(_) if self.step.stdout.truncated => self.verdict == Verdict::Accepted,
            Some(expected) => is_expected(expected, &self.step.stdout.data),
        }
    }
}

/// The executions of a submission, in order.
fn executions(record: &SubmissionRecord) -> Vec<Execution<'_>> {
    let Some(report) = &record.report else { return Vec::new() };
    let is_of_judge0 = record.submission.facade.as_ref().is_some_and(|facade| facade.facade == JUDGE0);
    let execution = |step, verdict| Execution { step, verdict, is_of_judge0 };
    let plain = report.execution.iter().map(|step| execution(step, report.verdict));
    plain.chain(report.cases.iter().map(|case| execution(&case.step, case.verdict))).collect()
}

/// How many of the executions the original would have made: it stops at the first execution that is not accepted.
fn runs_made(executions: &[Execution<'_>], attributes: &Attributes, is_strict: bool) -> usize {
    let is_accepted = |one: &Execution<'_>| {
        End::of(one.step, attributes, is_strict).status == Status::Accepted && one.is_right(attributes)
    };
    executions.iter().position(|one| !is_accepted(one)).map_or(executions.len(), |at| at + 1)
}

/// How one execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    status: Status,
    message: Option<String>,
    /// 0 if there is none.
    exit_code: i32,
    exit_signal: Option<i32>,
}

impl End {
    fn of(step: &StepReport, attributes: &Attributes, is_strict: bool) -> End {
        let limit = attributes.cpu_time_limit;
        let is_overtime = limit > 0.0 && step.usage.cpu_time.as_secs_f64() > limit;
        let timed_out = |message: &str| End {
            status: Status::TimeLimitExceeded,
            message: Some(message.to_owned()),
            exit_code: 0,
            exit_signal: None,
        };
        match step.outcome {
            Outcome::TimeLimit | Outcome::InstructionLimit => timed_out("Time limit exceeded"),
            Outcome::Exited(_) | Outcome::Signalled(_) if is_overtime => timed_out("Time limit exceeded"),
            Outcome::WallLimit | Outcome::IdleLimit | Outcome::Cancelled => {
                timed_out("Time limit exceeded (wall clock)")
            }
            Outcome::Exited(0) => End { status: Status::Accepted, message: None, exit_code: 0, exit_signal: None },
            Outcome::Exited(code) => End {
                status: Status::Nzec,
                message: Some(format!("Exited with error status {code}")),
                exit_code: code,
                exit_signal: None,
            },
            Outcome::Signalled(signal) => End::signalled(signal.0, None),
            Outcome::MemoryLimit => End::signalled(SIGKILL, (!is_strict).then_some("Memory limit exceeded")),
            Outcome::OutputLimit => End::signalled(SIGXFSZ, None),
            Outcome::DiskLimit => End::signalled(SIGKILL, Some("Disk limit exceeded")),
        }
    }

    fn signalled(signal: i32, message: Option<&str>) -> End {
        let status = match signal {
            11 => Status::Sigsegv,
            SIGXFSZ => Status::Sigxfsz,
            8 => Status::Sigfpe,
            6 => Status::Sigabrt,
            _ => Status::Other,
        };
        let message = message.map_or_else(|| format!("Caught fatal signal {signal}"), str::to_owned);
        End { status, message: Some(message), exit_code: 0, exit_signal: Some(signal) }
    }
}

fn present(data: &Arc<[u8]>) -> Option<Arc<[u8]>> {
    (!data.is_empty()).then(|| Arc::clone(data))
}

/// Whether the output is the expected output. Blanks at the ends of lines and empty lines at the end do not count. In
/// contrast to the original, a program without output meets an empty expectation.
fn is_expected(expected: &[u8], stdout: &[u8]) -> bool {
    lines(expected).eq(lines(stdout))
}

/// The lines without blanks at their ends, and without empty lines at the end. A text without lines has one empty line.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    stripped(text).split(|c| *c == b'\n').map(stripped)
}

/// The text without blanks at its end: those that `String#rstrip` of Ruby removes.
fn stripped(text: &[u8]) -> &[u8] {
    let is_blank = |c: &u8| matches!(c, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c | 0);
    &text[..text.iter().rposition(|c| !is_blank(c)).map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_is_compared_line_by_line_without_blanks_at_the_ends() {
        for (expected, stdout, is_same) in [
            ("a\nb", "a \nb\t\r\n\n\n", true),
            ("a\nb\n", "a\nb", true),
            ("a\n", "a\0\n", true),
            ("a\nb", " a\nb", false),
            ("a\n\nb", "a\nb", false),
            ("a b", "a  b", false),
            ("A", "a", false),
            ("a\u{a0}", "a", false),
            ("", "", true),
            ("", "a", false),
            ("\n", "", true),
        ] {
            assert_eq!(is_expected(expected.as_bytes(), stdout.as_bytes()), is_same, "{expected:?} {stdout:?}");
        }
    }

    #[test]
    fn the_statuses_are_numbered_from_1_to_14() {
        assert_eq!(Status::ALL.map(Status::id), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    }
}
