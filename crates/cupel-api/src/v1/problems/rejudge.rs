//! Judging again, at the version that is current now.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cupel_core::problems::{Rejudged, SubmissionFilter};
use cupel_problem::Slug;
use cupel_types::{LanguageId, SubmissionId, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{no_such_problem, refusal};
use crate::app::Shared;
use crate::auth::Caller;
use crate::body::{Id, Params};
use crate::problem::{Problem, ProblemBody, ProblemKind};

/// What a rejudge came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejudgedView {
    /// Submissions that are judged again. Those that were still waiting are judged at the current version, too, and are not
    /// counted.
    queued: u64,
    /// Submissions that were looked at.
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
    };
    let rejudged = app.core.rejudge(&problem, filter).await?;
    tracing::info!(by = %caller.user, problem = %problem.slug, queued = rejudged.queued, "submissions are judged again");
    Ok((StatusCode::ACCEPTED, Json(rejudged.into())))
}

/// A verdict by its code.
pub(super) fn verdict_of(code: Option<&str>) -> Result<Option<Verdict>, Problem> {
    let unknown = || Problem::new(ProblemKind::InvalidParameter, "`verdict` is a code such as `AC`, `WA` or `TLE`.");
    code.map(|code| Verdict::from_code(code).ok_or_else(unknown)).transpose()
}

/// A language by its id or alias.
pub(super) fn language_of(app: &Shared, name: Option<&str>) -> Result<Option<LanguageId>, Problem> {
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
