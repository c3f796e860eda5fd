//! One output of a running program: its pipe or terminal, and the number of bytes that the observer may still get.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use super::CHUNK;

/// Initial capacity of a pipe. Source: pipe(7), "Pipe capacity".
const PIPE: usize = 64 * 1024;

pub(super) struct Captured {
    pub(super) pipe: OwnedFd,
    pub(super) left: u64,
    /// Capacity of the pipe in bytes.
    holds: usize,
    /// Whether this output is a terminal. A terminal does not end before the run does, because a process may open it
    /// again.
    pub(super) is_terminal: bool,
    /// Time of the next check whether a process has reopened a terminal that all processes had closed.
    pub(super) rests_until: Option<Instant>,
}

impl Captured {
    /// Sets the reading end, which no other process holds, to non-blocking mode.
    pub(super) fn new(pipe: OwnedFd, limit: u64) -> io::Result<Captured> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Captured { pipe, left: limit, holds: PIPE, is_terminal: false, rests_until: None })
    }

    /// The other end of a terminal, a nonblocking descriptor.
    pub(super) fn of_terminal(terminal: OwnedFd, limit: u64) -> Captured {
        Captured { pipe: terminal, left: limit, holds: usize::MAX, is_terminal: true, rests_until: None }
    }

    /// Whether a read of `n` bytes emptied a full pipe, so that there is probably more data. Enlarges the pipe when
    /// this happens for the first time.
    pub(super) fn is_filled_by(&mut self, n: usize) -> bool {
        let filled = n >= self.holds.min(CHUNK);
        if filled && self.holds == PIPE {
            // Fails if the user's total pipe size would exceed the kernel's limit; the pipe then keeps its size.
            self.holds = rustix::pipe::fcntl_setpipe_size(&self.pipe, CHUNK).map_or(usize::MAX, |_| CHUNK);
        }
        filled
    }
}
