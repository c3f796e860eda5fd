//! Tests of the event log of a submission as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use cupel_core::event::{Event, EventKind, Seq, Stream};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::app::{Call, TestApp, TestUser, a_report};
use crate::live::address_of;

/// (id, event, data) of every event in the text; comments are skipped.
pub(crate) fn events_of(text: &str) -> Vec<(u64, String, Value)> {
    let field = |block: &str, name: &str| {
        let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        lines.map(|v| v.strip_prefix(' ').unwrap_or(v).to_owned()).next()
    };
    text.split("\n\n")
        .filter_map(|block| {
            let data = serde_json::from_str(&field(block, "data")?).unwrap();
            Some((field(block, "id").and_then(|id| id.parse().ok()).unwrap_or(0), field(block, "event").unwrap(), data))
        })
        .collect()
}

fn body() -> Value {
    json!({ "language": "python", "source_code": "print(42)" })
}

#[tokio::test]
async fn the_stream_of_an_ended_submission_is_complete_and_ends() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = app.submit(&user, &body()).await;
    app.complete(a_report()).await;
    let place = format!("/api/v1/execute/{id}/events");
    let answer = app.get(&place).bearer(&user.token).send().await;
    assert_eq!((answer.header("content-type"), answer.header("x-accel-buffering")), ("text/event-stream", "no"));
    let events = events_of(&answer.text);
    let names: Vec<&str> = events.iter().map(|(_, name, _)| &**name).collect();
    assert_eq!(names, ["queued", "started", "test.start", "output", "verdict"]);
    assert!(events.is_sorted_by(|a, b| a.0 < b.0), "numbers grow");
    let (seq, _, output) = &events[3];
    assert_eq!(
        (&output["submission_id"], &output["seq"], &output["stream"], &output["text"]),
        (&json!(id), &json!(seq), &json!("stdout"), &json!("42\n"))
    );
    assert_eq!(events[4].2["verdict"], "AC");

    // A stream that resumes after an event has exactly the later events.
    for (at, (seq, _, _)) in events.iter().enumerate().take(events.len() - 1) {
        let rest = app.get(&place).bearer(&user.token).header("last-event-id", &seq.to_string()).send().await;
        assert_eq!(events_of(&rest.text), events[at + 1..]);
        let rest = app.get(&format!("{place}?after={seq}")).bearer(&user.token).send().await;
        assert_eq!(events_of(&rest.text), events[at + 1..]);
    }
    let last = events[4].0.to_string();
    assert_eq!(app.get(&place).bearer(&user.token).header("last-event-id", &last).send().await.status, 204);
}

#[tokio::test]
async fn a_client_with_the_last_event_is_told_so_also_after_a_restart() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = app.submit(&user, &body()).await;
    app.complete(a_report()).await;
    let place = format!("/api/v1/execute/{id}/events");
    let (last, ..) = events_of(&app.get(&place).bearer(&user.token).send().await.text).pop().unwrap();
    let restarted = app.restarted();
    for after in [last, last + 1, u64::MAX] {
        let call = restarted.get(&place).bearer(&user.token).header("last-event-id", &after.to_string());
        let answer = tokio::time::timeout(Duration::from_secs(120), call.send()).await.expect("an answer");
        assert_eq!(answer.status, 204, "{after}: {answer:?}");
    }
}

#[tokio::test]
async fn events_arrive_while_the_program_runs() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = app.submit(&user, &body()).await;
    let following = app.get(&format!("/api/v1/execute/{id}/events")).bearer(&user.token).send();
    let (answer, ()) = tokio::join!(following, app.complete(a_report()));
    let names: Vec<String> = events_of(&answer.text).into_iter().map(|(_, name, _)| name).collect();
    assert_eq!((names.first().map(|n| &**n), names.last().map(|n| &**n)), (Some("queued"), Some("verdict")));
}

#[tokio::test]
async fn a_cancelled_submission_ends_its_log() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = app.submit(&user, &body()).await;
    let following = app.get(&format!("/api/v1/execute/{id}/events")).bearer(&user.token).send();
    let cancelling = app.delete(&format!("/api/v1/execute/{id}")).bearer(&user.token).send();
    let (answer, _) = tokio::join!(following, cancelling);
    let events = events_of(&answer.text);
    assert_eq!(
        events.last().map(|(_, name, data)| (&**name, data["verdict"].clone())),
        Some(("verdict", json!("CANCELLED")))
    );
}

