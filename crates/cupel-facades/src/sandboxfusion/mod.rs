//! SandboxFusion (github.com/bytedance/SandboxFusion): `POST /run_code`, `POST /run_jupyter`, `POST /submit` with
//! the other data-set routes, and the pings.
//!
//! Source of the requests and responses: SandboxFusion's own server ("the original" in these files) at commit 469de084,
//! on FastAPI 0.103 and pydantic 2.6. The outcome of a program is always in the body of a 200 response. A 422 response
//! lists every validation error of the request. The body of other errors is `{"detail": …}`.

mod datasets;
mod jupyter;
mod languages;
mod model;
mod python;
mod request;
mod response;
mod run;

use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use axum::{Extension, Json, Router};
use cupel_core::Idempotency;
use cupel_core::accounts::Scope;
use cupel_http::app::Shared;
use cupel_http::auth::Who;
use cupel_http::body::submission_bytes;
use cupel_http::budget::Held;
use cupel_http::caller::Caller;
use cupel_http::client::Client;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::idempotency::IdempotencyKey;
use cupel_http::notes::Notes;
use cupel_http::{Dialect, Mounted, Rendered};
use cupel_types::UserId;
use serde_json::json;

use crate::Keyless;
use datasets::{Route, Unprocessed};
use model::Refused;

/// Name of the facade in language files and in the configuration, and of its internal account.
pub const SANDBOXFUSION: &str = "sandboxfusion";

/// Creates the facade at this prefix. Runs of clients without a key belong to `account`.
pub fn sandboxfusion(prefix: &str, keyless: Keyless, account: UserId) -> Mounted {
    let routes = Router::new()
        .route("/run_code", post(run_code))
        .route("/run_code/", post(run_code))
        .route("/run_jupyter", post(run_jupyter))
        .route("/run_jupyter/", post(run_jupyter))
        .route("/list_datasets", get_only(list_datasets))
        .route("/list_datasets/", get_only(list_datasets))
        .route("/ping", get_only(ping))
        .route("/ping/", get_only(ping))
        .route("/v1/ping", get_only(ping))
        .route("/v1/ping/", get_only(ping));
    let routes = DATA_SET_ROUTES.into_iter().fold(routes, |routes, (path, route)| {
        let handler = move |app, notes, caller, request| data_set(route, app, notes, caller, request);
        routes.route(path, post(handler)).route(&format!("{path}/"), post(handler))
    });
    let routes = if prefix.is_empty() { routes } else { Router::new().nest(prefix, routes) };
    Mounted::new(SandboxFusion { prefix: prefix.to_owned(), keyless, account }, routes)
}

/// A route for `GET` but not for `HEAD`: the original's routes do not support `HEAD`.
fn get_only<H, T>(handler: H) -> MethodRouter<Shared>
where
    H: Handler<T, Shared>,
    T: 'static,
{
    let refuse = || async {
        ApiError::new(ErrorKind::MethodNotAllowed, "Method Not Allowed")
            .with_header(header::ALLOW, HeaderValue::from_static("GET"))
    };
    MethodRouter::new().get(handler).head(refuse).fallback(refuse)
}

/// The routes that read rows of data from the request.
const DATA_SET_ROUTES: [(&str, Route); 6] = [
    ("/list_ids", Route::ListIds),
    ("/get_prompts", Route::GetPrompts),
    ("/get_prompt_by_id", Route::GetPromptById),
    ("/submit", Route::Submit),
    ("/get_metrics", Route::GetMetrics),
    ("/get_metrics_function", Route::GetMetricsFunction),
];

struct SandboxFusion {
    prefix: String,
    keyless: Keyless,
    account: UserId,
}

