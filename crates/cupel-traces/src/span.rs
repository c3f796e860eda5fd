//! Spans as the exporter takes them: made after the fact, with ids and times that are known.

use std::borrow::Cow;
use std::time::SystemTime;

use cupel_types::SubmissionId;
use jiff::Timestamp;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// The trace of a submission.
pub(crate) fn trace_of(submission: SubmissionId) -> TraceId {
    TraceId::from_bytes(*submission.as_uuid().as_bytes())
}

/// An id that nobody has.
fn new_span_id() -> SpanId {
    // Zero is no id.
    SpanId::from(rand::random_range(1..=u64::MAX))
}

/// Where a span is, for others to refer to.
pub(crate) fn context(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

/// What a span is besides its name.
pub(crate) struct Span {
    pub(crate) context: SpanContext,
    /// [`SpanId::INVALID`]: it begins the trace.
    pub(crate) parent: SpanId,
    /// Whether another process made the parent.
    pub(crate) is_parent_remote: bool,
    pub(crate) kind: SpanKind,
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) links: Vec<Link>,
    pub(crate) status: Status,
}

impl Span {
    /// One that begins a trace, unless it is put [below](Span::below) another.
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

    /// As a part of this one.
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
            // Clocks of two machines may differ; nothing ends before it begins.
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
