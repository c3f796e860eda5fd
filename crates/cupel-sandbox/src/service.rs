//! A service: a program that stays in its cell and answers requests over its standard input and output.
//!
//! Services are for programs that start slowly and serve many requests, such as compile services. A service has a
//! separate lane with the same walls as any program. The lane is not pinned to a processor. While the service works, a
//! slot waits for it, so the service can use the processor of this slot. The service's memory outlives a request, so
//! the caller must decide which tenants may share a service. Replies are untrusted; only their length is checked here.
//!
//! ```text
//!   start ──► ready ──request──► waiting ──reply──► ready
//!                                   └─ too slow, too long, ended, cancelled ──► spoiled: refuses every request
//! ```
//!
//! In both directions, a message is its length (four bytes, big-endian) followed by that many bytes. *Invariant:* after
//! a failed request, no other request is sent, so a late reply is never attributed to another request. Dropping the
//! [`ServiceCell`] ends all its processes.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cupel_types::{BoxFiles, Bytes, Limits};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};

use crate::command::RunError;
use crate::pipe::open_pipe;
use crate::pool::{Lane, LanePool};
use crate::refusal;
use crate::wire::{self, CellRequest, FromLane, LimitHit, ToLane};
use crate::{Sandbox, bundle};

/// The program of a service, with its files and limits.
#[derive(Clone, Debug)]
pub struct ServiceCommand {
    /// Program and arguments, as in [`Command`](crate::Command).
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// The initial content of `/box`, the working directory.
    pub files: BoxFiles,
    /// Limits on the whole lifetime of the service, including memory. The output limit is not used; each reply is
    /// limited by [`RequestLimits::reply`] instead.
    pub limits: Limits,
}

/// Limits on one request. CPU time is bounded by the wall-clock time and the number of processors.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Maximum time until the reply is complete.
    pub wall_time: Duration,
    /// Maximum length of the reply.
    pub reply: Bytes,
}

/// Why there is no reply. After any of these errors, the service is unusable and can only be dropped.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The service has ended, or one of its lifetime limits ended it.
    #[error("the service has ended{}", .limit.map(|l| format!(": {l}")).unwrap_or_default())]
    Ended {
        /// The limit that ended the service, if known.
        limit: Option<&'static str>,
    },
    /// The reply did not arrive in time.
    #[error("the service did not reply in time")]
    TooSlow,
    /// The reply is longer than [`RequestLimits::reply`].
    #[error("the service's reply is too long")]
    TooLong,
    /// The service sent data that was not requested.
    #[error("the service violated the protocol: it sent data that was not requested")]
    Unasked,
    /// The caller cancelled the request.
    #[error("the request was cancelled")]
    Cancelled,
    /// An earlier request has failed.
    #[error("the service is unusable because an earlier request failed")]
    Spoiled,
    /// Communication with the service failed.
    #[error("cannot communicate with the service")]
    Io(#[from] io::Error),
}

/// Interval at which `cancelled` is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
const CHUNK: usize = 64 * 1024;

/// A running service.
#[derive(Debug)]
pub struct ServiceCell {
    lane: Lane,
    to: OwnedFd,
    from: OwnedFd,
    chunk: Box<[u8]>,
    spoiled: bool,
}

impl Sandbox {
    /// Starts a service in a new lane. Takes as long as creating a lane. If the program does not start, the first
    /// request fails.
    ///
    /// # Errors
    /// If the command is invalid or cannot be sent, or if the lane, a pipe or the bundle of files cannot be created.
    pub fn service(&self, command: &ServiceCommand) -> Result<ServiceCell, RunError> {
        ServiceCell::start(&self.pool, command)
    }
}

