//! Body of a webhook delivery, and its description in the OpenAPI document.

use cupel_core::disclosure::Disclosure;
use cupel_core::run::SubmissionRecord;
use cupel_types::{Bytes, LanguageId};
use serde::Serialize;
use utoipa::openapi::{HttpMethod, OpenApi, PathItem, Paths};
use utoipa::{Path, ToSchema};

use crate::v1::problems::points;
use crate::v1::response::status::Status;
use crate::v1::response::step::StartView;
use crate::v1::response::time::rfc3339;

/// A webhook's body: the result of a submission without its output. Fetch the output with
/// `GET /submissions/{submission_id}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "submission.finished", "timestamp": "2026-11-20T07:00:01.200Z",
    "data": {
        "submission_id": "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a", "status": "completed", "verdict": "AC",
        "language": "python", "execution_time_ms": 12, "start": "warm", "memory_used_kb": 9216, "score": null,
        "exit_code": 0, "submitted_at": "2026-11-20T07:00:00.120Z", "completed_at": "2026-11-20T07:00:01.200Z"
    }
}))]
pub(crate) struct WebhookEvent {
    /// Always `submission.finished`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Time at which the submission ended, the same for every try unless it is judged again. The header `webhook-timestamp` has the time of the
    /// try.
    #[schema(format = DateTime)]
    timestamp: String,
    /// The submission.
    data: WebhookData,
}

/// A submission that has ended. The fields mean the same as in `SubmissionView`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookData {
    /// The submission's id.
    submission_id: String,
    /// `completed`, `failed` or `cancelled`.
    status: Status,
    /// The submission's verdict.
    verdict: String,
    /// The language's id; `null` for the verification of a package.
    language: Option<String>,
    /// CPU time in milliseconds; with tests, of the slowest test.
    execution_time_ms: Option<u64>,
    /// How the program was started; `null` if its language has no warm start, or hidden tests of a problem ran.
    start: Option<StartView>,
    /// Peak memory in KiB; with tests, of the test with the most.
    memory_used_kb: Option<u64>,
    /// The score, if the problem has scores.
    score: Option<f64>,
    /// The exit code of the program, or of the compiler if compilation failed.
    exit_code: Option<i32>,
    /// Time at which the server had received the submission.
    #[schema(format = DateTime)]
    submitted_at: String,
    /// Time at which the submission reached its final state.
    #[schema(format = DateTime)]
    completed_at: Option<String>,
}

/// Body of the delivery for this submission, which has ended, as JSON.
pub fn webhook_body(record: &SubmissionRecord) -> String {
    // The event consists of strings and numbers, so it always serializes.
    serde_json::to_string(&WebhookEvent::of(record)).unwrap_or_default()
}

impl WebhookEvent {
    fn of(record: &SubmissionRecord) -> WebhookEvent {
        let report = record.report.as_ref();
        // Only submissions that have ended are reported, so each has a verdict, an end and a final status.
        let verdict = record.state.verdict().unwrap_or(cupel_types::Verdict::InternalError);
        let status = match Status::from(&record.state) {
            Status::Queued | Status::Running => Status::Failed,
            ended => ended,
        };
        let result = report.map(|report| Disclosure::SENDER.result(report));
        let figures = result.as_ref().map(|result| result.figures).unwrap_or_default();
        let exit_code = report.and_then(|report| match &report.execution {
            Some(step) => step.exit_code,
            None => report.exit_code_of_compiler(),
        });
        WebhookEvent {
            kind: "submission.finished",
            timestamp: rfc3339(record.completed_at.unwrap_or(record.submission.submitted_at)),
            data: WebhookData {
                submission_id: record.submission.id.to_string(),
                status,
                verdict: verdict.code().to_owned(),
                language: record.submission.language().map(LanguageId::as_str).map(str::to_owned),
                execution_time_ms: figures.cpu_time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
                start: figures.start.map(StartView::from),
                memory_used_kb: figures.memory.map(Bytes::as_kib),
                score: result.and_then(|result| result.grading?.score).map(points),
                exit_code,
                submitted_at: rfc3339(record.submission.submitted_at),
                completed_at: record.completed_at.map(rfc3339),
            },
        }
    }
}

/// A submission has ended.
///
/// The server sends this request to the `webhook` of the submission. Signatures follow the Standard Webhooks
/// convention: `webhook-signature` is `v1,` and the base64 HMAC-SHA256 of `webhook-id.webhook-timestamp.body`. The key
/// is the secret from `GET /auth/webhook-secret`: decode the base64 text after `whsec_`. Compare the signature in
/// constant time, and refuse old values of `webhook-timestamp`. A delivery that fails is repeated with the same
/// `webhook-id` and body. If the submission is judged again meanwhile, the delivery waits and has the new result.
#[utoipa::path(
    post, path = "submission.finished", tag = "submissions", operation_id = "submission_finished",
    params(
        ("webhook-id" = String, Header, description = "Id of the delivery, the same for every try", format = Uuid),
        ("webhook-timestamp" = i64, Header, description = "Time of this try, in seconds since 1970-01-01T00:00:00Z"),
        ("webhook-signature" = String, Header, description = "`v1,` and the signature in base64"),
    ),
    request_body = WebhookEvent,
    responses(
        (status = "2XX", description = "Received. The response body is ignored"),
        (status = 410, description = "The receiver is gone: the delivery is not repeated"),
        (status = "default", description = "Not received: the delivery is repeated later. Redirects are not followed"),
    ),
)]
#[expect(dead_code, reason = "only its documentation is used")]
fn submission_finished() {}

/// Adds the webhook to the document.
pub(crate) fn add_to(document: &mut OpenApi) {
    let mut webhooks = Paths::new();
    let item = PathItem::new(HttpMethod::Post, __path_submission_finished::operation());
    webhooks.paths.insert(__path_submission_finished::path(), item);
    document.webhooks = Some(webhooks);
    let mut schemas = vec![("WebhookEvent".to_owned(), <WebhookEvent as utoipa::PartialSchema>::schema())];
    WebhookEvent::schemas(&mut schemas);
    document.components.get_or_insert_default().schemas.extend(schemas);
}
