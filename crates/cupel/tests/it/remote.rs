//! `cupel run --server`, `get` and `submit`, which use a server, and `cupel test`, which runs downloaded samples.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite;

use crate::interactive::at_terminal;
use crate::support::{Ended, NO_RATE_LIMITS, PATIENCE, Server, cupel, end, eventually, source};

/// A command with the server's key.
fn with_key<'a>(server: &Server, args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = cupel(args);
    command.env("CUPEL_API_KEY", &server.key);
    command
}

/// Forwards connections to a server, with TLS if it is configured, and can cut all of them.
pub(crate) struct Proxy {
    pub(crate) at: SocketAddr,
    cuts: watch::Sender<u32>,
    _runtime: Runtime,
}

impl Proxy {
    pub(crate) fn start(to: &str, tls: Option<ServerConfig>) -> Proxy {
        let to = to.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let (at, (cuts, cut)) = (listener.local_addr().unwrap(), watch::channel(0));
        let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        runtime.spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (to, acceptor, mut cut) = (to.clone(), acceptor.clone(), cut.clone());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(to).await?;
                    let carried = async {
                        match acceptor {
                            None => copy_bidirectional(&mut client, &mut server).await,
                            Some(acceptor) => {
                                copy_bidirectional(&mut acceptor.accept(client).await?, &mut server).await
                            }
                        }
                    };
                    tokio::select! {
                        carried = carried => carried.map(|_| ()),
                        _ = cut.changed() => Ok(()),
                    }
                });
            }
        });
        Proxy { at, cuts, _runtime: runtime }
    }

    fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

#[test]
fn a_program_on_a_server_has_the_same_output_and_exit_code_as_locally() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let program =
        "import sys\nprint(sys.stdin.read().upper(), *sys.argv[1:])\nprint('oh', file=sys.stderr)\nsys.exit(3)\n";
    let file = source("a.py", program);
    let here = end(cupel(["run", &file.path, "--", "x", "y"]), b"hello");
    let there = end(with_key(&server, ["run", &file.path, "--server", &server.url, "--", "x", "y"]), b"hello");
    assert_eq!(
        (there.code, there.stdout.as_str(), there.stderr.as_str()),
        (Some(3), "HELLO x y\n", "oh\n"),
        "{there:?}"
    );
    assert_eq!((here.code, &here.stdout, &here.stderr), (there.code, &there.stdout, &there.stderr));

    let signalled = source("a.py", "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n");
    let signalled = end(with_key(&server, ["run", &signalled.path, "--server", &server.url]), b"");
    assert_eq!(signalled.code, Some(143), "{signalled:?}");
    assert!(signalled.stderr.starts_with("✗ killed by SIGTERM · cpu"), "{signalled:?}");
    let slow = source("a.py", "while True: pass\n");
    let limited = end(with_key(&server, ["run", &slow.path, "--server", &server.url, "--time", "200ms"]), b"");
    assert_eq!(limited.code, Some(124), "{limited:?}");
    let wrong = source("a.c", "int main(void) { return nothing; }\n");
    let refused = end(with_key(&server, ["run", &wrong.path, "--server", &server.url]), b"");
    assert!(refused.code == Some(1) && refused.stderr.contains("nothing"), "{refused:?}");
    let object = end(with_key(&server, ["run", &file.path, "--server", &server.url, "--json"]), b"x");
    let object: Value = serde_json::from_str(&object.stdout).unwrap();
    assert_eq!((&object["verdict"], &object["stdout"]), (&json!("RTE"), &json!("X\n")), "{object}");
}

