//! What happens to a run, in order: the one event schema behind SSE, webhooks and the event log.
//!
//! Sequence numbers: an event of attempt `a` (0 before the first lease) that is the `n`th of its attempt
//! has `seq = a << 32 | n`. So a number is never used twice, a late event of a dead attempt is
//! recognised by being smaller than what is already there, and nobody has to ask a counter. The final
//! event has the largest number of its attempt, so nothing can follow it.

use std::sync::Arc;
use std::time::Duration;

use cupel_types::{Outcome, SubmissionId, Usage, Verdict};
use jiff::Timestamp;

/// A position in the log of one submission. Larger is later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The `n`th event (from 1) of attempt `attempt`.
    pub const fn of_attempt(attempt: u32, n: u32) -> Seq {
        Seq((attempt as u64) << 32 | n as u64)
    }

    /// The place of the final event when `attempts` were made: after everything an attempt can say.
    pub const fn of_end(attempts: u32) -> Seq {
        Seq::of_attempt(attempts, u32::MAX)
    }

    /// Which attempt it is of.
    pub const fn attempt(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The how manieth event of its attempt it is.
    pub const fn number(self) -> u32 {
        self.0 as u32
    }
}

/// One entry of a submission's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which submission.
    pub submission: SubmissionId,
    /// Its place in the log.
    pub seq: Seq,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// The first event of every submission.
    pub const fn queued(submission: SubmissionId, at: Timestamp) -> Event {
        Event { submission, seq: Seq::of_attempt(0, 1), at, kind: EventKind::Queued }
    }

    /// The last event of every submission. It depends on nothing but the final state, so whoever
    /// makes it makes the same one.
    pub const fn finished(submission: SubmissionId, attempts: u32, at: Timestamp, verdict: Verdict) -> Event {
        Event { submission, seq: Seq::of_end(attempts), at, kind: EventKind::Finished { verdict } }
    }
}

/// Which stream an output chunk came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "field names are those of the report types")]
pub enum EventKind {
    /// Accepted; waits for a slot. (`queued`)
    Queued,
    /// A worker has it. Output of earlier attempts is void. (`started`)
    Started { attempt: u32 },
    /// The compiler runs. (`compile.start`)
    CompileStarted,
    /// The compiler ended. (`compile.end`)
    CompileEnded { ok: bool, cached: bool, wall_time: Duration },
    /// A case (or the only execution, `case: None`) begins. (`test.start`)
    ExecutionStarted { case: Option<String> },
    /// Output of the program. Coalesced; the last chunk says whether something was dropped. (`output`)
    Output { case: Option<String>, stream: Stream, data: Arc<[u8]> },
    /// It ended. `usage` is the default of a case whose time and memory the sender may not know. (`test.end`)
    ExecutionEnded { case: Option<String>, verdict: Verdict, outcome: Outcome, usage: Usage },
    /// Final: judged, cancelled or given up. Nothing follows. (`verdict`)
    Finished { verdict: Verdict },
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
        }
    }

    /// Whether the log ends here.
    pub const fn is_final(&self) -> bool {
        matches!(self, EventKind::Finished { .. })
    }
}
