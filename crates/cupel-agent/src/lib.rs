//! The protocol between a worker and the agent, which is the first process of a container that runs one step.
//!
//! The worker sends [`ToAgent`] to the agent's standard input. The agent answers with [`FromAgent`] on its standard
//! output. A message is its length in bytes (32 bits, little endian), then its encoding by postcard. The order is:
//!
//! ```text
//! agent:   Ready
//! worker:  File, Data…, File, Data…, …, Start;
//!          then Stdin, EndOfInput, Signal, Resize, Cancel in any order
//! agent:   Started, then Output, Consumed, Progress, StdoutClosed, Ended in any order;
//!          then File, Data…; FoundFile, Data…; Done
//! ```
//!
//! If the program cannot be started, the agent sends NotStarted instead. The agent answers Find with Found.
//!
//! If standard input ends, the agent exits, and the kernel kills all processes of its container. Therefore no container
//! outlives its worker. Neither side trusts the other: lengths are bounded, and paths are checked where they are used.

#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of the protocol. A worker builds an image with its own agent, so both have the same version.
pub const VERSION: u32 = 5;
/// Path of the agent in its container.
pub const PATH: &str = "/.cupel-agent";
/// The directory in which programs run.
pub const BOX: &str = "/box";
/// Maximum number of entries of the image's `WORKDIR` that get links in the box.
pub const LINKED_MAX: usize = 1000;
/// Maximum length of a message.
pub const MESSAGE_MAX: usize = 1 << 20;
/// Maximum number of bytes of file content or program output in a message.
pub const DATA_MAX: usize = 128 << 10;
/// Maximum number of bytes of standard input that were sent and are not yet consumed.
pub const WINDOW: usize = 256 << 10;

/// A message from the worker to the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants describe their fields")]
pub enum ToAgent {
    /// A file to create in the box. Its content follows as [`ToAgent::Data`], `size` bytes in total.
    File { path: String, executable: bool, size: u64 },
    /// Content of the last file.
    Data(Vec<u8>),
    /// All files have been sent. The program starts.
    Start(Box<Step>),
    /// Data for the program's standard input.
    Stdin(Vec<u8>),
    /// The end of standard input.
    EndOfInput,
    /// A signal for the program.
    Signal(i32),
    /// A new size of the terminal.
    Resize { columns: u16, rows: u16 },
    /// Ends the step.
    Cancel,
    /// Whether an executable file with this name is in the image; answered by [`FromAgent::Found`].
    Find { program: String, search: Vec<String> },
}

/// A step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Directories searched for a program whose name contains no `/`.
    pub search: Vec<String>,
    /// Window of the terminal, as columns and rows, if the program has one.
    pub terminal: Option<(u16, u16)>,
    /// Whether standard error is the same pipe as standard output.
    pub stderr_to_stdout: bool,
    /// Whether descriptor 3 is a pipe to the worker.
    pub result: bool,
    /// Whether the program may wait for input. Waiting then does not count as idle.
    pub may_wait: bool,
    /// A directory of the box that exists from the start.
    pub outbox: Option<String>,
    /// A directory to whose entries the box has links.
    pub linked: Option<String>,
    /// The files to return.
    pub collect: Collect,
    /// Whether [`Done::stdin_left`] is wanted.
    pub watch: bool,
    /// The limits.
    pub limits: StepLimits,
}

/// The files to return after a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants describe their fields")]
pub enum Collect {
    /// No files.
    Nothing,
    /// All regular files of the box, or of the outbox if there is one.
    All { files: u32, bytes: u64, after_failure: bool },
    /// The files at these paths, truncated after `bytes` bytes in total; then the files that match `find`.
    Named { paths: Vec<String>, bytes: u64, find: Option<Find> },
}

/// A search for regular files by pattern.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Find {
    /// A file is found if one of these matches its path.
    pub patterns: Vec<String>,
    /// Maximum number of files; the first ones in the order of their paths are sent.
    pub files: u32,
    /// Maximum size of a file whose content is sent.
    pub file_bytes: u64,
    /// Maximum size of all contents.
    pub bytes: u64,
}

/// The limits that the agent enforces. The container also bounds the memory, and it alone enforces the limits on
/// processes and on the size of the box.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepLimits {
    /// CPU time of all processes.
    pub cpu: Duration,
    /// Wall-clock time.
    pub wall: Duration,
    /// Longest period without CPU time.
    pub idle: Duration,
    /// Memory of all processes and of written files, in bytes.
    pub memory: u64,
    /// The part of the input files that counts as the program's memory, in bytes.
    pub counted_files: u64,
    /// Virtual memory of a process, in bytes.
    pub address_space: Option<u64>,
    /// Open files of a process.
    pub open_files: u64,
    /// Size of a written file, in bytes.
    pub file_size: u64,
    /// Bytes of each output stream.
    pub output: u64,
    /// Stack of a process, in bytes.
    pub stack: u64,
}

