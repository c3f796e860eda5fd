//! The messages between the main process, the launcher and the lanes' processes: fixed layouts of little-endian
//! numbers and length-prefixed strings over SOCK_SEQPACKET, one packet a message, descriptors beside it.
//!
//! ```text
//! main ──ToLauncher──► launcher        main ──ToLane──► lane's init
//!      ◄─FromLauncher─                      ◄─FromLane─  (and from a cell's init: the files it collected)
//! lane's init ──ZygoteSetup──► zygote          cell's init ──ToZygote──► zygote
//!             ◄──FromZygote───                             ◄─FromZygote─
//! ```
//!
//! A message is read completely or refused; nothing in it is a path that the reader follows outside a cell.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use cupel_types::{Bytes, Instructions, Limits};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};

use crate::warm::{Warm, WarmTemplate};
use crate::{CountedEvent, WallSet};

/// Longest message; the kernel's default socket buffer holds one with room to spare.
pub(crate) const MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// Most descriptors beside one message.
pub(crate) const DESCRIPTORS_MAX: usize = 32;

/// A message that does not read as what it should be.
#[derive(Debug, thiserror::Error)]
#[error("a malformed message in the sandbox's own protocol")]
pub(crate) struct Malformed;

impl From<Malformed> for io::Error {
    fn from(error: Malformed) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
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
        counted: CountedEvent,
        warm: Vec<WarmTemplate>,
    },
    /// `warm`: which of the templates it is to keep an interpreter for.
    MakeLane {
        lane: u32,
        cpu: Option<u32>,
        warm: Option<u32>,
    },
    RetireLane {
        lane: u32,
    },
}

/// From the launcher. `LaneMade` has the lane's socket beside it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FromLauncher {
    /// `uncounted`: why no instructions can be counted; `None`: they are.
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

/// From a slot to its lane. `Run` has standard input, output and error beside it, then the result's pipe if there is one,
/// then the bundles.
#[derive(Debug, PartialEq)]
pub(crate) enum ToLane {
    Run(CellRequest),
    Kill(KillReason),
}

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
}

/// How much a step may hand back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectLimits {
    /// Files.
    pub files: u32,
    /// Bytes in all of them.
    pub bytes: Bytes,
}

/// From a lane's init to the zygote it has started; the file of the lane's notes is beside it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ZygoteSetup {
    pub(crate) walls_off: WallSet,
    pub(crate) has_landlock: bool,
    /// Version 2 of control groups: a cell has a group of its own, in which none of the zygote's time is counted.
    pub(crate) cells_have_groups: bool,
    pub(crate) template: WarmTemplate,
    /// What a cold rehearsal printed.
    pub(crate) shown: String,
}

/// From a cell's init to its lane's zygote: a program to begin. Beside it: standard input, output and error, a pidfd of the
/// cell's init, the ruleset where there is Landlock, the cell's group on cgroup v2.
#[derive(Debug, PartialEq)]
pub(crate) struct ToZygote {
    /// Which cell of the lane's it is: whoever asks may be gone before the answer comes.
    pub(crate) cell: u64,
    pub(crate) request: CellRequest,
}

/// From a zygote.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FromZygote {
    /// Its interpreter is ready.
    Ready,
    /// It is not, and why.
    Cold { reason: String },
    /// The program has begun, or could not (`errno`); how much of what the cell's CPU time will come to was ours, ns.
    Begun { cell: u64, errno: i32, cpu_own: u64 },
}

/// Why a slot wants its cell killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KillReason {
    OutputLimit = 1,
    Cancelled = 2,
}

/// From a lane.
#[derive(Debug, PartialEq)]
pub(crate) enum FromLane {
    /// Files left in the box: names; one descriptor each beside the message.
    Files {
        names: Vec<String>,
        executable: Vec<bool>,
    },
    Done(CellDone),
    /// Before anything else: the interpreter that the lane was to keep ready is not, and why.
    Cold {
        reason: String,
    },
    /// The lane has looked itself over.
    Ready {
        clean: bool,
    },
}

/// What the lane's init saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CellDone {
    /// 0 or the step of ours that failed.
    pub(crate) failed_step: u32,
    pub(crate) failed_errno: i32,
    /// 0, or which limit ended it: [`LimitHit`].
    pub(crate) limit: u32,
    /// Wait status of the main process and whether it is known.
    pub(crate) status: i32,
    pub(crate) status_known: bool,
    pub(crate) cpu_ns: u64,
    pub(crate) cpu_user_ns: u64,
    pub(crate) cpu_system_ns: u64,
    pub(crate) wall_ns: u64,
    pub(crate) memory_peak: u64,
    /// `None`: they could not be counted.
    pub(crate) instructions: Option<u64>,
    pub(crate) collect_overflow: bool,
}

/// Which limit ended a cell.
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

impl CellRequest {
    /// Overwrites what is a tenant's: the memory of a lane's init is copied into the cells that come after this one.
    pub(crate) fn wipe(&mut self) {
        for text in self.argv.iter_mut().chain(&mut self.env) {
            let mut bytes = std::mem::take(text).into_bytes();
            wipe(&mut bytes);
        }
    }
}

