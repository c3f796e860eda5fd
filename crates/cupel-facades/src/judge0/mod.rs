//! Judge0 (github.com/judge0/judge0): the complete API of CE and of Extra, release 1.13.1.
//!
//! Source of the requests and responses: Judge0's own server ("the original" in these files) at release 1.13.1, on
//! Rails 5.2. CE is at the prefix and at `/ce` below it, Extra at `/extra`. The token of a submission is the id that
//! the native API shows. Validation errors have status 422 and messages by attribute; other errors are `{"error": …}`.

mod about;
mod archive;
mod attributes;
mod fields;
mod languages;
mod options;
mod parameters;
mod render;
mod result;
mod run;
mod several;
mod statistics;
mod text;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Json, Router};
use bytes::Bytes;
use cupel_core::accounts::Scope;
use cupel_core::run::{HistoryFilter, SentFor, SubmissionRecord};
use cupel_core::{Idempotency, NewSubmission};
use cupel_http::app::Shared;
use cupel_http::auth::{Presented, Via, Who, bearer};
use cupel_http::body::submission_bytes;
use cupel_http::budget::Held;
use cupel_http::caller::Caller;
use cupel_http::client::Client;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::idempotency::IdempotencyKey;
use cupel_http::notes::Notes;
use cupel_http::{Dialect, Mounted, Rendered, large_answer};
use cupel_types::{SubmissionId, UserId};
use serde_json::{Map, Value, json};

use crate::Keyless;
use crate::bounded_json::{self, VALUES_MAX};
use crate::charset::name_charset;
use crate::execute::Run;
use attributes::{Attributes, Faults, validate};
use fields::Fields;
use languages::Flavour;
use parameters::{Parameters, Unread};
use render::Rendering;
use result::Status;
use several::{Several, Whole};
use statistics::Statistics;

pub use options::{Judge0Limit, Judge0Limits, Judge0Options};
pub use render::callback_body;

/// Name of the facade in language files and in the configuration, and of its internal account.
pub const JUDGE0: &str = "judge0";

/// Upper bound on the memory for one byte of a text while a response is built: the byte, its base64 or text (2), and
/// the text in JSON (6).
const BYTES_PER_BYTE: usize = 9;

/// Default number of submissions in a page of the list.
const PAGE: i64 = 20;

/// Maximum number of submissions in a page of the list; the original has no maximum.
const PAGE_MAX: i64 = 100;

/// Maximum number of values of one submission in a batch: its attributes and a few that are unknown.
const SUBMISSION_VALUES_MAX: usize = 32;

/// Largest body, in bytes, that is searched for the client's key. The limit is low, because the body is read before the
/// client is known.
const KEY_BODY_BYTES_MAX: usize = 64 << 10;

/// Creates the facade at this prefix: three dialects, because the flavours have different languages. Runs of clients
/// without a key belong to `account`.
pub fn judge0(prefix: &str, keyless: Keyless, account: UserId, options: Judge0Options) -> Vec<Mounted> {
    let places = [("", Flavour::Ce), ("/ce", Flavour::Ce), ("/extra", Flavour::Extra)];
    let statistics = Arc::new(Statistics::default());
    let options = Arc::new(options);
    let mount = |(below, flavour)| {
        let prefix = format!("{prefix}{below}");
        let routes = Router::new()
            .route(&prefix, any(dispatch))
            .route(&format!("{prefix}/"), any(dispatch))
            .route(&format!("{prefix}/{{*path}}"), any(dispatch))
            .layer(Extension(Mount {
                prefix: prefix.clone(),
                flavour,
                options: Arc::clone(&options),
                statistics: Arc::clone(&statistics),
            }));
        Mounted::new(Judge0 { prefix, keyless, account }, routes)
    };
    places.into_iter().map(mount).collect()
}

struct Judge0 {
    prefix: String,
    keyless: Keyless,
    account: UserId,
}

