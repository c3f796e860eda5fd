//! Installation of a seccomp filter. Source: seccomp(2).

/// One instruction of classic BPF, `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) jt: u8,
    pub(crate) jf: u8,
    pub(crate) k: u32,
}

#[repr(C)]
struct Program {
    len: u16,
    filter: *const Instruction,
}

const SECCOMP_SET_MODE_FILTER: u32 = 1;

/// Installs `filter` for the calling thread; `no_new_privs` must be set. Returns 0 or an errno. May be called
/// between vfork and exec.
pub(crate) fn install(filter: &[Instruction]) -> i32 {
    let Ok(len) = u16::try_from(filter.len()) else { return libc::E2BIG };
    let program = Program { len, filter: filter.as_ptr() };
    // SAFETY: `program` describes `filter`, and both live across the call; the kernel copies them.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u32, &raw const program) };
    if result < 0 { super::process::errno() } else { 0 }
}
