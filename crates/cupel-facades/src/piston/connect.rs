//! `GET /connect`: a WebSocket that runs one program with live input.
//!
//! ```text
//!  socket ── init ──► core: a live run ──► event log ──► socket: stage, data, exit
//!     └──── data, signal ──► input.rs: window ──► worker
//! ```
//!
//! Differences from the original: input that arrives before the run stage is held until the run stage starts, signals
//! reach the program, and a run ends when its client disconnects. The connection ends with its credential.

use std::pin::{Pin, pin};
use std::time::Duration;

use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use cupel_core::accounts::AccessEnded;
use cupel_core::event::{Event, EventKind, Seq, Stream};
use cupel_core::live::{Credit, PRESENCE_PAUSE};
use cupel_core::{
    AuthenticatedUser, Core, ExecuteRequest, Executed, NewSubmission, Received, SubmitError, Subscription, Wait,
};
use cupel_http::app::{LongAnswer, Shared};
use cupel_http::auth::Via;
use cupel_http::caller::Caller;
use cupel_http::error::{ApiError, ErrorKind};
use cupel_http::notes::Notes;
use cupel_http::submission_rate::SubmissionRate;
use cupel_http::websocket::{self, Upgraded};
use cupel_types::{Bytes, Live, RunReport, SubmissionId};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Options;
use super::close::Close;
use super::input::Input;
use super::request::{Job, Refused};
use super::response::{ExecuteResponse, Stage, Style};
use super::run::{QUEUE_TIME_MAX, submission_of};
use crate::bounded_json::{self, Unparsed, VALUES_MAX, too_many_values};
use crate::execute::{Refusal, refusal};
use crate::surrogates::replace_lone_surrogates;

/// Time for the first valid `init`.
const INIT_TIME_MAX: Duration = Duration::from_secs(1);

/// How long the server waits for the client to accept its close frame.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<Upgraded>;

/// Accepts the connection.
pub(super) async fn connect(
    app: Shared,
    options: Options,
    notes: Notes,
    request: Request,
) -> Result<Response, ApiError> {
    websocket::check_origin(&request, &app.settings)?;
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let request = Request::from_parts(parts, body);
    let response = websocket::response(&request)?;
    let open = match caller.identity.via {
        Via::Keyless => app.long_answers.begin_shared().ok_or_else(|| {
            let detail = "The server has too many open connections. Connect again later.";
            ApiError::new(ErrorKind::RateLimited, detail).retry_after(Duration::from_secs(1))
        })?,
        Via::Session(_) | Via::Key { .. } => app.long_answers.begin(caller.user)?,
    };
    let upgraded = websocket::upgraded(request);
    tokio::spawn(async move {
        // The connection may end before the client has the response.
        let Some(upgraded) = upgraded.await else { return };
        serve(upgraded, app, options, caller, notes, open).await;
    });
    Ok(response)
}

/// Accepts a connection at an unknown path, and closes it without a code. Nothing is read from it.
pub(super) fn refuse(request: Request) -> Result<Response, ApiError> {
    let response = websocket::response(&request)?;
    let upgraded = websocket::upgraded(request);
    tokio::spawn(async move {
        let Some(upgraded) = upgraded.await else { return };
        let mut socket: Socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
        // The client may be gone already.
        let _gone = tokio::time::timeout(CLOSE_TIME_MAX, socket.close(None)).await;
    });
    Ok(response)
}

async fn serve(upgraded: Upgraded, app: Shared, options: Options, caller: Caller, notes: Notes, open: LongAnswer) {
    let bytes_max = options.body_bytes_max(&app);
    let config = WebSocketConfig::default().max_message_size(Some(bytes_max)).max_frame_size(Some(bytes_max));
    let socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await;
    let shutdown = app.shutdown.clone();
    let mut session = Session { socket, app, options, caller, notes };
    let close = tokio::select! {
        close = session.converse() => close,
        () = shutdown.cancelled() => Some(Close::ShuttingDown),
    };
    drop(open);
    let Some(close) = close else { return };
    // The client may be gone already.
    let _gone = tokio::time::timeout(CLOSE_TIME_MAX, async {
        if let Close::NotifiedError(message) = &close {
            let error = json!({ "type": "error", "message": message });
            session.socket.feed(Message::text(error.to_string())).await?;
        }
        session.socket.close(Some(close.frame())).await
    })
    .await;
}

