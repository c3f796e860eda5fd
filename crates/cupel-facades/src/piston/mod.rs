//! Piston (github.com/engineer-man/piston): `runtimes`, `execute`, `packages` and `connect` of API version 2.
//!
//! Source of the requests and responses: Piston's own server ("the original" in these files) at commit 0a844d0a, with
//! the versions of Express, body-parser and node-semver that it pins. Paths are matched without regard to case, with an
//! optional slash at the end. The result of a program is always in the body of a 200 response.

mod body;
mod close;
mod connect;
mod files;
mod input;
mod interleave;
mod request;
mod response;
mod run;
mod runtimes;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use cupel_core::accounts::Scope;
use cupel_http::app::Shared;
use cupel_http::auth::{Presented, Who, bearer};
use cupel_http::body::submission_bytes;
use cupel_http::caller::Caller;
use cupel_http::client::Client;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::idempotency::IdempotencyKey;
use cupel_http::notes::Notes;
use cupel_http::{Dialect, Mounted, Rendered};
use cupel_types::UserId;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::Keyless;
use crate::charset::name_charset;
use crate::public_read::charge_public_read;
use request::{Maxima, Refused};
use response::Style;
use run::message;

/// Name of the facade in language files and in the configuration, and of its internal account.
pub const PISTON: &str = "piston";

/// How closely the facade follows the original.
#[derive(Clone, Copy, Debug)]
pub struct PistonOptions {
    /// Whether the original's limits apply (times, output, size of a request), and a crash is reported as in the
    /// original.
    pub strict: bool,
    /// Whether JSON is accepted with any content type, because some clients send another one.
    pub any_content_type: bool,
}

/// Creates the facade at this prefix. Runs of clients without a key belong to `account`.
pub fn piston(prefix: &str, keyless: Keyless, account: UserId, options: PistonOptions) -> Mounted {
    let facade = Piston { prefix: prefix.to_owned(), keyless, account };
    let options = Options { prefix: prefix.to_owned(), options };
    let routes = Router::new()
        .route(&format!("{prefix}/"), any(dispatch))
        .route(&format!("{prefix}/{{*path}}"), any(dispatch))
        .layer(Extension(options));
    let routes = if prefix.is_empty() { routes } else { routes.route(prefix, any(root)) };
    Mounted::new(facade, routes)
}

struct Piston {
    prefix: String,
    keyless: Keyless,
    account: UserId,
}

#[derive(Clone)]
struct Options {
    prefix: String,
    options: PistonOptions,
}

impl Options {
    fn style(&self) -> Style {
        if self.options.strict { Style::Strict } else { Style::Improved }
    }

    fn body_bytes_max(&self, app: &Shared) -> usize {
        if self.options.strict { body::ORIGINAL_BYTES_MAX } else { app.settings.execute_body_bytes_max }
    }

    /// Validates a request.
    fn validate(&self, app: &Shared, fields: &Map<String, Value>) -> Result<request::Job, Refused> {
        let registry = app.core.registry();
        request::validate(
            fields,
            app.core.bounds().files_max,
            |language, version| runtimes::select(&registry, language, version),
            |runtime| match registry.get(&runtime.id) {
                Some(language) if !self.options.strict => {
                    let max = language.limits_max.wall_time;
                    Maxima { compile: max.max(Maxima::ORIGINAL.compile), run: max.max(Maxima::ORIGINAL.run) }
                }
                _ => Maxima::ORIGINAL,
            },
        )
    }
}

impl Dialect for Piston {
    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn who(&self, _method: &Method, _route: &str) -> Option<Who> {
        // `runtimes` and `packages` are read without this check, see [`charge_public_read`].
        Some(Who::User(Scope::RunsWrite))
    }

    /// Clients send a key without a scheme, or with the scheme `Bearer`.
    fn credential<'r>(&self, request: &'r Parts) -> Presented<'r> {
        let mut values = request.headers.get_all(header::AUTHORIZATION).iter();
        match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
            (Some(key), None) if !key.trim().is_empty() && !key.trim().contains(' ') => Presented::Text(key.trim()),
            _ => bearer(&request.headers),
        }
    }

    fn keyless(&self, client: Client) -> Option<UserId> {
        self.keyless.admits(client).then_some(self.account)
    }

    fn render(&self, error: &ApiError, request_id: &str) -> Rendered {
        let message = match error.kind() {
            ErrorKind::NoSuchRoute | ErrorKind::MethodNotAllowed => "Not Found",
            _ => error.detail(),
        };
        let mut rendered = Rendered::rfc9457(error, request_id);
        let json = Rendered::json(rendered.status, &json!({ "message": message }));
        rendered.headers.extend(json.headers);
        let (name, value) = POWERED_BY;
        rendered.headers.insert(name, value);
        name_charset(&mut rendered.headers);
        Rendered { body: json.body, ..rendered }
    }
}

