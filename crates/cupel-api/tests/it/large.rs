//! Tests of submissions with large output or large files: their responses, and the memory that responses may use.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cupel_types::{RunReport, StepReport};
use http_body_util::BodyExt;
use serde_json::json;

use crate::app::{TestApp, TestUser, a_report, a_step, output};

const MIB: usize = 1 << 20;

fn large_report() -> RunReport {
    let data = [0xff, 0x01, b'"', b'x'].repeat(MIB / 4);
    RunReport { execution: Some(StepReport { stdout: output(&data), ..a_step() }), ..a_report() }
}

async fn ended(app: &TestApp, by: &TestUser, report: RunReport) -> String {
    let id = app.submit(by, &json!({ "source_code": "print(42)", "language": "python" })).await;
    app.complete(report).await;
    id
}

/// A server with memory for one large response per user and two large responses in total.
async fn narrow() -> TestApp {
    TestApp::with_settings(|settings| {
        settings.answers_of_user_bytes_max = 5 * MIB;
        settings.answers_bytes_max = 10 * MIB;
        settings.answer_wait_max = Duration::ZERO;
    })
    .await
}

#[tokio::test]
async fn a_large_response_has_the_same_content_as_a_small_one() {
    let app = TestApp::start().await;
    let user = app.user().await;
    let id = ended(&app, &user, large_report()).await;
    let small = ended(&app, &user, a_report()).await;
    let one = app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token).send().await;
    assert_eq!((one.status.as_u16(), one.header("content-type")), (200, "application/json"));
    let data = BASE64_STANDARD.decode(one.json["stdout_base64"].as_str().unwrap()).unwrap();
    assert_eq!(data, [0xff, 0x01, b'"', b'x'].repeat(MIB / 4));
    assert_eq!(one.json["stdout"].as_str().unwrap(), "\u{fffd}\u{1}\"x".repeat(MIB / 4));
    let list = format!("/api/v1/execute?ids={small},{id},{id},{small},{id},{small}");
    let many = app.get(&list).bearer(&user.token).send().await;
    let items = many.json["submissions"].as_array().unwrap();
    assert_eq!(items.len(), 6, "a list of every size is one JSON document");
    assert_eq!(items[1], one.json);
    assert_eq!(items[5]["stdout"], "42\n");
}

#[tokio::test]
async fn an_unread_large_response_occupies_only_its_users_memory_share() {
    let app = narrow().await;
    let (user, other) = (app.user().await, app.user().await);
    let id = ended(&app, &user, large_report()).await;
    let of_other = ended(&app, &other, large_report()).await;
    let small = ended(&app, &user, a_report()).await;
    let get = |id: &str, user: &TestUser| app.get(&format!("/api/v1/execute/{id}")).bearer(&user.token);

    let open = get(&id, &user).start().await;
    assert_eq!(open.status(), 200);
    let refused = get(&id, &user).send().await;
    refused.is_error(429, "rate-limited");
    assert!(!refused.header("retry-after").is_empty());
    let list = app.get(&format!("/api/v1/execute?ids={id}")).bearer(&user.token);
    list.send().await.is_error(429, "rate-limited");
    assert_eq!(get(&small, &user).send().await.status, 200, "a small answer reserves no memory");
    assert_eq!(get(&of_other, &other).start().await.status(), 200);

    // A part of the response was read; its memory is still reserved.
    let mut body = open.into_body();
    body.frame().await.unwrap().unwrap();
    get(&id, &user).send().await.is_error(429, "rate-limited");
    drop(body);
    assert_eq!(get(&id, &user).send().await.status, 200);
    assert_eq!(get(&id, &user).send().await.status, 200, "an answer that was read has released its memory");
}

#[tokio::test]
async fn a_large_response_waits_for_memory() {
    let app = TestApp::with_settings(|settings| {
        settings.answers_of_user_bytes_max = 5 * MIB;
        settings.answer_wait_max = Duration::from_secs(60);
    })
    .await;
    let user = app.user().await;
    let id = ended(&app, &user, large_report()).await;
    let path = format!("/api/v1/execute/{id}");
    let open = app.get(&path).bearer(&user.token).start().await;
    let second = app.get(&path).bearer(&user.token);
    let (second, ()) = tokio::join!(second.start(), async move { drop(open) });
    assert_eq!(second.status(), 200);
}

/// Files of control characters take six times their size in JSON. Only the output was counted, so any number of slow
/// clients could request such files.
#[tokio::test]
async fn the_files_of_a_submission_occupy_the_memory_share_of_their_user() {
    let app = narrow().await;
    let user = app.user().await;
    let file = json!({ "path": "data.bin", "content_base64": BASE64_STANDARD.encode(vec![1; MIB / 2]) });
    let id = app.submit(&user, &json!({ "source_code": "1", "language": "python", "files": [file] })).await;
    let get = |path: String| app.get(&path).bearer(&user.token);
    let open = get(format!("/api/v1/submissions/{id}")).start().await;
    assert_eq!(open.status(), 200);
    get(format!("/api/v1/submissions/{id}")).send().await.is_error(429, "rate-limited");
    assert_eq!(get(format!("/api/v1/execute/{id}")).send().await.status, 200, "no files, so a small response");
    assert_eq!(get(format!("/api/v1/execute?ids={id}")).send().await.status, 200);
    drop(open);
    let whole = get(format!("/api/v1/submissions/{id}")).send().await;
    assert_eq!(whole.json["files"][1]["content"].as_str().map(str::len), Some(MIB / 2));
}
