//! The response of `/run_code`. Every key is always present.

use std::collections::BTreeMap;
use std::time::Duration;

use cupel_types::{Outcome, RunReport, StepReport};
use serde::Serialize;

use crate::compiler;

/// The whole response.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct RunCodeResponse {
    pub(super) status: RunStatus,
    pub(super) message: String,
    pub(super) compile_result: Option<CommandRunResult>,
    pub(super) run_result: Option<CommandRunResult>,
    pub(super) executor_pod_name: Option<String>,
    pub(super) files: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum RunStatus {
    Success,
    Failed,
    SandboxError,
}

/// Result of one command.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct CommandRunResult {
    pub(super) status: CommandStatus,
    /// Seconds of wall time.
    pub(super) execution_time: Option<f64>,
    pub(super) return_code: Option<i32>,
    pub(super) stdout: Option<String>,
    pub(super) stderr: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum CommandStatus {
    Finished,
    Error,
    TimeLimitExceeded,
}

/// Maximum number of bytes of the code that the message of a failure repeats.
const CODE_BYTES_MAX: usize = 256 << 10;

/// Maximum number of bytes of the reason for a failure, which may contain a path of the request.
pub(super) const ERROR_BYTES_MAX: usize = 4 << 10;

/// `-SIGKILL`: the return code of a program that exceeded a limit other than time.
const KILLED: i32 = -9;

impl CommandRunResult {
    /// Result of a command that exited or, if the code is negative, was killed by a signal.
    pub(super) fn finished(return_code: i32, time: Duration, stdout: String, stderr: String) -> CommandRunResult {
        CommandRunResult {
            status: CommandStatus::Finished,
            execution_time: Some(time.as_secs_f64()),
            return_code: Some(return_code),
            stdout: Some(stdout),
            stderr: Some(stderr),
        }
    }

    /// Result of a command that reached its time limit.
    pub(super) fn timed_out(time: Duration, stdout: String, stderr: String) -> CommandRunResult {
        let finished = CommandRunResult::finished(0, time, stdout, stderr);
        CommandRunResult { status: CommandStatus::TimeLimitExceeded, return_code: None, ..finished }
    }

    /// Result of a command that could not be started.
    pub(super) fn error(reason: &str) -> CommandRunResult {
        CommandRunResult {
            status: CommandStatus::Error,
            execution_time: None,
            return_code: None,
            stdout: None,
            stderr: Some(reason.to_owned()),
        }
    }

    fn of_step(step: &StepReport, stream_bytes_max: usize) -> Option<CommandRunResult> {
        let time = step.usage.wall_time;
        let (stdout, stderr) = (text(&step.stdout.data, stream_bytes_max), text(&step.stderr.data, stream_bytes_max));
        let killed = || step.exit_code.or(step.signal.map(|signal| -signal)).unwrap_or(KILLED);
        Some(match step.outcome {
            Outcome::Exited(code) => CommandRunResult::finished(code, time, stdout, stderr),
            Outcome::Signalled(signal) => CommandRunResult::finished(-signal.0, time, stdout, stderr),
            Outcome::TimeLimit | Outcome::WallLimit | Outcome::IdleLimit | Outcome::InstructionLimit => {
                CommandRunResult::timed_out(time, stdout, stderr)
            }
            // The original has no status for these limits, and clients accept only its three statuses.
            Outcome::MemoryLimit | Outcome::OutputLimit => CommandRunResult::finished(killed(), time, stdout, stderr),
            Outcome::DiskLimit | Outcome::Cancelled => return None,
        })
    }
}

/// The text of a stream, truncated after this number of bytes. Uses no memory for the rest.
fn text(data: &[u8], bytes_max: usize) -> String {
    // The text is at least as long as the data. A character that begins within the maximum may end after it.
    const CHARACTER_BYTES_MAX: usize = 4;
    let data = &data[..data.len().min(bytes_max.saturating_add(CHARACTER_BYTES_MAX))];
    let mut text = String::from_utf8_lossy(data).into_owned();
    text.truncate(text.floor_char_boundary(bytes_max));
    text.shrink_to_fit();
    text
}

