//! `/execute`: submit, get, wait for and cancel programs; single and in batches.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cupel_core::{ExecuteRequest as CoreRequest, NewSubmission};
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params, SubmissionBody};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_http::idempotency::IdempotencyKey;
use cupel_http::notes::Notes;
use cupel_http::rate_limit::RateClass;
use cupel_http::submission_rate::SubmissionRate;
use cupel_types::SubmissionId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::answers;
use crate::v1::faults::{FormFaults, Shape};
use crate::v1::intake::{Receipt, Wait, WaitParams, awaited, mark, permitted, refusal, respond};
use crate::v1::request::{BatchRequest, ExecuteRequest};
use crate::v1::response::accepted::{Accepted, AcceptedBatch};
use crate::v1::response::graded::ResponseParts;
use crate::v1::response::status::Status;
use crate::v1::response::submission::{SubmissionView, SubmissionViews};

/// Maximum number of ids per request.
const IDS_MAX: usize = 100;

/// Submit a program.
///
/// The server responds at once with an id, and runs the program when a worker is free. With `?wait=` (or `Prefer:
/// wait=`), the response is delayed until the program has ended or the wait is over. If the program has ended, the
/// response has status 200 and the whole submission. If you already have the maximum number of delayed responses, the
/// server does not wait, and responds with 202. With `cache`, the response may be the result of an earlier submission
/// of yours. A cached result is not charged.
#[utoipa::path(
    post, path = "/execute", tag = "execute", operation_id = "execute",
    params(WaitParams,
        ("Prefer" = Option<String>, Header, description = "`wait=SECONDS`; the same as `?wait=`"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request with the same key and body gets the ids of the first request")),
    request_body = ExecuteRequest,
    responses(
        (status = 202, description = "Accepted. The program will run even if the server restarts. Without a wait, a cached result is also reported with 202: `cached` is `true`, and `status` is final", body = Accepted, headers(("Location" = String, description = "URL of the result"))),
        (status = 200, description = "The program ended within the requested wait, or its result was cached (`cached`)", body = SubmissionView),
        (status = 403, description = "A guest sent `webhook`, `run_at`, `tests` or more than 1 MiB, for which an account is needed. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "The submission was refused. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "You have exceeded your submission rate, or too many of your submissions are waiting. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue is full, no live worker has the language, a disk is full, or the store cannot be reached. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn execute(
    State(app): State<Shared>,
    caller: Caller,
    Extension(notes): Extension<Notes>,
    wait: Wait,
    key: IdempotencyKey,
    body: SubmissionBody<ExecuteRequest>,
) -> Result<Response, ApiError> {
    let SubmissionBody { value, bytes, held } = body;
    let shape = value.shape();
    let accepts_cached = value.cache == Some(true);
    let mut faults = FormFaults::default();
    let new = value.into_new("", notes.request_id(), &mut faults);
    let Some(new) = new else { return Err(faults.into_error()) };
    permitted(caller.identity.user.role, &new)?;
    let idempotency = key.for_request(&app, "/api/v1/execute", &bytes);
    drop(bytes);
    let rate = SubmissionRate::new(&app, &caller, &notes);
    let request = CoreRequest {
        idempotency,
        accepts_cached,
        on_stored: Box::new(|| drop(held)),
        ..CoreRequest::new(caller.user, new, &rate)
    };
    respond(&app, &caller, &wait, request, shape, Receipt::PROGRAM, ResponseParts::default()).await
}

/// Charges a request as one submission.
pub(super) async fn pay_one(app: &Shared, caller: &Caller, notes: &Notes) -> Result<(), ApiError> {
    let (note, charged) = app.limits.take(caller.user, RateClass::Submissions, &caller.rates, 1).await;
    notes.set_rate(note);
    charged
}

/// Submit many programs, all or none.
///
/// Each submission of a batch is charged. A batch larger than your tier's burst is accepted only if your whole burst is
/// available.
#[utoipa::path(
    post, path = "/execute/batch", tag = "execute", operation_id = "execute_batch",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request with the same key and body gets the ids of the first request")),
    request_body = BatchRequest,
    responses(
        (status = 202, description = "All submissions were accepted", body = AcceptedBatch),
        (status = 422, description = "A submission was refused. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "You have exceeded your submission rate, or too many of your submissions are waiting. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue is full, no live worker has the language, a disk is full, or the store cannot be reached. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn execute_batch(
    State(app): State<Shared>,
    caller: Caller,
    Extension(notes): Extension<Notes>,
    key: IdempotencyKey,
    body: SubmissionBody<BatchRequest>,
) -> Result<Response, ApiError> {
    let mut faults = FormFaults::default();
    if body.value.submissions.is_empty() {
        faults.push("/submissions", "", "Send at least one submission.");
        return Err(faults.into_error());
    }
    let shapes: Vec<Shape> = body.value.submissions.iter().map(ExecuteRequest::shape).collect();
    let new: Vec<Option<NewSubmission>> = body
        .value
        .submissions
        .into_iter()
        .enumerate()
        .map(|(index, one)| one.into_new(&format!("/submissions/{index}"), notes.request_id(), &mut faults))
        .collect();
    let Some(new) = new.into_iter().collect::<Option<Vec<_>>>() else {
        return Err(faults.into_error());
    };
    let idempotency = key.for_request(&app, "/api/v1/execute/batch", &body.bytes);
    let place = |index: usize| ("/submissions/{}", shapes.get(index).copied().unwrap_or(Shape::default()));
    let rate_limit = SubmissionRate::new(&app, &caller, &notes);
    let submitted = app.core.submit(caller.user, new, idempotency, &rate_limit).await;
    let submitted = submitted.map_err(|error| refusal(error, place))?;
    let batch = AcceptedBatch { submissions: submitted.ids.iter().copied().map(Accepted::new).collect() };
    let mut response = (StatusCode::ACCEPTED, Json(batch)).into_response();
    mark(&mut response, &Wait::NONE, &submitted.ids, submitted.repeated);
    Ok(response)
}

/// Get a submission.
///
/// With `?wait=`, the response is delayed until the submission has ended or the wait is over.
#[utoipa::path(
    get, path = "/execute/{submission_id}", tag = "execute", operation_id = "submission",
    params(("submission_id" = String, Path, description = "The id from the response to `POST /execute`", format = Uuid), WaitParams),
    responses(
        (status = 200, description = "The submission in its present state", body = SubmissionView),
        (status = 404, description = "The submission does not exist, or it belongs to another user", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "You have too many large responses open", body = ErrorBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached, or too many large responses are open", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submission(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
    wait: Wait,
) -> Result<Response, ApiError> {
    let record = awaited(&app, &caller, id, &wait).await?;
    let record = record.ok_or_else(|| ApiError::not_found("submission"))?;
    answers::for_sender(&app, caller.user, record).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct IdsParams {
    /// Up to 100 ids, separated by commas.
    #[param(example = "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a,0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3b")]
    ids: String,
}

/// Get many submissions.
#[utoipa::path(
    get, path = "/execute", tag = "execute", operation_id = "submissions_by_id",
    params(IdsParams),
    responses(
        (status = 200, description = "The submissions that exist and are yours, in the order of the request", body = SubmissionViews),
        (status = 429, description = "You have too many large responses open", body = ErrorBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be reached, or too many large responses are open", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submissions_by_id(
    State(app): State<Shared>,
    caller: Caller,
    Params(params): Params<IdsParams>,
) -> Result<Response, ApiError> {
    let texts: Vec<&str> = params.ids.split(',').map(str::trim).filter(|t| !t.is_empty()).take(IDS_MAX + 1).collect();
    if texts.is_empty() || texts.len() > IDS_MAX {
        return Err(ApiError::new(
            ErrorKind::InvalidParameter,
            format!("`ids` must be 1 to {IDS_MAX} ids, separated by commas."),
        ));
    }
    let parsed = texts.iter().zip(1..).map(|(text, n)| {
        let fault = || format!("`ids`: number {n} is not the id of a submission.");
        text.parse::<SubmissionId>().map_err(|_| ApiError::new(ErrorKind::InvalidParameter, fault()))
    });
    let ids: Vec<SubmissionId> = parsed.collect::<Result<_, _>>()?;
    answers::many(app, caller.viewer, &ids).await
}

/// Result of a cancellation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CancelView {
    /// The submission.
    submission_id: String,
    /// `cancelled`, or the final status if the submission had already ended.
    status: Status,
}

/// Cancel a submission.
///
/// A running program is stopped. Cancelling a submission that has ended changes nothing; `status` is its final status.
/// Only an administrator can cancel a submission to a problem of a running contest, and the rejudge of a submission
/// that has a verdict.
#[utoipa::path(
    delete, path = "/execute/{submission_id}", tag = "execute", operation_id = "cancel",
    params(("submission_id" = String, Path, description = "The id from the response to `POST /execute`", format = Uuid)),
    responses(
        (status = 200, description = "The status of the submission", body = CancelView),
        (status = 404, description = "The submission does not exist, or it belongs to another user", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "The submission counts in a contest, or is judged again", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<Json<CancelView>, ApiError> {
    let state = app.core.cancel(&caller.viewer, id).await?.ok_or_else(|| ApiError::not_found("submission"))?;
    Ok(Json(CancelView { submission_id: id.to_string(), status: Status::from(&state) }))
}
