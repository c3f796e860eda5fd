//! The size of a command, and its maximum.
//!
//! The sandbox enforces the maximum. The API and the judge check it before a step, so that a command that is too long
//! because of a submission's files and arguments is the submission's error, not a failure of the sandbox.

use crate::Bytes;

/// Maximum size of a command, as counted by [`command_bytes`]. The kernel accepts at least 128 KiB, even if the stack
/// limit is small (execve(2), "Limits on size of arguments and environment").
pub const COMMAND_BYTES_MAX: Bytes = Bytes::kib(96);

/// Size of the arguments and the environment of a command together: the bytes of all strings, and eight more for each.
pub fn command_bytes(argv: &[String], env: &[(String, String)]) -> Bytes {
    let of_argv: usize = argv.iter().map(|argument| argument.len() + 8).sum();
    let of_env: usize = env.iter().map(|(name, value)| name.len() + value.len() + 16).sum();
    Bytes::new((of_argv + of_env) as u64)
}
