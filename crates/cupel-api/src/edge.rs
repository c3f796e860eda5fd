//! Outermost layer, applied to every request and response on every route.
//!
//! It gives the request an id, a span and a client address; catches panics; turns every refusal into problem+json; adds
//! the security and rate-limit headers; writes the access log, the HTTP metrics and the request's trace. It never logs
//! a body, a query string or a header.

use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cupel_types::{SubmissionId, UserId};
use futures_util::FutureExt;
use jiff::Timestamp;
use tracing::Instrument;

use crate::app::Shared;
use crate::error::{ApiError, ErrorKind};
use crate::limits::RateNote;
use crate::state::Network;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers that proxies add. Only `X-Forwarded-For` is ever used, but each of them shows that there is a proxy, and
/// that the peer's address is not the client's.
const OF_PROXIES: [HeaderName; 6] = [
    X_FORWARDED_FOR,
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
];

/// Data that the layers and handlers of one request share.
#[derive(Clone)]
pub(crate) struct Notes(Arc<NotesInner>);

struct NotesInner {
    request_id: String,
    client: Client,
    rate: Mutex<Option<RateNote>>,
    user: OnceLock<UserId>,
}

/// Client at the other end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The address; behind trusted proxies, the one they report.
    pub(crate) address: IpAddr,
    /// Whether the request has a proxy header, trusted or not.
    pub(crate) is_forwarded: bool,
}

impl Notes {
    pub(crate) fn request_id(&self) -> &str {
        &self.0.request_id
    }

    pub(crate) fn client(&self) -> Client {
        self.0.client
    }

    /// The last decision wins: it concerns the scarcer resource.
    pub(crate) fn set_rate(&self, note: RateNote) {
        *self.0.rate.lock().unwrap_or_else(PoisonError::into_inner) = Some(note);
    }

    /// User who sends the request, once authenticated.
    pub(crate) fn user(&self) -> Option<UserId> {
        self.0.user.get().copied()
    }

    pub(crate) fn set_user(&self, user: UserId) {
        let _ = self.0.user.set(user);
    }
}

/// Submissions that a handler accepted, for the request's trace: an extension of its response.
#[derive(Clone)]
pub(crate) struct NewlyAccepted(pub(crate) Vec<SubmissionId>);

/// The middleware.
pub(crate) async fn edge(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| Arc::<str>::from(path.as_str()));
    let is_api = request.uri().path().starts_with("/api/");
    let notes = Notes(Arc::new(NotesInner {
        request_id: request_id(request.headers()),
        client: client(peer(&request), request.headers(), &app.settings.trusted_proxies),
        rate: Mutex::new(None),
        user: OnceLock::new(),
    }));
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

    problem_body(&mut response, notes.request_id());
    finish_headers(&mut response, &notes, is_api);
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

/// Data of a request kept until its trace is written.
struct Traced {
    traces: &'static cupel_traces::Traces,
    began: Timestamp,
    parent: Option<cupel_traces::Parent>,
}

/// Trace context from the caller's `traceparent` header.
fn parent(headers: &HeaderMap) -> Option<cupel_traces::Parent> {
    cupel_traces::Parent::read(headers.get("traceparent")?.to_str().ok()?)
}

/// The client's request id if it is safe in logs and headers; otherwise a new one.
fn request_id(headers: &HeaderMap) -> String {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| (1..=64).contains(&id.len()) && id.bytes().all(allowed))
        .map_or_else(|| uuid::Uuid::now_v7().simple().to_string(), str::to_owned)
}

fn peer(request: &Request) -> IpAddr {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip())
}

pub(crate) fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// The socket's peer or, behind trusted proxies, the last address in `X-Forwarded-For` that is not itself a trusted
/// proxy. The client controls everything to the left of it.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> Client {
    let is_trusted = |address: IpAddr| is_trusted(address, trusted);
    let values = headers.get_all(X_FORWARDED_FOR);
    let is_forwarded = OF_PROXIES.iter().any(|name| headers.contains_key(name));
    let mut address = peer.to_canonical();
    if is_trusted(address) {
        let hops: Vec<&str> =
            values.iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).map(str::trim).collect();
        for hop in hops.into_iter().rev() {
            let Ok(next) = hop.parse::<IpAddr>() else { break };
            address = next.to_canonical();
            if !is_trusted(address) {
                break;
            }
        }
    }
    Client { address, is_forwarded }
}

