//! Minimal HTTP/1.1 client for one keep-alive connection. A general client uses several times as much CPU time, on the
//! same processors as the server under measurement.
//!
//! The client supports only what Cupel's server sends: responses with a `content-length` header, in any letter case.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

/// Maximum size of a response body.
const RESPONSE_BYTES_MAX: usize = 1 << 20;

/// A keep-alive connection to the server.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Address and port, such as `127.0.0.1:8080`.
    address: String,
    timeout: Duration,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// A response of the server.
#[derive(Debug)]
pub(crate) struct Response<'a> {
    /// Status code.
    pub(crate) status: u16,
    /// Body.
    pub(crate) body: &'a [u8],
}

impl Connection {
    /// Creates a connection to `url` (`http://ADDRESS:PORT`), opened on first use. `timeout` applies to each read.
    pub(crate) fn new(url: &str, timeout: Duration) -> Connection {
        let address = url.strip_prefix("http://").unwrap_or(url).to_owned();
        Connection { address, timeout, stream: None, buffer: Vec::new() }
    }

    /// Posts JSON and reads the whole response. `headers` are lines that end with CR LF.
    ///
    /// # Errors
    /// The connection failed, or the response is not in the supported format.
    pub(crate) fn post(&mut self, path: &str, headers: &str, body: &str) -> anyhow::Result<Response<'_>> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let was_open = self.stream.is_some();
        let mut begun = self.begin(&request);
        if was_open && begun.is_err() {
            // The server closes connections that were idle for a long time. It has not received this request, so the
            // request is sent again.
            self.stream = None;
            begun = self.begin(&request);
        }
        let result = begun.and_then(|()| self.read_response());
        match result {
            Ok((status, body)) => Ok(Response { status, body: &self.buffer[body] }),
            Err(error) => {
                self.stream = None;
                Err(error)
            }
        }
    }

    /// Sends the request and reads the first bytes of the response.
    fn begin(&mut self, request: &str) -> anyhow::Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(&self.address)
                    .with_context(|| format!("connecting to the server at {}", self.address))?;
                stream.set_nodelay(true).context("setting up a connection")?;
                stream.set_read_timeout(Some(self.timeout)).context("setting up a connection")?;
                none.insert(stream)
            }
        };
        stream.write_all(request.as_bytes()).context("sending a request")?;
        self.buffer.clear();
        self.read_more()
    }

    fn read_response(&mut self) -> anyhow::Result<(u16, std::ops::Range<usize>)> {
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end;
            }
            self.read_more()?;
        };
        let text = std::str::from_utf8(&self.buffer[..head]).context("the response header is not UTF-8")?;
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok())
            .context("the response has no status code")?;
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse::<usize>().ok())
            .context("the response has no content-length")?;
        ensure!(length <= RESPONSE_BYTES_MAX, "the response body of {length} bytes is too large");
        let body = head + 4..head + 4 + length;
        while self.buffer.len() < body.end {
            self.read_more()?;
        }
        Ok((status, body))
    }

    fn read_more(&mut self) -> anyhow::Result<()> {
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
                Err(error) => return Err(error).context("reading a response"),
            }
        }
    }
}
