//! The namespaces of a lane and of a cell. Source: namespaces(7).

use crate::{Wall, WallSet};

/// Flags for a lane's new namespaces: all except time. The cgroup namespace is created later, in `lane/set_up.rs`.
pub(crate) fn of_lane(off: WallSet) -> u64 {
    let mut flags = libc::CLONE_NEWPID | libc::CLONE_NEWNS;
    for (wall, flag) in [
        (Wall::UserNamespace, libc::CLONE_NEWUSER),
        (Wall::NetNamespace, libc::CLONE_NEWNET),
        (Wall::IpcNamespace, libc::CLONE_NEWIPC),
        (Wall::UtsNamespace, libc::CLONE_NEWUTS),
    ] {
        if !off.contains(wall) {
            flags |= flag;
        }
    }
    flags as u64
}

/// Flags for a cell's new namespaces inside its lane: those that one run must not share with the next.
pub(crate) fn of_cell(off: WallSet) -> u64 {
    let mut flags = libc::CLONE_NEWNS;
    if !off.contains(Wall::PidNamespace) {
        flags |= libc::CLONE_NEWPID;
    }
    if !off.contains(Wall::IpcNamespace) {
        flags |= libc::CLONE_NEWIPC;
    }
    flags as u64
}
