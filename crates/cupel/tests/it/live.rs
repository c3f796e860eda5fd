//! Live runs with the real sandbox: a program reads the input that a client types, on one machine and across nodes.

use std::io::ErrorKind;
use std::net::TcpStream;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

use crate::support::{PATIENCE, Server, eventually};

/// A program that answers every line until the end of its input.
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
            match self.0.read() {
                Ok(Message::Text(text)) => return serde_json::from_str(text.as_str()).unwrap(),
                Ok(_) => {}
                // A signal interrupts a read that has a timeout (signal(7)), even if it is handled elsewhere in the
                // process.
                Err(Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
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

    /// The names of the events up to `verdict`, and the number of the first event.
    fn events_to_verdict(&mut self) -> (Vec<String>, u64) {
        let (mut names, mut first) = (Vec::new(), None);
        while names.last().is_none_or(|name| name != "verdict") {
            let message = self.until("event");
            first.get_or_insert(message["data"]["seq"].as_u64().unwrap());
            names.push(message["event"].as_str().unwrap().to_owned());
        }
        (names, first.unwrap())
    }

    /// Starts short runs until one is accepted, because a worker may have just started.
    pub(crate) fn until_accepted(&mut self) {
        eventually(|| {
            let request = json!({ "language": "python", "source_code": "pass" });
            self.send(&json!({ "type": "start", "request": request }));
            (self.next()["type"] == "accepted").then_some(())
        });
        self.verdict();
    }

    fn start(&mut self, source: &str) -> Value {
        // With this limit, the program still runs when the test has connected all clients.
        let limits = json!({ "wall_time_ms": 170_000 });
        let request = json!({ "language": "python", "source_code": source, "limits": limits });
        self.send(&json!({ "type": "start", "id": "a", "request": request, "interactive": true }));
        self.until("accepted")["run"].clone()
    }

    /// Starts a program at a terminal of 80 columns and 24 rows.
    fn start_at_terminal(&mut self, language: &str, source: &str) -> Value {
        let request = json!({ "language": language, "source_code": source });
        self.send(&json!({ "type": "start", "request": request, "tty": { "cols": 80, "rows": 24 } }));
        self.until("accepted")["run"].clone()
    }

    fn line(&mut self, run: &Value, seq: u32, text: &str) {
        self.send(&json!({ "type": "stdin", "run": run, "seq": seq, "text": format!("{text}\n") }));
    }
}

/// Communicates with the program through the first connection, then reconnects through the second.
pub(crate) fn converse(first: &mut Client, again: impl FnOnce() -> Client) {
    let run = first.start(LOOP);
    first.output_until("name? ");
    first.line(&run, 1, "Ada");
    let last = first.output_until("hello Ada\nname? ");
    // The answer to this line is never read on this connection.
    first.line(&run, 2, "Grace");
    let mut second = again();
    second.send(&json!({ "type": "attach", "run": run, "after": last }));
    // The client repeats inputs that may have been lost. The answer may already have been sent.
    second.line(&run, 2, "Grace");
    second.output_until("hello Grace\nname? ");
    second.send(&json!({ "type": "stdin.end", "run": run, "seq": 3 }));
    assert_eq!(second.verdict(), "AC");
}

/// Sends every message that `docs/live.md` defines for clients, and receives every message that it defines for servers.
/// The run's events are read from the bus.
pub(crate) fn say_everything(client: &mut Client) {
    // `start` and its repetition; `accepted`, and the events in their order.
    let key = uuid::Uuid::new_v4().to_string();
    // A unique source, so that it is compiled.
    let source = format!("// {key}\n#include <stdio.h>\nint main(void) {{ puts(\"42\"); }}");
    let request = json!({ "language": "c", "source_code": source });
    let start = json!({ "type": "start", "id": "plain", "request": request, "idempotency_key": key });
    client.send(&start);
    let accepted = client.until("accepted");
    assert_eq!(
        (&accepted["id"], &accepted["cached"], &accepted["repeated"]),
        (&json!("plain"), &json!(false), &json!(false))
    );
    let (events, first_seq) = client.events_to_verdict();
    let steps: Vec<&str> = events.iter().map(String::as_str).filter(|name| *name != "queued").collect();
    let expected = ["started", "compile.start", "compile.end", "test.start", "output", "test.end", "verdict"];
    assert_eq!((events[0].as_str(), &steps[..]), ("queued", &expected[..]));
    client.send(&start);
    assert_eq!(client.until("accepted")["repeated"], true);
    client.verdict();

    // `attach` after an event, even to a run that has ended; `attached`.
    client.send(&json!({ "type": "attach", "id": "again", "run": accepted["run"], "after": first_seq }));
    assert_eq!(client.until("attached")["id"], "again");
    assert_eq!(client.events_to_verdict().0, events[events.iter().position(|name| name == "started").unwrap()..]);

    // `resize`, `stdin` as base64 and as text, `signal`; `input` reports which of them were consumed.
    let run = client.start_at_terminal("python", TALKER[0].1);
    client.output_until("first 80 24\r\n");
    client.send(&json!({ "type": "resize", "run": run, "seq": 1, "cols": 100, "rows": 40 }));
    client.output_until("now 100 40\r\n");
    client.send(&json!({ "type": "stdin", "run": run, "seq": 2, "base64": "QWRh" }));
    client.line(&run, 3, "");
    let consumed = loop {
        let input = client.until("input");
        // An input is consumed when the worker has taken it, and its bytes when the program has accepted them.
        if input["consumed_seq"] == 3 && input["consumed_bytes"] == 4 {
            break input;
        }
    };
    let numbers = ["seq", "bytes"].map(|name| consumed[name].as_u64().unwrap());
    assert_eq!((numbers, &consumed["run"]), ([3, 4], &run));
    client.send(&json!({ "type": "signal", "run": run, "seq": 4, "signal": "INT" }));
    assert_eq!(client.verdict(), "AC");

    // `detach` and `detached`; the run continues. `stdin.end`.
    let run = client.start(LOOP);
    client.output_until("name? ");
    client.send(&json!({ "type": "detach", "run": run }));
    assert_eq!(client.until("detached")["run"], run);
    client.send(&json!({ "type": "attach", "run": run }));
    client.until("attached");
    client.output_until("name? ");
    client.send(&json!({ "type": "stdin.end", "run": run, "seq": 1 }));
    assert_eq!(client.verdict(), "AC");

    // `kill` and `killed`.
    let run = client.start(LOOP);
    client.output_until("name? ");
    client.send(&json!({ "type": "kill", "run": run }));
    let (mut status, mut verdict) = (Value::Null, Value::Null);
    while status.is_null() || verdict.is_null() {
        let message = client.next();
        match (message["type"].as_str(), message["event"].as_str()) {
            (Some("killed"), _) => status = message["status"].clone(),
            (Some("event"), Some("verdict")) => verdict = message["data"]["verdict"].clone(),
            _ => {}
        }
    }
    assert_eq!((status, verdict), (json!("cancelled"), json!("CANCELLED")));

    // `error`: the connection stays open.
    for (message, code) in [
        (json!({ "type": "signal", "id": "late", "run": run, "seq": 1, "signal": "INT" }), "conflict"),
        (json!({ "type": "attach", "id": "none", "run": "nonsense" }), "not-found"),
    ] {
        client.send(&message);
        let error = loop {
            let answer = client.next();
            if answer["type"] == "error" {
                break answer;
            }
        };
        assert_eq!((&error["error"]["code"], &error["id"]), (&json!(code), &message["id"]));
    }
}

#[test]
fn the_end_of_compilation_carries_the_beginning_of_the_compilers_output() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let mut client = Client::connect(&server.url, &server.key);
    let mut end_of = |source: &str| {
        client.send(&json!({ "type": "start", "request": { "language": "c", "source_code": source } }));
        loop {
            let message = client.until("event");
            if message["event"] == "compile.end" {
                client.verdict();
                break message["data"].clone();
            }
        }
    };
    let wrong = end_of("int main(void) { return nothing; }");
    assert_eq!(wrong["ok"], false, "{wrong}");
    assert!(wrong["text"].as_str().unwrap().contains("nothing"), "{wrong}");
    let silent = end_of("int main(void) { return 0; }");
    assert_eq!((&silent["ok"], &silent["text"]), (&json!(true), &Value::Null), "{silent}");
    let much = (0..500).map(|n| format!("int f{n}(void) {{ return unknown_{n}; }}\n")).collect::<String>();
    let much = end_of(&much);
    let length = much["text"].as_str().unwrap().len();
    assert!((15 << 10..=16 << 10).contains(&length), "{length}");
}

