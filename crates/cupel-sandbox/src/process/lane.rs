//! A lane's init: pid 1 of its own world, and the supervisor of the cells in it, one at a time.
//!
//! It reads requests from its slot, hands each to a cell that it has made ahead, watches the clock and the control
//! group, kills when a limit is reached, and answers with the figures. Everything it may use was handed to it
//! when it was made: a socket and some files of its control groups.
//!
//! ```text
//!   idle, with a cell waiting ──Run──► cell running ──its init gone──► swept and counted ──Done──► looked over
//!     ▲                                   │  ▲ Kill, limit: kill the cell's init, and with it        │
//!     │                                   └──┘ its pid namespace                                     │
//!     └────────────────────────── next cell forked ◄──────────────────────────────────────Ready─────┘
//! ```

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, pidfd_send_signal};
use rustix::time::{ClockId, clock_gettime};

use crate::bundle;
use crate::mechanism::cgroup::{CpuTimes, LaneGroup, LaneGroupFiles, Settled};
use crate::mechanism::landlock::{self, Landlock};
use crate::mechanism::mounts::Shown;
use crate::mechanism::mounts::{self, BoxSize};
use crate::mechanism::seccomp::{self, Filters};
use crate::mechanism::{capabilities, ids, namespaces};
use crate::process::init::{self, CellEnvironment};
use crate::step::SetupStep;
use crate::sys::process::{
    ChildStack, Forked, close_all_but, exit_now, fork_with, kill_everything_in_this_pid_namespace, reset_signals,
    unshare_cgroup_namespace,
};
use crate::sys::seccomp::Instruction;
use crate::sys::shared::SharedNotes;
use crate::warm::{WarmParent, WarmTemplate};
use crate::wire::{self, CellDone, CellRequest, FromLane, KillReason, LimitHit, ToLane};
use crate::{Wall, WallSet, warm};

/// What a lane is made with.
pub(crate) struct LaneSetup {
    pub(crate) walls_off: WallSet,
    pub(crate) probe: Option<PathBuf>,
    pub(crate) shown: Vec<Shown>,
    pub(crate) cpu: Option<u32>,
    /// An interpreter to keep ready.
    pub(crate) warm: Option<WarmTemplate>,
}

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

/// The life of a lane's init, from fork to the end of its socket.
pub(crate) fn main(setup: LaneSetup, socket: OwnedFd, sync: OwnedFd, files: LaneGroupFiles) -> ! {
    let shown = setup.shown.iter().filter_map(|shown| shown.descriptor()).map(|tree| tree.as_raw_fd());
    let keep: Vec<i32> = files.descriptors().chain([socket.as_raw_fd(), sync.as_raw_fd()]).chain(shown).collect();
    let _ = close_all_but(&keep);
    let result = set_up(&setup, &sync, files);
    let warm = setup.warm.clone();
    drop(setup);
    match result {
        Ok(mut lane) => {
            if tell(&sync, LaneReport::Ready).is_ok() {
                drop(sync);
                if let Some(template) = warm
                    && let Err(reason) = lane.warm_up(&template)
                {
                    eprintln!("cupel: {:?} programs are started cold: {reason}", template.kind);
                }
                let _ = lane.serve(&socket);
            }
            exit_now(0)
        }
        Err((step, error)) => {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            let _ = tell(&sync, LaneReport::Failed { step: step as u32, errno });
            exit_now(1)
        }
    }
}

