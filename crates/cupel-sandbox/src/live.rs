//! Live input: input that arrives while a program runs, and how it reaches the program's pipe or terminal.
//!
//! ```text
//!  your thread ──push──► LiveQueue ──eventfd──► slot's thread: LiveFeed ──bytes──► pipe or terminal
//!                            ▲                        │ └─signals──► lane's init ──► cell's init ──► program
//!                            └── room, for bytes ◄────┘ └─window size──► terminal
//! ```
//!
//! *Invariants:*
//! - The slot's thread never blocks on the program's reading: it writes what fits, and polls for the rest.
//! - Signals and window sizes overtake bytes that the program has not read. They have a separate bound.
//! - Bytes that the program will never read are dropped, and count as consumed.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use cupel_types::{LiveInput, LiveSignal, TerminalSize};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

/// Maximum number of bytes that are queued or not written yet. If there are no such bytes, a single larger input is
/// accepted.
const PENDING_BYTES_MAX: usize = LiveInput::WINDOW;
/// Maximum total number of queued signals, window sizes and ends of input.
const CONTROLS_MAX: usize = 64;
/// The character that ends input on a terminal in its initial mode: Ctrl-D. Source: termios(3), VEOF.
const END_OF_FILE: u8 = 0x04;

/// The live input of one command. Clones share the queue.
#[derive(Clone, Debug)]
pub struct LiveQueue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Notified when there is space again, and when the queue is closed.
    room: Condvar,
    /// Readable if the queue may have inputs.
    wake: OwnedFd,
}

#[derive(Debug, Default)]
struct State {
    inputs: VecDeque<LiveInput>,
    /// Number of bytes that are in the queue, or that the feed took and has not written yet.
    bytes: usize,
    /// Number of queued control inputs (every kind except bytes).
    controls: usize,
    /// Whether a slot has taken an input.
    touched: bool,
    closed: bool,
}

