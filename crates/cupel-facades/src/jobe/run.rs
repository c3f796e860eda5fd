//! Runs a valid request.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cupel_core::{Idempotency, NewSubmission};
use cupel_http::app::Shared;
use cupel_http::budget::Held;
use cupel_http::caller::Caller;
use cupel_http::error::ApiError;
use cupel_http::large_answer;
use cupel_http::notes::Notes;
use tokio::time::Instant;

use super::request::Job;
use super::response::RunResponse;
use super::text;
use crate::execute::{Ended, Refusal, Run, Submit, execute, output_bytes};

/// How long a request waits for a slot and for its compilation, beyond its wall time limit. The original waits 10 s for
/// a slot. Proxies usually end a request after 60 s or more without a byte.
const QUEUE_TIME_MAX: Duration = Duration::from_secs(60);

/// Upper bound on the memory for one byte of output while the response is built. It is the sum of the byte itself, its
/// escape `\xNN` in buffers of up to twice the size (8), and the escape in JSON (5, twice).
const BYTES_PER_BYTE: usize = 19;

/// Runs a job, and responds with its result.
pub(super) async fn run(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    job: Job,
    idempotency: Option<Idempotency>,
    held: Option<Held>,
) -> Result<Response, ApiError> {
    let Job { program, reading } = job;
    let wall_time = program.limits.wall_time.unwrap_or_default();
    let new = NewSubmission { request_id: Some(notes.request_id().to_owned()), ..NewSubmission::from(program) };
    let deadline = Instant::now() + wall_time + QUEUE_TIME_MAX;
    let submit = Submit { new, idempotency, deadline, held };
    let (run, record) = match execute(app, caller, notes, submit).await {
        Ok(Ended::Finished(run, record)) => (run, record),
        // The original limits a compiler like the program.
        Ok(Ended::TooLate(reached)) if reached.is_compiler_over(wall_time) => {
            return Ok(Json(RunResponse::not_compiled("The compiler did not end in time.")).into_response());
        }
        Ok(Ended::TooLate(_)) => return Ok(Json(RunResponse::overloaded()).into_response()),
        Err(Refusal::Program(reason)) => return Ok(text(StatusCode::BAD_REQUEST, &reason)),
        Err(Refusal::Failed(error)) => return Err(error),
    };
    let mut response = match record.report {
        Some(report) => {
            let bytes = output_bytes(&report);
            let build = move || RunResponse::of(&report, &reading, run.id);
            large_answer::json(app, caller.user, bytes, BYTES_PER_BYTE, build).await?
        }
        None => Json(RunResponse::failed("The run was cancelled, or the sandbox failed.")).into_response(),
    };
    Run::mark(&[run], &mut response);
    Ok(response)
}
