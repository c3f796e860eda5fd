//! The connection to the worker: standard input and standard output of the agent, in non-blocking mode.

use std::io;

use cupel_agent::{Decoder, FromAgent, ToAgent, encode};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::stdio::{stdin, stdout};

/// Maximum number of unsent bytes. While more are unsent, the agent does not read the program's output.
const UNSENT_MAX: usize = 512 << 10;

/// The connection to the worker.
pub(crate) struct Link {
    decoder: Decoder,
    chunk: Vec<u8>,
    unsent: Vec<u8>,
    sent: usize,
}

impl Link {
    pub(crate) fn new() -> io::Result<Link> {
        for descriptor in [stdin(), stdout()] {
            fcntl_setfl(descriptor, fcntl_getfl(descriptor)? | OFlags::NONBLOCK)?;
        }
        Ok(Link { decoder: Decoder::default(), chunk: vec![0; 64 << 10], unsent: Vec::new(), sent: 0 })
    }

    /// Queues a message.
    pub(crate) fn send(&mut self, message: &FromAgent) {
        if self.sent == self.unsent.len() {
            self.unsent.clear();
            self.sent = 0;
        }
        self.unsent.extend_from_slice(&encode(message));
    }

    /// Whether many bytes are unsent because the worker reads slowly. Nothing large should be queued then.
    pub(crate) fn is_full(&self) -> bool {
        self.unsent.len() - self.sent >= UNSENT_MAX
    }

    /// Whether messages wait to be sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.sent < self.unsent.len()
    }

    /// Sends as much as possible without blocking.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while self.has_unsent() {
            match rustix::io::write(stdout(), &self.unsent[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Sends everything, and blocks as long as necessary. Exits if the worker has closed the connection.
    pub(crate) fn flush_all(&mut self) -> io::Result<()> {
        loop {
            self.flush()?;
            if !self.has_unsent() {
                return Ok(());
            }
            let (output, input) = (stdout(), stdin());
            let mut polled = [PollFd::new(&output, PollFlags::OUT), PollFd::new(&input, PollFlags::empty())];
            match poll(&mut polled, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if polled[1].revents().contains(PollFlags::HUP) && !polled[0].revents().contains(PollFlags::OUT) {
                std::process::exit(0);
            }
        }
    }

    /// Reads received bytes without blocking. Returns `false` if the worker has closed the connection.
    pub(crate) fn read(&mut self) -> io::Result<bool> {
        match rustix::io::read(stdin(), &mut self.chunk[..]) {
            Ok(0) => Ok(false),
            Ok(n) => {
                self.decoder.push(&self.chunk[..n]);
                Ok(true)
            }
            Err(Errno::INTR | Errno::AGAIN) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// The next message that has arrived.
    pub(crate) fn next(&mut self) -> io::Result<Option<ToAgent>> {
        self.decoder.message()
    }

    /// Waits for the next message. `None` if the worker has closed the connection.
    pub(crate) fn wait(&mut self) -> io::Result<Option<ToAgent>> {
        loop {
            if let Some(message) = self.next()? {
                return Ok(Some(message));
            }
            let input = stdin();
            match poll(&mut [PollFd::new(&input, PollFlags::IN)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if !self.read()? {
                return Ok(None);
            }
        }
    }
}
