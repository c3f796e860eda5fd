//! Real servers for tests, on loopback: PostgreSQL, Redis, RabbitMQ, and those that speak Kafka's and S3's protocols.
//!
//! `start()` gives a server of the test's own, with nothing in it, on a free port; it ends when it is dropped. `shared()` is one
//! for the whole test process, for tests that do it no harm: they take a fresh database, or a fresh [`cluster`] name that
//! prefixes all they make. What each can be put through is at [`Server`].
//!
//! Nothing stays behind, however the test process ends: the kernel kills the servers with it, and a small process that
//! waits for its end removes their folders (`keeper.rs`). A server that is not installed fails the test and names the package.
//!
//! All calls block, for up to some seconds.

mod certificate;
mod kafka;
mod keeper;
mod postgres;
mod rabbitmq;
mod redis;
mod relay;
mod s3;
mod server;

use std::sync::atomic::{AtomicU32, Ordering};

pub use kafka::Kafka;
pub use postgres::Postgres;
pub use rabbitmq::RabbitMq;
pub use redis::Redis;
pub use s3::S3;
pub use server::Server;

/// The user and the password of every server here that knows users.
const USER: &str = "cupel";
const PASSWORD: &str = "secret-of-the-tests";

/// A name of a cluster that no other test has.
pub fn cluster() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
