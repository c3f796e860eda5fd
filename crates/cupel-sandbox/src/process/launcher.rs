//! The launcher: the only process that needs privileges. It only creates lanes and removes what they leave behind.
//!
//! The launcher has one thread, an empty network namespace and no files of tenants. It reads the fixed-layout messages
//! of [`wire`](crate::wire) from one socket, and ends when that socket closes. Lanes die with the launcher.
//!
//! The main process configures the launcher once, before an attacker could have reached it. Every later message may
//! come from a compromised main process. Therefore the launcher checks each message:
//!
//! * Lane numbers are bounded, which bounds the ids, groups and processes of lanes.
//! * A request with the number of an existing lane is refused, and does not affect that lane.
//! * The launcher keeps the cold starts of a bounded number of interpreters.
//! * A malformed message ends the launcher.
//! * The launcher follows no path that the main process can change: mounts from such paths are opened at the start.
//!
//! If root starts the launcher, it keeps six capabilities. If an ordinary user starts it, it first creates a user
//! namespace in which it is root ([`rootless`](crate::mechanism::rootless)).

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};

use crate::mechanism::cgroup::{Hierarchies, LauncherGroups};
use crate::mechanism::host::{self, Lack};
use crate::mechanism::{capabilities, ids, instructions, mounts, namespaces, rootless};
use crate::process::lane::{self, LaneReport, LaneSetup};
use crate::step::SetupStep;
use crate::sys;
use crate::sys::process::{
    Forked, close_all_but, dup_to, exit_now, fork_with, ignore_stop_signals, keep_freed_memory, take_inherited,
};
use crate::warm::{ColdStart, WarmTemplate};
use crate::wire::{self, FromLauncher, LaneImage, LaneKind, Scheduling, ToLauncher};
use crate::{CountedEvent, Mount, Wall, WallSet};

/// Maximum time for the setup of a lane, which normally takes a few dozen milliseconds.
const LANE_SETUP: Duration = Duration::from_secs(20);

/// Maximum number of interpreters whose cold start the launcher keeps; a compromised main process could request any
/// number.
const COLD_STARTS_MAX: usize = 16;

struct Launcher {
    groups: LauncherGroups,
    uid_base: u32,
    lanes_max: u32,
    walls_off: WallSet,
    /// Cupel's executable.
    executable: OwnedFd,
    /// Whether programs see the executable as `/probe`.
    with_probe: bool,
    sources: Vec<mounts::Source>,
    /// The performance event that counts instructions in every lane, or the reason why it is unavailable.
    counted: Result<CountedEvent, String>,
    /// The directory that contains the roots of images.
    images: Option<OwnedFd>,
    lanes: HashMap<u32, RunningLane>,
    /// Cold starts that lanes have measured; at most [`COLD_STARTS_MAX`].
    cold_starts: Vec<(WarmTemplate, ColdStart)>,
}

struct RunningLane {
    pidfd: OwnedFd,
}

/// Runs the launcher on the socket at descriptor 0, until the main process closes the other end.
pub(crate) fn main() -> ! {
    let code = match serve() {
        Ok(()) => 0,
        // The main process ended while the launcher replied. This is not an error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            eprintln!("cupel launcher: {error}");
            1
        }
    };
    std::process::exit(code)
}

fn serve() -> io::Result<()> {
    // Start a separate session, so that only the main process receives Ctrl-C from the terminal.
    let _ = rustix::process::setsid();
    ignore_stop_signals();
    keep_freed_memory();
    let _ = rustix::thread::set_name(c"cupel-launcher");
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // Close descriptors that the main process inherited from its parent.
    close_all_but(&[])?;
    let socket = rustix::io::fcntl_dupfd_cloexec(take_inherited(0), 3)?;
    let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty())?;
    if null.as_raw_fd() != 0 {
        return Err(io::Error::other("descriptor 0 is still open"));
    }
    // Keep descriptor 0 open until the process ends.
    std::mem::forget(null);
    let mut launcher: Option<Launcher> = None;
    let ended = answer(&socket, &mut launcher);
    if let Some(mut launcher) = launcher {
        for lane in launcher.lanes.keys().copied().collect::<Vec<_>>() {
            launcher.retire(lane);
        }
        launcher.groups.remove();
    }
    ended
}

