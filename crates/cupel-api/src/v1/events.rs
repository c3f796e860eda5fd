//! `/execute/{id}/events`: the event log of a submission as server-sent events.
//!
//! `id:` is the event's sequence number, so a client that reconnects with `Last-Event-ID` (or `?after=`) continues
//! where it stopped. A client that reads too slowly gets `event: gap` and must fetch the submission itself. The stream
//! ends after the `verdict` event; a client that already has that event gets 204, which stops a browser from
//! reconnecting.
//!
//! If the client's access ends ([`Holder::until_access_ends`]), the stream ends within `Settings::access_check`.
//!
//! The stream of a submission whose `run_at` is more than [`DUE_SOON`] away would occupy a connection without events
//! for up to a month. Such a stream ends after a `scheduled` event, whose `retry` sets the browser's reconnection time.
//! Source: HTML Living Standard, "Server-sent events".

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cupel_core::accounts::{AccessEnded, TicketUse};
use cupel_core::event::{Event, EventKind, Seq, Stream};
use cupel_core::{Follow, Followed, Received};
use cupel_http::app::{LongAnswer, Shared};
use cupel_http::body::{Id, Params};
use cupel_http::caller::{Follower, Holder};
use cupel_http::error::{ApiError, ErrorBody, ErrorKind};
use cupel_types::{LanguageId, SubmissionId, Usage};
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::v1::response::step::{AccuracyView, StartView};
use crate::v1::response::time::rfc3339;

/// Streams of submissions that are due within this time stay open.
pub(crate) const DUE_SOON: SignedDuration = SignedDuration::from_secs(60);

/// Longest reconnection time sent to a browser. Bounded, because the submission may be cancelled in the meantime.
const RETRY_MAX: SignedDuration = SignedDuration::from_hours(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AfterParams {
    /// Only events after the event with this number. `Last-Event-ID` takes precedence.
    #[serde(default)]
    after: Option<u64>,
    /// A ticket from `POST /tickets`, for browsers; sent instead of the header `Authorization`.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "`Follower` reads it; the field documents it and makes `deny_unknown_fields` accept it"
    )]
    ticket: Option<String>,
}

/// The `data` of an event; its fields depend on the event's name.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({ "submission_id": "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a", "seq": 4294967298u64, "t": "2026-11-20T07:00:00.123Z", "stream": "stdout", "text": "42\n" }))]
pub(crate) struct EventData {
    /// The submission.
    submission_id: String,
    /// Sequence number of the event: later events have larger numbers. `scheduled` and `gap` are not in the log. They
    /// have the number of the last event that you received, or 0.
    seq: u64,
    /// Time of the event.
    #[schema(format = DateTime)]
    t: String,
    /// `queued`: position in the queue, 1 for the run that is due next. It is an estimate, because the queue serves
    /// users in turn and prefers urgent priorities. Omitted if the run no longer waits, or if 1,000
    /// or more runs wait before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    /// `queued`: a language that the submission needs and no worker has yet, because workers are pulling its container
    /// image. The submission starts when a worker has the image. Omitted without `position`, and after a failed pull.
    #[serde(skip_serializing_if = "Option::is_none")]
    pulling: Option<String>,
    /// `started`: number of the attempt. Discard the output of earlier attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    /// `test.start`, `output`, `test.end`: name of the test, if there are tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<String>,
    /// `compile.end`: whether compilation succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    ok: Option<bool>,
    /// `compile.end`: whether the result came from the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    cached: Option<bool>,
    /// `output`: `stdout` or `stderr`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'static str>,
    /// `output`: the bytes written, if they are UTF-8. `compile.end`: the beginning of the compiler's output, up to 16
    /// KiB, if there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// `output`, `compile.end`: the same bytes, if they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// `test.end`, `verdict`: the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    /// `test.end`: CPU time in milliseconds. Time and memory are omitted for hidden tests of a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_time_ms: Option<u64>,
    /// `compile.end`, `test.end`: wall-clock time in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_time_ms: Option<u64>,
    /// `test.end`: peak memory in KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_used_kb: Option<u64>,
    /// `scheduled`: time at which the submission is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    run_at: Option<String>,
    /// `test.end`: `warm` or `cold`, if the language has a warm start.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<StartView>,
    /// `test.end`: `approximate` if the program ran in a container of Docker Engine; see `accuracy` of the submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<AccuracyView>,
}