/// Regression: everything after the first 4 MiB, or after a gap even less, was lost without a word and with code 0.
#[test]
fn all_output_that_the_server_keeps_is_printed_and_the_command_fails_if_there_is_more() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let file = source(
        "a.py",
        "import sys\nfor n in range(int(sys.argv[1])): sys.stdout.write('0123456789abcdef' * 65536)\n\
         print('end', file=sys.stderr)\n",
    );
    let printed = |mib: &str| {
        let args = ["run", &file.path, "--server", &server.url, "--output", "16M", "--", mib];
        with_key(&server, args).stdin(Stdio::null()).output().unwrap()
    };
    let all = b"0123456789abcdef".repeat(6 << 16);
    let kept = printed("6");
    let stderr = String::from_utf8_lossy(&kept.stderr);
    assert!(kept.status.code() == Some(0) && stderr.ends_with("end\n"), "{:?} {stderr}", kept.status);
    assert!(kept.stdout == all, "{} bytes", kept.stdout.len());

    // The server keeps 8 MiB, and reserves 4 KiB of them for standard error.
    let cut = printed("9");
    let stderr = String::from_utf8_lossy(&cut.stderr);
    assert!(cut.status.code() == Some(125) && stderr.contains("the output is incomplete"), "{:?} {stderr}", cut.status);
    assert_eq!(cut.stdout.len(), (8 << 20) - (4 << 10));
    assert!(cut.stdout.starts_with(&all), "it is the beginning of the output");
}

/// Regression: an input of several hundred kilobytes exceeded the size of a message. The server closed the connection,
/// and the command retried for a minute.
#[test]
fn input_of_any_size_that_the_server_permits_reaches_the_program() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let file = source("a.py", "import sys\nprint(len(sys.stdin.buffer.read()))\n");
    let there = |size: usize, flags: &[&str]| {
        let args = ["run", &file.path, "--server", &server.url].into_iter().chain(flags.iter().copied());
        end(with_key(&server, args), &vec![b'x'; size])
    };
    let size = 2_000_000;
    let here = end(cupel(["run", &file.path]), &vec![b'x'; size]);
    assert_eq!((here.code, here.stdout.as_str()), (Some(0), "2000000\n"), "{here:?}");
    let sent = there(size, &[]);
    assert_eq!((sent.code, sent.stdout.as_str(), sent.stderr.as_str()), (Some(0), "2000000\n", ""), "{sent:?}");
    let live = there(size, &["-i"]);
    assert_eq!((live.code, live.stdout.as_str()), (Some(0), "2000000\n"), "{live:?}");

    // More than the maximum of the input, and more than the maximum of a request.
    for (size, reason) in [
        (5 << 20, "Standard input must have at most 4 MiB, not 5 MiB"),
        (40 << 20, "The body may have at most 16777216 bytes"),
    ] {
        let refused = there(size, &[]);
        assert!(refused.code == Some(2) && refused.stderr.contains(reason), "{size}: {refused:?}");
    }
}

#[test]
fn a_program_that_is_too_large_for_live_input_is_refused_at_once_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let file = source("a.py", &format!("print(1)\n#{}\n", "x".repeat(300 << 10)));
    let begun = Instant::now();
    let refused = end(with_key(&server, ["run", "-i", &file.path, "--server", &server.url]), b"");
    assert!(refused.code == Some(2) && refused.stderr.contains("at most 262144 bytes"), "{refused:?}");
    // The command repeats a message for a minute if it considers the connection lost.
    assert!(begun.elapsed() < Duration::from_secs(55), "{:?}", begun.elapsed());
}

#[test]
fn a_failed_remote_run_has_an_exit_code_and_names_the_cause() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let file = source("a.py", "print(1)\n");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = format!("http://{closed}");
    let live = ["-i", "--server", &*server.url, "--language", "klingon"];
    let cases: [(&str, &[&str], &str, i32, &str); 6] = [
        ("no server", &["--server", &nobody], &server.key, 6, "cannot reach the server"),
        ("a wrong key", &["--server", &server.url], "cup_nonsense", 4, "refused the API key"),
        ("no key", &["--server", &server.url], "", 4, "CUPEL_API_KEY"),
        ("an unknown language", &["--server", &server.url, "--language", "klingon"], &server.key, 2, "klingon"),
        ("an unknown language with live input", &live, &server.key, 2, "klingon"),
        ("no key file", &["--server", &server.url, "--key-file", "/nonexistent"], &server.key, 2, "/nonexistent"),
    ];
    for (name, flags, key, code, hint) in cases {
        let mut command = cupel(["run", &file.path].into_iter().chain(flags.iter().copied()));
        command.env("CUPEL_API_KEY", key);
        let ended = end(command, b"");
        assert!(ended.code == Some(code) && ended.stderr.contains(hint), "{name}: {ended:?}");
    }
}