/// Answers messages until the socket is closed.
fn answer(socket: &OwnedFd, launcher: &mut Option<Launcher>) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        wait_for_message(socket, launcher.as_mut())?;
        let Some((message, _)) = wire::receive::<ToLauncher>(socket.as_fd(), &mut buffer)? else { break };
        match (message, &mut *launcher) {
            (ToLauncher::Configure { uid_base, lanes_max, walls_off, probe, mounts, images, counted }, none @ None) => {
                let off = WallSet::from_bits(walls_off);
                let mounts = mounts.into_iter().map(|(s, t)| Mount { source: s.into(), target: t.into() }).collect();
                match Launcher::new(uid_base, lanes_max, off, probe, mounts, images, counted) {
                    Ok(made) => {
                        let uncounted = made.counted.clone().err();
                        let answer = FromLauncher::Configured { cgroup_v2: made.groups.is_v2(), uncounted };
                        *none = Some(made);
                        wire::send(socket.as_fd(), &answer, &[])?;
                    }
                    Err((step, error)) => wire::send(socket.as_fd(), &failed(step, &error), &[])?,
                }
            }
            (ToLauncher::MakeLane { lane, scheduling, kind }, Some(launcher)) => {
                match launcher.make_lane(lane, scheduling, &kind) {
                    Ok(lane_socket) => {
                        wire::send(socket.as_fd(), &FromLauncher::LaneMade { lane }, &[lane_socket.as_fd()])?;
                    }
                    Err((step, error)) => wire::send(socket.as_fd(), &failed(step, &error), &[])?,
                }
            }
            (ToLauncher::RetireLane { lane }, Some(launcher)) => launcher.retire(lane),
            (ToLauncher::Configure { .. }, Some(_)) | (_, None) => {
                let misuse = io::Error::from_raw_os_error(libc::EPROTO);
                wire::send(socket.as_fd(), &failed(SetupStep::Protocol, &misuse), &[])?;
            }
        }
    }
    Ok(())
}

fn failed(step: SetupStep, error: &io::Error) -> FromLauncher {
    FromLauncher::Failed {
        step: step as u32,
        errno: error.raw_os_error().unwrap_or(libc::EIO),
        detail: error.to_string(),
    }
}

/// Waits for a message, and cleans up after lanes that end in the meantime.
fn wait_for_message(socket: &OwnedFd, mut launcher: Option<&mut Launcher>) -> io::Result<()> {
    loop {
        let ended = {
            let lanes: Vec<(u32, &OwnedFd)> =
                launcher.iter().flat_map(|l| l.lanes.iter().map(|(number, lane)| (*number, &lane.pidfd))).collect();
            let mut polled = vec![PollFd::new(socket, PollFlags::IN)];
            polled.extend(lanes.iter().map(|(_, pidfd)| PollFd::new(*pidfd, PollFlags::IN)));
            match poll(&mut polled, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(other) => return Err(other.into()),
            }
            if !polled[0].revents().is_empty() {
                return Ok(());
            }
            let ready = polled[1..].iter().zip(&lanes).filter(|(p, _)| !p.revents().is_empty());
            ready.map(|(_, (number, _))| *number).collect::<Vec<_>>()
        };
        if let Some(launcher) = launcher.as_deref_mut() {
            for lane in ended {
                launcher.retire(lane);
            }
        }
    }
}

impl Launcher {
    fn new(
        uid_base: u32,
        lanes_max: u32,
        walls_off: WallSet,
        with_probe: bool,
        mounts: Vec<Mount>,
        images: Option<String>,
        counted: CountedEvent,
    ) -> Result<Launcher, (SetupStep, io::Error)> {
        let is_root = rustix::process::geteuid().is_root();
        if !is_root {
            rootless::enter().map_err(|lack| (SetupStep::OwnUserNamespace, io::Error::other(lack.to_string())))?;
        }
        prove_namespaces(walls_off)?;
        let uid_base = ids_of_lanes(uid_base, lanes_max)?;
        let executable = mounts::find_own_executable().map_err(|error| (SetupStep::RootTrees, error))?;
        let refused = |lack: Lack| (SetupStep::CgroupCreate, io::Error::other(lack.to_string()));
        let hierarchies = Hierarchies::detect()
            .map_err(|error| refused(host::control_groups_refused(&error, "/proc/self/cgroup", is_root)))?;
        let groups = LauncherGroups::create(hierarchies, std::process::id(), walls_off, is_root).map_err(refused)?;
        give_up(walls_off)?;
        let sources = mounts::hold(mounts).map_err(|error| (SetupStep::RootTrees, error))?;
        let counted = instructions::lack(counted, host::sysctl).map_or(Ok(counted), Err);
        let images = match images {
            Some(path) => mounts::hold_images(path.as_ref()).map_err(|error| (SetupStep::RootTrees, error))?,
            None => None,
        };
        let (lanes, cold_starts) = (HashMap::new(), Vec::new());
        Ok(Launcher {
            groups,
            uid_base,
            lanes_max,
            walls_off,
            executable,
            with_probe,
            sources,
            counted,
            images,
            lanes,
            cold_starts,
        })
    }

