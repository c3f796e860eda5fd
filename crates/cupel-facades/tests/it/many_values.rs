//! Bodies with many small values, which take far more memory than their bytes.

use cupel_core::Bounds;
use cupel_facades::{Judge0Options, Keyless, PistonOptions};
use serde_json::{Value, json};

use crate::app::{TestApp, TestSettings};

const REASON: &str = "The body has more than 100000 JSON values. Send less in one request.";

#[tokio::test]
async fn a_body_with_too_many_values_is_refused_in_the_form_of_the_original() {
    let piston = PistonOptions { strict: false, any_content_type: false };
    let app = TestApp::start_with(Keyless::Loopback, TestSettings { piston, ..TestSettings::default() }).await;
    let body = format!(r#"{{"unknown":[{}0]}}"#, r#"{"a":0},"#.repeat(50_000));
    let entry = json!({
        "type": "too_long", "loc": ["body"], "msg": REASON, "url": "https://errors.pydantic.dev/2.6/v/too_long",
    });
    let judge0 = |path: &str| {
        let mut request = TestApp::judge0_request("POST", path, &Value::Null);
        *request.body_mut() = body.clone().into();
        request
    };
    let json = Some("application/json");
    for (request, status, expected) in [
        (judge0("/submissions"), 413, json!({ "error": REASON })),
        (judge0("/submissions/batch"), 413, json!({ "error": REASON })),
        (TestApp::jobe_request("POST", "/runs", &body), 413, json!(REASON)),
        (TestApp::jobe_request("PUT", "/files/randomid01", &body), 413, json!(REASON)),
        (
            TestApp::piston_request("POST", "/api/v2/execute", json, body.as_bytes()),
            400,
            json!({ "stack": "PayloadTooLargeError: request entity too large" }),
        ),
        (TestApp::request("POST", "/run_code", &body), 422, json!({ "detail": [entry] })),
        (TestApp::request("POST", "/submit", &body), 422, json!({ "detail": [entry] })),
    ] {
        let uri = request.uri().clone();
        let answer = app.send(request).await;
        assert_eq!((answer.status, &answer.json), (status, &expected), "{uri}");
    }
}

#[tokio::test]
async fn a_batch_of_the_configured_size_may_have_all_attributes() {
    let bounds = Bounds { batch_max: 5000, ..Bounds::default() };
    let judge0 = Judge0Options { max_submission_batch_size: 5000, ..Judge0Options::default() };
    let settings = TestSettings { bounds, judge0, ..TestSettings::default() };
    let app = TestApp::start_with(Keyless::Loopback, settings).await;
    // No submission is valid, so that none is stored.
    let mut one = json!({ "language_id": 0, "source_code": "" });
    one.as_object_mut().unwrap().extend((0..22).map(|n| (format!("attribute_{n}"), json!(1))));
    let answer = app.judge0("POST", "/submissions/batch", &json!({ "submissions": vec![one; 5000] })).await;
    assert_eq!((answer.status, answer.json.as_array().map(Vec::len)), (422, Some(5000)));
}
