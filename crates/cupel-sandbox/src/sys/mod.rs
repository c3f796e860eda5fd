//! The only module with `unsafe`: system calls without a safe form in rustix, mappings of memory, and the C interface
//! of CPython.
//!
//! The functions that other modules use are safe to call. Descriptors that they return are owned; those that they take
//! are borrowed or, where no owner exists between a fork and an exec, plain numbers. A comment at each unsafe call
//! explains why the call is sound. Errors are `io::Error`, except in functions that may be called between vfork and
//! exec, which return an errno, and in most functions for CPython, which return a message as a `String`.
#![expect(unsafe_code, reason = "system calls")]

pub(crate) mod attack;
pub(crate) mod landlock;
pub(crate) mod memory;
pub(crate) mod mount;
pub(crate) mod namespaces;
pub(crate) mod perf;
pub(crate) mod process;
pub(crate) mod python;
pub(crate) mod seccomp;
pub(crate) mod shared;
pub(crate) mod terminal;

use std::io;

/// The result of a raw system call that returned `value`.
fn check(value: libc::c_long) -> io::Result<libc::c_long> {
    if value < 0 { Err(io::Error::last_os_error()) } else { Ok(value) }
}
