//! Handshake between the launcher and a lane's init during the setup of the lane.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::step::SetupStep;
use crate::warm::ColdStart;
use crate::wire::{self, Malformed, Message, Reader, Writer};

/// A message between the launcher and a lane's init.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LaneReport {
    /// The other side may continue. The launcher's first `Go` carries the lane's instruction counter, if there is one.
    Go,
    Ready,
    Failed {
        step: u32,
        errno: i32,
    },
    /// The lane, which was ready before, has measured this.
    ColdStart(ColdStart),
}

impl Message for LaneReport {
    fn encode(&self, to: &mut Writer) {
        match self {
            LaneReport::Go => to.u32(1),
            LaneReport::Ready => to.u32(2),
            LaneReport::Failed { step, errno } => {
                to.u32(3);
                to.u32(*step);
                to.i32(*errno);
            }
            LaneReport::ColdStart(cold) => {
                to.u32(4);
                to.cold_start(cold);
            }
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match from.u32()? {
            1 => LaneReport::Go,
            2 => LaneReport::Ready,
            3 => LaneReport::Failed { step: from.u32()?, errno: from.i32()? },
            4 => LaneReport::ColdStart(from.cold_start()?),
            _ => return Err(Malformed),
        })
    }
}

/// Sends a report, and passes the descriptors `beside` with it.
pub(crate) fn send_report(
    sync: &OwnedFd,
    report: LaneReport,
    beside: &[BorrowedFd<'_>],
) -> Result<(), (SetupStep, io::Error)> {
    wire::send(sync.as_fd(), &report, beside).map_err(|error| (SetupStep::Protocol, error))
}

/// Waits for the cold start that a lane measures. `None` if the lane could not measure it in time.
pub(crate) fn cold_start(sync: &OwnedFd, timeout: Duration) -> Option<ColdStart> {
    match receive_report(sync, timeout) {
        Ok((LaneReport::ColdStart(cold), _)) => Some(cold),
        _ => None,
    }
}

/// Waits for a report and the descriptors passed with it.
fn receive_report(sync: &OwnedFd, timeout: Duration) -> io::Result<(LaneReport, Vec<OwnedFd>)> {
    if !wire::readable(sync.as_fd(), timeout)? {
        return Err(io::ErrorKind::TimedOut.into());
    }
    wire::receive(sync.as_fd(), &mut Vec::new())?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Waits for the report `wanted`, and returns the descriptors passed with it.
pub(crate) fn expect(
    sync: &OwnedFd,
    wanted: LaneReport,
    timeout: Duration,
) -> Result<Vec<OwnedFd>, (SetupStep, io::Error)> {
    let protocol = |error: io::Error| (SetupStep::Protocol, error);
    match receive_report(sync, timeout).map_err(protocol)? {
        (received, beside) if received == wanted => Ok(beside),
        (LaneReport::Failed { step, errno }, _) => {
            Err((SetupStep::from_number(step), io::Error::from_raw_os_error(errno)))
        }
        _ => Err(protocol(io::ErrorKind::InvalidData.into())),
    }
}
