//! The events of a run, in order: the one event schema behind SSE, live connections and the event log.
//!
//! Sequence numbers: the `n`th event of attempt `a` (0 before the first lease) has `seq = a << 32 | n`. So a number is
//! never used twice, a late event of a dead attempt has a smaller number than the events of later attempts, and no
//! shared counter is needed. The final event has the largest number of its attempt, so no other event of the attempt
//! can follow it.

use std::sync::Arc;
use std::time::Duration;

use cupel_types::{LiveInput, Outcome, SubmissionId, Usage, Verdict};
use jiff::Timestamp;

use crate::input_count::InputCount;

/// A position in the log of one submission. Larger is later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The `n`th event (from 1) of attempt `attempt`.
    pub const fn of_attempt(attempt: u32, n: u32) -> Seq {
        Seq((attempt as u64) << 32 | n as u64)
    }

    /// Position of the final event after `attempts` attempts: after all other events of the last attempt.
    pub const fn of_end(attempts: u32) -> Seq {
        Seq::of_attempt(attempts, u32::MAX)
    }

    /// The attempt to which this position belongs.
    pub const fn attempt(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// One-based index of the event within its attempt.
    pub const fn number(self) -> u32 {
        self.0 as u32
    }
}

/// One entry of a submission's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The submission.
    pub submission: SubmissionId,
    /// The event's position in the log.
    pub seq: Seq,
    /// When the event happened.
    pub at: Timestamp,
    /// The kind of event.
    pub kind: EventKind,
}

impl Event {
    /// The first event of every submission.
    pub const fn queued(submission: SubmissionId, at: Timestamp) -> Event {
        Event { submission, seq: Seq::of_attempt(0, 1), at, kind: EventKind::Queued }
    }

    /// The last event of a run. The event depends only on the final state, so all nodes create the same event.
    pub const fn finished(submission: SubmissionId, attempts: u32, at: Timestamp, verdict: Verdict) -> Event {
        Event { submission, seq: Seq::of_end(attempts), at, kind: EventKind::Finished { verdict } }
    }
}

/// The stream of an output chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Maximum size of the compiler's output in an event.
pub const COMPILE_OUTPUT_BYTES_MAX: usize = 16 << 10;

/// Kind of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "field names are those of the report types")]
pub enum EventKind {
    /// The submission was accepted and waits for a slot. (`queued`)
    Queued,
    /// A worker leased the run. Output of earlier attempts is no longer valid. (`started`)
    Started { attempt: u32 },
    /// The compiler started. (`compile.start`)
    CompileStarted,
    /// The compiler ended. `output`: the beginning of its output on both streams, at most
    /// [`COMPILE_OUTPUT_BYTES_MAX`]; the report has more. (`compile.end`)
    CompileEnded { ok: bool, cached: bool, wall_time: Duration, output: Arc<[u8]> },
    /// A case (or the only execution, `case: None`) started. (`test.start`)
    ExecutionStarted { case: Option<String> },
    /// Output of the program, coalesced. The log has a bounded amount of output per attempt; the report may have more.
    /// (`output`)
    Output { case: Option<String>, stream: Stream, data: Arc<[u8]> },
    /// The execution ended. `usage` is the default if the sender may not see the case's time and memory. (`test.end`)
    ExecutionEnded { case: Option<String>, verdict: Verdict, outcome: Outcome, usage: Usage },
    /// Final: judged, cancelled or abandoned. No event follows unless the submission is judged again. (`verdict`)
    Finished { verdict: Verdict },
    /// Part of the traffic between API nodes and the worker of a live run. It is never in a submission's own log, but
    /// in the logs of [`live`](crate::live).
    Live(LiveEvent),
}

/// Traffic between API nodes and the worker of a live run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveEvent {
    /// An input. The number of the event is the number of the input.
    Input {
        /// The input.
        input: LiveInput,
        /// Bytes of standard input up to this input.
        total_bytes: u64,
    },
    /// The input that the worker has consumed so far.
    Consumed(InputCount),
    /// A client is attached.
    Attached,
}

impl EventKind {
    /// The stable name in SSE's `event:` field.
    pub const fn name(&self) -> &'static str {
        match self {
            EventKind::Queued => "queued",
            EventKind::Started { .. } => "started",
            EventKind::CompileStarted => "compile.start",
            EventKind::CompileEnded { .. } => "compile.end",
            EventKind::ExecutionStarted { .. } => "test.start",
            EventKind::Output { .. } => "output",
            EventKind::ExecutionEnded { .. } => "test.end",
            EventKind::Finished { .. } => "verdict",
            EventKind::Live(_) => "live",
        }
    }

    /// Whether the log ends with this event.
    pub const fn is_final(&self) -> bool {
        matches!(self, EventKind::Finished { .. })
    }
}