#[test]
fn a_lost_connection_is_restored_and_nothing_is_lost_or_repeated() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let proxy = Proxy::start(&server.url, None);
    let file = source(
        "a.py",
        "import sys\nfor line in sys.stdin:\n    for n in range(50): print(line.strip(), n, flush=True)\n",
    );
    let mut command = with_key(&server, ["run", "-i", &file.path, "--server", &format!("http://{}", proxy.at)]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    for word in 0..8 {
        // The connection is lost before, during or after the transfer of the input and of the
        // answer.
        writeln!(input, "{word}").unwrap();
        for n in 0..50 {
            if n == word * 5 {
                proxy.cut();
            }
            assert_eq!(output.next().unwrap().unwrap(), format!("{word} {n}"));
        }
    }
    drop(input);
    assert!(output.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A server or proxy without live connections. It accepts every submission as [`RUN`].
struct WithoutLive {
    url: String,
    /// Method and path of each request.
    requests: Receiver<String>,
}

const RUN: &str = "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a";

impl WithoutLive {
    /// `live`: status and body of the answer to a live connection; `None`: there is no answer. `result`: those of the
    /// answer to a request for the result.
    fn start(live: Option<(u16, Value)>, result: (u16, Value)) -> WithoutLive {
        WithoutLive::answering(live, move || Some(result.clone()))
    }

    /// `results`: status and body of each answer to a request for the result; `None`: there is no answer.
    fn answering(
        live: Option<(u16, Value)>,
        mut results: impl FnMut() -> Option<(u16, Value)> + Send + 'static,
    ) -> WithoutLive {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            let mut unanswered = Vec::new();
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let mut reader = BufReader::new(connection.try_clone().unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
                let length = head
                    .lines()
                    .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                reader.read_exact(&mut vec![0; length.unwrap_or(0)]).unwrap();
                let request = head.lines().next().unwrap_or_default().rsplit_once(' ').unwrap_or_default().0.to_owned();
                let answer = match request.as_str() {
                    "GET /api/v1/live" => live.clone(),
                    request if request.starts_with("GET ") => results(),
                    request if request.starts_with("DELETE ") => Some((200, json!({ "status": "cancelled" }))),
                    _ => Some((202, json!({ "submission_id": RUN }))),
                };
                match answer {
                    None => unanswered.push(connection),
                    Some((status, body)) => {
                        let body = body.to_string();
                        let length = body.len();
                        // Only a redirection uses the location.
                        let path = request.split_once(' ').unwrap_or_default().1;
                        let head = format!(
                            "location: https://judge.example{path}\r\ncontent-type: application/json\r\n\
                             connection: close\r\ncontent-length:"
                        );
                        let _ = write!(connection, "HTTP/1.1 {status} X\r\n{head} {length}\r\n\r\n{body}");
                    }
                }
                // The test may have ended.
                let _ = sender.send(request);
            }
        });
        WithoutLive { url, requests }
    }

    /// Waits for a request.
    fn until(&self, request: &str) {
        while self.requests.recv_timeout(PATIENCE).unwrap() != request {}
    }
}

/// Regression: the command failed after the server had accepted the submission, without its id, so the user submitted
/// it again.
#[test]
fn without_live_connections_a_submission_is_followed_with_requests_and_an_error_names_it() {
    let file = source("a.py", "print(1)\n");
    let upgrade = (426, json!({ "code": "upgrade-required", "detail": "This is a WebSocket." }));
    let result =
        json!({ "status": "completed", "verdict": "AC", "submission_id": RUN, "stdout": "one\n", "exit_code": 0 });
    let failure = (503, json!({ "code": "unavailable", "detail": "Try again later." }));
    let commands = [&["submit", "two-sum", &file.path][..], &["run", &file.path]];
    for (command, expected) in commands.into_iter().zip(["accepted", "one\n"]) {
        let at = |server: &WithoutLive| {
            let mut command = cupel(command.iter().copied().chain(["--server", &server.url]));
            command.env("CUPEL_API_KEY", "cup_key");
            end(command, b"")
        };
        let done = at(&WithoutLive::start(Some(upgrade.clone()), (200, result.clone())));
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(done.stdout.starts_with(expected) && done.stderr.contains("no live connection"), "{done:?}");
        let failed = at(&WithoutLive::start(Some(upgrade.clone()), failure.clone()));
        assert!(failed.code == Some(6) && failed.stderr.contains(RUN), "{failed:?}");
        let refused = at(&WithoutLive::start(Some((403, json!({}))), (200, result.clone())));
        assert!(refused.code == Some(4) && refused.stderr.contains(RUN), "{refused:?}");
    }
}

