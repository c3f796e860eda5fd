//! Swagger UI at `/docs/`, which shows the OpenAPI document. Its page and its settings are in this folder; `build.rs`
//! compresses the files of Swagger UI itself.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use cupel_http::compressed::Gzipped;

pub(crate) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Files that change with Cupel's version: name, media type and content.
const OWN: [(&str, &str, &str); 4] = [
    ("index.html", HTML, include_str!("page.html")),
    ("page.css", STYLE, include_str!("page.css")),
    ("theme.js", SCRIPT, include_str!("theme.js")),
    ("swagger-initializer.js", SCRIPT, include_str!("initializer.js")),
];

struct Vendored {
    name: &'static str,
    media_type: &'static str,
    gzip: Gzipped,
}

macro_rules! vendored {
    ($name:literal, $media_type:expr) => {
        Vendored {
            name: $name,
            media_type: $media_type,
            gzip: Gzipped::new(include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))),
        }
    };
}

/// Files that change only with the version of Swagger UI.
static VENDORED: [Vendored; 3] = [
    vendored!("favicon-32x32.png", "image/png"),
    vendored!("swagger-ui-bundle.js", SCRIPT),
    vendored!("swagger-ui.css", STYLE),
];

/// The file `/docs/{name}`, for the client that sent this request.
pub(crate) fn file(name: &str, request: &HeaderMap) -> Option<Response> {
    if let Some((_, media_type, content)) = OWN.iter().find(|(own, ..)| *own == name) {
        return Some((headers(media_type, "no-cache"), *content).into_response());
    }
    let file = VENDORED.iter().find(|file| file.name == name)?;
    Some(file.gzip.response(request, headers(file.media_type, "public, max-age=3600")))
}

fn headers(media_type: &'static str, cache: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ])
}
