//! The end of an attempt: its result is written, or its run is returned to the queue.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::run::LeasedRun;
use cupel_core::{Assignment, Backoff, Core, StopFlag, StoreError, chain, is_disk_full};
use cupel_traces::{Ended, Run};
use cupel_types::{RunId, Submission, Verdict};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::attempt::{Judged, SlotError};
use crate::shared::Shared;

/// Reason recorded for runs that are returned to the queue at the end of the worker.
pub(crate) const DRAINS: &str = "the worker is draining";

/// Pauses between two attempts to write the end of an attempt.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));

/// Maximum number of attempts to write the end of an attempt if the store does not accept it although it accepts
/// results of others. With the pauses between them, they take at least eight minutes.
const REFUSALS_MAX: u32 = 100;

/// How long a worker whose slots have ended continues to write results and to return runs to the queue. Longer than the
/// maximum pause, so that each gets at least one more attempt. After that, runs whose results were not written are
/// returned to the queue, and leases whose runs could not be returned expire.
pub(crate) const LAST_WRITES: Duration = Duration::from_secs(6);

/// Pause before a run is offered again after a failure of this machine. Without it, the worker would take the run again
/// at once, until its next heartbeat withdraws the language.
const MACHINE_PAUSE: Duration = Duration::from_secs(5);

impl Shared {
    /// Returns the run of an attempt that has not begun to the queue, without losing an attempt. Does not wait for the
    /// store: the worker ends only after that ([`Shared::tracker`]).
    pub(crate) fn give_back_unfinished(self: &Arc<Shared>, assignment: Arc<Assignment>, why: &'static str) {
        let shared = Arc::clone(self);
        self.tracker.spawn(async move { shared.give_back_waiting(&assignment, Duration::ZERO, why).await });
    }