/// A server that refuses `refusals` times to let a client follow [`RUN`], and then sends its events. Returns its URL.
fn busy(refusals: usize) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut left = refusals;
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut start = [0; 16];
            while connection.peek(&mut start).unwrap() < start.len() {}
            if !start.starts_with(b"GET /api/v1/live") {
                let body = match start.starts_with(b"GET ") {
                    true => json!({ "status": "completed", "verdict": "AC", "stdout": "one\n", "exit_code": 0 }),
                    false => json!({ "submission_id": RUN }),
                };
                let mut reader = BufReader::new(connection.try_clone().unwrap());
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
                let length = head
                    .lines()
                    .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                reader.read_exact(&mut vec![0; length.unwrap_or(0)]).unwrap();
                let body = body.to_string();
                let head = "HTTP/1.1 200 X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
                let _ = write!(connection, "{head} {}\r\n\r\n{body}", body.len());
                continue;
            }
            let mut socket = tungstenite::accept(connection).unwrap();
            let asked: Value = serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap();
            assert_eq!((&asked["type"], &asked["run"]), (&json!("attach"), &json!(RUN)));
            let event = |name: &str, data: Value| json!({ "type": "event", "run": RUN, "event": name, "data": data });
            let answers = match left.checked_sub(1) {
                Some(fewer) => {
                    left = fewer;
                    let error = json!({ "code": "rate-limited", "status": 429, "detail": "Too many runs." });
                    vec![json!({ "type": "error", "id": "run", "run": RUN, "error": error, "retry_after": 1 })]
                }
                None => vec![
                    json!({ "type": "attached", "run": RUN }),
                    event("output", json!({ "seq": 1, "stream": "stdout", "text": "o" })),
                    event("verdict", json!({ "seq": 2, "verdict": "AC" })),
                ],
            };
            for answer in answers {
                socket.send(tungstenite::Message::text(answer.to_string())).unwrap();
            }
            while socket.read().is_ok() {}
        }
    });
    url
}

/// Regression: the command failed, although its program was accepted and ran.
#[test]
fn a_server_that_is_busy_when_its_run_is_to_be_followed_is_asked_again_and_then_without_live_connections() {
    let file = source("a.py", "print(1)\n");
    let of = |refusals| {
        let mut command = cupel(["run", &file.path, "--server", &busy(refusals)]);
        command.env("CUPEL_API_KEY", "cup_key");
        end(command, b"")
    };
    for (refusals, has_events) in [(2, true), (usize::MAX, false)] {
        let ended = of(refusals);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "one\n"), "{ended:?}");
        assert!(ended.stderr.contains("cannot follow the run yet"), "{ended:?}");
        assert_eq!(!ended.stderr.contains("no live connection"), has_events, "{ended:?}");
    }
}

#[test]
fn downloaded_samples_have_the_numbers_of_the_problems_page() {
    let samples = json!([
        { "input": "1", "output": "2" }, { "truncated": true, "input": "3", "output": "4" }, { "input": "5", "output": "6" },
    ]);
    let server = WithoutLive::start(None, (200, json!({ "problem": { "title": "Sums" }, "samples": samples })));
    let work = tempfile::tempdir().unwrap();
    let mut command = cupel(["get", "sums", "--server", &server.url]);
    command.current_dir(work.path());
    let got = end(command, b"");
    assert_eq!(got.code, Some(0), "{got:?}");
    let mut names: Vec<_> =
        std::fs::read_dir(work.path().join("sums/samples")).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["1.ans", "1.in", "3.ans", "3.in"]);
}

