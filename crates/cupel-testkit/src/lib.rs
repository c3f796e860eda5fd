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
pub mod http;
pub mod queue;
pub mod servers;
pub mod store;
mod subject;

pub use builders::{SubmissionBuilder, a_completion, a_report, a_submission, a_user, fresh, registry, t0};
pub use clock::FakeClock;
pub use subject::Subject;
#[doc(hidden)]
pub use tokio;

/// As a whole: one whose every step comes in time may still never end.
const RULE_MAX: std::time::Duration = std::time::Duration::from_secs(600);

#[doc(hidden)]
pub async fn rule_in_time(rule: impl Future<Output = ()>) {
    let in_time = tokio::time::timeout(RULE_MAX, Box::pin(rule)).await;
    assert!(in_time.is_ok(), "the rule has not ended after {RULE_MAX:?}");
}

/// Makes a test of each rule: `rules!(module, make, [rule, …])`. One that does not end fails, sooner or later.
#[doc(hidden)]
#[macro_export]
macro_rules! rules {
    ($module:path, $make:expr, [$($rule:ident),* $(,)?]) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $rule() {
            use $module as suite;
            $crate::rule_in_time(suite::$rule($make)).await;
        }
    )*};
}