fn set_up(setup: &LaneSetup, sync: &OwnedFd, files: LaneGroupFiles) -> Result<Lane, (SetupStep, io::Error)> {
    let off = setup.walls_off;
    let at = |step| move |error: io::Error| (step, error);
    reset_signals();
    expect(sync, LaneReport::Go, Duration::from_secs(20))?;
    ids::become_lane_root().map_err(at(SetupStep::Identity))?;
    // Changing ids cleared it; from here on the lane dies with its launcher.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| (SetupStep::Identity, e.into()))?;
    if !off.contains(Wall::CgroupNamespace) {
        unshare_cgroup_namespace().map_err(at(SetupStep::Clone))?;
    }
    tell(sync, LaneReport::Go)?;
    expect(sync, LaneReport::Go, Duration::from_secs(20))?;
    if let Some(cpu) = setup.cpu {
        pin(cpu).map_err(at(SetupStep::Pin))?;
    }
    if !off.contains(Wall::UtsNamespace) {
        rustix::system::sethostname(b"cupel").map_err(|e| (SetupStep::HostName, e.into()))?;
    }
    let oom_preference = OomPreference::open().map_err(at(SetupStep::OomPreference))?;
    let box_size = BoxSize::of(&cupel_types::Limits::default());
    mounts::enter_lane_root(&setup.shown, setup.probe.as_deref(), off)?;
    if off.contains(Wall::FreshBox) {
        mounts::mount_box(box_size, off).map_err(|e| (SetupStep::BoxMount, e.into()))?;
    }
    // Counts of this user namespace: a program that gets past the filter cannot make any of these either. Cells need
    // pid, mount and ipc namespaces. Without a user namespace of our own these would be the host's.
    if !off.contains(Wall::UserNamespace) {
        forbid_more_of_everything().map_err(at(SetupStep::NamespaceLimits))?;
    }
    let filters = if off.contains(Wall::Seccomp) {
        Filters::default()
    } else {
        seccomp::default_filters().map_err(|e| (SetupStep::SeccompApply, io::Error::other(e)))?
    };
    let landlock = match landlock::detect().filter(|_| !off.contains(Wall::Landlock)) {
        Some(abi) => {
            Some(Landlock::prepare(abi, &setup.shown, setup.probe.is_some()).map_err(at(SetupStep::LandlockRules))?)
        }
        None => None,
    };
    let notes = SharedNotes::new().map_err(at(SetupStep::Fork))?;
    // What every program of this lane would have to do for itself is done once, here, and inherited.
    if !off.contains(Wall::Capabilities) {
        capabilities::empty_bounding_set().map_err(|e| (SetupStep::Capabilities, e.into()))?;
    }
    if !off.contains(Wall::NoNewPrivs) && !filters.inherited.is_empty() {
        match crate::sys::seccomp::install(&filters.inherited) {
            0 => {}
            errno => return Err((SetupStep::SeccompApply, io::Error::from_raw_os_error(errno))),
        }
    }
    let cpus = rustix::thread::sched_getaffinity(None).map_or(1, |set| set.count().max(1));
    // Without a network namespace of its own it would be the host's list.
    let sockets = match off.contains(Wall::NetNamespace) {
        true => None,
        false => {
            let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
            rustix::fs::open("/proc/self/net/sockstat", flags, rustix::fs::Mode::empty()).ok()
        }
    };
    Ok(Lane {
        walls_off: off,
        cpus,
        oom_preference,
        sockets,
        filter: filters.own,
        landlock,
        notes,
        group: LaneGroup::new(files, !off.contains(Wall::CpuAccounting)),
        box_size,
        stack: ChildStack::new(),
        buffer: Vec::new(),
        shutting_down: false,
        waiting: None,
        warm: None,
        warm_memory: 0,
    })
}

