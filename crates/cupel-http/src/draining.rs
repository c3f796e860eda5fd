//! Requests that arrive while the server drains ([`Settings::answers_while_draining`](crate::Settings)): programs are
//! still running, and the process ends after them.
//!
//! Reads are answered. Everything else is refused: nothing that begins now would be served to its end, and a submission
//! would wait for the next start. WebSockets and connections of Socket.IO are refused as well, so that a client does
//! not connect again and again.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::{App, Shared};
use crate::error::{ApiError, ErrorKind};

/// `Retry-After` while the server shuts down.
const RETRY: Duration = Duration::from_secs(5);

/// Duration of a wait for a result that begins during the drain: short, because the server may end at any time, but not
/// zero, because clients repeat such a request at once.
const WAIT: Duration = Duration::from_secs(1);

/// The error for a request that the server refuses because it shuts down.
pub fn shutting_down() -> ApiError {
    ApiError::new(ErrorKind::Unavailable, "The server is shutting down.").retry_after(RETRY)
}

/// The middleware.
pub(crate) async fn refuse(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let is_draining = app.settings.answers_while_draining && app.shutdown.is_cancelled();
    if is_draining && !is_read(request.method(), request.headers()) {
        return shutting_down().into_response();
    }
    next.run(request).await
}

fn is_read(method: &Method, headers: &HeaderMap) -> bool {
    method.is_safe() && !headers.contains_key(header::SEC_WEBSOCKET_KEY)
}

impl App {
    /// Completes when a wait for a result must end because the server shuts down.
    pub async fn wait_ends(&self) {
        if self.shutdown.is_cancelled() {
            tokio::time::sleep(WAIT).await;
        } else {
            self.shutdown.cancelled().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_that_change_nothing_are_reads() {
        let none = HeaderMap::new();
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(is_read(&method, &none), "{method}");
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(!is_read(&method, &none), "{method}");
        }
        let key = HeaderMap::from_iter([(header::SEC_WEBSOCKET_KEY, "x".parse().unwrap())]);
        assert!(!is_read(&Method::GET, &key));
    }
}
