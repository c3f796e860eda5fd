//! The other end of Cupel's own HTTP clients (webhooks, alerts, traces): takes requests, answers them, and tells what came.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// Longer than anybody here takes to send something.
const PATIENCE: Duration = Duration::from_secs(60);

/// Listens on a port of 127.0.0.1 until the test process ends.
pub struct HttpReceiver {
    url: String,
    got: Receiver<HttpRequest>,
}

/// A request that came.
#[derive(Debug)]
pub struct HttpRequest {
    /// The first line and the headers.
    pub head: String,
    /// What follows them.
    pub body: Vec<u8>,
}

impl HttpReceiver {
    /// The first requests get these status lines, as in `204 Taken`, in turn, and all later ones the last of them.
    ///
    /// # Panics
    /// When there is no port left.
    pub fn start<const N: usize>(statuses: [&'static str; N]) -> HttpReceiver {
        const { assert!(N > 0, "it has to answer something") };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it has one"));
        let (out, got) = channel();
        thread::spawn(move || {
            let statuses = statuses.into_iter().chain(std::iter::repeat(statuses[N - 1]));
            for (stream, status) in listener.incoming().flatten().zip(statuses) {
                let mut stream = BufReader::new(stream);
                // Who breaks off has sent nothing.
                let Ok(request) = receive(&mut stream) else { continue };
                // Told before it is answered: nobody whose request is still to come has been.
                if out.send(request).is_err() {
                    break;
                }
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                // Whether they hear it is their affair.
                let _ = stream.get_mut().write_all(answer.as_bytes());
            }
        });
        HttpReceiver { url, got }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next request.
    ///
    /// # Panics
    /// When none comes within a minute.
    pub fn next(&self) -> HttpRequest {
        self.next_within(PATIENCE).expect("a request comes in time")
    }

    /// The next request, if one comes in time.
    pub fn next_within(&self, time: Duration) -> Option<HttpRequest> {
        self.got.recv_timeout(time).ok()
    }
}

impl HttpRequest {
    /// The value of a header; upper and lower case are the same.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// Of HTTP/1.1 it knows what our clients send: a body has its length.
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