#[tokio::test]
async fn the_stream_of_a_submission_scheduled_for_later_gives_its_time_and_ends() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let run_at = app.core.now().checked_add(jiff::SignedDuration::from_hours(29 * 24)).unwrap().to_string();
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x", "run_at": run_at })).await;
    let place = format!("/api/v1/execute/{id}/events");
    for _ in 0..200 {
        let answer = app.get(&place).bearer(&user.token).send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let [(_, name, data)] = &events_of(&answer.text)[..] else { panic!("{}", answer.text) };
        assert_eq!((&**name, &data["submission_id"]), ("scheduled", &json!(id)));
        assert!(data["run_at"].is_string() && answer.text.contains("retry: 3600000\n"), "{}", answer.text);
    }
    assert_eq!(app.delete(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await.status, 200);
    let ended = app.get(&place).bearer(&user.token).send().await;
    assert_eq!(events_of(&ended.text).last().map(|(_, name, _)| &**name), Some("verdict"));

    let soon = app.core.now().checked_add(jiff::SignedDuration::from_secs(30)).unwrap().to_string();
    let id = app.submit(&user, &json!({ "language": "python", "source_code": "x", "run_at": soon })).await;
    let following = app.get(&format!("/api/v1/execute/{id}/events")).bearer(&user.token).send();
    let (stream, ()) = tokio::join!(following, async { app.shutdown.cancel() });
    assert_eq!(stream.status, 200);
    assert!(!stream.text.contains("scheduled"), "{}", stream.text);
}

#[tokio::test]
async fn streams_and_waits_end_when_the_server_stops() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = app.submit(&user, &body()).await;
    let following = app.get(&format!("/api/v1/execute/{id}/events")).bearer(&user.token).send();
    let waiting = app.get(&format!("/api/v1/execute/{id}?wait=30")).bearer(&user.token).send();
    let stopping = async { app.shutdown.cancel() };
    let (stream, wait, ()) = tokio::join!(following, waiting, stopping);
    assert_eq!((stream.status.as_u16(), wait.status.as_u16(), &wait.json["status"]), (200, 200, &json!("queued")));
}

#[tokio::test]
async fn streams_of_a_user_who_is_disabled_or_deleted_end() {
    let app = TestApp::with_settings(|s| s.access_check = Duration::from_millis(20)).await;
    let (admin, sender) = (app.admin().await, app.user().await);
    // The followers are administrators, and the submission is not cancelled: only the access check can end the stream.
    let id = app.submit(&sender, &body()).await;
    let ends = async |follower: &TestUser, change: Call| {
        let response = app.get(&format!("/api/v1/execute/{id}/events")).bearer(&follower.token).start().await;
        assert_eq!(response.status(), 200);
        let changed = change.bearer(&admin.token).send().await;
        assert!(changed.status.is_success(), "{changed:?}");
        tokio::time::timeout(Duration::from_secs(120), response.into_body().collect()).await.expect("an end").unwrap();
    };
    let (disabled, deleted) = (app.admin().await, app.admin().await);
    let place = |user: &TestUser| format!("/api/v1/admin/users/{}", user.user.id);
    let disable = app.request(Method::PATCH, &place(&disabled)).json(&json!({ "disabled": true }));
    ends(&disabled, disable).await;
    ends(&deleted, app.delete(&place(&deleted))).await;
}

#[tokio::test]
async fn a_submission_of_a_user_who_is_disabled_after_the_credential_was_checked_is_refused() {
    let app = TestApp::start().await;
    let user = app.user().await;
    assert_eq!(app.get("/api/v1/auth/me").bearer(&user.token).send().await.status, 200);
    // Like another node, this leaves the identity in the cache of this node.
    app.accounts.set_disabled(user.user.id, true).await.unwrap();
    let batch = json!({ "submissions": [body()] });
    for (path, body) in [("/api/v1/execute", body()), ("/api/v1/execute/batch", batch)] {
        let refused = app.post(path, &body).bearer(&user.token).send().await;
        refused.is_error(401, "unauthorized");
        assert_eq!(refused.json["detail"], "This account is disabled. Ask an administrator.");
        assert!(refused.header("www-authenticate").starts_with("Bearer "), "{refused:?}");
    }
}

