//! Supervises a running cell (time limits, control group, messages of the slot), and computes the cell's figures at the
//! end.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use cupel_types::Limits;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};

use super::runnable::is_anything_runnable;
use super::{Cell, Lane, now_ns, own_cpu_ns};
use crate::Wall;
use crate::mechanism::cgroup::{Counted, CpuTimes, ExactBase, Known, OomKill};
use crate::mechanism::instructions::Count;
use crate::step::SetupStep;
use crate::wire::{self, CellDone, CellRequest, CellSignal, KillReason, LimitHit, ToLane};

/// The events that ended a wait. `left`: the cell's init closed its socket. `spoken_to`: the slot sent a message.
struct Woken {
    left: bool,
    ended: bool,
    spoken_to: bool,
    oom: bool,
}

/// Why the cell was killed.
enum Killed {
    ForLimit(LimitHit),
    /// The OOM killer killed one of its processes, but not because of the cell's own limit. The run is not valid.
    AfterForeignOom,
}

impl Lane {
    /// Supervises the running cell until it has no processes left, or only an init that has finished. Returns the limit
    /// for which the cell was killed, if any.
    pub(super) fn supervise(&mut self, request: &CellRequest, cell: &Cell, socket: &OwnedFd) -> Option<LimitHit> {
        let begun = now_ns();
        let own_cpu = own_cpu_ns();
        let mut killed = None;
        let mut oom_checks_end = 0;
        let mut requests_open = true;
        let mut progress = Progress { cpu: 0, at: begun, may_wait: request.live };
        let kill = |why: Killed, killed: &mut Option<Killed>| {
            if killed.is_none() {
                *killed = Some(why);
                if !self.group.kill_cell() {
                    let _ = pidfd_send_signal(&cell.pidfd, Signal::KILL);
                }
            }
        };
        loop {
            let wait = match killed {
                Some(_) => Duration::from_millis(500),
                None => match self.next_check(request, &mut progress, begun, own_cpu) {
                    Ok(wait) if now_ns() < oom_checks_end => wait.min(OOM_CHECK),
                    Ok(wait) => wait,
                    Err(hit) => {
                        kill(Killed::ForLimit(hit), &mut killed);
                        continue;
                    }
                },
            };
            let Woken { left, ended, spoken_to, oom } = self.wait_for_something(cell, requests_open, socket, wait);
            // A finished init closes its end of the socket. If the init was killed, wait for its end instead.
            if ended || (left && self.shared.finished.load(Relaxed) != 0) {
                return match killed {
                    Some(Killed::ForLimit(hit)) => Some(hit),
                    Some(Killed::AfterForeignOom) | None => None,
                };
            }
            requests_open &= !left;
            if oom {
                self.group.discard_oom_event();
                oom_checks_end = now_ns() + OOM_KILL_MAX;
            }
            if now_ns() < oom_checks_end {
                match self.group.oom_kill() {
                    Some(OomKill::OwnLimit) => kill(Killed::ForLimit(LimitHit::Memory), &mut killed),
                    Some(OomKill::Foreign) => kill(Killed::AfterForeignOom, &mut killed),
                    None => {}
                }
            }
            if spoken_to {
                match wire::receive::<ToLane>(socket.as_fd(), &mut self.buffer) {
                    Ok(Some((ToLane::Kill(KillReason::OutputLimit), _))) => {
                        kill(Killed::ForLimit(LimitHit::Output), &mut killed);
                    }
                    Ok(Some((ToLane::Kill(KillReason::Cancelled), _))) => {
                        kill(Killed::ForLimit(LimitHit::Cancelled), &mut killed);
                    }
                    Ok(Some((ToLane::Signal(signal), _))) => {
                        // Dropped if the cell's init has hundreds of signals left to read, or has ended.
                        if request.live && requests_open {
                            let _ = wire::send_now(cell.requests.as_fd(), &CellSignal(signal));
                        }
                    }
                    Ok(Some((ToLane::InputEnded, _))) => {
                        progress = Progress { at: now_ns(), may_wait: false, ..progress };
                    }
                    // The slot has closed its socket or violated the protocol, so the result is not needed.
                    Ok(Some((ToLane::Run(_), _))) | Ok(None) | Err(_) => {
                        self.shutting_down = true;
                        kill(Killed::ForLimit(LimitHit::Cancelled), &mut killed);
                    }
                }
            }
        }
    }

