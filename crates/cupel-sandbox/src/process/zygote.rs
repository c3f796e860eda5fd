//! A lane's zygote: the process that holds a warm interpreter, and is forked for each program.
//!
//! ```text
//! cell's init ──request, descriptors──► zygote ──same memory──► errand: enters the cell, forks, ends
//!      ▲                                                           └──fork──► child: all walls, then the program
//!      └── new parent of the child, since the errand has ended in the cell's pid namespace
//! ```
//!
//! This way, an interpreter's memory is copied once per program, and the init processes of the lane and the cells do
//! not contain that memory. The zygote is Cupel's executable, started by the lane's init. It runs no code of a tenant.
//! Of a request, it decodes only the cell's number: the child decodes the request in its own memory, and the zygote
//! then erases it.

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{DumpableBehavior, Pid, PidfdFlags, Resource, Rlimit};

use crate::Wall;
use crate::mechanism::oom::OomPreference;
use crate::mechanism::{namespaces, seccomp};
use crate::process::lane::own_cpu_ns;
use crate::process::payload::{self, Plan, Streams, Texts};
use crate::step::SetupStep;
use crate::sys;
use crate::sys::process::{
    StringArray, close_all_but, execve, execve_of, exit_now, fork, reap, reset_signals, run_errand, take_inherited,
};
use crate::sys::seccomp::Instruction;
use crate::sys::shared::SharedPage;
use crate::warm::{WarmParent, ZYGOTE_STACK};
use crate::wire::{self, CellRequest, FromZygote, ToZygote, ZygoteSetup};

/// Pid of a program started by a zygote, inside its cell: the first pid after that of the init.
pub(crate) const PROGRAM: Pid = match Pid::from_raw(2) {
    Some(pid) => pid,
    None => unreachable!(),
};
/// Pid of the errand, inside the cell: far from the next free pid, so that the program always gets [`PROGRAM`].
const ERRAND: i32 = 300;
/// The argument that makes Cupel's executable run as a zygote.
pub(crate) const ZYGOTE_ARGUMENT: &str = "__cupel-zygote";
/// Maximum time until an interpreter is ready.
const START_MAX: Duration = Duration::from_secs(60);

/// A handle on a lane's zygote, used by the init processes of the lane and its cells.
pub(crate) struct Zygote {
    pid: Pid,
    socket: OwnedFd,
}

impl Zygote {
    /// Starts the zygote, and waits until its interpreter is ready. The error is the reason for a failure. If
    /// `executable` is given, the zygote is started from this detached executable.
    pub(crate) fn start(
        setup: &ZygoteSetup,
        shared: BorrowedFd<'_>,
        executable: Option<BorrowedFd<'_>>,
    ) -> Result<Zygote, String> {
        let text_of = |error: io::Error| error.to_string();
        if setup.walls_off.contains(Wall::PidNamespace) {
            return Err(
                "warm programs need the pid namespace, in which the cell's init becomes their parent".to_owned()
            );
        }
        let (socket, theirs) = wire::socket_pair().map_err(text_of)?;
        let Some(pid) = fork().map_err(text_of)? else { become_a_zygote(&theirs, executable) };
        drop(theirs);
        let zygote = Zygote { pid, socket };
        // If the zygote has already ended, its message with the reason is read below.
        let _ = wire::send(zygote.socket.as_fd(), setup, &[shared]);
        match zygote.becomes_ready() {
            Ok(()) => Ok(zygote),
            Err(reason) => {
                zygote.end();
                Err(reason)
            }
        }
    }

    fn becomes_ready(&self) -> Result<(), String> {
        let text_of = |error: io::Error| error.to_string();
        let answer = match wire::readable(self.socket.as_fd(), START_MAX).map_err(text_of)? {
            true => wire::receive::<FromZygote>(self.socket.as_fd(), &mut Vec::new()).map_err(text_of)?,
            false => None,
        };
        match answer {
            Some((FromZygote::Ready, _)) => Ok(()),
            Some((FromZygote::Cold { reason }, _)) => Err(reason),
            Some((FromZygote::Begun { .. }, _)) | None => {
                Err("the zygote ended or did not become ready in time".to_owned())
            }
        }
    }

    /// Ends the zygote.
    pub(crate) fn end(self) {
        let _ = rustix::process::kill_process(self.pid, rustix::process::Signal::KILL);
        let _ = reap(self.pid);
    }