impl EventData {
    /// The data of a followed event.
    pub(crate) fn of(event: Event, position: Option<u64>, pulling: Option<LanguageId>) -> EventData {
        EventData { position, pulling: pulling.map(|id| id.to_string()), ..EventData::from(event) }
    }
}

impl From<Event> for EventData {
    fn from(event: Event) -> EventData {
        let base = EventData {
            submission_id: event.submission.to_string(),
            seq: event.seq.0,
            t: rfc3339(event.at),
            ..EventData::default()
        };
        let ms = |d: Duration| Some(d.as_millis() as u64);
        match event.kind {
            // A live event is never in the log of a submission.
            EventKind::Queued | EventKind::CompileStarted | EventKind::Live(_) => base,
            EventKind::Started { attempt } => EventData { attempt: Some(attempt), ..base },
            EventKind::CompileEnded { ok, cached, wall_time, output } => {
                let (text, base64) = if output.is_empty() { (None, None) } else { text_or_base64(&output) };
                EventData { ok: Some(ok), cached: Some(cached), wall_time_ms: ms(wall_time), text, base64, ..base }
            }
            EventKind::ExecutionStarted { case } => EventData { test: case, ..base },
            EventKind::Output { case, stream, data } => {
                let (text, base64) = text_or_base64(&data);
                let stream = match stream {
                    Stream::Stdout => "stdout",
                    Stream::Stderr => "stderr",
                };
                EventData { test: case, stream: Some(stream), text, base64, ..base }
            }
            EventKind::ExecutionEnded { case, verdict, outcome: _, usage } => {
                let ended = EventData { test: case, verdict: Some(verdict.code()), ..base };
                if usage == Usage::default() {
                    return ended;
                }
                EventData {
                    execution_time_ms: ms(usage.cpu_time),
                    wall_time_ms: ms(usage.wall_time),
                    memory_used_kb: Some(usage.memory.as_kib()),
                    start: usage.start.map(StartView::from),
                    accuracy: AccuracyView::of(usage.accuracy),
                    ..ended
                }
            }
            EventKind::Finished { verdict } => EventData { verdict: Some(verdict.code()), ..base },
        }
    }
}

fn text_or_base64(data: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(data) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(BASE64_STANDARD.encode(data))),
    }
}

