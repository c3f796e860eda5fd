//! The native dialect: the API below `/api`, and the web pages.

use axum::http::Method;
use cupel_http::auth::Who;
use cupel_http::{Dialect, Mounted};

use crate::{access, openapi, pages};

struct Native;

impl Dialect for Native {
    fn prefix(&self) -> &str {
        "/api"
    }

    fn who(&self, method: &Method, route: &str) -> Option<Who> {
        access::who(method, route)
    }
}

/// The native API and its pages, for [`cupel_http::router`]. The pages show `version`.
pub fn native(version: &str) -> Mounted {
    let (api, document) = openapi::documented();
    let document = document.to_pretty_json().unwrap_or_default();
    let routes = api.merge(pages::routes(pages::Documents::new(document, version)));
    Mounted::new(Native, routes)
}
