//! Submits for a client, waits for the result if the client asks for it, and responds.
//!
//! Programs, solutions and verifications share this file. Core decides whether a submission is accepted.

use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cupel_core::accounts::{GuestFault, Role};
use cupel_core::run::SubmissionRecord;
use cupel_core::{ExecuteRequest as CoreRequest, Executed, NewSubmission, Origin, SubmitError};
use cupel_http::app::Shared;
use cupel_http::body::Params;
use cupel_http::caller::{Caller, user_disabled};
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::idempotency::{self, mark_replayed};
use cupel_http::notes::NewlyAccepted;
use cupel_types::SubmissionId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::v1::answers;
use crate::v1::faults::{Shape, faults_of_core};
use crate::v1::problems::errors;
use crate::v1::response::accepted::Accepted;
use crate::v1::response::graded::ResponseParts;
use crate::v1::response::status::Status;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitParams {
    /// Delay the response until the submission has ended, at most this many seconds. The operator's maximum (30 seconds
    /// by default) always applies.
    #[serde(default)]
    #[param(minimum = 0.0, example = 10)]
    wait: Option<f64>,
}

/// The wait that the client requests, from `?wait=` or `Prefer: wait=` (RFC 7240).
pub(crate) struct Wait {
    pub(super) at_most: Option<Duration>,
    from_preference: bool,
}

impl Wait {
    /// The client does not wait.
    pub(super) const NONE: Wait = Wait { at_most: None, from_preference: false };
}

impl FromRequestParts<Shared> for Wait {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Wait, ApiError> {
        let Params(WaitParams { wait }) = Params::from_request_parts(parts, app).await?;
        let preferred = if wait.is_none() { preferred_wait(&parts.headers) } else { None };
        let at_most = match wait.or(preferred) {
            None => None,
            Some(seconds) if seconds.is_finite() && seconds >= 0.0 => {
                // A value too large for a duration exceeds any permitted maximum.
                let asked = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
                Some(asked.min(app.settings.wait_max))
            }
            Some(_) => {
                let detail = "`wait` must be a number of seconds, 0 or more.";
                return Err(ApiError::new(ErrorKind::InvalidParameter, detail));
            }
        };
        Ok(Wait { at_most, from_preference: preferred.is_some() })
    }
}

/// The seconds of the preference `wait`. A preference that cannot be parsed is ignored, as RFC 7240 requires.
fn preferred_wait(headers: &HeaderMap) -> Option<f64> {
    let preferences = headers.get_all(PREFER).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split([',', ';']));
    preferences
        .filter_map(|preference| preference.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, value)| value.trim().trim_matches('"').parse::<u32>().ok())
        .map(f64::from)
}

/// Executes one submission and responds with its result or, if it has not ended, its location. `shape`: the field names
/// that the client used.
pub(super) async fn respond(
    app: &Shared,
    caller: &Caller,
    wait: &Wait,
    request: CoreRequest<'_>,
    shape: Shape,
    receipt: Receipt,
    parts: ResponseParts,
) -> Result<Response, ApiError> {
    // If the user has too many long-lived responses, the client gets the id at once instead of waiting.
    let awaited = wait.at_most.and_then(|at_most| app.wait_of(&caller.identity, at_most));
    let applied = Wait { at_most: awaited.as_ref().map(|awaited| awaited.at_most), ..*wait };
    let request = CoreRequest { wait: awaited, ..request };
    let executed = app.core.execute(request).await.map_err(|error| refusal(error, |_| ("", shape)))?;
    let (id, is_repeated, status) = match executed {
        Executed::Finished { record, origin: Origin::Cache } => {
            return respond_cached(app, caller, *record, wait, receipt, parts).await;
        }
        Executed::Finished { record, origin } => {
            let (id, status) = (record.submission.id, Status::from(&record.state));
            let is_repeated = origin == Origin::RepeatedRequest;
            let answer = if is_repeated {
                // `parts` are those of the problem and version to which the request would be sent now.
                answers::for_viewer(app, &caller.viewer, *record).await
            } else {
                answers::one(app, caller.user, *record, parts).await
            };
            if let Ok(mut response) = answer {
                mark(&mut response, &applied, &[id], is_repeated);
                set_location(&mut response, header::CONTENT_LOCATION, receipt.location(id));
                return Ok(response);
            }
            // The budget for large responses is exhausted, or the store failed; the client can fetch the result later.
            (id, is_repeated, status)
        }
        Executed::Accepted { id, is_repeated, state } => {
            (id, is_repeated, state.as_ref().map_or(Status::Queued, Status::from))
        }
    };
    let accepted =
        Accepted { submission_id: id.to_string(), status, message: receipt.message.to_owned(), cached: false };
    let mut response = (StatusCode::ACCEPTED, Json(accepted)).into_response();
    set_location(&mut response, header::LOCATION, receipt.location(id));
    mark(&mut response, &applied, &[id], is_repeated);
    Ok(response)
}

/// Response with a cached result: the result if the client waits, otherwise 202 with the id of the earlier submission.
async fn respond_cached(
    app: &Shared,
    caller: &Caller,
    record: SubmissionRecord,
    wait: &Wait,
    receipt: Receipt,
    parts: ResponseParts,
) -> Result<Response, ApiError> {
    let id = record.submission.id;
    let (mut response, header) = if wait.at_most.is_some() {
        let parts = ResponseParts { cached: true, ..parts };
        (answers::one(app, caller.user, record, parts).await?, header::CONTENT_LOCATION)
    } else {
        let status = Status::from(&record.state);
        let message = "The result of an earlier, identical submission of yours".to_owned();
        let accepted = Accepted { submission_id: id.to_string(), status, message, cached: true };
        ((StatusCode::ACCEPTED, Json(accepted)).into_response(), header::LOCATION)
    };
    mark(&mut response, wait, &[], false);
    set_location(&mut response, header, receipt.location(id));
    Ok(response)
}