struct Session {
    socket: Socket,
    app: Shared,
    options: Options,
    caller: Caller,
    notes: Notes,
}

/// How a connection ends.
enum End {
    /// The client has closed it, or is gone.
    ClientIsGone,
    /// The server closes it.
    Closes(Close),
}

impl End {
    /// How the server closes the connection, if the client is still there.
    fn close(self) -> Option<Close> {
        match self {
            End::ClientIsGone => None,
            End::Closes(close) => Some(close),
        }
    }
}

/// How the server closes the connection of a client that may no longer use it.
fn without_access(why: AccessEnded) -> Close {
    Close::NotifiedError(why.sentence().to_owned())
}

/// Cancels a run when the connection ends before the run.
struct CancelOnDrop {
    app: Shared,
    viewer: AuthenticatedUser,
    run: Option<SubmissionId>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(run) = self.run.take() else { return };
        let (app, viewer) = (self.app.clone(), self.viewer);
        tokio::spawn(async move {
            if let Err(error) = app.core.cancel(&viewer, run).await {
                tracing::warn!(submission.id = %run, %error, "cannot cancel the run of a closed connection");
            }
        });
    }
}

impl Session {
    /// Exchanges messages until the connection ends. `None`: the client has closed it, or is gone.
    async fn converse(&mut self) -> Option<Close> {
        let (holder, app) = (self.caller.holder(), self.app.clone());
        let mut access = pin!(async move { holder.until_access_ends(&app).await });
        let initialized = tokio::select! {
            initialized = self.initialized() => initialized?,
            why = &mut access => return Some(without_access(why)),
        };
        let (mut job, style) = match initialized {
            Ok(job) => (job, self.options.style()),
            Err(close) => return Some(close),
        };
        let runtime = json!({
            "type": "runtime", "language": job.runtime.language, "version": job.runtime.version,
        });
        self.send(&runtime).await?;
        let mut input = Input::default();
        let (submitted, end) = self.submit(&mut job, style, &mut input, access.as_mut()).await;
        let run = match submitted {
            Ok(run) => run,
            Err(reason) => return end.unwrap_or(End::Closes(Close::NotifiedError(reason))).close(),
        };
        let viewer = AuthenticatedUser::of(self.caller.user);
        let mut cancel = CancelOnDrop { app: self.app.clone(), viewer, run: Some(run) };
        if let Some(end) = end {
            return end.close();
        }
        let log = match self.app.core.watch(&viewer, run, Seq::default()).await {
            Ok(Some(log)) => log,
            Ok(None) | Err(_) => return Some(Close::NotifiedError("The run cannot be followed.".to_owned())),
        };
        let close = tokio::select! {
            close = self.follow(run, &viewer, log, input, &job, style) => close?,
            why = access => without_access(why),
        };
        if close == Close::JobCompleted {
            cancel.run = None;
        }
        Some(close)
    }

    /// The first valid `init`.
    async fn initialized(&mut self) -> Option<Result<Job, Close>> {
        let deadline = Instant::now() + INIT_TIME_MAX;
        loop {
            let message = match tokio::time::timeout_at(deadline, receive(&mut self.socket)).await {
                Ok(received) => received?,
                Err(_elapsed) => return Some(Err(Close::InitializationTimeout)),
            };
            let message = match message {
                Ok(message) => message,
                Err(close) => return Some(Err(close)),
            };
            return Some(match message.get("type").and_then(Value::as_str) {
                Some("init") => self.options.validate(&self.app, &message).map_err(|refused| {
                    Close::NotifiedError(match refused {
                        Refused::Invalid(reason) | Refused::Preparation(reason) => reason,
                        Refused::TypeError => "the message has a field of a wrong type".to_owned(),
                    })
                }),
                Some("data" | "signal") => Err(Close::NotYetInitialized),
                _ => continue,
            });
        }
    }

    async fn send(&mut self, message: &Value) -> Option<()> {
        self.socket.send(Message::text(message.to_string())).await.ok()
    }

