//! Input of interactive runs over a live connection; the test acts as the worker.

use std::time::Duration;

use cupel_core::live::{INPUTS_MAX, InputCount};
use cupel_http::{Rate, TierRates};
use cupel_types::{Live, LiveInput, LiveSignal, PriorityClass, SubmissionKind, TerminalSize};
use serde_json::{Value, json};

use super::{Client, PATIENCE, address_of, program, start};
use crate::app::{TestApp, a_report};

fn interactive(id: &str) -> Value {
    json!({ "type": "start", "id": id, "request": program(), "interactive": true })
}

#[tokio::test]
async fn input_reaches_the_worker_and_its_credit_reaches_the_client() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    client.send(json!({ "type": "start", "id": "a", "request": program(), "tty": { "cols": 80, "rows": 24 } })).await;
    let run = client.until("accepted").await["run"].clone();
    let first = client.until("input").await;
    assert_eq!((&first["seq"], &first["bytes"], &first["consumed_bytes"]), (&json!(0), &json!(0), &json!(0)));
    client.send(json!({ "type": "stdin", "run": run, "seq": 1, "text": "a\n" })).await;
    client.send(json!({ "type": "stdin", "run": run, "seq": 2, "base64": "/w==" })).await;
    client.send(json!({ "type": "resize", "run": run, "seq": 3, "cols": 100, "rows": 30 })).await;
    client.send(json!({ "type": "signal", "run": run, "seq": 4, "signal": "INT" })).await;
    client.send(json!({ "type": "stdin.end", "run": run, "seq": 5 })).await;
    let assignment = app.next_run().await;
    let submission = &assignment.leased.submission;
    assert_eq!(submission.priority, PriorityClass::Interactive);
    let SubmissionKind::Program(of) = &submission.kind else { panic!("{submission:?}") };
    assert_eq!(of.live, Some(Live { terminal: TerminalSize::new(80, 24) }));
    let mut inputs = app.core.inputs(submission.id).await;
    for expected in [
        LiveInput::Bytes(b"a\n".to_vec()),
        LiveInput::Bytes(vec![0xff]),
        LiveInput::Resize(TerminalSize { columns: 100, rows: 30 }),
        LiveInput::Signal(LiveSignal::Interrupt),
        LiveInput::EndOfInput,
    ] {
        let input = tokio::time::timeout(PATIENCE, inputs.next()).await.expect("an input arrives");
        assert_eq!(input, Some(Ok(expected)));
    }
    app.core.report_consumed(submission.id, 1, 1, InputCount { inputs: 5, bytes: 3 });
    let credit = client.until("input").await;
    assert_eq!(
        (&credit["seq"], &credit["bytes"], &credit["consumed_seq"], &credit["consumed_bytes"]),
        (&json!(5), &json!(3), &json!(5), &json!(3))
    );
    app.core.complete(&assignment, a_report(), Vec::new()).await.unwrap();
    client.event("verdict").await;
    client.refused(json!({ "type": "stdin", "run": run, "seq": 6, "text": "" }), "conflict").await;
}

#[tokio::test]
async fn repeated_input_is_dropped_a_gap_is_refused_and_the_window_is_bounded() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    client.send(interactive("a")).await;
    let run = client.until("accepted").await["run"].clone();
    let stdin =
        |seq: u32, text: &str| json!({ "type": "stdin", "id": seq.to_string(), "run": run, "seq": seq, "text": text });
    let half = "x".repeat(LiveInput::WINDOW / 2);
    client.send(stdin(1, &half)).await;
    client.send(stdin(1, "repeated")).await;
    let answer = client.refused(stdin(3, "x"), "input-out-of-order").await;
    assert_eq!((&answer["id"], &answer["run"]), (&json!("3"), &run));
    client.send(stdin(2, &half)).await;
    client.refused(stdin(3, "x"), "input-window-full").await;
    client.refused(stdin(3, &"x".repeat(LiveInput::WINDOW + 1)), "body-too-large").await;
    let assignment = app.next_run().await;
    let id = assignment.leased.submission.id;
    app.core.report_consumed(id, 1, 1, InputCount { inputs: 1, bytes: 10 });
    while client.until("input").await["consumed_bytes"] != 10 {}
    client.send(stdin(3, "0123456789")).await;
    client.refused(stdin(4, "x"), "input-window-full").await;
    let mut inputs = app.core.inputs(id).await;
    for expected in [half.as_bytes(), half.as_bytes(), b"0123456789"] {
        assert_eq!(inputs.next().await, Some(Ok(LiveInput::Bytes(expected.to_vec()))));
    }
}

