//! Adapters of the `Queue` port. All of them pass the conformance suite of `cupel-testkit`; the broker adapters pass it
//! on real servers.
//!
//! `embedded` is a queue in memory. Every other adapter implements the trait `Broker` (`broker.rs`) in one module,
//! behind a cargo feature of the same name. Their shared code is in `brokered/` and implements nearly every guarantee
//! of a queue. [`connect`] creates the queue that a URL names.
//!
//! A node's hints wait in its own line until the broker has fewer ready hints than `window` allows. Each node takes
//! only as many hints as its idle slots need; the priority classes are weighted 8 : 4 : 1. So fairness is decided
//! before the broker, which delivers in order of arrival.
//!
//! | broker | hints are stored in | if a node dies before it settles its hints | if the broker crashes |
//! |---|---|---|---|
//! | PostgreSQL | rows of an unlogged table, taken with SKIP LOCKED; NOTIFY wakes the nodes | lost; the sweeper finds the runs | lost; the sweeper finds the runs |
//! | Redis | one stream per class, one consumer group | other nodes claim them (XAUTOCLAIM) | depends on its persistence setting |
//! | RabbitMQ | one durable queue per class, with publisher confirms | redelivered to another node | kept |
//! | Kafka | one topic per class, one consumer group per language queue; offsets committed explicitly | the partition's next owner gets them, within 10 s | kept |
//!
//! Hints in a language queue without consumers do not count as published, so the sweeper publishes their runs again.
//!
//! *Architecture invariant:* a queue carries hints; the store has the runs. A queue may lose or repeat a hint. It must
//! be fair and bounded, and a broker that hangs must not block a publisher.
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