impl ServiceCell {
    fn start(pool: &Arc<LanePool>, command: &ServiceCommand) -> Result<ServiceCell, RunError> {
        refusal::of_texts(&command.argv, &command.env)?;
        refusal::of_limits(&command.limits, pool.features())?;
        let lane = pool.make_unpinned()?;
        let (their_input, to) = open_pipe()?;
        let (from, their_output) = open_pipe()?;
        for ours in [&to, &from] {
            rustix::io::ioctl_fionbio(ours, true).map_err(io::Error::from)?;
        }
        // Standard error is discarded, because it may quote the source.
        let nowhere =
            rustix::fs::open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).map_err(io::Error::from)?;
        let files = bundle::write(&command.files)?;
        let request = ToLane::Run(CellRequest {
            search: Vec::new(),
            limits: command.limits,
            counted_files: Bytes::ZERO,
            collect: None,
            argv: command.argv.clone(),
            env: command.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            warm: false,
            result: false,
            outbox: String::new(),
            linked: String::new(),
            fetch: Vec::new(),
            patterns: Vec::new(),
            found_max: 0,
            watch: false,
            live: false,
            terminal: None,
        });
        let handed = [their_input.as_fd(), their_output.as_fd(), nowhere.as_fd(), files.as_fd()];
        wire::send(lane.socket.as_fd(), &request, &handed).map_err(|_| RunError::LaneLost)?;
        Ok(ServiceCell { lane, to, from, chunk: vec![0; CHUNK].into_boxed_slice(), spoiled: false })
    }

    /// Sends a request and waits for its reply. `cancelled` is polled about five times per second.
    ///
    /// # Errors
    /// If there is no valid reply; every later request then fails with [`ServiceError::Spoiled`].
    pub fn request(
        &mut self,
        request: &[u8],
        limits: &RequestLimits,
        cancelled: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<u8>, ServiceError> {
        if self.spoiled {
            return Err(ServiceError::Spoiled);
        }
        let reply = self.exchange(request, limits, cancelled);
        self.spoiled = reply.is_err();
        reply
    }

    fn exchange(
        &mut self,
        request: &[u8],
        limits: &RequestLimits,
        cancelled: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<u8>, ServiceError> {
        let length = u32::try_from(request.len()).map_err(|_| io::Error::from_raw_os_error(libc::EMSGSIZE))?;
        let length = length.to_be_bytes();
        let mut left: [&[u8]; 2] = [&length, request];
        let mut reply = Reply::new(limits.reply);
        if self.read(&mut Reply::new(Bytes::new(0)))? {
            return Err(ServiceError::Unasked);
        }
        let end = Instant::now() + limits.wall_time;
        loop {
            let now = Instant::now();
            let wait = end.checked_duration_since(now).ok_or(ServiceError::TooSlow)?.min(POLL_INTERVAL);
            let wants_to_write = left.iter().any(|part| !part.is_empty());
            let ready = self.wait(wait, wants_to_write)?;
            if ready.output {
                while self.read(&mut reply)? {}
                if let Some(whole) = reply.take_whole()? {
                    // A reply that arrives before the whole request has been sent cannot be an answer to it.
                    return if wants_to_write { Err(ServiceError::Unasked) } else { Ok(whole) };
                }
            }
            if ready.input {
                for part in &mut left {
                    write(&self.to, part)?;
                    if !part.is_empty() {
                        break;
                    }
                }
            }
            if ready.lane {
                return Err(self.end_error());
            }
            if cancelled() {
                return Err(ServiceError::Cancelled);
            }
        }
    }

    fn wait(&self, timeout: Duration, wants_to_write: bool) -> Result<Ready, ServiceError> {
        let mut polled = Vec::with_capacity(3);
        polled.push(PollFd::from_borrowed_fd(self.lane.socket.as_fd(), PollFlags::IN));
        polled.push(PollFd::from_borrowed_fd(self.from.as_fd(), PollFlags::IN));
        if wants_to_write {
            polled.push(PollFd::from_borrowed_fd(self.to.as_fd(), PollFlags::OUT));
        }
        let timeout = Timespec::try_from(timeout).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
        match poll(&mut polled, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(other) => return Err(io::Error::from(other).into()),
        }
        let happened = |index: usize| polled.get(index).is_some_and(|p| !p.revents().is_empty());
        Ok(Ready { lane: happened(0), output: happened(1), input: happened(2) })
    }

    /// Reads once. Returns `false` if no data is available.
    fn read(&mut self, reply: &mut Reply) -> Result<bool, ServiceError> {
        match rustix::io::read(&self.from, &mut *self.chunk) {
            Ok(0) => Err(self.end_error()),
            Ok(n) => reply.add(&self.chunk[..n]).map(|()| true),
            Err(rustix::io::Errno::AGAIN) => Ok(false),
            Err(rustix::io::Errno::INTR) => Ok(true),
            Err(other) => Err(io::Error::from(other).into()),
        }
    }

    /// Returns the error for a service that has ended, with the limit that the lane reports. The report may arrive
    /// slightly after the end.
    fn end_error(&mut self) -> ServiceError {
        let socket = self.lane.socket.as_fd();
        let limit = match wire::readable(socket, Duration::from_secs(2)) {
            Ok(true) => match wire::receive::<FromLane>(socket, &mut Vec::new()) {
                Ok(Some((FromLane::Done(done), _))) => LimitHit::from_number(done.limit),
                _ => None,
            },
            _ => None,
        };
        let limit = limit.map(|limit| match limit {
            LimitHit::Cpu => "it exceeded its CPU time limit",
            LimitHit::Wall => "it exceeded its wall-clock limit",
            LimitHit::Idle => "it exceeded its idle limit",
            LimitHit::Memory => "it exceeded its memory limit",
            LimitHit::Output => "it exceeded its output limit",
            LimitHit::Instructions => "it exceeded its instruction limit",
            LimitHit::Cancelled => "it was cancelled",
        });
        ServiceError::Ended { limit }
    }
}

/// Writes the part of `data` that the pipe accepts, and removes that part from `data`.
fn write(pipe: &OwnedFd, data: &mut &[u8]) -> Result<(), ServiceError> {
    while !data.is_empty() {
        match rustix::io::write(pipe, data) {
            Ok(n) => *data = &data[n..],
            Err(rustix::io::Errno::AGAIN) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::PIPE) => return Err(ServiceError::Ended { limit: None }),
            Err(other) => return Err(io::Error::from(other).into()),
        }
    }
    Ok(())
}

