//! `/snippets`: programs that users share by a link.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use cupel_core::snippets::{NewSnippet, OwnSnippet, ShareError, SharedSnippet, Snippet, SnippetId};
use cupel_http::app::Shared;
use cupel_http::body::{Id, Params, SubmissionBody};
use cupel_http::caller::{Anybody, Caller};
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_http::lists;
use cupel_http::notes::Notes;
use cupel_http::object::maybe_object;
use cupel_http::submission_rate::SubmissionRate;
use cupel_types::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::faults::{FormFaults, Shape, faults_of_core, sentence};
use crate::v1::filters::{PageParams, one};
use crate::v1::request::STDIN_AND_INPUT;
use crate::v1::response::page::Pagination;

/// A program to share. Its texts have at most 256 KiB together, unless the operator sets another maximum.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "language": "python", "source_code": "print(int(input()) * 2)", "input": "21", "title": "Doubling" }))]
pub(crate) struct SnippetRequest {
    /// Id or alias of a language, see `GET /languages`; case-insensitive.
    #[schema(min_length = 1)]
    language: String,
    /// The main source; never empty.
    #[schema(min_length = 1)]
    source_code: String,
    /// Additional files.
    #[serde(default, deserialize_with = "lists::files")]
    files: Vec<SnippetFileRequest>,
    /// Arguments after the program's name.
    #[serde(default, deserialize_with = "lists::args")]
    args: Vec<String>,
    /// Standard input.
    #[serde(default)]
    input: Option<String>,
    /// Another name for `input`.
    #[serde(default)]
    stdin: Option<String>,
    /// Limits that differ from the language's defaults; none may exceed the language's maximum.
    #[serde(default, deserialize_with = "maybe_object")]
    limits: Option<SnippetLimits>,
    /// Patterns of the files that are kept after the execution, as in `POST /execute`.
    #[serde(default, deserialize_with = "lists::patterns")]
    #[schema(max_items = 16)]
    artifacts: Vec<String>,
    /// A title: text without control characters. White space at its ends is removed, and an empty title counts as
    /// absent. A program with another title is another program, with another id.
    #[serde(default)]
    #[schema(max_length = 100, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")]
    title: Option<String>,
    /// Whether the site runs the program in a terminal, in which its user types the input. The program's id depends on
    /// this value.
    #[serde(default)]
    terminal: bool,
}

/// A file of a program to share: text only.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnippetFileRequest {
    /// A relative path such as `src/helper.py`: at most 1,024 bytes and 32 components, each of at most 255 bytes. The
    /// pattern of the schema counts characters, so it is stricter than the server for paths with non-ASCII characters.
    #[schema(min_length = 1, max_length = 1024)]
    path: String,
    /// The content.
    content: String,
}

/// A file of a shared program.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SnippetFileView {
    /// Path of the file.
    path: String,
    /// The content.
    content: String,
}

/// Limits of a shared program.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnippetLimits {
    /// CPU time of all processes together, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    cpu_time_ms: Option<u64>,
    /// Memory of all processes together, in KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1024)]
    memory_kb: Option<u64>,
}

/// The link of a shared program.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SnippetCreated {
    /// Id of the snippet: 22 characters. The same program always has the same id.
    #[schema(example = "mF_9TqS0b3kX1yZvQe2cJw")]
    snippet_id: String,
    /// Address of the page that shows the program.
    url: String,
}

/// A shared program. Its source, files, options and limits have the names that `POST /execute` uses.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SnippetView {
    /// Id of the snippet.
    snippet_id: String,
    /// Id of the language.
    language: String,
    /// The main source.
    source_code: String,
    /// Additional files.
    files: Vec<SnippetFileView>,
    /// Arguments after the program's name.
    args: Vec<String>,
    /// Standard input.
    input: String,
    /// Limits that differ from the language's defaults.
    limits: SnippetLimits,
    /// Patterns of the files that are kept after the execution.
    artifacts: Vec<String>,
    /// The title, as plain text. Absent if the program has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Whether the site runs the program in a terminal.
    terminal: bool,
    /// Time at which a user last shared the program (RFC 3339).
    #[schema(format = DateTime)]
    shared_at: String,
}

impl SnippetView {
    fn new(id: SnippetId, shared: SharedSnippet) -> SnippetView {
        let SharedSnippet { snippet, shared_at } = shared;
        let Snippet { language, source, files, args, stdin, cpu_time, memory, artifacts, title, terminal } = snippet;
        SnippetView {
            snippet_id: id.to_string(),
            language: language.as_str().to_owned(),
            source_code: source,
            files: files.into_iter().map(|(path, content)| SnippetFileView { path, content }).collect(),
            args,
            input: stdin,
            limits: SnippetLimits {
                cpu_time_ms: cpu_time.and_then(|time| u64::try_from(time.as_millis()).ok()),
                memory_kb: memory.map(|memory| memory.get() / 1024),
            },
            artifacts,
            title,
            terminal,
            shared_at: shared_at.to_string(),
        }
    }
}

