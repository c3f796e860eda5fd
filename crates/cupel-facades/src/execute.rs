//! Runs a program for a client that waits for the result, as the originals do: while the queue is full, the request waits.

use std::time::Duration;

use cupel_core::run::SubmissionRecord;
use cupel_core::{AuthenticatedUser, ExecuteRequest, Executed, NewSubmission, SubmitError, Wait};
use cupel_http::app::Shared;
use cupel_http::auth::Via;
use cupel_http::budget::Held;
use cupel_http::caller::Caller;
use cupel_http::error::ApiError;
use cupel_http::notes::Notes;
use cupel_http::submission_rate::SubmissionRate;
use cupel_types::{RunReport, SubmissionId};
use tokio::time::Instant;

/// Maximum pause between two attempts to submit while the queue is full.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What happened to a program until the deadline.
pub(crate) enum Ended {
    /// It ended.
    Finished(SubmissionId, Box<SubmissionRecord>),
    /// It was accepted and did not end in time, so it was cancelled; or there was no room for it.
    TooLate,
}

/// Why a program was not accepted.
pub(crate) enum Refusal {
    /// It cannot be run here; the reason.
    Program(String),
    /// Any other error.
    Failed(ApiError),
}

/// Submits a program, and waits for its result until the deadline.
///
/// # Errors
///
/// If the program is refused, or if Cupel fails.
pub(crate) async fn execute(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    new: &NewSubmission,
    deadline: Instant,
    mut held: Option<Held>,
) -> Result<Ended, Refusal> {
    let rate = SubmissionRate::new(app, caller, notes);
    loop {
        match attempt(app, caller, new, &rate, deadline, &mut held).await {
            Ok((id, Some(record))) => return Ok(Ended::Finished(id, record)),
            Ok((id, None)) => {
                // The client no longer waits for the result.
                let _ = app.core.cancel(&AuthenticatedUser { user: caller.user, is_admin: false }, id).await;
                return Ok(Ended::TooLate);
            }
            Err(Unaccepted::Busy(pause)) => {
                let pause = pause.min(PAUSE_MAX);
                if Instant::now() + pause >= deadline || app.shutdown.is_cancelled() {
                    return Ok(Ended::TooLate);
                }
                tokio::time::sleep(pause).await;
            }
            Err(Unaccepted::Refused(refusal)) => return Err(refusal),
        }
    }
}

/// Why one attempt to submit did not succeed.
enum Unaccepted {
    /// The queue is full; the pause before another attempt.
    Busy(Duration),
    Refused(Refusal),
}

/// Submits once, and waits for the result until the deadline. Returns no record if the run has not ended by then.
async fn attempt(
    app: &Shared,
    caller: &Caller,
    new: &NewSubmission,
    rate: &SubmissionRate<'_>,
    deadline: Instant,
    held: &mut Option<Held>,
) -> Result<(SubmissionId, Option<Box<SubmissionRecord>>), Unaccepted> {
    // Clients without a key share one account, so their waiting requests are limited only in total.
    let slot = match caller.identity.via {
        Via::Keyless => app.long_answers.begin_shared(),
        Via::Session(_) | Via::Key { .. } => app.long_answers.begin(caller.user).ok(),
    };
    let Some(slot) = slot else { return Err(Unaccepted::Busy(PAUSE_MAX)) };
    let wait = Wait {
        at_most: deadline.saturating_duration_since(Instant::now()),
        given_up: Box::pin(app.shutdown.cancelled()),
        permit: Box::new(slot),
    };
    let request = ExecuteRequest {
        wait: Some(wait),
        on_stored: Box::new(|| drop(held.take())),
        ..ExecuteRequest::new(caller.user, new.clone(), rate)
    };
    match app.core.execute(request).await.map_err(unaccepted)? {
        Executed::Finished { record, .. } => Ok((record.submission.id, Some(record))),
        Executed::Accepted { id, .. } => Ok((id, None)),
    }
}

fn unaccepted(error: SubmitError) -> Unaccepted {
    Unaccepted::Refused(match error {
        SubmitError::QueueFull { retry_after }
        | SubmitError::NoWorker { retry_after, .. }
        | SubmitError::TooManyWaiting { retry_after, .. } => return Unaccepted::Busy(retry_after),
        error => refusal(error),
    })
}

/// The refusal for an error other than a full queue.
pub(crate) fn refusal(error: SubmitError) -> Refusal {
    match error {
        SubmitError::Invalid(faults) => {
            let faults: Vec<String> =
                faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect();
            Refusal::Program(faults.join("; "))
        }
        SubmitError::RateExceeded(exceeded) => Refusal::Failed(exceeded.into()),
        SubmitError::Store(error) => Refusal::Failed(error.into()),
        other => Refusal::Failed(ApiError::internal(&other)),
    }
}

/// Bytes of output in a report.
pub(crate) fn output_bytes(report: &RunReport) -> usize {
    let compile = report.compile.as_ref().map_or(0, |compile| compile.output.data.len());
    let run = report.execution.as_ref().map_or(0, |step| step.stdout.data.len() + step.stderr.data.len());
    let files: usize = report.files.iter().map(|file| file.content.data.len()).sum();
    compile + run + files
}
