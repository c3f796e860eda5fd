//! OpenTelemetry: the spans of requests and runs, sent to a collector when one is configured. Without one, nothing here costs
//! more than looking.
//!
//! **A submission's id is its trace's id**: both are 16 bytes. So API nodes and workers write to one trace without carrying
//! anything, and who has a submission's id has its trace.
//!
//! ```text
//! submit            accepted: from the request's coming to its answer; links to the request
//! ├── wait          until a worker had it
//! └── run           an attempt, on its worker
//!     ├── compile
//!     └── execute   one for each case
//! ```
//!
//! A request is a span of its own, `POST /api/v1/execute`, in the trace that the caller named (`traceparent`, W3C Trace
//! Context) or a new one, with links to what it had accepted. Spans carry ids, names, times and verdicts; never what a
//! user wrote, and never what a program printed.
//!
//! Names are those of OpenTelemetry's semantic conventions where it has them (HTTP, service), and `cupel.…` elsewhere.
#![forbid(unsafe_code)]

mod collector;
mod request;
mod run;
mod span;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cupel_types::SubmissionId;
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanProcessor};

pub use collector::SetupError;
pub use request::{Parent, Request};
pub use run::{Ended, Run};

/// How long what has not been sent is waited for at the end.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Where spans go, and which.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The collector, `http://HOST:4318` or `https://…`; `/v1/traces` is added.
    pub url: String,
    /// Which part of all submissions is traced, 0 to 1. Which ones their ids say, so that all nodes trace the same.
    pub part: f64,
    /// `service.name`.
    pub service: String,
    /// `service.instance.id`: this process among those of its name.
    pub instance: String,
    /// `service.version`.
    pub version: String,
}

/// Spans on their way to a collector.
#[derive(Clone, Debug)]
pub struct Traces(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    processor: BatchSpanProcessor,
    part: f64,
}

/// Set once, by whoever starts the process; as with metrics and logs, who has something to tell does not care where it goes.
static TRACES: OnceLock<Traces> = OnceLock::new();

/// Begins sending, from everywhere in this process.
///
/// # Errors
/// The address is none, or no thread can be had. That nobody answers there is no error: spans are lost, and the log says so.
pub fn start(settings: &Settings) -> Result<Traces, SetupError> {
    let traces = Traces::new(settings)?;
    Ok(TRACES.get_or_init(|| traces).clone())
}

/// Nothing, unless [`start`] was called.
pub fn traces() -> Option<&'static Traces> {
    TRACES.get()
}

impl Traces {
    /// For itself; [`start`] makes the one of the process.
    ///
    /// # Errors
    /// As of [`start`].
    pub fn new(settings: &Settings) -> Result<Traces, SetupError> {
        let processor = collector::processor(settings)?;
        Ok(Traces(Arc::new(Inner { processor, part: settings.part })))
    }

    /// Sends what is left, for 3 s at most. Blocks.
    pub fn end(&self) {
        if let Err(error) = self.0.processor.shutdown_with_timeout(LAST_WORDS) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }

    /// Whether this submission is traced. Decided by bits of its id that are random (RFC 9562, section 5.7).
    fn wants(&self, submission: SubmissionId) -> bool {
        let [.., a, b, c, d] = *submission.as_uuid().as_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) < self.0.part * (f64::from(u32::MAX) + 1.0)
    }

    fn send(&self, span: opentelemetry_sdk::trace::SpanData) {
        self.0.processor.on_end(span);
    }
}

/// The id of a submission's first span, to which the others belong. Never zero, which is no id: a UUID's variant is in it.
fn submit_span(submission: SubmissionId) -> SpanId {
    let [.., a, b, c, d, e, f, g, h] = *submission.as_uuid().as_bytes();
    SpanId::from_bytes([a, b, c, d, e, f, g, h])
}