/// A message from the agent to the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants describe their fields")]
pub enum FromAgent {
    /// The agent waits for a step.
    Ready { version: u32 },
    /// The program runs.
    Started,
    /// Output of the program.
    Output { stream: Stream, data: Vec<u8> },
    /// Total number of bytes of standard input that the program has accepted or that were dropped.
    Consumed(u64),
    /// The main process has ended.
    Ended(Exit),
    /// All processes have closed standard output.
    StdoutClosed,
    /// A file of the box. Its content follows as [`FromAgent::Data`]; the next message of another kind ends it.
    File { path: String, executable: bool, truncated: bool },
    /// A file that was found by pattern, ordered by path. If it has content, the content follows as
    /// [`FromAgent::Data`].
    FoundFile { path: String, size: u64, has_content: bool },
    /// Content of the last file.
    Data(Vec<u8>),
    /// The step has ended, and all its processes are gone.
    Done(Box<Done>),
    /// The program could not be started. `what` failed: [`FINDS`], [`STARTS`], or a step before these.
    NotStarted { errno: i32, what: String },
    /// Answer to [`ToAgent::Find`].
    Found(bool),
    /// CPU time of the running program so far. Sent a few times per second.
    Progress { cpu: Duration },
}

/// The step that searches for the program's file.
pub const FINDS: &str = "find the program";

/// The step that makes the program's streams and its process. A file that cannot be executed is no failure of this step:
/// the process then exits with 126 or 127.
pub const STARTS: &str = "start the program";

/// An output of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output, or the terminal.
    Stdout,
    /// Standard error.
    Stderr,
    /// Descriptor 3.
    Result,
}

/// How the main process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By `exit`, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Why the agent ended a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hit {
    /// CPU time.
    Cpu,
    /// Wall-clock time.
    Wall,
    /// Time without progress.
    Idle,
    /// Memory.
    Memory,
    /// Output.
    Output,
    /// The worker cancelled the step.
    Cancelled,
    /// The kernel killed a process, but not because of the container's own memory limit. The step is not valid.
    ForeignOom,
}

/// The end of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Why the agent ended the step, if it did.
    pub hit: Option<Hit>,
    /// How the main process ended by itself; `None` if the agent killed it.
    pub exit: Option<Exit>,
    /// Time of the end on the monotonic clock.
    pub ended: Duration,
    /// Wall-clock time from the start of the program to the end of its main process.
    pub wall: Duration,
    /// CPU time of all processes.
    pub cpu: Duration,
    /// User part of the CPU time, estimated from the shares of the processes that were waited for.
    pub cpu_user: Duration,
    /// Peak memory in bytes.
    pub memory: u64,
    /// Bytes written to standard output, standard error and descriptor 3.
    pub written: [u64; 3],
    /// Whether the output was truncated.
    pub truncated: [bool; 3],
    /// Whether the program left standard input unread; `false` unless [`Step::watch`] is set.
    pub stdin_left: bool,
    /// Whether there were more files than may be returned.
    pub files_truncated: bool,
}

/// Encodes a message with its length.
pub fn encode<M: Serialize>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    // Postcard can encode every message. If it fails nevertheless, the empty message is malformed for the reader.
    bytes = postcard::to_extend(message, bytes).unwrap_or_else(|_| vec![0; 4]);
    let length = u32::try_from(bytes.len() - 4).unwrap_or(u32::MAX);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// Collects received bytes into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// Appends received bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        } else if self.start > MESSAGE_MAX {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next complete message, if there is one.
    ///
    /// # Errors
    /// The bytes are not a message, or the message is too long.
    pub fn message<M: DeserializeOwned>(&mut self) -> io::Result<Option<M>> {
        let rest = &self.bytes[self.start..];
        let Some(length) = rest.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MESSAGE_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of the agent's protocol is too long"));
        }
        let Some(message) = rest.get(4..4 + length) else { return Ok(None) };
        let message = postcard::from_bytes(message).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, "a message of the agent's protocol is malformed")
        })?;
        self.start += 4 + length;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_complete_however_their_bytes_are_split() {
        let messages = [
            FromAgent::Ready { version: VERSION },
            FromAgent::Output { stream: Stream::Stderr, data: vec![7; 300] },
            FromAgent::Consumed(u64::MAX),
        ];
        let bytes: Vec<u8> = messages.iter().flat_map(encode).collect();
        for size in [1, 3, bytes.len()] {
            let mut decoder = Decoder::default();
            let mut found = Vec::new();
            for chunk in bytes.chunks(size) {
                decoder.push(chunk);
                while let Some(message) = decoder.message::<FromAgent>().unwrap() {
                    found.push(message);
                }
            }
            assert_eq!(found, messages, "chunks of {size}");
        }
    }

    #[test]
    fn a_too_long_or_malformed_message_is_an_error() {
        for bytes in [&[0xff, 0xff, 0xff, 0x7f][..], &[1, 0, 0, 0, 200], &[0, 0, 0, 0]] {
            let mut decoder = Decoder::default();
            decoder.push(bytes);
            assert!(decoder.message::<FromAgent>().is_err(), "{bytes:?}");
        }
    }
}
