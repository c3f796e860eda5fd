//! Joining and leaving a contest.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use cupel_core::contests::{ContestError, Participation};
use cupel_http::app::Shared;
use cupel_http::body::{Id, JsonBody};
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody};
use cupel_http::notes::Notes;
use cupel_problem::Slug;
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::ParticipationView;
use super::{invalid, refusal, seen};

/// How to take part.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "official" }))]
pub(crate) struct ParticipationRequest {
    /// Kind of participation.
    kind: KindName,
    /// The `join_code` of a contest that is not public: ten letters and digits, case-insensitive.
    #[serde(default)]
    join_code: Option<String>,
    /// Former name of `join_code`.
    #[serde(default)]
    #[schema(deprecated)]
    code: Option<String>,
}

/// Kind of participation.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum KindName {
    /// During the contest, with a rank in its standings.
    Official,
    /// After the contest has ended: starts now and has the contest's duration.
    Virtual,
}

/// Take part in a contest.
///
/// Until the contest ends, participation is `official`. After it has ended, participation is `virtual`: your time
/// begins with this request, and the standings show what they were when the contest had run for the same time. If a
/// contest is not public and the code is wrong, the response is the same as for a contest that does not exist.
#[utoipa::path(
    post, path = "/contests/{slug}/participation", tag = "contests", operation_id = "take_part",
    params(("slug" = String, Path, description = "The contest's slug")),
    request_body = ParticipationRequest,
    responses(
        (status = 201, description = "You take part", body = ParticipationView),
        (status = 404, description = "The contest does not exist, or you may not see it and the code is wrong", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "You take part already, you organize the contest, or this kind of participation is not possible now", body = ErrorBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong codes from this address", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn take_part(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    caller: Caller,
    Id(slug): Id<Slug>,
    JsonBody(body): JsonBody<ParticipationRequest>,
) -> Result<(StatusCode, Json<ParticipationView>), ApiError> {
    let kind = match body.kind {
        KindName::Official => Participation::Official,
        KindName::Virtual => Participation::Virtual,
    };
    if body.join_code.is_some() && body.code.is_some() {
        return Err(invalid("code", "`code` is the former name of `join_code`: send only one of the two"));
    }
    let join_code = body.join_code.or(body.code);
    let guess = match join_code {
        Some(_) => Some(app.limits.join_code(notes.client().address).await?),
        None => None,
    };
    let own = app.core.take_part(&caller.principal(), &slug, kind, join_code.as_deref()).await;
    if let Some(guess) = guess
        && !matches!(own, Err(ContestError::Missing))
    {
        guess.refund().await;
    }
    let own = own.map_err(refusal)?;
    let seen = seen(&app, &caller.principal(), &slug).await?;
    Ok((StatusCode::CREATED, Json(ParticipationView::of(&own, &seen.contest))))
}

/// Leave a contest that has not begun.
#[utoipa::path(
    delete, path = "/contests/{slug}/participation", tag = "contests", operation_id = "withdraw",
    params(("slug" = String, Path, description = "The contest's slug")),
    responses(
        (status = 204, description = "You no longer take part"),
        (status = 404, description = "The contest does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "You do not take part, or the contest has begun", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn withdraw(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
) -> Result<StatusCode, ApiError> {
    app.core.withdraw(&caller.principal(), &slug).await.map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT)
}