    /// Returns the run of an attempt that has not begun to the queue, without losing an attempt. The store offers it
    /// again after `pause`. Until the store has it, the lease is renewed.
    pub(crate) async fn give_back_waiting(&self, assignment: &Assignment, pause: Duration, why: &str) {
        self.leases().begin_give_back(&assignment.leased);
        // The run counts as a result that waits to be written: while there are too many, the worker takes no runs. If
        // there is no room, it is given back nevertheless.
        let _room = self.completions.try_acquire();
        give_back_later(self, assignment, pause, why).await;
        self.leases().release(assignment.leased.lease);
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
    shared.leases().begin_end(assignment.leased.lease);
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
        Ok(_) => give_back(&shared, &assignment, false, DRAINS).await,
        Err(error) => {
            if let SlotError::Judge(_) | SlotError::Problem(_) = &error {
                metrics::counter!("cupel_sandbox_failures_total").increment(1);
            }
            attempt_failed(error.cause());
            let reason = chain(&error);
            tracing::error!(run.id = %run, attempt.number = attempt, error = reason, "could not judge run {run}");
            trace(core, &assignment, began, Ended::Failed(&reason));
            match error {
                error if error.is_of_this_machine() => {
                    give_back_later(&shared, &assignment, MACHINE_PAUSE, &reason).await
                }
                // Only a worker that has the language can take the run again.
                SlotError::Withdrawn(_) => give_back(&shared, &assignment, false, &reason).await,
                _ => give_back(&shared, &assignment, true, &reason).await,
            }
        }
    }
    shared.leases().release(assignment.leased.lease);
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

/// Adds to the counter of judged runs.
pub(crate) fn count_runs(verdict: Verdict, language: String, count: u64) {
    metrics::counter!("cupel_runs_total", "verdict" => verdict.code(), "language" => language).increment(count);
}

/// Reports a lost lease.
pub(crate) fn lease_lost(run: RunId) {
    metrics::counter!("cupel_leases_lost_total").increment(1);
    tracing::warn!(run.id = %run, "lost the lease of run {run}");
}

/// Counts an attempt that ended in an internal failure.
fn attempt_failed(cause: &'static str) {
    metrics::counter!("cupel_failed_attempts_total", "cause" => cause).increment(1);
}

async fn give_back(shared: &Shared, assignment: &Assignment, lost_attempt: bool, reason: &str) {
    let attempt = || shared.parts.core.give_back(assignment, lost_attempt, reason);
    give_back_by(shared, assignment, attempt).await;
}

/// Gives back a run without a lost attempt; the store offers it again after `pause`.
async fn give_back_later(shared: &Shared, assignment: &Assignment, pause: Duration, reason: &str) {
    let attempt = || shared.parts.core.give_back_later(assignment, pause, reason);
    give_back_by(shared, assignment, attempt).await;
}

/// Gives back a run; `attempt` is one attempt. If the store has written it but its answer was lost, the next attempt is
/// refused, which does no harm.
async fn give_back_by<F>(shared: &Shared, assignment: &Assignment, attempt: impl Fn() -> F)
where
    F: Future<Output = Result<(), StoreError>>,
{
    let run = assignment.leased.run;
    let attempt = || {
        let attempt = attempt();
        async { attempt.await.map(|()| true) }
    };
    let others = || shared.judged.total();
    if let Err(error) = write("give back", run, attempt, others, &assignment.stop, &shared.gives_up, PAUSES).await {
        tracing::warn!(run.id = %run, error = chain(&error), "could not return run {run} to the queue; its lease will expire");
    }
}

async fn complete(shared: &Shared, assignment: &Assignment, began: Timestamp, judged: Judged) {
    let core = &shared.parts.core;
    let LeasedRun { run, lease, ref submission, .. } = assignment.leased;
    let verdict = judged.report.verdict;
    let attempt = || core.complete(assignment, judged.report.clone(), judged.events.clone());
    let others = || shared.judged.total();
    match write("write the result of", run, attempt, others, &assignment.stop, &shared.gives_up, PAUSES).await {
        Ok(true) => {
            shared.judged.add();
            trace(core, assignment, began, Ended::Judged(verdict, &judged.events));
            count_runs(verdict, language_label(submission), 1);
            let request_id = submission.request_id.as_deref();
            tracing::info!(run.id = %run, submission.id = %submission.id, request_id, %verdict, "judged run {run}: {verdict}");
        }
        Ok(false) => {
            if shared.leases().is_unreported_loss(lease, assignment.stop.is_raised()) {
                lease_lost(run);
            }
        }
        Err(error) => {
            attempt_failed("store");
            tracing::error!(run.id = %run, error = chain(&error), "could not write the result of run {run}");
            // An outage and a full disk are not the run's fault, so the run loses no attempt. An error that concerns
            // only this result costs one: it may occur with each attempt. The attempt of a live run is lost: another
            // one would run without the input, and the next worker ends the run with this reason.
            let lost_attempt = !error.transient || submission.kind.is_live();
            give_back(shared, assignment, lost_attempt, "the worker could not write the result").await;
        }
    }
}

/// Writes the end of an attempt: its result, or that its run is queued again. `attempt` is one attempt to write it, and
/// `does` names it in the log. Returns `false` if the store refuses it or if it is no longer wanted.
///
/// During an outage of the store and while its disk is full, the end is kept: the retries end only with the worker. The
/// lease remains valid, because the sweeper expires no lease during the time of a lease after an outage, and the
/// heartbeat renews this one. If only this worker cannot reach the store, the lease may expire; the store then refuses
/// the end. The number of ends that are kept is bounded: while too many wait to be written (`Shared::completions`), the
/// worker takes no runs.
///
/// If other results were written before each of [`REFUSALS_MAX`] failed attempts, the failure is not one of the store,
/// but of this end. The error is then no longer transient, so that the run loses an attempt. A full disk does not
/// count, because it may have space for small results only. `others`: number of results written by this worker.
async fn write<F: Future<Output = Result<bool, StoreError>>>(
    does: &str,
    run: RunId,
    mut attempt: impl FnMut() -> F,
    others: impl Fn() -> u64,
    stop: &StopFlag,
    gives_up: &CancellationToken,
    mut pauses: Backoff,
) -> Result<bool, StoreError> {
    let mut is_first = true;
    let (mut refusals, mut written) = (0, others());
    loop {
        let error = match attempt().await {
            Err(error) if error.transient => error,
            result => return result,
        };
        let written_before = std::mem::replace(&mut written, others());
        refusals += u32::from(written > written_before && !is_disk_full(&error));
        if refusals >= REFUSALS_MAX {
            return Err(StoreError { transient: false, ..error });
        }
        if std::mem::take(&mut is_first) {
            tracing::warn!(run.id = %run, error = chain(&error), "could not {does} run {run}; retrying until the store accepts it");
        } else {
            tracing::debug!(run.id = %run, error = chain(&error), "could not {does} run {run}; retrying");
        }
        tokio::select! {
            biased;
            () = stop.raised() => return Ok(false),
            () = gives_up.cancelled() => return Err(error),
            () = tokio::time::sleep(pauses.pause()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use cupel_testkit::fresh;

    use super::*;

    const SHORT: Backoff = Backoff::new(Duration::from_micros(1), Duration::from_micros(1));
    const ENDLESS: Backoff = Backoff::new(Duration::from_hours(24), Duration::from_hours(24));

    fn failed(transient: bool) -> StoreError {
        StoreError { operation: "record a result", transient, source: "as scripted".into() }
    }

    /// Writes a result to a store whose first `failures` attempts fail. Returns the result and the number of attempts.
    async fn written(
        failures: usize,
        transient: bool,
        stop: &StopFlag,
        gives_up: &CancellationToken,
        pauses: Backoff,
    ) -> (Result<bool, StoreError>, usize) {
        written_besides(|| 0, failures, transient, stop, gives_up, pauses).await
    }

    /// [`written`]; `others`: number of other results written.
    async fn written_besides(
        others: impl Fn() -> u64,
        failures: usize,
        transient: bool,
        stop: &StopFlag,
        gives_up: &CancellationToken,
        pauses: Backoff,
    ) -> (Result<bool, StoreError>, usize) {
        let mut attempts = 0;
        let attempt = || {
            attempts += 1;
            std::future::ready(if attempts > failures { Ok(true) } else { Err(failed(transient)) })
        };
        let result = write("write", RunId::from_uuid(fresh()), attempt, others, stop, gives_up, pauses).await;
        (result, attempts)
    }

    #[tokio::test]
    async fn a_result_survives_an_outage_of_the_store_of_any_length() {
        let (result, attempts) = written(50, true, &StopFlag::default(), &CancellationToken::new(), SHORT).await;
        assert!(matches!(result, Ok(true)), "{result:?}");
        assert_eq!(attempts, 51);
    }

    #[tokio::test]
    async fn a_result_that_the_store_does_not_accept_while_it_accepts_others_costs_an_attempt() {
        let others = std::cell::Cell::new(0);
        let one_more = || {
            others.set(others.get() + 1);
            others.get()
        };
        let (stop, gives_up) = (StopFlag::default(), CancellationToken::new());
        let (result, attempts) = written_besides(&one_more, usize::MAX, true, &stop, &gives_up, SHORT).await;
        assert!(matches!(&result, Err(error) if !error.transient), "{result:?}");
        assert_eq!(attempts, REFUSALS_MAX as usize);
        // A full disk may have space for the others only.
        let mut failures = 2 * REFUSALS_MAX;
        let full = || {
            failures -= 1;
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull).into();
            let error = StoreError { operation: "record a result", transient: true, source };
            std::future::ready(if failures > 0 { Err(error) } else { Ok(true) })
        };
        let result = write("write", RunId::from_uuid(fresh()), full, one_more, &stop, &gives_up, SHORT).await;
        assert!(matches!(result, Ok(true)), "{result:?}");
    }

    #[tokio::test]
    async fn a_permanent_error_is_not_retried() {
        let (result, attempts) = written(1, false, &StopFlag::default(), &CancellationToken::new(), ENDLESS).await;
        assert!(matches!(&result, Err(error) if !error.transient), "{result:?}");
        assert_eq!(attempts, 1);
    }

    #[tokio::test]
    async fn a_result_that_is_no_longer_wanted_is_dropped_during_an_outage() {
        let stop = StopFlag::default();
        stop.raise();
        let (result, _) = written(usize::MAX, true, &stop, &CancellationToken::new(), ENDLESS).await;
        assert!(matches!(result, Ok(false)), "{result:?}");
    }

    #[tokio::test]
    async fn a_worker_that_gives_up_does_not_wait_for_the_end_of_the_outage() {
        let gives_up = CancellationToken::new();
        gives_up.cancel();
        let (result, attempts) = written(usize::MAX, true, &StopFlag::default(), &gives_up, ENDLESS).await;
        assert!(matches!(&result, Err(error) if error.transient), "{result:?}");
        assert_eq!(attempts, 1);
    }
}
