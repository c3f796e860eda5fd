//! The routes of all dialects, those for operators, and the layers around them.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::get;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::Shared;
use crate::dialect::{Dialects, Mounted};
use crate::error::{ApiError, ErrorKind};
use crate::state::{ApiState, Settings};
use crate::{draining, edge, ops};

/// The whole HTTP service. Run it with [`serve`](crate::serve), which also supplies the client's address.
pub fn router(state: ApiState, mounted: impl IntoIterator<Item = Mounted>) -> Router {
    let cors = cors(&state.settings);
    let mut router = ops();
    let (mut dialects, mut page) = (Vec::new(), None);
    for Mounted { dialect, routes, not_found } in mounted {
        dialects.extend(dialect);
        router = router.merge(routes);
        page = page.or(not_found);
    }
    let dialects = Dialects::new(dialects);
    let app = Shared::new(state, dialects.clone());
    router = router.fallback(async move |request: Request| match &page {
        Some(page) if is_of_a_browser(&request) && dialects.of(request.uri().path()).is_none() => page(),
        _ => no_such_route().into_response(),
    });
    router = router.layer(middleware::from_fn_with_state(app.clone(), draining::refuse));
    if let Some(cors) = cors {
        router = router.layer(cors);
    }
    router.layer(middleware::from_fn_with_state(app.clone(), edge::edge)).with_state(app)
}

/// Only the endpoints for operators and monitoring: for a process that accepts no submissions.
pub fn ops_router(state: ApiState) -> Router {
    router(state, [])
}

fn ops() -> Router<Shared> {
    Router::new()
        .route("/healthz", get(ops::healthz))
        .route("/livez", get(ops::livez))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics))
}

fn no_such_route() -> ApiError {
    ApiError::new(ErrorKind::NoSuchRoute, "Nothing is served under this path. `/docs/` lists all paths.")
}

/// Whether a browser requests a page.
fn is_of_a_browser(request: &Request) -> bool {
    request.method() == Method::GET && accepts_html(request.headers())
}

/// Whether a request accepts HTML. Browsers name `text/html` when they open an address; programs do not.
pub fn accepts_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| kind.trim_start().starts_with("text/html"))
}

/// The CORS layer; `None` unless origins are configured. The session cookie is only for this server's own site, so no
/// other origin may send credentials.
fn cors(settings: &Settings) -> Option<CorsLayer> {
    let origins = &settings.cors_origins;
    if origins.is_empty() {
        return None;
    }
    let allow = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let names = |names: &[&'static str]| names.iter().map(|name| HeaderName::from_static(name)).collect::<Vec<_>>();
    let mut sent = vec![header::AUTHORIZATION, header::CONTENT_TYPE];
    sent.extend(names(&["idempotency-key", "if-match", "if-none-match", "last-event-id", "prefer", "x-request-id"]));
    // The facades' clients send their keys in these headers.
    sent.extend(names(&["x-auth-token", "x-auth-user", "x-rapidapi-key", "x-rapidapi-host", "x-api-key"]));
    let mut exposed = vec![header::ETAG, header::LOCATION, header::RETRY_AFTER];
    exposed.extend(names(&["idempotency-replayed", "ratelimit", "ratelimit-policy", "x-request-id"]));
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    Some(CorsLayer::new().allow_origin(allow).allow_methods(methods).allow_headers(sent).expose_headers(exposed))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn only_a_browser_that_opens_an_address_gets_a_page() {
        let of = |method: Method, accept: &str| {
            is_of_a_browser(&Request::builder().method(method).header("accept", accept).body(Body::empty()).unwrap())
        };
        assert!(of(Method::GET, "text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(of(Method::GET, "application/xhtml+xml, text/html;q=0.9"));
        for accept in ["*/*", "application/json", "", "application/json, text/plain, */*"] {
            assert!(!of(Method::GET, accept), "{accept}");
        }
        assert!(!of(Method::POST, "text/html"));
    }
}
