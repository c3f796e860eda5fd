//! The three Landlock system calls. Source: landlock(7), linux/landlock.h.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `struct landlock_ruleset_attr` up to ABI 6.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RulesetAttr {
    pub(crate) handled_access_fs: u64,
    pub(crate) handled_access_net: u64,
    pub(crate) scoped: u64,
}

#[repr(C, packed)]
struct PathBeneathAttr {
    allowed_access: u64,
    parent_fd: i32,
}

const RULE_PATH_BENEATH: i32 = 1;
const CREATE_RULESET_VERSION: u32 = 1;

/// The Landlock ABI version of this kernel; 0 if the kernel has no Landlock.
pub(crate) fn abi() -> u32 {
    // SAFETY: with the VERSION flag the kernel takes a null pointer and no size.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<RulesetAttr>(),
            0usize,
            CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(version).unwrap_or(0)
}

/// Creates a ruleset. `size` is the number of bytes of `attr` that this kernel's ABI has.
pub(crate) fn create_ruleset(attr: &RulesetAttr, size: usize) -> io::Result<OwnedFd> {
    let size = size.min(size_of::<RulesetAttr>());
    // SAFETY: `attr` is valid for `size` bytes.
    let fd = super::check(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::from_ref(attr), size, 0u32)
    })?;
    // SAFETY: the call returned a new descriptor, which nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Adds a rule that allows `access` beneath `path`.
pub(crate) fn allow_beneath(ruleset: BorrowedFd<'_>, path: BorrowedFd<'_>, access: u64) -> io::Result<()> {
    let attr = PathBeneathAttr { allowed_access: access, parent_fd: path.as_raw_fd() };
    // SAFETY: `attr` has the layout that the rule type requires, and lives across the call.
    super::check(unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), RULE_PATH_BENEATH, &raw const attr, 0u32)
    })
    .map(drop)
}

/// Applies the ruleset to the calling thread. Returns 0 or an errno. May be called between vfork and exec.
pub(crate) fn restrict_self(ruleset: i32) -> i32 {
    // SAFETY: only numbers are passed.
    if unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0u32) } < 0 {
        super::process::errno()
    } else {
        0
    }
}
