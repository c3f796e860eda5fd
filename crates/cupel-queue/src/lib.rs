//! The `Queue` port's adapters, a file each. All of them pass the suite in `cupel-testkit`.
//!
//! *Architecture invariant:* a queue carries hints, never the truth. It may lose them and may give one
//! twice; what it must do is be fair, be bounded and never block whoever publishes.
#![forbid(unsafe_code)]

mod embedded;
mod line;

pub use embedded::{EmbeddedQueue, QUEUE_DEPTH_MAX};
