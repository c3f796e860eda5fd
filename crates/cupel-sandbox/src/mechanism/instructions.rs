//! Counts the instructions that programs execute, a figure that does not depend on the machine's load.
//!
//! The launcher opens a counter on a lane's init before the init has forked anything; no run opens a counter. Every
//! process and thread that descends from the init inherits the counter. The kernel adds up the counts of all of them,
//! including those that have ended. The counter is disabled until a process executes a program. So the sandbox's init
//! processes and the code before `exec` are not counted. A program is counted from its first instruction, with its
//! threads, children and orphans. A cell's count is the difference of two readings. A warm program is a copy of a
//! zygote, which has executed a program before, so the warm program is counted from its fork.
//!
//! * A counter per control group is not used: it belongs to one processor, needs administrator privileges, and would
//!   also count the init processes.
//! * The init also has an *anchor*, a second counter, of an event that never occurs. No process inherits it. Without
//!   it, the kernel could swap the counters of the init and of a program: it does so at a context switch between two
//!   processes with the same set of counters, to save work. If the program then executed another program, the kernel
//!   would enable the counter that had been the init's, and from then on count every process that the init forks.
//!   Because of the anchor, no other process has the same set of counters as the init.
//! * The limit is enforced by polling. With an interrupt every N instructions, each task would have a separate budget
//!   until its first interrupt. The next poll happens when the limit could be reached at the earliest, computed with a
//!   rate that no processor exceeds, but not sooner than 200 us after the previous poll. The last reading, after the
//!   program's end, decides whether the limit was reached.
//! * If a process executes a file that it may not read, the kernel treats the process as privileged, and counts neither
//!   this process nor its descendants. The uncounted CPU time reveals this ([`Count::Evaded`]).
//!
//! Cost: about 6 us of CPU time per run (1 % of a run of `true`), and 12 us for each process that the program forks
//! (2 % of 550 us). Measured on the machine of bench/README.md, as the difference between runs with a counter of page
//! faults and runs without a counter.
//!
//! Sources: perf_event_open(2); in the kernel `perf_event_context_sched_out`, `inherit_event` and `perf_event_exec`
//! (kernel/events/core.c), `begin_new_exec` (fs/exec.c); Documentation/admin-guide/sysctl/kernel.rst,
//! "perf_event_paranoid".

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

    /// Upper bound on the events of one processor in a microsecond: ten instructions per cycle at 5 GHz; one page fault
    /// per 50 ns.
    fn per_us_max(self) -> u64 {
        match self {
            CountedEvent::Instructions => 50_000,
            CountedEvent::PageFaults => 20,
        }
    }
}

/// CPU time that may remain uncounted before a program is reported as [`Count::Evaded`], in addition to the share
/// [`UNCOUNTED_SHARE`]. This allowance covers the kernel's work at the start and the end of a process, and for
/// switching between processes.
const UNCOUNTED_MAX: Duration = Duration::from_millis(10);
/// Divisor: a quarter of the CPU time may be uncounted.
const UNCOUNTED_SHARE: u32 = 4;

/// Opens a lane's counter: the anchor and the counter itself.
pub(crate) fn open(counted: CountedEvent, lane: Pid) -> io::Result<[OwnedFd; 2]> {
    let anchor = perf::open(perf::NOTHING, Some(lane), Whom::Itself)?;
    let counter = perf::open(counted.event(), Some(lane), Whom::DescendantsFromExec)?;
    Ok([anchor, counter])
}

/// The reason why this machine cannot count these events; `None` if it can.
pub(crate) fn lack(counted: CountedEvent, sysctl: impl Fn(&str) -> Option<String>) -> Option<String> {
    let read = perf::open(counted.event(), None, Whom::Itself).and_then(|counter| perf::read(&counter));
    match read {
        Ok(Reading { events: 0, .. }) if counted == CountedEvent::Instructions => {
            Some("the instruction counter exists but counts nothing; enable a vPMU for the virtual machine".to_owned())
        }
        Ok(_) => None,
        Err(error) => Some(refused(&error, sysctl)),
    }
}

