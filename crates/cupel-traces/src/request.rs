//! The span of a request, and the root spans of the submissions that it created.

use std::sync::{MutexGuard, PoisonError};

use cupel_types::SubmissionId;
use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceId, TraceState};

use crate::span::{Span, context, trace_of};
use crate::{Traces, submit_span};

/// Maximum number of requests per second that are traced because a caller samples its trace. Any client, also without
/// an account, can set that flag.
const OF_CALLERS_PER_SECOND_MAX: u32 = 10;

/// Maximum number of links per span, the default limit of OpenTelemetry's SDKs.
const LINKS_MAX: usize = 128;

/// The caller's trace context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    trace: TraceId,
    span: SpanId,
    is_sampled: bool,
}

impl Parent {
    /// Parses `traceparent`: `00-TRACE-SPAN-FLAGS` in hexadecimal digits. A malformed value yields `None`. An unknown
    /// version is parsed like version 00. Source: W3C Trace Context, section 3.2.
    pub fn read(traceparent: &str) -> Option<Parent> {
        let mut parts = traceparent.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |part: &str, len| {
            part.len() == len && part.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
        };
        let is_well_formed = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        if !is_well_formed || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        (trace != TraceId::INVALID && span != SpanId::INVALID).then_some(Parent { trace, span, is_sampled })
    }
}

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The request's id, as in the log.
    pub id: &'a str,
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The route, not the path: `/api/v1/submissions/{id}`. `None` if no route matched.
    pub route: Option<&'a str>,
    /// HTTP status of the answer.
    pub status: u16,
    /// Time of arrival.
    pub began: Timestamp,
    /// Time when the answer began.
    pub ended: Timestamp,
    /// The caller's trace context, if the caller sent one.
    pub parent: Option<Parent>,
    /// The submissions that the request created.
    pub accepted: &'a [SubmissionId],
}

/// Counts the requests of one second that are traced because a caller samples its trace.
#[derive(Debug, Default)]
pub(crate) struct CallersBudget {
    second: i64,
    used: u32,
}

impl CallersBudget {
    /// Whether another request in this second may be traced for this reason.
    fn take(&mut self, now: Timestamp) -> bool {
        let second = now.as_second();
        if self.second != second {
            *self = CallersBudget { second, used: 0 };
        }
        let has_room = self.used < OF_CALLERS_PER_SECOND_MAX;
        self.used += u32::from(has_room);
        has_room
    }
}

impl Traces {
    /// Records an answered request. The request is traced if a submission that the request created is traced, or if the
    /// caller samples its trace, for at most ten requests per second of this process. Any further such request, and a
    /// request without a trace context, is traced at random with the configured probability, if it created no
    /// submission.
    pub fn answered(&self, request: &Request<'_>) {
        let accepted: Vec<SubmissionId> = request.accepted.iter().copied().filter(|id| self.wants(*id)).collect();
        let is_wanted = match request.parent {
            _ if !accepted.is_empty() => true,
            Some(parent) if !parent.is_sampled => false,
            Some(_) if self.callers_budget().take(request.ended) => true,
            _ => request.accepted.is_empty() && rand::random_bool(self.0.part.clamp(0.0, 1.0)),
        };
        if !is_wanted {
            return;
        }
        let (began, ended) = (request.began, request.ended);
        let own = match request.parent {
            Some(parent) => Span::in_trace(parent.trace, began, ended).below(parent.span, true),
            None => Span::in_trace(TraceId::from(rand::random_range(1..=u128::MAX)), began, ended),
        };
        for id in &accepted {
            self.send(submitted(request, *id, &own.context));
        }
        let links = accepted.iter().take(LINKS_MAX).map(|id| link(&context(trace_of(*id), submit_span(*id)))).collect();
        let mut attributes = vec![
            KeyValue::new("http.request.method", request.method.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(request.status)),
            KeyValue::new("cupel.request.id", request.id.to_owned()),
        ];
        attributes.extend(request.route.map(|route| KeyValue::new("http.route", route.to_owned())));
        let status = if request.status >= 500 { Status::error("") } else { Status::Unset };
        let name =
            request.route.map_or_else(|| request.method.to_owned(), |route| format!("{} {route}", request.method));
        self.send(Span { kind: SpanKind::Server, attributes, links, status, ..own }.named(name));
    }

    fn callers_budget(&self) -> MutexGuard<'_, CallersBudget> {
        // Any content is valid, so a poisoned lock is, too.
        self.0.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The root span of a submission's trace.
fn submitted(request: &Request<'_>, id: SubmissionId, of: &SpanContext) -> opentelemetry_sdk::trace::SpanData {
    let span = Span {
        context: context(trace_of(id), submit_span(id)),
        kind: SpanKind::Producer,
        attributes: vec![
            KeyValue::new("cupel.submission.id", id.to_string()),
            KeyValue::new("cupel.request.id", request.id.to_owned()),
        ],
        links: vec![link(of)],
        ..Span::in_trace(trace_of(id), request.began, request.ended)
    };
    span.named("submit")
}

fn link(to: &SpanContext) -> Link {
    Link::with_context(SpanContext::new(to.trace_id(), to.span_id(), to.trace_flags(), true, TraceState::NONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_parsed_as_the_standard_specifies() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let parent = |text: &str| Parent::read(text).map(|parent| (parent.trace.to_string(), parent.is_sampled));
        let good = |sampled| Some((trace.to_owned(), sampled));
        assert_eq!(parent(&format!("00-{trace}-b7ad6b7169203331-01")), good(true));
        assert_eq!(parent(&format!("00-{trace}-b7ad6b7169203331-00")), good(false));
        assert_eq!(parent(&format!("01-{trace}-b7ad6b7169203331-03-more")), good(true), "a later version");
        for wrong in [
            "",
            "00",
            &format!("00-{trace}-b7ad6b7169203331"),
            &format!("00-{trace}-b7ad6b7169203331-01-more"),
            &format!("ff-{trace}-b7ad6b7169203331-01"),
            &format!("00-{}-b7ad6b7169203331-01", trace.to_uppercase()),
            &format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            &format!("00-{trace}-0000000000000000-01"),
            &format!("00-{trace}é-b7ad6b7169203331-01"),
        ] {
            assert_eq!(parent(wrong), None, "{wrong}");
        }
    }
}