    /// Submits the run. While it waits for room in the queue, messages are read up to the first input, so that the wait
    /// ends when the client disconnects; it also ends with the client's `access`. The second value is how the connection
    /// ends, if it ends meanwhile.
    async fn submit(
        &mut self,
        job: &mut Job,
        style: Style,
        input: &mut Input,
        mut access: Pin<&mut (impl Future<Output = AccessEnded> + Send)>,
    ) -> (Result<SubmissionId, String>, Option<End>) {
        let Session { socket, app, caller, notes, .. } = self;
        let (over, mut end) = (Notify::new(), None);
        let mut submitted = pin!(submit(app, caller, notes, job, style, &over));
        loop {
            tokio::select! {
                submitted = &mut submitted => return (submitted, end),
                message = receive(socket), if end.is_none() && input.is_sent() => {
                    end = match message.map(|message| message.and_then(|message| input.take(&message))) {
                        None => Some(End::ClientIsGone),
                        Some(Err(close)) => Some(End::Closes(close)),
                        Some(Ok(())) => None,
                    };
                }
                why = &mut access, if end.is_none() => end = Some(End::Closes(without_access(why))),
            }
            if end.is_some() {
                // The submission may be stored at this moment. Its id is needed to cancel it.
                over.notify_one();
            }
        }
    }

    /// Forwards events and input until the run has ended.
    async fn follow(
        &mut self,
        run: SubmissionId,
        viewer: &AuthenticatedUser,
        mut log: Box<dyn Subscription>,
        mut input: Input,
        job: &Job,
        style: Style,
    ) -> Option<Close> {
        let mut credit: Credit = self.app.core.credit(run).await;
        let mut progress = Progress { has_compile_stage: job.runtime.is_compiled, ..Progress::default() };
        let mut presence = tokio::time::interval(PRESENCE_PAUSE);
        presence.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // The same future is polled until it completes: it also notices an end that was not announced, if no event
            // arrives for some seconds. A new future would begin to wait again after every message and every report.
            let mut next = std::pin::pin!(log.next());
            let received = loop {
                tokio::select! {
                    received = &mut next => break received,
                    Some(consumed) = credit.next() => input.consumed(consumed),
                    _ = presence.tick() => self.app.core.report_attached(run),
                    // While the program has not read enough, nothing is read from the client.
                    message = receive(&mut self.socket), if input.is_sent() => {
                        if let Err(close) = message?.and_then(|message| input.take(&message)) {
                            return Some(close);
                        }
                    }
                }
                for (count, next) in input.sendable() {
                    self.app.core.send_input(run, count, next);
                }
            };
            match received {
                None => return Some(Close::ShuttingDown),
                Some(Received::Gap) => {
                    // If the run has ended, the log continues with the stored events.
                    if !has_ended(&self.app.core, run, viewer).await {
                        return Some(Close::NotifiedError("Some events of the run were lost.".to_owned()));
                    }
                }
                Some(Received::Event(event)) => {
                    let is_final = event.kind.is_final();
                    for message in progress.messages(event) {
                        self.send(&message).await?;
                    }
                    if is_final {
                        return self.finish(run, viewer, job, style, progress).await;
                    }
                }
            }
        }
    }

    /// Reports how the run ended.
    async fn finish(
        &mut self,
        run: SubmissionId,
        viewer: &AuthenticatedUser,
        job: &Job,
        style: Style,
        mut progress: Progress,
    ) -> Option<Close> {
        let record = self.app.core.submission(viewer, run).await.ok().flatten();
        let report: Option<RunReport> = record.and_then(|record| record.report);
        let response = report.as_ref().and_then(|report| ExecuteResponse::of_live(report, job, style));
        let Some(response) = response else {
            let reason = report.and_then(|report| report.message);
            let reason = reason.unwrap_or_else(|| "The run was cancelled, or the sandbox failed.".to_owned());
            return Some(Close::NotifiedError(reason));
        };
        for message in progress.last_messages(&response) {
            self.send(&message).await?;
        }
        Some(Close::JobCompleted)
    }
}

/// Submits a live run. It waits for room in the queue until `over` is notified.
async fn submit(
    app: &Shared,
    caller: &Caller,
    notes: &Notes,
    job: &mut Job,
    style: Style,
    over: &Notify,
) -> Result<SubmissionId, String> {
    let Some(program) = submission_of(app, job, style, Some(Live { terminal: None })) else {
        return Err("The language is not installed any more.".to_owned());
    };
    let new = NewSubmission { request_id: Some(notes.request_id().to_owned()), ..NewSubmission::from(program) };
    let rate = SubmissionRate::new(app, caller, notes);
    let given_up = async {
        tokio::select! {
            () = over.notified() => {}
            () = app.shutdown.cancelled() => {}
        }
    };
    // The permit of the connection is that of the wait, too.
    let wait = Wait { at_most: QUEUE_TIME_MAX, for_room: true, given_up: Box::pin(given_up), permit: Box::new(()) };
    let request = ExecuteRequest {
        wait: Some(wait),
        // The client follows the run instead of waiting for its result.
        on_stored: Box::new(|| over.notify_one()),
        ..ExecuteRequest::new(caller.user, new, &rate)
    };
    match app.core.execute(request).await {
        Ok(Executed::Accepted { id, .. }) => Ok(id),
        Ok(Executed::Finished { record, .. }) => Ok(record.submission.id),
        Err(error) => Err(reason_of(error)),
    }
}

