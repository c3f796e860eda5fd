//! Webhooks, from a submission to the receiver of the test.

use std::fs::{Permissions, set_permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_testkit::http::HttpReceiver;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::remote::{Proxy, self_signed};
use crate::support::{Server, cupel, end, eventually};

#[test]
fn a_webhook_is_signed_and_repeated_until_it_is_accepted() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[("CUPEL_WEBHOOKS__ALLOW_PRIVATE", "true")]);
    let receiver = HttpReceiver::start(["500 Not Yet", "204 Taken"]);
    let url = format!("{}/hook", receiver.url());
    let id = server.submit(&json!({ "language": "python", "source_code": "print(1)", "webhook": url }));

    let (first, taken) = (receiver.next(), receiver.next());
    let body = std::str::from_utf8(&taken.body).unwrap();
    assert!(taken.head.starts_with("POST /hook HTTP/1.1"), "{}", taken.head);
    assert_eq!(first.header("webhook-id"), taken.header("webhook-id"), "the id is the same at every try");
    // Regression: the body had the time of the attempt. That time is in a header.
    assert_eq!(std::str::from_utf8(&first.body), Ok(body), "the body is the same at every try");

    let secret = server.get("/api/v1/auth/webhook-secret").1["webhook_secret"].as_str().unwrap().to_owned();
    let secret = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    let signed =
        format!("{}.{}.{body}", taken.header("webhook-id").unwrap(), taken.header("webhook-timestamp").unwrap());
    mac.update(signed.as_bytes());
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(taken.header("webhook-signature"), Some(expected.as_str()));

    let event: Value = serde_json::from_str(body).unwrap();
    // The body has exactly the fields of the OpenAPI document, and times have milliseconds.
    let schemas = &server.get("/openapi.json").1["components"]["schemas"];
    for (value, schema) in [(&event, "WebhookEvent"), (&event["data"], "WebhookData")] {
        let fields =
            |value: &Value| value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(fields(value), fields(&schemas[schema]["properties"]), "{schema}");
    }
    for time in [&event["timestamp"], &event["data"]["submitted_at"], &event["data"]["completed_at"]] {
        assert_eq!(time.as_str().unwrap().len(), "2030-01-01T00:00:00.000Z".len(), "{time}");
    }
    assert_eq!((&event["type"], &event["data"]["submission_id"]), (&"submission.finished".into(), &id.into()));
    assert_eq!(event["timestamp"], event["data"]["completed_at"]);
    assert_eq!(event["data"]["start"], "warm");
    assert_eq!((&event["data"]["status"], &event["data"]["verdict"]), (&"completed".into(), &"AC".into()));
    eventually(|| server.text("/metrics").contains(r#"cupel_webhooks_total{result="delivered"} 1"#).then_some(()));
}

#[test]
fn private_addresses_are_refused_also_behind_a_host_name() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    receiver.set_nonblocking(true).unwrap();
    let port = receiver.local_addr().unwrap().port();
    let program = |host: &str| json!({ "language": "python", "source_code": "1", "webhook": format!("http://{host}:{port}/?key=secret") });
    // Addresses that can be resolved without a name server are refused immediately.
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"] {
        let (status, refused) = server.call("POST", "/api/v1/execute", Some(&server.key), Some(&program(host)));
        assert_eq!((status, &refused["code"]), (422, &"invalid-webhook".into()), "{host}: {refused}");
        assert_eq!(refused["errors"][0]["pointer"], "/webhook");
    }
    // This name is either a name of this machine or unknown.
    let id = server.submit(&program("ip6-localhost"));
    let deliveries = || server.get("/api/v1/webhooks/deliveries").1["deliveries"].clone();
    let failed = eventually(|| Some(deliveries()[0].clone()).filter(|delivery| !delivery["error"].is_null()));
    assert_eq!((&failed["submission_id"], &failed["status"]), (&id.clone().into(), &"pending".into()), "{failed}");
    let log = server.log();
    let received = log.lines().find(|line| line.contains("could not deliver a webhook")).unwrap();
    assert!(
        received.contains("WARN")
            && received.contains(&format!("ip6-localhost:{port}"))
            && !received.contains("secret"),
        "{received}"
    );
    // The delivery is sent again at once, before it is due. Another id is refused.
    let again = format!("/api/v1/webhooks/deliveries/{}/redeliver", failed["delivery_id"].as_str().unwrap());
    assert_eq!(server.call("POST", &again, Some(&server.key), None).0, 202);
    // The count of attempts starts again, so a further failure counts as the first failure.
    let once = "cupel_webhooks_total{result=\"failed\"} 1\n";
    eventually(|| (!server.text("/metrics").contains(once) && deliveries()[0]["tries"] == 1).then_some(()));
    let other = again.replace(failed["delivery_id"].as_str().unwrap(), &id);
    assert_eq!(server.call("POST", &other, Some(&server.key), None).0, 404);
    assert_eq!(receiver.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody came");
}

