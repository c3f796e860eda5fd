//! The `Queue` port's adapters. All of them pass the suite in `cupel-testkit`, those at brokers on real servers.
//!
//! `embedded` is a line in memory. The others are a `broker.rs` each, a file and a cargo feature; what they have in common, which is
//! nearly everything that a queue promises, is in `brokered/`. [`connect`] makes the one that a URL names.
//!
//! *Architecture invariant:* a queue carries hints, never the truth. It may lose them and may give one
//! twice; what it must do is be fair, be bounded and never block whoever publishes.
#![forbid(unsafe_code)]

mod broker;
mod brokered;
mod connect;
mod embedded;
#[cfg(any(feature = "rabbitmq", feature = "kafka"))]
mod inbox;
#[cfg(feature = "kafka")]
mod kafka;
mod line;
mod names;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
#[cfg(feature = "redis")]
mod redis;
mod shares;
mod wire;

pub use connect::{ConnectError, Settings, connect};
pub use embedded::{EmbeddedQueue, QUEUE_DEPTH_MAX};
