//! Handles the messages of one connection, one at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use cupel_core::event::Seq;
use cupel_core::live::{InputState, PRESENCE_PAUSE};
use cupel_core::{ExecuteRequest as CoreRequest, Executed, Idempotency, NewSubmission, NewSubmissionKind, Origin};
use cupel_http::app::{LongAnswer, Shared};
use cupel_http::budget::Held;
use cupel_http::caller::Holder;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::idempotency::IdempotencyKey;
use cupel_http::rate_limit::RateClass;
use cupel_http::submission_rate::SubmissionRate;
use cupel_types::{PriorityClass, SubmissionId};
use jiff::Timestamp;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::live::attachment::{Attachment, Client};
use crate::live::input::{FREE_REPETITIONS, RunInput};
use crate::live::input_charge::InputCharge;
use crate::live::message::{Attach, ClientMessage, Head, OfInput, OfRun, ServerMessage, Start, head, invalid, message};
use crate::live::outbox::{Outbox, Pending, outbox};
use crate::v1::events::{DUE_SOON, EventData};
use crate::v1::faults::{FormFaults, Shape};
use crate::v1::intake::{permitted, refusal};
use crate::v1::response::status::Status;

/// Maximum number of runs that one connection follows at the same time. Each also counts as an open event stream of
/// its user.
const RUNS_MAX: usize = 32;

/// Maximum number of received messages that wait to be handled. While the queue is full, the server reads nothing from
/// the connection.
const INBOX_MAX: usize = 4;

/// How long a connection without attached runs and without messages stays open.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(600);

/// A message as it was received.
pub(super) enum Received {
    /// A text frame.
    Text(String),
    /// A binary frame. All valid messages are text.
    Binary,
}

/// The state of one connection.
pub(super) struct Session {
    app: Shared,
    holder: Holder,
    request_id: String,
    out: Outbox,
    messages: Receiver<Received>,
    runs: HashMap<SubmissionId, Attached>,
    /// Tasks of the attachments. Dropping the set ends them.
    tasks: JoinSet<()>,
}

/// A start that has been checked, with the reservations for it.
struct PreparedStart {
    new: NewSubmission,
    is_live: bool,
    shape: Shape,
    accepts_cached: bool,
    idempotency: Option<Idempotency>,
    open: LongAnswer,
    /// The memory of the message, until the submission has been stored.
    body: Held,
}

/// A run that the connection follows.
struct Attached {
    task: AbortHandle,
    /// Whether the last event was sent or is being sent.
    has_ended: Arc<AtomicBool>,
    /// `None`: the run takes no input.
    input: Option<RunInput>,
    /// Number of repeated inputs so far that were not charged.
    free_repetitions: u32,
}

impl Attached {
    fn is_live(&self) -> bool {
        !self.has_ended.load(Relaxed) && !self.task.is_finished()
    }
}

impl Session {
    /// Creates a session. Also returns the sender for received messages and the receiver of its outbox.
    pub(super) fn new(
        app: Shared,
        holder: Holder,
        request_id: String,
    ) -> (Session, Sender<Received>, UnboundedReceiver<Pending>) {
        let (inbox, messages) = channel(INBOX_MAX);
        let (out, pending) = outbox();
        let (runs, tasks) = (HashMap::new(), JoinSet::new());
        (Session { app, holder, request_id, out, messages, runs, tasks }, inbox, pending)
    }

    /// Handles messages until the connection has ended, or until no message has arrived for [`IDLE_MAX`] and no run is
    /// attached.
    pub(super) async fn run(mut self) {
        loop {
            match tokio::time::timeout(IDLE_MAX, self.messages.recv()).await {
                Ok(Some(received)) => self.handle(received).await,
                Ok(None) => return,
                Err(_idle) => {
                    self.forget_ended();
                    if self.runs.is_empty() {
                        return;
                    }
                }
            }
        }
    }

    async fn handle(&mut self, received: Received) {
        let (head, result) = match received {
            Received::Binary => {
                let detail = "Send every message as text; send binary input as base64.";
                let error = ApiError::new(ErrorKind::UnsupportedMediaType, detail);
                (Head::default(), Err(self.charged(error).await))
            }
            Received::Text(text) => match head(&text) {
                Ok(head) => {
                    let result = self.act(&head, &text).await;
                    (head, result)
                }
                Err(error) => (Head::default(), Err(self.charged(error).await)),
            },
        };
        if let Err(error) = result {
            self.refuse(&head, &error).await;
        }
    }

