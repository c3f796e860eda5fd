//! Messages between the main process and the launcher.

use super::encoding::{Malformed, Message, Reader, Writer};
use crate::CountedEvent;
use crate::warm::WarmTemplate;

/// From the main process to the launcher.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ToLauncher {
    Configure {
        uid_base: u32,
        lanes_max: u32,
        walls_off: u64,
        probe: bool,
        mounts: Vec<(String, String)>,
        counted: CountedEvent,
        warm: Vec<WarmTemplate>,
    },
    /// `warm` is the index of the template whose interpreter the lane keeps warm.
    MakeLane {
        lane: u32,
        cpu: Option<u32>,
        warm: Option<u32>,
    },
    RetireLane {
        lane: u32,
    },
}

/// From the launcher to the main process. `LaneMade` is sent with the lane's socket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FromLauncher {
    /// `uncounted` is the reason why instructions cannot be counted; `None` if they are counted.
    Configured {
        cgroup_v2: bool,
        uncounted: Option<String>,
    },
    LaneMade {
        lane: u32,
    },
    Failed {
        step: u32,
        errno: i32,
        detail: String,
    },
}

impl Message for ToLauncher {
    fn encode(&self, to: &mut Writer) {
        match self {
            ToLauncher::Configure { uid_base, lanes_max, walls_off, probe, mounts, counted, warm } => {
                to.u32(1);
                to.u32(*uid_base);
                to.u32(*lanes_max);
                to.u64(*walls_off);
                to.u32(u32::from(*probe));
                to.pairs(mounts);
                to.u32(*counted as u32);
                to.u32(u32::try_from(warm.len()).unwrap_or(u32::MAX));
                for template in warm {
                    to.template(template);
                }
            }
            ToLauncher::MakeLane { lane, cpu, warm } => {
                to.u32(2);
                to.u32(*lane);
                to.u32(cpu.map_or(u32::MAX, |c| c));
                to.u32(warm.map_or(u32::MAX, |w| w));
            }
            ToLauncher::RetireLane { lane } => {
                to.u32(3);
                to.u32(*lane);
            }
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match from.u32()? {
            1 => ToLauncher::Configure {
                uid_base: from.u32()?,
                lanes_max: from.u32()?,
                walls_off: from.u64()?,
                probe: from.bool()?,
                mounts: from.pairs()?,
                counted: CountedEvent::from_number(from.u32()?).ok_or(Malformed)?,
                warm: {
                    let count = from.u32()?;
                    (0..count).map(|_| from.template()).collect::<Result<_, _>>()?
                },
            },
            2 => {
                let mut number = || from.u32().map(|n| Some(n).filter(|n| *n != u32::MAX));
                ToLauncher::MakeLane { lane: number()?.ok_or(Malformed)?, cpu: number()?, warm: number()? }
            }
            3 => ToLauncher::RetireLane { lane: from.u32()? },
            _ => return Err(Malformed),
        })
    }
}

impl Message for FromLauncher {
    fn encode(&self, to: &mut Writer) {
        match self {
            FromLauncher::Configured { cgroup_v2, uncounted } => {
                to.u32(1);
                to.u32(u32::from(*cgroup_v2));
                to.string(uncounted.as_deref().unwrap_or_default());
            }
            FromLauncher::LaneMade { lane } => {
                to.u32(2);
                to.u32(*lane);
            }
            FromLauncher::Failed { step, errno, detail } => {
                to.u32(3);
                to.u32(*step);
                to.i32(*errno);
                to.string(detail);
            }
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match from.u32()? {
            1 => FromLauncher::Configured {
                cgroup_v2: from.bool()?,
                uncounted: Some(from.string()?).filter(|reason| !reason.is_empty()),
            },
            2 => FromLauncher::LaneMade { lane: from.u32()? },
            3 => FromLauncher::Failed { step: from.u32()?, errno: from.i32()?, detail: from.string()? },
            _ => return Err(Malformed),
        })
    }
}
