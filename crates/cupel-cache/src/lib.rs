//! State that API nodes share and must read quickly. Rate limit buckets are in this process (`memory.rs`) or on Redis
//! (`redis.rs`). The result cache maps a submission's key to an earlier result (`results.rs`). `link.rs` maintains the
//! connection.
//!
//! *Architecture invariant:* every call returns quickly. If Redis is unreachable, each node uses its local buckets,
//! finds no cached results, and reports the outage in its health.
#![forbid(unsafe_code)]

mod connect;
mod link;
mod memory;
mod redis;
mod results;

pub use connect::{ConnectError, SharedCaches, connect, connect_patiently};
pub use memory::MemoryBuckets;
pub use results::MemoryResults;
