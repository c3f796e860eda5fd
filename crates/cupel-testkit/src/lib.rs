//! For tests only: builders that are valid by default, a clock whose hands a test turns, real servers, and the suites
//! that every adapter of a port must pass.
//!
//! A suite is a module of rules, each an async function over a fresh [`Subject`]; the macros
//! [`store_conformance!`], [`store_nodes_conformance!`], [`queue_conformance!`] and [`event_bus_conformance!`] make a test of each rule:
//!
//! ```text
//! cupel_testkit::event_bus_conformance!(async |bounds| Subject::new(EmbeddedBus::new(bounds)));
//! ```
#![forbid(unsafe_code)]

pub mod blobs;
pub mod brokers;
mod builders;
mod clock;
pub mod events;
pub mod queue;
pub mod servers;
pub mod store;
mod subject;

pub use builders::{SubmissionBuilder, a_completion, a_report, a_submission, a_user, fresh, registry, t0};
pub use clock::FakeClock;
pub use subject::Subject;
#[doc(hidden)]
pub use tokio;

/// Makes a test of each rule: `rules!(module, make, [rule, …])`.
#[doc(hidden)]
#[macro_export]
macro_rules! rules {
    ($module:path, $make:expr, [$($rule:ident),* $(,)?]) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $rule() {
            use $module as suite;
            suite::$rule($make).await;
        }
    )*};
}
