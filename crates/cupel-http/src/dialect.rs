//! Dialects: the interfaces that clients speak, each below its own prefix.
//!
//! The edge looks up the dialect of a request by its path, also if no route matches, and puts it into the request's
//! [`Notes`](crate::notes::Notes); the extractors find it there. A path that belongs to no dialect gets errors as
//! `application/problem+json`.

use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use cupel_types::UserId;

use crate::app::Shared;
use crate::auth::{Presented, Who, bearer};
use crate::client::Client;
use crate::error::ApiError;

/// What the edge and the extractors must know about an interface.
pub trait Dialect: Send + Sync {
    /// Path below which all of its routes are, such as `/api`: no slash at the end; empty for the root.
    fn prefix(&self) -> &str;

    /// Who may call the operation with this route (with its prefix); `None` refuses everybody.
    fn who(&self, method: &Method, route: &str) -> Option<Who>;

    /// Credential of a request.
    fn credential<'r>(&self, request: &'r Parts) -> Presented<'r> {
        bearer(&request.headers)
    }

    /// User in whose name a client without a credential calls; `None` refuses it.
    fn keyless(&self, _client: Client) -> Option<UserId> {
        None
    }

    /// An error, as clients of this dialect expect it.
    fn render(&self, error: &ApiError, request_id: &str) -> Rendered {
        Rendered::problem(error, request_id)
    }
}

/// Routes, and the dialect that they belong to.
pub struct Mounted {
    pub(crate) dialect: Option<Arc<dyn Dialect>>,
    pub(crate) routes: Router<Shared>,
}

impl Mounted {
    /// A dialect with its routes, whose paths include the prefix. Routes outside the prefix belong to no dialect.
    pub fn new(dialect: impl Dialect + 'static, routes: Router<Shared>) -> Mounted {
        Mounted { dialect: Some(Arc::new(dialect)), routes }
    }

    /// Pages that belong to no dialect.
    pub fn pages(routes: Router<Shared>) -> Mounted {
        Mounted { dialect: None, routes }
    }
}

/// The dialects of a process.
#[derive(Clone, Default)]
pub(crate) struct Dialects(Vec<Arc<dyn Dialect>>);

impl Dialects {
    pub(crate) fn new(dialects: impl IntoIterator<Item = Arc<dyn Dialect>>) -> Dialects {
        Dialects(dialects.into_iter().collect())
    }

    /// Dialect of a path: the one with the longest prefix.
    pub(crate) fn of(&self, path: &str) -> Option<&Arc<dyn Dialect>> {
        let is_below =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let owners = self.0.iter().filter(|dialect| is_below(dialect.prefix()));
        owners.max_by_key(|dialect| dialect.prefix().len())
    }
}

/// An error as it is sent. The headers of the [`ApiError`] itself, such as `Retry-After`, are sent in addition.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers of the body, and others of the dialect.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Rendered {
    /// RFC 9457 `application/problem+json`, with the challenge of RFC 6750 for 401.
    pub fn problem(error: &ApiError, request_id: &str) -> Rendered {
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