#[test]
fn an_operator_gets_one_alert_when_workers_stop_and_one_when_they_resume() {
    let receiver = HttpReceiver::start(["204 Taken"]);
    let url = format!("{}/alerts", receiver.url());
    let data = tempfile::tempdir().unwrap();
    let settings = [
        ("CUPEL_ALERTS__URL", url.as_str()),
        ("CUPEL_ALERTS__SECRET", "sixteen letters!"),
        ("CUPEL_ALERTS__PATIENCE", "1s"),
    ];
    let _server = Server::start(data.path(), &settings);
    let tell = |what: &str| {
        let ended = end(cupel(["admin", what, "--data", data.path().to_str().unwrap()]), b"");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    };
    // An alert whose response arrives too late is sent again under the same id.
    let mut ids = Vec::new();
    let mut next = || {
        loop {
            let received = receiver.next();
            let (id, at) = (received.header("webhook-id").unwrap(), received.header("webhook-timestamp").unwrap());
            let body = std::str::from_utf8(&received.body).unwrap();
            let mut mac = Hmac::<Sha256>::new_from_slice(b"sixteen letters!").unwrap();
            mac.update(format!("{id}.{at}.{body}").as_bytes());
            let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
            assert_eq!(received.header("webhook-signature"), Some(expected.as_str()));
            if ids.contains(&id.to_owned()) {
                continue;
            }
            ids.push(id.to_owned());
            let event: Value = serde_json::from_str(body).unwrap();
            let alert = event["data"]["alert"].as_str().unwrap();
            // The disk of the test machine may be nearly full, which causes an additional alert.
            if alert != "disk-low" {
                return (event["type"].as_str().unwrap().to_owned(), alert.to_owned());
            }
        }
    };
    tell("pause");
    let firing = next();
    tell("resume");
    let received = [firing, next()];
    let expected = [("alert.firing", "no-workers"), ("alert.resolved", "no-workers")];
    assert_eq!(received, expected.map(|(kind, name)| (kind.to_owned(), name.to_owned())));
}

/// Regression: only the public authorities were trusted.
#[test]
fn alerts_and_traces_go_to_receivers_whose_certificates_the_machine_trusts() {
    let (receiver, data) = (HttpReceiver::start(["200 OK"]), tempfile::tempdir().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (certificate, config) = self_signed(folder.path());
    // The server reads it as the owner of its data directory.
    for path in [folder.path(), &certificate] {
        set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let proxy = Proxy::start(receiver.url(), Some(config));
    let (alerts, traces) = (format!("https://{}/alerts", proxy.at), format!("https://{}", proxy.at));
    let settings = [
        ("CUPEL_ALERTS__URL", alerts.as_str()),
        ("CUPEL_ALERTS__PATIENCE", "0s"),
        ("CUPEL_TRACES__URL", traces.as_str()),
        ("SSL_CERT_FILE", certificate.to_str().unwrap()),
    ];
    let server = Server::start(data.path(), &settings);
    let paused = end(cupel(["admin", "pause", "--data", data.path().to_str().unwrap()]), b"");
    assert_eq!(paused.code, Some(0), "{}", paused.stderr);
    server.get("/api/v1/languages");
    let mut expected = vec!["POST /alerts ", "POST /v1/traces "];
    while !expected.is_empty() {
        let head = receiver.next().head;
        expected.retain(|start| !head.starts_with(start));
    }
}
