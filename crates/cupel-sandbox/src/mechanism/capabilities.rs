//! Permanently drops capabilities. Source: capabilities(7).

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

/// Empties the bounding set, so that executing a file restores no capability, except inheritable ones. Needs
/// `CAP_SETPCAP`, so call it before [`drop_all`].
pub(crate) fn empty_bounding_set() -> rustix::io::Result<()> {
    bound_to(CapabilitySet::empty())
}

/// Drops every capability except `kept` from the bounding set.
fn bound_to(kept: CapabilitySet) -> rustix::io::Result<()> {
    for bit in (0..64).filter(|bit| kept.bits() & (1 << bit) == 0) {
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit)) {
            Ok(()) => {}
            // The bit is above this kernel's last capability.
            Err(rustix::io::Errno::INVAL) => break,
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// Drops all effective, permitted and inheritable capabilities. The kernel then drops the ambient capabilities as well.
pub(crate) fn drop_all() -> rustix::io::Result<()> {
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

/// Capabilities that a zygote keeps when it is executed.
///
/// * `SYS_ADMIN`, `SYS_CHROOT`: to enter a cell's namespaces and to choose a pid there.
/// * `SYS_PTRACE`: to access these namespaces, although the cell's init has capabilities that a zygote lacks.
/// * `SETUID`, `SETGID`: to become the user as which the program runs.
const ZYGOTE: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETGID);

/// Makes the capabilities of [`ZYGOTE`] inheritable, so that a zygote executed as the lane's root has them even after
/// [`empty_bounding_set`]. Must be called before that function. Source: capabilities(7), "Capabilities and execution of
/// programs by root".
pub(crate) fn let_a_zygote_inherit() -> rustix::io::Result<()> {
    let own = rustix::thread::capabilities(None)?;
    set_capabilities(None, CapabilitySets { inheritable: ZYGOTE, ..own })
}

/// The capabilities that a launcher needs. Creating a lane's namespaces needs none of them (except `SYS_ADMIN` on some
/// hosts), since the creator of a user namespace has all capabilities in it.
///
/// * `SETUID`, `SETGID`: to write id maps.
/// * `SYS_ADMIN`: to open the directories that are shown in lanes (open_tree), and to create user namespaces on hosts
///   that reserve them for administrators.
/// * `DAC_OVERRIDE`, `CHOWN`: to give version 2 control groups to their lanes, and to open shown directories that other
///   users may not access.
/// * `SYS_NICE`: to give a lane's init priority over programs.
const LAUNCHER: CapabilitySet = CapabilitySet::SETUID
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::SYS_NICE);

/// Drops every capability except those that a launcher needs.
pub(crate) fn keep_launchers() -> rustix::io::Result<()> {
    bound_to(LAUNCHER)?;
    set_capabilities(
        None,
        CapabilitySets { effective: LAUNCHER, permitted: LAUNCHER, inheritable: CapabilitySet::empty() },
    )
}
