//! Creating, replacing and killing processes.
//!
//! The functions that copy a process are called only in processes with one thread (the launcher, a zygote, and the init
//! processes of lanes and cells). So a copy of the process is consistent: no lock is held by a thread that does not
//! exist in the copy.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use rustix::process::Pid;

/// `CLONE_INTO_CGROUP` of linux/sched.h; the type of libc's constant is too narrow for this value.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// The process in which a clone call returned.
pub(crate) enum Forked {
    /// The new process.
    Child,
    /// The original process, with the child's pid and pidfd.
    Parent(Pid, OwnedFd),
}

/// `clone3` that copies the process like `fork`. The child has new namespaces (`CLONE_NEW*`) and, on cgroup v2, starts
/// directly in the group `cgroup`. Source: clone(2).
pub(crate) fn fork_with(namespaces: u64, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Forked> {
    let mut pidfd: c_int = -1;
    let mut args = clone_args(namespaces | libc::CLONE_PIDFD as u64, cgroup);
    args.pidfd = (&raw mut pidfd) as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: `args` lives across the call and has the given size. Without CLONE_VM and without a stack, the child runs
    // on a copy of this stack, as after fork. The process has one thread (module header).
    let pid = super::check(unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<libc::clone_args>()) })?;
    match Pid::from_raw(pid as i32) {
        None => Ok(Forked::Child),
        Some(pid) => {
            // SAFETY: CLONE_PIDFD stored a new descriptor in the parent, which nothing else owns.
            Ok(Forked::Parent(pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
        }
    }
}

fn clone_args(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> libc::clone_args {
    let into = if cgroup.is_some() { CLONE_INTO_CGROUP } else { 0 };
    libc::clone_args {
        flags: flags | into,
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: 0,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: cgroup.map_or(0, |group| group.as_raw_fd() as u64),
    }
}

/// Calls `errand` in a new process, waits until that process has ended, and returns its CPU time. The new process has
/// the pid `pid` in the pid namespace in which children of this process start, and begins in the group `cgroup`. On
/// x86-64 ([`SHARING`]), the new process shares this process's memory, which saves a copy. The processes that the new
/// process forks become children of that namespace's init.
pub(crate) fn run_errand<T>(
    pid: i32,
    cgroup: Option<BorrowedFd<'_>>,
    argument: &T,
    errand: fn(&T),
) -> io::Result<Duration> {
    struct Call<'a, T> {
        argument: &'a T,
        errand: fn(&T),
    }
    extern "C" fn enter<T>(call: *mut c_void) -> ! {
        // SAFETY: `call` points to the `Call` below. If the memory is shared, the frame of `run_errand` is suspended
        // until this process is gone. If not, `call` points into this process's copy of the frame.
        let call = unsafe { &*call.cast::<Call<'_, T>>() };
        (call.errand)(call.argument);
        exit_now(0)
    }
    let call = Call { argument, errand };
    let mut args = clone_args(SHARING, cgroup);
    args.set_tid = (&raw const pid) as u64;
    args.set_tid_size = 1;
    let pid = clone_and_call(&mut args, enter::<T>, (&raw const call).cast_mut().cast())?;
    reap(pid)
}

/// Waits for the end of one child, regardless of its exit signal, and returns the child's CPU time.
pub(crate) fn reap(pid: Pid) -> io::Result<Duration> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: waits for one child by its pid, and writes into a local structure of the right type.
    while let Err(error) = super::check(libc::c_long::from(unsafe {
        libc::wait4(pid.as_raw_nonzero().get(), std::ptr::null_mut(), libc::__WALL, usage.as_mut_ptr())
    })) {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: `usage` was initialised with zeroes, and all-zero is a valid rusage.
    let usage = unsafe { usage.assume_init() };
    let time = |of: libc::timeval| Duration::from_secs(of.tv_sec as u64) + Duration::from_micros(of.tv_usec as u64);
    Ok(time(usage.ru_utime) + time(usage.ru_stime))
}

/// Number of page faults of this process's children that have been waited for, including their descendants.
pub(crate) fn page_faults_of_children() -> u64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: writes into a local structure of the right type.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) } != 0 {
        return 0;
    }
    // SAFETY: `usage` was initialised with zeroes, and all-zero is a valid rusage.
    let usage = unsafe { usage.assume_init() };
    u64::try_from(usage.ru_minflt.saturating_add(usage.ru_majflt)).unwrap_or(0)
}

