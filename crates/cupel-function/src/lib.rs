#![doc = include_str!("../README.md")]
//! Function problems: drivers and starter code in every language that supports them, and the values passed to and from
//! drivers.
//!
//! ```text
//!  test: JSON value per line ──► FunctionCase ──lines──► driver ──► the submission's function
//!                                                          │
//!  verdict ◄── difference ◄── Value ◄── Answer ◄──frame────┘ descriptor 3
//! ```
//!
//! A driver is the main program: it reads arguments, calls the submission's function, and writes the result to a
//! separate channel. A driver consists of a source that is the same for all problems (`drivers/`) and, in languages
//! without reflection, a few lines generated from the signature (`languages/`). Before anything runs, this crate parses
//! the JSON and refuses values that do not match their type; so drivers need no JSON parser. `wire.rs` documents the
//! format that drivers read and write, `batch.rs` the protocol for several tests in one process. The rules for such
//! batches are in `cupel-judge` (`problem/function/batch.rs`). [`starter_code`] generates the template of a submission.
//!
//! *Invariant:* a driver never gets the expected result. A submission that takes over the driver's process can forge an
//! answer, but does not learn the correct one.

#![forbid(unsafe_code)]

mod batch;
mod case;
mod json;
mod languages;
mod starter;
mod value;
mod wire;

pub use batch::{BATCH_ARGUMENT, BatchChannel, BatchFrame};
pub use case::{Answer, CallError, Expected, FunctionCase, RETURNED_MAX, TEST_VALUES_MAX};
pub use json::JsonError;
pub use languages::{Driver, DriverSources};
pub use starter::starter_code;
pub use value::Value;
