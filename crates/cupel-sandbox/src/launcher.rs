//! The main process's side of the launcher: starts it, and requests lanes from it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::PidfdFlags;

use crate::RunError;
use crate::config::SandboxConfig;
use crate::pool::{IMAGE_LANES_MAX, IMAGE_SPARES_MAX};
use crate::process::zygote::ZYGOTE_ARGUMENT;
use crate::refusal::SLOTS_MAX;
use crate::step::SetupStep;
use crate::wire::{self, FromLauncher, LaneKind, Scheduling, ToLauncher};

/// The argument that makes Cupel's executable run as the launcher.
const LAUNCHER_ARGUMENT: &str = "__cupel-launcher";

/// Maximum time for a reply of the launcher. The launcher creates a lane in a few dozen milliseconds.
const ANSWER: Duration = Duration::from_secs(60);

/// If this process was started as the launcher, a zygote or `doctor`'s probe, takes that role and never returns. `main`
/// must call this first, before any thread exists.
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
        crate::probe::main(arguments.map(|argument| argument.to_string_lossy().into_owned()));
    }
}

/// Raises this process's limit on open descriptors to the hard limit if the system permits that, and returns the limit
/// that then applies. A server must call this before it accepts connections: each running program takes a dozen
/// descriptors. Cells have a separate limit.
pub fn raise_descriptor_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum.unwrap_or(u64::MAX),
        Err(_) => current.unwrap_or(u64::MAX),
    }
}

/// Maximum number of lanes at the same time. A slot has one lane for programs, one for compilers and a spare, and up to
/// three lanes that are still ending. The other lanes are for warm interpreters, services and images.
pub(crate) fn lanes_max(config: &SandboxConfig) -> u32 {
    let slots = (config.slots.min(SLOTS_MAX) + config.background_slots.min(SLOTS_MAX)) as u32;
    let of_images = if config.images.is_some() { 2 * (IMAGE_LANES_MAX + IMAGE_SPARES_MAX) as u32 } else { 0 };
    slots * (8 + of_images) + 16
}

/// Why a sandbox could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is invalid on every machine.
    #[error("the configuration of the sandbox is invalid")]
    Refused(#[from] crate::Refusal),
    /// The launcher could not be started.
    #[error("cannot start the launcher")]
    Spawn(#[source] io::Error),
    /// The launcher could not be set up. If this machine lacks something that a wall needs, `detail` names the wall,
    /// the kernel feature, the current setting, and the remedy.
    #[error("cannot set up the sandbox: failed to {step}: {detail}")]
    Setup {
        /// The step that failed.
        step: SetupStep,
        /// The launcher's message.
        detail: String,
    },
    /// The launcher ended or timed out before it replied.
    #[error("the launcher ended or timed out before it replied")]
    Lost,
}

/// Features of this machine, as detected by the launcher. These features do not include the walls, which
/// [`doctor`](crate::doctor) tests by attacking them.
#[derive(Clone, Debug)]
pub struct Features {
    /// Whether control groups are version 2; otherwise version 1.
    pub cgroup_v2: bool,
    /// The reason why instructions cannot be counted here, with the remedy; `None` if they can be counted and limited.
    pub uncounted: Option<String>,
}

/// A handle to wait for the end of the launcher.
#[derive(Debug)]
pub struct LauncherEnd(OwnedFd);

impl LauncherEnd {
    /// Blocks until the launcher has ended for any reason.
    pub fn wait(&self) {
        use rustix::event::{PollFd, PollFlags, poll};
        // A pidfd becomes readable when its process ends. Only a signal interrupts this poll.
        while !matches!(poll(&mut [PollFd::new(&self.0, PollFlags::IN)], None), Ok(1..)) {}
    }
}

/// A running launcher. Dropping this value ends the launcher and every lane.
#[derive(Debug)]
pub(crate) struct LauncherClient {
    connection: Mutex<Connection>,
    /// A pidfd, which is readable once the launcher has ended.
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
            lanes_max: lanes_max(config),
            walls_off: config.walls_off.bits(),
            probe: config.with_probe,
            mounts,
            images: config.images.as_deref().and_then(text),
            counted: config.counted,
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

    /// The launcher's process id, for tests that inspect the process.
    pub(crate) fn pid(&self) -> u32 {
        self.lock().child.id()
    }

    pub(crate) fn ended(&self) -> io::Result<LauncherEnd> {
        Ok(LauncherEnd(self.ended.try_clone()?))
    }

    /// Creates a lane, and returns its number and its socket.
    pub(crate) fn make_lane(&self, scheduling: Scheduling, kind: &LaneKind) -> Result<(u32, OwnedFd), RunError> {
        let mut connection = self.lock();
        // Reuse numbers, so that few user ids are in use.
        let lane = connection.free.pop().unwrap_or_else(|| {
            connection.next_lane += 1;
            connection.next_lane - 1
        });
        match connection.ask(&ToLauncher::MakeLane { lane, scheduling, kind: kind.clone() }) {
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
    /// Sends a request and waits for its reply. After an error or a timeout, the connection is closed, so that a late
    /// reply is never attributed to another request.
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
        // The launcher ends when this socket closes; it removes its control groups first.
        self.socket = None;
        let _ = self.child.wait();
    }
}