impl Dialect for SandboxFusion {
    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn who(&self, _method: &Method, route: &str) -> Option<Who> {
        match route.strip_prefix(&self.prefix)? {
            "/run_code" | "/run_code/" | "/run_jupyter" | "/run_jupyter/" => Some(Who::User(Scope::RunsWrite)),
            path => {
                let path = path.strip_suffix('/').unwrap_or(path);
                let is_known = DATA_SET_ROUTES.iter().any(|(known, _)| *known == path);
                is_known.then_some(Who::User(Scope::RunsWrite))
            }
        }
    }

    fn keyless(&self, client: Client) -> Option<UserId> {
        self.keyless.admits(client).then_some(self.account)
    }

    fn render(&self, error: &ApiError, request_id: &str) -> Rendered {
        let detail = match error.kind() {
            ErrorKind::NoSuchRoute => "Not Found",
            ErrorKind::MethodNotAllowed => "Method Not Allowed",
            _ => error.detail(),
        };
        let mut rendered = Rendered::rfc9457(error, request_id);
        let json = Rendered::json(rendered.status, &json!({ "detail": detail }));
        rendered.headers.extend(json.headers);
        Rendered { body: json.body, ..rendered }
    }
}

async fn ping() -> Json<&'static str> {
    Json("pong")
}

async fn run_code(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    match read(&app, request, "run_code", request::parse).await? {
        Ok(Received { request, idempotency, held }) => {
            run::run(&app, &caller, &notes, request, idempotency, held).await
        }
        Err(refused) => Ok(refusal(&refused)),
    }
}

async fn run_jupyter(
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    match read(&app, request, "run_jupyter", jupyter::parse).await? {
        Ok(Received { request, idempotency, held }) => {
            jupyter::run(&app, &caller, &notes, request, idempotency, held).await
        }
        Err(refused) => Ok(refusal(&refused)),
    }
}

/// The data sets of this server: none.
async fn list_datasets() -> Json<[&'static str; 0]> {
    Json([])
}

async fn data_set(
    route: Route,
    State(app): State<Shared>,
    Extension(notes): Extension<Notes>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let unprocessed = match read(&app, request, "submit", |kind, body| datasets::parse(route, kind, body)).await? {
        Ok(Received { request, idempotency, held }) => {
            match datasets::respond(&app, &caller, &notes, route, request, (idempotency, held)).await? {
                Ok(response) => return Ok(response),
                Err(unprocessed) => unprocessed,
            }
        }
        Err(unprocessed) => unprocessed,
    };
    Ok(match unprocessed {
        Unprocessed::Refused(refused) => refusal(&refused),
        Unprocessed::Detail(status, detail) => (status, Json(json!({ "detail": detail }))).into_response(),
    })
}

/// A request that was read and parsed.
struct Received<T> {
    request: T,
    /// Set if the request has an idempotency key.
    idempotency: Option<Idempotency>,
    /// Reservation of memory for the body. It is reduced to the memory of the submissions, and ends when they are
    /// stored.
    held: Option<Held>,
}

/// Reads a body, and parses it. `operation`: the operation for which an idempotency key counts.
async fn read<T, E>(
    app: &Shared,
    request: Request,
    operation: &str,
    parse: impl FnOnce(Option<&str>, &[u8]) -> Result<T, E>,
) -> Result<Result<Received<T>, E>, ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let key = IdempotencyKey::of_headers(request.headers())?;
    let (body, held) = submission_bytes(request, app).await?;
    let content_type = content_type.as_ref().map(|value| value.to_str().unwrap_or_default());
    Ok(parse(content_type, &body).map(|request| {
        let idempotency = key.for_request(app, &format!("/{SANDBOXFUSION}/{operation}"), &body);
        Received { request, idempotency, held }
    }))
}

fn refusal(refused: &Refused) -> Response {
    match refused {
        Refused::Faults(faults) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "detail": faults }))).into_response()
        }
        Refused::NotText => {
            let detail = json!({ "detail": "There was an error parsing the body" });
            (StatusCode::BAD_REQUEST, Json(detail)).into_response()
        }
    }
}
