//! The exchange between a slot and its lane during one run.
//!
//! The slot's thread writes standard input, and waits for the lane's messages. It reads standard output, standard error
//! and the result, and enforces the output limit on each of them. The pipes provide back-pressure: a program that
//! writes faster than its observer reads blocks. If the program has a terminal, the terminal takes the place of the
//! pipes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_types::{BoxFile, BoxPath, Bytes, FetchedFile, FileSearch, FoundFile, Output, TerminalSize};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::captured::Captured;
use super::feed::Feed;
use super::report::exit_status;
use super::watched::Watched;
use crate::command::{Observer, RunError};
use crate::live::{Control, LiveFeed};
use crate::wire::{self, CellDone, FromLane, KillReason, ToLane};

/// Number of output pipes: standard output, standard error, and the result.
pub(super) const OUTPUTS: usize = 3;
/// Maximum number of reads from one stream before the other streams are polled again.
const READS_IN_A_ROW: usize = 8;

/// Pause between two polls of a terminal that no process has open.
const TERMINAL_REST: Duration = Duration::from_millis(100);

/// The exchange between a slot and its lane during one run.
pub(super) struct Conversation<'a> {
    pub(super) lane: BorrowedFd<'a>,
    pub(super) stdin: Option<Feed>,
    pub(super) live: Option<LiveFeed>,
    /// The latest window of the program's terminal.
    pub(super) window: Option<TerminalSize>,
    /// Maximum bytes of each output.
    pub(super) limit: u64,
    pub(super) outputs: [Option<Captured>; OUTPUTS],
    pub(super) totals: [u64; OUTPUTS],
    pub(super) truncated: [bool; OUTPUTS],
    pub(super) watched: Option<Watched>,
    pub(super) done: Option<CellDone>,
    pub(super) cold: Option<String>,
    pub(super) files: Vec<BoxFile>,
    /// The paths of the files that are fetched. If there are none and `find` is `None`, all files of the outbox or of
    /// the box are collected.
    pub(super) fetch: &'a [BoxPath],
    pub(super) fetched: Vec<FetchedFile>,
    pub(super) find: Option<&'a FileSearch>,
    pub(super) found: Vec<FoundFile>,
    pub(super) found_bytes_left: u64,
    pub(super) collect_bytes_left: u64,
    pub(super) killed: bool,
    pub(super) give_up: Option<Instant>,
    pub(super) received: &'a mut Vec<u8>,
    pub(super) chunk: &'a mut [u8],
}

struct Ready {
    lane: bool,
    outputs: [bool; OUTPUTS],
    stdin: bool,
}

