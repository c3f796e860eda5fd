//! Reads that need no key, such as the list of languages.

use axum::extract::FromRequestParts as _;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use cupel_core::accounts::Accounts;
use cupel_http::app::Shared;
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::notes::Notes;

/// Charges a read that needs no key to the owner of the client's key. Without a valid key, it is charged to the
/// client's address, unless the facade serves the client without a key. `key_headers`: the headers that may have the
/// key.
///
/// # Errors
///
/// If the rate is exhausted, or Cupel fails.
pub(crate) async fn charge_public_read(
    app: &Shared,
    notes: &Notes,
    parts: &mut Parts,
    key_headers: &[HeaderName],
) -> Result<(), ApiError> {
    for name in key_headers {
        // The key of another server is no wrong key of this one. It is ignored, as it is by the originals.
        if !parts.headers.get_all(name).iter().any(is_key) {
            parts.headers.remove(name);
        }
    }
    match Caller::from_request_parts(parts, app).await {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            // The owner of the key was charged before the key's scope was checked.
            ErrorKind::MissingScope => Ok(()),
            ErrorKind::Unauthorized => {
                app.limits.anonymous_read(notes.client().address, app.settings.anonymous_reads).await
            }
            _ => Err(error),
        },
    }
}

/// Whether the value is an API key of Cupel, with or without a scheme.
fn is_key(value: &HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default();
    text.split_whitespace().last().is_some_and(Accounts::looks_like_key)
}
