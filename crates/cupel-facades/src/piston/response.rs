//! The response of `POST /execute`: one object per stage.

use std::time::Duration;

use cupel_types::{Outcome, Output, RunReport, Signal, StepReport};
use serde::Serialize;

use super::request::Job;
use crate::compiler;

/// How closely the responses follow the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// With the original's limits and its description of a crash, which is the exit code of the shell that starts the
    /// program.
    Strict,
    /// With Cupel's limits, the exact signal, and the reason why a program was killed.
    Improved,
}

impl Style {
    /// Maximum number of UTF-16 units of each stream in a response, if the original's limit applies.
    pub(super) const fn output_max(self) -> Option<usize> {
        match self {
            Style::Strict => Some(1024),
            Style::Improved => None,
        }
    }
}

/// Body of a response.
#[derive(Debug, Serialize)]
pub(super) struct ExecuteResponse {
    pub(super) language: String,
    pub(super) version: String,
    pub(super) run: Stage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compile: Option<Stage>,
}

/// Result of a stage.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Stage {
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// Both streams, in the order in which the output arrived.
    pub(super) output: String,
    pub(super) code: Option<i32>,
    pub(super) signal: Option<String>,
    pub(super) message: Option<String>,
    pub(super) status: Option<Status>,
    /// Milliseconds.
    pub(super) cpu_time: Option<u64>,
    /// Milliseconds.
    pub(super) wall_time: Option<u64>,
    /// Kibibytes times 1,000, as in the original.
    pub(super) memory: Option<u64>,
}

/// How a stage ended, unless its exit code is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Status {
    /// Exit code other than 0.
    #[serde(rename = "RE")]
    RuntimeError,
    /// Killed by a signal.
    #[serde(rename = "SG")]
    Signal,
    /// CPU time or wall-clock time limit.
    #[serde(rename = "TO")]
    TimeLimit,
    /// Too much standard output.
    #[serde(rename = "OL")]
    OutputLimit,
    /// Too much standard error.
    #[serde(rename = "EL")]
    ErrorLimit,
    /// The sandbox failed.
    #[serde(rename = "XX")]
    SandboxError,
}

/// How a stage ended, as code, signal, message and status.
struct End {
    code: Option<i32>,
    signal: Option<String>,
    message: Option<String>,
    status: Option<Status>,
}

impl End {
    fn exited(code: i32) -> End {
        let failed = code != 0;
        End {
            code: Some(code),
            signal: None,
            message: failed.then(|| format!("Exited with error status {code}")),
            status: failed.then_some(Status::RuntimeError),
        }
    }

    fn killed(status: Status, message: &str) -> End {
        let signal = Some("SIGKILL".to_owned());
        End { code: None, signal, message: Some(message.to_owned()), status: Some(status) }
    }

    fn signalled(signal: i32, style: Style) -> End {
        match style {
            // In the original, the shell that starts the program survives, and exits with this code.
            Style::Strict => End::exited(128 + signal),
            Style::Improved => End {
                code: None,
                signal: Some(signal_name(signal)),
                message: Some(format!("Caught fatal signal {signal}")),
                status: Some(Status::Signal),
            },
        }
    }

    fn of(outcome: Outcome, style: Style) -> End {
        match outcome {
            Outcome::Exited(code) => End::exited(code),
            Outcome::Signalled(signal) => End::signalled(signal.0, style),
            Outcome::TimeLimit | Outcome::InstructionLimit => End::killed(Status::TimeLimit, "Time limit exceeded"),
            Outcome::WallLimit | Outcome::IdleLimit => {
                End::killed(Status::TimeLimit, "Time limit exceeded (wall clock)")
            }
            Outcome::MemoryLimit => End::killed(
                Status::Signal,
                match style {
                    Style::Strict => "Caught fatal signal 9",
                    Style::Improved => "Memory limit exceeded",
                },
            ),
            // One of the streams is longer than the limit. `Stage::limited` names the stream.
            Outcome::OutputLimit => End::killed(Status::OutputLimit, "stdout length exceeded"),
            Outcome::DiskLimit => End::killed(Status::SandboxError, "Disk limit exceeded"),
            Outcome::Cancelled => End::killed(Status::SandboxError, "The run was cancelled"),
        }
    }
}

/// The name of a signal, such as `SIGSEGV`.
pub(super) fn signal_name(signal: i32) -> String {
    Signal(signal).name().map_or_else(|| format!("SIG{signal}"), |name| format!("SIG{name}"))
}

impl Stage {
    fn new(end: End, stdout: String, stderr: String, output: String) -> Stage {
        let End { code, signal, message, status } = end;
        let (cpu_time, wall_time, memory) = (None, None, None);
        Stage { stdout, stderr, output, code, signal, message, status, cpu_time, wall_time, memory }
    }