/// Regression: the directory with some of the files stayed, and the next `cupel get` refused it.
#[test]
fn a_download_that_fails_or_is_interrupted_leaves_nothing() {
    let sample = json!({ "input": "x".repeat(100_000), "output": "2" });
    let samples = [vec![json!({ "input": "1", "output": "2" })], vec![sample; 100]].concat();
    let server = WithoutLive::start(None, (200, json!({ "problem": { "title": "Sums" }, "samples": samples })));
    let work = tempfile::tempdir().unwrap();
    let entries = || std::fs::read_dir(work.path()).unwrap().count();
    let get = cupel(["get", "sums", "--server", &server.url]);
    // No file may have more than 32 KiB or, in some shells, 64 KiB.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]).arg(get.get_program()).args(get.get_args());
    limited.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(work.path());
    let failed = end(limited, b"");
    assert!(failed.code == Some(7) && failed.stderr.contains("cannot write"), "{failed:?}");
    assert_eq!(entries(), 0, "{failed:?}");

    let mut get = cupel(["get", "sums", "--server", &server.url]);
    let mut child = get.current_dir(work.path()).stdout(Stdio::null()).spawn().unwrap();
    eventually(|| (entries() > 0 || child.try_wait().unwrap().is_some()).then_some(()));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().is_ok());
    // All files may have been there before the signal.
    let code = child.wait().unwrap().code();
    let samples = std::fs::read_dir(work.path().join("sums/samples")).map_or(0, Iterator::count);
    assert!(matches!((code, entries(), samples), (Some(143), 0, 0) | (Some(0 | 143), 1, 202)), "{code:?} {samples}");
}

/// Regression: the redirection was followed without the API key, or the server seemed to be unreachable. For a live
/// connection, the message had another status than the server's answer, and no cause.
#[test]
fn a_redirection_is_not_followed_and_each_error_has_the_status_of_the_answer() {
    let moved = (301, json!({}));
    let server = WithoutLive::start(None, moved.clone());
    let ended = end(cupel(["get", "sums", "--server", &server.url]), b"");
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(ended.stderr.contains("redirects to https://judge.example (status 301): use that address"), "{ended:?}");

    let result = json!({ "status": "completed", "verdict": "AC", "submission_id": RUN, "stdout": "", "exit_code": 0 });
    let file = source("a.py", "print(1)\n");
    for (live, message) in
        [(moved, "redirects to https://judge.example (status 301)"), ((418, json!({})), "status 418")]
    {
        let server = WithoutLive::start(Some(live), (200, result.clone()));
        let mut command = cupel(["run", &file.path, "--server", &server.url]);
        // Neither proxy is for a server on this machine.
        command.env("CUPEL_API_KEY", "cup_key");
        command.env("HTTPS_PROXY", "http://127.0.0.1:1").env("HTTP_PROXY", "http://127.0.0.1:1");
        let ended = end(command, b"");
        assert!(ended.code == Some(0) && ended.stderr.contains(message), "{ended:?}");
    }
}

#[test]
fn a_signal_before_the_live_connection_is_open_cancels_the_submission() {
    let server = WithoutLive::start(None, (200, json!({})));
    let file = source("a.py", "print(1)\n");
    let mut command = cupel(["submit", "two-sum", &file.path, "--server", &server.url]);
    command.env("CUPEL_API_KEY", "cup_key").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    server.until("GET /api/v1/live");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    server.until(&format!("DELETE /api/v1/execute/{RUN}"));
    assert_eq!(eventually(|| child.try_wait().unwrap()).code(), Some(130));
}

/// Creates a self-signed certificate for 127.0.0.1 in a folder. Returns its file, and the configuration of a server
/// that has it.
pub(crate) fn self_signed(folder: &Path) -> (PathBuf, ServerConfig) {
    let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    let made = openssl.output().expect("openssl can be started: install the package `openssl`");
    assert!(made.status.success(), "{made:?}");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from_pem_file(&certificate).unwrap()];
    let config = config.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::from_pem_file(&key).unwrap());
    (certificate, config.unwrap())
}

