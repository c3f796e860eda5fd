//! `/submissions`: a user's own submissions, filtered, by page or by cursor.

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cupel_core::run::{HistoryFilter, SentFor, Stage};
use cupel_http::app::Shared;
use cupel_http::body::Params;
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_types::{SubmissionId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::v1::filters::{PageParams, language_of, twenty, verdict_of};
use crate::v1::response::summary::{HistoryPagination, SubmissionPage, SummaryView};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryParams {
    /// Only submissions to the problem with this slug.
    problem: Option<String>,
    /// Only in this language: its id or an alias.
    language: Option<String>,
    /// Only with this verdict: a code such as `AC`.
    verdict: Option<String>,
    /// Only with this status: `queued`, `running`, `completed`, `failed` or `cancelled`.
    status: Option<String>,
    /// Only with this purpose: `run`, `submission`, `samples`, `custom_input` or `verification`. Former names are
    /// accepted: `execution`, `all`, `trial` and `input`.
    purpose: Option<String>,
    /// Only from this time on (RFC 3339).
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only before this time (RFC 3339).
    #[param(format = DateTime)]
    to: Option<String>,
    /// Cursor, to be sent instead of `page`: empty for the first page, then the `next_cursor` of the previous page.
    /// Pages by cursor neither repeat nor skip entries when submissions are added meanwhile, and the last page is as
    /// fast as the first.
    cursor: Option<String>,
    /// Page number, from 1.
    #[param(minimum = 1, maximum = 1_000_000_000, default = 1)]
    page: Option<u64>,
    /// Entries per page.
    #[serde(default = "twenty")]
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: u64,
}

impl HistoryParams {
    fn filter(&self, app: &Shared, owner: UserId) -> Result<HistoryFilter, ApiError> {
        let names = |all: &[&str]| all.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let stage = |name: &str| {
            Stage::from_name(name)
                .ok_or_else(|| parameter(format!("`status` must be one of {}.", names(&Stage::ALL.map(Stage::as_str)))))
        };
        let sent_for = |name: &str| {
            let name = match name {
                "execution" => "run",
                "all" => "submission",
                "trial" => "samples",
                "input" => "custom_input",
                name => name,
            };
            SentFor::from_name(name).ok_or_else(|| {
                parameter(format!("`purpose` must be one of {}.", names(&SentFor::ALL.map(SentFor::as_str))))
            })
        };
        let slug = |text: &str| {
            text.parse().map_err(|_| {
                parameter(
                    "`problem` must be the slug of a problem: 1 to 64 characters from `a-z`, `0-9` and `-`.".to_owned(),
                )
            })
        };
        let time = |name: &str, text: &str| {
            text.parse()
                .map_err(|_| parameter(format!("`{name}` must be a time such as `2030-01-01T00:00:00Z` (RFC 3339).")))
        };
        Ok(HistoryFilter {
            problem: self.problem.as_deref().map(slug).transpose()?,
            language: language_of(app, self.language.as_deref())?,
            verdict: verdict_of(self.verdict.as_deref())?,
            stage: self.status.as_deref().map(stage).transpose()?,
            sent_for: self.purpose.as_deref().map(sent_for).transpose()?,
            from: self.from.as_deref().map(|text| time("from", text)).transpose()?,
            to: self.to.as_deref().map(|text| time("to", text)).transpose()?,
            ..HistoryFilter::of(owner)
        })
    }

    fn is_filtered(&self) -> bool {
        let texts = [&self.problem, &self.language, &self.verdict, &self.status, &self.purpose, &self.from, &self.to];
        texts.into_iter().any(Option::is_some)
    }
}

fn parameter(detail: String) -> ApiError {
    ApiError::new(ErrorKind::InvalidParameter, detail)
}

/// Last submission of the previous page, from a cursor. Clients must not rely on the format of a cursor.
fn cursor_of(text: &str) -> Result<Option<SubmissionId>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let id = BASE64_URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| Uuid::from_slice(&bytes).ok());
    let wrong = || parameter("`cursor` must be empty or the `next_cursor` of an earlier response.".to_owned());
    Ok(Some(SubmissionId::from_uuid(id.ok_or_else(wrong)?)))
}

/// List your submissions, newest first.
#[utoipa::path(
    get, path = "/submissions", tag = "submissions", operation_id = "submissions",
    params(HistoryParams),
    responses(
        (status = 200, description = "A page", body = SubmissionPage),
        (status = 422, description = "There is no such language", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submissions(
    State(app): State<Shared>,
    caller: Caller,
    Params(params): Params<HistoryParams>,
) -> Result<Json<SubmissionPage>, ApiError> {
    let page = PageParams { page: params.page.unwrap_or(1), limit: params.limit };
    let offset = page.offset()?;
    let filter = params.filter(&app, caller.user)?;
    if let Some(cursor) = &params.cursor {
        if params.page.is_some() {
            return Err(parameter("Send either `page` or `cursor`.".to_owned()));
        }
        let filter = HistoryFilter { before: cursor_of(cursor)?, ..filter };
        // One extra entry shows whether there is another page.
        let mut submissions = app.core.history(&caller.viewer, filter, 0, page.limit + 1).await?;
        let goes_on = submissions.len() as u64 > page.limit;
        submissions.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
        let last = submissions.last().filter(|_| goes_on);
        let next = last.map(|last| BASE64_URL_SAFE_NO_PAD.encode(last.id.as_uuid().as_bytes()));
        return Ok(Json(SubmissionPage {
            submissions: submissions.into_iter().map(SummaryView::from).collect(),
            pagination: HistoryPagination { page: None, limit: page.limit, total: None, next_cursor: Some(next) },
        }));
    }
    let (submissions, total) = if params.is_filtered() {
        let total = app.core.history_count(&caller.viewer, filter.clone()).await?;
        (app.core.history(&caller.viewer, filter, offset, page.limit).await?, total)
    } else {
        app.core.list(&caller.viewer, offset, page.limit).await?
    };
    Ok(Json(SubmissionPage {
        submissions: submissions.into_iter().map(SummaryView::from).collect(),
        pagination: HistoryPagination {
            page: Some(page.page),
            limit: page.limit,
            total: Some(total),
            next_cursor: None,
        },
    }))
}