/// Why a run was not accepted.
fn reason_of(error: SubmitError) -> String {
    match error {
        SubmitError::NoWorker { .. } => "No worker can run this language at present. Connect again later.".to_owned(),
        SubmitError::QueueFull { .. } | SubmitError::TooManyWaiting { .. } => {
            "Too many programs wait. Connect again later.".to_owned()
        }
        error => match refusal(error) {
            Refusal::Program(reason) => reason,
            Refusal::Failed(error) => error.detail().to_owned(),
        },
    }
}

/// Whether the store shows that the run has ended; `false` if it cannot answer.
async fn has_ended(core: &Core, run: SubmissionId, viewer: &AuthenticatedUser) -> bool {
    core.submission(viewer, run).await.ok().flatten().is_some_and(|record| record.state.is_final())
}

/// The next JSON message; without fields if the message is not an object.
async fn receive(socket: &mut Socket) -> Option<Result<Map<String, Value>, Close>> {
    loop {
        return Some(match socket.next().await? {
            Ok(Message::Text(text)) => parsed(&text),
            // Bytes that are not UTF-8 are replaced, as by Node.js.
            Ok(Message::Binary(bytes)) => parsed(&String::from_utf8_lossy(&bytes)),
            // Tungstenite answers pings and close frames automatically.
            Ok(_) => continue,
            Err(Error::Capacity(_)) => {
                let most = Bytes::new(socket.get_config().max_message_size.unwrap_or(usize::MAX) as u64);
                Err(Close::NotifiedError(format!("the message has more than {most}: send its text in parts")))
            }
            Err(_) => return None,
        });
    }
}

/// The fields of a message; none if the message is JSON but not an object. Escaped surrogates without a partner are
/// replaced by U+FFFD: JavaScript sends them if it cuts a text inside a character.
fn parsed(text: &str) -> Result<Map<String, Value>, Close> {
    match bounded_json::parse(&replace_lone_surrogates(text), VALUES_MAX) {
        Ok(Value::Object(message)) => Ok(message),
        Ok(Value::Null) => Err(Close::NotifiedError("the message is null".to_owned())),
        Ok(_) => Ok(Map::new()),
        Err(Unparsed::Syntax(error)) => Err(Close::NotifiedError(format!("the message is not JSON: {error}"))),
        Err(Unparsed::TooManyValues) => Err(Close::NotifiedError(too_many_values(VALUES_MAX))),
    }
}

/// Which messages the client has received.
#[derive(Default)]
struct Progress {
    /// Whether the original has a compile stage for the language; `None`: the original does not know the language.
    has_compile_stage: Option<bool>,
    is_compiling: bool,
    is_running: bool,
    /// Incomplete characters at the end of each stream.
    rest: [Vec<u8>; 2],
}

fn stage(name: &str) -> Value {
    json!({ "type": "stage", "stage": name })
}

fn data(stream: Stream, text: &str) -> Value {
    let stream = match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    };
    json!({ "type": "data", "stream": stream, "data": text })
}

fn exit(name: &str, ended: &Stage) -> Value {
    json!({ "type": "exit", "stage": name, "code": ended.code, "signal": ended.signal })
}

impl Progress {
    /// The messages for an event.
    fn messages(&mut self, event: Event) -> Vec<Value> {
        match event.kind {
            EventKind::CompileStarted if self.has_compile_stage != Some(false) && !self.is_compiling => {
                self.is_compiling = true;
                vec![stage("compile")]
            }
            EventKind::ExecutionStarted { .. } => self.begin_run(),
            EventKind::Output { stream, data: bytes, .. } => {
                let mut messages = self.begin_run();
                let text = self.complete_text(stream, &bytes);
                if !text.is_empty() {
                    messages.push(data(stream, &text));
                }
                messages
            }
            _ => Vec::new(),
        }
    }

