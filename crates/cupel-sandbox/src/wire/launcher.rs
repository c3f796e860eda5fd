//! Messages between the main process and the launcher.

use std::sync::Arc;

use cupel_types::{ContentHash, ImageRoot};

use super::encoding::{Malformed, Message, Reader, Writer};
use crate::CountedEvent;
use crate::warm::WarmTemplate;

/// An image whose files are the root of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LaneImage {
    pub(crate) id: ContentHash,
    /// The tenant's user and group id in the lane.
    pub(crate) uid: u32,
    /// Number of the hold on the image's files ([`cupel_types::Held::number`]). The launcher ignores it. It
    /// distinguishes the lanes of an image that was removed and added again: the mounts of the earlier lanes show the
    /// removed files.
    pub(crate) hold: u64,
}

impl LaneImage {
    pub(crate) fn of(root: &ImageRoot) -> LaneImage {
        LaneImage { id: root.id, uid: root.uid, hold: root.held.number() }
    }
}

/// Purpose of a lane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum LaneKind {
    /// Programs that start cold, and compilers, with the machine's toolchains.
    #[default]
    System,
    /// Programs of an interpreter of the machine that the lane keeps warm.
    Warm(Arc<WarmTemplate>),
    /// Programs and compilers of an image.
    Image(LaneImage),
}

/// How the programs of a lane get processor time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scheduling {
    /// The only processor of the lane; `None`: all.
    pub(crate) cpu: Option<u32>,
    /// Whether the lane shares the processor time of one ordinary lane with all other background lanes of its
    /// processor.
    pub(crate) is_background: bool,
}

/// From the main process to the launcher.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ToLauncher {
    Configure {
        uid_base: u32,
        lanes_max: u32,
        walls_off: u64,
        probe: bool,
        mounts: Vec<(String, String)>,
        /// The directory that contains the roots of images, if programs may use them.
        images: Option<String>,
        counted: CountedEvent,
    },
    MakeLane {
        lane: u32,
        scheduling: Scheduling,
        kind: LaneKind,
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
            ToLauncher::Configure { uid_base, lanes_max, walls_off, probe, mounts, images, counted } => {
                to.u32(1);
                to.u32(*uid_base);
                to.u32(*lanes_max);
                to.u64(*walls_off);
                to.u32(u32::from(*probe));
                to.pairs(mounts);
                to.string(images.as_deref().unwrap_or_default());
                to.u32(*counted as u32);
            }
            ToLauncher::MakeLane { lane, scheduling: Scheduling { cpu, is_background }, kind } => {
                to.u32(2);
                to.u32(*lane);
                to.u32(cpu.map_or(u32::MAX, |c| c));
                to.u32(u32::from(*is_background));
                match kind {
                    LaneKind::System => to.u32(0),
                    LaneKind::Warm(template) => {
                        to.u32(1);
                        to.template(template);
                    }
                    LaneKind::Image(LaneImage { id, uid, hold }) => {
                        to.u32(2);
                        to.string(&id.to_string());
                        to.u32(*uid);
                        to.u64(*hold);
                    }
                }
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
                images: Some(from.string()?).filter(|path| !path.is_empty()),
                counted: CountedEvent::from_number(from.u32()?).ok_or(Malformed)?,
            },
            2 => {
                let lane = Some(from.u32()?).filter(|n| *n != u32::MAX).ok_or(Malformed)?;
                let cpu = Some(from.u32()?).filter(|n| *n != u32::MAX);
                let scheduling = Scheduling { cpu, is_background: from.bool()? };
                let kind = match from.u32()? {
                    0 => LaneKind::System,
                    1 => LaneKind::Warm(Arc::new(from.template()?)),
                    2 => {
                        let id = from.string()?.parse().map_err(|_| Malformed)?;
                        // Root is the lane's init, and the last id means "no change" to the kernel.
                        let uid = Some(from.u32()?).filter(|uid| *uid > 0 && *uid < u32::MAX).ok_or(Malformed)?;
                        LaneKind::Image(LaneImage { id, uid, hold: from.u64()? })
                    }
                    _ => return Err(Malformed),
                };
                ToLauncher::MakeLane { lane, scheduling, kind }
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
