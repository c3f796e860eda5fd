//! The messages of a live connection as JSON, one per text frame. `docs/live.md` describes them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cupel_core::Bounds;
use cupel_http::body::parse;
use cupel_http::error::{ApiError, ErrorBody, ErrorKind, FieldError};
use cupel_http::lists;
use cupel_http::object::maybe_object;
use cupel_types::{Live, LiveInput, LiveSignal, TerminalSize};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::v1::events::EventData;
use crate::v1::request::ExecuteRequest;
use crate::v1::response::status::Status;

/// Maximum length of the name that a client gives to a run or message, in bytes.
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
    /// Send an input to a live run.
    Input(OfInput),
}

/// An input of a live run.
pub(super) struct OfInput {
    pub(super) run: String,
    /// Number of the input, from 1.
    pub(super) seq: u32,
    pub(super) input: LiveInput,
}

/// The type of a message and the names in it. They are parsed first, so that an error about other fields can name the
/// message and its run.
#[derive(Default, Deserialize)]
pub(super) struct Head {
    #[serde(rename = "type")]
    kind: String,
    /// Name that the client gives to the message or run. The server repeats it in all messages about the message or
    /// run.
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
    /// Same meaning as the header `Idempotency-Key` of `POST /execute`.
    #[serde(default)]
    pub(super) idempotency_key: Option<String>,
    /// Whether standard input arrives while the program runs.
    #[serde(default)]
    pub(super) interactive: bool,
    /// Size of the program's terminal. A run with a terminal is always interactive.
    #[serde(default, deserialize_with = "maybe_object")]
    pub(super) tty: Option<Size>,
}

/// Size of a terminal's window, in characters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Size {
    cols: u16,
    rows: u16,
}

impl Start {
    /// The settings of a live run; `None` if the run is not live.
    pub(super) fn live(&self) -> Result<Option<Live>, ApiError> {
        let terminal = self.tty.as_ref().map(|size| terminal("/tty", size.cols, size.rows)).transpose()?;
        Ok((self.interactive || terminal.is_some()).then_some(Live { terminal }))
    }
}

fn terminal(place: &str, cols: u16, rows: u16) -> Result<TerminalSize, ApiError> {
    let detail = || format!("`cols` and `rows` must be from 1 to {}.", TerminalSize::MAX);
    TerminalSize::new(cols, rows).ok_or_else(|| invalid(place, detail()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stdin {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    run: String,
    seq: u32,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    base64: Option<String>,
}

impl Stdin {
    fn input(self) -> Result<OfInput, ApiError> {
        let bytes = match (self.text, self.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(coded)) => BASE64_STANDARD
                .decode(coded)
                .map_err(|_| invalid("/base64", "This is not base64 (the standard alphabet, with padding)."))?,
            (Some(_), Some(_)) => return Err(invalid("/base64", "Send `text` or `base64`, not both.")),
            (None, None) => return Err(invalid("/text", "Send `text` or `base64`.")),
        };
        if bytes.len() > LiveInput::WINDOW {
            let detail = format!("An input may have at most {} bytes.", LiveInput::WINDOW);
            let errors = vec![FieldError::new("", detail.clone())];
            return Err(ApiError::new(ErrorKind::BodyTooLarge, detail).with_errors(errors));
        }
        Ok(OfInput { run: self.run, seq: self.seq, input: LiveInput::Bytes(bytes) })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndOfInput {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    run: String,
    seq: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signal {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    run: String,
    seq: u32,
    signal: String,
}

impl Signal {
    fn input(self) -> Result<OfInput, ApiError> {
        let signal = LiveSignal::from_name(&self.signal).ok_or_else(|| {
            let names: Vec<String> = LiveSignal::ALL.iter().map(|signal| format!("`{}`", signal.as_str())).collect();
            invalid("/signal", format!("`signal` must be one of {}.", names.join(", ")))
        })?;
        Ok(OfInput { run: self.run, seq: self.seq, input: LiveInput::Signal(signal) })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resize {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    run: String,
    seq: u32,
    cols: u16,
    rows: u16,
}

impl Resize {
    fn input(self) -> Result<OfInput, ApiError> {
        let size = terminal("", self.cols, self.rows)?;
        Ok(OfInput { run: self.run, seq: self.seq, input: LiveInput::Resize(size) })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attach {
    #[serde(rename = "type")]
    _kind: IgnoredAny,
    #[serde(default, rename = "id")]
    _id: IgnoredAny,
    pub(super) run: String,
    /// Number of an event. Only later events are sent; 0 for all events.
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

/// All message types, for the error about an unknown type.
const TYPES: &str = "`start`, `attach`, `detach`, `kill`, `stdin`, `stdin.end`, `signal`, `resize`";

/// Parses the head of a message and ignores all other fields.
pub(super) fn head(text: &str) -> Result<Head, ApiError> {
    let head: Head = parse(text.as_bytes())?;
    if head.id.as_ref().is_some_and(|id| id.len() > ID_BYTES_MAX) {
        return Err(invalid("/id", format!("`id` may have at most {ID_BYTES_MAX} bytes.")));
    }
    Ok(head)
}

/// Parses the whole message; `head` is its parsed head.
pub(super) fn message(head: &Head, text: &str, bounds: &Bounds) -> Result<ClientMessage, ApiError> {
    let bytes = text.as_bytes();
    Ok(match head.kind.as_str() {
        "start" => ClientMessage::Start(lists::within(bounds, || parse(bytes))?),
        "attach" => ClientMessage::Attach(parse(bytes)?),
        "detach" => ClientMessage::Detach(parse(bytes)?),
        "kill" => ClientMessage::Kill(parse(bytes)?),
        "stdin" => ClientMessage::Input(parse::<Stdin>(bytes)?.input()?),
        "stdin.end" => {
            let EndOfInput { run, seq, .. } = parse(bytes)?;
            ClientMessage::Input(OfInput { run, seq, input: LiveInput::EndOfInput })
        }
        "signal" => ClientMessage::Input(parse::<Signal>(bytes)?.input()?),
        "resize" => ClientMessage::Input(parse::<Resize>(bytes)?.input()?),
        _ => return Err(invalid("/type", format!("`type` must be one of {TYPES}."))),
    })
}

/// Error for a message with an invalid field.
pub(super) fn invalid(pointer: &str, detail: impl Into<String>) -> ApiError {
    let detail = detail.into();
    ApiError::new(ErrorKind::InvalidBody, detail.clone()).with_errors(vec![FieldError::new(pointer, detail)])
}

/// A message of the server. `id` is the name that the client has given, if any.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    /// A run was accepted, and is attached.
    Accepted {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        run: &'a str,
        /// Whether the run is an earlier, identical submission from the result cache.
        cached: bool,
        /// Whether an earlier message with the same idempotency key created the run.
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
    /// Progress of a live run's input.
    Input {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        run: &'a str,
        /// Number of the last input that the server has received.
        seq: u32,
        /// Bytes of standard input, up to and including this input.
        bytes: u64,
        /// Number of the last input that the worker has consumed.
        consumed_seq: u32,
        /// Bytes that the program has accepted.
        consumed_bytes: u64,
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
