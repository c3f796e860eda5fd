//! Runs a program for a client that waits for the result, as the originals do: while the queue is full, the request
//! waits.
//!
//! *Invariant:* a request that waits for room holds only the memory of its program, and all of them together at most
//! half of the memory for bodies ([`Held::keep_long`]). A client can wait for an hour, so otherwise a few clients would
//! keep the requests of all others out. A request that waits for its result holds no memory of its program, because
//! that is not reserved any longer.

use std::sync::{Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::Response;
use cupel_core::event::{EventKind, Seq};
use cupel_core::run::SubmissionRecord;
use cupel_core::{
    AuthenticatedUser, Core, ExecuteRequest, Executed, Idempotency, NewProgram, NewSubmission, NewSubmissionKind,
    Origin, Received, SubmitError, Wait,
};
use cupel_http::app::Shared;
use cupel_http::budget::Held;
use cupel_http::caller::{Caller, unauthorized, user_disabled};
use cupel_http::error::ApiError;
use cupel_http::idempotency::{mark_replayed, mismatch};
use cupel_http::notes::{NewlyAccepted, Notes};
use cupel_http::submission_rate::SubmissionRate;
use cupel_types::{RunReport, SubmissionId};
use futures_util::FutureExt as _;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Pause before a client that has too many long-lived responses open tries again.
const PAUSE: Duration = Duration::from_secs(1);

/// Shortest pause between two checks of an exhausted rate limit.
const RATE_PAUSE_MIN: Duration = Duration::from_millis(50);

/// What happened to a program before the deadline.
pub(crate) enum Ended {
    /// The program has ended.
    Finished(Run, Box<SubmissionRecord>),
    /// The program was accepted but did not end in time, or it was not accepted because the queue was full. An accepted
    /// program was cancelled, unless the request has an idempotency key. With a key, a repeated request gets the
    /// program's result.
    TooLate(Reached),
}

/// How far a program had come when its client could wait no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// The program waits for a worker, as far as this node knows.
    Queue,
    /// The program's compiler has been working for this time.
    Compiler(Duration),
    /// A worker has begun the run, and no compiler is working.
    Worker,
}

impl Reached {
    /// How far a submission has come, by the events that are available without waiting.
    async fn of(core: &Core, viewer: &AuthenticatedUser, id: SubmissionId) -> Reached {
        let mut reached = Reached::Queue;
        let Ok(Some(mut log)) = core.watch(viewer, id, Seq::default()).await else { return reached };
        while let Some(Some(Received::Event(event))) = log.next().now_or_never() {
            reached = match event.kind {
                EventKind::Queued => Reached::Queue,
                EventKind::CompileStarted => {
                    Reached::Compiler(core.now().duration_since(event.at).try_into().unwrap_or_default())
                }
                EventKind::Started { .. } | EventKind::CompileEnded { .. } => Reached::Worker,
                _ => reached,
            };
        }
        reached
    }

    /// Whether the compiler has been working for longer than this.
    pub(crate) fn is_compiler_over(self, limit: Duration) -> bool {
        matches!(self, Reached::Compiler(time) if time > limit)
    }
}

/// The run of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) id: SubmissionId,
    /// Whether an earlier request with the same idempotency key created the run.
    pub(crate) is_repeated: bool,
}

impl Run {
    /// Adds to the response the data of these runs for the trace, and the header for a repeated request.
    pub(crate) fn mark(runs: &[Run], response: &mut Response) {
        let new = runs.iter().filter(|run| !run.is_repeated).map(|run| run.id).collect();
        response.extensions_mut().insert(NewlyAccepted(new));
        if !runs.is_empty() && runs.iter().all(|run| run.is_repeated) {
            mark_replayed(response);
        }
    }
}

/// A program for [`execute`].
pub(crate) struct Submit {
    /// Owned, so that it is dropped when it is stored.
    pub(crate) new: NewSubmission,
    /// Set if a repeated request must get the run of the first request.
    pub(crate) idempotency: Option<Idempotency>,
    /// The time until which the client waits.
    pub(crate) deadline: Instant,
    /// The reservation for the request's body. It is changed to the size of the program at once, and released when the
    /// submission is stored.
    pub(crate) held: Option<Held>,
}

