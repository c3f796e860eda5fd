//! Writes standard input that is known before the run (bytes or a file) into the program's pipe.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::CHUNK;
use crate::live::LiveFeed;
use crate::pipe::open_pipe;

/// A pipe for the program, and the data that remains to be written to it.
pub(super) fn feed_from(source: Source) -> io::Result<(Option<Feed>, Option<LiveFeed>, Arc<OwnedFd>)> {
    let (theirs, pipe) = open_pipe()?;
    rustix::io::ioctl_fionbio(&pipe, true)?;
    if matches!(source, Source::File { .. }) {
        // Fails if the user's total pipe size would exceed the kernel's limit; the pipe then keeps its size.
        let _ = rustix::pipe::fcntl_setpipe_size(&pipe, CHUNK);
    }
    let mut feed = Feed { pipe, source, at: 0 };
    // Fill the pipe before the program starts. Most inputs fit completely.
    let is_more = feed.write()?;
    Ok((is_more.then_some(feed), None, Arc::new(theirs)))
}

pub(super) struct Feed {
    pub(super) pipe: OwnedFd,
    source: Source,
    /// Number of bytes of [`Source::at_hand`] that are already written.
    at: usize,
}

/// The source of the data that is written into the pipe of standard input.
pub(super) enum Source {
    Bytes(Arc<[u8]>),
    /// A file, of which at most [`CHUNK`] bytes are in memory.
    File {
        file: Arc<OwnedFd>,
        chunk: Vec<u8>,
    },
}

impl Source {
    fn at_hand(&self) -> &[u8] {
        match self {
            Source::Bytes(data) => data,
            Source::File { chunk, .. } => chunk,
        }
    }

    /// Reads the next chunk. Returns `false` at the end of the data.
    fn advance(&mut self) -> io::Result<bool> {
        let Source::File { file, chunk } = self else { return Ok(false) };
        chunk.clear();
        chunk.reserve_exact(CHUNK);
        loop {
            match rustix::io::read(&**file, rustix::buffer::spare_capacity(chunk)) {
                Ok(n) => return Ok(n > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }
}

impl Feed {
    /// Writes as much as the pipe accepts. Returns `false` if all data is written or the pipe has no reader. Errors
    /// come from reading the file.
    pub(super) fn write(&mut self) -> io::Result<bool> {
        loop {
            let left = &self.source.at_hand()[self.at..];
            if left.is_empty() {
                if !self.source.advance()? {
                    return Ok(false);
                }
                self.at = 0;
                continue;
            }
            match rustix::io::write(&self.pipe, left) {
                Ok(n) => self.at += n,
                Err(rustix::io::Errno::AGAIN) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return Ok(false),
            }
        }
    }
}
