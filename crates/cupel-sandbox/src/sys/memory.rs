//! Anonymous memory mappings.

use std::io;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Maps `bytes` of new memory, makes the kernel provide all its pages, and unmaps them.
pub(crate) fn map_and_unmap(bytes: usize) -> io::Result<()> {
    let flags = MapFlags::PRIVATE | MapFlags::POPULATE;
    // SAFETY: a new mapping at an address chosen by the kernel replaces no other.
    let start = unsafe { mmap_anonymous(std::ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, flags) }?;
    // SAFETY: the mapping is the one made above, and nothing refers to it.
    Ok(unsafe { munmap(start, bytes) }?)
}