    fn wait_for_something(&self, cell: &Cell, requests_open: bool, socket: &OwnedFd, wait: Duration) -> Woken {
        let oom = self.group.oom_event();
        let (oom_fd, oom_flags) = oom.unwrap_or((cell.pidfd.as_fd(), PollFlags::empty()));
        // A closed socket would wake every poll, even with no events requested, so poll the pidfd in its place.
        let requests = if requests_open { &cell.requests } else { &cell.pidfd };
        let socket_flags = if self.shutting_down { PollFlags::empty() } else { PollFlags::IN };
        let mut polled = [
            PollFd::new(requests, PollFlags::empty()),
            PollFd::new(&cell.pidfd, PollFlags::IN),
            PollFd::new(socket, socket_flags),
            PollFd::from_borrowed_fd(oom_fd, oom_flags),
        ];
        let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let _ = poll(&mut polled, Some(&timeout));
        let [left, ended, spoken_to, happened] = polled.map(|p| !p.revents().is_empty());
        Woken {
            left: requests_open && left,
            ended,
            spoken_to: spoken_to && !self.shutting_down,
            oom: oom.is_some() && happened,
        }
    }

    /// Returns the time during which no limit can be exceeded, or the limit that has been reached.
    fn next_check(
        &self,
        request: &CellRequest,
        progress: &mut Progress,
        begun: u64,
        own_cpu_at_begin: u64,
    ) -> Result<Duration, LimitHit> {
        let limits = &request.limits;
        let now = now_ns();
        let started = self.shared.started.load(Relaxed);
        if self.shared.ended.load(Relaxed) != 0 {
            // The program has ended, and the cell's init kills the remaining processes. The program is not charged for
            // that time.
            return Ok(Duration::from_millis(500));
        }
        if started == 0 {
            // The program is not charged for the setup. If the setup hangs, that is a failure of the sandbox.
            return if now - begun > SETUP_MAX { Err(LimitHit::Wall) } else { Ok(Duration::from_millis(20)) };
        }
        let left_of_instructions = self.left_of_instructions(request).ok_or(LimitHit::Instructions)?;
        let wall = Duration::from_nanos(now.saturating_sub(started));
        let left_of_wall = self.left(Wall::WallClockLimit, limits.wall_time, wall).ok_or(LimitHit::Wall)?;
        // If this process is in the same group, the group also counts the CPU time of this supervision. Subtract it.
        let own_cpu = if self.group.counts_the_lane() { own_cpu_ns().saturating_sub(own_cpu_at_begin) } else { 0 };
        let overhead = own_cpu + self.shared.cpu_own.load(Relaxed);
        let cpu = self.group.cpu_ns().saturating_sub(self.shared.cpu_base[0].load(Relaxed)).saturating_sub(overhead);
        let left_of_cpu = limits.cpu_time.checked_sub(Duration::from_nanos(cpu)).ok_or(LimitHit::Cpu)?;
        if cpu > progress.cpu + IDLE_CPU {
            *progress = Progress { cpu, at: now, ..*progress };
        }
        let idle = Duration::from_nanos(now.saturating_sub(progress.at.max(started)));
        let left_of_idle = match progress.may_wait {
            true => Duration::MAX,
            false => match self.left(Wall::IdleLimit, limits.idle_time, idle) {
                Some(left) => left,
                // The program got no processor, or the whole machine was paused.
                None if is_anything_runnable() => {
                    progress.at = now;
                    limits.idle_time
                }
                None => return Err(LimitHit::Idle),
            },
        };
        // On one processor, CPU time cannot advance faster than wall-clock time; an unpinned lane may use all
        // processors.
        let soonest = left_of_wall
            .min(left_of_cpu / self.cpus)
            .min(left_of_idle)
            .min(left_of_instructions)
            .min(next_look_for_idleness(left_of_idle, left_of_wall, limits.idle_time));
        Ok(soonest.clamp(Duration::from_micros(200), Duration::from_secs(1)))
    }

    /// The part of a limit that is left; at least the whole limit if its wall is turned off for tests. `None` if the
    /// limit is exceeded.
    fn left(&self, wall: Wall, limit: Duration, used: Duration) -> Option<Duration> {
        if self.walls_off.contains(wall) { Some(limit.max(Duration::from_secs(1))) } else { limit.checked_sub(used) }
    }

    /// Time during which the instruction limit cannot be reached; `None` if the cell has exceeded it.
    fn left_of_instructions(&self, request: &CellRequest) -> Option<Duration> {
        let (Some(limit), Some(counter)) = (request.limits.instructions, &self.counter) else {
            return Some(Duration::MAX);
        };
        let left = limit.get().checked_sub(counter.so_far() + self.not_counted_warm())?;
        Some(counter.soonest(left, self.cpus))
    }

