//! Landlock: the second wall around files, ports, abstract sockets and signals. Source: landlock(7).
//!
//! The root already shows only what programs may read, and all mounts that programs may not write are read-only.
//! Landlock enforces the same rules by another mechanism, without privileges, so that a bug in one of the two
//! mechanisms is not enough to escape.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};

use super::mounts::Shown;
use crate::sys::landlock::{RulesetAttr, abi, allow_beneath, create_ruleset};

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_BLOCK: u64 = 1 << 11;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;

const NET_BIND_TCP: u64 = 1;
const NET_CONNECT_TCP: u64 = 1 << 1;
pub(crate) const SCOPE_ABSTRACT_UNIX_SOCKET: u64 = 1;
pub(crate) const SCOPE_SIGNAL: u64 = 1 << 1;

/// The Landlock rights that this kernel supports, and the paths that every cell of a lane may access.
#[derive(Debug)]
pub(crate) struct Landlock {
    attr: RulesetAttr,
    size: usize,
    /// Paths with their rights. Opened once, because a rule applies to the file and not to the mount it was opened
    /// through.
    lasting: Vec<(OwnedFd, u64)>,
}

/// The kernel's Landlock ABI version; `None` if the kernel has no Landlock.
pub(crate) fn detect() -> Option<u32> {
    Some(abi()).filter(|abi| *abi > 0)
}

impl Landlock {
    /// Prepares the rules that all cells of a lane share. Must be called after the lane's root is mounted. `readable`
    /// are the files and directories that are shown in addition to the system's directories.
    pub(crate) fn prepare(abi: u32, readable: &[Shown]) -> io::Result<Landlock> {
        // Access rights by the ABI that introduced them: 1, 2 (refer), 3 (truncate), 5 (ioctl on devices).
        let mut handled = (1 << 13) - 1;
        for (since, right) in [(2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)] {
            if abi >= since {
                handled |= right;
            }
        }
        let attr = RulesetAttr {
            handled_access_fs: handled,
            handled_access_net: if abi >= 4 { NET_BIND_TCP | NET_CONNECT_TCP } else { 0 },
            scoped: if abi >= 6 { SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL } else { 0 },
        };
        let size = match abi {
            0..4 => 8,
            4..6 => 16,
            _ => 24,
        };
        let look = EXECUTE | READ_FILE | READ_DIR;
        let device = (READ_FILE | WRITE_FILE | TRUNCATE) & handled;
        let mut wanted: Vec<(&str, u64)> = vec![
            ("/usr", look),
            ("/etc", look),
            ("/lib", look),
            ("/lib64", look),
            ("/bin", look),
            ("/sbin", look),
            ("/dev", READ_FILE | READ_DIR),
            ("/dev/null", device),
            ("/dev/zero", device),
            ("/dev/full", device),
            ("/dev/random", device),
            ("/dev/urandom", device),
        ];
        wanted.extend(readable.iter().filter_map(|shown| shown.target.to_str()).map(|path| (path, look)));
        let mut lasting = Vec::new();
        for (path, access) in wanted {
            // A link needs no rule: its target has a separate rule or must not be readable.
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::open(path, flags, Mode::empty()) {
                Ok(fd) => match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
                    FileType::Symlink => {}
                    FileType::Directory => lasting.push((fd, access)),
                    // The kernel refuses rights that apply only to directories in a rule for a file.
                    _ => lasting.push((fd, access & (EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV))),
                },
                Err(rustix::io::Errno::NOENT) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(Landlock { attr, size, lasting })
    }

    /// Creates the rules of a cell. Must be called after the cell's writable directories are mounted. `box_dir` is
    /// `/box`.
    pub(crate) fn ruleset(&self, box_dir: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        let ruleset = create_ruleset(&self.attr, self.size)?;
        for (fd, access) in &self.lasting {
            allow_beneath(ruleset.as_fd(), fd.as_fd(), *access)?;
        }
        let all = self.attr.handled_access_fs & !(MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV);
        allow_beneath(ruleset.as_fd(), box_dir, all)?;
        for (path, access) in [("/proc", READ_FILE | READ_DIR), ("/tmp", all), ("/dev/shm", all)] {
            let fd = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
            allow_beneath(ruleset.as_fd(), fd.as_fd(), access)?;
        }
        Ok(ruleset)
    }

    /// Adds the cell's mounted `/dev` with terminals to the cell's rules. Its devices have rules already.
    pub(crate) fn allow_terminals(&self, ruleset: BorrowedFd<'_>) -> io::Result<()> {
        let terminal = (READ_FILE | WRITE_FILE | READ_DIR | IOCTL_DEV) & self.attr.handled_access_fs;
        for (path, access) in [("/dev", READ_FILE | READ_DIR), ("/dev/pts", terminal)] {
            let fd = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
            allow_beneath(ruleset, fd.as_fd(), access)?;
        }
        Ok(())
    }
}