    /// Creates a lane and returns its socket. If that fails, nothing of the lane remains.
    fn make_lane(
        &mut self,
        number: u32,
        scheduling: Scheduling,
        kind: &LaneKind,
    ) -> Result<OwnedFd, (SetupStep, io::Error)> {
        if number >= self.lanes_max {
            return Err((SetupStep::Protocol, io::Error::from_raw_os_error(libc::ERANGE)));
        }
        if self.lanes.contains_key(&number) {
            return Err((SetupStep::Protocol, io::Error::from_raw_os_error(libc::EEXIST)));
        }
        self.try_to_make_lane(number, scheduling, kind).inspect_err(|_| self.groups.remove_lane(number))
    }

    fn try_to_make_lane(
        &mut self,
        number: u32,
        scheduling: Scheduling,
        kind: &LaneKind,
    ) -> Result<OwnedFd, (SetupStep, io::Error)> {
        let at = |step| move |error: io::Error| (step, error);
        let owner = self.uid_base.saturating_add(number.saturating_mul(2));
        let files = self.groups.create_lane(number, scheduling, owner).map_err(at(SetupStep::CgroupCreate))?;
        let (ours, theirs) = wire::socket_pair().map_err(at(SetupStep::Clone))?;
        let (sync, sync_theirs) = wire::socket_pair().map_err(at(SetupStep::Clone))?;
        let off = self.walls_off;
        let (shown, tenant) = match (kind, &self.images) {
            (LaneKind::System | LaneKind::Warm(_), _) => (mounts::open_shown(&self.sources, off), ids::TENANT),
            (LaneKind::Image(LaneImage { id, uid, hold: _ }), Some(images)) => {
                (mounts::open_image(images.as_fd(), id, off), *uid)
            }
            (LaneKind::Image(_), None) => return Err(at(SetupStep::RootTrees)(io::ErrorKind::NotFound.into())),
        };
        let mut shown = shown.map_err(at(SetupStep::RootTrees))?;
        let (warm, is_image) = match kind {
            LaneKind::System => (None, false),
            LaneKind::Warm(template) => (Some(template.as_ref()), false),
            LaneKind::Image(_) => (None, true),
        };
        if self.with_probe {
            shown.push(mounts::probe(self.executable.as_fd(), off).map_err(at(SetupStep::RootTrees))?);
        }
        // If this fails, `executable` is `None`, and the zygote is executed through /proc/self/exe.
        let executable = warm.and_then(|_| mounts::own_executable(self.executable.as_fd(), off).ok());
        match fork_with(namespaces::of_lane(self.walls_off), None).map_err(at(SetupStep::Clone))? {
            Forked::Child => {
                // Standard error is the operator's log, which a lane must not write to.
                let _ = dup_to(0, 2);
                let warm = warm.map(|template| (template.clone(), self.cold_start(template)));
                let counted = self.counted.as_ref().ok().copied();
                let setup = LaneSetup {
                    walls_off: off,
                    shown,
                    is_image,
                    tenant,
                    cpu: scheduling.cpu,
                    counted,
                    warm,
                    executable,
                };
                lane::main(setup, theirs, sync_theirs, files)
            }
            Forked::Parent(pid, pidfd) => {
                drop((theirs, sync_theirs, files, shown, executable));
                let result = self.bring_up(number, tenant, pid, &sync);
                if let Err(failed) = result {
                    end(&pidfd);
                    return Err(failed);
                }
                self.lanes.insert(number, RunningLane { pidfd });
                if let Some(template) = warm {
                    self.learn_cold_start(template, &sync);
                }
                Ok(ours)
            }
        }
    }

    /// Does the part of the setup that a lane's init cannot do itself: id maps, control groups, a counter, priority.
    fn bring_up(&self, number: u32, tenant: u32, pid: Pid, sync: &OwnedFd) -> Result<(), (SetupStep, io::Error)> {
        let at = |step| move |error: io::Error| (step, error);
        if !self.walls_off.contains(Wall::UserNamespace) {
            ids::map(pid, self.uid_base, number, tenant).map_err(at(SetupStep::IdMap))?;
        }
        self.groups.join_lane(number, pid).map_err(at(SetupStep::CgroupJoin))?;
        // The init must get the processor immediately when a limit is reached, no matter how many programs compete for
        // it. The processes that it forks reset their priority. If this call is not permitted, the init notices limits
        // slightly later.
        let _ = rustix::process::setpriority_process(Some(pid), -10);
        let counter = match &self.counted {
            Ok(counted) => Some(instructions::open(*counted, pid).map_err(at(SetupStep::Count))?),
            Err(_) => None,
        };
        let beside: Vec<_> = counter.iter().flatten().map(AsFd::as_fd).collect();
        lane::send_report(sync, LaneReport::Go, &beside)?;
        lane::expect(sync, LaneReport::Go, LANE_SETUP)?;
        self.groups.settle_lane(number, pid).map_err(at(SetupStep::CgroupJoin))?;
        lane::send_report(sync, LaneReport::Go, &[])?;
        lane::expect(sync, LaneReport::Ready, LANE_SETUP).map(drop)
    }

