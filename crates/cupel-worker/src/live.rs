//! Input of a live run: from the bus to the program.
//!
//! A task reads the run's inputs and passes them to the thread that runs the program, through a bounded channel. The
//! bus keeps inputs that do not fit. The feed reports the amount that the program accepted, so that the client may send
//! more. Another task ends the run if no client has been attached for too long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::Core;
use cupel_core::live::{INPUTS_MAX, InputCount, Inputs, PRESENCE_PAUSE};
use cupel_judge::{LiveInput, LiveSource};
use cupel_types::SubmissionId;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

/// Shortest time between two reports of small amounts.
const REPORT_PAUSE: Duration = Duration::from_millis(20);

/// If at least this number of bytes is unreported, the report is sent immediately.
const REPORT_BYTES: u64 = LiveInput::WINDOW as u64 / 4;

/// Interval at which an unchanged report is repeated, so that the bus does not drop it as expired.
const REPORT_AGAIN: Duration = Duration::from_secs(30);

/// The input of one attempt.
pub(crate) struct LiveFeed {
    core: Core,
    run: SubmissionId,
    attempt: u32,
    inputs: Mutex<Receiver<LiveInput>>,
    /// Free space in the channel.
    room: Arc<Semaphore>,
    progress: Mutex<Progress>,
    failure: Arc<Failure>,
    has_terminal: bool,
    /// Whether the end of the input has arrived in this process.
    has_ended: Arc<AtomicBool>,
    tasks: [AbortHandle; 2],
}

struct Progress {
    consumed: InputCount,
    reported: InputCount,
    /// Number and time of the last report.
    reports: u32,
    at: Instant,
}

impl Progress {
    /// Whether some consumed input has not been reported.
    fn has_more(&self) -> bool {
        self.consumed != self.reported
    }
}

/// Why the run cannot be continued.
#[derive(Default)]
pub(crate) struct Failure {
    has_failed: AtomicBool,
    /// Whether the cause is that no client was attached for too long. Otherwise, the cause is lost input.
    is_detached: AtomicBool,
    why: Mutex<Option<String>>,
}

