//! Rules about accounts that hold for every facade.

use axum::body::Body;
use axum::http::Request;
use cupel_core::accounts::Scope;
use cupel_facades::Keyless;
use cupel_types::Outcome;
use serde_json::json;

use crate::app::{TestApp, ended};

#[tokio::test]
async fn a_run_of_a_user_who_is_disabled_after_the_key_was_checked_is_refused_like_the_key() {
    let request = |dialect: &str, key: &str| -> Request<Body> {
        let (mut request, header) = match dialect {
            "sandboxfusion" => {
                let body = json!({ "code": "", "language": "python" }).to_string();
                (TestApp::request("POST", "/run_code", &body), "authorization")
            }
            "piston" => {
                let body = json!({ "language": "python", "version": "*", "files": [{ "content": "" }] }).to_string();
                let kind = Some("application/json");
                (TestApp::piston_request("POST", "/api/v2/execute", kind, body.as_bytes()), "authorization")
            }
            "jobe" => {
                let body = json!({ "run_spec": { "language_id": "python3", "sourcecode": "x" } }).to_string();
                (TestApp::jobe_request("POST", "/runs", &body), "x-api-key")
            }
            _ => {
                let body = json!({ "language_id": 71, "source_code": "x" });
                (TestApp::judge0_request("POST", "/submissions", &body), "x-auth-token")
            }
        };
        let value = if header == "authorization" { format!("Bearer {key}") } else { key.to_owned() };
        request.headers_mut().insert(header, value.parse().unwrap());
        request
    };
    for (dialect, accepted, refused) in
        [("sandboxfusion", 200, 401), ("piston", 200, 401), ("jobe", 200, 403), ("judge0", 201, 401)]
    {
        let app = TestApp::start(Keyless::Nobody).await;
        let (user, key) = app.key(&[Scope::RunsWrite]).await;
        let report = ended(Outcome::Exited(0), "", "");
        let (first, _) = tokio::join!(app.send(request(dialect, &key)), app.complete(report));
        assert_eq!(first.status, accepted, "{dialect}: {}", first.text);
        app.disable(user).await;
        let second = app.send(request(dialect, &key)).await;
        assert_eq!(second.status, refused, "{dialect}: {}", second.text);
    }
}
