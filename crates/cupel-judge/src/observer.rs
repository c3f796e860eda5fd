//! The events of a run, and their receiver.

use std::time::Duration;

use cupel_types::{Outcome, Usage, Verdict};

/// Receives the events of a run, in order.
pub trait JudgeObserver {
    /// Called for each event.
    fn event(&mut self, event: JudgeEvent<'_>);
    /// Whether the run should end now (cancelled, or its lease was lost).
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// An event of a run. `case` is `None` if there are no test cases.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names of the event schema in cupel-core")]
pub enum JudgeEvent<'a> {
    CompileStarted,
    CompileEnded { ok: bool, cached: bool, wall_time: Duration, output: &'a [u8] },
    ExecutionStarted { case: Option<&'a str> },
    Stdout { case: Option<&'a str>, data: &'a [u8] },
    Stderr { case: Option<&'a str>, data: &'a [u8] },
    ExecutionEnded { case: Option<&'a str>, verdict: Verdict, outcome: Outcome, usage: &'a Usage },
}
