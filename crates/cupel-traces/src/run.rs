//! The spans of a run, derived from the attempt's log after its end.

use cupel_core::event::{Event, EventKind};
use cupel_types::{RunId, Submission, Usage, Verdict};
use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};

use crate::span::{Span, trace_of};
use crate::{Traces, submit_span};

/// Maximum number of executions of a run that get a span.
const EXECUTIONS_MAX: usize = 100;
/// Maximum length of a case's name in a span, in bytes.
const NAME_MAX: usize = 64;

/// An attempt that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The submission.
    pub submission: &'a Submission,
    /// The run.
    pub run: RunId,
    /// One-based number of the attempt.
    pub attempt: u32,
    /// Time when a slot of this worker started the attempt.
    pub began: Timestamp,
    /// Time when the result was written, or the run was given back.
    pub ended: Timestamp,
    /// The result of the attempt.
    pub outcome: Ended<'a>,
}

/// Result of an attempt.
#[derive(Clone, Copy, Debug)]
pub enum Ended<'a> {
    /// A verdict, and the attempt's log.
    Judged(Verdict, &'a [Event]),
    /// An internal failure, with its cause.
    Failed(&'a str),
}

impl Traces {
    /// Records an ended attempt.
    pub fn ran(&self, run: &Run<'_>) {
        let Run { submission, began, .. } = *run;
        if !self.wants(submission.id) {
            return;
        }
        let (trace, first) = (trace_of(submission.id), submit_span(submission.id));
        if run.attempt == 1 {
            let since = submission.run_at.map_or(submission.submitted_at, |at| at.max(submission.submitted_at));
            self.send(Span::in_trace(trace, since, began).below(first, true).named("wait"));
        }
        let mut attributes = vec![
            KeyValue::new("cupel.submission.id", submission.id.to_string()),
            KeyValue::new("cupel.run.id", run.run.to_string()),
            KeyValue::new("cupel.attempt", i64::from(run.attempt)),
            KeyValue::new("cupel.priority", submission.priority.as_str()),
        ];
        let more = [
            ("cupel.language", submission.language().map(ToString::to_string)),
            ("cupel.request.id", submission.request_id.clone()),
            ("cupel.problem.id", submission.of_problem().map(|version| version.problem.to_string())),
        ];
        attributes.extend(more.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?))));
        let status = match run.outcome {
            Ended::Judged(verdict, _) => {
                attributes.push(KeyValue::new("cupel.verdict", verdict.code()));
                // A verdict on a program is not an error of Cupel.
                if verdict == Verdict::InternalError { Status::error("internal error") } else { Status::Unset }
            }
            Ended::Failed(why) => Status::error(why.to_owned()),
        };
        let own = Span::in_trace(trace, began, run.ended).below(first, true);
        let own = Span { kind: SpanKind::Consumer, attributes, status, ..own };
        if let Ended::Judged(_, log) = run.outcome {
            self.steps(log, trace, own.context.span_id());
        }
        self.send(own.named("run"));
    }

    /// Sends a span for each step whose start and end are in the attempt's log.
    fn steps(&self, log: &[Event], trace: TraceId, parent: SpanId) {
        let (mut began, mut executions) = (None, 0);
        for event in log {
            let (name, attributes) = match &event.kind {
                EventKind::CompileStarted | EventKind::ExecutionStarted { .. } => {
                    began = Some(event.at);
                    continue;
                }
                EventKind::CompileEnded { ok, cached, .. } => (
                    "compile",
                    vec![KeyValue::new("cupel.compile.ok", *ok), KeyValue::new("cupel.compile.cached", *cached)],
                ),
                EventKind::ExecutionEnded { case, verdict, usage, .. } if executions < EXECUTIONS_MAX => {
                    executions += 1;
                    let mut attributes = vec![KeyValue::new("cupel.verdict", verdict.code())];
                    if *usage != Usage::default() {
                        attributes.push(KeyValue::new("cupel.cpu_time_ms", usage.cpu_time.as_secs_f64() * 1e3));
                        attributes.push(KeyValue::new("cupel.memory_kib", (usage.memory.get() >> 10) as i64));
                    }
                    attributes.extend(case.as_deref().map(|case| {
                        KeyValue::new("cupel.case", case[..case.floor_char_boundary(NAME_MAX)].to_owned())
                    }));
                    ("execute", attributes)
                }
                _ => continue,
            };
            let Some(began) = began.take() else { continue };
            let span = Span { attributes, ..Span::in_trace(trace, began, event.at).below(parent, false) };
            self.send(span.named(name));
        }
    }
}
