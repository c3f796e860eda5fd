//! The messages of a live connection as JSON, one per text frame. `docs/live.md` describes them.

use cupel_core::Bounds;
use cupel_http::body::parse;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_http::lists;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::v1::events::EventData;
use crate::v1::request::ExecuteRequest;
use crate::v1::response::Status;

/// Maximum length of a client's own name of a run or message, in bytes.
const ID_BYTES_MAX: usize = 100;

/// A message of the client.
pub(super) enum ClientMessage {
    /// Start a run and attach to it.
    Start(Box<Start>),
    /// Follow a run.
    Attach(Attach),
    /// Stop following a run.
    Detach(OfRun),
    /// Cancel a run.
    Kill(OfRun),
}

/// What every message may have. It is read first, so that an error about the rest of the message can name it.
#[derive(Default, Deserialize)]
pub(super) struct Head {
    #[serde(rename = "type")]
    kind: String,
    /// The client's own name; repeated in everything that the server sends about the message or the run.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// The run.
    #[serde(default)]
    pub(super) run: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    /// The body of `POST /execute`.
    pub(super) request: ExecuteRequest,
    /// As the header `Idempotency-Key` of `POST /execute`.
    #[serde(default)]
    pub(super) idempotency_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attach {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    pub(super) run: String,
    /// Only events after the one with this number; 0: all.
    #[serde(default)]
    pub(super) after: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfRun {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    pub(super) run: String,
}

/// The types of messages, for the error about an unknown one.
const TYPES: &str = "`start`, `attach`, `detach`, `kill`";

/// Reads what every message has.
pub(super) fn head(text: &str) -> Result<Head, ApiError> {
    let head: Head = parse(text.as_bytes())?;
    if head.id.as_ref().is_some_and(|id| id.len() > ID_BYTES_MAX) {
        return Err(invalid("/id", format!("`id` may have {ID_BYTES_MAX} bytes.")));
    }
    Ok(head)
}

/// Reads the whole message.
pub(super) fn message(head: &Head, text: &str, bounds: &Bounds) -> Result<ClientMessage, ApiError> {
    let bytes = text.as_bytes();
    Ok(match head.kind.as_str() {
        "start" => ClientMessage::Start(lists::within(bounds, || parse(bytes))?),
        "attach" => ClientMessage::Attach(parse(bytes)?),
        "detach" => ClientMessage::Detach(parse(bytes)?),
        "kill" => ClientMessage::Kill(parse(bytes)?),
        _ => return Err(invalid("/type", format!("`type` must be one of {TYPES}."))),
    })
}

/// A refusal of a message because of one field.
pub(super) fn invalid(pointer: &str, detail: impl Into<String>) -> ApiError {
    let detail = detail.into();
    ApiError::new(ErrorKind::InvalidBody, detail.clone()).with_errors(vec![FieldError::new(pointer, detail)])
}

/// A message of the server. `id`: the client's own name, if it sent one.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    /// A run was accepted, and is attached.
    Accepted {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        run: &'a str,
        /// Whether it is an earlier, identical submission from the result cache.
        cached: bool,
        /// Whether an earlier message with the same idempotency key created it.
        repeated: bool,
    },
    /// The events of a run follow.
    Attached {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        run: &'a str,
    },
    /// No more events of this run follow.
    Detached {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        run: &'a str,
    },
    /// A run was cancelled, or had ended before.
    Killed {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        run: &'a str,
        status: Status,
    },
    /// An event of an attached run.
    Event {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        run: &'a str,
        event: &'static str,
        data: EventData,
    },
    /// A message was refused; the connection continues.
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        run: Option<&'a str>,
        /// Seconds after which a repetition may succeed.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        error: ErrorBody,
    },
}
