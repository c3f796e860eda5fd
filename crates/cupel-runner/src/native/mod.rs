//! The runner of this machine: programs run in the sandbox or, if their root is an image of Docker Engine, in its
//! containers.
//!
//! ```text
//!  NativeRunner ─► SlotExecutor ─► interaction        two programs that communicate with each other
//!        │               ├───────► live               input that arrives while a program runs
//!        │               └───────► compile_services   long-running compilers, tried before the compiler's command
//!        └─► SharedSandbox ◄───────────┘              the sandbox, and which of its slots are busy
//! ```

mod compile_services;
mod executor;
mod interaction;
mod live;
mod output;
mod runner;
mod sandbox;

pub use compile_services::CompilerSharing;
pub(crate) use runner::operators_command;
pub use runner::{Directories, Launched, NativeRunner, launch_examination, run_in_image};
