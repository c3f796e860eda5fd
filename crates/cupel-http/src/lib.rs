//! Common code of all dialects of the HTTP interface: server loop, edge, bodies, rate limits, authentication, errors.
//!
//! A request passes `edge.rs` (id, log, metrics, errors), then the extractors of its handler (`caller.rs` identifies
//! the caller, `body.rs` parses the input), then the handler, which belongs to a dialect. A [`Dialect`] owns the paths
//! below a prefix, and defines how clients send credentials, which callers may use each operation, and the form of
//! errors.
//!
//! *Architecture invariants:* this crate names no dialect and does not depend on SQL, a broker or the sandbox. Every
//! refusal is an [`ErrorKind`](error::ErrorKind). Program text, input, output and secrets are never logged. State per
//! client is always bounded.
#![forbid(unsafe_code)]

pub mod app;
pub mod at_once;
pub mod auth;
pub mod body;
pub mod budget;
pub mod caller;
pub mod client;
pub mod compressed;
mod connections;
mod dialect;
pub mod draining;
mod edge;
pub mod error;
pub mod idempotency;
pub mod large_answer;
pub mod lists;
mod missing;
pub mod notes;
mod numbers;
pub mod object;
mod ops;
pub mod rate_limit;
mod router;
mod serve;
mod state;
pub mod submission_rate;
pub mod suggest;
pub mod websocket;

pub use cupel_core::rate_limit::Rate;
pub use dialect::{Dialect, Mounted, Rendered};
pub use router::{accepts_html, ops_router, router};
pub use serve::{ServeSettings, serve};
pub use state::{
    ApiState, Check, Health, HealthReport, LoginRates, MetricsAccess, Network, NetworkError, Secret, Settings,
    TierRates, Wall, base_path,
};
