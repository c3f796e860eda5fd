//! Leaving and entering namespaces. Source: unshare(2), setns(2).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Every namespace there is a flag for.
const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Moves the calling thread into new namespaces (`CLONE_NEW*`; other flags are ignored). A new user or mount
/// namespace is refused by the kernel to a process with more than one thread.
pub(crate) fn unshare(namespaces: i32) -> io::Result<()> {
    // SAFETY: namespaces decide what names mean to the kernel; no memory or descriptor of ours is affected.
    super::check(libc::c_long::from(unsafe { libc::unshare(namespaces & NAMESPACES) })).map(drop)
}

/// Moves the calling thread into namespaces (`CLONE_NEW*`; other flags are ignored) of the process that a pidfd
/// refers to, or into the one that a file of `/proc/PID/ns` does. A pid namespace is entered by children alone.
pub(crate) fn enter(of: BorrowedFd<'_>, namespaces: i32) -> io::Result<()> {
    // SAFETY: as for `unshare`.
    super::check(libc::c_long::from(unsafe { libc::setns(of.as_raw_fd(), namespaces & NAMESPACES) })).map(drop)
}
