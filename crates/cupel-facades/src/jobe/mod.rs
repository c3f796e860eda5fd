//! Jobe (github.com/trampgeek/jobe), the job engine of Moodle's question type CodeRunner: `runs`, `languages` and
//! `files`.
//!
//! Source of the requests and responses: Jobe's own server ("the original" in these files) at release 2.2.2, and at
//! release 2.1 for keys and cross-origin headers, which later releases lost. Clients fix the path
//! `/jobe/index.php/restapi`; only the host can be configured. The body of an error is a JSON string, except for keys
//! and rates, where it is plain text.

mod files;
mod languages;
mod request;
mod response;
mod run;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Json, Router};
use bytes::Bytes;
use cupel_core::Idempotency;
use cupel_core::accounts::{Accounts, Scope};
use cupel_http::app::Shared;
use cupel_http::auth::{Presented, Who, bearer};
use cupel_http::body::submission_bytes;
use cupel_http::budget::Held;
use cupel_http::caller::Caller;
use cupel_http::client::Client;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::idempotency::IdempotencyKey;
use cupel_http::notes::Notes;
use cupel_http::{Dialect, Mounted, Rendered};
use cupel_types::UserId;
use serde_json::{Value, json};

use crate::Keyless;
use crate::bounded_json::{self, Unparsed, VALUES_MAX, too_many_values};
use crate::public_read::charge_public_read;
use files::{FileId, Files};

/// Name of the facade in language files and in the configuration, and of its internal account.
pub const JOBE: &str = "jobe";

/// The header with the key.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");

const MISSING_KEY: &str = "Missing API key";
const UNKNOWN_KEY: &str = "Unknown API key";

/// Headers of every response. As in the original, every page may read the responses. Unless everyone is served without
/// a key, the page must send a key.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store, max-age=0, no-cache")),
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "X-API-KEY, Origin, X-Requested-With, Content-Type, Accept, Access-Control-Request-Method",
        ),
    ),
    (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS, PUT, HEAD, DELETE")),
];

/// Creates the facade at this prefix. Runs of clients without a key belong to `account`.
pub fn jobe(prefix: &str, keyless: Keyless, account: UserId) -> Mounted {
    let routes = Router::new()
        .route(prefix, any(dispatch))
        .route(&format!("{prefix}/"), any(dispatch))
        .route(&format!("{prefix}/{{*path}}"), any(dispatch))
        .layer(Extension(Mount { prefix: prefix.to_owned(), files: Files::default() }));
    Mounted::new(Jobe { prefix: prefix.to_owned(), keyless, account }, routes)
}

#[derive(Clone)]
struct Mount {
    prefix: String,
    files: Files,
}

struct Jobe {
    prefix: String,
    keyless: Keyless,
    account: UserId,
}

impl Dialect for Jobe {
    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn who(&self, _method: &Method, _route: &str) -> Option<Who> {
        Some(Who::User(Scope::RunsWrite))
    }

    fn credential<'r>(&self, request: &'r Parts) -> Presented<'r> {
        let Some(value) = request.headers.get(KEY_HEADER) else {
            return match bearer(&request.headers) {
                Presented::Missing(_) => Presented::Missing(MISSING_KEY),
                presented => presented,
            };
        };
        match value.to_str() {
            Ok(key) if Accounts::looks_like_key(key) => Presented::Text(key),
            _ => Presented::Malformed(UNKNOWN_KEY),
        }
    }

    fn keyless(&self, client: Client) -> Option<UserId> {
        self.keyless.admits(client).then_some(self.account)
    }

    fn render(&self, error: &ApiError, _request_id: &str) -> Rendered {
        let plain = |status, text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
            Rendered { status, headers, body: text.as_bytes().to_vec() }
        };
        let mut rendered = match error.kind() {
            ErrorKind::Unauthorized if error.detail() == MISSING_KEY => plain(StatusCode::FORBIDDEN, MISSING_KEY),
            ErrorKind::Unauthorized => plain(StatusCode::FORBIDDEN, UNKNOWN_KEY),
            ErrorKind::RateLimited => plain(StatusCode::TOO_MANY_REQUESTS, "Max RUN rate for this server exceeded"),
            ErrorKind::NoSuchRoute | ErrorKind::MethodNotAllowed => Rendered::json(StatusCode::NOT_FOUND, &json!("")),
            // The client interprets 404 as a request to send files.
            ErrorKind::NotFound => Rendered::json(StatusCode::BAD_REQUEST, &json!(error.detail())),
            kind => Rendered::json(kind.status(), &json!(error.detail())),
        };
        name_charset(&mut rendered.headers);
        rendered.headers.extend(HEADERS);
        rendered
    }
}

