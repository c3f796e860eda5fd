//! Input of live runs on its way from API nodes to the worker that runs the program, and the credit on the way back.
//!
//! ```text
//!  client ──► API node ── input log: numbered inputs ──► worker ──► program
//!                 ◄────── credit log: how much was consumed ──┘
//!                 ── presence log: a client is attached ──► worker
//! ```
//!
//! All three are logs on the event bus. Each has its own id, which is derived from the submission's id. So they have
//! the bus's guarantees with every adapter: the order is kept, a reader also gets earlier entries, duplicates are
//! dropped, memory is bounded, and nothing blocks. None of them is part of the submission's log, which clients read.
//!
//! A direct connection from API nodes to workers would be faster. But each worker would then need an address, a port
//! and credentials that API nodes can use; a worker listens only for health checks and metrics. The bus exists on every
//! node, is authenticated, and its guarantees are tested on every adapter.
//!
//! The way of an input: WebSocket → `cupel-api/src/live/session.rs` → `live/input.rs` there (numbers and window) →
//! [`Core::send_input`] → bus → `LiveFeed` (`cupel-worker/src/live.rs`) → `Executor` (`StdinSource::Live`) → program.
//!
//! Any API node may send the next input, because a client may reconnect through another node. Inputs are numbered from
//! 1 per submission, so the worker recognises duplicates and missing inputs.
//!
//! While a client is attached, its API node sends a presence report every [`PRESENCE_PAUSE`]. The worker measures the
//! time since the last report. So a run without clients ends, no matter whether its last client detached, lost its
//! connection, or lost its API node. A report's number is the time in whole seconds, so several API nodes can send
//! reports. If a node's clock is ahead by some seconds, the bus drops the reports of other nodes for as many seconds
//! after that node's last report.
//!
//! A run may wait for hours before its worker reads these logs, and an attempt that is given back starts the wait
//! again. Inputs and reports of that time are not repeated: a client sends input before the program starts, and may
//! leave before. So a bus keeps the unconsumed inputs and the latest report until the run ends, for at most one day.
//! Every end of a run, also by cancellation, ends the logs, so that the bus can forget them.
//!
//! *Invariant:* an API node sends an input only if no more than [`LiveInput::WINDOW`] bytes and [`INPUTS_MAX`] inputs
//! are then unconsumed. So the unconsumed inputs fit into the bus's log, and a worker's memory is bounded.

use std::time::Duration;

use cupel_types::{LiveInput, SubmissionId, Verdict};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::event::{Event, EventKind, LiveEvent, Seq};
pub use crate::input_count::InputCount;
use crate::{Core, Interest, Received, Subscription};

/// Maximum number of unconsumed inputs of one run.
pub const INPUTS_MAX: u32 = 256;

/// How often an API node reports that a client is attached.
pub const PRESENCE_PAUSE: Duration = Duration::from_secs(5);

/// Attempt number of the event that ends the presence log. Presence reports use times as attempt numbers, and this
/// number is larger than all of them. A bus may store sequence numbers as signed integers of 64 bits.
pub const PRESENCE_END: u32 = i32::MAX as u32;

/// The beginning of 2020, in seconds since 1970. The times of presence reports count from it.
const PRESENCE_EPOCH: i64 = 1_577_836_800;

/// Attempt number of all inputs, which do not belong to an attempt.
const INPUT_ATTEMPT: u32 = 1;

/// How much of a run's input was sent and consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputState {
    /// Sent to the worker.
    pub sent: InputCount,
    /// Taken by the worker and accepted by the program.
    pub consumed: InputCount,
}

/// An input is missing: a later input has arrived without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("input {arrived} arrived, and input {missing} did not")]
pub struct MissingInput {
    /// Number of the missing input.
    pub missing: u32,
    /// Number of the input that arrived.
    pub arrived: u32,
}

/// The log of a run's inputs. Bits 48 to 51 of an id are its version; submissions have version 7.
fn input_log(run: SubmissionId) -> SubmissionId {
    derived(run, 0x8)
}

/// The log of consumed input.
fn credit_log(run: SubmissionId) -> SubmissionId {
    derived(run, 0x9)
}

/// The log of reports that a client is attached.
fn presence_log(run: SubmissionId) -> SubmissionId {
    derived(run, 0xa)
}

fn derived(run: SubmissionId, version: u128) -> SubmissionId {
    const SHIFT: u32 = 76;
    let bits = run.as_uuid().as_u128() & !(0xf << SHIFT);
    SubmissionId::from_uuid(Uuid::from_u128(bits | version << SHIFT))
}

impl Core {
    /// Sends an input to the worker of a run. `count`: all inputs up to this one. The caller has checked that the run
    /// is live, has not ended, and belongs to the client, and that the input fits into the window. Never blocks.
    pub fn send_input(&self, run: SubmissionId, count: InputCount, input: LiveInput) {
        let seq = Seq::of_attempt(INPUT_ATTEMPT, count.inputs);
        let kind = EventKind::Live(LiveEvent::Input { input, total_bytes: count.bytes });
        self.inner.events.publish(Event { submission: input_log(run), seq, at: self.now(), kind });
    }

    /// All inputs of a run, for its worker.
    pub async fn inputs(&self, run: SubmissionId) -> Inputs {
        let log = self.inner.events.subscribe(input_log(run), Seq::default(), Interest::Everything).await;
        Inputs { log, last: 0 }
    }

