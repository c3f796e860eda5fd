//! The main process's side of the launcher: starting it, and asking it for lanes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::PidfdFlags;

use crate::RunError;
use crate::config::SandboxConfig;
use crate::process::zygote::ZYGOTE_ARGUMENT;
use crate::step::SetupStep;
use crate::wire::{self, FromLauncher, ToLauncher};

/// The argument by which our own executable knows that it was started as the launcher.
const LAUNCHER_ARGUMENT: &str = "__cupel-launcher";

/// How long the launcher may take to answer; it makes a lane in a few dozen milliseconds.
const ANSWER: Duration = Duration::from_secs(60);

/// To be called first in `main`, before any thread exists: if this process was started as the launcher
/// (or as a zygote, or `doctor`'s probe), it becomes that and never returns.
pub fn enter_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some(LAUNCHER_ARGUMENT.as_ref()) {
        crate::process::launcher::main();
    }
    if first.as_deref() == Some(ZYGOTE_ARGUMENT.as_ref()) {
        crate::process::zygote::main(arguments.next());
    }
    if first.as_deref() == Some(crate::probe::PROBE_ARGUMENT.as_ref()) {
        let name = arguments.next().unwrap_or_default();
        crate::probe::main(&name.to_string_lossy());
    }
}

/// Raises this process's limit of open descriptors as far as its owner may, and returns it. A server wants this
/// before it accepts anything: each running program takes a dozen of its descriptors. What runs in a cell has a
/// limit of its own.
pub fn raise_descriptor_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum.unwrap_or(u64::MAX),
        Err(_) => current.unwrap_or(u64::MAX),
    }
}

/// Lanes there may be at one time: a slot has one for programs, one for compilers and a spare, with as many that are
/// on their way out; and some for what is not a slot's.
const fn lanes_max(slots: usize) -> u32 {
    let slots = if slots > 1000 { 1000 } else { slots as u32 };
    slots * 8 + 16
}