    /// Starts a program in the calling process's pid, mount and ipc namespaces. The caller must be the init of these
    /// namespaces, and becomes the program's parent. Returns the CPU time in nanoseconds that the sandbox, and not the
    /// program, has used since the call.
    pub(crate) fn begin(
        &self,
        cell: u64,
        request: CellRequest,
        descriptors: &[BorrowedFd<'_>],
        buffer: &mut Vec<u8>,
    ) -> io::Result<u64> {
        wire::send(self.socket.as_fd(), &ToZygote { cell, request }, descriptors)?;
        loop {
            match wire::receive::<FromZygote>(self.socket.as_fd(), buffer)? {
                Some((FromZygote::Begun { cell: of, errno, cpu_own }, _)) if of == cell => {
                    return if errno == 0 { Ok(cpu_own) } else { Err(io::Error::from_raw_os_error(errno)) };
                }
                // A reply for an earlier cell, which was killed while it waited for this reply.
                Some(_) => {}
                None => return Err(io::Error::from_raw_os_error(libc::ESRCH)),
            }
        }
    }
}

/// Sets whether processes with the same user and capabilities may enter this process's namespaces. The cell's init
/// allows this only while the zygote enters. Source: setns(2), the check of a pidfd; ptrace(2), "Ptrace access mode
/// checking".
pub(crate) fn let_in(let_in: bool) {
    let behavior = if let_in { DumpableBehavior::Dumpable } else { DumpableBehavior::NotDumpable };
    let _ = rustix::process::set_dumpable_behavior(behavior);
}

/// Executes Cupel's executable again as the zygote, in a child of the lane's init. Therefore the interpreter has
/// separately randomized addresses, and none of the launcher's memory. Programs see the executable in
/// `/proc/self/maps`, but no path of the host.
fn become_a_zygote(socket: &OwnedFd, executable: Option<BorrowedFd<'_>>) -> ! {
    // A separate process group distinguishes the zygote from the processes that the lane's init waits for after a
    // program.
    let _ = rustix::process::setpgid(None, None);
    // The stack limit is at most the host's hard limit, which also bounds the stack limit of programs.
    let hard = rustix::process::getrlimit(Resource::Stack).maximum;
    let stack = ZYGOTE_STACK.get().min(hard.unwrap_or(u64::MAX));
    let _ = rustix::process::setrlimit(Resource::Stack, Rlimit { current: Some(stack), maximum: hard });
    let number = socket.as_raw_fd();
    let keep: Vec<i32> = [number].into_iter().chain(executable.map(|file| file.as_raw_fd())).collect();
    let _ = close_all_but(&keep);
    let _ = rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::empty());
    let argument = |text: &str| CString::new(text).unwrap_or_default();
    let argv = [argument("cupel"), argument(ZYGOTE_ARGUMENT), argument(&number.to_string())];
    let (argv, envp) = (StringArray::new(&argv), StringArray::new(&[]));
    let errno = match executable {
        Some(file) => execve_of(file, &argv, &envp),
        None => execve(c"/proc/self/exe", &argv, &envp),
    };
    let reason = format!("cannot execute Cupel as a zygote: {}", io::Error::from_raw_os_error(errno));
    let _ = wire::send(socket.as_fd(), &FromZygote::Cold { reason }, &[]);
    exit_now(1)
}

/// Runs a zygote. `socket` is the descriptor number of the zygote's socket.
pub(crate) fn main(socket: Option<OsString>) -> ! {
    let number = socket.and_then(|number| number.to_str()?.parse::<i32>().ok()).filter(|number| *number > 2);
    if let Some(number) = number {
        let socket = take_inherited(number);
        let _ = live(&socket);
        exit_now(0)
    }
    eprintln!("cupel: {ZYGOTE_ARGUMENT} is for Cupel's internal use; do not pass it");
    exit_now(1)
}

fn live(socket: &OwnedFd) -> io::Result<()> {
    let socket = socket.as_fd();
    rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::CLOEXEC)?;
    let _ = rustix::thread::set_name(c"cupel-zygote");
    let _ = rustix::process::setpriority_process(None, 0);
    reset_signals();
    let mut buffer = Vec::new();
    let Some((setup, descriptors)) = wire::receive::<ZygoteSetup>(socket, &mut buffer)? else { return Ok(()) };
    let shared = SharedPage::in_file(descriptors.first().ok_or(io::ErrorKind::UnexpectedEof)?)?;
    drop(descriptors);
    let filter = match setup.walls_off.contains(Wall::Seccomp) {
        true => Vec::new(),
        false => seccomp::default_filters().map_err(io::Error::other)?.own,
    };
    let oom_preference = OomPreference::open()?;
    let own_pids = rustix::fs::open(
        "/proc/self/ns/pid",
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let parent = match WarmParent::start(&setup.template, &setup.shown) {
        Ok(parent) => parent,
        Err(reason) => return wire::send(socket, &FromZygote::Cold { reason }, &[]),
    };
    let lane = Lane { setup, filter, shared, parent };
    wire::send(socket, &FromZygote::Ready, &[])?;
    loop {
        let own_cpu = own_cpu_ns();
        let Some((length, descriptors)) = wire::receive_bytes(socket, &mut buffer)? else { return Ok(()) };
        let message = &mut buffer[..length];
        let cell = ToZygote::cell_of(message)?;
        let begun = match Handed::of(&lane.setup, &descriptors) {
            None => Err(io::Error::from_raw_os_error(libc::EBADF)),
            Some(handed) => oom_preference.of_cells().and_then(|()| {
                let errand = Errand { lane: &lane, message, handed };
                let begun = errand.run(own_pids.as_fd());
                oom_preference.of_the_lane().and(begun)
            }),
        };
        // Erase the request, because the next program is a copy of this process.
        message.fill(0);
        std::hint::black_box(message);
        drop(descriptors);
        let (errno, errands) = match begun {
            Ok(cpu) => (0, cpu),
            Err(error) => (error.raw_os_error().unwrap_or(libc::EIO), Duration::ZERO),
        };
        let own_cpu = if lane.setup.cells_have_groups { 0 } else { own_cpu_ns().saturating_sub(own_cpu) };
        let cpu_own = own_cpu + u64::try_from(errands.as_nanos()).unwrap_or(u64::MAX);
        wire::send(socket, &FromZygote::Begun { cell, errno, cpu_own }, &[])?;
    }
}