impl Failure {
    /// Whether the program must be stopped.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    fn set(&self, why: String) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        self.has_failed.store(true, Ordering::Release);
    }

    /// Whether no client was attached for too long.
    pub(crate) fn is_detached(&self) -> bool {
        self.is_detached.load(Ordering::Acquire)
    }

    /// The reason, for the run's owner.
    pub(crate) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl LiveFeed {
    /// Begins to read the inputs of a run. `detached_timeout` is the time that the run may be without clients.
    pub(crate) fn open(
        core: &Core,
        runtime: &Handle,
        run: SubmissionId,
        attempt: u32,
        has_terminal: bool,
        detached_timeout: Duration,
    ) -> Arc<LiveFeed> {
        let (sender, inputs) = sync_channel(INPUTS_MAX as usize);
        let room = Arc::new(Semaphore::new(INPUTS_MAX as usize));
        let failure = Arc::new(Failure::default());
        let has_ended = Arc::new(AtomicBool::new(false));
        let to = InputSink { sender, room: Arc::clone(&room), has_ended: Arc::clone(&has_ended) };
        let reading = read(core.clone(), run, to, Arc::clone(&failure));
        let watching = end_if_detached(core.clone(), run, detached_timeout, Arc::clone(&failure));
        let tasks = [runtime.spawn(reading).abort_handle(), runtime.spawn(watching).abort_handle()];
        let (consumed, reported) = (InputCount::default(), InputCount::default());
        let progress = Mutex::new(Progress { consumed, reported, reports: 0, at: Instant::now() });
        let inputs = Mutex::new(inputs);
        let core = core.clone();
        Arc::new(LiveFeed { core, run, attempt, inputs, room, progress, failure, has_terminal, has_ended, tasks })
    }

    pub(crate) fn failure(&self) -> &Arc<Failure> {
        &self.failure
    }

    /// Whether the program may wait for input. A terminal accepts input after its end.
    pub(crate) fn may_need_client(&self) -> bool {
        self.has_terminal || !self.has_ended.load(Ordering::Relaxed)
    }

    /// Whether the program may have received input.
    pub(crate) fn has_consumed(&self) -> bool {
        self.progress().consumed.inputs > 0
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        // A poisoned lock is harmless: every change only assigns numbers.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports the progress if it is due.
    fn report(&self, mut progress: MutexGuard<'_, Progress>) {
        let (consumed, reported, since) = (progress.consumed, progress.reported, progress.at.elapsed());
        let is_due = match progress.has_more() {
            false => progress.reports > 0 && since >= REPORT_AGAIN,
            true => progress.reports == 0 || since >= REPORT_PAUSE || consumed.bytes - reported.bytes >= REPORT_BYTES,
        };
        if !is_due {
            return;
        }
        progress.reports = progress.reports.saturating_add(1);
        (progress.reported, progress.at) = (consumed, Instant::now());
        let number = progress.reports;
        drop(progress);
        self.core.report_consumed(self.run, self.attempt, number, consumed);
    }
}

impl Drop for LiveFeed {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// Where the inputs of a run go.
struct InputSink {
    sender: SyncSender<LiveInput>,
    /// Free places of the channel.
    room: Arc<Semaphore>,
    /// Whether the end of the input has arrived in this process.
    has_ended: Arc<AtomicBool>,
}

/// Passes inputs to the channel until there are no more.
async fn read(core: Core, run: SubmissionId, to: InputSink, failure: Arc<Failure>) {
    let mut inputs: Inputs = core.inputs(run).await;
    while let Some(next) = inputs.next().await {
        let input = match next {
            Ok(input) => input,
            Err(missing) => {
                tracing::warn!(submission.id = %run, error = %missing, "input of a live run is missing");
                return failure.set(format!("Input was lost on its way to the program: {missing}."));
            }
        };
        // The semaphore is never closed.
        if let Ok(place) = to.room.acquire().await {
            place.forget();
        }
        if matches!(input, LiveInput::EndOfInput) {
            to.has_ended.store(true, Ordering::Relaxed);
        }
        if to.sender.try_send(input).is_err() {
            return;
        }
    }
}

/// Ends the run when no client has been attached for `timeout`. The task begins to measure this time at the first
/// report. Therefore, a run is not ended if its API node has an older version, which sends no reports. The bus keeps
/// the latest report, so the first one arrives at once if the last client left while the run waited.
async fn end_if_detached(core: Core, run: SubmissionId, timeout: Duration, failure: Arc<Failure>) {
    let mut presence = core.presence(run).await;
    let mut reported = presence.next().await;
    while reported.is_some() {
        // A report may be as old as the pause between two reports.
        reported = match tokio::time::timeout(timeout + PRESENCE_PAUSE, presence.next()).await {
            Ok(reported) => reported,
            // Reports cannot arrive while the bus is down. When it is up again, the timeout restarts.
            Err(_) if core.events().health().is_err() => Some(()),
            Err(_) => {
                failure.is_detached.store(true, Ordering::Release);
                return failure.set(format!("No client was attached for {} s.", timeout.as_secs()));
            }
        };
    }
}

impl LiveSource for LiveFeed {
    fn next(&self, timeout: Duration) -> Option<LiveInput> {
        let received = {
            let inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
            // Sends the due reports. If anything remains unreported, the wait is short.
            self.report(self.progress());
            let has_more = self.progress().has_more();
            inputs.recv_timeout(if has_more { timeout.min(REPORT_PAUSE) } else { timeout })
        };
        match received {
            Ok(input) => {
                self.room.add_permits(1);
                let mut progress = self.progress();
                progress.consumed.inputs += 1;
                if !matches!(input, LiveInput::Bytes(_)) {
                    self.report(progress);
                }
                Some(input)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.report(self.progress());
                None
            }
            Err(RecvTimeoutError::Disconnected) => {
                // There will be no more input, but the caller expects this call to wait for the timeout.
                std::thread::sleep(timeout);
                None
            }
        }
    }

    fn consumed(&self, total_bytes: u64) {
        let mut progress = self.progress();
        progress.consumed.bytes = progress.consumed.bytes.max(total_bytes);
        self.report(progress);
    }
}
