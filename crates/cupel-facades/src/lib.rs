//! Facades: the HTTP interfaces of other products, so that their clients need only another base URL.
//!
//! A facade is a dialect of `cupel-http`: it translates a request into core's use case, and the result into the other
//! product's response. There is one module per product; `docs/recipes/add-a-facade.md` describes how to add one.
//!
//! *Architecture invariants:* a facade executes, queues and limits nothing itself. A facade's names of languages are
//! data in `languages/*.toml`. Facades do not depend on the native API or on each other.
#![forbid(unsafe_code)]

mod charset;
mod execute;
mod jobe;
mod judge0;
mod keyless;
mod lenient_base64;
mod piston;
mod program;
mod sandboxfusion;
mod surrogates;

pub use jobe::{JOBE, jobe};
pub use judge0::{JUDGE0, Judge0Limit, Judge0Limits, Judge0Options, callback_body, judge0};
pub use keyless::Keyless;
pub use piston::{PISTON, PistonOptions, piston};
pub use sandboxfusion::{SANDBOXFUSION, sandboxfusion};
