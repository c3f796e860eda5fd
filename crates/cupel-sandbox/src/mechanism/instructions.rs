//! Counting the instructions that programs execute: a figure that does not change with the machine's load.
//!
//! The launcher opens a counter on a lane's init before that has forked anything; for a run nothing is opened. The kernel hands
//! it down to every process and thread that descends from the init, and adds up what all of them have counted, those that
//! are gone included. It is off until a process executes a program: neither our inits nor the way to `exec` are counted, and
//! a program is from its first instruction on, with its threads, children and orphans. What a cell used is the difference of
//! two readings. A warm program is a copy of a zygote, which has executed one: it is counted from its fork on.
//!
//! * Not by control group: such a counter is a processor's, for administrators alone, and would count our inits, too.
//! * Beside it lies an *anchor*, an event that never happens and is not handed down. Two processes whose counters are all
//!   alike may be given each other's at a switch between them, which saves the kernel work; it is switched on where it then
//!   lies, and what is forked from the lane's init after that would be counted as the program was. The anchor makes the
//!   init's unlike all others.
//! * The limit is enforced by looking, and not by an interrupt every so many instructions: each task would have a share of
//!   its own until its first. The next look is when the limit could first be reached at more instructions a second than a
//!   processor can execute; whether it was is decided by the last reading, which is exact.
//! * A process that executes a file which it may not read is not counted from there on: the kernel takes it for one that
//!   has privileges. Nor is what it forks. Its processor time tells ([`Count::Evaded`]).
//!
//! It costs a run some 6 us of processor time, 1 % of that of `true`, and each process that it forks 12 us (2 % of 550); measured with
//! page faults, beside the same without a counter, on the machine of bench/README.md.
//!
//! Sources: perf_event_open(2); in the kernel `perf_event_context_sched_out`, `inherit_event` and `perf_event_exec`
//! (kernel/events/core.c), `begin_new_exec` (fs/exec.c); Documentation/admin-guide/sysctl/kernel.rst, "perf_event_paranoid".

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::Pid;

use crate::CountedEvent;
use crate::sys::perf::{self, Event, Reading, Whom};

impl CountedEvent {
    fn event(self) -> Event {
        match self {
            CountedEvent::Instructions => perf::INSTRUCTIONS,
            CountedEvent::PageFaults => perf::PAGE_FAULTS,
        }
    }

    /// More than one processor has in a microsecond: ten instructions a cycle at 5 GHz; a page fault in 50 ns.
    fn per_us_max(self) -> u64 {
        match self {
            CountedEvent::Instructions => 50_000,
            CountedEvent::PageFaults => 20,
        }
    }
}

/// Processor time that need not have been counted, beside [`UNCOUNTED_SHARE`] of all of it: the kernel's own work at the
/// beginning and at the end of a process, and switching between processes.
const UNCOUNTED_MAX: Duration = Duration::from_millis(10);
/// One part in so many.
const UNCOUNTED_SHARE: u32 = 4;

/// A lane's counter, as it is handed over: the anchor and the counter itself.
pub(crate) fn open(counted: CountedEvent, lane: Pid) -> io::Result<[OwnedFd; 2]> {
    let anchor = perf::open(perf::NOTHING, Some(lane), Whom::Itself)?;
    let counter = perf::open(counted.event(), Some(lane), Whom::DescendantsFromExec)?;
    Ok([anchor, counter])
}

/// Why nothing can be counted here; `None`: it can.
pub(crate) fn lack(counted: CountedEvent, sysctl: impl Fn(&str) -> Option<String>) -> Option<String> {
    let read = perf::open(counted.event(), None, Whom::Itself).and_then(|counter| perf::read(&counter));
    match read {
        Ok(Reading { events: 0, .. }) if counted == CountedEvent::Instructions => {
            Some("the counter is there and counts nothing; let the virtual machine have a real one (vPMU)".to_owned())
        }
        Ok(_) => None,
        Err(error) => Some(refused(&error, sysctl)),
    }
}

/// Why there is no counter, and what would help.
fn refused(error: &io::Error, sysctl: impl Fn(&str) -> Option<String>) -> String {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP) => {
            "this processor has no counter of instructions that the \
             kernel knows; let the virtual machine have one (vPMU)"
                .to_owned()
        }
        Some(libc::EACCES | libc::EPERM) => match sysctl("kernel/perf_event_paranoid") {
            Some(level) if level.parse::<i32>().is_ok_and(|level| level > 2) => format!(
                "the sysctl kernel.perf_event_paranoid is {level}; start Cupel as root, or sysctl \
                 kernel.perf_event_paranoid=2"
            ),
            _ => "perf_event_open is refused; in a container, let its seccomp profile permit it".to_owned(),
        },
        Some(libc::ENOSYS) => "this kernel was built without CONFIG_PERF_EVENTS".to_owned(),
        _ => format!("the kernel answered: {error}"),
    }
}