#[derive(Clone)]
struct Mount {
    prefix: String,
    flavour: Flavour,
    options: Arc<Judge0Options>,
    statistics: Arc<Statistics>,
}

/// The headers with the key: that of the original's default configuration, and that of its hosted variant.
const TOKEN_HEADERS: [&str; 2] = ["x-auth-token", "x-rapidapi-key"];

impl Dialect for Judge0 {
    fn prefix(&self) -> &str {
        &self.prefix
    }

    fn who(&self, method: &Method, _route: &str) -> Option<Who> {
        Some(Who::User(if method == Method::POST { Scope::RunsWrite } else { Scope::RunsRead }))
    }

    fn credential<'r>(&self, request: &'r Parts) -> Presented<'r> {
        let of_header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
        let token = TOKEN_HEADERS.into_iter().find_map(of_header).map(str::trim);
        match token.filter(|token| !token.is_empty()) {
            Some(token) => Presented::Text(token),
            None => match bearer(&request.headers) {
                Presented::Missing(_) => Presented::Missing("Send an API key as `X-Auth-Token`."),
                other => other,
            },
        }
    }

    fn keyless(&self, client: Client) -> Option<UserId> {
        self.keyless.admits(client).then_some(self.account)
    }

    fn render(&self, error: &ApiError, request_id: &str) -> Rendered {
        let mut rendered = Rendered::rfc9457(error, request_id);
        let body = match error.kind() {
            ErrorKind::NotFound | ErrorKind::NoSuchRoute | ErrorKind::MethodNotAllowed => {
                rendered.status = StatusCode::NOT_FOUND;
                json!({ "status": 404, "error": "Not Found" })
            }
            // The original sends an empty body with 401 and 403. The reason in the body does not disturb clients.
            _ => json!({ "error": error.detail() }),
        };
        let json = Rendered::json(rendered.status, &body);
        rendered.headers.extend(json.headers);
        name_charset(&mut rendered.headers);
        Rendered { body: json.body, ..rendered }
    }
}

/// An operation of the original.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Home,
    Create,
    List,
    CreateBatch,
    GetBatch,
    Get(String),
    Delete(String),
    Languages,
    AllLanguages,
    Language(String),
    Statuses,
    SystemInfo,
    ConfigInfo,
    About,
    Version,
    Isolate,
    License,
    Statistics,
    Workers,
    Authenticate,
    Authorize,
}

impl Operation {
    /// The operation at a path below the prefix; a resource may have the suffix `.json`. `None`: there is none.
    fn of(method: &Method, path: &str) -> Option<Operation> {
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".json").unwrap_or(path);
        let is_get = matches!(*method, Method::GET | Method::HEAD);
        Some(match (method, path) {
            _ if path.is_empty() => is_get.then_some(Operation::Home)?,
            (&Method::POST, "submissions") => Operation::Create,
            (&Method::POST, "submissions/batch") => Operation::CreateBatch,
            (&Method::POST, "authenticate") => Operation::Authenticate,
            (&Method::POST, "authorize") => Operation::Authorize,
            (&Method::DELETE, _) => Operation::Delete(path.strip_prefix("submissions/")?.to_owned()),
            _ if !is_get => return None,
            (_, "submissions") => Operation::List,
            (_, "submissions/batch") => Operation::GetBatch,
            (_, "languages") => Operation::Languages,
            (_, "languages/all") => Operation::AllLanguages,
            (_, "statuses") => Operation::Statuses,
            (_, "system_info") => Operation::SystemInfo,
            (_, "config_info") => Operation::ConfigInfo,
            (_, "about") => Operation::About,
            (_, "version") => Operation::Version,
            (_, "isolate") => Operation::Isolate,
            (_, "license") => Operation::License,
            (_, "statistics") => Operation::Statistics,
            (_, "workers") => Operation::Workers,
            (_, path) => match (path.strip_prefix("submissions/"), path.strip_prefix("languages/")) {
                (Some(token), _) if !token.contains('/') => Operation::Get(token.to_owned()),
                (_, Some(id)) if !id.contains('/') => Operation::Language(id.to_owned()),
                _ => return None,
            },
        })
    }
}

