//! The least that speaks HTTP/1.1 to a server of ours over one connection that is kept: a general client costs
//! several times as much, and it runs on the processors of the server under measurement.
//!
//! It knows what that server sends: answers with `content-length`, in capitals or not, and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// `127.0.0.1:8080`.
    address: String,
    timeout: Duration,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// A connection to `url` (`http://ADDRESS:PORT`) that is made when it is needed; every read may take `timeout`.
    pub(crate) fn new(url: &str, timeout: Duration) -> Connection {
        let address = url.strip_prefix("http://").unwrap_or(url).to_owned();
        Connection { address, timeout, stream: None, buffer: Vec::new() }
    }

    /// Posts JSON and reads the whole answer. `headers` are lines that end with CR and LF.
    ///
    /// # Errors
    /// The connection broke, or the answer is not one that the server gives.
    pub(crate) fn post(&mut self, path: &str, headers: &str, body: &str) -> anyhow::Result<Answer<'_>> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let was_open = self.stream.is_some();
        let mut begun = self.begin(&request);
        if was_open && begun.is_err() {
            // The server closes connections that were idle for long; it has seen nothing of this request.
            self.stream = None;
            begun = self.begin(&request);
        }
        let result = begun.and_then(|()| self.rest());
        match result {
            Ok((status, body)) => Ok(Answer { status, body: &self.buffer[body] }),
            Err(error) => {
                self.stream = None;
                Err(error)
            }
        }
    }

    /// Sends the request and reads the first bytes of the answer.
    fn begin(&mut self, request: &str) -> anyhow::Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(&self.address).context("connecting to the server")?;
                stream.set_nodelay(true).context("setting up a connection")?;
                stream.set_read_timeout(Some(self.timeout)).context("setting up a connection")?;
                none.insert(stream)
            }
        };
        stream.write_all(request.as_bytes()).context("sending a request")?;
        self.buffer.clear();
        self.more()
    }

    fn rest(&mut self) -> anyhow::Result<(u16, std::ops::Range<usize>)> {
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end;
            }
            self.more()?;
        };
        let text = std::str::from_utf8(&self.buffer[..head]).context("the head of the answer is not text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).context("no status")?;
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse::<usize>().ok())
            .context("the answer has no content-length")?;
        ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
        let body = head + 4..head + 4 + length;
        while self.buffer.len() < body.end {
            self.more()?;
        }
        Ok((status, body))
    }

    fn more(&mut self) -> anyhow::Result<()> {
        let Some(stream) = &mut self.stream else { bail!("the connection is not open") };
        let mut piece = [0; 16 << 10];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(read) => {
                    self.buffer.extend_from_slice(&piece[..read]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("reading an answer"),
            }
        }
    }
}
