//! The event log of an attempt, stored in the columns `log` and `data` of `execution_results`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cupel_core::event::{Event, EventKind, Seq, Stream};
use cupel_types::{RunReport, SubmissionId};
use serde::{Deserialize, Serialize};

use super::report::{OutcomeRow, UsageRow, verdict_from};
use super::{BlobWriter, RowError, Span, from_us, read, to_us, us_of};

#[derive(Serialize, Deserialize)]
struct EventRow {
    seq: u64,
    at_us: i64,
    kind: KindRow,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindRow {
    Queued,
    Started {
        attempt: u32,
    },
    CompileStarted,
    CompileEnded {
        ok: bool,
        cached: bool,
        wall_time_us: u64,
        /// Rows of earlier versions have no output.
        #[serde(default)]
        output: Span,
    },
    ExecutionStarted {
        case: Option<String>,
    },
    Output {
        case: Option<String>,
        stream: StreamRow,
        data: Span,
    },
    ExecutionEnded {
        case: Option<String>,
        verdict: String,
        outcome: OutcomeRow,
        usage: UsageRow,
    },
    Finished {
        verdict: String,
    },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StreamRow {
    Stdout,
    Stderr,
}

/// For each of the report's outputs, the part in the BLOB that the log has not used yet. A chunk that continues an
/// output is stored as a reference into it, so that its bytes are not stored twice.
struct Outputs<'a> {
    ends: HashMap<(Option<&'a str>, bool), Span>,
}

impl<'a> Outputs<'a> {
    fn of(report: &'a RunReport, blob: &mut BlobWriter) -> Outputs<'a> {
        let mut ends = HashMap::new();
        let alone = report.execution.iter().map(|step| (None, step));
        for (case, step) in alone.chain(report.cases.iter().map(|c| (Some(c.name.as_str()), &c.step))) {
            ends.insert((case, false), blob.put(&step.stdout.data));
            ends.insert((case, true), blob.put(&step.stderr.data));
        }
        Outputs { ends }
    }

    fn put(&mut self, case: Option<&'a str>, stream: Stream, chunk: &Arc<[u8]>, blob: &mut BlobWriter) -> Span {
        let len = chunk.len() as u64;
        if let Some(rest) = self.ends.get_mut(&(case, stream == Stream::Stderr))
            && rest.1 >= len
            && blob.at(rest.0, len).is_some_and(|known| *known == **chunk)
        {
            let span = Span(rest.0, len);
            *rest = Span(rest.0 + len, rest.1 - len);
            return span;
        }
        blob.append(chunk)
    }
}

/// Where the compiler's output in the log is stored: at the beginning of `whole`, the report's, unless it differs.
fn beginning_of(whole: Span, output: &[u8], blob: &mut BlobWriter) -> Span {
    let len = output.len() as u64;
    let is_beginning = whole.1 >= len && blob.at(whole.0, len) == Some(output);
    if is_beginning { Span(whole.0, len) } else { blob.append(output) }
}

/// Encodes `log`. Output that is not in the report is appended to `blob`, which already holds the report's outputs.
pub(crate) fn encode_log(events: &[Event], report: &RunReport, blob: &mut BlobWriter) -> Result<String, RowError> {
    let mut outputs = Outputs::of(report, blob);
    let compiled = report.compile.as_ref().map(|compile| blob.put(&compile.output.data)).unwrap_or_default();
    let rows: Vec<EventRow> = events
        .iter()
        .filter_map(|event| {
            let kind = match &event.kind {
                EventKind::Queued => KindRow::Queued,
                EventKind::Started { attempt } => KindRow::Started { attempt: *attempt },
                EventKind::CompileStarted => KindRow::CompileStarted,
                EventKind::CompileEnded { ok, cached, wall_time, output } => KindRow::CompileEnded {
                    ok: *ok,
                    cached: *cached,
                    wall_time_us: us_of(*wall_time),
                    output: beginning_of(compiled, output, blob),
                },
                EventKind::ExecutionStarted { case } => KindRow::ExecutionStarted { case: case.clone() },
                EventKind::Output { case, stream, data } => KindRow::Output {
                    case: case.clone(),
                    stream: match stream {
                        Stream::Stdout => StreamRow::Stdout,
                        Stream::Stderr => StreamRow::Stderr,
                    },
                    data: outputs.put(case.as_deref(), *stream, data, blob),
                },
                EventKind::ExecutionEnded { case, verdict, outcome, usage } => KindRow::ExecutionEnded {
                    case: case.clone(),
                    verdict: verdict.code().into(),
                    outcome: (*outcome).into(),
                    usage: usage.into(),
                },
                EventKind::Finished { verdict } => KindRow::Finished { verdict: verdict.code().into() },
                // Such an event is never in the log of a submission.
                EventKind::Live(_) => return None,
            };
            Some(EventRow { seq: event.seq.0, at_us: to_us(event.at), kind })
        })
        .collect();
    Ok(serde_json::to_string(&rows)?)
}

/// Decodes the events of a row.
pub(crate) fn decode_log(submission: SubmissionId, log: &str, data: &[u8]) -> Result<Vec<Event>, RowError> {
    let rows: Vec<EventRow> = serde_json::from_str(log)?;
    rows.into_iter()
        .map(|row| {
            let kind = match row.kind {
                KindRow::Queued => EventKind::Queued,
                KindRow::Started { attempt } => EventKind::Started { attempt },
                KindRow::CompileStarted => EventKind::CompileStarted,
                KindRow::CompileEnded { ok, cached, wall_time_us, output } => EventKind::CompileEnded {
                    ok,
                    cached,
                    wall_time: Duration::from_micros(wall_time_us),
                    output: read(data, output)?,
                },
                KindRow::ExecutionStarted { case } => EventKind::ExecutionStarted { case },
                KindRow::Output { case, stream, data: span } => EventKind::Output {
                    case,
                    stream: match stream {
                        StreamRow::Stdout => Stream::Stdout,
                        StreamRow::Stderr => Stream::Stderr,
                    },
                    data: read(data, span)?,
                },
                KindRow::ExecutionEnded { case, verdict, outcome, usage } => EventKind::ExecutionEnded {
                    case,
                    verdict: verdict_from(&verdict)?,
                    outcome: outcome.into(),
                    usage: usage.into(),
                },
                KindRow::Finished { verdict } => EventKind::Finished { verdict: verdict_from(&verdict)? },
            };
            Ok(Event { submission, seq: Seq(row.seq), at: from_us(row.at_us, "log")?, kind })
        })
        .collect()
}