/// Clone flags for the resources that a child of [`clone_and_call`] shares with this process.
#[cfg(target_arch = "x86_64")]
const SHARING: u64 = (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
#[cfg(not(target_arch = "x86_64"))]
const SHARING: u64 = 0;

/// `clone3`, followed in the child by a call of `child`, which never returns. Returns the child's pid to the parent.
#[cfg(target_arch = "x86_64")]
fn clone_and_call(
    args: &mut libc::clone_args,
    child: extern "C" fn(*mut c_void) -> !,
    argument: *mut c_void,
) -> io::Result<Pid> {
    let result: libc::c_long;
    // SAFETY: with CLONE_VM and no stack, the child continues at the current end of the parent's stack, and never
    // returns above it. CLONE_VFORK suspends the parent until the child has left this memory, so only the child uses
    // the stack below. Everything that the parent needs afterwards is above, or in registers, which the kernel
    // preserves. The stack is aligned as a call requires (no `nostack`), and all other effects of the call in the
    // parent are declared.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") &raw mut *args,
            in("rsi") size_of::<libc::clone_args>(),
            in("r12") argument,
            in("r13") child,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    match Pid::from_raw(result as i32) {
        Some(pid) if result > 0 => Ok(pid),
        _ => Err(io::Error::from_raw_os_error(-result as i32)),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn clone_and_call(
    args: &mut libc::clone_args,
    child: extern "C" fn(*mut c_void) -> !,
    argument: *mut c_void,
) -> io::Result<Pid> {
    // SAFETY: as in `fork_with`.
    let pid = super::check(unsafe { libc::syscall(libc::SYS_clone3, &raw mut *args, size_of::<libc::clone_args>()) })?;
    match Pid::from_raw(pid as i32) {
        None => child(argument),
        Some(pid) => Ok(pid),
    }
}

/// The C library's `fork`, which resets its record of threads and locks in the child, so that the child may run code
/// that needs them. Returns `None` in the child.
pub(crate) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: this process has one thread (module header).
    let pid = super::check(libc::c_long::from(unsafe { libc::fork() }))?;
    Ok(Pid::from_raw(pid as i32))
}

/// A stack for a child that shares this process's memory until it calls `exec`.
pub(crate) struct ChildStack(Box<[u128]>);

impl ChildStack {
    /// A stack of 64 KiB; the payload's code before `exec` uses a few KiB.
    pub(crate) fn new() -> ChildStack {
        ChildStack(vec![0u128; 4096].into_boxed_slice())
    }
}

/// Runs `child(arg)` in a new process that shares this process's memory, and waits until the new process has called
/// `exec` or ended (`CLONE_VM | CLONE_VFORK`). Unlike a fork, this does not copy page tables.
///
/// `child` must not allocate, lock or panic, and ends with `exec` or by returning its exit code.
pub(crate) fn vfork_with<T>(stack: &mut ChildStack, arg: &T, child: fn(&T) -> i32) -> io::Result<Pid> {
    struct Call<'a, T> {
        arg: &'a T,
        child: fn(&T) -> i32,
    }
    extern "C" fn enter<T>(call: *mut c_void) -> c_int {
        // SAFETY: `call` points to the `Call` below, which outlives its use: CLONE_VFORK suspends the
        // parent until the child has left this memory.
        let call = unsafe { &*call.cast::<Call<'_, T>>() };
        (call.child)(call.arg)
    }
    let call = Call { arg, child };
    let top = stack.0.as_mut_ptr_range().end.cast::<c_void>();
    // SAFETY: `top` is the 16-byte aligned end of a live allocation that only the child uses. The parent is suspended
    // in the meantime, so the shared memory has one user at a time. Neither process has a signal handler.
    let pid = super::check(libc::c_long::from(unsafe {
        libc::clone(
            enter::<T>,
            top,
            libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
            (&raw const call).cast_mut().cast::<c_void>(),
        )
    }))?;
    Pid::from_raw(pid as i32).ok_or_else(|| io::Error::other("clone returned no pid"))
}

/// A null-terminated array of C strings for `execve`.
pub(crate) struct StringArray<'a> {
    pointers: Vec<*const c_char>,
    _strings: &'a [std::ffi::CString],
}

impl<'a> StringArray<'a> {
    pub(crate) fn new(strings: &'a [std::ffi::CString]) -> StringArray<'a> {
        let pointers = strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect();
        StringArray { pointers, _strings: strings }
    }
}

/// `execve`. Returns only on failure, with the errno.
pub(crate) fn execve(path: &CStr, argv: &StringArray<'_>, envp: &StringArray<'_>) -> i32 {
    // SAFETY: all three point to null-terminated strings and arrays that are borrowed across the call.
    unsafe { libc::execve(path.as_ptr(), argv.pointers.as_ptr(), envp.pointers.as_ptr()) };
    errno()
}

/// `execveat` of an open file. Returns only on failure, with the errno.
pub(crate) fn execve_of(file: BorrowedFd<'_>, argv: &StringArray<'_>, envp: &StringArray<'_>) -> i32 {
    // SAFETY: the path is an empty string, and both arrays are null-terminated arrays of strings that are borrowed
    // across the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            c"".as_ptr(),
            argv.pointers.as_ptr(),
            envp.pointers.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    errno()
}

/// `kill(-1, SIGKILL)`: kills every process of this pid namespace except its init, which must be the caller. Fails if
/// the caller is not pid 1 of its namespace.
pub(crate) fn kill_everything_in_this_pid_namespace() -> io::Result<()> {
    if rustix::process::getpid().as_raw_nonzero().get() != 1 {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    // SAFETY: no memory is involved.
    super::check(libc::c_long::from(unsafe { libc::kill(-1, libc::SIGKILL) })).map(drop)
}

/// Closes every descriptor from `first` on.
pub(crate) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: callers own no descriptor from `first` on that is used afterwards: this is the last operation of a
    // new process on the descriptors that it inherited.
    super::check(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) }).map(drop)
}