/// Source: namespaces(7), "The /proc/sys/user directory"; inotify(7); fanotify(7).
fn forbid_more_of_everything() -> io::Result<()> {
    for count in [
        "user_namespaces",
        "net_namespaces",
        "uts_namespaces",
        "cgroup_namespaces",
        "time_namespaces",
        "inotify_instances",
        "inotify_watches",
        "fanotify_groups",
        "fanotify_marks",
    ] {
        match std::fs::write(format!("/proc/sys/user/max_{count}"), "0") {
            // A kernel without that.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

/// Pins this process, and so all of the lane, to one processor; the cpuset group does the same where there
/// is one, and holds even against a program that asks for more.
fn pin(cpu: u32) -> io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu as usize);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// `/proc/self/oom_score_adj`: who goes when a group has outgrown its limit. A cell inherits what its lane's init has at
/// that moment, which costs less than opening a file of its own in `/proc`. Source: proc_pid_oom_score_adj(5).
struct OomPreference {
    file: OwnedFd,
    /// Ours, to go back to.
    own: Vec<u8>,
}

impl OomPreference {
    fn open() -> io::Result<OomPreference> {
        use rustix::fs::{Mode, OFlags};
        let file = rustix::fs::open("/proc/self/oom_score_adj", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        let mut text = [0; 16];
        let n = rustix::io::pread(&file, &mut text, 0)?;
        Ok(OomPreference { file, own: text[..n].to_vec() })
    }

    /// A program that outgrows its group is the one to go, never the lane's init.
    fn of_cells(&self) -> io::Result<()> {
        rustix::io::pwrite(&self.file, b"1000", 0)?;
        Ok(())
    }

    fn of_the_lane(&self) -> io::Result<()> {
        rustix::io::pwrite(&self.file, &self.own, 0)?;
        Ok(())
    }
}

struct Lane {
    walls_off: WallSet,
    /// How many processors its programs may use: one, where it is pinned.
    cpus: u32,
    oom_preference: OomPreference,
    /// How many sockets there are in this network namespace.
    sockets: Option<OwnedFd>,
    /// What a program puts itself under; the larger part it inherits.
    filter: Vec<Instruction>,
    landlock: Option<Landlock>,
    notes: SharedNotes,
    group: LaneGroup,
    /// As large as the last run wanted it: the next one will probably want the same.
    box_size: BoxSize,
    stack: ChildStack,
    buffer: Vec<u8>,
    shutting_down: bool,
    waiting: Option<Cell>,
    warm: Option<WarmParent>,
    /// What a program that is started warm is charged less than one started cold, bytes.
    warm_memory: u64,
}

/// What ended a wait.
struct Woken {
    left: bool,
    ended: bool,
    spoken_to: bool,
    oom: bool,
}

/// A cell whose init waits for a request, or runs one.
struct Cell {
    pid: Pid,
    pidfd: OwnedFd,
    door: OwnedFd,
}

impl Lane {
    fn serve(&mut self, socket: &OwnedFd) -> io::Result<()> {
        while !self.shutting_down {
            // A failure shows itself when a run asks for the cell.
            if self.waiting.is_none() {
                self.waiting = self.make_cell(socket).ok();
            }
            let Some((message, descriptors)) = wire::receive::<ToLane>(socket.as_fd(), &mut self.buffer)? else {
                break;
            };
            match message {
                // A kill that crossed the end of its cell.
                ToLane::Kill(_) => {}
                ToLane::Run(mut request) => {
                    let (done, cell) = match self.run(&request, descriptors, socket) {
                        Ok((done, cell)) => (done, Some(cell)),
                        Err((step, error)) => {
                            let errno = error.raw_os_error().unwrap_or(libc::EIO);
                            (CellDone { failed_step: step as u32, failed_errno: errno, ..CellDone::default() }, None)
                        }
                    };
                    wire::send(socket.as_fd(), &FromLane::Done(done), &[])?;
                    if let Some(cell) = cell {
                        self.bury(&cell);
                    }
                    // The next cell is a copy of this process.
                    request.wipe();
                    let clean = self.is_clean();
                    wire::send(socket.as_fd(), &FromLane::Ready { clean }, &[])?;
                }
            }
        }
        Ok(())
    }

    /// Makes an interpreter ready, and proves that a program started with it sees and uses what one started without does.
    fn warm_up(&mut self, template: &WarmTemplate) -> Result<(), String> {
        // The first of all pays for reading the interpreter's files.
        self.rehearse(template, false)?;
        let (shown, cold_memory) = self.rehearse(template, false)?;
        self.warm = Some(WarmParent::start(template, &shown)?);
        self.group.count_from_here();
        let rehearsed = self.rehearse(template, true);
        match rehearsed {
            Ok((shown_warm, warm_memory)) if shown_warm == shown => {
                self.warm_memory = cold_memory.saturating_sub(warm_memory);
                return Ok(());
            }
            _ => self.warm = None,
        }
        let (shown_warm, _) = rehearsed?;
        Err(format!("an interpreter that is warm differs: {}", warm::difference(&shown, &shown_warm)))
    }

    /// Runs the template's rehearsal in a cell, and returns what it printed and the memory it took, bytes.
    fn rehearse(&mut self, template: &WarmTemplate, warm: bool) -> Result<(String, u64), String> {
        let told = |error: io::Error| error.to_string();
        let path = template.argv.get(1).map_or("main", String::as_str);
        let path = BoxPath::new(path).map_err(|_| "its file has no name for a box")?;
        let data = template.kind.rehearsal().as_bytes().into();
        let bundle = bundle::write(&BoxFiles::new(vec![BoxFile { path, data, executable: false }])).map_err(told)?;
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| told(e.into()));
        let ((stdin, _), (output, stdout), (_errors, stderr)) = (pipe()?, pipe()?, pipe()?);
        let (nobody, slot) = wire::socket_pair().map_err(told)?;
        let request = CellRequest {
            limits: Limits { output: Bytes::kib(64), ..Limits::default() },
            collect: None,
            argv: template.argv.clone(),
            env: template.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            warm,
        };
        let (done, cell) = self
            .run(&request, vec![stdin, stdout, stderr, bundle], &nobody)
            .map_err(|(step, error)| format!("{step}: {error}"))?;
        self.bury(&cell);
        drop((cell, nobody, slot));
        // Page cache of the interpreter's files stays, and is the lane's from now on.
        let _ = self.is_clean();
        if done.failed_step != 0 || done.limit != 0 || done.status != 0 {
            return Err(format!("its rehearsal failed: {done:?}"));
        }
        let mut text = String::new();
        io::Read::read_to_string(&mut std::fs::File::from(output), &mut text).map_err(told)?;
        Ok((text, done.memory_peak))
    }

    /// Forks a cell that sets itself up and waits.
    fn make_cell(&mut self, socket: &OwnedFd) -> Result<Cell, (SetupStep, io::Error)> {
        let off = self.walls_off;
        self.notes.reset();
        self.group.make_cell_group().map_err(|e| (SetupStep::CgroupLimits, e))?;
        let (door, theirs) = wire::socket_pair().map_err(|e| (SetupStep::Fork, e))?;
        self.oom_preference.of_cells().map_err(|e| (SetupStep::OomPreference, e))?;
        match fork_with(namespaces::of_cell(off), self.group.birthplace()) {
            Err(error) => {
                self.group.end();
                self.oom_preference.of_the_lane().map_err(|e| (SetupStep::OomPreference, e))?;
                Err((SetupStep::Fork, error))
            }
            Ok(Forked::Child) => {
                drop(door);
                init::main(CellEnvironment {
                    walls_off: off,
                    filter: &self.filter,
                    landlock: self.landlock.as_ref(),
                    group: &self.group,
                    notes: &self.notes,
                    box_size: self.box_size,
                    stack: &mut self.stack,
                    door: theirs,
                    warm: self.warm.as_ref(),
                    warm_memory: self.warm_memory,
                    buffer: &mut self.buffer,
                    socket,
                })
            }
            Ok(Forked::Parent(pid, pidfd)) => {
                self.oom_preference.of_the_lane().map_err(|e| (SetupStep::OomPreference, e))?;
                Ok(Cell { pid, pidfd, door })
            }
        }
    }

    /// Runs a cell until no process of the tenant's is left in it, and returns the figures. Its init may still be on its
    /// way out: taking a cell down takes as long as a small program, and nobody need wait for it.
    fn run(
        &mut self,
        request: &CellRequest,
        descriptors: Vec<OwnedFd>,
        socket: &OwnedFd,
    ) -> Result<(CellDone, Cell), (SetupStep, io::Error)> {
        let off = self.walls_off;
        let cell = match self.waiting.take() {
            Some(cell) => cell,
            None => self.make_cell(socket)?,
        };
        let mut limits = request.limits;
        if request.warm {
            limits.memory = Bytes::new(limits.memory.get().saturating_sub(self.warm_memory));
        }
        if let Err(error) = self.group.begin(&limits, off.contains(Wall::MemoryLimit), off.contains(Wall::ProcessLimit))
        {
            let _ = pidfd_send_signal(&cell.pidfd, Signal::KILL);
            self.bury(&cell);
            return Err((SetupStep::CgroupLimits, error));
        }
        self.box_size = BoxSize::of(&request.limits);
        // A cell that could not be set up is gone by now and has noted why.
        let handed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let _ = wire::send(cell.door.as_fd(), request, &handed);
        drop(handed);
        drop(descriptors);
        let own_cpu = own_cpu_ns();
        let killed_for = self.supervise(request, &cell, socket);
        let own_cpu = own_cpu_ns().saturating_sub(own_cpu);
        let counted = self.group.counted();
        self.group.has_begun_with(self.notes.memory_base.load(Relaxed));
        let done = self.conclude(request, killed_for, counted.cpu, own_cpu, counted.memory_peak, counted.oom_kills);
        Ok((done, cell))
    }

    /// Waits for the end of a cell's init, which takes its pid namespace with it; whatever else is left in the lane
    /// goes, too.
    fn bury(&mut self, cell: &Cell) {
        let _ = rustix::process::waitpid(Some(cell.pid), WaitOptions::empty());
        self.sweep();
        self.group.end();
    }

    /// Watches the running cell until nobody is left in it, or only an init that has nothing more to do. Returns the
    /// limit it was killed for.
    fn supervise(&mut self, request: &CellRequest, cell: &Cell, socket: &OwnedFd) -> Option<LimitHit> {
        let begun = now_ns();
        let own_cpu = own_cpu_ns();
        let mut killed_for = None;
        let mut door_open = true;
        let mut progress = Progress { cpu: 0, at: begun };
        let kill = |why: LimitHit, killed_for: &mut Option<LimitHit>| {
            if killed_for.is_none() {
                *killed_for = Some(why);
                if !self.group.kill_cell() {
                    let _ = pidfd_send_signal(&cell.pidfd, Signal::KILL);
                }
            }
        };
        loop {
            let wait = match killed_for {
                Some(_) => Duration::from_millis(500),
                None => match self.next_check(request, &mut progress, begun, own_cpu) {
                    Ok(wait) => wait,
                    Err(hit) => {
                        kill(hit, &mut killed_for);
                        continue;
                    }
                },
            };
            let Woken { left, ended, spoken_to, oom } = self.wait_for_something(cell, door_open, socket, wait);
            // The init's last word is that it closes its door; killed, it says nothing, and is waited for.
            if ended || (left && self.notes.finished.load(Relaxed) != 0) {
                return killed_for;
            }
            door_open &= !left;
            if oom && self.group.oom_kills_of_cell() > 0 {
                kill(LimitHit::Memory, &mut killed_for);
            }
            if spoken_to {
                match wire::receive::<ToLane>(socket.as_fd(), &mut self.buffer) {
                    Ok(Some((ToLane::Kill(KillReason::OutputLimit), _))) => kill(LimitHit::Output, &mut killed_for),
                    Ok(Some((ToLane::Kill(KillReason::Cancelled), _))) => kill(LimitHit::Cancelled, &mut killed_for),
                    // The slot is gone, or does not keep to the protocol: the cell has nobody to report to.
                    Ok(Some((ToLane::Run(_), _))) | Ok(None) | Err(_) => {
                        self.shutting_down = true;
                        kill(LimitHit::Cancelled, &mut killed_for);
                    }
                }
            }
        }
    }

    fn wait_for_something(&self, cell: &Cell, door_open: bool, socket: &OwnedFd, wait: Duration) -> Woken {
        let oom = self.group.oom_event();
        let (oom_fd, oom_flags) = oom.unwrap_or((cell.pidfd.as_fd(), PollFlags::empty()));
        // A closed door would say so again and again, whatever it is asked.
        let door = if door_open { &cell.door } else { &cell.pidfd };
        let socket_flags = if self.shutting_down { PollFlags::empty() } else { PollFlags::IN };
        let mut polled = [
            PollFd::new(door, PollFlags::empty()),
            PollFd::new(&cell.pidfd, PollFlags::IN),
            PollFd::new(socket, socket_flags),
            PollFd::from_borrowed_fd(oom_fd, oom_flags),
        ];
        let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let _ = poll(&mut polled, Some(&timeout));
        let [left, ended, spoken_to, happened] = polled.map(|p| !p.revents().is_empty());
        Woken {
            left: door_open && left,
            ended,
            spoken_to: spoken_to && !self.shutting_down,
            oom: oom.is_some() && happened,
        }
    }

    /// How long nothing can go over a limit, or the limit that is reached.
    fn next_check(
        &self,
        request: &CellRequest,
        progress: &mut Progress,
        begun: u64,
        own_cpu_at_begin: u64,
    ) -> Result<Duration, LimitHit> {
        let limits = &request.limits;
        let now = now_ns();
        let started = self.notes.started.load(Relaxed);
        if self.notes.ended.load(Relaxed) != 0 {
            // The program has ended; its init sweeps. That is our time, not the program's.
            return Ok(Duration::from_millis(500));
        }
        if started == 0 {
            // Setting up is ours; if it hangs, that is a failure of ours.
            return if now - begun > SETUP_MAX { Err(LimitHit::Wall) } else { Ok(Duration::from_millis(20)) };
        }
        let wall = Duration::from_nanos(now.saturating_sub(started));
        let left_of_wall = self.left(Wall::WallClockLimit, limits.wall_time, wall).ok_or(LimitHit::Wall)?;
        // Watching costs, too, in the same group; it is not the program's.
        let own_cpu = if self.group.counts_the_lane() { own_cpu_ns().saturating_sub(own_cpu_at_begin) } else { 0 };
        let ours = own_cpu + self.notes.cpu_own.load(Relaxed);
        let cpu = self.group.cpu_ns().saturating_sub(self.notes.cpu_base[0].load(Relaxed)).saturating_sub(ours);
        let left_of_cpu = limits.cpu_time.checked_sub(Duration::from_nanos(cpu)).ok_or(LimitHit::Cpu)?;
        if cpu > progress.cpu + IDLE_CPU {
            *progress = Progress { cpu, at: now };
        }
        let idle = Duration::from_nanos(now.saturating_sub(progress.at.max(started)));
        let left_of_idle = self.left(Wall::IdleLimit, limits.idle_time, idle).ok_or(LimitHit::Idle)?;
        // On one processor CPU time cannot pass faster than time itself; a lane that is not pinned may use all.
        let soonest = left_of_wall.min(left_of_cpu / self.cpus).min(left_of_idle).min(limits.idle_time / 8);
        Ok(soonest.clamp(Duration::from_micros(200), Duration::from_secs(1)))
    }

    /// What is left of a limit; all of it where the limit is left out to show what that lets through.
    fn left(&self, wall: Wall, limit: Duration, used: Duration) -> Option<Duration> {
        if self.walls_off.contains(wall) { Some(limit.max(Duration::from_secs(1))) } else { limit.checked_sub(used) }
    }

    /// Ends and reaps everything of the lane's but its init.
    fn sweep(&self) {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let _ = kill_everything_in_this_pid_namespace();
                    let _ = rustix::process::wait(WaitOptions::empty());
                }
                Err(_) => return,
            }
        }
    }

    fn conclude(
        &self,
        request: &CellRequest,
        killed_for: Option<LimitHit>,
        cpu: CpuTimes,
        own_cpu: u64,
        peak: u64,
        oom_kills: u64,
    ) -> CellDone {
        let notes = &*self.notes;
        let base = |i: usize| notes.cpu_base[i].load(Relaxed);
        let started = notes.started.load(Relaxed);
        let ended = match notes.ended.load(Relaxed) {
            0 => now_ns(),
            at => at,
        };
        let cpu_offset = self.group.cpu_before_cell();
        let end = |i: usize, counted: u64| match notes.cpu_end[i].load(Relaxed) {
            0 => counted,
            noted => noted,
        };
        let ours = notes.cpu_own.load(Relaxed) + if self.group.counts_the_lane() { own_cpu } else { 0 };
        let mut done = CellDone {
            failed_step: notes.failed_step.load(Relaxed),
            failed_errno: notes.failed_errno.load(Relaxed),
            limit: 0,
            status: notes.status.load(Relaxed),
            status_known: notes.ended.load(Relaxed) != 0,
            cpu_ns: end(0, cpu.total + cpu_offset.total).saturating_sub(base(0)).saturating_sub(ours),
            cpu_user_ns: end(1, cpu.user + cpu_offset.user).saturating_sub(base(1)),
            cpu_system_ns: end(2, cpu.system + cpu_offset.system).saturating_sub(base(2)),
            wall_ns: if started == 0 { 0 } else { ended.saturating_sub(started) },
            memory_peak: peak.saturating_sub(notes.memory_base.load(Relaxed))
                + if request.warm { self.warm_memory } else { 0 },
            collect_overflow: notes.collect_overflow.load(Relaxed) != 0,
        };
        (done.cpu_user_ns, done.cpu_system_ns) = split(done.cpu_ns, done.cpu_user_ns, done.cpu_system_ns);
        if started == 0 && done.failed_step == 0 {
            done.failed_step = SetupStep::Unknown as u32;
            done.failed_errno = libc::ETIMEDOUT;
        }
        let over = |used: u64, limit: Duration| Duration::from_nanos(used) > limit;
        let hit = if oom_kills > 0 {
            Some(LimitHit::Memory)
        } else if let Some(why) = killed_for {
            Some(why)
        } else if over(done.cpu_ns, request.limits.cpu_time) {
            Some(LimitHit::Cpu)
        } else if over(done.wall_ns, request.limits.wall_time) && !self.walls_off.contains(Wall::WallClockLimit) {
            Some(LimitHit::Wall)
        } else {
            None
        };
        done.limit = hit.map_or(0, |h| h as u32);
        if hit.is_none() && done.failed_step == 0 && notes.finished.load(Relaxed) == 0 {
            // The cell's init vanished without a word, and no limit explains it.
            done.failed_step = SetupStep::Unknown as u32;
            done.failed_errno = libc::ECHILD;
        }
        done
    }

    /// Whether the next run will find this lane as the last one did. Asked when it has no cell.
    fn is_clean(&mut self) -> bool {
        // The cell's tmpfs is let go of a moment after its last process.
        for round in 0..50 {
            match self.group.settled(round < 30) {
                Settled::Yes if self.no_socket_is_left() => return true,
                Settled::Never => return false,
                Settled::Yes | Settled::NotYet => {}
            }
            // Closing a socket sets the kernel's collector of descriptors in flight going: sockets that only each other
            // hold, and what they carry (names, locks, files and their memory), live on until then.
            drop(wire::socket_pair());
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// The lane's own socket belongs to the namespace it was made in, the launcher's.
    fn no_socket_is_left(&self) -> bool {
        let Some(sockets) = &self.sockets else { return true };
        let mut text = [0; 32];
        let n = rustix::io::pread(sockets, &mut text, 0).unwrap_or(0);
        text[..n].starts_with(b"sockets: used 0\n")
    }
}

/// User and system time that add up to the exact total. Version 1 counts the two in ticks; their proportion is
/// what they are good for.
fn split(total: u64, user: u64, system: u64) -> (u64, u64) {
    let user = match user.saturating_add(system) {
        0 => total,
        ticks => u64::try_from(u128::from(total) * u128::from(user) / u128::from(ticks)).unwrap_or(total),
    };
    (user, total - user)
}

/// Where CPU time last moved.
struct Progress {
    cpu: u64,
    at: u64,
}

/// CPU time below which a program counts as idle between two looks, ns: a timer that ticks is not progress.
const IDLE_CPU: u64 = 1_000_000;
/// Longest time the set-up of a cell may take, ns.
const SETUP_MAX: u64 = 20_000_000_000;

/// Monotonic time in ns.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// CPU time of this process, which has one thread, in ns.
pub(crate) fn own_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
