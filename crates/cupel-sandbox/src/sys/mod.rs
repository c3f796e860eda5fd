//! The only module with `unsafe`: system calls that rustix has no safe form for, and one shared page.
//!
//! Every function here is small and safe to call: descriptors come in borrowed and go out owned, errors
//! are `io::Error`, and the reason why a call is sound stands beside it.
#![expect(unsafe_code, reason = "system calls")]

pub(crate) mod attack;
pub(crate) mod landlock;
pub(crate) mod mount;
pub(crate) mod namespaces;
pub(crate) mod perf;
pub(crate) mod process;
pub(crate) mod python;
pub(crate) mod seccomp;
pub(crate) mod shared;

use std::io;

/// The error of a raw system call that returned `value`.
fn check(value: libc::c_long) -> io::Result<libc::c_long> {
    if value < 0 { Err(io::Error::last_os_error()) } else { Ok(value) }
}
