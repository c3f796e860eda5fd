//! The end of an attempt: its result is written, or its run is returned to the queue.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::run::LeasedRun;
use cupel_core::{Assignment, Core, chain, is_disk_full};
use cupel_traces::{Ended, Run};
use cupel_types::{Submission, Verdict};
use jiff::Timestamp;

use crate::attempt::{Judged, SlotError};
use crate::shared::Shared;

/// Reason recorded for runs that are returned to the queue at the end of the worker.
pub(crate) const DRAINS: &str = "the worker is draining";

/// Maximum number of attempts to write a result, with growing pauses. After the last attempt, the run is returned to
/// the queue.
const COMPLETE_TRIES_MAX: u32 = 8;

/// Maximum pause between two attempts to write a result.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Pause before a run is offered again after a failure of this machine. Without it, the worker would take the run again
/// at once, until its next heartbeat withdraws the language.
const MACHINE_PAUSE: Duration = Duration::from_secs(5);

impl Shared {
    /// Returns the run of an attempt that has not begun to the queue, without losing an attempt.
    pub(crate) async fn give_back_unfinished(&self, assignment: &Assignment, why: &str) {
        // The lease is removed before the store ends it. Otherwise, a renewal would report the lease as lost.
        self.leases().remove(&assignment.leased.lease);
        give_back(&self.parts.core, assignment, false, why).await;
    }
}

/// Records the end of an attempt.
pub(crate) async fn end(
    shared: Arc<Shared>,
    assignment: Arc<Assignment>,
    began: Timestamp,
    result: Result<Judged, SlotError>,
) {
    // The semaphore is never closed.
    let _room = shared.completions.acquire().await;
    let core = &shared.parts.core;
    let (run, attempt) = (assignment.leased.run, assignment.leased.attempt);
    match result {
        Ok(judged) if judged.report.verdict != Verdict::Cancelled => {
            complete(&shared, &assignment, began, judged).await
        }
        // The owner cancelled the run, or the lease was lost, so the store would refuse the result.
        Ok(_) if assignment.stop.is_raised() => {
            tracing::info!(run.id = %run, attempt.number = attempt, "stopped run {run}: its result is no longer wanted");
        }
        Ok(_) => give_back(core, &assignment, false, DRAINS).await,
        Err(error) => {
            if let SlotError::Judge(_) | SlotError::Problem(_) = &error {
                metrics::counter!("cupel_sandbox_failures_total").increment(1);
            }
            attempt_failed(error.cause());
            let (is_of_this_machine, error) = (error.is_of_this_machine(), chain(&error));
            tracing::error!(run.id = %run, attempt.number = attempt, error, "could not judge run {run}");
            trace(core, &assignment, began, Ended::Failed(&error));
            if is_of_this_machine {
                give_back_later(core, &assignment, MACHINE_PAUSE, &error).await;
            } else {
                give_back(core, &assignment, true, &error).await;
            }
        }
    }
    shared.leases().remove(&assignment.leased.lease);
}

/// Exports the trace of an attempt that has ended.
fn trace(core: &Core, assignment: &Assignment, began: Timestamp, outcome: Ended<'_>) {
    let LeasedRun { run, attempt, ref submission, .. } = assignment.leased;
    if let Some(traces) = cupel_traces::traces() {
        traces.ran(&Run { submission, run, attempt, began, ended: core.now(), outcome });
    }
}

/// The language as a metrics label.
pub(crate) fn language_label(submission: &Submission) -> String {
    submission.language().map_or_else(|| "none".to_owned(), ToString::to_string)
}

/// Counts an attempt that ended in an internal failure.
fn attempt_failed(cause: &'static str) {
    metrics::counter!("cupel_failed_attempts_total", "cause" => cause).increment(1);
}

pub(crate) async fn give_back(core: &Core, assignment: &Assignment, lost_attempt: bool, reason: &str) {
    if let Err(error) = core.give_back(assignment, lost_attempt, reason).await {
        let run = assignment.leased.run;
        tracing::warn!(run.id = %run, error = chain(&error), "could not return run {run} to the queue; its lease will expire");
    }
}

/// Gives back a run without a lost attempt; the store offers it again after `pause`.
pub(crate) async fn give_back_later(core: &Core, assignment: &Assignment, pause: Duration, reason: &str) {
    if let Err(error) = core.give_back_later(assignment, pause, reason).await {
        let run = assignment.leased.run;
        tracing::warn!(run.id = %run, error = chain(&error), "could not return run {run} to the queue; its lease will expire");
    }
}

async fn complete(shared: &Shared, assignment: &Assignment, began: Timestamp, judged: Judged) {
    let core = &shared.parts.core;
    let run = assignment.leased.run;
    let submission = &assignment.leased.submission;
    let verdict = judged.report.verdict;
    let mut pause = Duration::from_millis(50);
    let mut tries = 0;
    loop {
        tries += 1;
        match core.complete(assignment, judged.report.clone(), judged.events.clone()).await {
            Ok(written) => {
                if written {
                    trace(core, assignment, began, Ended::Judged(verdict, &judged.events));
                    let language = language_label(submission);
                    metrics::counter!("cupel_runs_total", "verdict" => verdict.code(), "language" => language)
                        .increment(1);
                    let request_id = submission.request_id.as_deref();
                    tracing::info!(run.id = %run, submission.id = %submission.id, request_id, %verdict, "judged run {run}: {verdict}");
                }
                return;
            }
            // While the disk is full, the result is kept until an operator has freed space or the worker ends.
            Err(error)
                if error.transient
                    && (tries < COMPLETE_TRIES_MAX || is_disk_full(&error) && !shared.ended.is_cancelled()) =>
            {
                tracing::warn!(run.id = %run, error = chain(&error), "could not write the result of run {run}; retrying");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            Err(error) => {
                attempt_failed("store");
                tracing::error!(run.id = %run, error = chain(&error), "could not write the result of run {run}");
                // A full disk is not the run's fault, so the run loses no attempt.
                give_back(core, assignment, !is_disk_full(&error), "the worker could not write the result").await;
                return;
            }
        }
    }
}
