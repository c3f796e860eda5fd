//! Leaving and entering namespaces. Source: unshare(2), setns(2).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The namespace flags that are passed to the kernel.
const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Moves the calling thread into new namespaces (`CLONE_NEW*`; other flags are ignored). The kernel refuses a new user
/// namespace to a process with more than one thread.
pub(crate) fn unshare(namespaces: i32) -> io::Result<()> {
    // SAFETY: namespaces change how the kernel resolves names; no memory or descriptor of this process is affected.
    super::check(libc::c_long::from(unsafe { libc::unshare(namespaces & NAMESPACES) })).map(drop)
}

/// Moves the calling thread into existing namespaces (`CLONE_NEW*`; other flags are ignored): the namespaces of a
/// pidfd's process, or the namespace of a file in `/proc/PID/ns`. Only later children of the caller enter a pid
/// namespace.
pub(crate) fn enter(of: BorrowedFd<'_>, namespaces: i32) -> io::Result<()> {
    // SAFETY: as for `unshare`.
    super::check(libc::c_long::from(unsafe { libc::setns(of.as_raw_fd(), namespaces & NAMESPACES) })).map(drop)
}
