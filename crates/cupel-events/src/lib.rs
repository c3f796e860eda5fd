//! Adapters of the `EventBus` port: in this process (`embedded.rs`), and over a server that all nodes share
//! (`remote.rs`), either Redis or PostgreSQL. All of them pass the conformance suite of `cupel-testkit`.
//!
//! *Architecture invariant:* a bus may lose everything at a restart. Publishing never blocks and never fails. Memory is
//! bounded, regardless of slow listeners, slow servers and the amount of output of the programs.
#![forbid(unsafe_code)]

mod connect;
mod embedded;
mod hub;
mod log;
mod notices;
mod outbox;
mod postgres;
mod reader;
mod redis;
mod remote;
mod wire;

pub use connect::{ConnectError, connect};
pub use embedded::{EmbeddedBus, EventBounds};