/// The beginning of a text, with at most this number of bytes.
pub(super) fn begin(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

impl RunCodeResponse {
    /// The response with these results, which determine its status.
    pub(super) fn of(compile: Option<CommandRunResult>, run: Option<CommandRunResult>) -> RunCodeResponse {
        let results = || compile.iter().chain(&run);
        let error = results().find(|result| result.status == CommandStatus::Error);
        let status = if error.is_some() {
            RunStatus::SandboxError
        } else if results().all(|result| result.return_code == Some(0)) {
            RunStatus::Success
        } else {
            RunStatus::Failed
        };
        let message = error.and_then(|error| error.stderr.clone()).unwrap_or_default();
        let (executor_pod_name, files) = (None, BTreeMap::new());
        RunCodeResponse { status, message, compile_result: compile, run_result: run, executor_pod_name, files }
    }

    /// The response with this result of the compiler. `is_compiled`: whether the original has a compile step for the
    /// language; otherwise, its run fails.
    pub(super) fn not_compiled(is_compiled: bool, result: CommandRunResult) -> RunCodeResponse {
        if is_compiled { RunCodeResponse::of(Some(result), None) } else { RunCodeResponse::of(None, Some(result)) }
    }

    /// The response to a failure outside the program. The message has the form of the original's exceptions, but
    /// bounded size: a refusal is small.
    pub(super) fn sandbox_error(code: &str, error: &str) -> RunCodeResponse {
        let (code, error) = (begin(code, CODE_BYTES_MAX), begin(error, ERROR_BYTES_MAX));
        let message = format!("exception on running code {code}: {error} None");
        RunCodeResponse { status: RunStatus::SandboxError, message, ..RunCodeResponse::of(None, None) }
    }

    /// The response for a judged program. `is_compiled`: whether the original has a compile step for the language.
    /// Longer streams are truncated.
    pub(super) fn of_report(
        report: &RunReport,
        code: &str,
        is_compiled: bool,
        compile_timeout: Duration,
        stream_bytes_max: usize,
    ) -> RunCodeResponse {
        let failure =
            || RunCodeResponse::sandbox_error(code, report.message.as_deref().unwrap_or("the sandbox failed"));
        let output = text(&compiler::messages(report), stream_bytes_max);
        let time = report.compile.as_ref().map_or(Duration::ZERO, |compile| compile.wall_time);
        let is_too_slow = is_compiled && time > compile_timeout;
        if is_too_slow || compiler::exceeded_limit(report).is_some_and(compiler::is_of_time) {
            return RunCodeResponse::not_compiled(
                is_compiled,
                CommandRunResult::timed_out(time, String::new(), output),
            );
        }
        if report.is_not_built() {
            let code = compiler::failure_code(report).unwrap_or(KILLED);
            let result = CommandRunResult::finished(code, time, String::new(), output);
            return RunCodeResponse::not_compiled(is_compiled, result);
        }
        let of_step = |step| CommandRunResult::of_step(step, stream_bytes_max);
        let Some(run) = report.execution.as_ref().and_then(of_step) else { return failure() };
        let compile = is_compiled.then(|| CommandRunResult::finished(0, time, String::new(), output));
        RunCodeResponse::of(compile, Some(run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_stream_uses_no_memory_for_the_rest() {
        let long = text(&vec![b'x'; 1 << 20], 100);
        assert_eq!((long.len(), long.capacity()), (100, 100));
        let invalid = text(&vec![0xff; 1 << 20], 100);
        assert_eq!(
            (invalid.len(), invalid.capacity()),
            (99, 99),
            "each invalid byte becomes a character of three bytes"
        );
    }

    #[test]
    fn a_truncated_stream_is_the_begin_of_the_whole_text() {
        let data = b"a\xc3\xa9\xe2\x82\xac\xff\xf0\x9f\x98\x80\xf0\x9f\xe2\x82 \xf0\x9f\x98\x80\xc3";
        let whole = String::from_utf8_lossy(data);
        for bytes_max in (0..=whole.len() + 1).chain([usize::MAX]) {
            assert_eq!(text(data, bytes_max), whole[..whole.floor_char_boundary(bytes_max)], "{bytes_max}");
        }
    }

    #[test]
    fn the_message_of_a_failure_is_bounded() {
        let (code, error) = ("x".repeat(1 << 20), "y".repeat(1 << 20));
        let message = RunCodeResponse::sandbox_error(&code, &error).message;
        assert!(message.len() < CODE_BYTES_MAX + ERROR_BYTES_MAX + 100, "{}", message.len());
        assert_eq!(RunCodeResponse::sandbox_error("x", "y").message, "exception on running code x: y None");
    }
}