    /// How much of a run's input was sent and consumed, according to the messages that the bus still has. Messages in
    /// transit may be missing. If the client sends such an input again, the worker drops the duplicate.
    pub async fn input_state(&self, run: SubmissionId) -> InputState {
        let consumed = self.credit(run).await.latest();
        let mut sent = consumed;
        let mut log = self.inner.events.subscribe(input_log(run), Seq::default(), Interest::Everything).await;
        while let Some(Some(received)) = log.next().now_or_never() {
            if let Received::Event(Event { seq, kind: EventKind::Live(LiveEvent::Input { total_bytes, .. }), .. }) =
                received
            {
                sent = sent.max(InputCount { inputs: seq.number(), bytes: total_bytes });
            }
        }
        InputState { sent, consumed }
    }

    /// Reports how much of a run's input was consumed. `number`: number of this report within its attempt, from 1.
    /// Never blocks.
    pub fn report_consumed(&self, run: SubmissionId, attempt: u32, number: u32, consumed: InputCount) {
        let kind = EventKind::Live(LiveEvent::Consumed(consumed));
        let seq = Seq::of_attempt(attempt, number);
        self.inner.events.publish(Event { submission: credit_log(run), seq, at: self.now(), kind });
    }

    /// The reports about a run's input.
    pub async fn credit(&self, run: SubmissionId) -> Credit {
        Credit { log: self.inner.events.subscribe(credit_log(run), Seq::default(), Interest::Everything).await }
    }

    /// Reports that a client is attached to a run. Never blocks.
    pub fn report_attached(&self, run: SubmissionId) {
        let now = self.now();
        let seconds = u32::try_from(now.as_second() - PRESENCE_EPOCH).unwrap_or_default().min(PRESENCE_END - 1);
        let (submission, seq) = (presence_log(run), Seq::of_attempt(seconds, 1));
        self.inner.events.publish(Event { submission, seq, at: now, kind: EventKind::Live(LiveEvent::Attached) });
    }

    /// The presence reports of a run, for its worker. The reader also gets the latest earlier report.
    pub async fn presence(&self, run: SubmissionId) -> Presence {
        Presence { log: self.inner.events.subscribe(presence_log(run), Seq::default(), Interest::Everything).await }
    }

    /// Ends the logs: the run has ended after this many attempts, 0 if it was cancelled while it waited.
    pub(crate) fn end_input(&self, run: SubmissionId, attempts: u32, verdict: Verdict) {
        // The end of a log must have a larger number than all its events. Inputs have the same attempt number even
        // before the first attempt, and the attempt numbers of reports are times.
        let input_end = attempts.max(INPUT_ATTEMPT);
        let logs = [(input_log(run), input_end), (credit_log(run), attempts), (presence_log(run), PRESENCE_END)];
        for (log, attempt) in logs {
            self.inner.events.publish(Event::finished(log, attempt, self.now(), verdict));
        }
    }
}

/// The inputs of a run, in order.
pub struct Inputs {
    log: Box<dyn Subscription>,
    last: u32,
}

impl Inputs {
    /// The next input; `None`: no more will come.
    ///
    /// # Errors
    /// If an input is missing. Later inputs would then be in the wrong position, so the caller must stop.
    pub async fn next(&mut self) -> Option<Result<LiveInput, MissingInput>> {
        loop {
            // The numbers of the inputs show if any were dropped.
            let Received::Event(event) = self.log.next().await? else { continue };
            let EventKind::Live(LiveEvent::Input { input, .. }) = event.kind else { continue };
            let (number, next) = (event.seq.number(), self.last + 1);
            if number > next {
                return Some(Err(MissingInput { missing: next, arrived: number }));
            }
            if number == next {
                self.last = number;
                return Some(Ok(input));
            }
        }
    }
}

/// Reports that a client is attached to a run.
pub struct Presence {
    log: Box<dyn Subscription>,
}

impl Presence {
    /// Waits for the next report; `None`: no more will come.
    pub async fn next(&mut self) -> Option<()> {
        loop {
            if let Received::Event(Event { kind: EventKind::Live(LiveEvent::Attached), .. }) = self.log.next().await? {
                return Some(());
            }
        }
    }
}

/// Reports about a run's input.
pub struct Credit {
    log: Box<dyn Subscription>,
}

impl Credit {
    /// The next report; `None`: no more will come. Reports may be skipped, since each has the totals.
    pub async fn next(&mut self) -> Option<InputCount> {
        loop {
            if let Received::Event(Event { kind: EventKind::Live(LiveEvent::Consumed(count)), .. }) =
                self.log.next().await?
            {
                return Some(count);
            }
        }
    }

    /// The latest report that has arrived.
    pub fn latest(&mut self) -> InputCount {
        let mut latest = InputCount::default();
        while let Some(Some(count)) = self.next().now_or_never() {
            latest = latest.max(count);
        }
        latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logs_of_a_run_have_separate_ids_that_no_submission_has() {
        let run = SubmissionId::from_uuid(Uuid::now_v7());
        let logs = [run, input_log(run), credit_log(run), presence_log(run)];
        assert_eq!(logs.map(|id| id.as_uuid().get_version_num()), [7, 8, 9, 10]);
        let mut other = run.as_uuid().as_u128();
        other ^= 1;
        let other = SubmissionId::from_uuid(Uuid::from_u128(other));
        assert_ne!(input_log(run), input_log(other));
    }
}