/// An operation of the original.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Languages,
    Run,
    PutFile(FileId),
    HasFile(FileId),
    Preflight,
}

impl Operation {
    /// The operation at a path below the prefix, if there is one. The path may lack `index.php`. It may also begin with
    /// a second `/jobe`: on the facade's own address, the server inserts the prefix, and clients also send it.
    fn of(method: &Method, path: &str, headers: &HeaderMap) -> Option<Operation> {
        let path = path.strip_prefix("/jobe").unwrap_or(path);
        let path = path.strip_prefix("/index.php").unwrap_or(path).strip_prefix("/restapi/")?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let file = path.strip_prefix("files/").and_then(|id| id.parse().ok());
        match *method {
            Method::OPTIONS if headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) => {
                Some(Operation::Preflight)
            }
            Method::GET if path == "languages" => Some(Operation::Languages),
            Method::POST if path == "runs" => Some(Operation::Run),
            Method::PUT => file.map(Operation::PutFile),
            Method::HEAD => file.map(Operation::HasFile),
            _ => None,
        }
    }
}

async fn dispatch(
    State(app): State<Shared>,
    Extension(mount): Extension<Mount>,
    Extension(notes): Extension<Notes>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut response = answer(&app, &mount, &notes, request).await?;
    let headers = response.headers_mut();
    name_charset(headers);
    headers.extend(HEADERS);
    Ok(response)
}

/// Adds the character set to the type of a JSON response, as the original does.
fn name_charset(headers: &mut HeaderMap) {
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
    }
}

async fn answer(app: &Shared, mount: &Mount, notes: &Notes, request: Request) -> Result<Response, ApiError> {
    let path = request.uri().path();
    let path = path.strip_prefix(mount.prefix.as_str()).unwrap_or(path);
    let Some(operation) = Operation::of(request.method(), path, request.headers()) else {
        return Ok(text(StatusCode::NOT_FOUND, ""));
    };
    match operation {
        Operation::Preflight => Ok(StatusCode::NO_CONTENT.into_response()),
        Operation::Languages => {
            let (mut parts, _) = request.into_parts();
            charge_public_read(app, notes, &mut parts, &[KEY_HEADER, header::AUTHORIZATION]).await?;
            Ok(Json(languages::list(&app.core.registry())).into_response())
        }
        Operation::HasFile(id) => {
            let (caller, _) = identified(app, request).await?;
            let found = mount.files.get(caller.user, &id).is_some();
            Ok(if found { StatusCode::NO_CONTENT.into_response() } else { text(StatusCode::NOT_FOUND, "") })
        }
        Operation::PutFile(id) => {
            let (caller, request) = identified(app, request).await?;
            let (bytes, _held) = submission_bytes(request, app).await?;
            Ok(put(app, mount, &caller, id, &bytes))
        }
        Operation::Run => {
            let (caller, request) = identified(app, request).await?;
            let key = IdempotencyKey::of_headers(request.headers())?;
            let (bytes, held) = submission_bytes(request, app).await?;
            let idempotency = key.for_request(app, "/jobe/runs", &bytes);
            post_run(app, mount, notes, &caller, bytes, (idempotency, held)).await
        }
    }
}

