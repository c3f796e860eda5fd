//! Dialects: the HTTP interfaces of this server, each below a separate prefix.
//!
//! The edge looks up the dialect of a request by its path, even if no route matches, and stores the dialect in the
//! request's [`Notes`](crate::notes::Notes), where the extractors find it. For a path that belongs to no dialect,
//! errors are `application/problem+json`.

use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use cupel_types::UserId;

use crate::app::Shared;
use crate::auth::{Presented, Who, bearer};
use crate::client::Client;
use crate::error::ApiError;

/// Properties of an interface that the edge and the extractors need.
pub trait Dialect: Send + Sync {
    /// Common prefix of all routes of the dialect, such as `/api`, without a slash at the end; empty for the root.
    fn prefix(&self) -> &str;

    /// Callers that may use the operation with this route (including its prefix); `None` refuses every request.
    fn who(&self, method: &Method, route: &str) -> Option<Who>;

    /// Credential of a request.
    fn credential<'r>(&self, request: &'r Parts) -> Presented<'r> {
        bearer(&request.headers)
    }

    /// User to whom a request without a credential is attributed; `None` refuses the request.
    fn keyless(&self, _client: Client) -> Option<UserId> {
        None
    }

    /// Converts an error into the form that clients of this dialect expect.
    fn render(&self, error: &ApiError, request_id: &str) -> Rendered {
        Rendered::rfc9457(error, request_id)
    }
}

/// Routes, and the dialect that they belong to.
pub struct Mounted {
    pub(crate) dialect: Option<Arc<dyn Dialect>>,
    pub(crate) routes: Router<Shared>,
    pub(crate) not_found: Option<Page>,
}

/// A page for people.
type Page = Arc<dyn Fn() -> Response + Send + Sync>;

impl Mounted {
    /// A dialect with its routes, whose paths include the prefix. Routes outside the prefix belong to no dialect.
    pub fn new(dialect: impl Dialect + 'static, routes: Router<Shared>) -> Mounted {
        Mounted { dialect: Some(Arc::new(dialect)), routes, not_found: None }
    }

    /// Pages that belong to no dialect.
    pub fn pages(routes: Router<Shared>) -> Mounted {
        Mounted { dialect: None, routes, not_found: None }
    }

    /// Sets the page that a browser gets for an unknown path outside all dialects. Other clients get an [`ApiError`].
    #[must_use]
    pub fn with_not_found(self, page: impl Fn() -> Response + Send + Sync + 'static) -> Mounted {
        Mounted { not_found: Some(Arc::new(page)), ..self }
    }
}

/// The dialects of a process.
#[derive(Clone, Default)]
pub(crate) struct Dialects(Vec<Arc<dyn Dialect>>);

impl Dialects {
    pub(crate) fn new(dialects: impl IntoIterator<Item = Arc<dyn Dialect>>) -> Dialects {
        Dialects(dialects.into_iter().collect())
    }

    /// Dialect of a path: the dialect with the longest matching prefix.
    pub(crate) fn of(&self, path: &str) -> Option<&Arc<dyn Dialect>> {
        let is_below =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let owners = self.0.iter().filter(|dialect| is_below(dialect.prefix()));
        owners.max_by_key(|dialect| dialect.prefix().len())
    }
}

/// Response for an error. The headers of the [`ApiError`] itself, such as `Retry-After`, are sent in addition.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// HTTP status.
    pub status: StatusCode,
    /// The headers that describe the body, and other headers of the dialect.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Rendered {
    /// RFC 9457 `application/problem+json`, with the challenge of RFC 6750 for 401.
    pub fn rfc9457(error: &ApiError, request_id: &str) -> Rendered {
        let status = error.kind().status();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"cupel\""));
        }
        Rendered { status, headers, body: serde_json::to_vec(&error.to_body(request_id)).unwrap_or_default() }
    }

    /// A JSON document.
    pub fn json(status: StatusCode, document: &serde_json::Value) -> Rendered {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Rendered { status, headers, body: document.to_string().into_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(&'static str);

    impl Dialect for At {
        fn prefix(&self) -> &str {
            self.0
        }

        fn who(&self, _: &Method, _: &str) -> Option<Who> {
            None
        }
    }

    #[test]
    fn a_path_belongs_to_the_dialect_with_the_longest_prefix() {
        let dialects = Dialects::new(["/judge0", "/judge0/ce", "/api"].map(|prefix| Arc::new(At(prefix)) as _));
        let of = |path: &str| dialects.of(path).map(|dialect| dialect.prefix().to_owned());
        assert_eq!(of("/judge0/languages").as_deref(), Some("/judge0"));
        assert_eq!(of("/judge0/ce/languages").as_deref(), Some("/judge0/ce"));
        assert_eq!(of("/judge0").as_deref(), Some("/judge0"));
        assert_eq!(of("/judge0x"), None);
        assert_eq!(of("/"), None);
        let at_the_root = Dialects::new([Arc::new(At("")) as _]);
        assert_eq!(at_the_root.of("/languages").map(|dialect| dialect.prefix()), Some(""));
    }
}
