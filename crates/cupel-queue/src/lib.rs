//! Adapters of the `Queue` port. All of them pass the conformance suite of `cupel-testkit`; the broker adapters pass it
//! on real servers.
//!
//! `embedded` is a queue in memory. Every other adapter implements the trait `Broker` (`broker.rs`) in one module, behind
//! a cargo feature of the same name. Their shared code is in `brokered/` and implements nearly every guarantee of a queue. [`connect`] creates the
//! queue that a URL names.
//!
//! *Architecture invariant:* a queue carries hints; the store has the runs. A queue may lose or repeat a hint. It must
//! be fair and bounded, and it must never block a publisher.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(feature = "postgres", feature = "redis", feature = "rabbitmq", feature = "kafka")),
    allow(unused, reason = "without all adapters, parts of the shared code are unused")
)]

mod broker;
mod brokered;
mod connect;
mod embedded;
mod error;
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

pub use connect::{Settings, connect};
pub use embedded::{EmbeddedQueue, QUEUE_DEPTH_MAX};
pub use error::ConnectError;
