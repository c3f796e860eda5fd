//! A submission, with its source and its result, and its runs. Core decides which parts of a result the viewer gets;
//! the texts of tests are read from the package here.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use cupel_core::disclosure::Disclosure;
use cupel_core::problems::Attempted;
use cupel_core::run::SubmissionRecord;
use cupel_http::app::Shared;
use cupel_http::body::Id;
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_problem::{Case, FileRef, Method, Package, Shown};
use cupel_types::{Cases, ContentHash, SubmissionId, SubmissionKind, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

use super::no_such_problem;
use super::text_budget::JsonTextBudget;
use super::view::points;
use crate::v1::answers;
use crate::v1::intake::Wait;
use crate::v1::response::graded::{ResponseParts, TestTexts};
use crate::v1::response::status::Status;
use crate::v1::response::time::rfc3339;

/// Maximum number of bytes of each text of a test, and of all texts of a response as JSON. Texts of failed tests come
/// first.
const TEST_TEXT_BYTES_MAX: u64 = 16 << 10;
const TEST_TEXTS_BYTES_MAX: usize = 256 << 10;

/// The parts of a visible submission that are sent to this viewer.
async fn parts_of(app: &Shared, attempted: &Attempted) -> Result<ResponseParts, ApiError> {
    let mut parts = ResponseParts { disclosure: attempted.disclosure(), with_files: true, ..ResponseParts::default() };
    if let (Some(of), Some(problem)) = (attempted.record().submission.of_problem(), attempted.problem()) {
        parts.slug = Some(problem.slug.to_string());
        parts.version = app.core.version_numbers(attempted).await?.get(&of.package).copied();
        parts.tests = texts_of(app, attempted.record(), of.package, parts.disclosure).await?;
    }
    Ok(parts)
}

/// The texts of the tests that were run and that the viewer may see.
async fn texts_of(
    app: &Shared,
    record: &SubmissionRecord,
    package: ContentHash,
    disclosure: Disclosure,
) -> Result<HashMap<String, TestTexts>, ApiError> {
    let is_custom_input = matches!(&record.submission.kind, SubmissionKind::Problem(solution) if matches!(solution.cases, Cases::Input(_)));
    let report = record.report.as_ref().filter(|_| !is_custom_input);
    let grading = report.and_then(|report| disclosure.result(report).grading);
    let mut seen = grading.map(|grading| grading.cases).unwrap_or_default();
    seen.retain(|case| case.verdict != Some(Verdict::Skipped));
    seen.sort_by_key(|case| case.verdict == Some(Verdict::Accepted));
    let names: Vec<String> = seen.into_iter().filter_map(|case| case.name.map(str::to_owned)).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let imported = match app.core.package(package).await {
        Ok(imported) => imported,
        Err(error) => {
            // The result is complete without the texts.
            tracing::warn!(error = cupel_core::chain(&error), "the package of a result cannot be read");
            return Ok(HashMap::new());
        }
    };
    let rendered = tokio::task::spawn_blocking(move || {
        let package = &imported.package;
        let cases: HashMap<&str, &Case> = package.problem.tests.cases().map(|case| (case.id.as_str(), case)).collect();
        let mut room = JsonTextBudget::of(TEST_TEXTS_BYTES_MAX);
        let mut texts = HashMap::new();
        for name in names {
            if room.is_used_up() {
                break;
            }
            if let Some(case) = cases.get(name.as_str()) {
                texts.insert(name, test_texts(package, case, &mut room)?);
            }
        }
        Ok(texts)
    });
    rendered.await.map_err(|e| ApiError::internal(&e))?.map_err(|e: std::io::Error| ApiError::internal(&e))
}

/// The texts of a sample are those of the statement. A program that talks to an interactor has no expected output.
fn test_texts(package: &Package, case: &Case, room: &mut JsonTextBudget) -> std::io::Result<TestTexts> {
    let (input, answer) = match &case.shown {
        Some(Shown::Conversation(_)) => (None, None),
        Some(Shown::Pair { input, answer }) => (Some(input), answer.as_ref()),
        None if matches!(*case.method, Method::Interact(_)) => (Some(&case.input), None),
        None => (Some(&case.input), case.answer.as_ref()),
    };
    let mut truncated = false;
    let mut text = |file: &FileRef| {
        let (text, is_cut) = room.text_of(package, file, TEST_TEXT_BYTES_MAX)?;
        truncated |= is_cut;
        Ok::<_, std::io::Error>(text)
    };
    let (input, expected_output) = (input.map(&mut text).transpose()?, answer.map(&mut text).transpose()?);
    Ok(TestTexts { input, expected_output, truncated })
}

/// Get a submission, with its source and its result.
///
/// You may get your own submissions; authors of a problem may also get all submissions to it, and organizers of a
/// contest those that count in it. With `?wait=`, the response is delayed until the submission has ended or the wait is
/// over.
#[utoipa::path(
    get, path = "/submissions/{submission_id}", tag = "submissions", operation_id = "submission_in_full",
    params(("submission_id" = String, Path, description = "The submission's id", format = Uuid), crate::v1::intake::WaitParams),
    responses(
        (status = 200, description = "The submission in its current state", body = crate::v1::response::submission::SubmissionView),
        (status = 404, description = "The submission does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "You have too many large responses open", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submission(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
    wait: Wait,
) -> Result<Response, ApiError> {
    let mut attempted =
        app.core.attempted(&caller.viewer, id).await?.ok_or_else(|| ApiError::not_found("submission"))?;
    if let Some(at_most) = wait.at_most
        && !attempted.record().state.is_final()
    {
        let open = app.long_answers.begin(caller.user)?;
        tokio::select! {
            waited = app.core.wait_until_ended(attempted, at_most) => waited?,
            () = app.wait_ends() => {}
        }
        drop(open);
        // Whether the caller may see the submission is checked again.
        let now = app.core.attempted(&caller.viewer, id).await?;
        attempted = now.ok_or_else(|| ApiError::not_found("submission"))?;
    }
    let parts = parts_of(&app, &attempted).await?;
    answers::one(&app, caller.user, attempted.into_record(), parts).await
}

/// A run of a submission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunView {
    /// The run's id.
    run_id: String,
    /// The run's status.
    status: Status,
    /// The run's verdict, once there is one.
    verdict: Option<&'static str>,
    /// The run's score, if it has one.
    score: Option<f64>,
    /// Number of the problem version against which the run is judged.
    version: Option<u32>,
    /// Time at which the run began.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// Time at which the run ended.
    #[schema(format = DateTime)]
    completed_at: Option<String>,
}

/// The newest runs of a submission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunViews {
    /// Newest first.
    runs: Vec<RunView>,
}

/// List the runs of a submission to a problem, with their verdicts.
#[utoipa::path(
    get, path = "/submissions/{submission_id}/runs", tag = "submissions", operation_id = "runs",
    params(("submission_id" = String, Path, description = "The submission's id", format = Uuid)),
    responses(
        (status = 200, description = "At most 100 runs, newest first", body = RunViews),
        (status = 404, description = "The submission does not exist, is not a submission to a problem, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn runs(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<Json<RunViews>, ApiError> {
    let attempted = app.core.attempted(&caller.viewer, id).await?.ok_or_else(|| ApiError::not_found("submission"))?;
    if attempted.problem().is_none() {
        return Err(no_such_problem());
    }
    let numbers = app.core.version_numbers(&attempted).await?;
    let runs = app.core.runs_of(&attempted).await?.into_iter().map(|run| RunView {
        run_id: run.run.to_string(),
        status: Status::from(&run.state),
        verdict: run.state.verdict().map(Verdict::code),
        score: run.score.map(points),
        version: run.package.and_then(|package| numbers.get(&package).copied()),
        started_at: run.started_at.map(rfc3339),
        completed_at: run.completed_at.map(rfc3339),
    });
    Ok(Json(RunViews { runs: runs.collect() }))
}