#[test]
fn a_program_answers_what_its_client_types() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let mut client = Client::connect(&server.url, &server.key);
    converse(&mut client, || Client::connect(&server.url, &server.key));
}

#[test]
fn every_message_of_the_protocol_has_its_effect_and_its_response() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    say_everything(&mut Client::connect(&server.url, &server.key));
}

/// Prints the size of its terminal, waits for another size, reads a line, and waits for Ctrl-C.
pub(crate) const TALKER: [(&str, &str); 2] = [
    (
        "python",
        "import os, signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
print('first', *os.get_terminal_size(), flush=True)
signal.sigwait([signal.SIGWINCH])
print('now', *os.get_terminal_size(), flush=True)
try:
    print('hello', input(), flush=True)
    while True: time.sleep(0.01)
except KeyboardInterrupt:
    print('interrupted')
",
    ),
    (
        "c",
        r#"
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
static void size(const char *when) {
    struct winsize window;
    ioctl(0, TIOCGWINSZ, &window);
    printf("%s %d %d\n", when, window.ws_col, window.ws_row);
    fflush(stdout);
}
int main(void) {
    sigset_t set;
    int signal;
    char name[100];
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    size("first");
    do sigwait(&set, &signal); while (signal != SIGWINCH);
    size("now");
    if (scanf("%99s", name) != 1) return 1;
    printf("hello %s\n", name);
    fflush(stdout);
    do sigwait(&set, &signal); while (signal != SIGINT);
    printf("interrupted\n");
    return 0;
}
"#,
    ),
];

