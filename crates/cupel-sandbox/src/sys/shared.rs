//! One page shared between a lane's init, its zygote and its cells, in which a cell reports its progress without
//! messages. Every field is an atomic or an array of atomics, so no number can be read while it is partially written.

use std::io;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64};

use rustix::thread::futex;
use rustix::time::Timespec;

/// A cell's figures about its progress. Zero means "not reached".
#[derive(Default)]
#[repr(C)]
pub(crate) struct CellProgress {
    /// The setup step that failed ([`SetupStep`](crate::SetupStep) as a number), or 0.
    pub(crate) failed_step: AtomicU32,
    /// The errno of that failure.
    pub(crate) failed_errno: AtomicI32,
    /// Memory in bytes in use in the group when the program began; see `LaneGroup::begin_counting`.
    pub(crate) memory_base: AtomicU64,
    /// Base of the exact count, for `LaneGroup::exact_since`.
    pub(crate) exact_base: [AtomicU64; 2],
    /// CPU time of the group just before the program's process was created: total, user, system; in nanoseconds.
    pub(crate) cpu_base: [AtomicU64; 3],
    /// CPU time of the group after all of the program's processes have ended: total, user, system; 0 if the cell was
    /// killed before that.
    pub(crate) cpu_end: [AtomicU64; 3],
    /// Part of the difference between `cpu_end` and `cpu_base` that the sandbox used: the cell's init, and the code
    /// before `exec`; in nanoseconds.
    pub(crate) cpu_own: AtomicU64,
    /// Monotonic time just before `exec`, in nanoseconds; 0 if the program has not started.
    pub(crate) started: AtomicU64,
    /// Monotonic time when the main process ended, in nanoseconds; 0 if it has not ended.
    pub(crate) ended: AtomicU64,
    /// Wait status of the main process, as in wait(2).
    pub(crate) status: AtomicI32,
    /// Memory in bytes charged to the group after all of the program's processes have ended; 0 if the cell was killed
    /// before that.
    pub(crate) memory_end: AtomicU64,
    /// Number of page faults of the program's processes; 0 if unknown.
    pub(crate) faults: AtomicU64,
    /// Memory of the program's processes in bytes, counted page by page; 0 if unknown.
    pub(crate) exact: AtomicU64,
    /// 1 if all processes have been killed and all files collected.
    pub(crate) finished: AtomicU32,
    /// 1 if the program began as a copy of a warm interpreter.
    pub(crate) warm: AtomicU32,
    /// State of the copy of a warm interpreter ([`COPY_RUNS`] and the following); 0 if the copy has not decided yet.
    pub(crate) copy: AtomicU32,
    /// 1 if the files left in the box exceeded the collection limits.
    pub(crate) collect_overflow: AtomicU32,
}

/// The copy becomes the program.
const COPY_RUNS: u32 = 1;
/// The copy cannot become the program and waits for the memory of a cold start.
const COPY_ASKS: u32 = 2;
/// The copy has that memory and executes the interpreter.
const COPY_EXECUTES: u32 = 3;
/// Interval at which the cell's init checks whether the copy has ended without deciding.
const COPY_POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// A `MAP_SHARED` mapping that holds one [`CellProgress`].
pub(crate) struct SharedPage(NonNull<CellProgress>);

impl SharedPage {
    /// A new page, and the unnamed file that contains it. A process that gets the file can also map the page.
    pub(crate) fn new() -> io::Result<(SharedPage, OwnedFd)> {
        let file = rustix::fs::memfd_create("cupel-shared", rustix::fs::MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&file, size_of::<CellProgress>() as u64)?;
        Ok((SharedPage::in_file(&file)?, file))
    }

