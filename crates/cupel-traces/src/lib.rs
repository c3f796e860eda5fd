//! OpenTelemetry: the spans of requests and runs, sent to a collector. If no collector is configured, every call
//! returns at once.
//!
//! **A submission's id is also its trace's id**: both have 16 bytes. So API nodes and workers write to one trace
//! without propagating a context.
//!
//! ```text
//! submit            from the arrival of the request to its answer; links to the request
//! ├── wait          until a worker starts it
//! └── run           an attempt, on its worker
//!     ├── compile
//!     └── execute   one per case, for at most 100 cases
//! ```
//!
//! A request has a separate span, such as `POST /api/v1/execute`, in the trace of the caller's `traceparent` header
//! (W3C Trace Context) or in a new trace, with links to the submissions that it created. Clients are untrusted, so the
//! sampled flag of that header is honoured for a bounded number of requests per second. Spans contain ids, names,
//! times, verdicts and figures such as the memory used, but never source code or program output.
//!
//! Names follow OpenTelemetry's semantic conventions where they exist (HTTP, service), and are `cupel.…` otherwise.
#![forbid(unsafe_code)]

#[cfg(feature = "otlp")]
mod collector;
#[cfg(not(feature = "otlp"))]
#[path = "no_collector.rs"]
mod collector;
mod request;
mod run;
mod span;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use cupel_types::SubmissionId;
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanProcessor};
use request::CallersBudget;

pub use collector::SetupError;
pub use request::{Parent, Request};
pub use run::{Ended, Run};

/// Maximum time to send the remaining spans when the process ends.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// Settings of tracing: the destination, and the fraction of submissions that is traced.
#[derive(Clone, Debug)]
pub struct Settings {
    /// URL of the collector, `http://HOST:4318` or `https://…`; `/v1/traces` is appended.
    pub url: String,
    /// Fraction of submissions that is traced, 0 to 1. The submission's id decides, so all nodes trace the same ones.
    pub part: f64,
    /// `service.name`.
    pub service: String,
    /// `service.instance.id`: distinguishes this process among those with the same service name.
    pub instance: String,
    /// `service.version`.
    pub version: String,
}

/// Handle for sending spans to a collector.
#[derive(Clone, Debug)]
pub struct Traces(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    processor: BatchSpanProcessor,
    part: f64,
    callers: Mutex<CallersBudget>,
}

/// Set once at the start of the process. The value is global, like metrics and logs, so that callers need not pass it
/// as an argument.
static TRACES: OnceLock<Traces> = OnceLock::new();

/// Enables tracing in the whole process.
///
/// # Errors
/// If the URL is invalid, no thread can be started, or this program was built without the exporter. An unreachable
/// collector is not an error: spans are lost, and the log reports the loss.
pub fn start(settings: &Settings) -> Result<Traces, SetupError> {
    let traces = Traces::new(settings)?;
    Ok(TRACES.get_or_init(|| traces).clone())
}

/// The process's traces; `None` unless [`start`] has succeeded.
pub fn traces() -> Option<&'static Traces> {
    TRACES.get()
}

impl Traces {
    /// Creates an independent instance. The instance of the process is created by [`start`].
    ///
    /// # Errors
    /// The same as those of [`start`].
    pub fn new(settings: &Settings) -> Result<Traces, SetupError> {
        let processor = collector::processor(settings)?;
        Ok(Traces(Arc::new(Inner { processor, part: settings.part, callers: Mutex::default() })))
    }

    /// Sends the remaining spans. Blocks for at most 3 s.
    pub fn end(&self) {
        if let Err(error) = self.0.processor.shutdown_with_timeout(FLUSH_MAX) {
            tracing::warn!(%error, "could not send the last spans");
        }
    }

    /// Whether this submission is traced. Random bits of the submission's id decide (RFC 9562, section 5.7).
    fn wants(&self, submission: SubmissionId) -> bool {
        let [.., a, b, c, d] = *submission.as_uuid().as_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) < self.0.part * (f64::from(u32::MAX) + 1.0)
    }

    fn send(&self, span: opentelemetry_sdk::trace::SpanData) {
        self.0.processor.on_end(span);
    }
}

/// Id of a submission's root span. The id contains the variant bits of the UUID, so it is never zero; zero would be
/// invalid.
fn submit_span(submission: SubmissionId) -> SpanId {
    let [.., a, b, c, d, e, f, g, h] = *submission.as_uuid().as_bytes();
    SpanId::from_bytes([a, b, c, d, e, f, g, h])
}