/// Overwrites all that a buffer has held.
pub(crate) fn wipe(buffer: &mut Vec<u8>) {
    buffer.resize(buffer.capacity(), 0);
    buffer.fill(0);
    std::hint::black_box(buffer);
}

/// A message that can be written and read back.
pub(crate) trait Message: Sized {
    /// Bytes to write it into, at least as many as it needs: a buffer that grows leaves copies behind.
    fn room(&self) -> usize {
        512
    }
    fn encode(&self, to: &mut Writer);
    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// Sends a message. `EPIPE` when the other side is gone.
pub(crate) fn send<M: Message>(socket: BorrowedFd<'_>, message: &M, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut writer = Writer(Vec::with_capacity(message.room()));
    message.encode(&mut writer);
    if writer.0.len() > MESSAGE_BYTES_MAX || descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let sent = rustix::net::sendmsg(socket, &[IoSlice::new(&writer.0)], &mut control, SendFlags::NOSIGNAL);
    wipe(&mut writer.0);
    Ok(sent.map(drop)?)
}

/// Receives a message; `None` when the other side has closed. Leaves nothing of it in the buffer.
pub(crate) fn receive<M: Message>(
    socket: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
    let Some((length, descriptors)) = receive_bytes(socket, buffer)? else { return Ok(None) };
    let bytes = &mut buffer[..length];
    let message = decode(bytes);
    // A cell begins as a copy of its lane's memory, which is not to hold what earlier ones were asked.
    bytes.fill(0);
    std::hint::black_box(bytes);
    Ok(Some((message?, descriptors)))
}

/// Reads a message, all of it.
pub(crate) fn decode<M: Message>(bytes: &[u8]) -> Result<M, Malformed> {
    let mut reader = Reader(bytes);
    let message = M::decode(&mut reader)?;
    if reader.0.is_empty() { Ok(message) } else { Err(Malformed) }
}

/// Receives what may be a message, and says how long it is; `None` when the other side has closed.
pub(crate) fn receive_bytes(socket: BorrowedFd<'_>, buffer: &mut Vec<u8>) -> io::Result<Option<(usize, Vec<OwnedFd>)>> {
    buffer.resize(MESSAGE_BYTES_MAX, 0);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => break received,
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::CONNRESET) => return Ok(None),
            Err(other) => return Err(other.into()),
        }
    };
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            descriptors.extend(fds);
        }
    }
    Ok(Some((received.bytes, descriptors)))
}

/// A connected pair, closed on exec.
pub(crate) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Waits until `socket` can be read or `timeout` has passed.
pub(crate) fn readable(socket: BorrowedFd<'_>, timeout: Duration) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let timeout = Timespec::try_from(timeout).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let n = poll(&mut [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)], Some(&timeout))?;
    Ok(n > 0)
}

/// Writes numbers and strings.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn u32(&mut self, n: u32) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    fn u64(&mut self, n: u64) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    pub(crate) fn i32(&mut self, n: i32) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    fn duration(&mut self, d: Duration) {
        self.u64(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX));
    }

    fn some_u64(&mut self, n: Option<u64>) {
        self.u32(u32::from(n.is_some()));
        if let Some(n) = n {
            self.u64(n);
        }
    }

    fn string(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(text.as_bytes());
    }

    fn strings(&mut self, texts: &[String]) {
        self.u32(u32::try_from(texts.len()).unwrap_or(u32::MAX));
        for text in texts {
            self.string(text);
        }
    }

    fn template(&mut self, template: &WarmTemplate) {
        self.u32(template.kind as u32);
        self.strings(&template.argv);
        self.pairs(&template.env);
    }

    fn pairs(&mut self, pairs: &[(String, String)]) {
        self.u32(u32::try_from(pairs.len()).unwrap_or(u32::MAX));
        for (first, second) in pairs {
            self.string(first);
            self.string(second);
        }
    }
}

/// Reads what [`Writer`] wrote; refuses what ends too early.
pub(crate) struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        self.take().map(i32::from_le_bytes)
    }

    fn bool(&mut self) -> Result<bool, Malformed> {
        match self.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    fn some_u64(&mut self) -> Result<Option<u64>, Malformed> {
        if self.bool()? { self.u64().map(Some) } else { Ok(None) }
    }

    fn duration(&mut self) -> Result<Duration, Malformed> {
        self.u64().map(Duration::from_nanos)
    }

    fn string(&mut self) -> Result<String, Malformed> {
        let length = self.u32()? as usize;
        let (head, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        String::from_utf8(head.to_vec()).map_err(|_| Malformed)
    }

    fn strings(&mut self) -> Result<Vec<String>, Malformed> {
        let count = self.u32()? as usize;
        // Each takes four bytes at least: a count cannot make us reserve more than the message is long.
        if count > self.0.len() / 4 {
            return Err(Malformed);
        }
        (0..count).map(|_| self.string()).collect()
    }

    fn pairs(&mut self) -> Result<Vec<(String, String)>, Malformed> {
        let count = self.u32()? as usize;
        if count > self.0.len() / 8 {
            return Err(Malformed);
        }
        (0..count).map(|_| Ok((self.string()?, self.string()?))).collect()
    }
}

impl Reader<'_> {
    fn template(&mut self) -> Result<WarmTemplate, Malformed> {
        let kind = self.u32()?;
        let kind = Warm::ALL.into_iter().find(|k| *k as u32 == kind).ok_or(Malformed)?;
        Ok(WarmTemplate { kind, argv: self.strings()?, env: self.pairs()? })
    }
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

impl Message for ToLane {
    fn room(&self) -> usize {
        match self {
            ToLane::Run(request) => 4 + request.room(),
            ToLane::Kill(_) => 8,
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
            _ => return Err(Malformed),
        })
    }
}

