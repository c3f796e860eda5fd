//! The control files of groups: the files that a lane's init has open, and functions to read and write them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The files of a lane's groups that the lane's init uses. A file that the machine does not have is `None`.
#[derive(Debug, Default)]
pub(crate) struct LaneGroupFiles {
    pub(super) limit: Option<OwnedFd>,
    pub(super) swap_limit: Option<OwnedFd>,
    pub(super) usage: Option<OwnedFd>,
    pub(super) peak: Option<OwnedFd>,
    pub(super) swap_peak: Option<OwnedFd>,
    pub(super) stat: Option<OwnedFd>,
    pub(super) kernel_usage: Option<OwnedFd>,
    pub(super) kernel_peak: Option<OwnedFd>,
    pub(super) oom: Option<OwnedFd>,
    pub(super) oom_event: Option<OwnedFd>,
    pub(super) pids: Option<OwnedFd>,
    pub(super) cpu: Option<OwnedFd>,
    pub(super) cpu_user: Option<OwnedFd>,
    pub(super) cpu_system: Option<OwnedFd>,
    /// Version 2: the lane's directory, in which its init creates a group per cell.
    pub(super) v2_dir: Option<OwnedFd>,
}

impl LaneGroupFiles {
    /// The descriptors, for callers that close all others.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = i32> + '_ {
        use std::os::fd::AsRawFd;
        [
            &self.limit,
            &self.swap_limit,
            &self.usage,
            &self.peak,
            &self.swap_peak,
            &self.stat,
            &self.kernel_usage,
            &self.kernel_peak,
            &self.oom,
            &self.oom_event,
            &self.pids,
            &self.cpu,
            &self.cpu_user,
            &self.cpu_system,
            &self.v2_dir,
        ]
        .into_iter()
        .flatten()
        .map(AsRawFd::as_raw_fd)
    }
}

pub(super) fn fd(file: &Option<OwnedFd>) -> Option<BorrowedFd<'_>> {
    file.as_ref().map(AsFd::as_fd)
}

pub(super) fn put(fd: BorrowedFd<'_>, text: &str) -> io::Result<()> {
    rustix::io::pwrite(fd, text.as_bytes(), 0)?;
    Ok(())
}

pub(super) fn processes_text(n: u32) -> String {
    // The kernel's upper bound on process ids.
    if n > 4_194_304 { "max".to_owned() } else { n.to_string() }
}

pub(super) fn text_of(fd: BorrowedFd<'_>) -> String {
    let mut buffer = [0u8; 1024];
    let n = rustix::io::pread(fd, &mut buffer, 0).unwrap_or(0);
    String::from_utf8_lossy(&buffer[..n]).into_owned()
}

pub(super) fn number_of(fd: BorrowedFd<'_>) -> u64 {
    let mut buffer = [0u8; 32];
    let n = rustix::io::pread(fd, &mut buffer, 0).unwrap_or(0);
    buffer[..n]
        .iter()
        .take_while(|c| c.is_ascii_digit())
        .fold(0u64, |sum, c| sum.wrapping_mul(10).wrapping_add(u64::from(c - b'0')))
}

/// The number after `name` in a file of `name number` lines.
pub(super) fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_name_must_match_completely() {
        let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(field(text, "oom_kill"), Some(3));
        assert_eq!(field(text, "oom"), None);
    }
}
