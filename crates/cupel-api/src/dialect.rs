//! The native dialect: the API below `/api`, and the web pages.

use axum::http::Method;
use axum::http::request::Parts;
use cupel_http::auth::{Presented, Who};
use cupel_http::{Dialect, Mounted, Settings};

use crate::v1::session;
use crate::{access, openapi, pages, socketio};

struct Native;

impl Dialect for Native {
    fn prefix(&self) -> &str {
        "/api"
    }

    fn who(&self, method: &Method, route: &str) -> Option<Who> {
        access::who(method, route)
    }

    fn credential<'r>(&self, request: &'r Parts) -> Presented<'r> {
        session::credential(&request.headers)
    }
}

/// The native API and its pages, for [`cupel_http::router`]. `font`: path of the site's font, if the pages use it.
pub fn native(settings: &Settings, font: Option<&str>) -> Mounted {
    let documents = pages::Documents::new(&settings.version, font);
    let routes = openapi::routes().merge(socketio::routes()).merge(pages::routes(documents, settings.has_site));
    Mounted::new(Native, routes)
}
