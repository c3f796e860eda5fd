//! Judging again, at the version that is current now.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cupel_core::problems::{Rejudged, SubmissionFilter};
use cupel_core::run::SubmissionSummary;
use cupel_problem::Slug;
use cupel_types::{LanguageId, SubmissionId, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{no_such_problem, refusal};
use crate::app::Shared;
use crate::auth::Caller;
use crate::body::{Id, Params};
use crate::problem::{Problem, ProblemBody, ProblemKind};
use crate::v1::response::{Pagination, SummaryView};
use crate::v1::submissions::{PageParams, one, twenty};

/// What a rejudge came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejudgedView {
    /// Submissions that are judged again. Those that were still waiting are judged at the current version, too, and are not
    /// counted, nor are those that the freeze of a contest hides from you.
    queued: u64,
    /// Submissions that were looked at, without those that the freeze of a contest hides from you.
    looked_at: u64,
}

impl From<Rejudged> for RejudgedView {
    fn from(rejudged: Rejudged) -> RejudgedView {
        RejudgedView { queued: rejudged.queued, looked_at: rejudged.looked_at }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RejudgeParams {
    /// Only those with this verdict, such as `WA`.
    #[serde(default)]
    verdict: Option<String>,
    /// Only those in this language, by id or alias.
    #[serde(default)]
    language: Option<String>,
    /// Only those that were last judged, or are being judged, at another version than the current one.
    #[serde(default)]
    outdated: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PreviewParams {
    /// Only those with this verdict, such as `WA`.
    #[serde(default)]
    verdict: Option<String>,
    /// Only those in this language, by id or alias.
    #[serde(default)]
    language: Option<String>,
    /// Only those that were last judged, or are being judged, at another version than `version`.
    #[serde(default)]
    outdated: bool,
    /// The version that `outdated` is about, such as one that is staged; the current one unless it is given.
    #[serde(default)]
    version: Option<u32>,
    /// Which page, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
    /// How many on a page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
}

/// What a rejudge would judge again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// How many of the submissions have each verdict.
    verdicts: Vec<VerdictCountView>,
    /// The submissions, newest first.
    submissions: Vec<SummaryView>,
    pagination: Pagination,
}

/// How many submissions have a verdict.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictCountView {
    /// The verdict; `null`: they have none yet.
    verdict: Option<&'static str>,
    /// How many.
    submissions: u64,
}

/// Look at what a rejudge would judge again, and judge nothing.
///
/// The submissions that `POST` with the same filter judges again, with their verdicts as they are now. Which of these change is known
/// only once they have been judged. With `?outdated=true&version=N` for a staged version: those that it affects once it is current.
#[utoipa::path(
    get, path = "/problems/{slug}/rejudge", tag = "authoring", operation_id = "preview_rejudge",
    params(("slug" = String, Path, description = "The problem's name in addresses"), PreviewParams),
    responses(
        (status = 200, description = "What would be judged again", body = PreviewView),
        (status = 404, description = "There is none, or it is not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "There is no such language", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn preview(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    Params(params): Params<PreviewParams>,
) -> Result<Json<PreviewView>, Problem> {
    let page = PageParams { page: params.page, limit: params.limit };
    let offset = page.offset()?;
    let key = cupel_core::problems::ProblemKey::Slug(slug);
    let problem = app.core.to_change(&caller.seer(), key).await.map_err(refusal)?;
    let package = match params.version {
        Some(number) => app.core.version(&problem, number).await.map_err(refusal)?.package,
        None => problem.package,
    };
    let filter = SubmissionFilter {
        problem: problem.id,
        owner: None,
        verdict: verdict_of(params.verdict.as_deref())?,
        language: language_of(&app, params.language.as_deref())?,
        not_at: params.outdated.then_some(package),
        for_contestant: (!caller.viewer.is_admin).then_some(caller.user),
    };
    let preview = app.core.preview_rejudge(filter, offset, page.limit).await?;
    let verdict = |(verdict, submissions): (Option<Verdict>, u64)| VerdictCountView {
        verdict: verdict.map(Verdict::code),
        submissions,
    };
    let line = |summary: SubmissionSummary| {
        let username = Some(summary.username.clone());
        SummaryView { username, ..SummaryView::for_author(summary) }
    };
    Ok(Json(PreviewView {
        verdicts: preview.verdicts.into_iter().map(verdict).collect(),
        submissions: preview.submissions.into_iter().map(line).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total: preview.total },
    }))
}

/// Judge submissions to a problem again.
///
/// All of them, or those that the filter lets through, at the current version of the problem, after everything that is more
/// urgent. That version may be one that was not verified, while the problem is a draft: verify it before you rely on what comes of it. Old
/// verdicts are kept: see `GET /submissions/{submission_id}/runs`.
#[utoipa::path(
    post, path = "/problems/{slug}/rejudge", tag = "authoring", operation_id = "rejudge_problem",
    params(("slug" = String, Path, description = "The problem's name in addresses"), RejudgeParams),
    responses(
        (status = 202, description = "They will be judged again", body = RejudgedView),
        (status = 404, description = "There is none, or it is not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "There is no such language", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rejudge_problem(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    Params(params): Params<RejudgeParams>,
) -> Result<(StatusCode, Json<RejudgedView>), Problem> {
    let key = cupel_core::problems::ProblemKey::Slug(slug);
    let problem = app.core.to_change(&caller.seer(), key).await.map_err(refusal)?;
    let filter = SubmissionFilter {
        problem: problem.id,
        owner: None,
        verdict: verdict_of(params.verdict.as_deref())?,
        language: language_of(&app, params.language.as_deref())?,
        not_at: params.outdated.then_some(problem.package),
        for_contestant: (!caller.viewer.is_admin).then_some(caller.user),
    };
    let rejudged = app.core.rejudge(&problem, filter).await?;
    tracing::info!(by = %caller.user, problem = %problem.slug, queued = rejudged.queued, "submissions are judged again");
    Ok((StatusCode::ACCEPTED, Json(rejudged.into())))
}

/// A verdict by its code.
pub(crate) fn verdict_of(code: Option<&str>) -> Result<Option<Verdict>, Problem> {
    let unknown = || Problem::new(ProblemKind::InvalidParameter, "`verdict` is a code such as `AC`, `WA` or `TLE`.");
    code.map(|code| Verdict::from_code(code).ok_or_else(unknown)).transpose()
}

/// A language by its id or alias.
pub(crate) fn language_of(app: &Shared, name: Option<&str>) -> Result<Option<LanguageId>, Problem> {
    let registry = app.core.registry();
    let unknown = |name: &str| {
        let short: String = name.chars().take(40).collect();
        let near = registry.nearest(&short).map(|near| format!(" The nearest is `{}`.", near.id)).unwrap_or_default();
        Problem::new(ProblemKind::UnknownLanguage, format!("No language `{}`.{near}", short.escape_debug()))
    };
    name.map(|name| registry.find(name).map(|known| known.id.clone()).ok_or_else(|| unknown(name))).transpose()
}

/// Judge a submission again.
///
/// At the current version of its problem. The old verdict is kept: see `GET /submissions/{submission_id}/runs`.
#[utoipa::path(
    post, path = "/submissions/{submission_id}/rejudge", tag = "authoring", operation_id = "rejudge_submission",
    params(("submission_id" = String, Path, description = "The submission's id", format = Uuid)),
    responses(
        (status = 202, description = "It will be judged again", body = RejudgedView),
        (status = 404, description = "There is none, or its problem is not yours", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "It counts for nothing, or is being judged", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rejudge_submission(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<(StatusCode, Json<RejudgedView>), Problem> {
    let attempted = app.core.attempted(&caller.viewer, id).await?.filter(|attempted| attempted.as_author);
    let attempted = attempted.ok_or_else(|| Problem::not_found("submission"))?;
    let problem = attempted.problem.ok_or_else(no_such_problem)?;
    let rejudged = app.core.rejudge_one(&problem, id).await?;
    if rejudged.queued == 0 {
        let detail = "It is waiting or being judged just now, or it was sent for samples or an input of its own and counts for nothing.";
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    Ok((StatusCode::ACCEPTED, Json(rejudged.into())))
}
