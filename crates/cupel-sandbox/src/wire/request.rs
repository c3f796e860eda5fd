//! One step, as a slot asks a lane for it, the lane its cell, and the cell its zygote.

use cupel_types::{Bytes, Instructions, Limits};

use super::encoding::{Malformed, Message, Reader, Writer, wipe};

/// One step, as the lane gets it.
#[derive(Debug, PartialEq)]
pub(crate) struct CellRequest {
    pub(crate) limits: Limits,
    pub(crate) collect: Option<CollectLimits>,
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<String>,
    /// Whether a warm interpreter may stand in for the executable.
    pub(crate) warm: bool,
    /// Whether the program has a pipe for its result.
    pub(crate) result: bool,
    /// The directory that is made for files to come back, and the only one they come back from; empty: all do.
    pub(crate) outbox: String,
    /// Whether the slot is told of the program's process, and of its end at once.
    pub(crate) watch: bool,
}

/// How much a step may hand back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectLimits {
    /// Files.
    pub files: u32,
    /// Bytes in all of them.
    pub bytes: Bytes,
    /// Whether also when the program exits with another code than 0.
    pub after_failure: bool,
}

impl CellRequest {
    /// Overwrites what is a tenant's: the memory of a lane's init is copied into the cells that come after this one.
    pub(crate) fn wipe(&mut self) {
        for text in self.argv.iter_mut().chain(&mut self.env) {
            let mut bytes = std::mem::take(text).into_bytes();
            wipe(&mut bytes);
        }
    }
}

impl Message for CellRequest {
    fn room(&self) -> usize {
        256 + self.outbox.len() + self.argv.iter().chain(&self.env).map(|text| text.len() + 4).sum::<usize>()
    }

    fn encode(&self, to: &mut Writer) {
        let l = &self.limits;
        for time in [l.cpu_time, l.wall_time, l.idle_time] {
            to.duration(time);
        }
        for n in [l.memory.get(), l.file_size.get(), l.disk.get(), l.inodes, l.output.get(), l.stack.get()] {
            to.u64(n);
        }
        to.some_u64(l.instructions.map(Instructions::get));
        to.u32(l.processes);
        to.u32(l.open_files);
        to.u32(u32::from(self.collect.is_some()));
        if let Some(collect) = self.collect {
            to.u32(collect.files);
            to.u64(collect.bytes.get());
            to.u32(u32::from(collect.after_failure));
        }
        to.strings(&self.argv);
        to.strings(&self.env);
        to.u32(u32::from(self.warm));
        to.u32(u32::from(self.result));
        to.string(&self.outbox);
        to.u32(u32::from(self.watch));
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let limits = Limits {
            cpu_time: from.duration()?,
            wall_time: from.duration()?,
            idle_time: from.duration()?,
            memory: Bytes::new(from.u64()?),
            file_size: Bytes::new(from.u64()?),
            disk: Bytes::new(from.u64()?),
            inodes: from.u64()?,
            output: Bytes::new(from.u64()?),
            stack: Bytes::new(from.u64()?),
            instructions: from.some_u64()?.map(Instructions::new),
            processes: from.u32()?,
            open_files: from.u32()?,
        };
        let collect = match from.bool()? {
            true => {
                Some(CollectLimits { files: from.u32()?, bytes: Bytes::new(from.u64()?), after_failure: from.bool()? })
            }
            false => None,
        };
        let (argv, env) = (from.strings()?, from.strings()?);
        let (warm, result) = (from.bool()?, from.bool()?);
        let (outbox, watch) = (from.string()?, from.bool()?);
        let terminated = |texts: &[String]| texts.iter().any(|t| t.contains('\0'));
        if argv.is_empty() || terminated(&argv) || terminated(&env) {
            return Err(Malformed);
        }
        Ok(CellRequest { limits, collect, argv, env, warm, result, outbox, watch })
    }
}
