//! One page shared between a lane's init, its zygote and its cells: how a cell says what became of it
//! without a message. Every field is an atomic, so a torn or half-written value cannot be read.

use std::io;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64};

use rustix::thread::futex;
use rustix::time::Timespec;

/// What a cell notes down, in order. Zero means "not reached".
#[derive(Default)]
#[repr(C)]
pub(crate) struct CellNotes {
    /// The setup step that failed ([`SetupStep`](crate::SetupStep) as a number), or 0.
    pub(crate) failed_step: AtomicU32,
    /// The errno it failed with.
    pub(crate) failed_errno: AtomicI32,
    /// Memory charged to the group when the box was empty, bytes.
    pub(crate) memory_base: AtomicU64,
    /// CPU time of the group just before the program's process was made: total, user, system; ns.
    pub(crate) cpu_base: [AtomicU64; 3],
    /// The same once every process of the program's was gone; 0: the cell was ended before that.
    pub(crate) cpu_end: [AtomicU64; 3],
    /// What of the difference was ours: the cell's init's, and the way to `exec`; ns.
    pub(crate) cpu_own: AtomicU64,
    /// Monotonic time just before `exec`, ns; 0: the program has not started.
    pub(crate) started: AtomicU64,
    /// Monotonic time when the main process ended, ns; 0: it has not.
    pub(crate) ended: AtomicU64,
    /// Its wait status as in wait(2).
    pub(crate) status: AtomicI32,
    /// Memory charged to the group once every process of the program's was gone, bytes; 0: the cell was ended before that.
    pub(crate) memory_end: AtomicU64,
    /// How often a page was missing in the program's processes; 0: nobody knows.
    pub(crate) faults: AtomicU64,
    /// 1 when everything has been swept and collected.
    pub(crate) finished: AtomicU32,
    /// 1 when the program began as a copy of a warm interpreter.
    pub(crate) warm: AtomicU32,
    /// What a copy of a warm interpreter has found out about its program ([`COPY_RUNS`] and what follows); 0: nothing yet.
    pub(crate) copy: AtomicU32,
    /// 1 when the files left were more or larger than may be collected.
    pub(crate) collect_overflow: AtomicU32,
}

/// The copy becomes the program.
const COPY_RUNS: u32 = 1;
/// It cannot, and waits until the cell's init has given it the memory of a cold start.
const COPY_ASKS: u32 = 2;
/// It has that memory, and executes the interpreter.
const COPY_EXECUTES: u32 = 3;
/// How often a cell's init looks whether the copy has ended without a word.
const COPY_LOOK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// A `MAP_SHARED` mapping that holds one [`CellNotes`].
pub(crate) struct SharedNotes(NonNull<CellNotes>);

impl SharedNotes {
    /// A new page, in a file without a name: whoever gets that can map it, too.
    pub(crate) fn new() -> io::Result<(SharedNotes, OwnedFd)> {
        let file = rustix::fs::memfd_create("cupel-notes", rustix::fs::MemfdFlags::CLOEXEC)?;
        rustix::fs::ftruncate(&file, size_of::<CellNotes>() as u64)?;
        Ok((SharedNotes::in_file(&file)?, file))
    }

    /// The page in the file of [`SharedNotes::new`].
    pub(crate) fn in_file(file: &OwnedFd) -> io::Result<SharedNotes> {
        use rustix::mm::{MapFlags, ProtFlags, mmap};
        if rustix::fs::fstat(file)?.st_size < size_of::<CellNotes>() as i64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // SAFETY: a new mapping at an address the kernel chooses disturbs nothing; the file is as long as it.
        let page = unsafe {
            mmap(
                std::ptr::null_mut(),
                size_of::<CellNotes>(),
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                0,
            )
        }?;
        NonNull::new(page.cast()).map(SharedNotes).ok_or_else(|| io::Error::other("mmap returned null"))
    }
}

impl CellNotes {
    /// Notes what kept the program from beginning: the [`SetupStep`](crate::SetupStep), and why. Callable between vfork and
    /// exec.
    pub(crate) fn fail(&self, step: crate::SetupStep, errno: i32) {
        self.failed_errno.store(errno, Relaxed);
        self.failed_step.store(step as u32, Relaxed);
    }

    /// The copy becomes the program. For the copy.
    pub(crate) fn copy_runs(&self) {
        self.copy.store(COPY_RUNS, Release);
        let _ = futex::wake(&self.copy, futex::Flags::empty(), 1);
    }

    /// Waits for the memory of a cold start. For the copy. If the cell's init ends, so does this process.
    pub(crate) fn copy_asks_for_memory(&self) {
        self.copy.store(COPY_ASKS, Release);
        let _ = futex::wake(&self.copy, futex::Flags::empty(), 1);
        while self.copy.load(Acquire) == COPY_ASKS {
            let _ = futex::wait(&self.copy, futex::Flags::empty(), COPY_ASKS, None);
        }
    }

    /// Waits until the copy knows whether it becomes the program, or has `ended`. `true`: it waits for the memory of a cold start. For the
    /// cell's init.
    pub(crate) fn copy_wants_memory(&self, ended: impl Fn() -> bool) -> bool {
        while self.copy.load(Acquire) == 0 && !ended() {
            let _ = futex::wait(&self.copy, futex::Flags::empty(), 0, Some(&COPY_LOOK_AGAIN));
        }
        self.copy.load(Acquire) == COPY_ASKS
    }

    /// Lets the copy go on after [`CellNotes::copy_wants_memory`]. For the cell's init.
    pub(crate) fn copy_has_memory(&self) {
        self.copy.store(COPY_EXECUTES, Release);
        let _ = futex::wake(&self.copy, futex::Flags::empty(), 1);
    }

    /// Back to "nothing reached", before a new cell.
    pub(crate) fn reset(&self) {
        for number in [&self.memory_base, &self.cpu_own, &self.started, &self.ended, &self.memory_end, &self.faults] {
            number.store(0, Relaxed);
        }
        for number in self.cpu_base.iter().chain(&self.cpu_end) {
            number.store(0, Relaxed);
        }
        for number in [&self.failed_step, &self.finished, &self.warm, &self.copy, &self.collect_overflow] {
            number.store(0, Relaxed);
        }
        self.failed_errno.store(0, Relaxed);
        self.status.store(0, Relaxed);
    }
}

impl SharedNotes {
    /// Takes the page out of this process, which must not touch it again: what comes next in it is a tenant's.
    pub(crate) fn forget(&self) {
        // SAFETY: the mapping is ours and as long as it was made; this process is about to become a program and never
        // reads the notes again.
        let _ = unsafe { rustix::mm::munmap(self.0.as_ptr().cast(), size_of::<CellNotes>()) };
    }
}

impl Deref for SharedNotes {
    type Target = CellNotes;

    fn deref(&self) -> &CellNotes {
        // SAFETY: the page is mapped until the process ends or forgets it, its file is never cut, it is aligned to a page, was
        // zeroed by the kernel, and all-zero is a valid CellNotes; other processes change it only through
        // atomics.
        unsafe { self.0.as_ref() }
    }
}