#[test]
fn a_server_behind_tls_is_used_only_if_its_certificate_is_trusted() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let (certificate, config) = self_signed(data.path());
    let proxy = Proxy::start(&server.url, Some(config));
    let url = format!("https://{}", proxy.at);

    let file = source("a.py", "print(input())\n");
    let refused = end(with_key(&server, ["run", &file.path, "--server", &url]), b"hello\n");
    assert!(refused.code == Some(6) && refused.stderr.contains("certificate"), "{refused:?}");
    for interactive in [&["--interactive"][..], &[]] {
        let args = ["run", &file.path, "--server", &url, "--ca-file", certificate.to_str().unwrap()];
        let trusted = end(with_key(&server, args.into_iter().chain(interactive.iter().copied())), b"hello\n");
        assert_eq!((trusted.code, trusted.stdout.as_str()), (Some(0), "hello\n"), "{trusted:?}");
    }
}

#[test]
fn a_terminal_through_a_server_has_a_size_and_its_keys() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let file = source("a.c", crate::live::TALKER[1].1);
    let steps = json!([
        ["hear", "first 80 24\r\n"],
        ["resize", 100, 40],
        ["hear", "now 100 40\r\n"],
        ["type", "Ada\r"],
        ["hear", "hello Ada\r\n"],
        ["type", "\u{3}"],
        ["hear", "interrupted\r\n"],
        ["hear", "✓ exit code 0"],
    ]);
    let env = [("CUPEL_API_KEY", server.key.as_str())];
    let ended = at_terminal(&["run", "-i", &file.path, "--server", &server.url], &env, &steps);
    assert_eq!(ended, json!({"code": 0, "restored": true}));
}

/// Regression: the program had empty input.
#[test]
fn typed_input_reaches_a_program_on_a_server_whose_result_is_printed_as_json() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let file = source("a.py", "print('hello', input())\n");
    let steps = json!([["type", "Ada\r"], ["hear", "hello Ada\\n"]]);
    let env = [("CUPEL_API_KEY", server.key.as_str())];
    let ended = at_terminal(&["run", "--json", &file.path, "--server", &server.url], &env, &steps);
    assert_eq!(ended, json!({"code": 0, "restored": true}));
}

/// Regression: the program got the signals, so Ctrl-C did not end a program that handles or ignores SIGINT.
#[test]
fn without_interactive_ctrl_c_at_a_terminal_cancels_the_run_on_a_server() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let program = "import signal\nfor number in (signal.SIGINT, signal.SIGQUIT): signal.signal(number, signal.SIG_IGN)\n\
                   print('waiting', flush=True)\nwhile True: input()\n";
    let file = source("a.py", program);
    let env = [("CUPEL_API_KEY", server.key.as_str())];
    for (key, code) in [("\u{3}", 130), ("\u{1c}", 131)] {
        let steps = json!([["hear", "waiting"], ["type", key]]);
        let ended = at_terminal(&["run", &file.path, "--server", &server.url], &env, &steps);
        assert_eq!(ended, json!({"code": code, "restored": true}), "{key:?}");
    }
}

/// Regression: the terminal stayed in raw mode, in which Ctrl-C is only a character for the program.
#[test]
fn ctrl_c_ends_an_interactive_run_whose_connection_is_lost() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &NO_RATE_LIMITS);
    let file = source("a.py", "print('waiting', flush=True)\nwhile True: input()\n");
    let steps = json!([
        ["hear", "waiting"],
        ["kill process", server.pid()],
        ["hear", "trying to restore it"],
        ["type", "\u{3}"],
    ]);
    let env = [("CUPEL_API_KEY", server.key.as_str())];
    let ended = at_terminal(&["run", "-i", &file.path, "--server", &server.url], &env, &steps);
    assert_eq!(ended, json!({"code": 130, "restored": true}));
}

