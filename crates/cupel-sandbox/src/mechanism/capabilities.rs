//! Dropping capabilities, for good. Source: capabilities(7).

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

/// Empties the bounding set, so that no program file can give any back. Needs `CAP_SETPCAP`, so it comes
/// before [`drop_all`].
pub(crate) fn empty_bounding_set() -> rustix::io::Result<()> {
    bound_to(CapabilitySet::empty())
}

/// Drops everything but `kept` from the bounding set.
fn bound_to(kept: CapabilitySet) -> rustix::io::Result<()> {
    for bit in (0..64).filter(|bit| kept.bits() & (1 << bit) == 0) {
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit)) {
            Ok(()) => {}
            // Beyond the last capability this kernel knows.
            Err(rustix::io::Errno::INVAL) => break,
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// Gives up effective, permitted and inheritable capabilities; ambient ones go with them.
pub(crate) fn drop_all() -> rustix::io::Result<()> {
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// What a zygote does with privilege that it keeps when it is executed.
///
/// * `SYS_ADMIN`, `SYS_CHROOT`: entering a cell's namespaces, the choice of a pid there.
/// * `SYS_PTRACE`: finding them, though their init has capabilities that a zygote has not.
/// * `SETUID`, `SETGID`: becoming the tenant.
const ZYGOTE: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETGID);

/// Keeps these for whatever is executed as root of the lane, beyond [`empty_bounding_set`], before which it has to come.
/// Source: capabilities(7), "Capabilities and execution of programs by root".
pub(crate) fn let_a_zygote_inherit() -> rustix::io::Result<()> {
    let own = rustix::thread::capabilities(None)?;
    set_capabilities(None, CapabilitySets { inheritable: ZYGOTE, ..own })
}

/// What a launcher does with privilege, and nothing else. A lane's own namespaces need none of these: a user namespace's
/// maker has every right in it.
///
/// * `SETUID`, `SETGID`: writing id maps.
/// * `SYS_ADMIN`: opening the directories that are shown inside (open_tree), and user namespaces where a host
///   leaves them to administrators.
/// * `DAC_OVERRIDE`, `CHOWN`: version 2 control groups belong to their lanes; directories that are shown may be
///   closed to others.
/// * `SYS_NICE`: a lane's init comes before programs.
const LAUNCHER: CapabilitySet = CapabilitySet::SETUID
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::SYS_NICE);

/// Keeps only what a launcher needs.
pub(crate) fn keep_launchers() -> rustix::io::Result<()> {
    bound_to(LAUNCHER)?;
    set_capabilities(
        None,
        CapabilitySets { effective: LAUNCHER, permitted: LAUNCHER, inheritable: CapabilitySet::empty() },
    )
}