impl Conversation<'_> {
    pub(super) fn hold(&mut self, observer: &mut dyn Observer) -> Result<CellDone, RunError> {
        loop {
            if let (Some(done), [None, None, None]) = (self.done, &self.outputs) {
                return Ok(done);
            }
            let ready = self.wait()?;
            if observer.cancelled() {
                self.kill(KillReason::Cancelled)?;
            }
            if ready.stdin
                && let Some(feed) = &mut self.stdin
                && !feed.write()?
            {
                self.stdin = None;
            }
            if self.live.is_some() {
                self.feed_live(observer)?;
            }
            for index in 0..OUTPUTS {
                if ready.outputs[index] {
                    self.read(index, observer)?;
                }
            }
            if ready.lane {
                self.listen(observer)?;
            }
            if let Some(watched) = &mut self.watched
                && watched.is_stdout_closed()
            {
                observer.stdout_closed();
            }
            if self.give_up.is_some_and(|at| Instant::now() > at) {
                return Err(RunError::LaneLost);
            }
        }
    }

    fn wait(&self) -> Result<Ready, RunError> {
        let mut polled = Vec::with_capacity(OUTPUTS + 4);
        let mut place = [usize::MAX; OUTPUTS + 2];
        let now = Instant::now();
        let mut add = |polled: &mut Vec<PollFd<'_>>, which: usize| place[which] = polled.len() - 1;
        if self.done.is_none() {
            polled.push(PollFd::from_borrowed_fd(self.lane, PollFlags::IN));
            add(&mut polled, 0);
        }
        for (index, output) in self.outputs.iter().enumerate() {
            if let Some(output) = output
                && output.rests_until.is_none_or(|until| now >= until || self.done.is_some())
            {
                polled.push(PollFd::from_borrowed_fd(output.pipe.as_fd(), PollFlags::IN));
                add(&mut polled, 1 + index);
            }
        }
        if let Some(feed) = &self.stdin {
            polled.push(PollFd::from_borrowed_fd(feed.pipe.as_fd(), PollFlags::OUT));
            add(&mut polled, 1 + OUTPUTS);
        }
        if let Some(live) = &self.live {
            polled.push(PollFd::from_borrowed_fd(live.wake(), PollFlags::IN));
            polled.extend(live.wants_to_write().map(|to| PollFd::from_borrowed_fd(to, PollFlags::OUT)));
        }
        let timeout = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(other) => return Err(RunError::Io(other.into())),
        }
        let happened = |which: usize| polled.get(place[which]).is_some_and(|p| !p.revents().is_empty());
        let outputs = std::array::from_fn(|index| happened(1 + index));
        Ok(Ready { lane: happened(0), outputs, stdin: happened(1 + OUTPUTS) })
    }

    /// Takes all live input, and writes as much as the program accepts. Both are cheap if there is nothing to do.
    fn feed_live(&mut self, observer: &mut dyn Observer) -> Result<(), RunError> {
        let Some(live) = &mut self.live else { return Ok(()) };
        let mut to_lane = Vec::new();
        while let Some(control) = live.take() {
            match control {
                Some(Control::Signal(signal)) => to_lane.push(ToLane::Signal(signal)),
                Some(Control::EndOfInput) => to_lane.push(ToLane::InputEnded),
                Some(Control::Resize(size)) => {
                    self.window = Some(size);
                    if let Some(terminal) = self.outputs[0].as_ref().filter(|output| output.is_terminal) {
                        crate::sys::terminal::resize(terminal.pipe.as_fd(), size)?;
                    }
                }
                None => {}
            }
        }
        live.write();
        if let Some(total) = live.progress() {
            observer.input_consumed(total);
        }
        for message in to_lane {
            if self.done.is_none() {
                // The message is dropped if the lane has hundreds of messages left to read.
                wire::send_now(self.lane, &message).map_err(|_| RunError::LaneLost)?;
            }
        }
        Ok(())
    }

    /// Begins to use the program's terminal.
    fn open_terminal(&mut self, terminal: OwnedFd) -> Result<(), RunError> {
        let Some(live) = &mut self.live else { return Err(RunError::LaneLost) };
        if let Some(size) = self.window {
            crate::sys::terminal::resize(terminal.as_fd(), size)?;
        }
        live.open(terminal.try_clone()?);
        live.write();
        self.outputs[0] = Some(Captured::of_terminal(terminal, self.limit));
        Ok(())
    }

    fn read(&mut self, index: usize, observer: &mut dyn Observer) -> Result<(), RunError> {
        for _ in 0..READS_IN_A_ROW {
            let Some(output) = &mut self.outputs[index] else { return Ok(()) };
            let n = match rustix::io::read(&output.pipe, &mut *self.chunk) {
                Ok(0) => {
                    self.outputs[index] = None;
                    if let Some(watched) = self.watched.as_mut().filter(|_| index == 0) {
                        watched.stdout_ended = Some(Instant::now());
                    }
                    return Ok(());
                }
                Ok(n) => n,
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                // No process has the terminal open. Source: drivers/tty/n_tty.c, n_tty_read().
                Err(rustix::io::Errno::IO) if output.is_terminal => {
                    output.rests_until = Instant::now().checked_add(TERMINAL_REST);
                    if self.done.is_some() {
                        self.outputs[index] = None;
                    }
                    return Ok(());
                }
                Err(other) => return Err(RunError::Io(other.into())),
            };
            let filled = output.is_filled_by(n);
            self.totals[index] += n as u64;
            let kept = usize::try_from(output.left).unwrap_or(usize::MAX).min(n);
            output.left -= kept as u64;
            if kept > 0 {
                match index {
                    0 => observer.stdout(&self.chunk[..kept]),
                    1 => observer.stderr(&self.chunk[..kept]),
                    _ => observer.result(&self.chunk[..kept]),
                }
            }
            if kept < n {
                self.truncated[index] = true;
                self.kill(KillReason::OutputLimit)?;
            }
            if !filled {
                return Ok(());
            }
        }
        Ok(())
    }

    fn kill(&mut self, reason: KillReason) -> Result<(), RunError> {
        if !self.killed && self.done.is_none() {
            self.killed = true;
            wire::send(self.lane, &ToLane::Kill(reason), &[]).map_err(|_| RunError::LaneLost)?;
        }
        Ok(())
    }

    fn listen(&mut self, observer: &mut dyn Observer) -> Result<(), RunError> {
        match wire::receive::<FromLane>(self.lane, self.received) {
            Ok(Some((FromLane::Done(done), _))) => self.done = Some(done),
            Ok(Some((FromLane::Begun, mut beside))) => {
                if let Some(watched) = &mut self.watched {
                    watched.program = beside.pop();
                }
            }
            Ok(Some((FromLane::Ended { status }, _))) => {
                if let Some(watched) = &mut self.watched {
                    watched.ended = true;
                    observer.ended(exit_status(status));
                }
            }
            Ok(Some((FromLane::Terminal, mut beside))) => {
                self.open_terminal(beside.pop().ok_or(RunError::LaneLost)?)?;
            }
            Ok(Some((FromLane::Cold { reason }, _))) => self.cold = Some(reason),
            Ok(Some((FromLane::Files { names, executable }, descriptors))) => {
                self.take_files(&names, &executable, &descriptors)?
            }
            Ok(Some((FromLane::Found { names }, descriptors))) => self.take_found(&names, &descriptors)?,
            Ok(Some((FromLane::Ready { .. }, _)) | None) => return Err(RunError::LaneLost),
            Err(error) => return Err(RunError::Io(error)),
        }
        Ok(())
    }

    /// Reads collected files. The processes that wrote them are gone, but names and sizes are still untrusted.
    fn take_files(&mut self, names: &[String], executable: &[bool], descriptors: &[OwnedFd]) -> Result<(), RunError> {
        if names.len() != descriptors.len() {
            return Err(RunError::LaneLost);
        }
        for ((name, executable), descriptor) in names.iter().zip(executable).zip(descriptors) {
            let path = BoxPath::new(name).map_err(|_| RunError::LaneLost)?;
            let size = size_of(descriptor)?;
            if !self.fetch.is_empty() {
                self.take_fetched(path, size, descriptor)?;
                continue;
            }
            self.collect_bytes_left = self.collect_bytes_left.checked_sub(size).ok_or(RunError::LaneLost)?;
            let data = read_start(descriptor.as_fd(), size)?;
            self.files.push(BoxFile { path, data, executable: *executable });
        }
        Ok(())
    }

    /// Reads a file of `size` bytes that the command requested, up to the bound on bytes.
    fn take_fetched(&mut self, path: BoxPath, size: u64, descriptor: &OwnedFd) -> Result<(), RunError> {
        if self.fetched.len() >= self.fetch.len() || !self.fetch.contains(&path) {
            return Err(RunError::LaneLost);
        }
        let kept = size.min(self.collect_bytes_left);
        self.collect_bytes_left -= kept;
        let data = read_start(descriptor.as_fd(), kept)?;
        self.fetched.push(FetchedFile { path, content: Output { data, truncated: kept < size } });
        Ok(())
    }

    /// Reads files that were found by pattern, unless they exceed the bounds on bytes.
    fn take_found(&mut self, names: &[String], descriptors: &[OwnedFd]) -> Result<(), RunError> {
        let Some(find) = self.find else { return Err(RunError::LaneLost) };
        let files_max = usize::try_from(find.files_max).unwrap_or(usize::MAX);
        if names.len() != descriptors.len() || self.found.len() + names.len() > files_max {
            return Err(RunError::LaneLost);
        }
        for (name, descriptor) in names.iter().zip(descriptors) {
            let path = BoxPath::new(name).map_err(|_| RunError::LaneLost)?;
            let size = size_of(descriptor)?;
            let data = if size <= find.file_bytes_max.get() && size <= self.found_bytes_left {
                self.found_bytes_left -= size;
                Some(read_start(descriptor.as_fd(), size)?)
            } else {
                None
            };
            self.found.push(FoundFile { path, size: Bytes::new(size), data });
        }
        Ok(())
    }
}

