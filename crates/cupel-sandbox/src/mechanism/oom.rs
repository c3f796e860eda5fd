//! Selects the victim of the OOM killer when a group exceeds its limit. Source: proc_pid_oom_score_adj(5).

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

/// `/proc/self/oom_score_adj` of a process that forks cells. Each cell inherits its parent's value at the fork, which
/// takes less time than opening the cell's file in `/proc`.
pub(crate) struct OomPreference {
    file: OwnedFd,
    /// The original value of this process, which [`OomPreference::of_the_lane`] restores.
    own: Vec<u8>,
}

impl OomPreference {
    pub(crate) fn open() -> io::Result<OomPreference> {
        let file = rustix::fs::open("/proc/self/oom_score_adj", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        let mut text = [0; 16];
        let n = rustix::io::pread(&file, &mut text, 0)?;
        Ok(OomPreference { file, own: text[..n].to_vec() })
    }

    /// Sets the value for cells, so that the OOM killer kills the program and not a process of the sandbox.
    pub(crate) fn of_cells(&self) -> io::Result<()> {
        rustix::io::pwrite(&self.file, b"1000", 0)?;
        Ok(())
    }

    pub(crate) fn of_the_lane(&self) -> io::Result<()> {
        rustix::io::pwrite(&self.file, &self.own, 0)?;
        Ok(())
    }
}