    /// Instructions that a cold start of the interpreter would have executed in addition; zero if the program was
    /// started cold.
    fn not_counted_warm(&self) -> u64 {
        if self.shared.warm.load(Relaxed) != 0 { self.warm_instructions } else { 0 }
    }

    /// CPU time of the group from the beginning of the program to the end that the cell's init recorded. If the init
    /// was killed before it recorded the end, the CPU time up to now.
    fn cpu_since_the_beginning(&self) -> CpuTimes {
        let shared = &*self.shared;
        if shared.started.load(Relaxed) == 0 {
            return CpuTimes::default();
        }
        let times = |of: &[std::sync::atomic::AtomicU64; 3]| of.each_ref().map(|time| time.load(Relaxed));
        let [total, user, system] = times(&shared.cpu_base);
        let end = match times(&shared.cpu_end) {
            [0, ..] => self.group.cpu_total(),
            [total, user, system] => CpuTimes { total, user, system },
        };
        CpuTimes {
            total: end.total.saturating_sub(total),
            user: end.user.saturating_sub(user),
            system: end.system.saturating_sub(system),
        }
    }

    /// The program's memory, without the memory that a warm start saved. `counted_files` is the part of its input files
    /// that counts as its memory, in bytes.
    fn memory_used(&self, counted: Counted, counted_files: u64) -> u64 {
        let shared = &*self.shared;
        if shared.started.load(Relaxed) == 0 {
            return 0;
        }
        let base = shared.memory_base.load(Relaxed);
        let given_back = match shared.memory_end.load(Relaxed) {
            0 => 0,
            end => base.saturating_sub(end).saturating_sub(counted.files_given_back).saturating_sub(counted_files),
        };
        // A program that exceeded its memory limit has used all of the limit, so the faults do not matter.
        let exceeded_memory = counted.oom_kill == Some(OomKill::OwnLimit);
        let faults = if exceeded_memory { 0 } else { shared.faults.load(Relaxed) };
        // If the cell was killed, its init did not count the pages.
        let exact = match shared.exact.load(Relaxed) {
            _ if exceeded_memory => 0,
            0 => self.group.exact_since(ExactBase::noted(&shared.exact_base)),
            exact => exact,
        };
        let known = Known { charged: counted.memory_peak.saturating_sub(base), given_back, faults, exact };
        let used = match shared.warm.load(Relaxed) {
            0 => known.used(),
            _ => known.used_by_a_copy(self.warm_nothing),
        };
        used.saturating_add(counted_files)
    }

    pub(super) fn conclude(
        &self,
        request: &CellRequest,
        killed_for: Option<LimitHit>,
        own_cpu: u64,
        counted: Counted,
    ) -> CellDone {
        let shared = &*self.shared;
        let started = shared.started.load(Relaxed);
        let ended = match shared.ended.load(Relaxed) {
            0 => now_ns(),
            at => at,
        };
        let cpu = self.cpu_since_the_beginning();
        let is_warm = shared.warm.load(Relaxed) != 0;
        let used = self.memory_used(counted, request.counted_files.get()) + if is_warm { self.warm_memory } else { 0 };
        // The limit is enforced exactly, but the figure is partly an estimate, so it is capped at the limit.
        let most = match self.walls_off.contains(Wall::MemoryLimit) {
            true => u64::MAX,
            false => request.limits.memory.max(Limits::MEMORY_MIN).get(),
        };
        let overhead = shared.cpu_own.load(Relaxed) + if self.group.counts_the_lane() { own_cpu } else { 0 };
        let mut done = CellDone {
            failed_step: shared.failed_step.load(Relaxed),
            failed_errno: shared.failed_errno.load(Relaxed),
            limit: 0,
            status: shared.status.load(Relaxed),
            status_known: shared.ended.load(Relaxed) != 0,
            cpu_ns: cpu.total.saturating_sub(overhead),
            cpu_user_ns: cpu.user,
            cpu_system_ns: cpu.system,
            wall_ns: if started == 0 { 0 } else { ended.saturating_sub(started) },
            ended_ns: ended,
            memory_peak: used.min(most),
            instructions: None,
            collect_overflow: shared.collect_overflow.load(Relaxed) != 0,
            warm: is_warm,
        };
        (done.cpu_user_ns, done.cpu_system_ns) = split(done.cpu_ns, done.cpu_user_ns, done.cpu_system_ns);
        if started == 0 && done.failed_step == 0 {
            done.failed_step = SetupStep::Unknown as u32;
            done.failed_errno = libc::ETIMEDOUT;
        }
        let count = self.counter.as_ref().map(|counter| counter.count(Duration::from_nanos(done.cpu_ns)));
        if let Some(Count::Whole(instructions)) = count
            && started != 0
        {
            done.instructions = Some(instructions + self.not_counted_warm());
        }
        let too_many = request.limits.instructions.is_some_and(|limit| {
            count == Some(Count::Evaded) || done.instructions.is_some_and(|used| used > limit.get())
        });
        let over = |used: u64, limit: Duration| Duration::from_nanos(used) > limit;
        let hit = if counted.oom_kill == Some(OomKill::OwnLimit) {
            Some(LimitHit::Memory)
        } else if let Some(why) = killed_for {
            Some(why)
        } else if too_many {
            Some(LimitHit::Instructions)
        } else if over(done.cpu_ns, request.limits.cpu_time) {
            Some(LimitHit::Cpu)
        } else if over(done.wall_ns, request.limits.wall_time) && !self.walls_off.contains(Wall::WallClockLimit) {
            Some(LimitHit::Wall)
        } else {
            None
        };
        done.limit = hit.map_or(0, |h| h as u32);
        if hit.is_none()
            && done.failed_step == 0
            && request.limits.instructions.is_some()
            && done.instructions.is_none()
        {
            // It is unknown whether the program exceeded its instruction limit.
            done.failed_step = SetupStep::Count as u32;
            done.failed_errno = libc::EBUSY;
        }
        if hit.is_none() && done.failed_step == 0 && counted.oom_kill == Some(OomKill::Foreign) {
            // The kernel killed a process of the program, but not because of the program's own limit.
            done.failed_step = SetupStep::ForeignOom as u32;
            done.failed_errno = libc::ENOMEM;
        }
        if hit.is_none() && done.failed_step == 0 && shared.finished.load(Relaxed) == 0 {
            // The cell's init ended without a report, and no limit explains that.
            done.failed_step = SetupStep::Unknown as u32;
            done.failed_errno = libc::ECHILD;
        }
        done
    }
}