/// Identifies the caller before the request's body is read, so that an unidentified client cannot make the server read
/// a large body.
async fn identified(app: &Shared, request: Request) -> Result<(Caller, Request), ApiError> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, app).await?;
    Ok((caller, Request::from_parts(parts, body)))
}

fn put(app: &Shared, mount: &Mount, caller: &Caller, id: FileId, body: &[u8]) -> Response {
    let Ok(body) = std::str::from_utf8(body) else { return text(StatusCode::BAD_REQUEST, "") };
    let sent = match bounded_json::parse(body, VALUES_MAX) {
        Ok(sent) => sent,
        Err(Unparsed::Syntax(_)) => return text(StatusCode::BAD_REQUEST, ""),
        Err(Unparsed::TooManyValues) => return text(StatusCode::PAYLOAD_TOO_LARGE, &too_many_values(VALUES_MAX)),
    };
    let contents = match sent.get("file_contents") {
        None | Some(Value::Null) => {
            return text(StatusCode::BAD_REQUEST, "put: missing file_contents parameter");
        }
        Some(contents) => contents.as_str().and_then(files::decode),
    };
    let Some(contents) = contents else {
        let reason = format!("put: contents of file {id} are not valid base-64");
        return text(StatusCode::BAD_REQUEST, &reason);
    };
    let most = app.core.bounds().files_bytes_max;
    if contents.len() as u64 > most.get() {
        let reason = format!("put: file {id} has {} bytes; the maximum is {most}", contents.len());
        return text(StatusCode::PAYLOAD_TOO_LARGE, &reason);
    }
    mount.files.put(caller.user, id, contents);
    StatusCode::NO_CONTENT.into_response()
}

async fn post_run(
    app: &Shared,
    mount: &Mount,
    notes: &Notes,
    caller: &Caller,
    body: Bytes,
    (idempotency, held): (Option<Idempotency>, Option<Held>),
) -> Result<Response, ApiError> {
    let find = |id: &FileId| mount.files.get(caller.user, id);
    let job = match request::validate(&body, &app.core.registry(), app.core.bounds(), find) {
        Ok(job) => job,
        Err(refused) => return Ok(text(refused.status, &refused.reason)),
    };
    drop(body);
    run::run(app, caller, notes, job, idempotency, held).await
}

/// A response with this text as a JSON string.
fn text(status: StatusCode, text: &str) -> Response {
    (status, Json(text)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_matched_with_and_without_index_php_and_a_slash_at_the_end() {
        let (none, mut preflight) = (HeaderMap::new(), HeaderMap::new());
        preflight.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
        let file = || "abc".parse().unwrap();
        for (method, path, expected) in [
            (Method::GET, "/index.php/restapi/languages", Some(Operation::Languages)),
            (Method::GET, "/restapi/languages/", Some(Operation::Languages)),
            (Method::GET, "/jobe/index.php/restapi/languages", Some(Operation::Languages)),
            (Method::HEAD, "/restapi/languages", None),
            (Method::POST, "/index.php/restapi/runs", Some(Operation::Run)),
            (Method::POST, "/restapi/runs/", Some(Operation::Run)),
            (Method::GET, "/restapi/runs", None),
            (Method::GET, "/restapi/runresults/1", None),
            (Method::PUT, "/restapi/files/abc", Some(Operation::PutFile(file()))),
            (Method::PUT, "/restapi/files/a-b", None),
            (Method::PUT, "/restapi/files/", None),
            (Method::POST, "/restapi/files", None),
            (Method::GET, "/restapi/files/abc", None),
            (Method::HEAD, "/restapi/files/abc", Some(Operation::HasFile(file()))),
            (Method::OPTIONS, "/restapi/runs", None),
            (Method::GET, "", None),
            (Method::GET, "/", None),
        ] {
            assert_eq!(Operation::of(&method, path, &none), expected, "{method} {path}");
        }
        assert_eq!(Operation::of(&Method::OPTIONS, "/restapi/runs", &preflight), Some(Operation::Preflight));
    }
}
