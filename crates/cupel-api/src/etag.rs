//! Conditional requests: entity tags of JSON responses, and `If-None-Match` (RFC 9110, section 13.1.2).

use axum::http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The weak tag of `content`. Responses with equal tags have the same meaning, but may differ in their bytes.
pub(crate) fn weak_tag(content: &impl Serialize) -> Result<HeaderValue, serde_json::Error> {
    let digest = Sha256::digest(serde_json::to_vec(content)?);
    let text = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, digest);
    HeaderValue::try_from(format!("W/\"{text}\"")).map_err(serde::ser::Error::custom)
}

/// Whether the client has the response with this tag. The comparison is weak, as the standard requires for `GET`. The
/// server loop bounds the size of the headers, and so the length of the list.
pub(crate) fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    let wanted = opaque(tag.as_bytes());
    request.get_all(header::IF_NONE_MATCH).iter().map(HeaderValue::as_bytes).any(|list| {
        // Cupel's tags have no comma, so the list can be split at commas. A tag with a comma is not Cupel's; its parts
        // match nothing. `*` is not part of a list.
        list.trim_ascii() == b"*" || list.split(|byte| *byte == b',').any(|tag| opaque(tag.trim_ascii()) == wanted)
    })
}
