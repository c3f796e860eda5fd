//! Follows one run over a live connection (`docs/live.md`), and sends its input.
//!
//! ```text
//!  connect ──► start or attach ──► exchange messages ──► verdict
//!     ▲                                  │ connection lost
//!     └───────── pause, attach ◄─────────┘
//! ```
//!
//! If a run exists and no live connection can be opened, for example because a proxy permits none, this module waits
//! for the run's end with requests, and the watcher gets no events.
//!
//! *Invariants:* the watcher gets each event once and in order, even after a lost connection. Inputs reach the server
//! in order: inputs that the worker has not taken are kept and sent again, and the server drops duplicates.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use cupel_judge::LiveSource;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::clean_up::{self, is_ignored};
use super::input::{Sender, next_inputs};
use super::socket::{Socket, connect, send};
use super::{RATE_WAIT_MAX, Server, random_key, refused, unreachable};
use crate::cli::{Exit, Failure, OrExit};
use crate::terminal::harmless;

/// How long a client tries to restore a lost connection. A server ends an interactive run without clients after about
/// the same time.
const RECONNECT_MAX: Duration = Duration::from_secs(60);

/// How long a client tries to open the first live connection to a run. Afterwards, it waits for the run with requests.
const OPEN_MAX: Duration = Duration::from_secs(15);

/// First and longest pause between two attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3));

/// Longest pause, if the server names a time after which to try again.
const BUSY_PAUSE_MAX: Duration = Duration::from_secs(10);

/// Maximum time to close a connection.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// Time without a message or a ping after which the connection is considered lost. The server pings every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Maximum time to wait for the end of a run that was cancelled.
const END_MAX: Duration = Duration::from_secs(10);

/// Interval at which the watcher is asked whether the run is still needed.
const CHECK: Duration = Duration::from_millis(100);

/// `id` of the messages with which this client starts the run or attaches to it.
const RUN: &str = "run";

/// `id` of the message with which this client cancels the run.
const KILL: &str = "kill";

/// The consumer of a run's events.
pub(in crate::cli) trait Watcher {
    /// An event; the names and fields are those of `docs/live.md`.
    fn event(&mut self, name: &str, data: &Value);
    /// A message for the user about the connection.
    fn note(&mut self, text: &str);
    /// The connection was lost, or is restored. While it is lost, no input reaches the program.
    fn connection(&mut self, is_lost: bool);
    /// Whether to cancel the run.
    fn cancelled(&mut self) -> bool;
}

/// The run to follow.
pub(in crate::cli) enum Target {
    /// A new run: the fields of the message `start`.
    Start(Value),
    /// A run with this id.
    Attach(String),
}

/// How following a run ended.
pub(in crate::cli) struct Followed {
    /// The run's id.
    pub(in crate::cli) run: String,
    /// The signal to this process that ended the run; `None` if there was no signal, or the run has live input.
    pub(in crate::cli) stopped_by: Option<i32>,
    /// Whether the server dropped events that the watcher never got. Without a gap, the watcher has the beginning of
    /// the run's log, which is empty if no live connection could be opened.
    pub(in crate::cli) has_gap: bool,
}

/// Follows a run to its end. `input`: the run's live input, if it has any. With live input, the caller handles the
/// signals of this process. Without it, this function handles them, and a signal after its return ends the process, for
/// example while the process reads the result.
pub(in crate::cli) fn follow(
    server: &Server,
    target: Target,
    input: Option<Arc<dyn LiveSource>>,
    watcher: &mut dyn Watcher,
) -> Result<Followed, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (run, start) = match target {
        Target::Attach(run) => (Some(run), None),
        Target::Start(mut message) => {
            message["type"] = "start".into();
            message["id"] = RUN.into();
            message["idempotency_key"] = random_key().into();
            (None, Some(message))
        }
    };
    let is_live = input.is_some();
    let followed = runtime.block_on(async {
        let signals = if input.is_none() { Some(Signals::listen()?) } else { None };
        let input = input.map(Sender::start).transpose()?;
        let following = Following {
            server,
            watcher,
            start,
            run,
            last: 0,
            before_gap: None,
            is_replaying: false,
            has_gap: false,
            input,
            signals,
            stopped_by: None,
            lost_at: None,
            end_by: None,
            has_killed: false,
            was_open: false,
            has_ended: false,
        };
        following.follow().await
    });
    // A request may still wait for its answer, which is no longer needed.
    runtime.shutdown_background();
    if !is_live {
        // The signals no longer have their default effect, and no other code of this process receives them.
        clean_up::listen()?;
    }
    followed
}

/// Why an exchange of messages ended.
enum Stop {
    /// The run has ended, or this client no longer waits for its end.
    End,
    /// The connection was lost, for this reason.
    Lost(anyhow::Error),
    /// The server does not accept the run, or does not let this client follow it, for this reason, and names a time
    /// after which to try again.
    Busy(Duration, anyhow::Error),
}