#[tokio::test]
async fn repeated_inputs_beyond_those_of_a_lost_connection_are_charged() {
    let hourly = |burst| Rate::new(burst, Duration::from_secs(3600), burst);
    // The handshake is a read, too.
    let tier = TierRates { submissions: hourly(9), reads: hourly(2) };
    let app = TestApp::with_settings(|s| {
        s.tiers.insert("basic".into(), tier);
    })
    .await;
    let mut client = Client::connect(address_of(&app).await, &app.user().await).await;
    client.send(interactive("a")).await;
    let run = client.until("accepted").await["run"].clone();
    let input = json!({ "type": "stdin", "run": run, "seq": 1, "text": "x" });
    // The first is accepted, and the last is the one read that is left.
    for _ in 0..1 + INPUTS_MAX + 1 {
        client.send(input.clone()).await;
    }
    client.refused(input, "rate-limited").await;
}

/// Regression: a user could fill the bus with the input of thousands of waiting runs, because only that of each run was
/// bounded.
#[tokio::test]
async fn the_unread_input_of_a_users_runs_is_bounded_together_also_after_the_client_has_left() {
    let many = Rate::per_minute(10_000, 10_000);
    let app = TestApp::with_settings(|settings| {
        settings.tiers.insert("basic".into(), TierRates { submissions: many, reads: many });
    })
    .await;
    let user = app.user().await;
    let at = address_of(&app).await;
    let full = "x".repeat(LiveInput::WINDOW);
    let stdin = |run: &Value, seq: u32, text: &str| json!({ "type": "stdin", "run": run, "seq": seq, "text": text });
    let mut runs = Vec::new();
    let mut client = Client::connect(at, &user).await;
    // An input counts as 1 KiB more than it has: 63 of these have less than 4 MiB together, and 64 have more.
    for _ in 0..63 {
        client.send(interactive("a")).await;
        let run = client.until("accepted").await["run"].clone();
        client.send(stdin(&run, 1, &full)).await;
        client.send(json!({ "type": "detach", "run": run })).await;
        client.until("detached").await;
        runs.push(run);
    }
    drop(client);
    let mut client = Client::connect(at, &user).await;
    let mut more = Vec::new();
    for _ in 0..3 {
        client.send(interactive("b")).await;
        more.push(client.until("accepted").await["run"].clone());
    }
    client.refused(stdin(&more[0], 1, &full), "rate-limited").await;
    let mut other = Client::connect(at, &app.user().await).await;
    other.send(interactive("c")).await;
    let others = other.until("accepted").await["run"].clone();
    other.send(stdin(&others, 1, &full)).await;
    other.refused(stdin(&others, 2, "x"), "input-window-full").await;
    // The worker of one run consumes its input, and another run is cancelled. So there is room for two inputs.
    let assignment = app.next_run().await;
    app.core.report_consumed(assignment.leased.submission.id, 1, 1, InputCount { inputs: 1, bytes: full.len() as u64 });
    client.send(json!({ "type": "kill", "run": runs[62] })).await;
    client.until("killed").await;
    for run in &more[..2] {
        let accepted = async {
            loop {
                client.send(stdin(run, 1, &full)).await;
                client.send(stdin(run, 2, "x")).await;
                // The answer to the second input: only an accepted first input fills the window.
                let mut code = json!("rate-limited");
                while code == "rate-limited" {
                    code = client.until("error").await["error"]["code"].clone();
                }
                if code == "input-window-full" {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, accepted).await.expect("the input is accepted");
    }
    client.refused(stdin(&more[2], 1, &full), "rate-limited").await;
}

/// Regression: the worker waited for the first report that a client follows the run, so a run whose client had left
/// before occupied its slot up to the wall-clock limit.
#[tokio::test]
async fn the_worker_of_an_interactive_run_learns_that_it_had_a_client_even_if_none_has_followed_it() {
    let app = TestApp::start().await;
    let mut client = Client::connect(address_of(&app).await, &app.user().await).await;
    let mut start = interactive("a");
    // A connection does not follow a run that is due later.
    let later = app.core.now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    start["request"]["run_at"] = json!(later.to_string());
    client.send(start).await;
    let run = client.until("accepted").await["run"].as_str().unwrap().parse().unwrap();
    client.until("detached").await;
    let mut presence = app.core.presence(run).await;
    let report = tokio::time::timeout(PATIENCE, presence.next()).await;
    assert_eq!(report.expect("there is a report"), Some(()));
}

#[tokio::test]
async fn a_reconnecting_client_learns_which_input_has_arrived_and_continues() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let at = address_of(&app).await;
    let mut first = Client::connect(at, &user).await;
    first.send(interactive("a")).await;
    let run = first.until("accepted").await["run"].clone();
    for seq in 1..=3 {
        first.send(json!({ "type": "stdin", "run": run, "seq": seq, "text": "ab" })).await;
    }
    let assignment = app.next_run().await;
    let id = assignment.leased.submission.id;
    let mut inputs = app.core.inputs(id).await;
    for _ in 1..=3 {
        inputs.next().await.unwrap().unwrap();
    }
    app.core.report_consumed(id, 1, 1, InputCount { inputs: 2, bytes: 4 });
    drop(first);
    let mut second = Client::connect(at, &user).await;
    second.send(json!({ "type": "attach", "id": "b", "run": run })).await;
    let state = second.until("input").await;
    assert_eq!(
        (&state["seq"], &state["bytes"], &state["consumed_seq"], &state["consumed_bytes"]),
        (&json!(3), &json!(6), &json!(2), &json!(4))
    );
    // The client repeats inputs that may have been lost.
    for (seq, text) in [(3, "ab"), (4, "cd")] {
        second.send(json!({ "type": "stdin", "run": run, "seq": seq, "text": text })).await;
    }
    let input = tokio::time::timeout(PATIENCE, inputs.next()).await.expect("an input arrives");
    assert_eq!(input, Some(Ok(LiveInput::Bytes(b"cd".to_vec()))));
}

#[tokio::test]
async fn bad_input_is_refused_and_the_connection_stays_open() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let mut client = Client::connect(address_of(&app).await, &user).await;
    client.send(start("plain")).await;
    let plain = client.until("accepted").await["run"].clone();
    client.refused(json!({ "type": "stdin", "run": plain, "seq": 1, "text": "x" }), "conflict").await;
    client.send(interactive("live")).await;
    let run = client.until("accepted").await["run"].clone();
    for (message, code) in [
        (json!({ "type": "stdin", "run": run, "text": "x" }), "invalid-body"),
        (json!({ "type": "stdin", "run": run, "seq": -1, "text": "x" }), "invalid-body"),
        (json!({ "type": "stdin", "run": run, "seq": 1 }), "invalid-body"),
        (json!({ "type": "stdin", "run": run, "seq": 1, "text": "", "base64": "" }), "invalid-body"),
        (json!({ "type": "stdin", "run": run, "seq": 1, "base64": "*" }), "invalid-body"),
        (json!({ "type": "signal", "run": run, "seq": 1, "signal": "STOP" }), "invalid-body"),
        (json!({ "type": "resize", "run": run, "seq": 1, "cols": 0, "rows": 24 }), "invalid-body"),
        (json!({ "type": "stdin.end", "run": run, "seq": 2 }), "input-out-of-order"),
    ] {
        client.refused(message, code).await;
    }
    let mut with_input = program();
    with_input["stdin"] = json!("x");
    let message = json!({ "type": "start", "request": with_input, "interactive": true });
    let answer = client.refused(message, "invalid-submission").await;
    assert_eq!(answer["error"]["errors"][0]["pointer"], "/request/stdin");
    let size = json!({ "cols": 80, "rows": 1001 });
    client.refused(json!({ "type": "start", "request": program(), "tty": size }), "invalid-body").await;
    client.send(json!({ "type": "stdin.end", "run": run, "seq": 1 })).await;
    client.send(json!({ "type": "kill", "run": run })).await;
    client.until("killed").await;
}
