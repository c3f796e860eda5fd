//! Pseudo-terminals. Source: pts(4), ioctl_tty(2), the kernel's Documentation/filesystems/devpts.rst.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use cupel_types::TerminalSize;

/// `_IO('T', 0x41)` and `_IOW('T', 0x31, int)` of asm-generic/ioctls.h.
const TIOCGPTPEER: libc::c_ulong = 0x5441;
const TIOCSPTLCK: libc::c_ulong = 0x4004_5431;

/// Unlocks the program's side of a terminal and opens it. `master` is the other side, opened from `ptmx`. No path is
/// followed, and the terminal does not become the controlling terminal of the calling process.
pub(crate) fn open_slave(master: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let unlocked: libc::c_int = 0;
    // SAFETY: the kernel reads one int, which lives across the call.
    super::check(libc::c_long::from(unsafe { libc::ioctl(master.as_raw_fd(), TIOCSPTLCK as _, &raw const unlocked) }))?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: only numbers are passed.
    let slave = super::check(libc::c_long::from(unsafe {
        libc::ioctl(master.as_raw_fd(), TIOCGPTPEER as _, libc::c_long::from(flags))
    }))?;
    // SAFETY: the call returned a new descriptor, which nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(slave as i32) })
}

/// Sets the window size of a terminal. If the size changes, the kernel sends SIGWINCH to the foreground process group.
pub(crate) fn resize(terminal: BorrowedFd<'_>, size: TerminalSize) -> io::Result<()> {
    let size = libc::winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel reads one winsize, which lives across the call.
    super::check(libc::c_long::from(unsafe {
        libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ as _, &raw const size)
    }))
    .map(drop)
}

/// Makes erasing a character in the line editor of the terminal erase all bytes of its UTF-8 form.
pub(crate) fn expect_utf8(terminal: BorrowedFd<'_>) -> io::Result<()> {
    let mut mode = Mode::of(terminal)?;
    mode.0.c_iflag |= libc::IUTF8;
    mode.apply(terminal)
}

/// The mode of a terminal. Source: termios(3).
#[derive(Clone, Copy)]
pub(crate) struct Mode(libc::termios);

impl Mode {
    pub(crate) fn of(terminal: BorrowedFd<'_>) -> io::Result<Mode> {
        let mut mode = std::mem::MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the call fills a termios if it succeeds.
        super::check(libc::c_long::from(unsafe { libc::tcgetattr(terminal.as_raw_fd(), mode.as_mut_ptr()) }))?;
        // SAFETY: the call above succeeded.
        Ok(Mode(unsafe { mode.assume_init() }))
    }

    /// The same terminal in raw mode: every byte passes unchanged, and no byte sends a signal.
    pub(crate) fn raw(mut self) -> Mode {
        // SAFETY: changes one termios, which lives across the call.
        unsafe { libc::cfmakeraw(&raw mut self.0) };
        self
    }

    pub(crate) fn apply(&self, terminal: BorrowedFd<'_>) -> io::Result<()> {
        // SAFETY: the kernel reads one termios, which lives across the call.
        let done = unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, &raw const self.0) };
        super::check(libc::c_long::from(done)).map(drop)
    }
}

/// The window size of a terminal, which may be outside of the bounds of a [`TerminalSize`].
pub(crate) fn window(terminal: BorrowedFd<'_>) -> io::Result<(u16, u16)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes one winsize, which lives across the call.
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ as _, &raw mut size) };
    super::check(libc::c_long::from(done))?;
    Ok((size.ws_col, size.ws_row))
}

/// Makes the terminal at descriptor 0 the controlling terminal of the calling process, which leads a session without
/// one. Returns 0 or an errno. May be called between vfork and exec.
pub(crate) fn control() -> i32 {
    // SAFETY: only numbers are passed.
    if unsafe { libc::ioctl(0, libc::TIOCSCTTY as _, 0) } < 0 { super::process::errno() } else { 0 }
}

/// The foreground process group, in the pid namespace of the calling process; `None` if it has no process in that
/// namespace. `master` is the side that the program does not have.
pub(crate) fn foreground(master: BorrowedFd<'_>) -> Option<rustix::process::Pid> {
    let mut group: libc::pid_t = 0;
    // SAFETY: the kernel writes one pid_t, which lives across the call.
    let got = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPGRP as _, &raw mut group) };
    // Group 1 would be that of the namespace's init; -1 as a target of kill(2) is every process.
    rustix::process::Pid::from_raw(if got == 0 && group > 1 { group } else { 0 })
}