/// The reason why a counter cannot be opened, and the remedy.
fn refused(error: &io::Error, sysctl: impl Fn(&str) -> Option<String>) -> String {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP) => "this processor has no instruction counter that the \
             kernel supports; enable a vPMU for the virtual machine"
            .to_owned(),
        Some(libc::EACCES | libc::EPERM) => match sysctl("kernel/perf_event_paranoid") {
            Some(level) if level.parse::<i32>().is_ok_and(|level| level > 2) => format!(
                "the sysctl kernel.perf_event_paranoid is {level}; start Cupel as root, or set sysctl \
                 kernel.perf_event_paranoid=2"
            ),
            _ => "perf_event_open is refused; in a container, use a seccomp profile that permits it".to_owned(),
        },
        Some(libc::ENOSYS) => "this kernel was built without CONFIG_PERF_EVENTS".to_owned(),
        _ => format!("the kernel returned: {error}"),
    }
}

/// A lane's counter, used by the lane's init.
pub(crate) struct LaneCounter {
    counted: CountedEvent,
    counter: OwnedFd,
    /// Kept open, because closing it removes the anchor.
    _anchor: OwnedFd,
    base: Reading,
}

/// The result of counting a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// The complete count.
    Whole(u64),
    /// The count is incomplete because other users of the processor's counters needed them at the same time, or the
    /// counter cannot be read.
    Shared,
    /// Programs ran without being counted.
    Evaded,
}

impl LaneCounter {
    pub(crate) fn new(counted: CountedEvent, [anchor, counter]: [OwnedFd; 2]) -> LaneCounter {
        LaneCounter { counted, counter, _anchor: anchor, base: Reading::default() }
    }

    /// Stores the reading before a program begins.
    pub(crate) fn begin(&mut self) {
        // The error may be ignored: if the counter cannot be read now, `count` cannot read it either.
        self.base = perf::read(&self.counter).unwrap_or_default();
    }

    /// The count since [`LaneCounter::begin`].
    pub(crate) fn so_far(&self) -> u64 {
        perf::read(&self.counter).map_or(0, |now| now.events.saturating_sub(self.base.events))
    }

    /// Minimum time in which `processors` could count `left` more events.
    pub(crate) fn soonest(&self, left: u64, processors: u32) -> Duration {
        Duration::from_micros(left / self.counted.per_us_max()) / processors
    }

    /// The final count since [`LaneCounter::begin`]. `cpu` is the CPU time that the cell's processes used.
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
    fn a_count_without_gaps_is_whole() {
        check([77, 100, 100], 101, Count::Whole(77));
        check([77, 100, 100], 90, Count::Whole(77));
        // A program of many short processes.
        check([77, 800, 800], 1000, Count::Whole(77));
    }

    #[test]
    fn a_count_with_gaps_is_shared() {
        check([77, 100, 99], 101, Count::Shared);
    }

    #[test]
    fn cpu_time_that_the_counter_missed_is_evasion() {
        check([77, 0, 0], 20, Count::Evaded);
        check([77, 100, 99], 200, Count::Evaded);
    }

    #[test]
    fn each_refusal_of_a_counter_names_the_cause_or_the_remedy() {
        let refused_with = |errno, paranoid: &str| {
            refused(&io::Error::from_raw_os_error(errno), |name| {
                (name == "kernel/perf_event_paranoid").then(|| paranoid.to_owned())
            })
        };
        for (errno, paranoid, part) in [
            (libc::ENOENT, "2", "vPMU"),
            (libc::EOPNOTSUPP, "2", "vPMU"),
            (libc::EACCES, "3", "kernel.perf_event_paranoid is 3"),
            (libc::EPERM, "4", "kernel.perf_event_paranoid=2"),
            (libc::EPERM, "2", "seccomp profile"),
            (libc::ENOSYS, "2", "CONFIG_PERF_EVENTS"),
            (libc::EMFILE, "2", "Too many open files"),
        ] {
            let reason = refused_with(errno, paranoid);
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn page_faults_can_be_counted_on_every_machine() {
        assert_eq!(lack(CountedEvent::PageFaults, crate::mechanism::host::sysctl), None);
    }
}
