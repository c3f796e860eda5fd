//! Leaving namespaces. Source: unshare(2).

use std::io;

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
