//! Real servers for tests, on loopback: PostgreSQL, Redis, RabbitMQ, a registry of container images, and servers with
//! the protocols of Kafka and S3.
//!
//! `start()` starts an empty server for one test on a free port; dropping the value stops the server. `shared()`
//! returns one server for the whole test process, for tests that do not harm it: each test uses a new database, or a
//! new [`cluster`] name as the prefix of everything that it creates. `lent()` returns one server for the whole test
//! process that one test at a time may harm. [`Server`] lists the faults that a test can inject.
//!
//! No process or file is left behind even if the test process is killed: the kernel kills the servers when the
//! process ends, and a small helper process removes the servers' folders (`keeper.rs`). If a server is not installed,
//! the test fails and says how to install it.
//!
//! Most calls block, usually for up to several seconds.

mod certificate;
mod image_registry;
mod kafka;
pub(crate) mod keeper;
mod postgres;
mod rabbitmq;
mod redis;
mod relay;
mod s3;
mod server;

use std::sync::atomic::{AtomicU32, Ordering};

pub use image_registry::ImageRegistry;
pub use kafka::Kafka;
pub use postgres::Postgres;
pub use rabbitmq::RabbitMq;
pub use redis::Redis;
pub use s3::S3;
pub use server::Server;

/// The user name and the password on every server that has users.
const USER: &str = "cupel";
const PASSWORD: &str = "secret-of-the-tests";

/// Returns a cluster name that no other test uses.
pub fn cluster() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