/// Why a sandbox could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There can be no such sandbox on any machine.
    #[error("the sandbox is configured as it cannot be")]
    Refused(#[from] crate::Refusal),
    /// The launcher could not be started.
    #[error("cannot start the launcher")]
    Spawn(#[source] io::Error),
    /// The launcher could not be set up. Where this machine lacks something that a wall needs, `detail` names the wall,
    /// the kernel's feature, the setting in force, and the remedy.
    #[error("cannot set up the sandbox: {step}: {detail}")]
    Setup {
        /// What was being done.
        step: SetupStep,
        /// The launcher's words.
        detail: String,
    },
    /// The launcher ended before it answered.
    #[error("the launcher ended at once")]
    Lost,
}

/// What this machine gives, as the launcher found it. Which walls stand is not told but tried: see
/// [`doctor`](crate::doctor).
#[derive(Clone, Debug)]
pub struct Features {
    /// Control groups version 2 (else 1).
    pub cgroup_v2: bool,
    /// Why instructions cannot be counted here, and what would help; `None`: they are, and can be limited.
    pub uncounted: Option<String>,
}

/// The end of a launcher, which may lie in the future.
#[derive(Debug)]
pub struct LauncherEnd(OwnedFd);

impl LauncherEnd {
    /// Blocks until the launcher has ended, however that came about.
    pub fn wait(&self) {
        use rustix::event::{PollFd, PollFlags, poll};
        // A pidfd is readable from the end of its process on; nothing but a signal interrupts this.
        while !matches!(poll(&mut [PollFd::new(&self.0, PollFlags::IN)], None), Ok(1..)) {}
    }
}

/// A running launcher. Dropped, it ends, and every lane with it.
#[derive(Debug)]
pub(crate) struct LauncherClient {
    connection: Mutex<Connection>,
    /// Readable once it has ended.
    ended: OwnedFd,
    features: Features,
}

#[derive(Debug)]
struct Connection {
    socket: Option<OwnedFd>,
    child: Child,
    next_lane: u32,
    free: Vec<u32>,
}

impl LauncherClient {
    pub(crate) fn start(config: &SandboxConfig) -> Result<LauncherClient, StartError> {
        let (ours, theirs) = wire::socket_pair().map_err(StartError::Spawn)?;
        let child = Command::new("/proc/self/exe")
            .arg(LAUNCHER_ARGUMENT)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .map_err(StartError::Spawn)?;
        let text = |path: &std::path::Path| path.to_str().map(str::to_owned);
        let mounts = config.mounts.iter().filter_map(|m| Some((text(&m.source)?, text(&m.target)?))).collect();
        let configure = ToLauncher::Configure {
            uid_base: config.uid_base,
            lanes_max: lanes_max(config.slots),
            walls_off: config.walls_off.bits(),
            probe: config.with_probe,
            mounts,
            counted: config.counted,
            warm: config.warm.clone(),
        };
        let ended = rustix::process::pidfd_open(rustix::process::Pid::from_child(&child), PidfdFlags::empty())
            .map_err(|errno| StartError::Spawn(errno.into()))?;
        let mut connection = Connection { socket: Some(ours), child, next_lane: 0, free: Vec::new() };
        match connection.ask(&configure) {
            Ok((FromLauncher::Configured { cgroup_v2, uncounted }, _)) => {
                let features = Features { cgroup_v2, uncounted };
                Ok(LauncherClient { connection: Mutex::new(connection), ended, features })
            }
            Ok((FromLauncher::Failed { step, detail, .. }, _)) => {
                Err(StartError::Setup { step: SetupStep::from_number(step), detail })
            }
            Ok((FromLauncher::LaneMade { .. }, _)) | Err(_) => Err(StartError::Lost),
        }
    }

    pub(crate) fn features(&self) -> &Features {
        &self.features
    }

    /// The launcher's process id, for tests that look at it.
    pub(crate) fn pid(&self) -> u32 {
        self.lock().child.id()
    }

    pub(crate) fn ended(&self) -> io::Result<LauncherEnd> {
        Ok(LauncherEnd(self.ended.try_clone()?))
    }

    /// A new lane on this processor: its number and its socket. `warm`: for which of the configured templates.
    pub(crate) fn make_lane(&self, cpu: Option<u32>, warm: Option<u32>) -> Result<(u32, OwnedFd), RunError> {
        let mut connection = self.lock();
        // Numbers are used again, so that the user ids in use stay few.
        let lane = connection.free.pop().unwrap_or_else(|| {
            connection.next_lane += 1;
            connection.next_lane - 1
        });
        match connection.ask(&ToLauncher::MakeLane { lane, cpu, warm }) {
            Ok((FromLauncher::LaneMade { .. }, mut descriptors)) => match descriptors.pop() {
                Some(socket) => Ok((lane, socket)),
                None => Err(RunError::LauncherLost),
            },
            Ok((FromLauncher::Failed { step, errno, detail }, _)) => {
                connection.free.push(lane);
                let kind = io::Error::from_raw_os_error(errno).kind();
                Err(RunError::Setup { step: SetupStep::from_number(step), source: io::Error::new(kind, detail) })
            }
            Ok((FromLauncher::Configured { .. }, _)) | Err(_) => Err(RunError::LauncherLost),
        }
    }

    /// Ends a lane and everything in it.
    pub(crate) fn retire_lane(&self, lane: u32) {
        let mut connection = self.lock();
        if let Some(socket) = &connection.socket
            && wire::send(socket.as_fd(), &ToLauncher::RetireLane { lane }, &[]).is_ok()
        {
            connection.free.push(lane);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Connection {
    /// One question, one answer. Whatever comes unasked or too late is no answer, and ends the conversation: an
    /// answer is never taken for that to another question.
    fn ask(&mut self, message: &ToLauncher) -> io::Result<(FromLauncher, Vec<OwnedFd>)> {
        let Some(socket) = &self.socket else { return Err(io::ErrorKind::NotConnected.into()) };
        let answer = exchange(socket.as_fd(), message);
        if answer.is_err() {
            self.socket = None;
        }
        answer
    }
}

fn exchange(socket: BorrowedFd<'_>, message: &ToLauncher) -> io::Result<(FromLauncher, Vec<OwnedFd>)> {
    wire::send(socket, message, &[])?;
    if !wire::readable(socket, ANSWER)? {
        return Err(io::ErrorKind::TimedOut.into());
    }
    wire::receive(socket, &mut Vec::new())?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Closing the socket is the launcher's sign to end; it removes its control groups first.
        self.socket = None;
        let _ = self.child.wait();
    }
}
