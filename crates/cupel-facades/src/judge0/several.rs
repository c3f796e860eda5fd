//! Responses with several submissions: a batch, or a page of the list.
//!
//! *Invariant:* few submissions are in memory at a time. If their texts are large, the memory for them is reserved
//! before they are rendered, and each is rendered and sent by itself.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cupel_core::AuthenticatedUser;
use cupel_http::app::Shared;
use cupel_http::budget::Held;
use cupel_http::error::ApiError;
use cupel_http::large_answer::SMALL_BYTES;
use cupel_types::SubmissionId;
use futures_util::stream;
use serde_json::Value;

use super::fields::Fields;
use super::render::Rendering;
use super::{BYTES_PER_BYTE, bad_request};

/// Number of submissions that are read at a time, because the texts of one may be large.
pub(super) const IDS_AT_ONCE: usize = 4;

/// What the response describes.
pub(super) enum Whole {
    /// A batch: a submission that does not exist is null.
    Batch,
    /// A page of the list, with the description of the page. A submission that cannot be rendered is omitted, because
    /// the original's list has no nulls.
    Page { meta: Value },
}

/// A request for several submissions.
pub(super) struct Several {
    pub(super) app: Shared,
    pub(super) viewer: AuthenticatedUser,
    /// Whether an exceeded memory limit is reported as in the original.
    pub(super) is_strict: bool,
    pub(super) fields: Arc<Fields>,
    pub(super) is_base64: bool,
    pub(super) whole: Whole,
}

/// Ids that are read together; `None`: the client sent a token that is not an id.
type Ids = Vec<Option<SubmissionId>>;

impl Several {
    /// The response with these submissions, in this order.
    ///
    /// # Errors
    /// If the store fails, or the memory for large responses stays exhausted, before the response has begun. A later
    /// failure aborts the response, because a truncated list must not look like a complete one.
    pub(super) async fn respond(self, ids: &[Option<SubmissionId>]) -> Result<Response, ApiError> {
        let mut unread: VecDeque<Ids> = ids.chunks(IDS_AT_ONCE).map(<[_]>::to_vec).collect();
        let (mut document, mut bytes) = (Document::default(), 0);
        while let Some(ids) = unread.pop_front() {
            let read = self.read(&ids).await?;
            if !self.is_text(&read) {
                return Ok(not_text());
            }
            bytes += self.selected_bytes(&read);
            if bytes >= SMALL_BYTES {
                // The slice is read again when the memory for its texts is reserved.
                drop(read);
                unread.push_front(ids);
                return self.respond_in_pieces(document, unread).await;
            }
            for one in read {
                document.text = self.json_after(document.begin_next(), one)?;
            }
        }
        Ok(json_body(document.end(&self.whole)))
    }

    /// The response that is sent while the submissions are read. `begun`: its beginning.
    async fn respond_in_pieces(self, begun: Document, unread: VecDeque<Ids>) -> Result<Response, ApiError> {
        if !self.is_base64 {
            // The status cannot change after the response has begun, so all texts are checked before. Those of the
            // first slice are checked already.
            for ids in unread.iter().skip(1) {
                if !self.is_text(&self.read(ids).await?) {
                    return Ok(not_text());
                }
            }
        }
        let mut pieces = Pieces { of: self, unread, slice: Slice::default(), document: begun, is_ended: false };
        // A refusal for lack of memory needs its own status, too.
        pieces.read_slice().await?;
        let pieces = stream::unfold(pieces, |mut pieces| async move {
            let piece = pieces
                .next()
                .await
                .map_err(|_error| std::io::Error::other("the remaining submissions cannot be read"))
                .transpose()?;
            Some((piece, pieces))
        });
        Ok(json_body(Body::from_stream(pieces)))
    }

    /// Reads these submissions. An element is `None` if the submission does not exist for the viewer, or cannot be
    /// rendered.
    async fn read(&self, ids: &[Option<SubmissionId>]) -> Result<Vec<Option<Rendering>>, ApiError> {
        let mut known: Vec<SubmissionId> = Vec::with_capacity(ids.len());
        for id in ids.iter().flatten() {
            if !known.contains(id) {
                known.push(*id);
            }
        }
        let records = self.app.core.submissions(&self.viewer, &known).await?;
        let registry = self.app.core.registry();
        let rendering = |id: SubmissionId| {
            let record = records.iter().find(|record| record.submission.id == id)?;
            Rendering::of(&registry, record.clone(), self.is_strict)
        };
        let all = ids.iter().map(|id| id.and_then(rendering));
        Ok(match self.whole {
            Whole::Batch => all.collect(),
            Whole::Page { .. } => all.filter(Option::is_some).collect(),
        })
    }

    /// Whether the selected texts can be sent: as base64, or because they are UTF-8.
    fn is_text(&self, read: &[Option<Rendering>]) -> bool {
        self.is_base64 || read.iter().flatten().all(|one| one.is_utf8(&self.fields))
    }

    fn selected_bytes(&self, read: &[Option<Rendering>]) -> usize {
        read.iter().flatten().map(|one| one.selected_bytes(&self.fields)).sum()
    }

    fn json_after(&self, before: Vec<u8>, one: Option<Rendering>) -> Result<Vec<u8>, ApiError> {
        json_after(before, one, &self.fields, self.is_base64)
    }
}