impl LiveQueue {
    /// An empty queue.
    ///
    /// # Errors
    /// If the process has no file descriptors left.
    pub fn new() -> io::Result<LiveQueue> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(LiveQueue(Arc::new(Shared { state: Mutex::default(), room: Condvar::new(), wake })))
    }

    /// Appends an input. Blocks while the queue is full, until there is room again or the queue is closed. Returns
    /// `false` if the queue is closed; the input is then dropped.
    pub fn push(&self, input: LiveInput) -> bool {
        let mut state = self.lock();
        loop {
            if state.closed {
                return false;
            }
            let has_room = match &input {
                LiveInput::Bytes(bytes) => state.bytes == 0 || state.bytes + bytes.len() <= PENDING_BYTES_MAX,
                _ => state.controls < CONTROLS_MAX,
            };
            if has_room {
                break;
            }
            state = self.0.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match &input {
            LiveInput::Bytes(bytes) => state.bytes += bytes.len(),
            _ => state.controls += 1,
        }
        state.inputs.push_back(input);
        drop(state);
        // The write fails only if the counter is at its maximum, and then the descriptor is readable.
        let _ = rustix::io::write(&self.0.wake, &1u64.to_ne_bytes());
        true
    }

    /// Refuses all further input. Call this when the run has ended.
    pub fn close(&self) {
        self.lock().closed = true;
        self.0.room.notify_all();
    }

    /// Whether [`LiveQueue::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether no run has taken any input, so that the command can be run again.
    pub fn is_untouched(&self) -> bool {
        !self.lock().touched
    }

    fn take(&self) -> Option<LiveInput> {
        let mut state = self.lock();
        let input = state.inputs.pop_front()?;
        state.touched = true;
        if !matches!(input, LiveInput::Bytes(_)) {
            state.controls -= 1;
            self.0.room.notify_all();
        }
        Some(input)
    }

    /// Frees the space of bytes that a slot has taken.
    fn release(&self, bytes: usize) {
        self.lock().bytes -= bytes;
        self.0.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slot's action for an input other than bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    Signal(LiveSignal),
    Resize(TerminalSize),
    EndOfInput,
}

/// The slot's side of a [`LiveQueue`] during one run.
pub(crate) struct LiveFeed {
    queue: LiveQueue,
    sink: Sink,
    is_terminal: bool,
    /// Bytes to write: the client's bytes, then the characters that stand for the end of input on a terminal.
    pending: VecDeque<u8>,
    /// Bytes of the client in `pending`.
    of_client: usize,
    /// Bytes of the client that were written or dropped.
    consumed: u64,
    /// The total that was last returned by [`LiveFeed::progress`].
    reported: u64,
    is_last_line_open: bool,
    ended: bool,
}

/// Destination of the bytes.
enum Sink {
    /// The terminal does not exist yet.
    Awaited,
    Open(OwnedFd),
    /// The program can read no more.
    Closed,
}

impl LiveFeed {
    /// A feed for a pipe, whose writing end becomes nonblocking.
    pub(crate) fn of_pipe(queue: LiveQueue, pipe: OwnedFd) -> io::Result<LiveFeed> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(LiveFeed::new(queue, Sink::Open(pipe), false))
    }

    /// A feed for a terminal, which [`LiveFeed::open`] provides.
    pub(crate) fn of_terminal(queue: LiveQueue) -> LiveFeed {
        LiveFeed::new(queue, Sink::Awaited, true)
    }

    fn new(queue: LiveQueue, sink: Sink, is_terminal: bool) -> LiveFeed {
        LiveFeed {
            queue,
            sink,
            is_terminal,
            pending: VecDeque::new(),
            of_client: 0,
            consumed: 0,
            reported: 0,
            is_last_line_open: false,
            ended: false,
        }
    }

    /// Sets the terminal, a nonblocking descriptor.
    pub(crate) fn open(&mut self, terminal: OwnedFd) {
        self.sink = Sink::Open(terminal);
    }

    /// The descriptor that is readable if there may be input.
    pub(crate) fn wake(&self) -> BorrowedFd<'_> {
        self.queue.0.wake.as_fd()
    }

    /// The descriptor to poll until it is writable, if there is something to write.
    pub(crate) fn wants_to_write(&self) -> Option<BorrowedFd<'_>> {
        match &self.sink {
            Sink::Open(to) if !self.pending.is_empty() => Some(to.as_fd()),
            _ => None,
        }
    }

    /// Takes the next input from the queue, and writes as much as the program accepts. Returns `None` if the queue is
    /// empty; otherwise, the action that the input requires of the slot, if any.
    pub(crate) fn take(&mut self) -> Option<Option<Control>> {
        let Some(input) = self.queue.take() else {
            // The wake-up is reset before the queue is checked for the last time, so that no input is missed.
            let mut count = [0; 8];
            if rustix::io::read(self.wake(), &mut count).is_ok() {
                return Some(None);
            }
            return None;
        };
        Some(match input {
            LiveInput::Bytes(bytes) => {
                if self.ended {
                    self.count_consumed(bytes.len());
                } else {
                    self.of_client += bytes.len();
                    self.is_last_line_open =
                        bytes.last().map_or(self.is_last_line_open, |last| !matches!(last, b'\n' | b'\r'));
                    self.pending.extend(bytes);
                    self.write();
                }
                None
            }
            LiveInput::EndOfInput if self.ended => None,
            LiveInput::EndOfInput => {
                self.ended = true;
                if self.is_terminal {
                    // The first VEOF only sends an incomplete line. Source: termios(3), VEOF.
                    let count = if self.is_last_line_open { 2 } else { 1 };
                    self.pending.extend(std::iter::repeat_n(END_OF_FILE, count));
                }
                self.write();
                Some(Control::EndOfInput)
            }
            LiveInput::Signal(signal) => Some(Control::Signal(signal)),
            LiveInput::Resize(size) => Some(Control::Resize(size)),
        })
    }

    /// Writes as much as the program accepts. Closes a pipe at the end of input.
    pub(crate) fn write(&mut self) {
        while let Sink::Open(to) = &self.sink {
            let (next, _) = self.pending.as_slices();
            if next.is_empty() {
                if self.ended && !self.is_terminal {
                    self.sink = Sink::Closed;
                }
                return;
            }
            match rustix::io::write(to, next) {
                Ok(n) => {
                    self.pending.drain(..n);
                    let of_client = n.min(self.of_client);
                    self.of_client -= of_client;
                    self.count_consumed(of_client);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.sink = Sink::Closed,
            }
        }
        if matches!(self.sink, Sink::Closed) {
            self.pending.clear();
            let of_client = std::mem::take(&mut self.of_client);
            self.count_consumed(of_client);
        }
    }

    /// The total number of consumed bytes, if it has changed since the last call.
    pub(crate) fn progress(&mut self) -> Option<u64> {
        let changed = self.consumed != self.reported;
        self.reported = self.consumed;
        changed.then_some(self.consumed)
    }

    /// Counts bytes of the client that are no longer pending.
    fn count_consumed(&mut self, bytes: usize) {
        if bytes > 0 {
            self.consumed += bytes as u64;
            self.queue.release(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::thread;

    use super::*;

    fn bytes(text: &[u8]) -> LiveInput {
        LiveInput::Bytes(text.to_vec())
    }

    /// A feed for a pipe, and the pipe's reading end.
    fn feed(queue: &LiveQueue) -> (LiveFeed, io::PipeReader) {
        let (reader, writer) = io::pipe().unwrap();
        (LiveFeed::of_pipe(queue.clone(), writer.into()).unwrap(), reader)
    }

    /// Takes everything that is in the queue.
    fn take_all(feed: &mut LiveFeed) -> Vec<Control> {
        std::iter::from_fn(|| feed.take()).flatten().collect()
    }

    #[test]
    fn bytes_arrive_in_order_and_the_end_of_input_closes_the_pipe() {
        let queue = LiveQueue::new().unwrap();
        let (mut feed, mut reader) = feed(&queue);
        assert!(queue.is_untouched());
        for input in [bytes(b"one "), bytes(b"two"), LiveInput::EndOfInput, bytes(b"dropped")] {
            assert!(queue.push(input));
        }
        assert_eq!(take_all(&mut feed), [Control::EndOfInput]);
        assert_eq!((feed.progress(), feed.progress()), (Some(14), None), "dropped bytes count as consumed");
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
        assert!(!queue.is_untouched());
    }

    #[test]
    fn signals_and_sizes_overtake_bytes_that_the_program_does_not_read() {
        let queue = LiveQueue::new().unwrap();
        let (mut feed, reader) = feed(&queue);
        // More bytes than the pipe holds.
        for _ in 0..2 {
            assert!(queue.push(LiveInput::Bytes(vec![b'x'; PENDING_BYTES_MAX])));
            take_all(&mut feed);
        }
        assert!(feed.wants_to_write().is_some());
        let size = TerminalSize::default();
        assert!(queue.push(LiveInput::Signal(LiveSignal::Interrupt)) && queue.push(LiveInput::Resize(size)));
        assert_eq!(take_all(&mut feed), [Control::Signal(LiveSignal::Interrupt), Control::Resize(size)]);
        drop(reader);
        feed.write();
        assert_eq!(feed.progress(), Some(2 * PENDING_BYTES_MAX as u64), "without a reader, all is consumed");
        assert!(feed.wants_to_write().is_none());
    }

    #[test]
    fn a_full_queue_blocks_its_sender_until_the_program_reads_or_the_run_ends() {
        let queue = LiveQueue::new().unwrap();
        assert!(queue.push(LiveInput::Bytes(vec![0; PENDING_BYTES_MAX])));
        let blocked = |queue: LiveQueue| thread::spawn(move || queue.push(bytes(b"more")));
        let sender = blocked(queue.clone());
        let (mut feed, mut reader) = feed(&queue);
        let mut read = 0;
        while read < PENDING_BYTES_MAX as u64 + 4 {
            take_all(&mut feed);
            feed.write();
            if feed.consumed > read {
                read += reader.read(&mut [0; 1 << 12]).unwrap() as u64;
            }
        }
        assert!(sender.join().unwrap());
        for _ in 0..CONTROLS_MAX {
            assert!(queue.push(LiveInput::Signal(LiveSignal::User1)));
        }
        let sender = thread::spawn({
            let queue = queue.clone();
            move || queue.push(LiveInput::Signal(LiveSignal::User2))
        });
        queue.close();
        assert!(!sender.join().unwrap());
        assert!(!queue.push(bytes(b"late")));
    }

    #[test]
    fn on_a_terminal_the_end_of_input_is_a_character() {
        for (text, expected) in
            [("line\n", "line\n\x04"), ("line\r", "line\r\x04"), ("part", "part\x04\x04"), ("", "\x04")]
        {
            let queue = LiveQueue::new().unwrap();
            let mut feed = LiveFeed::of_terminal(queue.clone());
            assert!(queue.push(bytes(text.as_bytes())) && queue.push(LiveInput::EndOfInput));
            take_all(&mut feed);
            assert_eq!(feed.progress(), None, "the terminal does not exist yet");
            let (mut reader, writer) = io::pipe().unwrap();
            feed.open(writer.into());
            feed.write();
            assert_eq!(feed.progress(), (!text.is_empty()).then_some(text.len() as u64));
            drop(feed);
            let mut written = String::new();
            reader.read_to_string(&mut written).unwrap();
            assert_eq!(written, expected);
        }
    }
}
