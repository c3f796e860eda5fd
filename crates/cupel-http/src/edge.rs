//! The outermost layer, which applies to every request and response on every route.
//!
//! The layer assigns an id, a span, a client address and a dialect to the request. It catches panics, renders every
//! error with the dialect, and adds the security and rate-limit headers. It writes the access log, the HTTP metrics and
//! the request's trace. It logs no body and no query string, and of the headers only the request id and the client's
//! address.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use jiff::Timestamp;
use tracing::Instrument;

use crate::app::Shared;
use crate::auth::VISITOR_HEADER;
use crate::client::{client, peer};
use crate::dialect::Rendered;
use crate::error::{ApiError, ErrorKind};
use crate::notes::{NewlyAccepted, Notes};
use crate::state::base_path;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The middleware.
pub(crate) async fn edge(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| Arc::<str>::from(path.as_str()));
    let notes = Notes::new(
        request_id(request.headers()),
        client(peer(&request), request.headers(), &app.settings.trusted_proxies),
        app.dialects.of(request.uri().path()).cloned(),
    );
    let is_api = notes.dialect().is_some();
    let traced = cupel_traces::traces().filter(|_| is_api).map(|traces| Traced {
        traces,
        began: app.core.now(),
        parent: parent(request.headers()),
    });
    request.extensions_mut().insert(notes.clone());

    let span = tracing::info_span!("request", request_id = notes.request_id());
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let _entered = span.entered();
    let mut response = answer.unwrap_or_else(|panic| panicked(&*panic).into_response());

    render_error(&mut response, &notes);
    finish_headers(&mut response, &notes, is_api);
    add_base_path(&mut response, &app.settings.public_url);
    record(&method, route.as_deref(), response.status(), started.elapsed(), &notes);
    if let Some(Traced { traces, began, parent }) = traced {
        let accepted = response.extensions_mut().remove::<NewlyAccepted>().map_or_else(Vec::new, |accepted| accepted.0);
        traces.answered(&cupel_traces::Request {
            id: notes.request_id(),
            method: known(&method),
            route: route.as_deref(),
            status: response.status().as_u16(),
            began,
            ended: app.core.now(),
            parent,
            accepted: &accepted,
        });
    }
    response
}

/// Data of a request that is kept until the request's trace is written.
struct Traced {
    traces: &'static cupel_traces::Traces,
    began: Timestamp,
    parent: Option<cupel_traces::Parent>,
}

/// Trace context from the caller's `traceparent` header.
fn parent(headers: &HeaderMap) -> Option<cupel_traces::Parent> {
    cupel_traces::Parent::read(headers.get("traceparent")?.to_str().ok()?)
}

/// The request id that the client sent, if it is safe in logs and headers; otherwise a new id.
fn request_id(headers: &HeaderMap) -> String {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| (1..=64).contains(&id.len()) && id.bytes().all(allowed))
        .map_or_else(|| uuid::Uuid::now_v7().simple().to_string(), str::to_owned)
}

fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("(no text)"), "a handler panicked");
    ApiError::new(ErrorKind::Internal, "The server failed to answer this request. It is not your mistake.")
}

/// Writes an error body in the request's dialect, if the handler returned an [`ApiError`], or if the response has an
/// error status and at most plain text as its body.
fn render_error(response: &mut Response, notes: &Notes) {
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None if is_bare_error(response) => bare(response),
        None => return,
    };
    if error.kind() == ErrorKind::Internal {
        // The status does not show whether the server failed: some facades must answer mistakes of clients with 500.
        metrics::counter!("cupel_http_internal_errors_total").increment(1);
    }
    let Rendered { status, headers, body } = match notes.dialect() {
        Some(dialect) => dialect.render(&error, notes.request_id()),
        None => Rendered::rfc9457(&error, notes.request_id()),
    };
    *response.status_mut() = status;
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in &headers {
        // The error's own headers are more specific than the dialect's.
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    *response.body_mut() = Body::from(body);
}

fn is_bare_error(response: &Response) -> bool {
    let status = response.status();
    let is_text = response.headers().get(header::CONTENT_TYPE).is_none_or(|t| t.as_bytes().starts_with(b"text/plain"));
    (status.is_client_error() || status.is_server_error()) && is_text
}

fn bare(response: &Response) -> ApiError {
    let kind = ErrorKind::of_status(response.status());
    match kind {
        ErrorKind::MethodNotAllowed => {
            // The router adds the header `Allow` afterwards.
            ApiError::new(kind, "This path does not support this method; the header `Allow` lists the supported ones.")
        }
        kind => ApiError::new(kind, kind.meaning()),
    }
}

/// Adds the path of the server's public address to paths in `Location` and `Content-Location`: a proxy that removes the
/// path from requests does not add it to responses.
fn add_base_path(response: &mut Response, public_url: &str) {
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        let Some(path) = response.headers().get(&name).and_then(|path| path.to_str().ok()?.strip_prefix('/')) else {
            continue;
        };
        if let Ok(whole) = HeaderValue::from_str(&format!("{}{path}", base_path(public_url))) {
            response.headers_mut().insert(name, whole);
        }
    }
}

fn finish_headers(response: &mut Response, notes: &Notes, is_api: bool) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(notes.request_id()) {
        headers.insert(X_REQUEST_ID, id);
    }
    if let Some(note) = notes.rate() {
        note.write(headers);
    }
    if notes.is_user_unknown() {
        headers.insert(VISITOR_HEADER, HeaderValue::from_static("1"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    if is_api {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

/// Metrics label of a method, from a fixed set: labels chosen by clients would exhaust the memory of the metrics
/// collector.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    }
}

/// Routes that load balancers and monitors poll every few seconds. By default, only error responses of them are logged.
const PROBES: [&str; 4] = ["/livez", "/readyz", "/healthz", "/metrics"];

fn record(method: &Method, route: Option<&str>, status: StatusCode, took: Duration, notes: &Notes) {
    let method = known(method);
    let route = route.unwrap_or("unmatched");
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.as_str().to_owned())];
    metrics::counter!("cupel_http_requests_total", &labels).increment(1);
    metrics::histogram!("cupel_http_request_duration_seconds", &labels).record(took.as_secs_f64());
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(
                target: "cupel::access",
                method,
                route,
                status = status.as_u16(),
                duration_us = took.as_micros() as u64,
                user = notes.user().map(tracing::field::display),
                client = %notes.client().address,
                "answered"
            )
        };
    }
    if PROBES.contains(&route) && status.is_success() { log!(debug) } else { log!(info) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(sent: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        if let Some(sent) = sent {
            headers.insert(X_REQUEST_ID, HeaderValue::from_str(sent).unwrap());
        }
        request_id(&headers)
    }

    #[test]
    fn a_safe_request_id_is_kept_and_any_other_is_replaced() {
        assert_eq!(id_of(Some("a.B-9_z")), "a.B-9_z");
        for bad in [None, Some(""), Some("a b"), Some("a\"b"), Some(&*"x".repeat(65))] {
            let id = id_of(bad);
            assert_eq!(id.len(), 32, "{bad:?}");
            assert_ne!(Some(&*id), bad);
        }
    }
}