/// Follow a submission.
///
/// Events of a problem's hidden tests are sent once per second and at the end, in the order in which the tests ran.
///
/// While a submission waits for a worker and its position in the queue changes, `queued` is repeated with larger
/// sequence numbers. It is also repeated when the workers have pulled the container image for which it waits
/// (`pulling`).
///
/// Events in order: `queued`, `started`, `compile.start`, `compile.end`, then `test.start`, `output` (any number),
/// `test.end` for each test, and last `verdict`. `gap` means that events were dropped for this client. If the
/// submission is due in more than one minute, the stream ends with `scheduled`; follow it again at `run_at`. A client
/// that uses a ticket then needs a new one.
///
/// The stream ends within five seconds after the session or the API key that opened it has ended.
#[utoipa::path(
    get, path = "/execute/{submission_id}/events", tag = "execute", operation_id = "events",
    params(
        ("submission_id" = String, Path, description = "The id from the response of `POST /execute`", format = Uuid),
        AfterParams,
        ("Last-Event-ID" = Option<u64>, Header, description = "Number of the last event that the client has"),
    ),
    responses(
        (status = 200, description = "A stream of events; `data` is one JSON object", body = EventData, content_type = "text/event-stream"),
        (status = 204, description = "The client already has the last event"),
        (status = 404, description = "The submission does not exist, or it belongs to another user", body = ErrorBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn events(
    State(app): State<Shared>,
    follower: Follower,
    Id(id): Id<SubmissionId>,
    Params(params): Params<AfterParams>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let last = match headers.get(LAST_EVENT_ID) {
        None => None,
        Some(value) => Some(value.to_str().ok().and_then(|v| v.trim().parse::<u64>().ok()).ok_or_else(|| {
            ApiError::new(ErrorKind::InvalidHeader, "`Last-Event-ID` must be the number of an event.")
        })?),
    };
    let after = last.or(params.after);
    let ticket = TicketUse::Stream(id);
    let holder = follower.holder(&app, ticket).await?;
    let record = app.core.submission(&holder.viewer, id).await?.ok_or_else(|| ApiError::not_found("submission"))?;
    let now = app.core.now();
    if let Some(run_at) = record.submission.run_at
        && !record.state.is_final()
        && run_at.duration_since(now) > DUE_SOON
    {
        follower.enter(&app, ticket).await?;
        return Ok(scheduled(id, after.unwrap_or(0), run_at, now));
    }
    let open = app.long_answers.begin(holder.user)?;
    follower.enter(&app, ticket).await?;
    let Some(mut log) = app.core.follow(&holder.viewer, id, Seq(after.unwrap_or(0))).await? else {
        return Err(ApiError::not_found("submission"));
    };
    let mut first = None;
    if after.is_some() && record.state.is_final() {
        // The log of a finished submission is in the store, so this does not wait.
        first = log.next().await;
        if first.is_none() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    }
    let access = {
        let app = app.clone();
        Box::pin(async move { Holder::until_access_ends(&holder, &app).await })
    };
    let reader = Reader { id, last: after.unwrap_or(0), first, log, access, app: app.clone(), _open: open };
    let events = stream::unfold(reader, |mut reader| async move {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    let mut response =
        Sse::new(events).keep_alive(KeepAlive::new().interval(app.settings.event_ping).text("ping")).into_response();
    response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

impl EventData {
    /// `scheduled`: the submission is due at `run_at`.
    pub(crate) fn scheduled(id: SubmissionId, after: u64, run_at: Timestamp, now: Timestamp) -> EventData {
        EventData { run_at: Some(rfc3339(run_at)), ..EventData::gap(id, after, now) }
    }

    /// `gap`: events after the event with this number were dropped.
    pub(crate) fn gap(id: SubmissionId, after: u64, now: Timestamp) -> EventData {
        EventData { submission_id: id.to_string(), seq: after, t: rfc3339(now), ..EventData::default() }
    }
}

/// A stream with one event, the time at which the submission is due.
fn scheduled(id: SubmissionId, after: u64, run_at: Timestamp, now: Timestamp) -> Response {
    let data = EventData::scheduled(id, after, run_at, now);
    let retry = Duration::try_from(run_at.duration_since(now).min(RETRY_MAX)).unwrap_or_default();
    let event = SseEvent::default().event("scheduled").retry(retry).json_data(data);
    let event = event.inspect_err(|error| tracing::error!(%error, "cannot write an event")).ok();
    let mut response = Sse::new(stream::iter(event.map(Ok::<_, Infallible>))).into_response();
    response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

struct Reader {
    id: SubmissionId,
    /// Number of the last event that the client has.
    last: u64,
    first: Option<Followed>,
    log: Follow,
    /// Completes when the client's access ends. The events do not wait for the checks, and the checks go on from one
    /// event to the next.
    access: Pin<Box<dyn Future<Output = AccessEnded> + Send>>,
    app: Shared,
    _open: LongAnswer,
}

impl Reader {
    async fn next(&mut self) -> Option<SseEvent> {
        let received = match self.first.take() {
            Some(received) => received,
            None => tokio::select! {
                received = self.log.next() => received?,
                () = self.app.wait_ends() => return None,
                _ = &mut self.access => return None,
            },
        };
        let Followed { received, position, pulling } = received;
        let event = match received {
            Received::Event(event) => {
                let name = event.kind.name();
                self.last = event.seq.0;
                let seq = event.seq.0.to_string();
                SseEvent::default().event(name).id(seq).json_data(EventData::of(event, position, pulling))
            }
            Received::Gap => {
                let data = EventData::gap(self.id, self.last, self.app.core.now());
                SseEvent::default().event("gap").json_data(data)
            }
        };
        event.inspect_err(|error| tracing::error!(%error, "cannot write an event")).ok()
    }
}
