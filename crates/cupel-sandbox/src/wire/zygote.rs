//! Messages between a lane's zygote and the init processes of the lane and its cells.

use cupel_types::Bytes;

use super::encoding::{Malformed, Message, Reader, Writer};
use super::request::CellRequest;
use crate::WallSet;
use crate::warm::{ColdStart, Warm, WarmTemplate};

/// From a lane's init to the zygote that it has started. Sent with the file of the lane's shared page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ZygoteSetup {
    pub(crate) walls_off: WallSet,
    /// The tenant's user and group id in this lane.
    pub(crate) tenant: u32,
    pub(crate) has_landlock: bool,
    /// Whether each cell has a separate control group (version 2), in which the zygote's CPU time is not counted.
    pub(crate) cells_have_groups: bool,
    pub(crate) template: WarmTemplate,
    /// The output of the cold rehearsal.
    pub(crate) shown: String,
}

/// From a cell's init to its lane's zygote: starts a program. Sent with descriptors: standard input, output and error,
/// a pidfd of the cell's init, the ruleset if there is Landlock, the cell's group on cgroup v2, and the result's pipe
/// if there is one.
#[derive(Debug, PartialEq)]
pub(crate) struct ToZygote {
    /// Number of the cell in the lane. The number identifies the reply, since the cell may be gone before the reply
    /// arrives.
    pub(crate) cell: u64,
    pub(crate) request: CellRequest,
}

/// From a zygote to the init process of its lane or of a cell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FromZygote {
    /// The interpreter is ready.
    Ready,
    /// The interpreter could not be started, with the reason.
    Cold { reason: String },
    /// The program has begun, or `errno` is the reason why it could not begin. `cpu_own` is the sandbox's part of the
    /// cell's CPU time, in nanoseconds.
    Begun { cell: u64, errno: i32, cpu_own: u64 },
}

impl Message for ZygoteSetup {
    fn room(&self) -> usize {
        let strings = self.template.argv.iter().chain(self.template.env.iter().flat_map(|(n, v)| [n, v]));
        64 + self.shown.len() + strings.map(|text| text.len() + 4).sum::<usize>()
    }

    fn encode(&self, to: &mut Writer) {
        to.u64(self.walls_off.bits());
        to.u32(self.tenant);
        to.u32(u32::from(self.has_landlock));
        to.u32(u32::from(self.cells_have_groups));
        to.template(&self.template);
        to.string(&self.shown);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(ZygoteSetup {
            walls_off: WallSet::from_bits(from.u64()?),
            tenant: from.u32()?,
            has_landlock: from.bool()?,
            cells_have_groups: from.bool()?,
            template: from.template()?,
            shown: from.string()?,
        })
    }
}

impl Message for ToZygote {
    fn room(&self) -> usize {
        8 + self.request.room()
    }

    fn encode(&self, to: &mut Writer) {
        to.u64(self.cell);
        self.request.encode(to);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(ToZygote { cell: from.u64()?, request: CellRequest::decode(from)? })
    }
}

impl ToZygote {
    /// The cell's number, without decoding the rest of the message.
    pub(crate) fn cell_of(bytes: &[u8]) -> Result<u64, Malformed> {
        Reader(bytes).u64()
    }
}

impl Message for FromZygote {
    fn room(&self) -> usize {
        match self {
            FromZygote::Cold { reason } => 16 + reason.len(),
            FromZygote::Ready | FromZygote::Begun { .. } => 32,
        }
    }

    fn encode(&self, to: &mut Writer) {
        match self {
            FromZygote::Ready => to.u32(1),
            FromZygote::Cold { reason } => {
                to.u32(2);
                to.string(reason);
            }
            FromZygote::Begun { cell, errno, cpu_own } => {
                to.u32(3);
                to.u64(*cell);
                to.i32(*errno);
                to.u64(*cpu_own);
            }
        }
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match from.u32()? {
            1 => FromZygote::Ready,
            2 => FromZygote::Cold { reason: from.string()? },
            3 => FromZygote::Begun { cell: from.u64()?, errno: from.i32()?, cpu_own: from.u64()? },
            _ => return Err(Malformed),
        })
    }
}

impl Writer {
    pub(crate) fn cold_start(&mut self, cold: &ColdStart) {
        let ColdStart { shown, memory, instructions } = cold;
        self.string(shown);
        self.u64(memory.get());
        self.some_u64(*instructions);
    }

    pub(super) fn template(&mut self, template: &WarmTemplate) {
        self.u32(template.kind as u32);
        self.strings(&template.argv);
        self.pairs(&template.env);
    }
}

impl Reader<'_> {
    pub(crate) fn cold_start(&mut self) -> Result<ColdStart, Malformed> {
        Ok(ColdStart { shown: self.string()?, memory: Bytes::new(self.u64()?), instructions: self.some_u64()? })
    }

    pub(super) fn template(&mut self) -> Result<WarmTemplate, Malformed> {
        let kind = self.u32()?;
        let kind = Warm::ALL.into_iter().find(|k| *k as u32 == kind).ok_or(Malformed)?;
        Ok(WarmTemplate { kind, argv: self.strings()?, env: self.pairs()? })
    }
}