/// Texts about an accepted submission.
#[derive(Clone, Copy)]
pub(super) struct Receipt {
    /// Path prefix under which the submission can be fetched.
    place: &'static str,
    /// Human-readable message.
    message: &'static str,
}

impl Receipt {
    fn location(self, id: SubmissionId) -> String {
        format!("{}/{id}", self.place)
    }

    pub(super) const PROGRAM: Receipt = Receipt { place: "/api/v1/execute", message: Accepted::PROGRAM };
    /// Receipt of a solution.
    pub(super) const SOLUTION: Receipt = Receipt { place: "/api/v1/submissions", message: Accepted::PROGRAM };
    /// Receipt of a problem's verification.
    pub(super) const VERIFICATION: Receipt =
        Receipt { place: "/api/v1/submissions", message: "Problem submitted for verification" };
}

fn set_location(response: &mut Response, name: HeaderName, location: String) {
    if let Ok(value) = HeaderValue::try_from(location) {
        response.headers_mut().insert(name, value);
    }
}

/// Adds the applied preferences to the response and, for the trace, the created submissions. A repeated request creates
/// no submissions, because the first request with the same idempotency key created them; its response is marked as
/// replayed.
pub(super) fn mark(response: &mut Response, wait: &Wait, ids: &[SubmissionId], is_repeated: bool) {
    if is_repeated {
        mark_replayed(response);
    } else if !ids.is_empty() && cupel_traces::traces().is_some() {
        response.extensions_mut().insert(NewlyAccepted(ids.to_vec()));
    }
    if let Some(at_most) = wait.at_most
        && wait.from_preference
        && let Ok(value) = HeaderValue::try_from(format!("wait={}", at_most.as_secs()))
    {
        response.headers_mut().insert(PREFERENCE_APPLIED, value);
    }
}

/// Returns the submission as soon as it has ended, the client's wait is over, or the server shuts down. Returns `None`
/// if it does not exist for the caller.
pub(super) async fn awaited(
    app: &Shared,
    caller: &Caller,
    id: SubmissionId,
    wait: &Wait,
) -> Result<Option<SubmissionRecord>, ApiError> {
    let Some(at_most) = wait.at_most else { return Ok(app.core.submission(&caller.viewer, id).await?) };
    let _open = app.long_answers.begin(caller.user)?;
    tokio::select! {
        record = app.core.wait(&caller.viewer, id, at_most) => Ok(record?),
        () = app.wait_ends() => Ok(app.core.submission(&caller.viewer, id).await?),
    }
}

/// Refuses what a user with this role may not request.
pub(crate) fn permitted(role: Role, new: &NewSubmission) -> Result<(), ApiError> {
    new.permitted_to(role).map_err(|fault| {
        let what = match fault {
            GuestFault::Webhook => "`webhook` needs",
            GuestFault::RunAt => "`run_at` needs",
            GuestFault::Tests => "`tests` needs",
            GuestFault::Bytes => "More than 1 MiB of sources and input needs",
            GuestFault::Kind => "A submission that counts for statistics and standings needs",
        };
        ApiError::new(ErrorKind::Forbidden, format!("{what} an account. Register or sign in."))
    })
}

/// The API's error for a refused submission.
pub(crate) fn refusal<'b>(error: SubmitError, place: impl Fn(usize) -> (&'b str, Shape)) -> ApiError {
    match error {
        SubmitError::Invalid(faults) => faults_of_core(faults, place),
        SubmitError::QueueFull { retry_after } => {
            ApiError::new(ErrorKind::QueueFull, "The queue is full. Nothing was accepted. Try again later.")
                .retry_after(retry_after)
        }
        SubmitError::NoWorker { needs, pulling, retry_after } => {
            let names: Vec<String> = needs.iter().map(|language| format!("`{language}`")).collect();
            let lacking = match (names.as_slice(), pulling) {
                ([name], None) => name.clone(),
                ([name], Some((_, reason))) => format!("{name}: {reason}"),
                (names, None) => format!("all of these languages: {}", names.join(", ")),
                (names, Some((id, reason))) => {
                    format!("all of these languages: {} (`{id}`: {reason})", names.join(", "))
                }
            };
            let detail = format!("No live worker has {lacking}. Nothing was accepted. Try again later.");
            ApiError::new(ErrorKind::NoWorker, detail).retry_after(retry_after)
        }
        SubmitError::TooManyWaiting { most, retry_after } => ApiError::new(
            ErrorKind::TooManyWaiting,
            format!("You have {most} waiting and scheduled submissions, which is the maximum. Nothing was accepted."),
        )
        .retry_after(retry_after),
        SubmitError::OwnerDisabled => user_disabled(),
        SubmitError::IdempotencyMismatch => idempotency::mismatch(),
        SubmitError::RateExceeded(exceeded) => exceeded.into(),
        SubmitError::Package(error) => errors::refusal(*error),
        SubmitError::Store(error) => error.into(),
        SubmitError::Queue(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_preference_is_found_among_others() {
        let wait = |text: &str| preferred_wait(&HeaderMap::from_iter([(PREFER, HeaderValue::from_str(text).unwrap())]));
        assert_eq!(wait("wait=10"), Some(10.0));
        assert_eq!(wait("respond-async, Wait=\"5\"; foo=bar"), Some(5.0));
        assert_eq!(wait("respond-async"), None);
        assert_eq!(wait("wait=soon"), None);
    }
}