fn not_text() -> Response {
    bad_request(
        "some attributes for one or more submissions cannot be converted to UTF-8, use base64_encoded=true query \
         parameter",
    )
}

fn json_body(body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.into()).into_response()
}

/// The JSON of a response.
#[derive(Default)]
struct Document {
    /// Text that is not sent yet.
    text: Vec<u8>,
    is_begun: bool,
}

impl Document {
    /// Takes the text, up to the place of the next submission.
    fn begin_next(&mut self) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.text);
        let before: &[u8] = if std::mem::replace(&mut self.is_begun, true) { b"," } else { BEGIN };
        text.extend_from_slice(before);
        text
    }

    /// Takes the text, up to the end of the document.
    fn end(&mut self, whole: &Whole) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.text);
        if !self.is_begun {
            text.extend_from_slice(BEGIN);
        }
        match whole {
            Whole::Batch => text.extend_from_slice(b"]}"),
            Whole::Page { meta } => text.extend_from_slice(format!("],\"meta\":{meta}}}").as_bytes()),
        }
        text
    }
}

const BEGIN: &[u8] = b"{\"submissions\":[";

/// A response that is sent while its submissions are read.
struct Pieces {
    of: Several,
    unread: VecDeque<Ids>,
    slice: Slice,
    document: Document,
    is_ended: bool,
}

/// Submissions that have been read, and the memory reserved for them if they are large.
#[derive(Default)]
struct Slice {
    read: VecDeque<Option<Rendering>>,
    held: Option<Arc<Held>>,
}

impl Pieces {
    /// Reads the next slice, and reserves the memory for it.
    async fn read_slice(&mut self) -> Result<(), ApiError> {
        // Release the memory of the last slice before more is reserved.
        self.slice = Slice::default();
        let Some(ids) = self.unread.pop_front() else { return Ok(()) };
        let Several { app, viewer, fields, .. } = &self.of;
        let read: VecDeque<Option<Rendering>> = self.of.read(&ids).await?.into();
        // All of them are in memory, but only one at a time is rendered.
        let all: usize = read.iter().flatten().map(Rendering::bytes).sum();
        let largest = read.iter().flatten().map(|one| one.selected_bytes(fields)).max().unwrap_or(0);
        let bytes = all + largest * (BYTES_PER_BYTE - 1);
        let held = match bytes {
            0..SMALL_BYTES => None,
            _ => Some(Arc::new(app.answers.wait_for(viewer.user, bytes, app.settings.answer_wait_max).await?)),
        };
        self.slice = Slice { read, held };
        Ok(())
    }

    /// The next part of the response. `None`: it is complete.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.is_ended {
            return Ok(None);
        }
        loop {
            if let Some(one) = self.slice.read.pop_front() {
                return Ok(Some(self.json_of_next(one).await?.into()));
            }
            if self.unread.is_empty() {
                break;
            }
            self.read_slice().await?;
        }
        self.is_ended = true;
        self.slice = Slice::default();
        Ok(Some(self.document.end(&self.of.whole).into()))
    }

    async fn json_of_next(&mut self, one: Option<Rendering>) -> Result<Vec<u8>, ApiError> {
        let before = self.document.begin_next();
        let Some(held) = &self.slice.held else { return self.of.json_after(before, one) };
        let (held, fields, is_base64) = (Arc::clone(held), Arc::clone(&self.of.fields), self.of.is_base64);
        let made = tokio::task::spawn_blocking(move || {
            let json = json_after(before, one, &fields, is_base64);
            // The memory stays reserved while the JSON is made, even if the client disconnects.
            drop(held);
            json
        });
        made.await.map_err(|error| ApiError::internal(&error))?
    }
}

/// Appends the JSON of a submission; `None` is null. The buffer gets the exact size, because a growing buffer may have
/// twice the size.
fn json_after(
    mut before: Vec<u8>,
    one: Option<Rendering>,
    fields: &Fields,
    is_base64: bool,
) -> Result<Vec<u8>, ApiError> {
    let object = one.map(|one| one.object(fields, is_base64));
    let mut length = Length(0);
    serde_json::to_writer(&mut length, &object).map_err(|error| ApiError::internal(&error))?;
    before.reserve_exact(length.0);
    serde_json::to_writer(&mut before, &object).map_err(|error| ApiError::internal(&error))?;
    Ok(before)
}

/// Writer that only counts bytes.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0 += data.len();
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_json_whether_it_is_sent_whole_or_in_pieces() {
        let page = Whole::Page { meta: json!({ "total_count": 2 }) };
        for (whole, submissions, expected) in [
            (&Whole::Batch, &["{}", "null"][..], r#"{"submissions":[{},null]}"#),
            (&Whole::Batch, &[], r#"{"submissions":[]}"#),
            (&page, &["{}", "{}"], r#"{"submissions":[{},{}],"meta":{"total_count":2}}"#),
            (&page, &[], r#"{"submissions":[],"meta":{"total_count":2}}"#),
        ] {
            for in_pieces in [false, true] {
                let (mut document, mut text) = (Document::default(), Vec::new());
                for one in submissions {
                    let mut piece = document.begin_next();
                    piece.extend_from_slice(one.as_bytes());
                    if in_pieces { text.extend(piece) } else { document.text = piece }
                }
                text.extend(document.end(whole));
                assert_eq!(String::from_utf8(text).unwrap(), expected);
            }
        }
    }
}
