//! Rejudging with the current version of a problem.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cupel_core::problems::{Rejudged, SubmissionFilter};
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_problem::Slug;
use cupel_types::{SubmissionId, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::refusal;
use crate::v1::filters::{PageParams, language_of, one, twenty, verdict_of};
use crate::v1::response::page::Pagination;
use crate::v1::response::summary::SummaryView;

/// Result of a rejudge.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejudgedView {
    /// Number of submissions that are judged again. Submissions that are still waiting are not counted, because they
    /// are judged with the current version anyway. Submissions that a contest's freeze hides from you are not counted
    /// either.
    queued: u64,
    /// Number of submissions that are being judged with another version at the moment, and keep that version's verdict.
    /// Repeat the request with `outdated=true` until both `queued` and this number are 0. Submissions that a contest's
    /// freeze hides from you are not counted.
    being_judged: u64,
    /// Number of submissions examined. Submissions that a contest's freeze hides from you are not counted.
    looked_at: u64,
}

impl From<Rejudged> for RejudgedView {
    fn from(rejudged: Rejudged) -> RejudgedView {
        let Rejudged { queued, being_judged, looked_at } = rejudged;
        RejudgedView { queued, being_judged, looked_at }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RejudgeParams {
    /// Only submissions with this verdict, such as `WA`.
    #[serde(default)]
    verdict: Option<String>,
    /// Only submissions in this language, by id or alias.
    #[serde(default)]
    language: Option<String>,
    /// Only submissions that were last judged, or are being judged, with another version than the current version.
    #[serde(default)]
    outdated: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PreviewParams {
    /// Only submissions with this verdict, such as `WA`.
    #[serde(default)]
    verdict: Option<String>,
    /// Only submissions in this language, by id or alias.
    #[serde(default)]
    language: Option<String>,
    /// Only submissions that were last judged, or are being judged, with another version than `version`.
    #[serde(default)]
    outdated: bool,
    /// The version to which `outdated` refers, such as a staged version. The default is the current version.
    #[serde(default)]
    version: Option<u32>,
    /// Page number, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
    /// Entries per page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
}

/// Preview of a rejudge.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// Number of affected submissions per verdict.
    verdicts: Vec<VerdictCountView>,
    /// The submissions, newest first.
    submissions: Vec<SummaryView>,
    pagination: Pagination,
}

/// Number of submissions with a verdict.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictCountView {
    /// The verdict; `null` if the submissions are not judged yet.
    verdict: Option<&'static str>,
    /// Number of submissions.
    submissions: u64,
}

/// Preview a rejudge.
///
/// Lists the submissions that `POST` with the same filter would judge again, with their present verdicts. Nothing is
/// judged. The new verdicts are known only after judging. With `?outdated=true&version=N` for a staged version, the
/// response lists the submissions that will be outdated when that version becomes current.
#[utoipa::path(
    get, path = "/problems/{slug}/rejudge", tag = "authoring", operation_id = "preview_rejudge",
    params(("slug" = String, Path, description = "The problem's slug"), PreviewParams),
    responses(
        (status = 200, description = "The submissions that would be judged again", body = PreviewView),
        (status = 404, description = "The problem does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "There is no such language", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn preview(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    Params(params): Params<PreviewParams>,
) -> Result<Json<PreviewView>, ApiError> {
    let page = PageParams { page: params.page, limit: params.limit };
    let offset = page.offset()?;
    let key = cupel_core::problems::ProblemKey::Slug(slug);
    let problem = app.core.to_change(&caller.principal(), key).await.map_err(refusal)?;
    let package = match params.version {
        Some(number) => app.core.version(&problem, number).await.map_err(refusal)?.package,
        None => problem.package,
    };
    let filter = SubmissionFilter {
        verdict: verdict_of(params.verdict.as_deref())?,
        language: language_of(&app, params.language.as_deref())?,
        not_at: params.outdated.then_some(package),
        ..SubmissionFilter::of(problem.id)
    };
    let preview = app.core.preview_rejudge(&problem, filter, offset, page.limit).await?;
    let verdict = |(verdict, submissions): (Option<Verdict>, u64)| VerdictCountView {
        verdict: verdict.map(Verdict::code),
        submissions,
    };
    Ok(Json(PreviewView {
        verdicts: preview.verdicts.into_iter().map(verdict).collect(),
        submissions: preview.submissions.into_iter().map(SummaryView::with_owner).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total: preview.total },
    }))
}

/// Rejudge the submissions to a problem.
///
/// The submissions that match the filter (by default, all) are judged again with the current version of the problem, at
/// the lowest priority. While the problem is a draft, that version may be unverified: verify it before you rely on the
/// results. Old verdicts are kept: see `GET /submissions/{submission_id}/runs`.
#[utoipa::path(
    post, path = "/problems/{slug}/rejudge", tag = "authoring", operation_id = "rejudge_problem",
    params(("slug" = String, Path, description = "The problem's slug"), RejudgeParams),
    responses(
        (status = 202, description = "The submissions will be judged again", body = RejudgedView),
        (status = 404, description = "The problem does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "There is no such language", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rejudge_problem(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    Params(params): Params<RejudgeParams>,
) -> Result<(StatusCode, Json<RejudgedView>), ApiError> {
    let key = cupel_core::problems::ProblemKey::Slug(slug);
    let problem = app.core.to_change(&caller.principal(), key).await.map_err(refusal)?;
    let filter = SubmissionFilter {
        verdict: verdict_of(params.verdict.as_deref())?,
        language: language_of(&app, params.language.as_deref())?,
        not_at: params.outdated.then_some(problem.package),
        ..SubmissionFilter::of(problem.id)
    };
    let rejudged = app.core.rejudge(&problem, filter).await?;
    tracing::info!(by = %caller.user, problem = %problem.slug, queued = rejudged.queued, "submissions queued for a rejudge");
    Ok((StatusCode::ACCEPTED, Json(rejudged.into())))
}

/// Rejudge a submission.
///
/// Judges the submission again with the current version of its problem. The old verdict is kept: see
/// `GET /submissions/{submission_id}/runs`.
#[utoipa::path(
    post, path = "/submissions/{submission_id}/rejudge", tag = "authoring", operation_id = "rejudge_submission",
    params(("submission_id" = String, Path, description = "The submission's id", format = Uuid)),
    responses(
        (status = 202, description = "The submission will be judged again", body = RejudgedView),
        (status = 404, description = "The submission does not exist, or you may not change its problem", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "The submission is waiting or being judged, or it ran only on the samples or on its sender's own input", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rejudge_submission(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<SubmissionId>,
) -> Result<(StatusCode, Json<RejudgedView>), ApiError> {
    let rejudged = app.core.rejudge_one(&caller.viewer, id).await?.ok_or_else(|| ApiError::not_found("submission"))?;
    if rejudged.queued == 0 {
        let detail =
            "The submission is waiting or being judged, or it ran only on the samples or on its sender's own input.";
        return Err(ApiError::new(ErrorKind::Conflict, detail));
    }
    Ok((StatusCode::ACCEPTED, Json(rejudged.into())))
}
