//! System calls for the attacks of `doctor`'s probe and of the tests. Each call is harmless if it succeeds.

use std::io;

/// Creates a System V shared memory segment under `key`. Fails if that key is in use.
pub(crate) fn shared_memory(key: i32) -> io::Result<i32> {
    // SAFETY: the segment is not attached, so no memory of this process is involved.
    let id = unsafe { libc::shmget(key, 4096, libc::IPC_CREAT | libc::IPC_EXCL | 0o600) };
    super::check(libc::c_long::from(id)).map(|id| id as i32)
}

/// Removes the segment under `key`.
pub(crate) fn remove_shared_memory(key: i32) {
    // SAFETY: as in `shared_memory`.
    let id = unsafe { libc::shmget(key, 0, 0) };
    if id >= 0 {
        // SAFETY: IPC_RMID takes no buffer.
        unsafe { libc::shmctl(id, libc::IPC_RMID, std::ptr::null_mut()) };
    }
}

/// Requests the id of the session keyring.
pub(crate) fn session_keyring() -> io::Result<()> {
    const KEYCTL_GET_KEYRING_ID: i32 = 0;
    const KEY_SPEC_SESSION_KEYRING: i32 = -3;
    // SAFETY: only numbers are passed.
    super::check(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) })
        .map(drop)
}

/// Forks a child that waits to be killed.
pub(crate) fn fork_sleeper() -> io::Result<()> {
    // SAFETY: the probe has one thread.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        loop {
            // SAFETY: no memory is involved.
            unsafe { libc::pause() };
        }
    }
    super::check(libc::c_long::from(pid)).map(drop)
}

/// `fcntl` with a number as its argument.
#[cfg(test)]
pub(crate) fn fcntl(fd: std::os::fd::BorrowedFd<'_>, command: i32, argument: i32) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: only numbers are passed. If the command expects a pointer, the number is an invalid address, which the
    // kernel refuses.
    super::check(libc::c_long::from(unsafe { libc::fcntl(fd.as_raw_fd(), command, argument) })).map(drop)
}

/// Sends a signal to the first thread of a process.
#[cfg(test)]
pub(crate) fn thread_kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: only numbers are passed.
    super::check(unsafe { libc::syscall(libc::SYS_tgkill, pid, pid, signal) }).map(drop)
}
