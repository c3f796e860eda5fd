//! Runs a valid request, and collects the output of both streams in the order of its arrival.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cupel_core::{AuthenticatedUser, Idempotency, NewProgram, NewSource, NewSubmission};
use cupel_http::app::Shared;
use cupel_http::budget::Held;
use cupel_http::caller::Caller;
use cupel_http::error::ApiError;
use cupel_http::large_answer;
use cupel_http::notes::Notes;
use cupel_types::{Bytes, Limits, LimitsRequest, Live, RunReport, ToolOptions};
use serde_json::json;
use tokio::time::Instant;

use super::PISTON;
use super::files;
use super::interleave::both_streams;
use super::request::Job;
use super::response::{ExecuteResponse, Style};
use crate::execute::{Ended, Reached, Refusal, Run, Submit, execute, output_bytes};
use crate::program::{compiler_base, limits_within};

/// How long a request waits for its result, beyond its own time limits: the time for which programs wait in the queue.
pub(super) const QUEUE_TIME_MAX: Duration = Duration::from_secs(300);

/// Bytes of each stream after which a program is ended, if the original's limit applies. The original's limit counts
/// characters, which have up to four bytes. This limit is high enough that a stream that exceeds it also exceeds the
/// original's limit.
const STRICT_OUTPUT: Bytes = Bytes::kib(4);

/// Upper bound on the memory for one byte of output while the response is built: the byte, its replacement character in
/// buffers of up to twice the size (6), and in JSON (6), for the stream and for `output`.
const BYTES_PER_BYTE: usize = 25;

/// The submission for a request, which takes the files, the arguments and the input out of the job: they are not kept
/// while the program runs. `None` if the language was removed in the meantime.
pub(super) fn submission_of(app: &Shared, job: &mut Job, style: Style, live: Option<Live>) -> Option<NewProgram> {
    let registry = app.core.registry();
    let language = registry.get(&job.runtime.id)?;
    let (files, args) = (std::mem::take(&mut job.files), std::mem::take(&mut job.args));
    let stdin = std::mem::take(&mut job.stdin);
    Some(NewProgram {
        source: NewSource { language: job.runtime.id.as_str().to_owned(), files: files::for_language(files, language) },
        tools: ToolOptions { compiler_args: compiler_base(language, PISTON).to_vec(), ..ToolOptions::NONE },
        args,
        stdin: if live.is_some() { Arc::default() } else { Arc::from(stdin.into_bytes()) },
        limits: limits_of(job, style, language.limits_max, live.is_some()),
        live,
        ..NewProgram::default()
    })
}

/// Runs a request, and responds with its result.
pub(super) async fn run(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    mut job: Job,
    style: Style,
    (idempotency, held): (Option<Idempotency>, Option<Held>),
) -> Result<Response, ApiError> {
    let Some(program) = submission_of(app, &mut job, style, None) else {
        return Ok(message(StatusCode::INTERNAL_SERVER_ERROR, "The language is not installed any more."));
    };
    let new = NewSubmission { request_id: Some(notes.request_id().to_owned()), ..NewSubmission::from(program) };
    let deadline = Instant::now() + job.compile.wall_time + job.run.wall_time + QUEUE_TIME_MAX;
    let submit = Submit { new, idempotency, deadline, held };
    let (run, record) = match execute(app, caller, notes, submit).await {
        Ok(Ended::Finished(run, record)) => (run, record),
        Ok(Ended::TooLate(reached)) => {
            let reason = match reached {
                Reached::Queue => "Too many programs wait. Send the request again later.",
                Reached::Compiler(_) | Reached::Worker => {
                    "The program began too late to end in time. Send the request again later."
                }
            };
            return Ok(message(StatusCode::SERVICE_UNAVAILABLE, reason));
        }
        Err(Refusal::Program(reason)) => return Ok(message(StatusCode::INTERNAL_SERVER_ERROR, &reason)),
        Err(Refusal::Failed(error)) => return Err(error),
    };
    let viewer = AuthenticatedUser::of(caller.user);
    let output = match &record.report {
        Some(RunReport { execution: Some(step), .. }) => {
            let output = both_streams(&app.core, &viewer, run.id, step).await;
            Some(String::from_utf8_lossy(&output).into_owned())
        }
        _ => None,
    };
    let mut response = match record.report {
        Some(report) if ExecuteResponse::exists(&report) => {
            let bytes = output_bytes(&report);
            let build = move || ExecuteResponse::of(&report, output, &job, style);
            large_answer::json(app, caller.user, bytes, BYTES_PER_BYTE, build).await?
        }
        report => {
            let reason = report.and_then(|report| report.message);
            let reason = reason.unwrap_or_else(|| "The run was cancelled, or the sandbox failed.".to_owned());
            message(StatusCode::INTERNAL_SERVER_ERROR, &reason)
        }
    };
    Run::mark(&[run], &mut response);
    Ok(response)
}

/// A response with this message.
pub(super) fn message(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}

/// Limits of the run: at most the language's maxima.
fn limits_of(job: &Job, style: Style, max: Limits, is_live: bool) -> LimitsRequest {
    let output = match style.output_max() {
        // In the original, the output over a WebSocket is not limited.
        Some(_) if !is_live => STRICT_OUTPUT,
        Some(_) | None => max.output,
    };
    limits_within(max, job.run.cpu_time, job.run.wall_time, job.run.memory, output)
}