#[test]
fn a_program_at_a_terminal_gets_typed_input_a_new_size_and_ctrl_c() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let mut client = Client::connect(&server.url, &server.key);
    for (language, source) in TALKER {
        let run = client.start_at_terminal(language, source);
        client.output_until("first 80 24\r\n");
        client.send(&json!({ "type": "resize", "run": run, "seq": 1, "cols": 100, "rows": 40 }));
        client.output_until("now 100 40\r\n");
        client.line(&run, 2, "Ada");
        client.output_until("hello Ada\r\n");
        client.send(&json!({ "type": "stdin", "run": run, "seq": 3, "text": "\u{3}" }));
        client.output_until("interrupted\r\n");
        assert_eq!(client.verdict(), "AC", "{language}");
    }
}

#[test]
fn interactive_runs_that_wait_for_their_users_leave_the_only_slot_to_other_runs() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[("CUPEL_WORKER__SLOTS", "1")]);
    let mut clients = [(); 3].map(|()| Client::connect(&server.url, &server.key));
    let runs = clients.each_mut().map(|client| {
        let run = client.start(LOOP);
        client.output_until("name? ");
        run
    });
    Client::connect(&server.url, &server.key).until_accepted();
    for (client, run) in clients.iter_mut().zip(&runs) {
        client.line(run, 1, "Ada");
        client.output_until("hello Ada\nname? ");
    }
}

/// Regression: an open terminal delayed a restart by the whole drain. Then the result blamed the program, or had no
/// output.
#[test]
fn an_interactive_run_ends_soon_after_its_server_shuts_down_and_keeps_its_output() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &[("CUPEL_SERVER__DRAIN", "1h")]);
    let mut client = Client::connect(&server.url, &server.key);
    let run = client.start(LOOP);
    client.output_until("name? ");
    client.line(&run, 1, "Ada");
    client.output_until("hello Ada\nname? ");
    // This program needs no client any more, so it has the whole drain.
    let mut piped = Client::connect(&server.url, &server.key);
    let complete =
        piped.start("import sys, time\nsys.stdin.read()\nprint('read', flush=True)\ntime.sleep(4)\nprint('done')");
    piped.send(&json!({ "type": "stdin.end", "run": complete, "seq": 1 }));
    piped.output_until("read\n");
    server.terminate();
    assert_eq!(server.ended().code(), Some(0));
    let server = Server::start(data.path(), &[]);
    let complete = server.submission(complete.as_str().unwrap());
    assert_eq!((&complete["verdict"], &complete["stdout"]), (&json!("AC"), &json!("read\ndone\n")), "{complete}");
    let ended = server.submission(run.as_str().unwrap());
    assert_eq!((&ended["verdict"], &ended["stdout"]), (&json!("JE"), &json!("name? hello Ada\nname? ")), "{ended}");
    assert_eq!(
        ended["message"],
        "The server was shut down, and the input of this interactive program cannot be repeated."
    );
}

#[test]
fn an_interactive_run_ends_without_clients_and_continues_with_a_client() {
    // On a busy machine, the reports that a client is attached may be late by more than the shorter timeout.
    let continues = [1, 10].into_iter().any(continues_only_with_a_client);
    assert!(continues, "an interactive run ended although its client was attached");
}

/// Starts two interactive runs, and closes the connection of one client. Returns whether the run of the other client
/// continues after the end of the first. `timeout` is in seconds.
fn continues_only_with_a_client(timeout: u32) -> bool {
    let data = tempfile::tempdir().unwrap();
    // A worker with one more slot than the two runs that wait for input.
    let seconds = format!("{timeout}s");
    let settings = [("CUPEL_WORKER__DETACHED_TIMEOUT", &*seconds), ("CUPEL_WORKER__SLOTS", "3")];
    let server = Server::start(data.path(), &settings);
    let (mut leaves, mut stays) =
        (Client::connect(&server.url, &server.key), Client::connect(&server.url, &server.key));
    let (left, kept) = (leaves.start(LOOP), stays.start(LOOP));
    leaves.output_until("name? ");
    stays.output_until("name? ");
    drop(leaves);
    let ended = server.result(left.as_str().unwrap());
    assert_eq!((&ended["verdict"], &ended["stdout"]), (&json!("ILE"), &json!("name? ")), "{ended}");
    let message = format!("No client was attached for {timeout} s.");
    assert_eq!(ended["message"], message);
    stays.line(&kept, 1, "Ada");
    let mut output = String::new();
    while !output.ends_with("hello Ada\nname? ") {
        let received = stays.next();
        if received["type"] == "error" || received["event"] == "verdict" {
            assert_eq!(server.result(kept.as_str().unwrap())["message"], message, "{received}");
            return false;
        }
        if received["event"] == "output" {
            output += received["data"]["text"].as_str().unwrap();
        }
    }
    true
}