    /// Maps the page in a file made by [`SharedPage::new`].
    pub(crate) fn in_file(file: &OwnedFd) -> io::Result<SharedPage> {
        use rustix::mm::{MapFlags, ProtFlags, mmap};
        if rustix::fs::fstat(file)?.st_size < size_of::<CellProgress>() as i64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // SAFETY: a new mapping at an address chosen by the kernel replaces no other; the file is as long as the
        // mapping.
        let page = unsafe {
            mmap(
                std::ptr::null_mut(),
                size_of::<CellProgress>(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                0,
            )
        }?;
        NonNull::new(page.cast()).map(SharedPage).ok_or_else(|| io::Error::other("mmap returned null"))
    }
}

impl CellProgress {
    /// Records the [`SetupStep`](crate::SetupStep) that failed, and its errno. May be called between vfork and exec.
    pub(crate) fn fail(&self, step: crate::SetupStep, errno: i32) {
        self.failed_errno.store(errno, Relaxed);
        self.failed_step.store(step as u32, Relaxed);
    }

    /// Reports that the copy becomes the program. Called by the copy.
    pub(crate) fn copy_runs(&self) {
        self.copy.store(COPY_RUNS, Release);
        let _ = futex::wake(&self.copy, futex::Flags::empty(), 1);
    }

    /// Waits until the cell's init has raised the memory limit to that of a cold start. Called by the copy, which the
    /// kernel kills if the cell's init ends.
    pub(crate) fn copy_asks_for_memory(&self) {
        self.copy.store(COPY_ASKS, Release);
        let _ = futex::wake(&self.copy, futex::Flags::empty(), 1);
        while self.copy.load(Acquire) == COPY_ASKS {
            let _ = futex::wait(&self.copy, futex::Flags::empty(), COPY_ASKS, None);
        }
    }

    /// Waits until the copy has decided, or until `ended` returns true. Returns `true` if the copy waits for the memory
    /// of a cold start. Called by the cell's init.
    pub(crate) fn copy_wants_memory(&self, ended: impl Fn() -> bool) -> bool {
        while self.copy.load(Acquire) == 0 && !ended() {
            let _ = futex::wait(&self.copy, futex::Flags::empty(), 0, Some(&COPY_POLL_INTERVAL));
        }
        self.copy.load(Acquire) == COPY_ASKS
    }

    /// Lets the copy continue after [`CellProgress::copy_wants_memory`] returned true. Called by the cell's init.
    pub(crate) fn copy_has_memory(&self) {
        self.copy.store(COPY_EXECUTES, Release);
        let _ = futex::wake(&self.copy, futex::Flags::empty(), 1);
    }

    /// Clears all figures before a new cell.
    pub(crate) fn reset(&self) {
        for number in [&self.memory_base, &self.cpu_own, &self.started, &self.ended, &self.memory_end, &self.faults] {
            number.store(0, Relaxed);
        }
        self.exact.store(0, Relaxed);
        for number in self.cpu_base.iter().chain(&self.cpu_end).chain(&self.exact_base) {
            number.store(0, Relaxed);
        }
        for number in [&self.failed_step, &self.finished, &self.warm, &self.copy, &self.collect_overflow] {
            number.store(0, Relaxed);
        }
        self.failed_errno.store(0, Relaxed);
        self.status.store(0, Relaxed);
    }
}

impl SharedPage {
    /// Unmaps the page from this process, which is about to run a tenant's code and must not use the page again.
    pub(crate) fn forget(&self) {
        // SAFETY: the mapping was made by `in_file` with this length; this process is about to become a program and
        // never reads the page again.
        let _ = unsafe { rustix::mm::munmap(self.0.as_ptr().cast(), size_of::<CellProgress>()) };
    }
}

impl Deref for SharedPage {
    type Target = CellProgress;

    fn deref(&self) -> &CellProgress {
        // SAFETY: the page is mapped until the process ends or forgets it, and its file is never truncated. The mapping
        // is page-aligned, was zeroed by the kernel, and all-zero is a valid CellProgress. Other processes change it
        // only through atomics.
        unsafe { self.0.as_ref() }
    }
}