/// A lane's counter, as its init uses it.
pub(crate) struct LaneCounter {
    counted: CountedEvent,
    counter: OwnedFd,
    /// Closed, it would be an anchor no more.
    _anchor: OwnedFd,
    base: Reading,
}

/// What was counted of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// All that was executed.
    Whole(u64),
    /// Somebody else used the processor's counters, too, and they were too few; or the counter cannot be read.
    Shared,
    /// Programs ran that were not counted.
    Evaded,
}

impl LaneCounter {
    pub(crate) fn new(counted: CountedEvent, [anchor, counter]: [OwnedFd; 2]) -> LaneCounter {
        LaneCounter { counted, counter, _anchor: anchor, base: Reading::default() }
    }

    /// Before a program begins.
    pub(crate) fn begin(&mut self) {
        // What cannot be read now cannot at the end.
        self.base = perf::read(&self.counter).unwrap_or_default();
    }

    /// What has been counted since.
    pub(crate) fn so_far(&self) -> u64 {
        perf::read(&self.counter).map_or(0, |now| now.events.saturating_sub(self.base.events))
    }

    /// How long `processors` cannot have come to `left` more.
    pub(crate) fn soonest(&self, left: u64, processors: u32) -> Duration {
        Duration::from_micros(left / self.counted.per_us_max()) / processors
    }

    /// What was counted since, once all is over; the cell's processes used `cpu` of processor time.
    pub(crate) fn count(&self, cpu: Duration) -> Count {
        perf::read(&self.counter).map_or(Count::Shared, |now| judge(self.base, now, cpu))
    }
}

fn judge(base: Reading, now: Reading, cpu: Duration) -> Count {
    let [wanted, counted] = [(now.wanted_ns, base.wanted_ns), (now.counted_ns, base.counted_ns)]
        .map(|(now, base)| Duration::from_nanos(now.saturating_sub(base)));
    if cpu.saturating_sub(wanted) > UNCOUNTED_MAX + cpu / UNCOUNTED_SHARE {
        Count::Evaded
    } else if wanted != counted {
        Count::Shared
    } else {
        Count::Whole(now.events.saturating_sub(base.events))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: [u64; 3], cpu_ms: u64, expected: Count) {
        let ms = 1_000_000;
        let base = Reading { events: 1000, wanted_ns: 5 * ms, counted_ns: 4 * ms };
        let now = Reading {
            events: base.events + now[0],
            wanted_ns: base.wanted_ns + now[1] * ms,
            counted_ns: base.counted_ns + now[2] * ms,
        };
        assert_eq!(judge(base, now, Duration::from_millis(cpu_ms)), expected, "{now:?} {cpu_ms}");
    }

    #[test]
    fn what_was_counted_all_the_time_is_a_figure() {
        check([77, 100, 100], 101, Count::Whole(77));
        check([77, 100, 100], 90, Count::Whole(77));
        // A program of many short processes.
        check([77, 800, 800], 1000, Count::Whole(77));
    }

    #[test]
    fn what_was_counted_a_part_of_the_time_is_none() {
        check([77, 100, 99], 101, Count::Shared);
    }

    #[test]
    fn processor_time_of_which_the_counter_knows_nothing_gives_evasion_away() {
        check([77, 0, 0], 20, Count::Evaded);
        check([77, 100, 99], 200, Count::Evaded);
    }

    #[test]
    fn who_cannot_count_is_told_why_and_what_would_help() {
        let refused_with = |errno, paranoid: &str| {
            refused(&io::Error::from_raw_os_error(errno), |name| {
                (name == "kernel/perf_event_paranoid").then(|| paranoid.to_owned())
            })
        };
        for (errno, paranoid, told) in [
            (libc::ENOENT, "2", "vPMU"),
            (libc::EOPNOTSUPP, "2", "vPMU"),
            (libc::EACCES, "3", "kernel.perf_event_paranoid is 3"),
            (libc::EPERM, "4", "kernel.perf_event_paranoid=2"),
            (libc::EPERM, "2", "seccomp profile"),
            (libc::ENOSYS, "2", "CONFIG_PERF_EVENTS"),
            (libc::EMFILE, "2", "Too many open files"),
        ] {
            let reason = refused_with(errno, paranoid);
            assert!(reason.contains(told), "{reason}");
        }
    }

    #[test]
    fn the_kernels_own_events_are_counted_everywhere() {
        assert_eq!(lack(CountedEvent::PageFaults, crate::mechanism::host::sysctl), None);
    }
}
