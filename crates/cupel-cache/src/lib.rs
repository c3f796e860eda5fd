//! State that API nodes share and must read quickly: rate limit buckets, in this process (`memory.rs`) or on Redis
//! (`redis.rs`), and the result cache, which maps a submission's key to an earlier result (`results.rs`). `link.rs`
//! keeps the connection.
//!
//! *Architecture invariant:* every call returns soon. If Redis is unreachable, each node answers from its local state,
//! and its health reports it.
#![forbid(unsafe_code)]

mod connect;
mod link;
mod memory;
mod redis;
mod results;

pub use connect::{ConnectError, SharedCaches, connect, connect_patiently};
pub use memory::MemoryBuckets;
pub use results::MemoryResults;