    async fn refuse(&self, head: &Head, error: &ApiError) {
        let (id, run) = (head.id.as_deref(), head.run.as_deref());
        let error = ServerMessage::Error {
            id,
            run,
            retry_after: error.seconds_to_wait(),
            error: error.to_body(&self.request_id),
        };
        // If the connection has ended, this session also ends.
        let _ended = self.out.send(&error).await;
    }

    /// Charges a read. If the rate limit refuses it, returns that error instead.
    async fn charged(&self, error: ApiError) -> ApiError {
        self.charge_read().await.err().unwrap_or(error)
    }

    async fn charge_read(&self) -> Result<(), ApiError> {
        let (_, paid) = self.app.limits.take(self.holder.user, RateClass::Reads, &self.holder.rates(), 1).await;
        paid
    }

    /// Every message is charged: a start that reaches the core as a submission and, if it accepts a cached result or
    /// has an idempotency key, also as a read; an accepted input by its window; and all others, even if they are
    /// invalid or refused, as a read. The first [`FREE_REPETITIONS`] repeated inputs of an attachment are free.
    async fn act(&mut self, head: &Head, text: &str) -> Result<(), ApiError> {
        let parsed = message(head, text, self.app.core.bounds());
        match parsed {
            Ok(ClientMessage::Start(_) | ClientMessage::Input(_)) => {}
            Ok(ClientMessage::Attach(_) | ClientMessage::Detach(_) | ClientMessage::Kill(_)) | Err(_) => {
                self.charge_read().await?;
            }
        }
        match parsed? {
            ClientMessage::Start(start) => match self.prepare(*start, text) {
                Ok(prepared) => self.start(head, prepared).await,
                Err(error) => Err(self.charged(error).await),
            },
            ClientMessage::Attach(attach) => self.attach(head, &attach).await,
            ClientMessage::Detach(of) => self.detach(head, &of).await,
            ClientMessage::Kill(of) => self.kill(head, &of).await,
            ClientMessage::Input(of) => match self.input(of).await {
                Ok(()) => Ok(()),
                Err(error) => Err(self.charged(error).await),
            },
        }
    }

    /// Checks a start, and reserves what it needs: a run that is accepted can be followed.
    fn prepare(&mut self, start: Start, text: &str) -> Result<PreparedStart, ApiError> {
        let live = start.live()?;
        let Start { request, idempotency_key, .. } = start;
        let shape = request.shape();
        let accepts_cached = request.cache == Some(true);
        let mut faults = FormFaults::default();
        let new = request.into_new("/request", &self.request_id, &mut faults);
        let Some(mut new) = new else { return Err(faults.into_error()) };
        if let (Some(live), NewSubmissionKind::Program(program)) = (live, &mut new.kind) {
            program.live = Some(live);
            new.priority = PriorityClass::Interactive;
        }
        permitted(self.holder.role, &new)?;
        let idempotency = self.idempotency(idempotency_key, text)?;
        // Reserved before the run is accepted. Otherwise, a limit could prevent this connection from following the
        // accepted run.
        let open = self.room_for_run()?;
        let mut body = self.app.bodies.hold(self.holder.user);
        body.more(text.len())?;
        Ok(PreparedStart { new, is_live: live.is_some(), shape, accepts_cached, idempotency, open, body })
    }

