//! Webhooks, from a submission to a receiver of the test's own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Server, cupel, end, eventually};

/// Reads one request: its head and its body.
fn receive(mut stream: TcpStream, answer: &str) -> (String, String) {
    let mut data = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&data).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").map_or(0, |v| v.parse().unwrap());
            if body.len() >= length {
                write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 0\r\n\r\n").unwrap();
                return (head.to_owned(), body.to_owned());
            }
        }
        let count = stream.read(&mut chunk).unwrap();
        assert!(count > 0, "the request ended early: {text}");
        data.extend_from_slice(&chunk[..count]);
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .find_map(|line| line.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()))
}

#[test]
fn a_webhook_is_signed_and_repeated_until_it_is_taken() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[("CUPEL_WEBHOOKS__ALLOW_PRIVATE", "true")]);
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    let id = server.submit(&json!({ "language": "python", "source_code": "print(1)", "webhook": url }));

    let (first, _) = receive(receiver.accept().unwrap().0, "500 Not Yet");
    let (head, body) = receive(receiver.accept().unwrap().0, "204 Taken");
    assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
    assert_eq!(header(&first, "webhook-id"), header(&head, "webhook-id"), "the same at every try");

    let secret = server.get("/api/v1/auth/webhook-secret").1["webhook_secret"].as_str().unwrap().to_owned();
    let secret = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    let signed =
        format!("{}.{}.{body}", header(&head, "webhook-id").unwrap(), header(&head, "webhook-timestamp").unwrap());
    mac.update(signed.as_bytes());
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(header(&head, "webhook-signature"), Some(expected.as_str()));

    let event: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&event["type"], &event["data"]["submission_id"]), (&"submission.finished".into(), &id.into()));
    assert_eq!((&event["data"]["status"], &event["data"]["verdict"]), (&"completed".into(), &"AC".into()));
    eventually(|| server.text("/metrics").contains(r#"cupel_webhooks_total{result="delivered"} 1"#).then_some(()));
}

#[test]
fn private_addresses_are_refused_also_behind_a_name() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    receiver.set_nonblocking(true).unwrap();
    let port = receiver.local_addr().unwrap().port();
    let hosts = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"];
    for host in hosts {
        server.submit(&json!({ "language": "python", "source_code": "", "webhook": format!("http://{host}:{port}/") }));
    }
    let failed = format!("cupel_webhooks_total{{result=\"failed\"}} {}", hosts.len());
    eventually(|| server.text("/metrics").contains(&failed).then_some(()));
    assert_eq!(receiver.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody came");
}

#[test]
fn an_operator_is_told_once_when_workers_stop_and_once_when_they_go_on() {
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/alerts", receiver.local_addr().unwrap());
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
    // One that was answered too late for its sender comes again under the same id.
    let mut ids = Vec::new();
    let mut next = || {
        loop {
            let (head, body) = receive(receiver.accept().unwrap().0, "204 Taken");
            let (id, at) = (header(&head, "webhook-id").unwrap(), header(&head, "webhook-timestamp").unwrap());
            let mut mac = Hmac::<Sha256>::new_from_slice(b"sixteen letters!").unwrap();
            mac.update(format!("{id}.{at}.{body}").as_bytes());
            let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
            assert_eq!(header(&head, "webhook-signature"), Some(expected.as_str()));
            if ids.contains(&id.to_owned()) {
                continue;
            }
            ids.push(id.to_owned());
            let event: Value = serde_json::from_str(&body).unwrap();
            let alert = event["data"]["alert"].as_str().unwrap();
            // The disk under the test may be nearly full.
            if alert != "disk-low" {
                return (event["type"].as_str().unwrap().to_owned(), alert.to_owned());
            }
        }
    };
    tell("pause");
    let firing = next();
    tell("resume");
    let told = [firing, next()];
    let expected = [("alert.firing", "no-workers"), ("alert.resolved", "no-workers")];
    assert_eq!(told, expected.map(|(kind, name)| (kind.to_owned(), name.to_owned())));
}
