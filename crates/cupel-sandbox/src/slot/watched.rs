//! A watched program ([`Command::watch`](crate::Command::watch)): when its end, and the end of its standard output, are
//! reported.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// State of a program for which [`Command::watch`] is set.
#[derive(Default)]
pub(super) struct Watched {
    /// A pidfd of the program's main process.
    pub(super) program: Option<OwnedFd>,
    pub(super) ended: bool,
    /// Time at which the last writer closed the program's standard output.
    pub(super) stdout_ended: Option<Instant>,
    reported: bool,
}

/// Time to wait before reporting that a program continues without standard output, if it is unknown whether the program
/// is ending. A process needs only microseconds of CPU time between closing its files and becoming a zombie.
const ENDING: Duration = Duration::from_secs(1);

impl Watched {
    /// Whether the end of standard output must be reported now. A process that is ending closes its files first, but
    /// its end must be reported before the end of its output. So nothing is reported while the process is ending.
    pub(super) fn is_stdout_closed(&mut self) -> bool {
        let Some(since) = self.stdout_ended.filter(|_| !self.reported) else { return false };
        let is_ending = self.program.as_ref().and_then(is_ending);
        self.reported = self.ended || is_ending == Some(false) || (is_ending.is_none() && since.elapsed() > ENDING);
        self.reported
    }
}

/// Whether a process is exiting or gone; `None` if this cannot be determined. Source: proc_pid_stat(5); `PF_EXITING` in
/// the kernel's `include/linux/sched.h`. The kernel sets this flag before the process closes its files.
fn is_ending(pidfd: &OwnedFd) -> Option<bool> {
    const EXITING: u64 = 4;
    let pid = || {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
        info.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse::<i32>().ok()
    };
    let before = pid()?;
    if before == -1 {
        return Some(true);
    }
    let stat = std::fs::read_to_string(format!("/proc/{before}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X");
    let flags: u64 = fields.nth(5)?.parse().ok()?;
    // If the pid changed, the file may have belonged to another process that got the same number.
    (pid()? == before).then_some(is_dead || flags & EXITING != 0)
}