/// User and system time that add up to the exact total. Version 1 counts both in ticks, so only their ratio is used.
fn split(total: u64, user: u64, system: u64) -> (u64, u64) {
    let user = match user.saturating_add(system) {
        0 => total,
        ticks => u64::try_from(u128::from(total) * u128::from(user) / u128::from(ticks)).unwrap_or(total),
    };
    (user, total - user)
}

/// Time until the next check whether CPU time has advanced. The time of the last progress, and so the time at which the
/// idle limit is reached, is known only with the precision of this interval. If the wall-clock limit ends first, no
/// check is needed.
fn next_look_for_idleness(left_of_idle: Duration, left_of_wall: Duration, idle_time: Duration) -> Duration {
    if left_of_wall <= left_of_idle { Duration::MAX } else { IDLE_LOOK.min(idle_time / 8) }
}

/// The last observed progress of CPU time, and the time of the observation.
struct Progress {
    cpu: u64,
    at: u64,
    /// Whether the program may wait for live input, so that it is never idle.
    may_wait: bool,
}

/// Maximum CPU time, in nanoseconds, by which an idle program may advance. So a program that only wakes up for a
/// periodic timer is idle.
const IDLE_CPU: u64 = 1_000_000;
/// Maximum time between two checks while the idle limit may be reached first. A check costs about 10 us, and an overrun
/// must be below 20 ms.
const IDLE_LOOK: Duration = Duration::from_millis(15);
/// Maximum time for the setup of a cell, in nanoseconds.
const SETUP_MAX: u64 = 20_000_000_000;

/// Version 1 signals an OOM event before it kills a process, and also to all groups below the one that has no memory
/// left. So the lane checks for this time, in ns, at this interval, whether a process of its cell was killed.
const OOM_KILL_MAX: u64 = 1_000_000_000;
const OOM_CHECK: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idleness_is_checked_often_only_if_the_idle_limit_may_be_reached_first() {
        let [second, minute] = [1, 60].map(Duration::from_secs);
        // The interval does not grow with the limit.
        for idle_time in [second, 30 * second, 60 * minute] {
            assert_eq!(next_look_for_idleness(idle_time, 2 * idle_time, idle_time), IDLE_LOOK);
        }
        assert_eq!(next_look_for_idleness(second / 100, second, second / 100), second / 800);
        for (left_of_idle, left_of_wall) in [(second, second), (minute, second), (Duration::MAX, minute)] {
            assert_eq!(next_look_for_idleness(left_of_idle, left_of_wall, minute), Duration::MAX);
        }
    }
}