/// An address of the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address {
    Root,
    Runtimes,
    Execute,
    Packages,
    Connect,
    /// Below `/api/v2`, and unknown.
    Unknown,
    /// A path that is not below `/api/v2`.
    Elsewhere,
}

impl Address {
    /// The address of a path below the prefix. The public server of the original had `/api/v2/piston/…`.
    fn of(path: &str) -> Address {
        let path = path.to_ascii_lowercase();
        let path = path.strip_suffix('/').unwrap_or(&path);
        if path.is_empty() {
            return Address::Root;
        }
        let Some(below) = path.strip_prefix("/api/v2") else { return Address::Elsewhere };
        match below.strip_prefix("/piston").unwrap_or(below) {
            "/runtimes" => Address::Runtimes,
            "/execute" => Address::Execute,
            "/packages" => Address::Packages,
            "/connect" => Address::Connect,
            _ if below.is_empty() || below.starts_with('/') => Address::Unknown,
            _ => Address::Elsewhere,
        }
    }

    /// The methods that the address supports, for `OPTIONS`.
    const fn methods(self) -> Option<&'static str> {
        match self {
            Address::Runtimes => Some("GET,HEAD"),
            Address::Execute => Some("POST"),
            Address::Packages => Some("GET,HEAD,POST,DELETE"),
            Address::Root | Address::Connect | Address::Unknown | Address::Elsewhere => None,
        }
    }
}

async fn root(request: Request) -> Response {
    let response = if matches!(*request.method(), Method::GET | Method::HEAD) { version() } else { not_found() };
    conditional(response, request.headers().get(header::IF_NONE_MATCH).cloned())
}

fn version() -> Response {
    tagged(&json!({ "message": "Piston v3.1.1" }))
}

fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "Not Found")
}

async fn dispatch(
    State(app): State<Shared>,
    Extension(options): Extension<Options>,
    Extension(notes): Extension<Notes>,
    request: Request,
) -> Result<Response, ApiError> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request.headers().get(header::IF_NONE_MATCH).filter(|_| is_read).cloned();
    let response = answer(app, options, notes, request).await?;
    if !is_read || response.status() != StatusCode::OK {
        return Ok(with_headers(response));
    }
    Ok(conditional(response, known))
}

/// Headers that every response of the original has.
const POWERED_BY: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-powered-by"), HeaderValue::from_static("Express"));

fn with_headers(mut response: Response) -> Response {
    let (name, value) = POWERED_BY;
    response.headers_mut().insert(name, value);
    name_charset(response.headers_mut());
    response
}