/// `{"error": …}`.
fn error(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({ "error": reason }))).into_response()
}

fn bad_request(reason: &str) -> Response {
    error(StatusCode::BAD_REQUEST, reason)
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "status": 404, "error": "Not Found" }))).into_response()
}

fn plain(text: &str) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.to_owned()).into_response()
}

async fn dispatch(
    State(app): State<Shared>,
    Extension(mount): Extension<Mount>,
    Extension(notes): Extension<Notes>,
    request: Request,
) -> Result<Response, ApiError> {
    let path = request.uri().path();
    let path = path.strip_prefix(mount.prefix.as_str()).unwrap_or(path);
    let mut response = match Operation::of(request.method(), path) {
        None => not_found(),
        Some(operation) => {
            let is_creation = matches!(operation, Operation::Create | Operation::CreateBatch);
            let answered = answer(app, mount, notes, operation, request).await;
            answered.map_err(|error| if is_creation { without_429(error) } else { error })?
        }
    };
    name_charset(response.headers_mut());
    Ok(response)
}

/// The error for the creation of submissions: 503 in place of 429, with which the published client silently loses
/// submissions.
fn without_429(error: ApiError) -> ApiError {
    if error.kind().status() != StatusCode::TOO_MANY_REQUESTS {
        return error;
    }
    let seconds = error.seconds_to_wait().unwrap_or(1);
    ApiError::new(ErrorKind::Unavailable, error.detail().to_owned()).retry_after(Duration::from_secs(seconds))
}

/// If the client sends its key as a parameter of the query or of the body, copies the key into a header. The caller is
/// not known yet, so only a small body is read.
async fn with_key_in_header(app: &Shared, request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let is_sent = TOKEN_HEADERS.iter().any(|name| parts.headers.contains_key(*name));
    if is_sent || parts.headers.contains_key(header::AUTHORIZATION) {
        return Ok(Request::from_parts(parts, body));
    }
    if let Some(key) = Parameters::of_query(parts.uri.query()).key() {
        parts.headers.insert(TOKEN_HEADERS[0], key);
        return Ok(Request::from_parts(parts, body));
    }
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if parts.method != Method::POST || !length.is_some_and(|length| (1..=KEY_BODY_BYTES_MAX).contains(&length)) {
        return Ok(Request::from_parts(parts, body));
    }
    let read = axum::body::to_bytes(body, KEY_BODY_BYTES_MAX);
    let bytes = tokio::time::timeout(app.settings.body_time_max, read)
        .await
        .map_err(|_elapsed| ApiError::new(ErrorKind::RequestTimeout, "The body did not arrive in time."))?
        .map_err(|_broken| ApiError::new(ErrorKind::MalformedRequest, "The body is not framed correctly."))?;
    if bytes.windows(TOKEN_HEADERS[0].len()).any(|part| part.eq_ignore_ascii_case(TOKEN_HEADERS[0].as_bytes()))
        && let Ok(parameters) = Parameters::of(None, &parts.headers, bytes.clone(), VALUES_MAX).await
        && let Some(key) = parameters.key()
    {
        parts.headers.insert(TOKEN_HEADERS[0], key);
    }
    Ok(Request::from_parts(parts, bytes.into()))
}