/// Why a program was not accepted.
pub(crate) enum Refusal {
    /// The program cannot be run here, for this reason.
    Program(String),
    /// Any other error.
    Failed(ApiError),
}

/// Submits a program, and waits for its result until the deadline.
///
/// # Errors
///
/// If the program is refused, or if Cupel fails.
pub(crate) async fn execute(app: &Shared, caller: &Caller, notes: &Notes, submit: Submit) -> Result<Ended, Refusal> {
    submit_once(app, caller, notes, submit, &app.shutdown, || ()).await.map_err(refusal)
}

/// The waits of a request with several programs. The programs wait for their owner's rate limit: a refusal would
/// discard the results of the programs that have already run, and a repetition of the request would be refused at the
/// same place.
pub(crate) struct Waits {
    /// The end of the wait for the rate limit.
    rate_until: Instant,
    /// Held by the program that waits for the rate limit, so that a request checks the limit once at a time.
    turn: Mutex<()>,
    /// Cancelled when the request needs no further result, and at shutdown.
    over: CancellationToken,
}

impl Waits {
    /// `rate_until`: the time at which the wait for the rate limit ends.
    pub(crate) fn new(app: &Shared, rate_until: Instant) -> Waits {
        Waits { rate_until, turn: Mutex::new(()), over: app.shutdown.child_token() }
    }

    /// Ends all waits. The programs that have not ended are treated as at their deadline.
    pub(crate) fn end(&self) {
        self.over.cancel();
    }

    /// Whether the waits have ended.
    pub(crate) fn have_ended(&self) -> bool {
        self.over.is_cancelled()
    }

    /// Waits until the rate limit may admit a program. `false`: not before the end.
    async fn pause(&self, retry_after: Duration) -> bool {
        let _turn = self.turn.lock().await;
        let end = Instant::now() + retry_after.max(RATE_PAUSE_MIN);
        let is_in_time = end < self.rate_until;
        is_in_time && self.over.run_until_cancelled(tokio::time::sleep_until(end)).await.is_some()
    }
}

/// Like [`execute`], but while the owner's rate is exhausted, the program waits. Its deadline is that of the last
/// `submit`. A request with many programs may take long, so the caller's access is checked before each of them.
///
/// # Errors
///
/// If the program is refused, if the caller's credential has ended, or if Cupel fails.
pub(crate) async fn execute_within_rate(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    waits: &Waits,
    mut new: NewSubmission,
    submit: impl Fn(NewSubmission) -> Submit,
) -> Result<Ended, Refusal> {
    loop {
        if let Some(why) = caller.holder().access_ended(app).await {
            return Err(Refusal::Failed(unauthorized(why.sentence())));
        }
        let mut again = Some(new.clone());
        let ended = submit_once(app, caller, notes, submit(new), &waits.over, || drop(again.take())).await;
        match (ended, again) {
            (Err(SubmitError::RateExceeded(exceeded)), Some(again)) => {
                if !waits.pause(exceeded.retry_after).await {
                    return Err(refusal(exceeded.into()));
                }
                new = again;
            }
            (ended, _) => return ended.map_err(refusal),
        }
    }
}

