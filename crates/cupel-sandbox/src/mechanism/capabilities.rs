//! Dropping every capability, for good. Source: capabilities(7).

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

/// Empties the bounding set, so that no program file can give any back. Needs `CAP_SETPCAP`, so it comes
/// before [`drop_all`].
pub(crate) fn empty_bounding_set() -> rustix::io::Result<()> {
    for bit in 0..64 {
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