async fn answer(
    app: Shared,
    mount: Mount,
    notes: Notes,
    operation: Operation,
    request: Request,
) -> Result<Response, ApiError> {
    if operation == Operation::Home {
        return Ok(StatusCode::OK.into_response());
    }
    let (mut parts, body) = with_key_in_header(&app, request).await?.into_parts();
    // The caller is identified before a large body is read, so that an unidentified client cannot make the server read
    // a large body.
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let (query, headers, method) = (parts.uri.query().map(str::to_owned), parts.headers.clone(), parts.method.clone());
    let (bytes, held) = match method {
        Method::POST => submission_bytes(Request::from_parts(parts, body), &app).await?,
        _ => (Bytes::new(), None),
    };
    // The query can also contain attributes of the submission.
    let name = match operation {
        Operation::CreateBatch => "submissions/batch",
        _ => "submissions",
    };
    let place = format!("/{}/{name}?{}", mount.flavour.facade(), query.as_deref().unwrap_or_default());
    let idempotency = IdempotencyKey::of_headers(&headers)?.for_request(&app, &place, &bytes);
    let values_max = VALUES_MAX.max(mount.options.batch_max(app.core.bounds()) * SUBMISSION_VALUES_MAX);
    let parameters = match Parameters::of(query.as_deref(), &headers, bytes, values_max).await {
        Ok(parameters) => parameters,
        Err(Unread::Malformed) => {
            let body = json!({ "status": 400, "error": "Bad Request" });
            return Ok((StatusCode::BAD_REQUEST, Json(body)).into_response());
        }
        Err(Unread::TooManyValues) => return Err(bounded_json::too_large(values_max)),
    };
    let is_base64 = parameters.is_on("base64_encoded");
    let of = Handler { app: &app, mount: &mount, notes: &notes, caller: &caller, parameters, is_base64, idempotency };
    let registry = app.core.registry();
    let flavour = mount.flavour;
    match operation {
        Operation::Create => of.create(held).await,
        Operation::CreateBatch => of.create_batch(held).await,
        Operation::Get(token) => of.get(&token).await,
        Operation::GetBatch => {
            let tokens = headers.get("tokens").and_then(|value| value.to_str().ok()).map(str::to_owned);
            of.get_batch(tokens).await
        }
        Operation::List => of.list().await,
        Operation::Delete(_) => Ok(of.delete()),
        Operation::Languages => Ok(Json(languages::active(&registry, flavour)).into_response()),
        Operation::AllLanguages => Ok(Json(languages::all(&registry, flavour)).into_response()),
        Operation::Language(id) => {
            let language = id.parse().ok().and_then(|id| languages::one(&registry, flavour, id));
            Ok(language.map_or_else(not_found, |language| Json(language).into_response()))
        }
        Operation::Statuses => {
            let statuses = Status::ALL.map(|status| json!({ "id": status.id(), "description": status.description() }));
            Ok(Json(statuses).into_response())
        }
        Operation::SystemInfo => Ok(Json(about::system_info()).into_response()),
        Operation::ConfigInfo => Ok(Json(about::config_info(&app, flavour, &mount.options)).into_response()),
        Operation::About => Ok(Json(about::about(flavour)).into_response()),
        Operation::Version => Ok(plain(flavour.version())),
        Operation::Isolate => Ok(plain(about::SANDBOX)),
        Operation::License => Ok(plain(about::LICENSE)),
        Operation::Workers => Ok(Json(about::workers(&app, flavour).await?).into_response()),
        Operation::Statistics => {
            let invalidate = of.parameters.is_on("invalidate_cache");
            Ok(Json(mount.statistics.of(&app.core, caller.user, flavour, invalidate).await?).into_response())
        }
        Operation::Authorize if !of.is_authorized() => Ok(unauthorized()),
        Operation::Authenticate | Operation::Authorize | Operation::Home => Ok(StatusCode::OK.into_response()),
    }
}

/// A request of an identified caller.
struct Handler<'r> {
    app: &'r Shared,
    mount: &'r Mount,
    notes: &'r Notes,
    caller: &'r Caller,
    parameters: Parameters,
    /// Whether texts are base64, in the request and in the response.
    is_base64: bool,
    /// Set if the request has an idempotency key.
    idempotency: Option<Idempotency>,
}

