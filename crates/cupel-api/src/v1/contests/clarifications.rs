//! Questions about a contest with their answers, and announcements to all users who can see the contest.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use cupel_core::contests::{Clarification, label};
use cupel_http::app::Shared;
use cupel_http::body::{Id, JsonBody, Params};
use cupel_http::caller::{Caller, Visitor};
use cupel_http::error::{ApiError, ErrorBody};
use cupel_problem::Slug;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{refusal, seen};
use crate::v1::filters::{PageParams, one, twenty};
use crate::v1::problems::statement_html::{html_of, render};
use crate::v1::response::page::Pagination;
use crate::v1::response::time::rfc3339;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClarificationParams {
    /// Whether answers and announcements are also sent as HTML, in `answer_html`.
    #[serde(default)]
    #[param(default = false)]
    html: bool,
    /// Page number, from 1.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
    /// Entries per page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
}

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "problem": "A", "question": "May n be 0?" }))]
pub(crate) struct QuestionRequest {
    /// Problem that the question is about: its letter in the contest or its slug; omitted: the whole contest.
    #[serde(default)]
    problem: Option<String>,
    /// The question; not blank.
    #[schema(min_length = 1, max_length = 10000, pattern = "\\S")]
    question: String,
}

/// An announcement.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "problem": "B", "text": "The sample output of B was wrong and has been corrected." }))]
pub(crate) struct AnnouncementRequest {
    /// Problem that the announcement is about: its letter in the contest or its slug; omitted: the whole contest.
    #[serde(default)]
    problem: Option<String>,
    /// Text of the announcement; not blank.
    #[schema(min_length = 1, max_length = 10000, pattern = "\\S")]
    text: String,
}

/// An answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "answer": "No.", "public": true }))]
pub(crate) struct AnswerRequest {
    /// The answer; not blank. It replaces an earlier answer.
    #[schema(min_length = 1, max_length = 10000, pattern = "\\S")]
    answer: String,
    /// Whether everybody may read the question and the answer. If omitted, this stays as it is; a question is private
    /// at first.
    #[serde(default)]
    public: Option<bool>,
}

/// Id of a new question or announcement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AskedView {
    /// Id of the entry.
    #[schema(format = Uuid)]
    clarification_id: String,
}

/// A page of questions and announcements.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClarificationPage {
    /// Newest first.
    clarifications: Vec<ClarificationView>,
    pagination: Pagination,
}

/// A question with its answer, or an announcement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClarificationView {
    /// Id of the entry.
    #[schema(format = Uuid)]
    clarification_id: String,
    /// `question` or `announcement`.
    kind: &'static str,
    /// Letter of the problem concerned; `null`: the whole contest.
    problem: Option<String>,
    /// Slug of that problem.
    problem_slug: Option<String>,
    /// The question; empty for an announcement.
    question: String,
    /// The answer, once there is one; or the text of the announcement. In Markdown.
    answer: Option<String>,
    /// The answer as HTML, if you asked for it. Raw HTML in the answer is text here.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_html: Option<String>,
    /// User who asked the question or made the announcement; only for the contest's organizers.
    asked_by: Option<String>,
    /// Whether everybody may read this entry.
    public: bool,
    /// Whether you asked the question or made the announcement.
    own: bool,
    /// Time of the question or announcement.
    #[schema(format = DateTime)]
    asked_at: String,
    /// Time of the answer.
    #[schema(format = DateTime)]
    answered_at: Option<String>,
}

