//! Real servers for tests, on loopback: PostgreSQL, Redis, RabbitMQ, and servers with the protocols of Kafka and S3.
//!
//! `start()` starts an empty server for one test on a free port; dropping it stops it. `shared()` is one server for the
//! whole test process, for tests that do not harm it: each uses a fresh database, or a fresh [`cluster`] name as a
//! prefix of everything it creates. `lent()` is one server for the whole test process that one test at a time may harm.
//! [`Server`] lists the faults that a test can inject.
//!
//! However the test process ends, nothing is left: the kernel kills the servers with it, and a small process removes
//! their folders (`keeper.rs`). If a server is not installed, the test fails and names the package.
//!
//! All calls block, for up to several seconds.

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

/// The user and the password of every server here that has users.
const USER: &str = "cupel";
const PASSWORD: &str = "secret-of-the-tests";

/// A cluster name that no other test uses.
pub fn cluster() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