/// State shared by all programs of the lane.
struct Lane {
    setup: ZygoteSetup,
    /// The part of the system call filter that each program installs; empty if the seccomp wall is off.
    filter: Vec<Instruction>,
    shared: SharedPage,
    parent: WarmParent,
}

/// The descriptors passed with a request.
struct Handed<'a> {
    streams: Streams<'a>,
    cell: BorrowedFd<'a>,
    ruleset: Option<BorrowedFd<'a>>,
    group: Option<BorrowedFd<'a>>,
}

impl<'a> Handed<'a> {
    fn of(setup: &ZygoteSetup, descriptors: &'a [OwnedFd]) -> Option<Handed<'a>> {
        let mut next = descriptors.iter().map(AsFd::as_fd);
        let standard = [next.next()?, next.next()?, next.next()?];
        let cell = next.next()?;
        let ruleset = if setup.has_landlock { Some(next.next()?) } else { None };
        let group = if setup.cells_have_groups { Some(next.next()?) } else { None };
        let streams = Streams { standard, result: next.next() };
        Some(Handed { streams, cell, ruleset, group })
    }
}

/// The start of one program.
struct Errand<'a> {
    lane: &'a Lane,
    message: &'a [u8],
    handed: Handed<'a>,
}

impl Errand<'_> {
    fn run(&self, own_pids: BorrowedFd<'_>) -> io::Result<Duration> {
        sys::namespaces::enter(self.handed.cell, libc::CLONE_NEWPID)?;
        let ran = run_errand(ERRAND, self.handed.group, self, Errand::go);
        // Leave the cell's pid namespace: as long as this process can fork into the namespace, the namespace outlives
        // the cell.
        sys::namespaces::enter(own_pids, libc::CLONE_NEWPID).and(ran)
    }

    /// Runs in a process that shares the zygote's memory, so it must not allocate memory that it cannot free.
    fn go(&self) {
        let others = namespaces::of_cell(self.lane.setup.walls_off) as i32 & !libc::CLONE_NEWPID;
        let forked = sys::namespaces::enter(self.handed.cell, others).and_then(|()| fork());
        match forked {
            Ok(None) => self.become_the_program(),
            Ok(Some(_)) => {}
            Err(error) => self.failed(SetupStep::Fork, &error),
        }
    }

    fn become_the_program(&self) -> ! {
        let begun = wait_for_errand_end()
            .and_then(|()| wire::decode::<ToZygote>(self.message).map_err(io::Error::from))
            .and_then(|message| Ok((Texts::of(&message.request)?, message.request.limits)));
        match begun {
            Err(error) => self.failed(SetupStep::Protocol, &error),
            Ok((texts, limits)) => {
                let plan = Plan {
                    streams: self.handed.streams,
                    limits: &limits,
                    walls_off: self.lane.setup.walls_off,
                    tenant: self.lane.setup.tenant,
                    landlock: self.handed.ruleset.map(|ruleset| ruleset.as_raw_fd()),
                    filter: &self.lane.filter,
                    call: texts.call(),
                    shared: &self.lane.shared,
                    has_terminal: false,
                };
                payload::enter_warm(&plan, &self.lane.parent, &texts)
            }
        }
        exit_now(127)
    }

    fn failed(&self, step: SetupStep, error: &io::Error) {
        self.lane.shared.fail(step, error.raw_os_error().unwrap_or(libc::EIO));
    }
}

/// Waits until the errand has ended, so that the cell's init is the program's parent from the first instruction on.
fn wait_for_errand_end() -> io::Result<()> {
    while let Some(errand) = rustix::process::getppid().filter(|parent| parent.as_raw_nonzero().get() == ERRAND) {
        match rustix::process::pidfd_open(errand, PidfdFlags::empty()) {
            // The pidfd becomes readable after the children have their new parent. Source: exit_notify() in
            // kernel/exit.c.
            Ok(end) => drop(rustix::event::poll(&mut [PollFd::new(&end, PollFlags::IN)], None)),
            Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
