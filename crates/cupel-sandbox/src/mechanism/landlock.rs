//! Landlock: the second wall around files, ports, abstract sockets and signals. Source: landlock(7).
//!
//! The root already shows only what may be read, and mounts are read-only where nothing may be written;
//! Landlock says the same again by another mechanism, without privilege, so that a hole in one is not a hole.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{FileType, Mode, OFlags};

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
const SCOPE_ABSTRACT_UNIX_SOCKET: u64 = 1;
const SCOPE_SIGNAL: u64 = 1 << 1;

/// What this kernel's Landlock can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Landlock {
    abi: u32,
}

impl Landlock {
    /// Asks the kernel; `None` when it has no Landlock.
    pub(crate) fn detect() -> Option<Landlock> {
        match abi() {
            0 => None,
            abi => Some(Landlock { abi }),
        }
    }

    /// The rules of a cell, once its box is mounted. `readable`: what is shown beside the system's directories.
    pub(crate) fn ruleset(self, readable: &[PathBuf], with_probe: bool) -> io::Result<OwnedFd> {
        // Access rights by the ABI that brought them: 1, 2 (refer), 3 (truncate), 5 (ioctl on devices).
        let mut handled = (1 << 13) - 1;
        for (since, right) in [(2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)] {
            if self.abi >= since {
                handled |= right;
            }
        }
        let attr = RulesetAttr {
            handled_access_fs: handled,
            handled_access_net: if self.abi >= 4 { NET_BIND_TCP | NET_CONNECT_TCP } else { 0 },
            scoped: if self.abi >= 6 { SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL } else { 0 },
        };
        let size = match self.abi {
            0..4 => 8,
            4..6 => 16,
            _ => 24,
        };
        let ruleset = create_ruleset(&attr, size)?;
        let look = EXECUTE | READ_FILE | READ_DIR;
        let all = handled & !(MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV);
        let device = (READ_FILE | WRITE_FILE | TRUNCATE) & handled;
        let mut rules: Vec<(&str, u64)> = vec![
            ("/usr", look),
            ("/etc", look),
            ("/lib", look),
            ("/lib64", look),
            ("/bin", look),
            ("/sbin", look),
            ("/proc", READ_FILE | READ_DIR),
            ("/dev", READ_FILE | READ_DIR),
            ("/dev/null", device),
            ("/dev/zero", device),
            ("/dev/full", device),
            ("/dev/random", device),
            ("/dev/urandom", device),
            ("/dev/shm", all),
            ("/box", all),
            ("/tmp", all),
        ];
        rules.extend(readable.iter().filter_map(|path| path.to_str()).map(|path| (path, look)));
        if with_probe {
            rules.push(("/probe", EXECUTE | READ_FILE));
        }
        for (path, access) in rules {
            match rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
                Ok(fd) => {
                    // Rights over directories mean nothing for a file, and are refused.
                    let is_dir = rustix::fs::fstat(&fd).is_ok_and(|s| FileType::from_raw_mode(s.st_mode).is_dir());
                    let of_files = EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV;
                    let access = if is_dir { access } else { access & of_files };
                    allow_beneath(ruleset.as_fd(), fd.as_fd(), access)?;
                }
                Err(rustix::io::Errno::NOENT) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(ruleset)
    }
}
