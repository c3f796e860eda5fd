//! Stored formats of the domain types, with encoding and decoding.
//!
//! *Invariant:* these formats belong to the store and must stay readable by later versions. A field may be added with a
//! default, but no field may change its meaning. Large bytes are not in the JSON but in the row's BLOB; the JSON refers
//! to them as `[offset, length]`.

mod grading;
mod log;
mod needs;
mod report;
mod snippet;
mod state;
mod submission;
mod verification;

pub(crate) use grading::score_from;
pub(crate) use log::{decode_log, encode_log};
pub(crate) use needs::{needs_from, needs_text};
pub(crate) use report::{decode_report, encode_report};
pub(crate) use snippet::{decode_snippet, encode_snippet};
pub(crate) use state::{JUDGED, StateColumns, class_from, class_number};
pub(crate) use submission::{EncodedSubmission, decode_submission, encode_submission, is_live};

use std::collections::HashMap;
use std::sync::Arc;

use cupel_types::ContentHash;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A row that this version cannot decode: a bug, or a database damaged from outside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    #[error("the JSON in a row cannot be decoded")]
    Json(#[from] serde_json::Error),
    #[error("column `{column}` has an unexpected value")]
    Column { column: &'static str },
}

pub(crate) const fn bad(column: &'static str) -> RowError {
    RowError::Column { column }
}

/// Offset and length of bytes in the row's BLOB.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Span(u64, u64);

/// Approximate memory of a piece besides its bytes.
const PIECE_OVERHEAD_BYTES: usize = 64;

/// The BLOB of a row while it is written. Equal pieces are stored once, because the log repeats the output in the
/// report.
#[derive(Default)]
pub(crate) struct BlobWriter {
    data: Vec<u8>,
    /// Size of all pieces in memory, where equal pieces are not shared.
    piece_bytes: usize,
    known: HashMap<Arc<[u8]>, Span>,
}

impl BlobWriter {
    fn put(&mut self, bytes: &Arc<[u8]>) -> Span {
        self.piece_bytes += bytes.len() + PIECE_OVERHEAD_BYTES;
        if bytes.is_empty() {
            return Span::default();
        }
        if let Some(span) = self.known.get(bytes) {
            return *span;
        }
        let span = self.append(bytes);
        // Hashing costs less than storing the bytes twice, but only for pieces that can repeat.
        self.known.insert(Arc::clone(bytes), span);
        span
    }

    fn append(&mut self, bytes: &[u8]) -> Span {
        let span = Span(self.data.len() as u64, bytes.len() as u64);
        self.data.extend_from_slice(bytes);
        span
    }

    fn at(&self, offset: u64, len: u64) -> Option<&[u8]> {
        piece(&self.data, Span(offset, len))
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.data
    }
}

fn piece(data: &[u8], Span(offset, len): Span) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    data.get(start..start.checked_add(usize::try_from(len).ok()?)?)
}

fn read(data: &[u8], span: Span) -> Result<Arc<[u8]>, RowError> {
    piece(data, span).map(Arc::from).ok_or(bad("data"))
}

pub(crate) fn to_us(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub(crate) fn from_us(us: i64, column: &'static str) -> Result<Timestamp, RowError> {
    Timestamp::from_microsecond(us).map_err(|_| bad(column))
}

pub(crate) fn hash_from(bytes: &[u8], column: &'static str) -> Result<ContentHash, RowError> {
    bytes.try_into().map(ContentHash::from_bytes).map_err(|_| bad(column))
}

pub(crate) fn id_from(bytes: &[u8], column: &'static str) -> Result<Uuid, RowError> {
    Uuid::from_slice(bytes).map_err(|_| bad(column))
}

pub(crate) fn us_of(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