/// Makes descriptor `fd` a copy of `source`, without `O_CLOEXEC`.
pub(crate) fn dup_to(source: i32, fd: i32) -> i32 {
    // SAFETY: only numbers are passed; used between vfork and exec, where nothing owns `fd` yet.
    if unsafe { libc::dup2(source, fd) } < 0 { errno() } else { 0 }
}

/// The thread's errno. May be called between vfork and exec.
pub(crate) fn errno() -> i32 {
    // SAFETY: the location is valid for the calling thread.
    unsafe { *libc::__errno_location() }
}

/// Takes ownership of descriptor `fd`, inherited from the parent process (the launcher's socket is descriptor 0).
pub(crate) fn take_inherited(fd: i32) -> OwnedFd {
    // SAFETY: called once, at the start of the process, for a descriptor that the parent passed for this purpose.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Closes every descriptor except these and 0, 1, 2.
pub(crate) fn close_all_but(keep: &[i32]) -> io::Result<()> {
    let mut keep: Vec<u32> = keep.iter().filter_map(|fd| u32::try_from(*fd).ok()).filter(|fd| *fd > 2).collect();
    keep.sort_unstable();
    let mut first = 3;
    for fd in keep {
        if fd > first {
            // SAFETY: descriptors in this gap are owned only by objects of the process that this one was copied from.
            // The caller uses none of these objects afterwards, since `keep` contains all descriptors that it uses.
            super::check(unsafe { libc::syscall(libc::SYS_close_range, first, fd - 1, 0) })?;
        }
        first = fd + 1;
    }
    close_from(first)
}

/// Resets every signal to its default action and unblocks all signals, as a program expects at its start.
pub(crate) fn reset_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL installs no handler; for signals that cannot be changed, the call returns EINVAL.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set that it is given.
    unsafe { libc::sigemptyset(none.as_mut_ptr()) };
    // SAFETY: `none` was initialised above, and the pointer for the old mask may be null.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut()) };
}

/// Blocks SIGCHLD for the calling thread, and returns a descriptor that is readable if a child has ended since.
/// Source: signalfd(2).
pub(crate) fn ends_of_children() -> io::Result<OwnedFd> {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set that it is given.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: `set` was initialised above.
    unsafe { libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD) };
    // SAFETY: as above; the pointer for the old mask may be null.
    super::check(libc::c_long::from(unsafe {
        libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut())
    }))?;
    // SAFETY: `set` was initialised above, and -1 asks for a new descriptor.
    let fd = super::check(libc::c_long::from(unsafe {
        libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    }))?;
    // SAFETY: the call returned a new descriptor, which nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Makes the allocator keep freed memory. Without this, every cell and every lane's init that is forked from this
/// process would have to request that memory from the kernel again, page by page. Source: mallopt(3).
pub(crate) fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number in the allocator; the process has one thread.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 * 1024 * 1024);
    }
}

/// Ignores the signals that stop a whole service: the launcher ends when the main process ends.
pub(crate) fn ignore_stop_signals() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: SIG_IGN installs no handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Ends this process without running exit functions: a copy of a process must not run the exit functions of the
/// original.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}
