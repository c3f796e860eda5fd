//! User and group ids: what they are outside, and how a process becomes one. Source: user_namespaces(7).
//!
//! Inside a lane there are two: 0 for our init, 1000 for the tenant's programs. Outside, each lane's two are
//! its own and belong to nobody, so that not even a kernel bug that forgets the namespace makes one
//! lane's programs the owners of another's, or of anything of the host's.

use std::io;

use rustix::process::{Gid, Pid, Uid};

/// The tenant's user and group id inside.
pub(crate) const TENANT: u32 = 1000;

/// Where lanes' ids begin: `wanted` if this process's namespace has `count` of them from there on, else shortly before
/// the end of the largest range it has, and never with its root among them. `map` is the text of `/proc/self/uid_map`.
pub(crate) fn base(map: &str, wanted: u32, count: u32) -> Option<u32> {
    let before_the_last = |end: u32| end.checked_sub(count)?.checked_sub(1);
    place(map, wanted, count, before_the_last)
}

/// The id of a service: `wanted` if this process's namespace has it, else the last of its largest range, which no lane
/// has.
pub(crate) fn of_service(map: &str, wanted: u32) -> Option<u32> {
    place(map, wanted, 1, |end| end.checked_sub(1))
}

fn place(map: &str, wanted: u32, count: u32, from_the_end: impl Fn(u32) -> Option<u32>) -> Option<u32> {
    let ranges = map.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (first, _, length) = (fields.next()?, fields.next()?, fields.next()?);
        Some((first.parse::<u32>().ok()?, length.parse::<u32>().ok()?))
    });
    let ranges: Vec<(u32, u32)> = ranges.collect();
    let holds = |(first, length): &(u32, u32)| {
        wanted >= *first && wanted - first < *length && length - (wanted - first) >= count
    };
    if ranges.iter().any(holds) {
        return Some(wanted);
    }
    let (first, length) = ranges.into_iter().max_by_key(|(_, length)| *length)?;
    let base = from_the_end(first.checked_add(length)?)?;
    (base >= first && base > 0).then_some(base)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_take_the_ids_asked_for_or_the_last_there_are() {
        const WANTED: u32 = 0x7000_0000;
        assert_eq!(base("         0          0 4294967295\n", WANTED, 100), Some(WANTED), "the host");
        let rootless = "         0       1000          1\n         1     100000      65536\n";
        assert_eq!(base(rootless, WANTED, 100), Some(65_537 - 101), "an ordinary user's");
        assert_eq!(base("0 100000 65536\n", WANTED, 100), Some(65_435), "a container's");
        assert_eq!(base("0 1000 1\n", WANTED, 100), None, "one id is not enough");
        assert_eq!(base("0 0 100\n", WANTED, 100), None, "its root would be among them");
        assert_eq!(base("5 0 1879048200\n", WANTED, 100), Some(1_879_048_104), "asked for, but cut off");
        assert_eq!(of_service("0 0 4294967295\n", 998), Some(998));
        assert_eq!(of_service(rootless, WANTED), Some(65_536), "beside the lanes");
    }
}