    async fn start(&mut self, head: &Head, prepared: PreparedStart) -> Result<(), ApiError> {
        let PreparedStart { new, is_live, shape, accepts_cached, idempotency, open, body } = prepared;
        if accepts_cached || idempotency.is_some() {
            // The core charges no submission for a cached result or a repeated start, but reads a record and sends a
            // log.
            self.charge_read().await?;
        }
        let rate_limit = SubmissionRate::of_message(&self.app, &self.holder);
        let run_at = new.run_at;
        let request = CoreRequest {
            idempotency,
            accepts_cached,
            on_stored: Box::new(move || drop(body)),
            ..CoreRequest::new(self.holder.user, new, &rate_limit)
        };
        let executed = self.app.core.execute(request).await;
        let executed = executed.map_err(|error| refusal(error, |_| ("/request", shape)))?;
        let (run, cached, repeated, run_at) = match executed {
            Executed::Accepted { id, is_repeated, .. } => {
                // A repeated run may have ended, and nothing would remove the report.
                if is_live && !is_repeated {
                    // The client may leave before this connection follows the run, or the run may be due later. Without
                    // a report, its worker would not end the run for want of clients.
                    self.app.core.report_attached(id);
                }
                (id, false, is_repeated, run_at)
            }
            Executed::Finished { record, origin } => {
                (record.submission.id, origin == Origin::Cache, origin == Origin::RepeatedRequest, None)
            }
        };
        let name = run.to_string();
        let accepted = ServerMessage::Accepted { id: head.id.as_deref(), run: &name, cached, repeated };
        let _ended = self.out.send(&accepted).await;
        self.forget_ended();
        if self.runs.contains_key(&run) {
            // The run is a repeated or cached run, and this connection already follows it.
            return Ok(());
        }
        let run_at = match run_at {
            // The repeated run may have been cancelled.
            Some(_) if repeated => {
                let record = self.app.core.submission(&self.holder.viewer, run).await?;
                record.filter(|record| !record.state.is_final()).and_then(|record| record.submission.run_at)
            }
            run_at => run_at,
        };
        if self.is_due_later(head, run, &name, 0, run_at).await {
            return Ok(());
        }
        // After a repeated start, the run may already have input, sent over an earlier connection.
        let input = if is_live { Some(self.app.core.input_state(run).await) } else { None };
        self.follow(head, run, 0, open, input).await
    }

    fn idempotency(&self, key: Option<String>, text: &str) -> Result<Option<Idempotency>, ApiError> {
        let Some(key) = key else { return Ok(None) };
        let key = IdempotencyKey::of(key).ok_or_else(|| {
            invalid("/idempotency_key", "`idempotency_key` must have 1 to 255 visible ASCII characters.")
        })?;
        Ok(key.for_request(&self.app, "/api/v1/live", text.as_bytes()))
    }

    async fn attach(&mut self, head: &Head, attach: &Attach) -> Result<(), ApiError> {
        self.holder.check_reads_runs()?;
        let run = run_of(&attach.run)?;
        self.forget_ended();
        if self.runs.contains_key(&run) {
            let detail = "This connection follows the run already. Detach it first to follow it from another event.";
            return Err(ApiError::new(ErrorKind::Conflict, detail));
        }
        let open = self.room_for_run()?;
        let found = self.app.core.submission(&self.holder.viewer, run).await?;
        let record = found.ok_or_else(|| ApiError::not_found("run"))?;
        let attached = ServerMessage::Attached { id: head.id.as_deref(), run: &attach.run };
        let _ended = self.out.send(&attached).await;
        let run_at = record.submission.run_at.filter(|_| !record.state.is_final());
        if self.is_due_later(head, run, &attach.run, attach.after, run_at).await {
            return Ok(());
        }
        let takes_input = record.submission.kind.is_live() && !record.state.is_final();
        let input = if takes_input { Some(self.app.core.input_state(run).await) } else { None };
        self.follow(head, run, attach.after, open, input).await
    }

    /// Whether a run that has not ended is due later than [`DUE_SOON`]. This method then sends the client the time,
    /// because the connection would follow the run without events for up to a month.
    async fn is_due_later(
        &self,
        head: &Head,
        run: SubmissionId,
        name: &str,
        after: u64,
        run_at: Option<Timestamp>,
    ) -> bool {
        let now = self.app.core.now();
        let Some(run_at) = run_at.filter(|run_at| run_at.duration_since(now) > DUE_SOON) else { return false };
        let id = head.id.as_deref();
        let data = EventData::scheduled(run, after, run_at, now);
        let _ended = self.out.send(&ServerMessage::Event { id, run: name, event: "scheduled", data }).await;
        let _ended = self.out.send(&ServerMessage::Detached { id, run: name }).await;
        true
    }