impl Handler<'_> {
    /// The selected fields, or the reason why they are refused.
    fn fields(&self) -> Result<Fields, String> {
        Fields::parse(self.parameters.text("fields"))
    }

    /// Whether the caller may list and delete submissions. The original requires a second token. Here, any API key
    /// suffices, and the list contains only the submissions of the key's owner.
    fn is_authorized(&self) -> bool {
        !matches!(self.caller.identity.via, Via::Keyless)
    }

    /// The refusal in maintenance mode, in which no new submissions are accepted.
    fn maintenance(&self) -> Option<Response> {
        let Judge0Options { maintenance_mode, maintenance_message, .. } = &*self.mount.options;
        maintenance_mode.then(|| error(StatusCode::SERVICE_UNAVAILABLE, maintenance_message))
    }

    /// The submission of one set of attributes, or their validation errors. `place`: the submission's place in the
    /// batch.
    fn submission(
        &self,
        sent: &Map<String, Value>,
        place: usize,
        held: &mut Option<Held>,
    ) -> Result<Result<NewSubmission, Faults>, ApiError> {
        let (registry, flavour) = (self.app.core.registry(), self.mount.flavour);
        let find = |id| languages::find(&registry, flavour, id);
        let attributes = match validate(sent, self.is_base64, flavour, &self.mount.options, find) {
            Ok(attributes) => Attributes { place, ..attributes },
            Err(faults) => return Ok(Err(faults)),
        };
        let new = run::submission_of(self.app, &registry, self.notes, &attributes, held)?;
        Ok(new.ok_or_else(|| {
            let message = format!("language with id {} doesn't exist", attributes.language_id);
            vec![("language_id", vec![message])]
        }))
    }

    /// Creates a submission. The order of the checks is that of the original.
    async fn create(mut self, mut held: Option<Held>) -> Result<Response, ApiError> {
        if let Some(refused) = self.maintenance() {
            return Ok(refused);
        }
        let is_awaited = self.parameters.is_on("wait");
        if is_awaited && !self.mount.options.enable_wait_result {
            return Ok(bad_request("wait not allowed"));
        }
        let fields = match self.fields() {
            Ok(fields) => fields,
            Err(reason) => return Ok(bad_request(&reason)),
        };
        // They may take more memory than is reserved for the body, so they are dropped before the submission waits.
        let parameters = std::mem::take(&mut self.parameters);
        let checked = self.submission(parameters.all(), 0, &mut held)?;
        drop(parameters);
        let new = match checked {
            Ok(new) => new,
            Err(faults) => return Ok(run::unprocessable(&faults)),
        };
        let idempotency = self.idempotency.clone();
        let created = run::create(self.app, self.caller, self.notes, new, is_awaited, (idempotency, held)).await?;
        let (run, record) = match created {
            Ok(accepted) => accepted,
            Err(response) => return Ok(response),
        };
        let id = run.id;
        let awaited = if is_awaited { self.awaited(id, record, fields).await } else { None };
        let mut response = awaited.unwrap_or_else(|| Json(json!({ "token": id.to_string() })).into_response());
        *response.status_mut() = StatusCode::CREATED;
        Run::mark(&[run], &mut response);
        Ok(response)
    }

    async fn create_batch(mut self, mut held: Option<Held>) -> Result<Response, ApiError> {
        // As in `create`, dropped before the submissions wait.
        let parameters = std::mem::take(&mut self.parameters);
        let submissions = match parameters.get("submissions") {
            Some(Value::Array(submissions)) if !submissions.is_empty() => submissions,
            _ => return Ok(bad_request("there should be at least one submission in a batch")),
        };
        if submissions.len() > self.batch_max() {
            return Ok(bad_request(&self.too_many()));
        }
        let empty = Map::new();
        let mut checked = Vec::with_capacity(submissions.len());
        for (place, one) in submissions.iter().enumerate() {
            checked.push(self.submission(one.as_object().unwrap_or(&empty), place, &mut held)?);
        }
        drop(parameters);
        let idempotency = self.idempotency.clone();
        Ok(match run::create_all(self.app, self.caller, self.notes, checked, idempotency).await? {
            Ok(results) => run::batch_response(&results),
            Err(response) => response,
        })
    }

    fn batch_max(&self) -> usize {
        self.mount.options.batch_max(self.app.core.bounds())
    }

    fn too_many(&self) -> String {
        format!("number of submissions in a batch should be less than or equal to {}", self.batch_max())
    }

    fn rendering(&self, record: SubmissionRecord) -> Option<Rendering> {
        Rendering::of(&self.app.core.registry(), record, self.mount.options.strict)
    }

    /// A submission that exists for the caller.
    async fn of_id(&self, id: SubmissionId) -> Result<Option<Rendering>, ApiError> {
        let record = self.app.core.submission(&self.caller.viewer, id).await?;
        Ok(record.and_then(|record| self.rendering(record)))
    }

    /// The response for one submission, or the reason why a text cannot be shown.
    async fn one(&self, rendering: Rendering, fields: Fields) -> Result<Result<Response, &'static str>, ApiError> {
        let is_base64 = self.is_base64;
        if !is_base64 && !rendering.is_utf8(&fields) {
            return Ok(Err(
                "some attributes for this submission cannot be converted to UTF-8, use base64_encoded=true query \
                           parameter",
            ));
        }
        let bytes = rendering.selected_bytes(&fields);
        let build = move || rendering.object(&fields, is_base64);
        Ok(Ok(large_answer::json(self.app, self.caller.user, bytes, BYTES_PER_BYTE, build).await?))
    }

    /// The response with the result of a new submission, or with its current status if it has not ended in time.
    /// `None`: it cannot be read, or there is no memory for the response. The client can fetch the result later.
    async fn awaited(
        &self,
        id: SubmissionId,
        record: Option<Box<SubmissionRecord>>,
        fields: Fields,
    ) -> Option<Response> {
        let rendering = match record {
            Some(record) => self.rendering(*record)?,
            None => self.of_id(id).await.ok().flatten()?,
        };
        Some(match self.one(rendering, fields).await.ok()? {
            Ok(response) => response,
            Err(reason) => Json(json!({ "error": reason, "token": id.to_string() })).into_response(),
        })
    }

    async fn get(&self, token: &str) -> Result<Response, ApiError> {
        let fields = match self.fields() {
            Ok(fields) => fields,
            Err(reason) => return Ok(bad_request(&reason)),
        };
        let Some(rendering) = self.of_token(token).await? else { return Ok(not_found()) };
        Ok(self.one(rendering, fields).await?.unwrap_or_else(bad_request))
    }

    async fn of_token(&self, token: &str) -> Result<Option<Rendering>, ApiError> {
        match token.parse() {
            Ok(id) => self.of_id(id).await,
            Err(_) => Ok(None),
        }
    }

    async fn get_batch(&self, of_header: Option<String>) -> Result<Response, ApiError> {
        let fields = match self.fields() {
            Ok(fields) => fields,
            Err(reason) => return Ok(bad_request(&reason)),
        };
        let tokens = of_header.or_else(|| self.parameters.text("tokens").map(str::to_owned)).unwrap_or_default();
        let tokens: Vec<&str> = tokens.trim_end_matches(',').split(',').map(str::trim).collect();
        if tokens.len() > self.batch_max() {
            return Ok(bad_request(&self.too_many()));
        }
        if tokens == [""] {
            return Ok(bad_request("there should be at least one submission in a batch"));
        }
        let ids: Vec<Option<SubmissionId>> = tokens.iter().map(|token| token.parse().ok()).collect();
        self.several(fields, Whole::Batch).respond(&ids).await
    }

    /// A response for several submissions.
    fn several(&self, fields: Fields, whole: Whole) -> Several {
        Several {
            app: self.app.clone(),
            viewer: self.caller.viewer,
            is_strict: self.mount.options.strict,
            fields: Arc::new(fields),
            is_base64: self.is_base64,
            whole,
        }
    }

    /// A page of the caller's programs, newest first.
    async fn list(&self) -> Result<Response, ApiError> {
        if !self.is_authorized() {
            return Ok(unauthorized());
        }
        let fields = match self.fields() {
            Ok(fields) => fields,
            Err(reason) => return Ok(bad_request(&reason)),
        };
        let number = |name: &str, default| match self.parameters.text(name) {
            None => default,
            Some(text) => text.trim().parse::<i64>().unwrap_or(0),
        };
        let (page, per_page) = (number("page", 1), number("per_page", PAGE));
        for (name, value) in [("page", page), ("per_page", per_page)] {
            if value < 1 {
                return Ok(bad_request(&format!("invalid {name}: {value}")));
            }
        }
        let per_page = per_page.min(PAGE_MAX);
        let mut filter = HistoryFilter::of(self.caller.user);
        filter.sent_for = Some(SentFor::Run);
        let core = &self.app.core;
        let total = i64::try_from(core.history_count(&self.caller.viewer, filter.clone()).await?).unwrap_or(i64::MAX);
        let offset = (page - 1).saturating_mul(per_page);
        let found = core.history(&self.caller.viewer, filter, offset.unsigned_abs(), per_page.unsigned_abs()).await?;
        let ids: Vec<Option<SubmissionId>> = found.iter().map(|summary| Some(summary.id)).collect();
        let pages = ((total + per_page - 1) / per_page).max(1);
        let meta = json!({
            "current_page": page,
            "next_page": (page < pages).then(|| page + 1),
            "prev_page": (page > 1).then(|| page - 1),
            "total_pages": pages,
            "total_count": total,
        });
        self.several(fields, Whole::Page { meta }).respond(&ids).await
    }

    /// Submissions are never deleted through this facade, as in the original's default configuration.
    fn delete(&self) -> Response {
        if !self.is_authorized() {
            return unauthorized();
        }
        if let Some(refused) = self.maintenance() {
            return refused;
        }
        match self.fields() {
            Ok(_) => bad_request("delete not allowed"),
            Err(reason) => bad_request(&reason),
        }
    }
}