/// Share a program.
///
/// Every client that knows the link can read the program. A shared program never changes. The same program always has
/// the same link. Sharing costs one submission of the rate limit. The operator bounds the number of programs that one
/// user may share (1,000 by default), and may set a retention, after which a program is removed unless a user shares it
/// again.
#[utoipa::path(
    post, path = "/snippets", tag = "execute", operation_id = "share_program",
    request_body = SnippetRequest,
    responses(
        (status = 201, description = "Shared", body = SnippetCreated, headers(("Location" = String, description = "URL of the program"))),
        (status = 403, description = "You share the maximum number of programs", body = ErrorBody, content_type = "application/problem+json"),
        (status = 422, description = "The program was refused. Nothing was stored", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn share(
    State(app): State<Shared>,
    caller: Caller,
    Extension(notes): Extension<Notes>,
    body: SubmissionBody<SnippetRequest>,
) -> Result<Response, ApiError> {
    let SubmissionBody { value, bytes: _, held: _held } = body;
    let SnippetRequest { language, source_code, files, args, input, stdin, limits, artifacts, title, terminal } = value;
    if input.is_some() && stdin.is_some() {
        let mut faults = FormFaults::default();
        faults.push("", "/stdin", STDIN_AND_INPUT);
        return Err(faults.into_error());
    }
    let SnippetLimits { cpu_time_ms, memory_kb } = limits.unwrap_or_default();
    let new = NewSnippet {
        language,
        source: source_code,
        files: files.into_iter().map(|SnippetFileRequest { path, content }| (path, content)).collect(),
        args,
        stdin: input.or(stdin).unwrap_or_default(),
        cpu_time: cpu_time_ms.map(Duration::from_millis),
        memory: memory_kb.map(Bytes::kib),
        artifacts,
        title,
        terminal,
    };
    let rate_limit = SubmissionRate::new(&app, &caller, &notes);
    let id = app.core.share_snippet(caller.user, new, &rate_limit).await.map_err(refusal)?;
    let location =
        HeaderValue::try_from(format!("/api/v1/snippets/{id}")).map_err(|error| ApiError::internal(&error))?;
    let created = SnippetCreated { snippet_id: id.to_string(), url: page_of(&app, id) };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(created)).into_response())
}

/// Get a shared program.
#[utoipa::path(
    get, path = "/snippets/{snippet_id}", tag = "execute", operation_id = "shared_program",
    params(("snippet_id" = String, Path, description = "Id from the link")),
    responses(
        (status = 200, description = "The program", body = SnippetView),
        (status = 404, description = "There is no such program, or it was removed", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn snippet(
    State(app): State<Shared>,
    _client: Anybody,
    Id(id): Id<SnippetId>,
) -> Result<Json<SnippetView>, ApiError> {
    let shared = app.core.snippet(id).await?.ok_or_else(|| ApiError::not_found("shared program"))?;
    Ok(Json(SnippetView::new(id, shared)))
}

/// A program that you share.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnSnippetView {
    /// Id of the snippet.
    snippet_id: String,
    /// Address of the page that shows the program.
    url: String,
    /// Id of the language.
    language: String,
    /// The program's title. If it has none, the first non-blank line of the main source, up to 120 characters.
    title: String,
    /// Time at which you last shared the program (RFC 3339).
    #[schema(format = DateTime)]
    shared_at: String,
}

/// A page of the programs that you share.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnSnippetPage {
    /// The programs, most recently shared first.
    snippets: Vec<OwnSnippetView>,
    /// Page number, entries per page and total.
    pagination: Pagination,
}

/// Entries per page. The number is fixed, because listing reads the programs themselves.
const OWN_PER_PAGE: u64 = 20;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OwnSnippetParams {
    /// Page number, from 1. A page has 20 entries.
    #[serde(default = "one")]
    #[param(minimum = 1, default = 1)]
    page: u64,
}

/// List the programs that you share.
#[utoipa::path(
    get, path = "/snippets", tag = "execute", operation_id = "own_programs",
    params(OwnSnippetParams),
    responses((status = 200, description = "Your shared programs", body = OwnSnippetPage)),
)]
pub(crate) async fn own(
    State(app): State<Shared>,
    caller: Caller,
    Params(OwnSnippetParams { page }): Params<OwnSnippetParams>,
) -> Result<Json<OwnSnippetPage>, ApiError> {
    let skip = PageParams { page, limit: OWN_PER_PAGE }.offset()?;
    let (listed, total) = app.core.own_snippets(caller.user, skip, OWN_PER_PAGE).await?;
    let view = |OwnSnippet { id, language, title, shared_at }| OwnSnippetView {
        snippet_id: id.to_string(),
        url: page_of(&app, id),
        language: language.as_str().to_owned(),
        title,
        shared_at: shared_at.to_string(),
    };
    let snippets = listed.into_iter().map(view).collect();
    Ok(Json(OwnSnippetPage { snippets, pagination: Pagination { page, limit: OWN_PER_PAGE, total } }))
}

/// End the sharing of a program.
///
/// The link stays valid while another user shares the same program.
#[utoipa::path(
    delete, path = "/snippets/{snippet_id}", tag = "execute", operation_id = "unshare_program",
    params(("snippet_id" = String, Path, description = "Id from the link")),
    responses(
        (status = 204, description = "You no longer share the program"),
        (status = 404, description = "You share no such program", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove(
    State(app): State<Shared>,
    caller: Caller,
    Id(id): Id<SnippetId>,
) -> Result<StatusCode, ApiError> {
    match app.core.remove_snippet(caller.user, id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::new(ErrorKind::NotFound, "You share no program with this id.")),
    }
}

/// Address of the page that shows a program.
fn page_of(app: &Shared, id: SnippetId) -> String {
    format!("{}/p/{id}", app.settings.public_url.trim_end_matches('/'))
}

fn refusal(error: ShareError) -> ApiError {
    match error {
        ShareError::Invalid(faults) => faults_of_core(faults, |_| ("", Shape::new(true, true, false))),
        error @ ShareError::TooMany { .. } => {
            let detail = format!(
                "{} Remove one of them (`DELETE /api/v1/snippets/{{snippet_id}}`), or ask the operator for a larger quota.",
                sentence(&error.to_string())
            );
            ApiError::new(ErrorKind::QuotaUsedUp, detail)
        }
        ShareError::RateExceeded(exceeded) => exceeded.into(),
        ShareError::Store(error) => error.into(),
    }
}