/// Submits a program once. Its client waits until `over` is cancelled. `on_stored` is called when the program is
/// stored, before the wait for its result.
async fn submit_once(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    submit: Submit,
    over: &CancellationToken,
    on_stored: impl FnOnce() + Send,
) -> Result<Ended, SubmitError> {
    let Submit { new, idempotency, deadline, mut held } = submit;
    if let Some(held) = &mut held
        && let NewSubmissionKind::Program(program) = &new.kind
        && held.keep_exactly(program_bytes(program)).is_err()
    {
        // The program is larger than its body, which was compressed or names stored files, and there is no memory.
        return Ok(Ended::TooLate(Reached::Queue));
    }
    let memory = Memory(SyncMutex::new(held));
    let Some(wait) = wait_until(app, caller, &memory, deadline, over).await else {
        return Ok(Ended::TooLate(Reached::Queue));
    };
    let rate = SubmissionRate::new(app, caller, notes);
    let has_key = idempotency.is_some();
    let request = ExecuteRequest {
        wait: Some(wait),
        idempotency,
        on_stored: Box::new(|| {
            memory.release();
            on_stored();
        }),
        ..ExecuteRequest::new(caller.user, new, &rate)
    };
    let id = match app.core.execute(request).await {
        Ok(Executed::Finished { record, origin }) => {
            let run = Run { id: record.submission.id, is_repeated: origin == Origin::RepeatedRequest };
            return Ok(Ended::Finished(run, record));
        }
        Ok(Executed::Accepted { id, .. }) => id,
        Err(error) if error.retry_after_lack_of_room().is_some() => return Ok(Ended::TooLate(Reached::Queue)),
        Err(error) => return Err(error),
    };
    let viewer = AuthenticatedUser::of(caller.user);
    let reached = Reached::of(&app.core, &viewer, id).await;
    if !has_key {
        // No client waits for the result any longer.
        let _ = app.core.cancel(&viewer, id).await;
    }
    Ok(Ended::TooLate(reached))
}

/// The memory of a program until it is stored.
struct Memory(SyncMutex<Option<Held>>);

impl Memory {
    /// Whether the memory may be kept while the program waits for room.
    fn may_wait(&self) -> bool {
        self.held().as_mut().is_none_or(|held| held.keep_long().is_ok())
    }

    fn release(&self) {
        drop(self.held().take());
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client's wait for room in the queue and for the result. The wait for room ends at once if there is no memory for
/// it. `None`: until the deadline, the client had too many long-lived responses open, or there is no memory for the
/// wait.
async fn wait_until<'a>(
    app: &'a Shared,
    caller: &Caller,
    memory: &'a Memory,
    deadline: Instant,
    over: &'a CancellationToken,
) -> Option<Wait<'a>> {
    loop {
        let at_most = deadline.saturating_duration_since(Instant::now());
        if let Some(Wait { at_most, permit, .. }) = app.wait_of(&caller.identity, at_most) {
            // Core polls this only if there is no room, and after the memory has been released.
            let given_up = Box::pin(async move {
                if memory.may_wait() {
                    over.cancelled().await;
                }
            });
            return Some(Wait { at_most, for_room: true, given_up, permit });
        }
        if Instant::now() + PAUSE >= deadline || !memory.may_wait() {
            return None;
        }
        over.run_until_cancelled(tokio::time::sleep(PAUSE)).await?;
    }
}

/// Number of bytes of a program, with its input.
fn program_bytes(program: &NewProgram) -> usize {
    let NewProgram { source, tools, args, env, stdin, fetch, .. } = program;
    let texts = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
    let files: usize = source.files.iter().map(|(path, data)| path.len() + data.len()).sum();
    let tools = texts(&tools.compiler_args) + texts(&tools.linker_args) + texts(&tools.interpreter_args);
    let env: usize = env.iter().map(|(name, value)| name.len() + value.len()).sum();
    files + tools + texts(args) + env + stdin.len() + texts(fetch)
}

/// The refusal for an error other than a lack of room.
pub(crate) fn refusal(error: SubmitError) -> Refusal {
    match error {
        SubmitError::Invalid(faults) => {
            let faults: Vec<String> =
                faults.iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect();
            Refusal::Program(faults.join("; "))
        }
        SubmitError::RateExceeded(exceeded) => Refusal::Failed(exceeded.into()),
        SubmitError::OwnerDisabled => Refusal::Failed(user_disabled()),
        SubmitError::IdempotencyMismatch => Refusal::Failed(mismatch()),
        SubmitError::Store(error) => Refusal::Failed(error.into()),
        other => Refusal::Failed(ApiError::internal(&other)),
    }
}

/// Number of bytes of output and files in a report.
pub(crate) fn output_bytes(report: &RunReport) -> usize {
    let compile = report.compile.as_ref().map_or(0, |compile| compile.output.data.len());
    let run = report.execution.as_ref().map_or(0, |step| step.stdout.data.len() + step.stderr.data.len());
    let files: usize = report.files.iter().map(|file| file.content.data.len()).sum();
    compile + run + files
}