#[tokio::test]
async fn queued_submissions_of_a_disabled_or_deleted_user_are_cancelled() {
    let app = TestApp::start().await;
    let (admin, disabled, deleted, other) = (app.admin().await, app.user().await, app.user().await, app.user().await);
    let later = app.core.now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap().to_string();
    let scheduled = json!({ "language": "python", "source_code": "x", "run_at": later });
    let kept = app.submit(&other, &body()).await;
    let mut ended = Vec::new();
    for user in [&disabled, &deleted] {
        ended.push(app.submit(user, &body()).await);
        ended.push(app.submit(user, &scheduled).await);
    }
    let place = |user: &TestUser| format!("/api/v1/admin/users/{}", user.user.id);
    let disable = app.request(Method::PATCH, &place(&disabled)).json(&json!({ "disabled": true }));
    assert_eq!(disable.bearer(&admin.token).send().await.status, 200);
    assert_eq!(app.delete(&place(&deleted)).bearer(&admin.token).send().await.status, 204);
    let status = async |id: &str| {
        app.get(&format!("/api/v1/execute/{id}")).bearer(&admin.token).send().await.json["status"].clone()
    };
    app.core.sweep().await.unwrap();
    for id in &ended {
        assert_eq!(status(id).await, "cancelled");
    }
    assert_eq!(status(&kept).await, "queued");
}

#[tokio::test]
async fn a_slow_client_is_notified_of_missed_events() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = app.submit(&user, &body()).await;
    // The stream is open, and the client has not read from it.
    let response = app.get(&format!("/api/v1/execute/{id}/events")).bearer(&user.token).start().await;
    let assignment = app.next_run().await;
    let (submission, attempt) = (assignment.leased.submission.id, assignment.leased.attempt);
    for n in 1..=5000 {
        let kind = EventKind::Output { case: None, stream: Stream::Stdout, data: Arc::from(&b"x"[..]) };
        app.core.emit(Event { submission, seq: Seq::of_attempt(attempt, n), at: app.core.now(), kind });
    }
    app.core.complete(&assignment, a_report(), Vec::new()).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let events = events_of(std::str::from_utf8(&bytes).unwrap());
    let gap = events.iter().find(|(_, name, _)| name == "gap").expect("the stream has a gap event");
    assert_eq!(gap.2["submission_id"], json!(id));
    assert!(gap.2["seq"].is_u64() && gap.2["t"].is_string(), "{gap:?}");
    assert_eq!(events.last().map(|(_, name, _)| &**name), Some("verdict"), "the last event is sent after a gap, too");
    assert!(events.len() < 5000);
}

#[tokio::test]
async fn an_idle_stream_sends_keep_alives() {
    let app = TestApp::with_settings(|s| s.event_ping = Duration::from_millis(20)).await;
    let user = app.user().await;
    let id = app.submit(&user, &body()).await;
    let response = app.get(&format!("/api/v1/execute/{id}/events")).bearer(&user.token).start().await;
    let mut stream = response.into_body();
    let mut text = String::new();
    while !text.ends_with(": ping\n\n") {
        let frame = tokio::time::timeout(Duration::from_secs(120), stream.frame()).await.expect("a ping arrives");
        text.push_str(std::str::from_utf8(&frame.unwrap().unwrap().into_data().unwrap()).unwrap());
    }
    assert!(text.starts_with("event: queued\nid: 1\n"), "{text}");
}

#[tokio::test]
async fn a_queued_event_has_the_position_in_the_queue() {
    let app = TestApp::start().await;
    let user = app.user().await;
    app.submit(&user, &body()).await;
    let second = app.submit(&user, &body()).await;
    let address = address_of(&app).await;
    let request = format!(
        "GET /api/v1/execute/{second}/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\r\n",
        user.token
    );
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.contains("data:") {
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).await.unwrap();
        assert!(read > 0, "{text}");
        text += std::str::from_utf8(&bytes[..read]).unwrap();
    }
    assert!(text.contains("event: queued") && text.contains(r#""position":2"#), "{text}");
}
