#![doc = include_str!("../README.md")]
//! Function problems: what is made of a signature. Drivers and starter code in every language that has them, and the values
//! that go in and come out.
//!
//! ```text
//!  test: a JSON value a line ──► FunctionCase ──lines──► driver ──► the submission's function
//!                                                          │
//!  verdict ◄── difference ◄── Value ◄── Answer ◄──frame────┘ descriptor 3
//! ```
//!
//! A driver is the program: it reads arguments, calls, and writes what is returned to a channel of its own. What it is made of:
//! a source that is the same for every problem (`drivers/`), and in languages without reflection a few lines made from the
//! signature (`dialect/`). The lines that it reads are not JSON, so no driver has a parser of it: what is no value of a
//! type is refused here, before anything runs. See `wire.rs` for them.
//!
//! *Invariant:* a driver is never told what is expected. Whoever takes it over in its process can answer, but has to answer
//! right.

#![forbid(unsafe_code)]

mod case;
mod dialect;
mod json;
mod starter;
mod value;
mod wire;

pub use case::{Answer, CallError, Expected, FunctionCase, RETURNED_MAX};
pub use dialect::{Driver, DriverSources};
pub use json::JsonError;
pub use starter::starter_code;
pub use value::{Value, difference};
