//! Sending solutions: to be tried on samples, or to count.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use cupel_core::problems::{NewSolution, SubmissionFilter};
use cupel_core::run::SubmissionSummary;
use cupel_problem::Slug;
use cupel_types::Cases;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::rejudge::{language_of, verdict_of};
use super::result::Told;
use super::{refusal, seen};
use crate::app::Shared;
use crate::auth::Caller;
use crate::body::{Id, Params, SubmissionBody};
use crate::edge::Notes;
use crate::lists;
use crate::problem::{Problem, ProblemBody, ProblemKind};
use crate::v1::execute::{self, IdempotencyKey, Wait, WaitParams};
use crate::v1::faults::{FormFaults, Shape};
use crate::v1::request::{ExecuteRequest, FileRequest, Priority};
use crate::v1::response::{Accepted, Pagination, SubmissionView, SummaryView};
use crate::v1::submissions::{PageParams, one, twenty};

/// A solution. One of `source_code` and `files` is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "language": "python", "source_code": "print(sum(map(int, input().split())))" }))]
pub(crate) struct SolutionRequest {
    /// Id or alias of a language, see `GET /languages`.
    language: String,
    /// The main source. It gets the language's own file name.
    #[serde(default)]
    source_code: Option<String>,
    /// Further files. Without `source_code`, the first is the main source.
    #[serde(default, deserialize_with = "lists::files")]
    files: Vec<FileRequest>,
    /// Where the result is sent when there is one: an `http` or `https` URL.
    #[serde(default)]
    webhook: Option<String>,
}

/// A solution to be tried. One of `source_code` and `files` is required.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "language": "python", "source_code": "print(sum(map(int, input().split())))", "input": "1 2\n" }))]
pub(crate) struct TrialRequest {
    /// Id or alias of a language, see `GET /languages`.
    language: String,
    /// The main source. It gets the language's own file name.
    #[serde(default)]
    source_code: Option<String>,
    /// Further files. Without `source_code`, the first is the main source.
    #[serde(default, deserialize_with = "lists::files")]
    files: Vec<FileRequest>,
    /// An input of your own, in place of the samples. What the program reads; of a function problem the arguments, one JSON value a
    /// line (of a class two lists: names, of which the first is the class's, and a list of arguments for each); where the program
    /// talks with one of the problem's, the input of that one. Nobody knows the right answer: `AC` says that it ended well.
    #[serde(default)]
    input: Option<String>,
}

fn as_execution(
    language: String,
    source_code: Option<String>,
    files: Vec<FileRequest>,
    webhook: Option<String>,
    priority: Priority,
) -> ExecuteRequest {
    ExecuteRequest {
        language,
        source_code,
        files,
        webhook,
        priority: Some(priority),
        input: None,
        stdin: None,
        args: Vec::new(),
        env: Default::default(),
        limits: None,
        run_at: None,
        cache: None,
        tests: Vec::new(),
    }
}

