//! Solutions to a problem: trials on the samples or on the sender's input, submissions that count, and the list of
//! these submissions.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use cupel_core::problems::{SeenProblem, SubmissionFilter};
use cupel_core::{ExecuteRequest, NewSolution, NewSubmission, NewSubmissionKind};
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params, SubmissionBody};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_http::idempotency::IdempotencyKey;
use cupel_http::lists;
use cupel_http::notes::Notes;
use cupel_http::submission_rate::SubmissionRate;
use cupel_problem::Slug;
use cupel_types::{Cases, PriorityClass};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::seen;
use crate::csv::{self, Format};
use crate::v1::faults::{FormFaults, Shape};
use crate::v1::filters::{PageParams, language_of, one, twenty, verdict_of};
use crate::v1::intake::{self, Receipt, Wait, WaitParams};
use crate::v1::request::{self, FileRequest};
use crate::v1::response::accepted::Accepted;
use crate::v1::response::graded::ResponseParts;
use crate::v1::response::page::Pagination;
use crate::v1::response::submission::SubmissionView;
use crate::v1::response::summary::{self, CSV_CHUNK, SummaryView, WithProblem};

/// A solution. At least one of `source_code` and `files` is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "language": "python", "source_code": "print(sum(map(int, input().split())))" }))]
pub(crate) struct SolutionRequest {
    /// Id or alias of a language, see `GET /languages`; case-insensitive.
    #[schema(min_length = 1)]
    language: String,
    /// Version of the language, if several are installed, as for `POST /execute`.
    #[serde(default)]
    #[schema(min_length = 1)]
    version: Option<String>,
    /// The main source; never empty. Cupel gives the source file the usual name for the language or, if the compiler
    /// requires it, the name of the public type in the source.
    #[serde(default)]
    #[schema(min_length = 1)]
    source_code: Option<String>,
    /// Additional files. Without `source_code`, the first is the main source.
    #[serde(default, deserialize_with = "lists::files")]
    files: Vec<FileRequest>,
    /// URL that receives the result: `http` or `https`. A host that is, or resolves to, a private or reserved address
    /// is refused, unless the operator allows it.
    #[serde(default)]
    #[schema(max_length = 2048)]
    webhook: Option<String>,
}

/// A solution to try. At least one of `source_code` and `files` is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "language": "python", "source_code": "print(sum(map(int, input().split())))", "input": "1 2\n" }))]
pub(crate) struct TrialRequest {
    /// Id or alias of a language, see `GET /languages`; case-insensitive.
    #[schema(min_length = 1)]
    language: String,
    /// Version of the language, if several are installed, as for `POST /execute`.
    #[serde(default)]
    #[schema(min_length = 1)]
    version: Option<String>,
    /// The main source; never empty. Cupel gives the source file the usual name for the language or, if the compiler
    /// requires it, the name of the public type in the source.
    #[serde(default)]
    #[schema(min_length = 1)]
    source_code: Option<String>,
    /// Additional files. Without `source_code`, the first is the main source.
    #[serde(default, deserialize_with = "lists::files")]
    files: Vec<FileRequest>,
    /// Your own input, instead of the samples. For most problems, this is the program's standard input. For a function
    /// problem, it is the arguments, one JSON value per line. For a class problem, it is two JSON lists: the names of
    /// the class and of each method to call, and the arguments of each call. For an interactive problem, it is the
    /// interactor's input. The right answer is unknown, so `AC` only means that the program ended successfully.
    #[serde(default)]
    input: Option<String>,
    /// Another name for `input`.
    #[serde(default)]
    stdin: Option<String>,
    /// The input as base64, for binary data; send it instead of `input` or `stdin`.
    #[serde(default)]
    #[schema(pattern = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$")]
    stdin_base64: Option<String>,
}