/// The response to a client without a key, for an operation that requires one.
fn unauthorized() -> Response {
    error(StatusCode::FORBIDDEN, "This operation needs an API key, in the header X-Auth-Token.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_found_by_method_and_path() {
        let of = |method, path: &str| Operation::of(&method, path);
        for (method, path, operation) in [
            (Method::GET, "/", Some(Operation::Home)),
            (Method::POST, "/", None),
            (Method::POST, "/submissions", Some(Operation::Create)),
            (Method::POST, "/submissions/", Some(Operation::Create)),
            (Method::GET, "/submissions/batch", Some(Operation::GetBatch)),
            (Method::GET, "/submissions/x", Some(Operation::Get("x".into()))),
            (Method::DELETE, "/submissions/x", Some(Operation::Delete("x".into()))),
            (Method::GET, "/languages/71.json", Some(Operation::Language("71".into()))),
            (Method::GET, "/languages/all", Some(Operation::AllLanguages)),
            (Method::POST, "/submissions/batch/", Some(Operation::CreateBatch)),
            (Method::GET, "/submissions.json", Some(Operation::List)),
            (Method::GET, "/about.json", Some(Operation::About)),
            (Method::HEAD, "/statuses", Some(Operation::Statuses)),
            (Method::PATCH, "/submissions/x", None),
            (Method::GET, "/languages/a/b", None),
            (Method::PUT, "/submissions/x", None),
            (Method::GET, "/authenticate", None),
            (Method::POST, "/languages", None),
        ] {
            assert_eq!(of(method.clone(), path), operation, "{method} {path}");
        }
    }
}