/// Try a solution.
///
/// On the samples, or on an input of your own, for any kind of problem. It counts for nothing. With `?wait=` the answer is held back until it has ended.
#[utoipa::path(
    post, path = "/problems/{slug}/run", tag = "problems", operation_id = "run_solution",
    params(("slug" = String, Path, description = "The problem's name in addresses"), WaitParams,
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition with the same key and body gets the id of the first request")),
    request_body = TrialRequest,
    responses(
        (status = 202, description = "Accepted: it will be run whatever happens", body = Accepted),
        (status = 200, description = "Ended within the time to wait", body = SubmissionView),
        (status = 404, description = "There is no such problem, or it is not shown to you", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Refused; nothing was stored", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Your rate is used up, or as many of yours wait as may; nothing was stored", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue is full or the store away; nothing was stored", body = ProblemBody, content_type = "application/problem+json"),
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
) -> Result<Response, Problem> {
    let path = format!("/api/v1/problems/{slug}/run");
    let TrialRequest { language, source_code, files, input } = body.value;
    let request = as_execution(language, source_code, files, None, Priority::Interactive);
    let cases = input.map_or(Cases::Samples, |input| Cases::Input(input.into_bytes().into()));
    let body = SubmissionBody { value: request, bytes: body.bytes, held: body.held };
    send(&app, caller, &notes, slug, cases, wait, (key, path), body).await
}

/// Submit a solution.
///
/// It is judged by all tests, and counts. With `?wait=` the answer is held back until it has ended.
#[utoipa::path(
    post, path = "/problems/{slug}/submissions", tag = "problems", operation_id = "submit_solution",
    params(("slug" = String, Path, description = "The problem's name in addresses"), WaitParams,
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition with the same key and body gets the id of the first request")),
    request_body = SolutionRequest,
    responses(
        (status = 202, description = "Accepted: it will be judged whatever happens", body = Accepted),
        (status = 200, description = "Ended within the time to wait", body = SubmissionView),
        (status = 404, description = "There is no such problem, or it is not shown to you", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Refused; nothing was stored", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Your rate is used up, or as many of yours wait as may; nothing was stored", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The queue is full or the store away; nothing was stored", body = ProblemBody, content_type = "application/problem+json"),
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
) -> Result<Response, Problem> {
    let path = format!("/api/v1/problems/{slug}/submissions");
    let SolutionRequest { language, source_code, files, webhook } = body.value;
    let request = as_execution(language, source_code, files, webhook, Priority::Submission);
    let body = SubmissionBody { value: request, bytes: body.bytes, held: body.held };
    send(&app, caller, &notes, slug, Cases::All, wait, (key, path), body).await
}

#[expect(clippy::too_many_arguments, reason = "the parts of one request, which two routes share")]
async fn send(
    app: &Shared,
    caller: Caller,
    notes: &Notes,
    slug: Slug,
    cases: Cases,
    wait: Wait,
    (key, path): (IdempotencyKey, String),
    body: SubmissionBody<ExecuteRequest>,
) -> Result<Response, Problem> {
    let seen = seen(app, &caller.seer(), slug).await?;
    let package = app.core.package(seen.problem.package).await.map_err(refusal)?;
    let SubmissionBody { value, bytes, held } = body;
    let shape = Shape::of(&value).with_input();
    let mut faults = FormFaults::default();
    let new = value.into_new("", notes.request_id(), &mut faults);
    let Some(new) = new else { return Err(faults.into_problem()) };
    let idempotency = key.for_request(app, &path, &bytes);
    drop(bytes);
    let open = execute::open_wait(app, &caller, &wait);
    execute::pay(app, &caller, notes, 1).await?;
    let is_awaited = execute::waits(open.as_ref());
    let solution = NewSolution { problem: &seen.problem, package: &package.package, cases, new, is_awaited };
    let sent = app.core.solve(caller.user, solution, idempotency).await;
    let (submitted, awaited) = sent.map_err(|error| execute::refusal(error, |_| ("", shape)))?;
    drop(held);
    let told = Told {
        as_author: seen.may_change,
        with_files: false,
        slug: Some(seen.problem.slug.to_string()),
        version: Some(seen.problem.version),
        cached: false,
    };
    execute::answer(app, &caller, &submitted, awaited, open, &wait, execute::Receipt::SOLUTION, told).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SentParams {
    /// For the authors of the problem: everybody's, and not only their own.
    #[serde(default)]
    all: bool,
    /// Only those with this verdict, such as `WA`.
    #[serde(default)]
    verdict: Option<String>,
    /// Only those in this language.
    #[serde(default)]
    language: Option<String>,
    /// Which page, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
    /// How many on a page.
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

/// List submissions to a problem that count, newest first.
#[utoipa::path(
    get, path = "/problems/{slug}/submissions", tag = "problems", operation_id = "submissions_to_problem",
    params(("slug" = String, Path, description = "The problem's name in addresses"), SentParams),
    responses(
        (status = 200, description = "A page", body = SentPage),
        (status = 404, description = "There is no such problem, or it is not shown to you", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "There is no such language", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submissions(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    Params(params): Params<SentParams>,
) -> Result<Json<SentPage>, Problem> {
    let page = PageParams { page: params.page, limit: params.limit };
    let offset = page.offset()?;
    let seen = seen(&app, &caller.seer(), slug).await?;
    if params.all && !seen.may_change {
        return Err(Problem::new(ProblemKind::Forbidden, "Only the authors of a problem see everybody's submissions."));
    }
    let filter = SubmissionFilter {
        problem: seen.problem.id,
        owner: (!params.all).then_some(caller.user),
        verdict: verdict_of(params.verdict.as_deref())?,
        language: language_of(&app, params.language.as_deref())?,
    };
    let (submissions, total) = app.core.store().submissions_to(filter, offset, page.limit).await?;
    let line = |summary: SubmissionSummary| {
        let username = params.all.then(|| summary.username.clone());
        SummaryView { username, ..SummaryView::from(summary) }
    };
    Ok(Json(SentPage {
        submissions: submissions.into_iter().map(line).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    }))
}