    /// The stage of an execution. `output` has both streams in the order of arrival, if that is known.
    fn of_step(step: &StepReport, output: Option<String>, style: Style, output_max: Option<usize>) -> Stage {
        let (stdout, stderr) = (text(&step.stdout), text(&step.stderr));
        let output = output.unwrap_or_else(|| format!("{stdout}{stderr}"));
        let mut end = End::of(step.outcome, style);
        if step.outcome == Outcome::OutputLimit && !step.stdout.truncated {
            end = End::killed(Status::ErrorLimit, "stderr length exceeded");
        }
        Stage {
            cpu_time: Some(step.usage.cpu_time.as_millis() as u64),
            wall_time: Some(step.usage.wall_time.as_millis() as u64),
            memory: Some(step.usage.memory.as_kib() * 1000),
            ..Stage::new(end, stdout, stderr, output)
        }
        .limited(output_max)
    }

    /// The stage with at most this number of UTF-16 units of each stream. A stage with more output was killed.
    fn limited(mut self, output_max: Option<usize>) -> Stage {
        let Some(max) = output_max else { return self };
        // It is not known which stream reached the limit first. If both did, standard output is reported, as by the
        // original's final check.
        let too_long = [
            (cut(&mut self.stderr, max), Status::ErrorLimit, "stderr length exceeded"),
            (cut(&mut self.stdout, max), Status::OutputLimit, "stdout length exceeded"),
        ];
        for (_, status, message) in too_long.into_iter().filter(|(is_cut, ..)| *is_cut) {
            self.signal = Some("SIGKILL".to_owned());
            (self.status, self.message) = (Some(status), Some(message.to_owned()));
            // The beginning of the output in the order of its arrival could lack one of the streams.
            self.output = format!("{}{}", self.stdout, self.stderr);
        }
        self
    }
}

/// Shortens a text to this many UTF-16 units. Returns whether it was longer.
fn cut(text: &mut String, max: usize) -> bool {
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > max
    });
    let Some((end, _)) = end else { return false };
    text.truncate(end);
    true
}

/// Wall-clock time of the compilation.
fn compile_time(report: &RunReport) -> Duration {
    report.compile.as_ref().map_or(Duration::ZERO, |compile| compile.wall_time)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.data).into_owned()
}

impl ExecuteResponse {
    /// Whether there is a result to report; otherwise Cupel failed, or the run was cancelled.
    pub(super) fn exists(report: &RunReport) -> bool {
        report.execution.is_some() || report.is_not_built()
    }

    /// The response for a judged program. `None`: see [`ExecuteResponse::exists`].
    pub(super) fn of(report: &RunReport, output: Option<String>, job: &Job, style: Style) -> Option<ExecuteResponse> {
        let is_too_slow = compile_time(report) > job.compile.wall_time;
        ExecuteResponse::limited(report, output, job, style, style.output_max(), is_too_slow)
    }

    /// The stages of a live run. The client has received the output already, which is not limited, as in the original.
    /// The client also knows already that a compilation succeeded.
    pub(super) fn of_live(report: &RunReport, job: &Job, style: Style) -> Option<ExecuteResponse> {
        let is_too_slow = report.execution.is_none() && compile_time(report) > job.compile.wall_time;
        ExecuteResponse::limited(report, None, job, style, None, is_too_slow)
    }

    fn limited(
        report: &RunReport,
        output: Option<String>,
        job: &Job,
        style: Style,
        output_max: Option<usize>,
        is_too_slow: bool,
    ) -> Option<ExecuteResponse> {
        let is_compiled = job.runtime.is_compiled.unwrap_or(report.compile.is_some());
        let messages = String::from_utf8_lossy(&compiler::messages(report)).into_owned();
        let stage = |end| {
            let wall_time = Some(compile_time(report).as_millis() as u64);
            Stage { wall_time, ..Stage::new(end, String::new(), messages.clone(), messages.clone()) }
        };
        // If the original has no compile stage for a language, a failed compilation is a failed run there.
        let failed = match compiler::exceeded_limit(report) {
            _ if is_compiled && is_too_slow => Some(End::of(Outcome::WallLimit, style)),
            Some(limit) => Some(End::of(limit, style)),
            None if report.is_not_built() => Some(End::exited(compiler::failure_code(report).unwrap_or(1))),
            None => None,
        };
        let failed = failed.map(stage);
        let (run, compile) = match failed {
            Some(failed) => {
                let failed = failed.limited(output_max);
                (failed.clone(), is_compiled.then_some(failed))
            }
            None => {
                let run = Stage::of_step(report.execution.as_ref()?, output, style, output_max);
                // The original has a compile stage even where Cupel has none.
                (run, is_compiled.then(|| stage(End::exited(0)).limited(output_max)))
            }
        };
        let (language, version) = (job.runtime.language.clone(), job.runtime.version.clone());
        Some(ExecuteResponse { language, version, run, compile })
    }
}
