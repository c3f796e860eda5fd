//! The `EventBus` port's adapters: in this process (`embedded.rs`), and over a server that all nodes share (`remote.rs`),
//! which is Redis or PostgreSQL. All of them pass the suite in `cupel-testkit`.
//!
//! *Architecture invariant:* a bus may lose everything at a restart; publishing never blocks and never
//! fails; memory is bounded however slow the listeners and the servers and however talkative the programs are.
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
