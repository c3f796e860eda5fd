//! Runs programs in the sandbox of this machine.
//!
//! ```text
//!  NativeSlot ─┬───► live               input that arrives while a program runs
//!       │      └───► compile_services   long-running compilers, tried before the compiler's command
//!       └─► SharedSandbox ◄──┘          the sandbox
//! ```

mod compile_services;
mod live;
mod sandbox;
mod slot;

pub(crate) use compile_services::CompileServices;
pub use compile_services::CompilerSharing;
pub(crate) use sandbox::SharedSandbox;
pub(crate) use slot::{NativeSlot, failed};