/// Regression: the signal was lost, because the command no longer listened for it.
#[test]
fn a_signal_while_the_result_is_read_ends_the_command() {
    let upgrade = (426, json!({ "code": "upgrade-required", "detail": "This is a WebSocket." }));
    let result = json!({ "status": "completed", "verdict": "AC", "submission_id": RUN, "stdout": "", "exit_code": 0 });
    let read = format!("GET /api/v1/execute/{RUN}?wait=10");
    let file = source("a.py", "print(1)\n");
    for command in [&["submit", "two-sum", &file.path][..], &["run", &file.path]] {
        // The first answer ends the wait for the run's end.
        let mut answers = vec![(200, result.clone())];
        let server = WithoutLive::answering(Some(upgrade.clone()), move || answers.pop());
        let mut command = cupel(command.iter().copied().chain(["--server", &server.url]));
        command.env("CUPEL_API_KEY", "cup_key").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        server.until(&read);
        server.until(&read);
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        assert_eq!(eventually(|| child.try_wait().unwrap()).code(), Some(130), "{command:?}");
    }
}

#[test]
fn a_problem_is_downloaded_tested_and_submitted() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = NO_RATE_LIMITS.to_vec();
    settings.push(("CUPEL_PROBLEMS__SHIPPED", "true"));
    let server = Server::start(data.path(), &settings);
    let work = tempfile::tempdir().unwrap();
    let in_work = |args: &[&str]| -> Ended {
        let mut command = with_key(&server, args.iter().copied());
        command.current_dir(work.path()).env("CUPEL_URL", &server.url);
        end(command, b"")
    };
    let got = in_work(&["get", &format!("{}/problems/quiet-hours", server.url.trim_end_matches('/'))]);
    assert_eq!(got.code, Some(0), "{got:?}");
    assert!(work.path().join("quiet-hours/statement.md").is_file());
    assert!(work.path().join("quiet-hours/samples/1.ans").is_file());
    let again = in_work(&["get", "quiet-hours"]);
    assert!(again.code == Some(2) && again.stderr.contains("--out"), "{again:?}");
    assert_eq!(in_work(&["get", "no-such-problem"]).code, Some(3));

    let right = std::fs::read_to_string(crate::problems::solution_of("quiet-hours")).unwrap();
    std::fs::write(work.path().join("quiet-hours.py"), right).unwrap();
    let tested = in_work(&["test", "quiet-hours.py"]);
    assert!(tested.code == Some(0) && tested.stdout.contains("1 ✓"), "{tested:?}");
    assert!(!tested.stdout.contains("word by word"), "{tested:?}");
    let accepted = in_work(&["submit", "quiet-hours", "quiet-hours.py"]);
    assert!(accepted.code == Some(0) && accepted.stdout.starts_with("accepted · 17/17 tests"), "{accepted:?}");

    std::fs::write(work.path().join("wrong.py"), "print('nonsense')\n").unwrap();
    let tested = in_work(&["test", "wrong.py", "--samples", "quiet-hours/samples"]);
    assert!(tested.code == Some(1) && tested.stdout.contains("1 ✗ WA"), "{tested:?}");
    assert!(tested.stdout.contains("Compared word by word. The server uses the problem's own checker"), "{tested:?}");
    assert_eq!(in_work(&["test", "wrong.py"]).code, Some(2));
    let mut empty = with_key(&server, ["get", &format!("{}/problems/quiet-hours", server.url), "--out", "again"]);
    empty.current_dir(work.path()).env("CUPEL_URL", "");
    assert_eq!(end(empty, b"").code, Some(0), "an empty variable is the same as none");
    std::fs::write(work.path().join("syntax.py"), "print('nonsense'\n").unwrap();
    let tested = in_work(&["test", "syntax.py", "--samples", "quiet-hours/samples"]);
    assert!(tested.code == Some(1) && tested.stdout.contains("SyntaxError"), "{tested:?}");
    assert!(tested.stdout.contains("samples: compile error"), "the same verdict as on the server: {tested:?}");
    let refused = in_work(&["submit", "quiet-hours", "wrong.py", "--json"]);
    let object: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!((refused.code, &object["verdict"]), (Some(1), &json!("WA")));
    assert_eq!(in_work(&["submit", "no-such-problem", "wrong.py"]).code, Some(3));
}