fn panicked(panic: &(dyn Any + Send)) -> ApiError {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("(no text)"), "a handler panicked");
    ApiError::new(ErrorKind::Internal, "The server failed to answer this request. It is not your mistake.")
}

/// Writes the body of a refusal: the handler's problem, or one for a bare error status.
fn problem_body(response: &mut Response, request_id: &str) {
    let problem = match response.extensions_mut().remove::<ApiError>() {
        Some(problem) => problem,
        None if is_bare_error(response) => bare(response),
        None => return,
    };
    let body = serde_json::to_vec(&problem.to_body(request_id)).unwrap_or_default();
    *response.status_mut() = problem.kind().status();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if problem.kind().status() == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .entry(header::WWW_AUTHENTICATE)
            .or_insert(HeaderValue::from_static("Bearer realm=\"cupel\""));
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
            // The router adds this header afterwards.
            ApiError::new(kind, "This path has no such method; the header Allow names those it has.")
        }
        kind => ApiError::new(kind, kind.meaning()),
    }
}

fn finish_headers(response: &mut Response, notes: &Notes, is_api: bool) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(notes.request_id()) {
        headers.insert(X_REQUEST_ID, id);
    }
    if let Some(note) = *notes.0.rate.lock().unwrap_or_else(PoisonError::into_inner) {
        note.write(headers);
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

/// Closed set: labels that a client can invent would fill the memory of the metrics collector.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    }
}

/// Routes that balancers and monitors poll every few seconds; by default logged only if the response is an error.
const PROBES: [&str; 4] = ["/livez", "/readyz", "/healthz", "/metrics"];

fn record(method: &Method, route: Option<&str>, status: StatusCode, took: Duration, notes: &Notes) {
    let method = known(method);
    let route = route.unwrap_or("unmatched");
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.as_str().to_owned())];
    metrics::counter!("cupel_http_requests_total", &labels).increment(1);
    metrics::histogram!("cupel_http_request_duration_seconds", &labels).record(took.as_secs_f64());
    macro_rules! tell {
        ($level:ident) => {
            tracing::$level!(
                target: "cupel::access",
                method,
                route,
                status = status.as_u16(),
                duration_us = took.as_micros() as u64,
                user = notes.0.user.get().map(tracing::field::display),
                "answered"
            )
        };
    }
    if PROBES.contains(&route) && status.is_success() { tell!(debug) } else { tell!(info) }
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

    fn address_of(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut request = Request::builder();
        for value in forwarded {
            request = request.header(X_FORWARDED_FOR, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let trusted: Vec<Network> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        client(super::peer(&request), request.headers(), &trusted).address.to_string()
    }

    #[test]
    fn forwarded_addresses_are_accepted_from_trusted_proxies_only() {
        assert_eq!(address_of("1.1.1.1", &["9.9.9.9"], &[]), "1.1.1.1");
        assert_eq!(address_of("1.1.1.1", &["9.9.9.9"], &["2.2.2.2"]), "1.1.1.1");
        assert_eq!(address_of("2.2.2.2", &["9.9.9.9"], &["2.2.2.2"]), "9.9.9.9");
        assert_eq!(
            address_of("2.2.2.2", &["8.8.8.8, 9.9.9.9"], &["2.2.2.2"]),
            "9.9.9.9",
            "what is left of it is the client's own invention"
        );
        assert_eq!(address_of("2.2.2.2", &["8.8.8.8", "9.9.9.9, 2.2.2.3"], &["2.2.2.0/24"]), "9.9.9.9");
        assert_eq!(address_of("2.2.2.2", &["rubbish"], &["2.2.2.2"]), "2.2.2.2");
    }
}
