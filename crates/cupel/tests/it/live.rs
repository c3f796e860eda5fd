//! Live runs with the real sandbox: a program reads what a client types, on one machine and across nodes.

use std::net::TcpStream;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use crate::support::{PATIENCE, Server, eventually};

/// Answers every line until the end of its input.
const LOOP: &str = "
while True:
    try:
        line = input('name? ')
    except EOFError:
        break
    print('hello', line, flush=True)
print('bye')
";

/// A WebSocket client.
pub(crate) struct Client(WebSocket<TcpStream>);

impl Client {
    pub(crate) fn connect(url: &str, key: &str) -> Client {
        let place = url.strip_prefix("http://").unwrap().trim_end_matches('/');
        let mut request = format!("ws://{place}/api/v1/live").into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        let stream = TcpStream::connect(place).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(client(request, stream).unwrap().0)
    }

    fn send(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).unwrap();
    }

    fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.read().unwrap() {
                return serde_json::from_str(text.as_str()).unwrap();
            }
        }
    }

    fn until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next();
            assert_ne!(message["type"], "error", "{message}");
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Reads output until it ends with `end`; returns the number of the last event.
    fn output_until(&mut self, end: &str) -> u64 {
        let mut output = String::new();
        loop {
            let message = self.until("event");
            assert_ne!(message["event"], "verdict", "{output:?} {message}");
            if message["event"] == "output" {
                output += message["data"]["text"].as_str().unwrap();
                if output.ends_with(end) {
                    return message["data"]["seq"].as_u64().unwrap();
                }
            }
        }
    }

    fn verdict(&mut self) -> Value {
        loop {
            let message = self.until("event");
            if message["event"] == "verdict" {
                return message["data"]["verdict"].clone();
            }
        }
    }

    /// Starts short runs until one is accepted: a worker may have just started.
    pub(crate) fn until_accepted(&mut self) {
        eventually(|| {
            let request = json!({ "language": "python", "source_code": "pass" });
            self.send(&json!({ "type": "start", "request": request }));
            (self.next()["type"] == "accepted").then_some(())
        });
        self.verdict();
    }

    fn start(&mut self, source: &str) -> Value {
        let request = json!({ "language": "python", "source_code": source });
        self.send(&json!({ "type": "start", "id": "a", "request": request, "interactive": true }));
        self.until("accepted")["run"].clone()
    }

    fn line(&mut self, run: &Value, seq: u32, text: &str) {
        self.send(&json!({ "type": "stdin", "run": run, "seq": seq, "text": format!("{text}\n") }));
    }
}

/// Talks to the program through the first connection, then comes back through the second.
pub(crate) fn converse(first: &mut Client, again: impl FnOnce() -> Client) {
    let run = first.start(LOOP);
    first.output_until("name? ");
    first.line(&run, 1, "Ada");
    let last = first.output_until("hello Ada\nname? ");
    // Sent, and its answer is never read here.
    first.line(&run, 2, "Grace");
    let mut second = again();
    second.send(&json!({ "type": "attach", "run": run, "after": last }));
    // It repeats what it is not sure about. The answer may have come before.
    second.line(&run, 2, "Grace");
    second.output_until("hello Grace\nname? ");
    second.send(&json!({ "type": "stdin.end", "run": run, "seq": 3 }));
    assert_eq!(second.verdict(), "AC");
}

#[test]
fn a_program_answers_what_its_client_types() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let mut client = Client::connect(&server.url, &server.key);
    converse(&mut client, || Client::connect(&server.url, &server.key));
}