/// The response to a `GET` as Express sends it: with a weak entity tag, or 304 if the client has this response already.
/// `known`: the client's tags.
fn conditional(response: Response, known: Option<HeaderValue>) -> Response {
    let tag = response.extensions().get::<EntityTag>().map(|tag| tag.0.clone());
    let mut response = with_headers(response);
    let Some(tag) = tag else { return response };
    let is_known = known.as_ref().and_then(|known| known.to_str().ok()).is_some_and(|known| {
        let same = |one: &str| one.trim().trim_start_matches("W/") == tag.trim_start_matches("W/");
        known.trim() == "*" || known.split(',').any(same)
    });
    if let Ok(value) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = axum::body::Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

/// The tag of a response, as an extension.
#[derive(Clone)]
struct EntityTag(String);

/// A JSON response with a tag in the form of the original: the length and a digest.
fn tagged(document: &impl Serialize) -> Response {
    let body = match serde_json::to_vec(document) {
        Ok(body) => body,
        Err(error) => return ApiError::internal(&error).into_response(),
    };
    let digest = BASE64_STANDARD_NO_PAD.encode(Sha256::digest(&body));
    let tag = EntityTag(format!("W/\"{:x}-{}\"", body.len(), &digest[..27]));
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    response.extensions_mut().insert(tag);
    response
}

/// Answers requests that have no body, and passes the others on to [`answer_with_body`].
async fn answer(app: Shared, options: Options, notes: Notes, request: Request) -> Result<Response, ApiError> {
    let path = request.uri().path();
    let address = Address::of(path.strip_prefix(options.prefix.as_str()).unwrap_or(path));
    let method = request.method().clone();
    match (&method, address) {
        (&Method::GET | &Method::HEAD, Address::Root) => return Ok(version()),
        (&Method::GET | &Method::HEAD, Address::Runtimes | Address::Packages) => {
            let (mut parts, _) = request.into_parts();
            charge_public_read(&app, &notes, &mut parts, &[header::AUTHORIZATION]).await?;
            let registry = app.core.registry();
            return Ok(match address {
                Address::Packages => tagged(&runtimes::packages(&registry)),
                _ => tagged(&runtimes::installed(&registry)),
            });
        }
        (&Method::GET, Address::Connect) if request.headers().contains_key(header::UPGRADE) => {
            return connect::connect(app, options, notes, request).await;
        }
        // The original accepts every WebSocket, and immediately closes a WebSocket at an unknown path.
        (&Method::GET, _) if is_websocket(&request) => return connect::refuse(request),
        (&Method::OPTIONS, address) => {
            return Ok(match address.methods() {
                Some(methods) => {
                    let headers = [(header::ALLOW, methods), (header::CONTENT_TYPE, "text/html; charset=utf-8")];
                    (headers, methods).into_response()
                }
                None => not_found(),
            });
        }
        (&Method::GET | &Method::HEAD, _) | (_, Address::Root | Address::Elsewhere) => return Ok(not_found()),
        _ => {}
    }
    answer_with_body(app, options, notes, request, address).await
}

async fn answer_with_body(
    app: Shared,
    options: Options,
    notes: Notes,
    request: Request,
    address: Address,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let method = parts.method.clone();
    // The caller is identified before the body is read, so that an unidentified client cannot make the server read a
    // large body.
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let headers = parts.headers.clone();
    let key = IdempotencyKey::of_headers(&headers)?;
    let bytes_max = options.body_bytes_max(&app);
    let (bytes, mut held) = match submission_bytes(Request::from_parts(parts, body), &app).await {
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::BodyTooLarge => return Ok(malformed(&body::Malformed::too_large())),
        Err(error) => return Err(error),
    };
    let content = match body::content(&headers, &bytes, bytes_max, options.options.any_content_type) {
        Ok(content) => content,
        Err(error) => return Ok(malformed(&error)),
    };
    let idempotency = key.for_request(&app, "/piston/execute", &bytes);
    drop(bytes);
    if let Some(held) = &mut held {
        // A compressed body was smaller.
        held.keep_exactly(content.len())?;
    }
    let fields = match body::fields(&content) {
        Ok(fields) => fields,
        Err(error) => return Ok(malformed(&error)),
    };
    drop(content);
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("application/json") && !options.options.any_content_type {
        return Ok(message(StatusCode::UNSUPPORTED_MEDIA_TYPE, "requests must be of type application/json"));
    }
    match (&method, address) {
        (&Method::POST, Address::Execute) => {
            let job = options.validate(&app, &fields);
            // The fields may take more memory than is reserved for the body, so they are dropped before the run waits.
            drop(fields);
            match job {
                Ok(job) => run::run(&app, &caller, &notes, job, options.style(), (idempotency, held)).await,
                Err(refused) => Ok(refusal(&refused)),
            }
        }
        (&Method::POST, Address::Packages) => Ok(change_package(&app, &fields, Change::Install)),
        (&Method::DELETE, Address::Packages) => Ok(change_package(&app, &fields, Change::Uninstall)),
        _ => Ok(not_found()),
    }
}

/// Whether a client opens a WebSocket.
fn is_websocket(request: &Request) -> bool {
    let upgrade = request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

fn malformed(error: &body::Malformed) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "stack": error.0 }))).into_response()
}

fn refusal(refused: &Refused) -> Response {
    match refused {
        Refused::Invalid(reason) => message(StatusCode::BAD_REQUEST, reason),
        Refused::TypeError => (StatusCode::BAD_REQUEST, Json(json!({}))).into_response(),
        Refused::Preparation(reason) => message(StatusCode::INTERNAL_SERVER_ERROR, reason),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Install,
    Uninstall,
}

/// Responds to a request to install or remove a package. A server of Cupel starts no package manager (see
/// ARCHITECTURE.md), so the response names the command for the operator.
fn change_package(app: &Shared, fields: &Map<String, Value>, change: Change) -> Response {
    let text = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default();
    let (name, range) = (text("language"), text("version"));
    let Some(package) = runtimes::find_package(&app.core.registry(), name, range) else {
        return message(StatusCode::NOT_FOUND, &format!("Requested package {name}-{range} does not exist"));
    };
    let version = &package.language_version;
    let reason = match (change, package.installed, package.id) {
        (Change::Install, true, _) => "Already installed".to_owned(),
        (Change::Install, false, Some(id)) => {
            format!("This server installs no packages. Its operator can: cupel languages install {}", id.as_str())
        }
        (Change::Install, false, None) => format!("{name}-{version} cannot be installed here"),
        (Change::Uninstall, false, _) => format!("{name}-{version} is not installed"),
        (Change::Uninstall, true, id) => {
            let id = id.as_ref().map_or(name, |id| id.as_str());
            format!(
                "This server removes no packages. Its operator can disable the language: languages.disabled = [\"{id}\"]"
            )
        }
    };
    message(StatusCode::INTERNAL_SERVER_ERROR, &reason)
}
