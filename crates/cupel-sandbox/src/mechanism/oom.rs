//! Who goes when a group has outgrown its limit. Source: proc_pid_oom_score_adj(5).

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

/// `/proc/self/oom_score_adj` of a process that forks cells: each inherits what its parent has at that moment, which costs
/// less than opening a file of its own in `/proc`.
pub(crate) struct OomPreference {
    file: OwnedFd,
    /// Ours, to go back to.
    own: Vec<u8>,
}

impl OomPreference {
    pub(crate) fn open() -> io::Result<OomPreference> {
        let file = rustix::fs::open("/proc/self/oom_score_adj", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        let mut text = [0; 16];
        let n = rustix::io::pread(&file, &mut text, 0)?;
        Ok(OomPreference { file, own: text[..n].to_vec() })
    }

    /// A program that outgrows its group is the one to go, never a process of ours.
    pub(crate) fn of_cells(&self) -> io::Result<()> {
        rustix::io::pwrite(&self.file, b"1000", 0)?;
        Ok(())
    }

    pub(crate) fn of_the_lane(&self) -> io::Result<()> {
        rustix::io::pwrite(&self.file, &self.own, 0)?;
        Ok(())
    }
}
