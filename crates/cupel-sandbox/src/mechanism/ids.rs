//! User and group ids of lanes: their mapping to host ids, and changing to them. Source: user_namespaces(7).
//!
//! Each lane has two ids: 0 for its init, and one for the tenant's programs, by default 1000. Each lane maps them to
//! two host ids that no other lane of the same launcher has. So even if a kernel bug ignored the user namespace, one
//! lane's programs would not own files or processes of another lane or, if the host uses none of these ids, of the
//! host.

use std::io;

use rustix::process::{Gid, Pid, Uid};

/// The tenant's user and group id inside a lane, unless the lane's root is an image that names another user.
pub(crate) const TENANT: u32 = 1000;

/// First id of the lanes. It is `wanted` if this process's namespace has `count` ids from there on. Otherwise, it is an
/// id near the end of the namespace's largest range. The lanes never get the namespace's root id. `map` is the text of
/// `/proc/self/uid_map`.
pub(crate) fn base(map: &str, wanted: u32, count: u32) -> Option<u32> {
    let before_the_last = |end: u32| end.checked_sub(count)?.checked_sub(1);
    place(map, wanted, count, before_the_last)
}

/// The id of a service: `wanted` if this process's namespace has it, otherwise the last id of the largest range. Lanes
/// that [`base`] places at the end of that range do not use this id.
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

/// Writes the id maps of `pid`'s user namespace. `tenant` is the tenant's id in it, not 0.
pub(crate) fn map(pid: Pid, uid_base: u32, lane: u32, tenant: u32) -> io::Result<()> {
    let first = uid_base.saturating_add(lane.saturating_mul(2));
    let text = format!("0 {first} 1\n{tenant} {} 1\n", first.saturating_add(1));
    let dir = format!("/proc/{}", pid.as_raw_nonzero());
    std::fs::write(format!("{dir}/uid_map"), &text)?;
    std::fs::write(format!("{dir}/gid_map"), &text)
}

/// Becomes the lane's root, and drops all groups of the host.
pub(crate) fn become_lane_root() -> io::Result<()> {
    let (uid, gid) = (Uid::ROOT, Gid::ROOT);
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    // After the change of ids, the host's root owns /proc/self, but child processes must be able to access their own
    // entry.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)?;
    Ok(())
}

/// Becomes the tenant. Called between vfork and exec, so it must not allocate.
pub(crate) fn become_tenant(tenant: u32) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(tenant), Gid::from_raw(tenant));
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_use_the_requested_ids_or_the_last_ones_of_the_largest_range() {
        const WANTED: u32 = 0x7000_0000;
        assert_eq!(base("         0          0 4294967295\n", WANTED, 100), Some(WANTED), "the host");
        let rootless = "         0       1000          1\n         1     100000      65536\n";
        assert_eq!(base(rootless, WANTED, 100), Some(65_537 - 101), "an ordinary user");
        assert_eq!(base("0 100000 65536\n", WANTED, 100), Some(65_435), "a container");
        assert_eq!(base("0 1000 1\n", WANTED, 100), None, "one id is not enough");
        assert_eq!(base("0 0 100\n", WANTED, 100), None, "the namespace's root would be among them");
        assert_eq!(
            base("5 0 1879048200\n", WANTED, 100),
            Some(1_879_048_104),
            "the range ends too early after the requested id"
        );
        assert_eq!(of_service("0 0 4294967295\n", 998), Some(998));
        assert_eq!(of_service(rootless, WANTED), Some(65_536), "not an id of a lane");
    }
}