    /// Forwards the run's events after `after`.
    async fn follow(
        &mut self,
        head: &Head,
        run: SubmissionId,
        after: u64,
        open: LongAnswer,
        input: Option<InputState>,
    ) -> Result<(), ApiError> {
        let log = self.app.core.follow(&self.holder.viewer, run, Seq(after)).await?;
        let log = log.ok_or_else(|| ApiError::not_found("run"))?;
        let has_ended = Arc::new(AtomicBool::new(false));
        let (id, ended) = (head.id.clone(), Arc::clone(&has_ended));
        let client = Client { app: self.app.clone(), run, id, has_ended: ended, out: self.out.clone() };
        let attachment = Attachment { log, last: after, client, open };
        let charge = || InputCharge::new(self.app.clone(), self.holder.user, run);
        let input = input.map(|state| RunInput::new(state).charged(charge()));
        let credit = match &input {
            Some(input) => {
                let credit = self.app.core.credit(run).await;
                Some(input.clone().follow(run, head.id.clone(), credit, self.out.clone()))
            }
            None => None,
        };
        let app = self.app.clone();
        let task = self.tasks.spawn(async move {
            let forward = attachment.forward();
            match credit {
                None => forward.await,
                Some(credit) => {
                    let credit = async {
                        credit.await;
                        std::future::pending().await
                    };
                    tokio::select! {
                        () = forward => {}
                        () = credit => {}
                        () = report_attached(app, run) => {}
                    }
                }
            }
        });
        self.runs.insert(run, Attached { task, has_ended, input, free_repetitions: 0 });
        Ok(())
    }

    async fn input(&mut self, of: OfInput) -> Result<(), ApiError> {
        let run = run_of(&of.run)?;
        let attached = self.runs.get_mut(&run).filter(|attached| attached.is_live()).ok_or_else(not_attached)?;
        let Some(input) = &attached.input else {
            let detail = "The run takes no input: it was not started with `interactive` or `tty`.";
            return Err(ApiError::new(ErrorKind::Conflict, detail));
        };
        match input.admit(of.seq, &of.input)? {
            Some(count) => self.app.core.send_input(run, count, of.input),
            None if attached.free_repetitions < FREE_REPETITIONS => attached.free_repetitions += 1,
            None => self.charge_read().await?,
        }
        Ok(())
    }

    async fn detach(&mut self, head: &Head, of: &OfRun) -> Result<(), ApiError> {
        let run = run_of(&of.run)?;
        let Some(attached) = self.runs.remove(&run).filter(|attached| attached.is_live()) else {
            return Err(not_attached());
        };
        if !self.stop(&attached.task).await {
            return Err(not_attached());
        }
        let _ended = self.out.send(&ServerMessage::Detached { id: head.id.as_deref(), run: &of.run }).await;
        Ok(())
    }

    /// Stops the task of an attachment. Returns after the task has ended, because an aborted task continues to its next
    /// pause: no event follows `detached`, and the place of the run is free again ([`LongAnswer`]). `false`: the task
    /// ended by itself before it could be stopped, so it has sent the last event or `detached`.
    async fn stop(&mut self, task: &AbortHandle) -> bool {
        task.abort();
        while let Some(joined) = self.tasks.join_next_with_id().await {
            match joined {
                Ok((id, ())) if id == task.id() => return false,
                Err(error) if error.id() == task.id() => return error.is_cancelled(),
                Ok(_) | Err(_) => {}
            }
        }
        false
    }

    async fn kill(&mut self, head: &Head, of: &OfRun) -> Result<(), ApiError> {
        let run = run_of(&of.run)?;
        let state = self.app.core.cancel(&self.holder.viewer, run).await?;
        let state = state.ok_or_else(|| ApiError::not_found("run"))?;
        let killed = ServerMessage::Killed { id: head.id.as_deref(), run: &of.run, status: Status::from(&state) };
        let _ended = self.out.send(&killed).await;
        Ok(())
    }

    /// Counts one more run, or returns an error if there are too many.
    fn room_for_run(&mut self) -> Result<LongAnswer, ApiError> {
        self.forget_ended();
        if self.runs.len() >= RUNS_MAX {
            let detail =
                format!("A connection follows at most {RUNS_MAX} runs. Detach one, or open another connection.");
            return Err(ApiError::new(ErrorKind::RateLimited, detail).retry_after(Duration::from_secs(1)));
        }
        self.app.long_answers.begin(self.holder.user)
    }

    /// Forgets the runs that have ended.
    fn forget_ended(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        self.runs.retain(|_, attached| attached.is_live());
    }
}

/// Reports to the worker of a live run that a client is attached, as long as this future is polled.
async fn report_attached(app: Shared, run: SubmissionId) {
    let mut reports = tokio::time::interval(PRESENCE_PAUSE);
    reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        reports.tick().await;
        app.core.report_attached(run);
    }
}

fn run_of(text: &str) -> Result<SubmissionId, ApiError> {
    // A malformed id is treated like an unknown one.
    text.parse().map_err(|_| ApiError::not_found("run"))
}

fn not_attached() -> ApiError {
    ApiError::new(ErrorKind::Conflict, "This connection does not follow the run: it was not attached, or it has ended.")
}
