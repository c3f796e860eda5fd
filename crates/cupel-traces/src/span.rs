//! Spans in the form that the exporter accepts, created after the fact from known ids and times.

use std::borrow::Cow;
use std::time::SystemTime;

use cupel_types::SubmissionId;
use jiff::Timestamp;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// The id of a submission's trace.
pub(crate) fn trace_of(submission: SubmissionId) -> TraceId {
    TraceId::from_bytes(*submission.as_uuid().as_bytes())
}

/// Creates a random span id.
fn new_span_id() -> SpanId {
    // Zero is invalid.
    SpanId::from(rand::random_range(1..=u64::MAX))
}

/// Context of a span, for references to it.
pub(crate) fn context(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

/// A span without its name.
pub(crate) struct Span {
    pub(crate) context: SpanContext,
    /// The parent span; [`SpanId::INVALID`] for a root span.
    pub(crate) parent: SpanId,
    /// Whether another process created the parent.
    pub(crate) is_parent_remote: bool,
    pub(crate) kind: SpanKind,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) links: Vec<Link>,
    pub(crate) status: Status,
}

impl Span {
    /// Creates a root span, unless [`below`](Span::below) sets a parent.
    pub(crate) fn in_trace(trace: TraceId, began: Timestamp, ended: Timestamp) -> Span {
        Span {
            context: context(trace, new_span_id()),
            parent: SpanId::INVALID,
            is_parent_remote: false,
            kind: SpanKind::Internal,
            began,
            ended,
            attributes: Vec::new(),
            links: Vec::new(),
            status: Status::Unset,
        }
    }

    /// Sets the parent.
    pub(crate) fn below(self, parent: SpanId, is_remote: bool) -> Span {
        Span { parent, is_parent_remote: is_remote, ..self }
    }

    pub(crate) fn named(self, name: impl Into<Cow<'static, str>>) -> SpanData {
        let mut links = SpanLinks::default();
        links.links = self.links;
        SpanData {
            span_context: self.context,
            parent_span_id: self.parent,
            parent_span_is_remote: self.is_parent_remote,
            span_kind: self.kind,
            name: name.into(),
            start_time: SystemTime::from(self.began),
            // The clocks of two machines may differ; a span never ends before it begins.
            end_time: SystemTime::from(self.ended.max(self.began)),
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status: self.status,
            instrumentation_scope: InstrumentationScope::builder("cupel").build(),
        }
    }
}
