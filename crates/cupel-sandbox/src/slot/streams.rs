//! The standard streams of a program: pipes, the caller's descriptor, or a terminal.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use cupel_types::TerminalSize;
use rustix::fs::FileType;

use super::feed::{Feed, Source, feed_from};
use crate::command::Stdin;
use crate::live::LiveFeed;
use crate::pipe::open_pipe;

/// Whether the program's standard input is a pipe (see [`Streams::of`]). An interpreter creates a different stream
/// object for other types of standard input, and the stream object of a warm interpreter was created for a pipe.
pub(super) fn is_pipe(stdin: &Stdin) -> bool {
    match stdin {
        Stdin::Bytes(_) => true,
        Stdin::Live { terminal, .. } => terminal.is_none(),
        Stdin::Descriptor(descriptor) => {
            kind_of(descriptor).is_ok_and(|kind| kind == FileType::Fifo || !is_a_stream(kind))
        }
    }
}

/// Initial window of the program's terminal, if it has one.
pub(super) fn terminal_of(stdin: &Stdin) -> Option<TerminalSize> {
    match stdin {
        Stdin::Live { terminal, .. } => *terminal,
        Stdin::Bytes(_) | Stdin::Descriptor(_) => None,
    }
}

/// The standard streams of a run.
pub(super) struct Streams {
    /// The data that remains to be written to standard input.
    pub(super) stdin: Option<Feed>,
    pub(super) live: Option<LiveFeed>,
    pub(super) stdout: Option<OwnedFd>,
    pub(super) stderr: Option<OwnedFd>,
    /// The program's standard input, output and error. Empty if the cell makes a terminal.
    pub(super) theirs: Vec<Arc<OwnedFd>>,
}

impl Streams {
    pub(super) fn of(stdin: &Stdin, stderr_to_stdout: bool) -> io::Result<Streams> {
        let (stdin, live, stdin_theirs) = match stdin {
            Stdin::Live { queue, terminal: Some(_) } => {
                let live = Some(LiveFeed::of_terminal(queue.clone()));
                return Ok(Streams { stdin: None, live, stdout: None, stderr: None, theirs: Vec::new() });
            }
            Stdin::Live { queue, terminal: None } => {
                let (theirs, pipe) = open_pipe()?;
                (None, Some(LiveFeed::of_pipe(queue.clone(), pipe)?), Arc::new(theirs))
            }
            Stdin::Descriptor(descriptor) if is_a_stream(kind_of(descriptor)?) => (None, None, descriptor.clone()),
            Stdin::Descriptor(file) => feed_from(Source::File { file: file.clone(), chunk: Vec::new() })?,
            Stdin::Bytes(data) => feed_from(Source::Bytes(data.clone()))?,
        };
        let (stdout, stdout_theirs) = open_pipe()?;
        let stdout_theirs = Arc::new(stdout_theirs);
        let (stderr, stderr_theirs) = match stderr_to_stdout {
            true => (None, Arc::clone(&stdout_theirs)),
            false => {
                let (stderr, theirs) = open_pipe()?;
                (Some(stderr), Arc::new(theirs))
            }
        };
        let theirs = vec![stdin_theirs, stdout_theirs, stderr_theirs];
        Ok(Streams { stdin, live, stdout: Some(stdout), stderr, theirs })
    }
}

/// Whether a program may get a descriptor of this type as its standard input. A file has a name, locks and an offset
/// that other processes share, so its content goes through a pipe.
fn is_a_stream(kind: FileType) -> bool {
    matches!(kind, FileType::Fifo | FileType::Socket | FileType::CharacterDevice)
}

fn kind_of(descriptor: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(rustix::fs::fstat(descriptor)?.st_mode))
}
