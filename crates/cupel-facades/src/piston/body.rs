//! Bodies, with the errors that the original's body parser reports: status 400 and `{"stack": …}`. The texts are those
//! of the original without the paths of its source files.

use std::io::Read;

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::bounded_json::{self, Unparsed, VALUES_MAX};
use crate::surrogates::replace_lone_surrogates;

/// Maximum size of a body in the original, in bytes after decompression.
pub(super) const ORIGINAL_BYTES_MAX: usize = 102_400;

/// The error of a body, for `stack`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

impl Malformed {
    pub(super) fn too_large() -> Malformed {
        Malformed("PayloadTooLargeError: request entity too large".to_owned())
    }
}

/// Whether the original's body parser parses a body with these headers.
fn is_parsed(headers: &HeaderMap) -> Result<bool, Malformed> {
    let Some(content_type) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return Ok(false);
    };
    let (essence, parameters) = match content_type.split_once(';') {
        None => (content_type, None),
        Some((essence, parameters)) => (essence, Some(parameters.trim())),
    };
    if !essence.trim().eq_ignore_ascii_case("application/json") || parameters == Some("") {
        return Ok(false);
    }
    let charset = parameters.into_iter().flat_map(|list| list.split(';')).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    });
    match charset {
        Some(charset) if charset != "utf-8" => {
            let name = charset.to_uppercase();
            Err(Malformed(format!("UnsupportedMediaTypeError: unsupported charset \"{name}\"")))
        }
        _ => Ok(true),
    }
}

/// The body after decompression, at most `bytes_max` bytes.
fn inflated(headers: &HeaderMap, body: &[u8], bytes_max: usize) -> Result<Vec<u8>, Malformed> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    let encoding = encoding.unwrap_or("identity").to_ascii_lowercase();
    let limit = bytes_max as u64 + 1;
    let mut data = Vec::new();
    let read = match encoding.as_str() {
        "identity" => body.take(limit).read_to_end(&mut data),
        "gzip" => flate2::read::GzDecoder::new(body).take(limit).read_to_end(&mut data),
        "deflate" => flate2::read::ZlibDecoder::new(body).take(limit).read_to_end(&mut data),
        _ => {
            let reason = format!("UnsupportedMediaTypeError: unsupported content encoding \"{encoding}\"");
            return Err(Malformed(reason));
        }
    };
    read.map_err(|_| Malformed("Error: incorrect header check".to_owned()))?;
    if data.len() > bytes_max { Err(Malformed::too_large()) } else { Ok(data) }
}

/// The text of a body after decompression; empty if the body is empty, or is not parsed because of its type.
pub(super) fn content(
    headers: &HeaderMap,
    body: &[u8],
    bytes_max: usize,
    any_content_type: bool,
) -> Result<Vec<u8>, Malformed> {
    if body.is_empty() || (!is_parsed(headers)? && !any_content_type) {
        return Ok(Vec::new());
    }
    inflated(headers, body, bytes_max)
}

/// The fields of this [`content`]; none if it is empty.
pub(super) fn fields(content: &[u8]) -> Result<Map<String, Value>, Malformed> {
    let text = String::from_utf8_lossy(content);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.is_empty() {
        return Ok(Map::new());
    }
    let syntax = |reason: &str| Malformed(format!("SyntaxError: {reason} in JSON at position 0"));
    // The original's parser is strict: it accepts only objects and arrays.
    let first = text.trim_start_matches([' ', '\t', '\n', '\r']).chars().next();
    match first {
        Some('{' | '[') => {}
        Some(other) => return Err(syntax(&format!("Unexpected token {other}"))),
        None => return Err(syntax("Unexpected token")),
    }
    match bounded_json::parse(&replace_lone_surrogates(text), VALUES_MAX) {
        Ok(Value::Object(fields)) => Ok(fields),
        // An array is accepted, but contains none of the fields.
        Ok(_) => Ok(Map::new()),
        Err(Unparsed::TooManyValues) => Err(Malformed::too_large()),
        Err(Unparsed::Syntax(error)) if error.is_eof() => {
            Err(Malformed("SyntaxError: Unexpected end of JSON input".to_owned()))
        }
        Err(Unparsed::Syntax(_)) => Err(syntax("Unexpected token")),
    }
}
