//! Messages between a slot and its lane.

use cupel_types::LiveSignal;

use super::encoding::{Malformed, Message, Reader, Writer};
use super::request::CellRequest;

/// From a slot to its lane. `Run` is sent with the descriptors of standard input, output and error unless the program
/// has a terminal, then the result's pipe if there is one, then the bundles.
#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and most are `Run`")]
pub(crate) enum ToLane {
    Run(CellRequest),
    Kill(KillReason),
    /// A signal for a live program.
    Signal(LiveSignal),
    /// The live input of the program has ended, so it can no longer wait for input.
    InputEnded,
}

/// From a lane's init to a cell's init, after the request: a signal for the program, which is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CellSignal(pub(crate) LiveSignal);

/// The reason for a slot's request to kill its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KillReason {
    OutputLimit = 1,
    Cancelled = 2,
}

/// From a lane to its slot.
#[derive(Debug, PartialEq)]
pub(crate) enum FromLane {
    /// Names of files left in the box. One descriptor for each is sent with the message.
    Files {
        names: Vec<String>,
        executable: Vec<bool>,
    },
    /// Names of files that were found by pattern, ordered. One descriptor for each is sent with the message.
    Found {
        names: Vec<String>,
    },
    /// A watched program has begun. Its pidfd is sent with the message.
    Begun,
    /// A watched program has ended, with its wait status. Sent before the cell's init kills the remaining processes and
    /// collects files.
    Ended {
        status: i32,
    },
    Done(CellDone),
    /// The terminal of a program. The descriptor of its other end is sent with the message.
    Terminal,
    /// The lane could not keep its interpreter warm, with the reason. Sent before any other message.
    Cold {
        reason: String,
    },
    /// The lane has checked whether it is clean.
    Ready {
        clean: bool,
    },
}

/// The result of a cell, as observed by the lane's init.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CellDone {
    /// The setup step that failed, or 0.
    pub(crate) failed_step: u32,
    pub(crate) failed_errno: i32,
    /// The [`LimitHit`] that ended the cell, or 0.
    pub(crate) limit: u32,
    /// Wait status of the main process.
    pub(crate) status: i32,
    /// Whether `status` is known.
    pub(crate) status_known: bool,
    pub(crate) cpu_ns: u64,
    pub(crate) cpu_user_ns: u64,
    pub(crate) cpu_system_ns: u64,
    pub(crate) wall_ns: u64,
    /// Monotonic time when the main process ended or was killed.
    pub(crate) ended_ns: u64,
    pub(crate) memory_peak: u64,
    /// `None` if instructions could not be counted.
    pub(crate) instructions: Option<u64>,
    pub(crate) collect_overflow: bool,
    /// Whether the program began as a copy of a warm interpreter.
    pub(crate) warm: bool,
}

/// The limit that ended a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitHit {
    Cpu = 1,
    Wall = 2,
    Idle = 3,
    Memory = 4,
    Output = 5,
    Cancelled = 6,
    Instructions = 7,
}

impl LimitHit {
    pub(crate) fn from_number(number: u32) -> Option<LimitHit> {
        use LimitHit::{Cancelled, Cpu, Idle, Instructions, Memory, Output, Wall};
        [Cpu, Wall, Idle, Memory, Output, Cancelled, Instructions].into_iter().find(|l| *l as u32 == number)
    }
}

impl Message for ToLane {
    fn room(&self) -> usize {
        match self {
            ToLane::Run(request) => 4 + request.room(),
            ToLane::Kill(_) | ToLane::Signal(_) | ToLane::InputEnded => 8,
        }
    }

    fn encode(&self, to: &mut Writer) {
        match self {
            ToLane::Run(request) => {
                to.u32(1);
                request.encode(to);
            }
            ToLane::Kill(reason) => {
                to.u32(2);
                to.u32(*reason as u32);
            }
            ToLane::Signal(signal) => {
                to.u32(3);
                to.live_signal(*signal);
            }
            ToLane::InputEnded => to.u32(4),
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match from.u32()? {
            1 => ToLane::Run(CellRequest::decode(from)?),
            2 => ToLane::Kill(match from.u32()? {
                1 => KillReason::OutputLimit,
                2 => KillReason::Cancelled,
                _ => return Err(Malformed),
            }),
            3 => ToLane::Signal(from.live_signal()?),
            4 => ToLane::InputEnded,
            _ => return Err(Malformed),
        })
    }
}

impl Message for CellSignal {
    fn encode(&self, to: &mut Writer) {
        to.live_signal(self.0);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.live_signal().map(CellSignal)
    }
}

impl Writer {
    fn live_signal(&mut self, signal: LiveSignal) {
        self.i32(signal.signal().0);
    }
}

impl Reader<'_> {
    fn live_signal(&mut self) -> Result<LiveSignal, Malformed> {
        let number = self.i32()?;
        LiveSignal::ALL.into_iter().find(|signal| signal.signal().0 == number).ok_or(Malformed)
    }
}

impl Message for FromLane {
    fn encode(&self, to: &mut Writer) {
        match self {
            FromLane::Files { names, executable } => {
                to.u32(1);
                to.strings(names);
                for flag in executable {
                    to.u32(u32::from(*flag));
                }
            }
            FromLane::Done(done) => {
                to.u32(2);
                to.u32(done.failed_step);
                to.i32(done.failed_errno);
                to.u32(done.limit);
                to.i32(done.status);
                to.u32(u32::from(done.status_known));
                for n in
                    [done.cpu_ns, done.cpu_user_ns, done.cpu_system_ns, done.wall_ns, done.ended_ns, done.memory_peak]
                {
                    to.u64(n);
                }
                to.some_u64(done.instructions);
                to.u32(u32::from(done.collect_overflow));
                to.u32(u32::from(done.warm));
            }
            FromLane::Ready { clean } => {
                to.u32(3);
                to.u32(u32::from(*clean));
            }
            FromLane::Cold { reason } => {
                to.u32(4);
                to.string(reason);
            }
            FromLane::Begun => to.u32(5),
            FromLane::Ended { status } => {
                to.u32(6);
                to.i32(*status);
            }
            FromLane::Terminal => to.u32(7),
            FromLane::Found { names } => {
                to.u32(8);
                to.strings(names);
            }
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match from.u32()? {
            1 => {
                let names = from.strings()?;
                let executable = names.iter().map(|_| from.bool()).collect::<Result<_, _>>()?;
                FromLane::Files { names, executable }
            }
            2 => FromLane::Done(CellDone {
                failed_step: from.u32()?,
                failed_errno: from.i32()?,
                limit: from.u32()?,
                status: from.i32()?,
                status_known: from.bool()?,
                cpu_ns: from.u64()?,
                cpu_user_ns: from.u64()?,
                cpu_system_ns: from.u64()?,
                wall_ns: from.u64()?,
                ended_ns: from.u64()?,
                memory_peak: from.u64()?,
                instructions: from.some_u64()?,
                collect_overflow: from.bool()?,
                warm: from.bool()?,
            }),
            3 => FromLane::Ready { clean: from.bool()? },
            4 => FromLane::Cold { reason: from.string()? },
            5 => FromLane::Begun,
            6 => FromLane::Ended { status: from.i32()? },
            7 => FromLane::Terminal,
            8 => FromLane::Found { names: from.strings()? },
            _ => return Err(Malformed),
        })
    }
}
