//! JSON responses that contain program output or files. The handler serializes small responses. Large responses are
//! serialized on a blocking thread, and a budget reserves memory for each until the client has received it.
//!
//! *Invariant:* the memory of a large response is reserved before the response is built, and stays reserved while the
//! response is built, even if the client disconnects.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cupel_types::UserId;
use futures_util::stream;
use serde::Serialize;

use crate::app::Shared;
use crate::budget::Held;
use crate::error::ApiError;

/// Maximum size of the output and files, in bytes, that a handler itself serializes. This takes about a millisecond.
pub const SMALL_BYTES: usize = 256 << 10;

/// Chunk size in which a large response is sent.
const PIECE_BYTES: usize = 64 << 10;

/// The response with the document that `build` returns. `shown`: bytes of program output and files in the document;
/// `bytes_per_byte`: upper bound on the memory for one of these bytes while the document is built and serialized.
///
/// # Errors
///
/// If the budget for large responses stays exhausted for the maximum wait.
pub async fn json<T: Serialize>(
    app: &Shared,
    user: UserId,
    shown: usize,
    bytes_per_byte: usize,
    build: impl FnOnce() -> T + Send + 'static,
) -> Result<Response, ApiError> {
    if shown < SMALL_BYTES {
        return Ok(Json(build()).into_response());
    }
    let mut held = app.answers.wait_for(user, shown * bytes_per_byte, app.settings.answer_wait_max).await?;
    let made = tokio::task::spawn_blocking(move || {
        let json = serde_json::to_vec(&build())?;
        held.keep_only(json.len());
        Ok((Bytes::from(json), held))
    });
    let (rest, held) =
        made.await.map_err(|e| ApiError::internal(&e))?.map_err(|e: serde_json::Error| ApiError::internal(&e))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], in_pieces(rest, held)).into_response())
}

/// The response with these bytes and their length.
///
/// # Errors
///
/// If the budget for large responses stays exhausted for the maximum wait.
pub async fn bytes(app: &Shared, user: UserId, data: Arc<[u8]>) -> Result<Response, ApiError> {
    let length = data.len();
    let data = Bytes::from_owner(data);
    let body = if length < SMALL_BYTES {
        Body::from(data)
    } else {
        in_pieces(data, app.answers.wait_for(user, length, app.settings.answer_wait_max).await?)
    };
    Ok(([(header::CONTENT_LENGTH, length)], body).into_response())
}

/// Sends the bytes in pieces. Their memory stays reserved until the client has received them.
fn in_pieces(rest: Bytes, held: Held) -> Body {
    Body::from_stream(stream::unfold((rest, held), |(mut rest, held)| async move {
        if rest.is_empty() {
            return None;
        }
        let piece = rest.split_to(rest.len().min(PIECE_BYTES));
        Some((Ok::<_, std::convert::Infallible>(piece), (rest, held)))
    }))
}
