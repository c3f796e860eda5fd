//! User and group ids: what they are outside, and how a process becomes one. Source: user_namespaces(7).
//!
//! Inside a lane there are two: 0 for our init, 1000 for the tenant's programs. Outside, each lane's two are
//! its own and belong to nobody, so that not even a kernel bug that forgets the namespace makes one
//! lane's programs the owners of another's, or of anything of the host's.

use std::io;

use rustix::process::{Gid, Pid, Uid};

/// The tenant's user and group id inside.
pub(crate) const TENANT: u32 = 1000;

/// Writes the maps of `pid`'s user namespace.
pub(crate) fn map(pid: Pid, uid_base: u32, lane: u32) -> io::Result<()> {
    let first = uid_base.saturating_add(lane.saturating_mul(2));
    let text = format!("0 {first} 1\n{TENANT} {} 1\n", first.saturating_add(1));
    let dir = format!("/proc/{}", pid.as_raw_nonzero());
    std::fs::write(format!("{dir}/uid_map"), &text)?;
    std::fs::write(format!("{dir}/gid_map"), &text)
}

/// Becomes the lane's root: no group of the host's remains.
pub(crate) fn become_lane_root() -> io::Result<()> {
    let (uid, gid) = (Uid::ROOT, Gid::ROOT);
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    // Changing ids made /proc/self belong to the host's root; our own children must reach theirs.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)?;
    Ok(())
}

/// Becomes the tenant. Between vfork and exec: no allocation.
pub(crate) fn become_tenant() -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(TENANT), Gid::from_raw(TENANT));
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}
