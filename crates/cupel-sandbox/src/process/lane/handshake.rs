//! What a lane's init and the launcher say to each other while the lane is made.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use crate::step::SetupStep;
use crate::wire;

/// What lane and launcher say to each other while the lane is made: `kind, step, errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneReport {
    Go,
    Ready,
    Failed { step: u32, errno: i32 },
}

/// Says it.
pub(crate) fn tell(sync: &OwnedFd, report: LaneReport) -> Result<(), (SetupStep, io::Error)> {
    let (kind, step, errno) = match report {
        LaneReport::Go => (1u32, 0u32, 0i32),
        LaneReport::Ready => (2, 0, 0),
        LaneReport::Failed { step, errno } => (3, step, errno),
    };
    let mut bytes = [0u8; 12];
    bytes[..4].copy_from_slice(&kind.to_le_bytes());
    bytes[4..8].copy_from_slice(&step.to_le_bytes());
    bytes[8..].copy_from_slice(&errno.to_le_bytes());
    rustix::net::send(sync, &bytes, rustix::net::SendFlags::NOSIGNAL)
        .map(drop)
        .map_err(|e| (SetupStep::Protocol, e.into()))
}

/// Waits until the other side says `wanted`.
pub(crate) fn expect(sync: &OwnedFd, wanted: LaneReport, timeout: Duration) -> Result<(), (SetupStep, io::Error)> {
    let protocol = |error: io::Error| (SetupStep::Protocol, error);
    if !wire::readable(sync.as_fd(), timeout).map_err(protocol)? {
        return Err(protocol(io::ErrorKind::TimedOut.into()));
    }
    let mut bytes = [0u8; 12];
    let (n, _) =
        rustix::net::recv(sync, &mut bytes, rustix::net::RecvFlags::empty()).map_err(|e| protocol(e.into()))?;
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let said = match (n, word(0)) {
        (12, 1) => LaneReport::Go,
        (12, 2) => LaneReport::Ready,
        (12, 3) => LaneReport::Failed { step: word(4), errno: word(8) as i32 },
        _ => return Err(protocol(io::ErrorKind::UnexpectedEof.into())),
    };
    match said {
        said if said == wanted => Ok(()),
        LaneReport::Failed { step, errno } => Err((SetupStep::from_number(step), io::Error::from_raw_os_error(errno))),
        _ => Err(protocol(io::ErrorKind::InvalidData.into())),
    }
}