/// Try a solution.
///
/// Runs the solution on the samples, or on your own input, for any kind of problem. The result does not count. With
/// `?wait=`, the response is delayed until the trial has ended or the wait is over. If the problem's programs write
/// their output to a file, `stdout` of a run on your own input is the content of that file.
#[utoipa::path(
    post, path = "/problems/{slug}/run", tag = "problems", operation_id = "run_solution",
    params(("slug" = String, Path, description = "The problem's slug"), WaitParams,
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request with the same key and body gets the id of the first request")),
    request_body = TrialRequest,
    responses(
        (status = 202, description = "Accepted. The program will run even if the server restarts", body = Accepted),
        (status = 200, description = "The submission ended within the requested wait", body = SubmissionView),
        (status = 404, description = "The problem does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "The submission was refused. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "You have exceeded your submission rate, or too many of your submissions are waiting. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue is full, no live worker has the language, a disk is full, or the store cannot be reached. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn run(
    State(app): State<Shared>,
    caller: Caller,
    Extension(notes): Extension<Notes>,
    Id(slug): Id<Slug>,
    wait: Wait,
    key: IdempotencyKey,
    body: SubmissionBody<TrialRequest>,
) -> Result<Response, ApiError> {
    let SubmissionBody { value, bytes, held } = body;
    let idempotency = key.for_request(&app, &format!("/api/v1/problems/{slug}/run"), &bytes);
    let seen = seen(&app, &caller.principal(), slug).await?;
    drop(bytes);
    let TrialRequest { language, version, source_code, files, input, stdin, stdin_base64 } = value;
    let shape = Shape::new(source_code.is_some(), input.is_some(), stdin_base64.is_some())
        .with_version(version.is_some(), false);
    let mut faults = FormFaults::default();
    let mut fault = |place: &str, detail: &str| faults.push("", place, detail);
    let has_input = input.is_some() || stdin.is_some() || stdin_base64.is_some();
    let input = request::standard_input(input, stdin, stdin_base64, "", &mut fault);
    let language = request::with_version(language, version);
    let source = request::source_of(language, source_code, files, &mut fault);
    faults.none()?;
    let cases = if has_input { Cases::Input(input) } else { Cases::Samples };
    let solution = NewSolution { source, of: seen.to_solve(), cases };
    let new = NewSubmission {
        priority: PriorityClass::Interactive,
        request_id: Some(notes.request_id().to_owned()),
        ..NewSubmission::new(NewSubmissionKind::Problem(solution))
    };
    intake::permitted(caller.identity.user.role, &new)?;
    let rate = SubmissionRate::new(&app, &caller, &notes);
    let on_stored = Box::new(|| drop(held));
    let request = ExecuteRequest { idempotency, on_stored, ..ExecuteRequest::new(caller.user, new, &rate) };
    intake::respond(&app, &caller, &wait, request, shape, Receipt::SOLUTION, parts_of(&seen)).await
}

/// Submit a solution.
///
/// The solution is judged on all tests, and the result counts. With `?wait=`, the response is delayed until the
/// solution has been judged or the wait is over.
#[utoipa::path(
    post, path = "/problems/{slug}/submissions", tag = "problems", operation_id = "submit_solution",
    params(("slug" = String, Path, description = "The problem's slug"), WaitParams,
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request with the same key and body gets the id of the first request")),
    request_body = SolutionRequest,
    responses(
        (status = 202, description = "Accepted. The solution will be judged even if the server restarts", body = Accepted),
        (status = 200, description = "The submission ended within the requested wait", body = SubmissionView),
        (status = 404, description = "The problem does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "The submission was refused. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "You have exceeded your submission rate, or too many of your submissions are waiting. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue is full, no live worker has the language, a disk is full, or the store cannot be reached. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submit(
    State(app): State<Shared>,
    caller: Caller,
    Extension(notes): Extension<Notes>,
    Id(slug): Id<Slug>,
    wait: Wait,
    key: IdempotencyKey,
    body: SubmissionBody<SolutionRequest>,
) -> Result<Response, ApiError> {
    let SubmissionBody { value, bytes, held } = body;
    let idempotency = key.for_request(&app, &format!("/api/v1/problems/{slug}/submissions"), &bytes);
    let seen = seen(&app, &caller.principal(), slug).await?;
    drop(bytes);
    let SolutionRequest { language, version, source_code, files, webhook } = value;
    let shape = Shape::new(source_code.is_some(), false, false).with_version(version.is_some(), false);
    let mut faults = FormFaults::default();
    let language = request::with_version(language, version);
    let source = request::source_of(language, source_code, files, &mut |place, detail| faults.push("", place, detail));
    faults.none()?;
    let solution = NewSolution { source, of: seen.to_solve(), cases: Cases::All };
    let new = NewSubmission {
        webhook,
        request_id: Some(notes.request_id().to_owned()),
        ..NewSubmission::new(NewSubmissionKind::Problem(solution))
    };
    let rate = SubmissionRate::new(&app, &caller, &notes);
    let on_stored = Box::new(|| drop(held));
    let request = ExecuteRequest { idempotency, on_stored, ..ExecuteRequest::new(caller.user, new, &rate) };
    intake::respond(&app, &caller, &wait, request, shape, Receipt::SOLUTION, parts_of(&seen)).await
}

fn parts_of(seen: &SeenProblem) -> ResponseParts {
    ResponseParts {
        disclosure: seen.disclosure(),
        slug: Some(seen.problem().slug.to_string()),
        version: Some(seen.problem().version),
        ..ResponseParts::default()
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SentParams {
    /// Whether submissions of all users are listed. Only for the problem's authors.
    #[serde(default)]
    all: bool,
    /// Only submissions with this verdict, such as `WA`.
    #[serde(default)]
    verdict: Option<String>,
    /// Only submissions in this language.
    #[serde(default)]
    language: Option<String>,
    /// With `csv`, the response is CSV with all submissions and without pages, as with `Accept: text/csv`.
    #[serde(default)]
    #[param(inline)]
    format: Option<Format>,
    /// Page number, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
    /// Entries per page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
}

/// A page of submissions to a problem.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentPage {
    submissions: Vec<SummaryView>,
    pagination: Pagination,
}

/// List your submissions to a problem, newest first, without runs on samples or on custom input. Authors can list those
/// of all users.
#[utoipa::path(
    get, path = "/problems/{slug}/submissions", tag = "problems", operation_id = "submissions_to_problem",
    params(("slug" = String, Path, description = "The problem's slug"), SentParams),
    responses(
        (status = 200, description = "A page", content((SentPage = "application/json"), (String = "text/csv"))),
        (status = 404, description = "The problem does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "There is no such language", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submissions(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    Params(params): Params<SentParams>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = PageParams { page: params.page, limit: params.limit };
    let offset = page.offset()?;
    let seen = seen(&app, &caller.principal(), slug).await?;
    let filter = SubmissionFilter {
        owner: (!params.all).then_some(caller.user),
        verdict: verdict_of(params.verdict.as_deref())?,
        language: language_of(&app, params.language.as_deref())?,
        ..SubmissionFilter::of(seen.problem().id)
    };
    let visible = seen.submissions(filter).ok_or_else(|| {
        let detail = "Only the authors of a problem may see the submissions of all users. An API key needs the scope \
                      `problems:write` for this.";
        ApiError::new(ErrorKind::Forbidden, detail)
    })?;
    if Format::of(params.format, &headers) == Format::Csv {
        let name = format!("{}-submissions", seen.problem().slug);
        let lines = summary::as_csv(WithProblem::No, move |before| {
            let (app, visible) = (app.clone(), visible.clone());
            async move { Ok(app.core.submissions_before(visible, before, CSV_CHUNK).await?) }
        });
        return Ok(csv::answer(&name, lines));
    }
    let (submissions, total) = app.core.submissions_to(visible, offset, page.limit).await?;
    let line = if params.all { SummaryView::with_owner } else { SummaryView::from };
    Ok(Json(SentPage {
        submissions: submissions.into_iter().map(line).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    })
    .into_response())
}
