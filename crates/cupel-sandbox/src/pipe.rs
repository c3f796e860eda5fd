//! Pipes between this process and a program.

use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, pipe_with};

/// A pipe whose ends the program can reopen by name (`/dev/stdin`, `/proc/self/fd/1`). The inode belongs to this
/// process's user and the program runs as another user, so the inode's mode must allow access by other users. No other
/// process has a name for the pipe.
pub(crate) fn open_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    rustix::fs::fchmod(&reader, rustix::fs::Mode::from_raw_mode(0o666))?;
    Ok((reader, writer))
}
