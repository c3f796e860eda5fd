//! The request to run one step, sent from a slot to a lane, from the lane's init to a cell and, for a warm start, from
//! the cell to the lane's zygote.

use cupel_types::{Bytes, Instructions, Limits, TerminalSize};

use super::encoding::{Malformed, Message, Reader, Writer, wipe};

/// The request to run one step.
#[derive(Debug, PartialEq)]
pub(crate) struct CellRequest {
    pub(crate) limits: Limits,
    /// The part of the input files that counts as the program's memory.
    pub(crate) counted_files: Bytes,
    pub(crate) collect: Option<CollectLimits>,
    pub(crate) argv: Vec<String>,
    /// Directories searched for the program's name; if the list is empty, the directories of the host's toolchains.
    pub(crate) search: Vec<String>,
    pub(crate) env: Vec<String>,
    /// Whether a warm interpreter may replace the executable.
    pub(crate) warm: bool,
    /// Whether the program has a pipe for its result.
    pub(crate) result: bool,
    /// A directory that is created in the box, and from which files are collected; the empty string if there is none.
    pub(crate) outbox: String,
    /// A directory to whose entries the box has links; the empty string if there is none.
    pub(crate) linked: String,
    /// Paths of files to collect. If this list and `patterns` are empty, all files of the outbox are collected or,
    /// without an outbox, all files of the box.
    pub(crate) fetch: Vec<String>,
    /// Files whose paths match these patterns are collected, in addition to those of `fetch`.
    pub(crate) patterns: Vec<String>,
    /// Maximum number of files that are collected by pattern.
    pub(crate) found_max: u32,
    /// Whether the slot receives the program's pidfd, and an immediate message when the program ends.
    pub(crate) watch: bool,
    /// Whether the cell's init accepts signals for the program, and the idle limit applies only from
    /// [`ToLane::InputEnded`](super::ToLane::InputEnded) on.
    pub(crate) live: bool,
    /// Initial window of the program's terminal, which replaces the pipes of its standard streams.
    pub(crate) terminal: Option<TerminalSize>,
}

/// Bounds on the files that are collected from a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectLimits {
    /// Maximum number of files.
    pub files: u32,
    /// Maximum size of all files together.
    pub bytes: Bytes,
    /// Whether files are also collected if the exit code is not 0. Files of an outbox, and files that are requested by
    /// path or pattern, are then also collected if a signal ended the program.
    pub after_failure: bool,
}

impl CellRequest {
    /// Number of descriptors of the program that are sent with the request, before the bundles.
    pub(crate) fn streams(&self) -> usize {
        let standard = if self.terminal.is_some() { 0 } else { 3 };
        standard + usize::from(self.result)
    }

    /// Overwrites the arguments and the environment, because the memory of a lane's init is copied into later cells.
    pub(crate) fn wipe(&mut self) {
        for text in self.argv.iter_mut().chain(&mut self.env) {
            let mut bytes = std::mem::take(text).into_bytes();
            wipe(&mut bytes);
        }
    }
}

impl Message for CellRequest {
    fn room(&self) -> usize {
        256 + self.outbox.len()
            + self.linked.len()
            + self
                .argv
                .iter()
                .chain(&self.search)
                .chain(&self.env)
                .chain(&self.fetch)
                .chain(&self.patterns)
                .map(|text| text.len() + 4)
                .sum::<usize>()
    }

    fn encode(&self, to: &mut Writer) {
        let Limits {
            cpu_time,
            wall_time,
            idle_time,
            instructions,
            memory,
            address_space,
            processes,
            open_files,
            file_size,
            disk,
            inodes,
            output,
            stack,
        } = self.limits;
        for time in [cpu_time, wall_time, idle_time] {
            to.duration(time);
        }
        for n in [memory.get(), file_size.get(), disk.get(), inodes, output.get(), stack.get()] {
            to.u64(n);
        }
        to.some_u64(instructions.map(Instructions::get));
        to.some_u64(address_space.map(Bytes::get));
        to.u32(processes);
        to.u32(open_files);
        to.u64(self.counted_files.get());
        to.u32(u32::from(self.collect.is_some()));
        if let Some(collect) = self.collect {
            to.u32(collect.files);
            to.u64(collect.bytes.get());
            to.u32(u32::from(collect.after_failure));
        }
        to.strings(&self.argv);
        to.strings(&self.search);
        to.strings(&self.env);
        to.u32(u32::from(self.warm));
        to.u32(u32::from(self.result));
        to.string(&self.outbox);
        to.string(&self.linked);
        to.strings(&self.fetch);
        to.strings(&self.patterns);
        to.u32(self.found_max);
        to.u32(u32::from(self.watch));
        to.u32(u32::from(self.live));
        to.u32(u32::from(self.terminal.is_some()));
        if let Some(TerminalSize { columns, rows }) = self.terminal {
            to.u32(u32::from(columns));
            to.u32(u32::from(rows));
        }
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
            address_space: from.some_u64()?.map(Bytes::new),
            processes: from.u32()?,
            open_files: from.u32()?,
        };
        let counted_files = Bytes::new(from.u64()?);
        let collect = match from.bool()? {
            true => {
                Some(CollectLimits { files: from.u32()?, bytes: Bytes::new(from.u64()?), after_failure: from.bool()? })
            }
            false => None,
        };
        let (argv, search, env) = (from.strings()?, from.strings()?, from.strings()?);
        let (warm, result) = (from.bool()?, from.bool()?);
        let (outbox, linked, fetch) = (from.string()?, from.string()?, from.strings()?);
        let (patterns, found_max, watch) = (from.strings()?, from.u32()?, from.bool()?);
        let live = from.bool()?;
        let terminal = match from.bool()? {
            true => {
                let mut side = || u16::try_from(from.u32()?).map_err(|_| Malformed);
                Some(TerminalSize::new(side()?, side()?).ok_or(Malformed)?)
            }
            false => None,
        };
        let terminated = |texts: &[String]| texts.iter().any(|t| t.contains('\0'));
        if argv.is_empty() || terminated(&argv) || terminated(&search) || terminated(&env) || terminated(&fetch) {
            return Err(Malformed);
        }
        Ok(CellRequest {
            limits,
            counted_files,
            collect,
            argv,
            search,
            env,
            warm,
            result,
            outbox,
            linked,
            fetch,
            patterns,
            found_max,
            watch,
            live,
            terminal,
        })
    }
}
