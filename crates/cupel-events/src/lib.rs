//! Adapters of the `EventBus` port: in this process (`embedded.rs`), and over a server that all nodes share
//! (`remote.rs`), either Redis or PostgreSQL. All of them pass the conformance suite of `cupel-testkit`.
//!
//! Between nodes, every event is sent with the number of the previous one, so a receiver detects a lost event. A
//! subscriber that misses events gets a gap, and then reads the store.
//!
//! Notices, such as cancellations (`Notice::Stop`), also reach all nodes, so that a worker stops at once instead of at
//! its next lease renewal. A lost notice is not detected.
//!
//! *Limit:* the bus cannot detect events that were never published: a worker may be killed between writing a result and
//! publishing it. So a waiting request that receives no event for 15 s, or for the length of a lease if that is
//! shorter, reads the store (`cupel-core/src/view.rs`).
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
