//! The character set in the content type of JSON, as in the responses of the originals that use Rails or Express.

use axum::http::{HeaderMap, HeaderValue, header};

/// Names the character set in the content type of a JSON response.
pub(crate) fn name_charset(headers: &mut HeaderMap) {
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
}
