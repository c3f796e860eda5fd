//! An HTTP server for tests of Cupel's HTTP clients (webhooks, alerts, traces): it responds to requests and passes them
//! to the test.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Longer than any client in these tests takes to send a request.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a port of 127.0.0.1.
pub struct HttpReceiver {
    url: String,
    got: Receiver<HttpRequest>,
}

/// A request that the server received.
#[derive(Debug)]
pub struct HttpRequest {
    /// The first line and the headers.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpReceiver {
    /// Starts a server. The first requests get these statuses (for example, `204 Taken`) in order; all later requests
    /// get the last.
    ///
    /// # Panics
    /// If no port is free.
    pub fn start<const N: usize>(statuses: [&'static str; N]) -> HttpReceiver {
        const { assert!(N > 0, "at least one status is required") };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("the listener has an address"));
        let (out, got) = channel();
        thread::spawn(move || {
            let statuses = statuses.into_iter().chain(std::iter::repeat(statuses[N - 1]));
            for (stream, status) in listener.incoming().flatten().zip(statuses) {
                let mut stream = BufReader::new(stream);
                // An incomplete request is ignored.
                let Ok(request) = receive(&mut stream) else { continue };
                // The test gets the request before the client gets the response. So once the client has the response,
                // the test can read the request.
                if out.send(request).is_err() {
                    break;
                }
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                // The client may have closed the connection.
                let _ = stream.get_mut().write_all(answer.as_bytes());
            }
        });
        HttpReceiver { url, got }
    }

    /// Returns the server's URL: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the next request.
    ///
    /// # Panics
    /// If no request arrives within a minute.
    pub fn next(&self) -> HttpRequest {
        self.next_within(PATIENCE).expect("a request arrives within a minute")
    }

    /// Returns the next request, if one arrives in time.
    pub fn next_within(&self, time: Duration) -> Option<HttpRequest> {
        self.got.recv_timeout(time).ok()
    }
}

impl HttpRequest {
    /// Returns the value of a header. The name is case-insensitive.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Reads one HTTP/1.1 request. Supports only requests of Cupel's clients: a body has a `Content-Length`.
fn receive(stream: &mut BufReader<TcpStream>) -> io::Result<HttpRequest> {
    stream.get_ref().set_read_timeout(Some(PATIENCE))?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut request = HttpRequest { head, body: Vec::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body.resize(length, 0);
    stream.read_exact(&mut request.body)?;
    Ok(request)
}