struct Following<'a> {
    server: &'a Server,
    watcher: &'a mut dyn Watcher,
    /// The message that starts the run, if the run is new.
    start: Option<Value>,
    run: Option<String>,
    /// Number of the last event that the watcher received.
    last: u64,
    /// The value of `last` when the server dropped events. Later events are read from the log after the run's end.
    before_gap: Option<u64>,
    is_replaying: bool,
    /// Whether the server dropped events that are not read from the log.
    has_gap: bool,
    input: Option<Sender>,
    signals: Option<Signals>,
    stopped_by: Option<i32>,
    /// Time at which the connection was lost; `None` while there is a connection.
    lost_at: Option<Instant>,
    /// Time until which this client waits for the end of a cancelled run.
    end_by: Option<Instant>,
    /// Whether the run's end was requested on this connection.
    has_killed: bool,
    /// Whether a connection was ever open.
    was_open: bool,
    /// Whether the run is known to have ended.
    has_ended: bool,
}

impl Following<'_> {
    async fn follow(mut self) -> Result<Followed, Failure> {
        let server = self.server;
        let url = server.url();
        let (mut pause, mut busy) = (PAUSES.0, Duration::ZERO);
        loop {
            let connected = tokio::select! {
                connected = connect(server) => connected,
                () = self.stopped() => {
                    self.cancel().await;
                    break;
                }
            };
            let stop = match connected {
                Ok(Ok(mut socket)) => {
                    self.was_open = true;
                    let stop = self.exchange(&mut socket).await?;
                    // An error is ignored, because the connection may already be lost.
                    let _ = timeout(CLOSE_MAX, socket.close(None)).await;
                    stop
                }
                // The run exists, although this is the first connection.
                Ok(Err(cause)) if self.was_open || self.run.is_some() => Stop::Lost(cause),
                Ok(Err(cause)) => return Err(unreachable(url, cause)).or_exit(Exit::Server),
                Err(failure) if self.was_open || self.run.is_none() || failure.exit == Exit::Auth => {
                    return Err(self.unfollowed(failure));
                }
                Err(failure) => {
                    self.wait_without_events(&failure.error).await?;
                    break;
                }
            };
            let asked = if let Stop::Busy(wait, _) = stop { Some(wait) } else { None };
            let is_busy = asked.is_some();
            let wait = match stop {
                Stop::End => break,
                Stop::Busy(wait, _) if self.run.is_none() => {
                    busy += wait;
                    if busy > RATE_WAIT_MAX {
                        return Err(anyhow!("{url} is busy: it did not accept the run for {busy:?}"))
                            .or_exit(Exit::Server);
                    }
                    wait
                }
                Stop::Lost(cause) | Stop::Busy(_, cause) => {
                    if self.lost_at.is_none() {
                        self.watcher.connection(true);
                        self.watcher.note(&match (is_busy, self.was_open) {
                            (true, _) => format!("cannot follow the run yet; trying again: {cause:#}"),
                            (false, true) => format!("the connection to {url} was lost; trying to restore it"),
                            (false, false) => format!("cannot open a live connection to {url}; trying again"),
                        });
                        pause = PAUSES.0;
                    }
                    let lost_at = *self.lost_at.get_or_insert_with(Instant::now);
                    // Live input needs a connection.
                    let can_do_without = !self.was_open || is_busy && self.input.is_none();
                    if can_do_without && lost_at.elapsed() > OPEN_MAX {
                        self.wait_without_events(&cause).await?;
                        break;
                    }
                    if lost_at.elapsed() > RECONNECT_MAX || self.is_given_up() {
                        let run = self.run.map(|run| format!("; the run {run} may go on")).unwrap_or_default();
                        let what = format!("the connection to {url} was lost and could not be restored{run}");
                        return Err(cause.context(what)).or_exit(Exit::Server);
                    }
                    let wait = asked.unwrap_or(pause).max(pause).min(BUSY_PAUSE_MAX);
                    pause = (pause * 2).min(PAUSES.1);
                    wait
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stopped() => {
                    self.cancel().await;
                    break;
                }
            }
        }
        if let (Some(run), Some(_), false) = (&self.run, self.stopped_by, self.has_ended) {
            self.watcher.note(&format!("the run {run} may go on"));
        }
        let run = self.run.unwrap_or_default();
        Ok(Followed { run, stopped_by: self.stopped_by, has_gap: self.has_gap })
    }

    /// Waits, while there is no connection, until a signal or the watcher cancels the run.
    async fn stopped(&mut self) {
        let mut checks = interval(CHECK);
        loop {
            tokio::select! {
                signal = next_signal(&mut self.signals) => {
                    self.stopped_by = Some(signal);
                    return;
                }
                _ = checks.tick() => {
                    if self.stopped_by.is_some() || self.watcher.cancelled() {
                        return;
                    }
                }
            }
        }
    }

    fn restored(&mut self) {
        if self.lost_at.take().is_some() {
            self.watcher.connection(false);
        }
    }

    /// Waits for the end of the run with requests. `cause`: why no live connection can be opened. A signal cancels the
    /// run.
    async fn wait_without_events(&mut self, cause: &anyhow::Error) -> Result<(), Failure> {
        let (server, run) = (self.server.clone(), self.run.clone().unwrap_or_default());
        self.watcher.note(&format!("no live connection, so the result is shown when the run has ended: {cause:#}"));
        let waiting = tokio::task::spawn_blocking(move || server.wait(&run));
        tokio::select! {
            ended = waiting => {
                ended.map_err(anyhow::Error::from)??;
                self.has_ended = true;
            }
            signal = next_signal(&mut self.signals) => {
                self.stopped_by = Some(signal);
                self.cancel().await;
            }
        }
        Ok(())
    }

    /// Cancels the run with a request, because there is no live connection. After another signal, does not wait for the
    /// answer.
    async fn cancel(&mut self) {
        let (server, Some(run)) = (self.server.clone(), self.run.clone()) else { return };
        let cancelling = tokio::task::spawn_blocking(move || server.cancel(&run));
        self.has_ended = tokio::select! {
            cancelled = timeout(END_MAX, cancelling) => matches!(cancelled, Ok(Ok(Ok(_)))),
            _ = next_signal(&mut self.signals) => false,
        };
    }

    /// Names the run in an error, because the run may go on without this client.
    fn unfollowed(&self, failure: Failure) -> Failure {
        let Some(run) = &self.run else { return failure };
        let exit = if failure.exit == Exit::Auth { Exit::Auth } else { Exit::Server };
        Failure { exit, error: failure.error.context(format!("cannot follow the run {run}, which may go on")) }
    }

    fn is_given_up(&self) -> bool {
        self.end_by.is_some_and(|by| Instant::now() > by)
    }

    /// Starts the run or attaches to it, and exchanges messages.
    async fn exchange(&mut self, socket: &mut Socket) -> Result<Stop, Failure> {
        let first = match (&self.run, &self.start) {
            (None, Some(start)) => start.clone(),
            (run, _) => json!({ "type": "attach", "id": RUN, "run": run, "after": self.last }),
        };
        self.has_killed = false;
        if let Some(input) = &mut self.input {
            input.disconnected();
        }
        if let Err(error) = send(socket, &first).await {
            return Ok(Stop::Lost(error.into()));
        }
        let mut checks = interval(CHECK);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                frame = socket.next() => {
                    heard = Instant::now();
                    let text = match frame {
                        Some(Ok(Message::Text(text))) => text,
                        // Tungstenite answers pings.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        // Only the message that starts a run can be too large. A repetition would be, too.
                        Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Size => {
                            let (url, reason) = (self.server.url(), harmless(&frame.reason));
                            let hint = "with live input, the program is sent in one message";
                            return Err(anyhow!("{url} refused the run: {reason} ({hint})")).or_exit(Exit::Usage);
                        }
                        Some(Ok(Message::Close(Some(frame)))) => return Ok(Stop::Lost(anyhow!("{}", harmless(&frame.reason)))),
                        Some(Ok(_)) | None => return Ok(Stop::Lost(anyhow!("the server closed the connection"))),
                        Some(Err(error)) => return Ok(Stop::Lost(error.into())),
                    };
                    let Ok(message) = serde_json::from_str::<Value>(text.as_str()) else {
                        let error = anyhow!("{} sent a message that is not JSON", self.server.url());
                        return Err(self.unfollowed(Failure { exit: Exit::Server, error }));
                    };
                    let replies = match self.handle(&message)? {
                        Handled::Replies(replies) => replies,
                        Handled::Stop(stop) => return Ok(stop),
                    };
                    for reply in replies {
                        if let Err(error) = send(socket, &reply).await {
                            return Ok(Stop::Lost(error.into()));
                        }
                    }
                }
                messages = next_inputs(&mut self.input, self.run.as_deref()) => {
                    for message in messages {
                        if let Err(error) = send(socket, &message).await {
                            return Ok(Stop::Lost(error.into()));
                        }
                    }
                }
                signal = next_signal(&mut self.signals) => {
                    if self.stopped_by.replace(signal).is_some() {
                        return Ok(Stop::End);
                    }
                }
                _ = checks.tick() => {
                    if heard.elapsed() > SILENCE_MAX {
                        return Ok(Stop::Lost(anyhow!("the server sent nothing for {} seconds", SILENCE_MAX.as_secs())));
                    }
                    if self.stopped_by.is_none() && !self.watcher.cancelled() {
                        continue;
                    }
                    self.end_by.get_or_insert_with(|| Instant::now() + END_MAX);
                    if self.is_given_up() {
                        return Ok(Stop::End);
                    }
                    if let Some(run) = self.run.as_deref().filter(|_| !std::mem::replace(&mut self.has_killed, true)) {
                        let kill = json!({ "type": "kill", "id": KILL, "run": run });
                        if let Err(error) = send(socket, &kill).await {
                            return Ok(Stop::Lost(error.into()));
                        }
                    }
                }
            }
        }
    }

    /// Handles a message of the server.
    fn handle(&mut self, message: &Value) -> Result<Handled, Failure> {
        let nothing = Ok(Handled::Replies(Vec::new()));
        match message["type"].as_str().unwrap_or_default() {
            "accepted" => {
                self.run = message["run"].as_str().map(str::to_owned);
                self.restored();
                nothing
            }
            "attached" => {
                self.restored();
                nothing
            }
            "event" => Ok(self.event(message["event"].as_str().unwrap_or_default(), &message["data"])),
            "input" => match (&mut self.input, &self.run) {
                (Some(input), Some(run)) => Ok(Handled::Replies(input.reported(message, run))),
                _ => nothing,
            },
            "detached" => Ok(Handled::Stop(Stop::Lost(anyhow!("the server is shutting down")))),
            "error" => self.refusal(message),
            _ => nothing,
        }
    }

    fn event(&mut self, name: &str, data: &Value) -> Handled {
        let seq = data["seq"].as_u64().unwrap_or_default();
        let nothing = Handled::Replies(Vec::new());
        if name == "gap" {
            if self.input.is_some() || self.is_replaying {
                self.has_gap = true;
                self.watcher.note("some output was dropped, because this connection was too slow");
            } else {
                self.before_gap.get_or_insert(self.last);
            }
            return nothing;
        }
        if seq <= self.last {
            return nothing;
        }
        let is_end = name == "verdict";
        if let Some(before) = self.before_gap {
            if !is_end {
                return nothing;
            }
            (self.before_gap, self.is_replaying, self.last) = (None, true, before);
            return Handled::Replies(vec![json!({ "type": "attach", "id": RUN, "run": self.run, "after": before })]);
        }
        self.last = seq;
        self.watcher.event(name, data);
        self.has_ended |= is_end;
        if is_end { Handled::Stop(Stop::End) } else { nothing }
    }

    /// Handles the server's refusal of a message.
    fn refusal(&mut self, message: &Value) -> Result<Handled, Failure> {
        let error = &message["error"];
        let status = error["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(500);
        let wait = message["retry_after"].as_u64().map(|seconds| Duration::from_secs(seconds.max(1)));
        match message["id"].as_str() {
            Some(KILL) => {}
            // The run of an `attach` goes on, and so does this client.
            Some(RUN) if matches!(status, 429 | 503) && wait.is_some() => {
                let cause = refused(self.server.url(), status, error).error;
                return Ok(Handled::Stop(Stop::Busy(wait.unwrap_or_default(), cause)));
            }
            Some(RUN) => {
                let failure = refused(self.server.url(), status, error);
                return Err(match (status, &self.run) {
                    (404, Some(run)) => {
                        Failure { error: failure.error.context(format!("the run {run} was lost")), ..failure }
                    }
                    _ => self.unfollowed(failure),
                });
            }
            // An input was refused. Unless the run has ended, this client continues after the time that the server
            // names, or with the number in the server's next report.
            id => {
                if let Some(input) = &mut self.input {
                    input.refused(id, wait);
                }
            }
        }
        Ok(Handled::Replies(Vec::new()))
    }
}

enum Handled {
    /// Messages to send.
    Replies(Vec<Value>),
    Stop(Stop),
}

/// The signals that end a run.
struct Signals(Vec<(Signal, i32)>);

impl Signals {
    /// Listens for the signals, except those that are ignored, such as SIGHUP after nohup(1).
    fn listen() -> io::Result<Signals> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let heard = kinds.into_iter().filter(|kind| !is_ignored(*kind));
        heard.map(|kind| Ok((signal(kind)?, kind.as_raw_value()))).collect::<io::Result<_>>().map(Signals)
    }
}

/// The next signal. Waits forever if this process does not listen for signals.
async fn next_signal(signals: &mut Option<Signals>) -> i32 {
    poll_fn(|context| {
        let mut heard = signals.iter_mut().flat_map(|Signals(heard)| heard);
        let arrived = heard.find_map(|(signal, number)| {
            let has_arrived = signal.poll_recv(context) == Poll::Ready(Some(()));
            has_arrived.then_some(*number)
        });
        arrived.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}