impl Message for CellRequest {
    fn room(&self) -> usize {
        256 + self.argv.iter().chain(&self.env).map(|text| text.len() + 4).sum::<usize>()
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
        }
        to.strings(&self.argv);
        to.strings(&self.env);
        to.u32(u32::from(self.warm));
        to.u32(u32::from(self.result));
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
            true => Some(CollectLimits { files: from.u32()?, bytes: Bytes::new(from.u64()?) }),
            false => None,
        };
        let (argv, env) = (from.strings()?, from.strings()?);
        let (warm, result) = (from.bool()?, from.bool()?);
        let terminated = |texts: &[String]| texts.iter().any(|t| t.contains('\0'));
        if argv.is_empty() || terminated(&argv) || terminated(&env) {
            return Err(Malformed);
        }
        Ok(CellRequest { limits, collect, argv, env, warm, result })
    }
}

impl Message for ZygoteSetup {
    fn room(&self) -> usize {
        let strings = self.template.argv.iter().chain(self.template.env.iter().flat_map(|(n, v)| [n, v]));
        64 + self.shown.len() + strings.map(|text| text.len() + 4).sum::<usize>()
    }

    fn encode(&self, to: &mut Writer) {
        to.u64(self.walls_off.bits());
        to.u32(u32::from(self.has_landlock));
        to.u32(u32::from(self.cells_have_groups));
        to.template(&self.template);
        to.string(&self.shown);
    }

    fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(ZygoteSetup {
            walls_off: WallSet::from_bits(from.u64()?),
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
    /// The cell's number, where all the rest is not to be looked at.
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
                for n in [done.cpu_ns, done.cpu_user_ns, done.cpu_system_ns, done.wall_ns, done.memory_peak] {
                    to.u64(n);
                }
                to.some_u64(done.instructions);
                to.u32(u32::from(done.collect_overflow));
            }
            FromLane::Ready { clean } => {
                to.u32(3);
                to.u32(u32::from(*clean));
            }
            FromLane::Cold { reason } => {
                to.u32(4);
                to.string(reason);
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
                memory_peak: from.u64()?,
                instructions: from.some_u64()?,
                collect_overflow: from.bool()?,
            }),
            3 => FromLane::Ready { clean: from.bool()? },
            4 => FromLane::Cold { reason: from.string()? },
            _ => return Err(Malformed),
        })
    }
}

#[cfg(test)]
#[path = "wire_fuzz.rs"]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ToLane {
        ToLane::Run(CellRequest {
            limits: Limits::default(),
            collect: Some(CollectLimits { files: 7, bytes: Bytes::kib(9) }),
            argv: vec!["./main".into(), String::new(), "ü".into()],
            env: vec!["A=b".into()],
            warm: true,
            result: true,
        })
    }

    fn encoded<M: Message>(message: &M) -> Vec<u8> {
        let mut writer = Writer(Vec::new());
        message.encode(&mut writer);
        writer.0
    }

    #[test]
    fn what_is_written_reads_back() {
        let bytes = encoded(&request());
        let mut reader = Reader(&bytes);
        assert_eq!(ToLane::decode(&mut reader).unwrap(), request());
        assert!(reader.0.is_empty());
    }

    #[test]
    fn every_shortened_message_is_refused() {
        let bytes = encoded(&request());
        for end in 0..bytes.len() {
            assert!(ToLane::decode(&mut Reader(&bytes[..end])).is_err(), "{end} of {} bytes", bytes.len());
        }
    }

    #[test]
    fn a_count_larger_than_the_message_is_refused() {
        let mut bytes = encoded(&FromLane::Files { names: vec!["a".into()], executable: vec![true] });
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(FromLane::decode(&mut Reader(&bytes)).is_err());
    }

    #[test]
    fn messages_carry_descriptors() {
        let (a, b) = socket_pair().unwrap();
        let done = FromLane::Ready { clean: true };
        send(a.as_fd(), &done, &[a.as_fd(), b.as_fd()]).unwrap();
        let (message, descriptors) = receive::<FromLane>(b.as_fd(), &mut Vec::new()).unwrap().unwrap();
        assert_eq!((message, descriptors.len()), (done, 2));
        drop((a, descriptors));
        assert!(receive::<FromLane>(b.as_fd(), &mut Vec::new()).unwrap().is_none(), "closed");
    }
}
