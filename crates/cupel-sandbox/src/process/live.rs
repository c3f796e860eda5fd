//! A cell's init waits for the end of a live program. Meanwhile it sends the client's signals to the program.
//!
//! A signal is sent from inside the cell's pid namespace, so no process outside the cell can get it. The program's
//! process id is not reused, because the program is reaped only here, after its last signal.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use cupel_types::LiveSignal;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group};

use crate::sys::process::ends_of_children;
use crate::sys::terminal;
use crate::wire::{self, CellSignal};

/// Waits until `program` has ended, and returns its wait status. Reaps all other children, and sends the signals that
/// arrive through `requests`. `master` is the other side of the program's terminal, if it has one.
pub(super) fn attend(
    program: Pid,
    requests: BorrowedFd<'_>,
    master: Option<BorrowedFd<'_>>,
    buffer: &mut Vec<u8>,
) -> io::Result<i32> {
    let ends = ends_of_children()?;
    let mut is_heard = true;
    loop {
        // Children that ended before SIGCHLD was blocked are reaped in the first iteration.
        if let Some(status) = reap_ended(program)? {
            return Ok(status);
        }
        let mut polled = [PollFd::new(&ends, PollFlags::IN), PollFd::from_borrowed_fd(requests, PollFlags::IN)];
        let count = if is_heard { 2 } else { 1 };
        match poll(&mut polled[..count], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [ended, spoken_to] = polled.map(|polled| polled.revents().contains(PollFlags::IN));
        if ended {
            // The kernel merges pending SIGCHLD signals into one, so one read is enough.
            let _ = rustix::io::read(ends.as_fd(), &mut [0; 128]);
        }
        if spoken_to {
            match wire::receive::<CellSignal>(requests, buffer) {
                Ok(Some((CellSignal(signal), _))) => send(signal, program, master),
                // The lane has ended, and this namespace ends with it.
                Ok(None) | Err(_) => is_heard = false,
            }
        }
    }
}

/// Reaps the children that have ended. Returns the wait status of `program` if it is one of them.
fn reap_ended(program: Pid) -> io::Result<Option<i32>> {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == program => return Ok(Some(status.as_raw())),
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Sends a signal to the terminal's foreground process group or, without a terminal, to the program's process group; if
/// that group has no processes, to the program itself. SIGKILL goes to the program itself, whose end also ends all
/// other processes.
fn send(signal: LiveSignal, program: Pid, master: Option<BorrowedFd<'_>>) {
    let to_group = |signal| {
        let group = master.and_then(terminal::foreground).unwrap_or(program);
        if kill_process_group(group, signal).is_err() {
            let _ = kill_process(program, signal);
        }
    };
    match signal {
        LiveSignal::Kill => drop(kill_process(program, Signal::KILL)),
        LiveSignal::Interrupt => to_group(Signal::INT),
        LiveSignal::Terminate => to_group(Signal::TERM),
        LiveSignal::Quit => to_group(Signal::QUIT),
        LiveSignal::Hangup => to_group(Signal::HUP),
        LiveSignal::User1 => to_group(Signal::USR1),
        LiveSignal::User2 => to_group(Signal::USR2),
    }
}