    fn begin_run(&mut self) -> Vec<Value> {
        if std::mem::replace(&mut self.is_running, true) {
            return Vec::new();
        }
        let mut messages = Vec::new();
        if self.is_compiling {
            messages.push(json!({ "type": "exit", "stage": "compile", "code": 0, "signal": null }));
        }
        messages.push(stage("run"));
        messages
    }

    /// The output up to the last complete character. Bytes that are not UTF-8 are replaced.
    fn complete_text(&mut self, stream: Stream, bytes: &[u8]) -> String {
        let rest = &mut self.rest[usize::from(stream == Stream::Stderr)];
        rest.extend_from_slice(bytes);
        let complete = match std::str::from_utf8(rest) {
            Ok(_) => rest.len(),
            // An error without a length is an incomplete character at the end.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => {
                let last = rest.utf8_chunks().last();
                let incomplete = last.map_or(0, |chunk| match std::str::from_utf8(chunk.invalid()) {
                    Err(error) if error.error_len().is_none() => chunk.invalid().len(),
                    _ => 0,
                });
                rest.len() - incomplete
            }
        };
        let text = String::from_utf8_lossy(&rest[..complete]).into_owned();
        rest.drain(..complete);
        text
    }

    /// The messages after the final event.
    fn last_messages(&mut self, response: &ExecuteResponse) -> Vec<Value> {
        let mut messages = Vec::new();
        let failed = response.compile.as_ref().filter(|_| !self.is_running);
        if let Some(failed) = failed {
            if !self.is_compiling {
                messages.push(stage("compile"));
            }
            if !failed.stderr.is_empty() {
                messages.push(data(Stream::Stderr, &failed.stderr));
            }
            messages.push(exit("compile", failed));
            return messages;
        }
        let ran = self.is_running;
        messages.append(&mut self.begin_run());
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(&mut self.rest[usize::from(stream == Stream::Stderr)]);
            if !rest.is_empty() {
                messages.push(data(stream, &String::from_utf8_lossy(&rest)));
            }
        }
        if !ran && !response.run.stderr.is_empty() {
            // The original has no compile stage for this language, so the compiler's messages are sent as standard
            // error of the run stage.
            messages.push(data(Stream::Stderr, &response.run.stderr));
        }
        messages.push(exit("run", &response.run));
        messages
    }
}

#[cfg(test)]
mod tests {
    use cupel_core::Needs;

    use super::*;

    #[test]
    fn a_character_is_sent_when_it_is_complete() {
        let mut progress = Progress::default();
        let mut text = |bytes: &[u8]| progress.complete_text(Stream::Stdout, bytes);
        assert_eq!(text(b"a\xc3"), "a");
        assert_eq!(text(b"\xa9b"), "\u{e9}b");
        assert_eq!(text(b"\xffc\xe2\x82"), "\u{fffd}c");
        assert_eq!(text(b"\xac"), "\u{20ac}");
    }

    #[test]
    fn a_lack_of_room_is_not_reported_as_a_failure() {
        let retry_after = Duration::from_secs(1);
        let waiting = "Too many programs wait. Connect again later.";
        let no_worker = "No worker can run this language at present. Connect again later.";
        for (error, reason) in [
            (SubmitError::QueueFull { retry_after }, waiting),
            (SubmitError::TooManyWaiting { most: 1, retry_after }, waiting),
            (SubmitError::NoWorker { needs: Needs::default(), pulling: None, retry_after }, no_worker),
        ] {
            assert_eq!(reason_of(error), reason);
        }
    }

    #[test]
    fn a_surrogate_without_a_partner_is_replaced_in_a_message() {
        let input = |text: &str| parsed(text).unwrap()["data"].clone();
        assert_eq!(input(r#"{"data": "a\ud83d"}"#), "a\u{fffd}");
        assert_eq!(input(r#"{"data": "\ude00"}"#), "\u{fffd}");
        assert_eq!(input(r#"{"data": "\ud83d\ude00"}"#), "\u{1f600}");
        assert!(parsed(r#"["data"]"#).unwrap().is_empty());
        assert!(matches!(parsed("null"), Err(Close::NotifiedError(_))));
        assert!(matches!(parsed("{"), Err(Close::NotifiedError(_))));
    }
}