/// List questions and announcements.
///
/// You get your own entries and the public entries. Organizers get all entries, with the names of the users who asked.
#[utoipa::path(
    get, path = "/contests/{slug}/clarifications", tag = "contests", operation_id = "clarifications",
    params(("slug" = String, Path, description = "The contest's slug"), ClarificationParams),
    responses(
        (status = 200, description = "A page", body = ClarificationPage),
        (status = 404, description = "The contest does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn clarifications(
    State(app): State<Shared>,
    Visitor(principal): Visitor,
    Id(slug): Id<Slug>,
    Params(params): Params<ClarificationParams>,
) -> Result<Json<ClarificationPage>, ApiError> {
    let page = PageParams { page: params.page, limit: params.limit };
    let seen = seen(&app, &principal, &slug).await?;
    let (all, total) = app.core.clarifications(&principal, &seen, page.offset()?, page.limit).await?;
    let mut html = vec![None; all.len()];
    if params.html {
        let answers: Vec<Option<String>> = all.iter().map(|one| one.answer.clone()).collect();
        html = render(move || answers.iter().map(|answer| html_of(answer.as_deref()?)).collect()).await?;
    }
    let shows_problems = seen.shows_problems(app.core.now());
    let slug_of = |place: usize| seen.contest.problems.get(place).map(|problem| problem.slug.to_string());
    let view = |(one, answer_html): (Clarification, Option<String>)| ClarificationView {
        clarification_id: one.id.to_string(),
        kind: if one.is_announcement { "announcement" } else { "question" },
        problem: one.place.map(|place| label(place).to_string()),
        problem_slug: one.place.filter(|_| shows_problems).and_then(slug_of),
        asked_by: seen.may_change.then_some(one.asker_name),
        question: one.question,
        answer_html,
        answer: one.answer,
        public: one.is_public,
        own: principal.user() == Some(one.asker),
        asked_at: rfc3339(one.asked_at),
        answered_at: one.answered_at.map(rfc3339),
    };
    Ok(Json(ClarificationPage {
        clarifications: all.into_iter().zip(html).map(view).collect(),
        pagination: Pagination { page: page.page, limit: page.limit, total },
    }))
}

/// Ask a question, as a participant.
#[utoipa::path(
    post, path = "/contests/{slug}/clarifications", tag = "contests", operation_id = "ask",
    params(("slug" = String, Path, description = "The contest's slug")),
    request_body = QuestionRequest,
    responses(
        (status = 201, description = "The question was asked", body = AskedView),
        (status = 404, description = "The contest does not exist, or you may not see it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "You do not take part, your time in the contest has ended, or you have asked the maximum number of questions", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn ask(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    JsonBody(body): JsonBody<QuestionRequest>,
) -> Result<(StatusCode, Json<AskedView>), ApiError> {
    let asked = app.core.ask_clarification(&caller.principal(), &slug, body.problem.as_deref(), body.question).await;
    let id = asked.map_err(refusal)?;
    Ok((StatusCode::CREATED, Json(AskedView { clarification_id: id.to_string() })))
}

/// Make an announcement.
///
/// All users who can see the contest get the announcement in the list of questions. `PATCH` changes its text.
#[utoipa::path(
    post, path = "/contests/{slug}/announcements", tag = "contests", operation_id = "announce",
    params(("slug" = String, Path, description = "The contest's slug")),
    request_body = AnnouncementRequest,
    responses(
        (status = 201, description = "The announcement was made", body = AskedView),
        (status = 404, description = "The contest does not exist, or you may not change it", body = ErrorBody, content_type = "application/problem+json"),
        (status = 409, description = "You have made the maximum number of announcements", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn announce(
    State(app): State<Shared>,
    caller: Caller,
    Id(slug): Id<Slug>,
    JsonBody(body): JsonBody<AnnouncementRequest>,
) -> Result<(StatusCode, Json<AskedView>), ApiError> {
    let announced = app.core.announce(&caller.principal(), &slug, body.problem.as_deref(), body.text).await;
    let id = announced.map_err(refusal)?;
    tracing::info!(by = %caller.user, contest = %slug, clarification = %id, "announcement published");
    Ok((StatusCode::CREATED, Json(AskedView { clarification_id: id.to_string() })))
}

/// Answer a question, or change the answer.
#[utoipa::path(
    patch, path = "/contests/{slug}/clarifications/{clarification_id}", tag = "contests", operation_id = "answer",
    params(
        ("slug" = String, Path, description = "The contest's slug"),
        ("clarification_id" = String, Path, description = "The question's id", format = Uuid),
    ),
    request_body = AnswerRequest,
    responses(
        (status = 204, description = "The question is answered"),
        (status = 404, description = "The question does not exist, or you may not change the contest", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn answer(
    State(app): State<Shared>,
    caller: Caller,
    Path((slug, id)): Path<(String, String)>,
    JsonBody(body): JsonBody<AnswerRequest>,
) -> Result<StatusCode, ApiError> {
    let none = || ApiError::not_found("question");
    let (slug, id) = (slug.parse::<Slug>().map_err(|_| none())?, id.parse().map_err(|_| none())?);
    let answered = app.core.answer_clarification(&caller.principal(), &slug, id, body.answer, body.public).await;
    answered.map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT)
}