/// Size of a collected file.
fn size_of(file: &OwnedFd) -> Result<u64, RunError> {
    let stat = rustix::fs::fstat(file).map_err(io::Error::from)?;
    Ok(u64::try_from(stat.st_size).unwrap_or(u64::MAX))
}

/// Reads the first `length` bytes of a file directly into the returned buffer, so that a large file is copied only
/// once, out of the box.
fn read_start(file: BorrowedFd<'_>, length: u64) -> Result<Arc<[u8]>, RunError> {
    let length = usize::try_from(length).map_err(|_| RunError::LaneLost)?;
    let mut data: Arc<[u8]> = std::iter::repeat_n(0, length).collect();
    if let Some(data) = Arc::get_mut(&mut data) {
        read_all(file, data)?;
    }
    Ok(data)
}

/// Fills `data` with the start of a file. No process is left that could truncate the file.
fn read_all(file: BorrowedFd<'_>, data: &mut [u8]) -> Result<(), RunError> {
    let mut at = 0;
    while at < data.len() {
        match rustix::io::pread(file, &mut data[at..], at as u64) {
            Ok(0) => return Err(RunError::LaneLost),
            Ok(n) => at += n,
            Err(rustix::io::Errno::INTR) => {}
            Err(other) => return Err(RunError::Io(other.into())),
        }
    }
    Ok(())
}