struct Ready {
    lane: bool,
    output: bool,
    input: bool,
}

/// A partially received reply.
struct Reply {
    data: Vec<u8>,
    bytes_max: usize,
}

impl Reply {
    fn new(max: Bytes) -> Reply {
        Reply { data: Vec::new(), bytes_max: usize::try_from(max.get()).unwrap_or(usize::MAX) }
    }

    fn add(&mut self, data: &[u8]) -> Result<(), ServiceError> {
        self.data.extend_from_slice(data);
        match self.length() {
            Some(length) if length > self.bytes_max => Err(ServiceError::TooLong),
            Some(length) if self.data.len() > 4 + length => Err(ServiceError::Unasked),
            _ => Ok(()),
        }
    }

    fn length(&self) -> Option<usize> {
        self.data.first_chunk::<4>().map(|head| u32::from_be_bytes(*head) as usize)
    }

    fn take_whole(&mut self) -> Result<Option<Vec<u8>>, ServiceError> {
        if self.length().is_none_or(|length| self.data.len() < 4 + length) {
            return Ok(None);
        }
        Ok(Some(self.data.split_off(4)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the result of receiving a reply in these pieces, with a maximum of four bytes.
    fn check(pieces: &[&[u8]], expected: Result<Option<&[u8]>, &str>) {
        let mut reply = Reply::new(Bytes::new(4));
        let whole = pieces.iter().try_for_each(|piece| reply.add(piece)).and_then(|()| reply.take_whole());
        match (whole, expected) {
            (Ok(got), Ok(wanted)) => assert_eq!(got.as_deref(), wanted, "{pieces:?}"),
            (Err(got), Err(wanted)) => assert_eq!(got.to_string(), wanted, "{pieces:?}"),
            (got, _) => panic!("{pieces:?}: {got:?}"),
        }
    }

    #[test]
    fn a_reply_is_a_length_followed_by_that_many_bytes() {
        check(&[b"\0\0\0\x02ab"], Ok(Some(b"ab")));
        check(&[b"\0", b"\0\0", b"\x02a", b"b"], Ok(Some(b"ab")));
        check(&[b"\0\0\0\0"], Ok(Some(b"")));
        check(&[b"\0\0\0\x02a"], Ok(None));
        check(&[b"\0\0"], Ok(None));
        check(&[b"\0\0\0\x05"], Err("the service's reply is too long"));
        check(&[b"\xff\xff\xff\xff"], Err("the service's reply is too long"));
        check(&[b"\0\0\0\x01ab"], Err("the service violated the protocol: it sent data that was not requested"));
    }
}
