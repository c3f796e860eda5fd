//! What API nodes have in common, and need fast: buckets that limit rates, in this process (`memory.rs`) or on Redis (`redis.rs`), and
//! which submission has which result (`results.rs`). `link.rs` keeps the connection.
//!
//! *Architecture invariant:* whoever asks gets an answer soon, whatever becomes of the server; then each node answers from what it
//! knows, and its health says so.
#![forbid(unsafe_code)]

mod connect;
mod link;
mod memory;
mod redis;
mod results;

pub use connect::{ConnectError, Shared, connect, connect_patiently};
pub use memory::MemoryBuckets;
pub use results::MemoryResults;