    /// The interpreter's cold start, if a lane has measured it.
    fn cold_start(&self, template: &WarmTemplate) -> Option<ColdStart> {
        self.cold_starts.iter().find(|(known, _)| known == template).map(|(_, cold)| cold.clone())
    }

    /// Waits until the new lane has measured the interpreter's cold start, unless an earlier lane has. At this time, no
    /// program of a tenant has run in the lane, and the main process does not have the lane's socket.
    fn learn_cold_start(&mut self, template: &WarmTemplate, sync: &OwnedFd) {
        if self.cold_starts.len() < COLD_STARTS_MAX
            && self.cold_start(template).is_none()
            && let Some(cold) = lane::cold_start(sync, LANE_SETUP)
        {
            self.cold_starts.push((template.clone(), cold));
        }
    }

    fn retire(&mut self, number: u32) {
        if let Some(lane) = self.lanes.remove(&number) {
            end(&lane.pidfd);
            self.groups.remove_lane(number);
        }
    }
}

/// Checks that this host can create a process in all namespaces of a lane. If it cannot, the error names the wall that
/// is impossible on this host.
fn prove_namespaces(off: WallSet) -> Result<(), (SetupStep, io::Error)> {
    let attempt = |flags: u64| match fork_with(flags, None)? {
        Forked::Child => exit_now(0),
        Forked::Parent(_, pidfd) => {
            end(&pidfd);
            Ok(())
        }
    };
    let Err(error) = attempt(namespaces::of_lane(off)) else { return Ok(()) };
    Err(match host::missing_namespace(off, attempt, host::sysctl) {
        Some(lack) => (SetupStep::Clone, io::Error::other(lack.to_string())),
        None => (SetupStep::Clone, error),
    })
}

/// The first id of the lanes, which is valid as a user id and as a group id.
fn ids_of_lanes(wanted: u32, lanes_max: u32) -> Result<u32, (SetupStep, io::Error)> {
    let at = |error| (SetupStep::IdMap, error);
    let count = lanes_max.saturating_mul(2);
    let users = std::fs::read_to_string("/proc/self/uid_map").map_err(at)?;
    let groups = std::fs::read_to_string("/proc/self/gid_map").map_err(at)?;
    let base = ids::base(&users, wanted, count).and_then(|users| ids::base(&groups, users, count));
    let base = base.filter(|base| ids::base(&users, *base, count) == Some(*base));
    base.ok_or_else(|| {
        let lack = Lack {
            wall: Wall::UserNamespace,
            feature: "user and group ids for lanes",
            setting: format!("this user namespace has no range of {count} user and group ids"),
            remedy: "give the container or user a range of 65536 ids (/etc/subuid and /etc/subgid)".into(),
        };
        at(io::Error::other(lack.to_string()))
    })
}

/// Drops the privileges that are not needed to create lanes. Omits the steps of walls that are turned off for tests.
fn give_up(off: WallSet) -> Result<(), (SetupStep, io::Error)> {
    let at = |errno: rustix::io::Errno| (SetupStep::Capabilities, io::Error::from(errno));
    if !off.contains(Wall::NetNamespace) {
        sys::namespaces::unshare(libc::CLONE_NEWNET).map_err(|error| (SetupStep::Clone, error))?;
    }
    if !off.contains(Wall::NoNewPrivs) {
        rustix::thread::set_no_new_privs(true).map_err(at)?;
    }
    if !off.contains(Wall::UserNamespace) {
        rustix::thread::set_thread_groups(&[]).map_err(at)?;
        capabilities::keep_launchers().map_err(at)?;
    }
    Ok(())
}

/// Kills a lane's init, and thereby everything in its pid namespace, and waits until the init has ended.
fn end(pidfd: &OwnedFd) {
    let _ = pidfd_send_signal(pidfd, Signal::KILL);
    let _ = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED);
}
