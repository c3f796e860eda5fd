//! The header `Idempotency-Key`: a repeated request gets the submissions of the first request.
//!
//! All dialects honour it. Core stores the key with a hash of the request, and refuses another request with the same
//! key.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use cupel_core::Idempotency;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::app::Shared;
use crate::error::{ApiError, ErrorKind};

/// The header with the key.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header of a response whose submissions an earlier request created.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Maximum length of a key, in characters.
const KEY_LENGTH_MAX: usize = 255;

/// The `Idempotency-Key` of a request, if it has one: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(Option<String>);

impl FromRequestParts<Shared> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &Shared) -> Result<IdempotencyKey, ApiError> {
        IdempotencyKey::of_headers(&parts.headers)
    }
}

impl IdempotencyKey {
    /// The key in these headers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidHeader`]: the key is malformed.
    pub fn of_headers(headers: &HeaderMap) -> Result<IdempotencyKey, ApiError> {
        let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(IdempotencyKey(None)) };
        value.to_str().ok().and_then(|key| IdempotencyKey::of(key.to_owned())).ok_or_else(|| {
            ApiError::new(ErrorKind::InvalidHeader, "`Idempotency-Key` must have 1 to 255 visible ASCII characters.")
        })
    }

    /// A key from another source than the header. `None`: the key is malformed.
    pub fn of(key: String) -> Option<IdempotencyKey> {
        let is_valid = (1..=KEY_LENGTH_MAX).contains(&key.len()) && key.bytes().all(|c| c.is_ascii_graphic());
        is_valid.then_some(IdempotencyKey(Some(key)))
    }

    /// The key with the hash of a `POST` request for this path, for core.
    pub fn for_request(self, app: &Shared, path: &str, body: &[u8]) -> Option<Idempotency> {
        let key = self.0?;
        let mut hash = Sha256::new();
        hash.update(b"POST ");
        hash.update(path.as_bytes());
        hash.update(b"\n");
        hash.update(body);
        let lifetime =
            SignedDuration::try_from(app.settings.idempotency_lifetime).unwrap_or(SignedDuration::from_hours(24));
        let now = app.core.now();
        let expires_at = now.saturating_add(lifetime).unwrap_or(now);
        Some(Idempotency { key, request_hash: hash.finalize().into(), expires_at })
    }
}

/// The key for one part of a request whose submissions are stored separately.
#[must_use]
pub fn for_part(whole: &Idempotency, part: &str) -> Idempotency {
    let digest = Sha256::new().chain_update(&whole.key).chain_update("\n").chain_update(part).finalize();
    Idempotency { key: digest.iter().map(|byte| format!("{byte:02x}")).collect(), ..whole.clone() }
}

/// Marks a response whose submissions an earlier request created.
pub fn mark_replayed(response: &mut Response) {
    response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
}

/// The error for a key that was used for another request.
pub fn mismatch() -> ApiError {
    ApiError::new(
        ErrorKind::IdempotencyMismatch,
        "This `Idempotency-Key` was used for another request. Use a new key for a new request.",
    )
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_key_of_a_part_depends_on_the_key_and_the_part() {
        let whole =
            |key: &str| Idempotency { key: key.into(), request_hash: [7; 32], expires_at: Timestamp::UNIX_EPOCH };
        let part = for_part(&whole("k"), "0");
        assert_eq!(part.key, for_part(&whole("k"), "0").key);
        assert_ne!(part.key, for_part(&whole("k"), "1").key);
        assert_ne!(part.key, for_part(&whole("l"), "0").key);
        assert_eq!(part.request_hash, [7; 32]);
        assert!(IdempotencyKey::of(part.key).is_some(), "it is a valid key itself");
    }

    #[test]
    fn a_key_has_visible_ascii_characters_only() {
        for (key, is_valid) in [("a", true), ("~!", true), ("", false), ("a b", false), ("é", false)] {
            assert_eq!(IdempotencyKey::of(key.into()).is_some(), is_valid, "{key:?}");
        }
        assert!(IdempotencyKey::of("x".repeat(255)).is_some() && IdempotencyKey::of("x".repeat(256)).is_none());
    }
}
