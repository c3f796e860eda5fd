//! Performance event counters. Source: perf_event_open(2).

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use rustix::process::Pid;

/// `struct perf_event_attr` in its first version (`PERF_ATTR_SIZE_VER0`); the kernel assumes zero for later fields.
#[derive(Default)]
#[repr(C)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    breakpoint_address: u64,
}

/// Bits of [`Attributes::flags`].
const DISABLED: u64 = 1 << 0;
const INHERIT: u64 = 1 << 1;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
const ENABLE_ON_EXEC: u64 = 1 << 12;
/// `PERF_FORMAT_TOTAL_TIME_ENABLED`, `PERF_FORMAT_TOTAL_TIME_RUNNING`.
const TIMES: u64 = 0b11;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;

/// An event to count: `type` and `config`.
#[derive(Clone, Copy)]
pub(crate) struct Event(pub(crate) u32, pub(crate) u64);

/// `PERF_TYPE_HARDWARE`, `PERF_COUNT_HW_INSTRUCTIONS`.
pub(crate) const INSTRUCTIONS: Event = Event(0, 1);
/// `PERF_TYPE_SOFTWARE`, `PERF_COUNT_SW_PAGE_FAULTS`.
pub(crate) const PAGE_FAULTS: Event = Event(1, 2);
/// `PERF_TYPE_SOFTWARE`, `PERF_COUNT_SW_DUMMY`: never occurs.
pub(crate) const NOTHING: Event = Event(1, 9);

/// The processes that are counted, and the start of counting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// The process, from now on.
    Itself,
    /// The process from its next `exec` on, and all its descendants: a child of a counted process from its start, any
    /// other from its first `exec`.
    DescendantsFromExec,
}

/// Opens a counter of user-space events for a process; `None` is the calling process.
pub(crate) fn open(Event(kind, config): Event, pid: Option<Pid>, whom: Whom) -> io::Result<OwnedFd> {
    let from_when = match whom {
        Whom::Itself => 0,
        Whom::DescendantsFromExec => DISABLED | INHERIT | ENABLE_ON_EXEC,
    };
    let attributes = Attributes {
        kind,
        size: size_of::<Attributes>() as u32,
        config,
        read_format: TIMES,
        flags: from_when | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR,
        ..Attributes::default()
    };
    let pid = pid.map_or(0, |pid| pid.as_raw_nonzero().get());
    let (any_processor, no_group) = (-1, -1);
    // SAFETY: the `size` field is the size of the structure, and all of its bytes are initialised.
    let fd = super::check(unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            pid,
            any_processor,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        )
    })?;
    // SAFETY: the call returned a new descriptor, which nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// The value of a counter. It includes the events of descendants if the counter counts them (see [`Whom`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) events: u64,
    /// CPU time during which the counter was enabled, in nanoseconds.
    pub(crate) wanted_ns: u64,
    /// The part of `wanted_ns` during which events were actually counted.
    pub(crate) counted_ns: u64,
}

/// Reads a counter.
pub(crate) fn read(counter: impl AsFd) -> io::Result<Reading> {
    let mut bytes = [0; 24];
    let n = rustix::io::read(counter, &mut bytes)?;
    if n != bytes.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let (numbers, _) = bytes.as_chunks::<8>();
    let [events, wanted_ns, counted_ns] = [0, 1, 2].map(|at| u64::from_ne_bytes(numbers[at]));
    Ok(Reading { events, wanted_ns, counted_ns })
}
