//! Test support: builders that are valid by default, a fake clock, real servers, and the conformance suites that every
//! adapter of a port must pass.
//!
//! A suite is a module of rules, each a function that takes a factory of fresh adapters, usually [`Subject`]s. The
//! macro of a suite turns each rule into a test:
//!
//! ```text
//! cupel_testkit::event_bus_conformance!(async || Subject::new(EmbeddedBus::default()));
//! ```
#![forbid(unsafe_code)]

pub mod alone;
pub mod blobs;
pub mod brokers;
mod builders;
mod clock;
pub mod docker;
pub mod events;
pub mod http;
pub mod queue;
pub mod servers;
pub mod store;
mod subject;

pub use builders::{SubmissionBuilder, Unlimited, a_completion, a_report, a_submission, a_user, fresh, registry, t0};
pub use clock::FakeClock;
pub use subject::Subject;
#[doc(hidden)]
pub use tokio;

/// Timeout of a whole rule. A rule can run forever even if each of its steps meets its own timeout.
const RULE_MAX: std::time::Duration = std::time::Duration::from_secs(600);

#[doc(hidden)]
pub async fn rule_in_time(rule: impl Future<Output = ()>) {
    let in_time = tokio::time::timeout(RULE_MAX, Box::pin(rule)).await;
    assert!(in_time.is_ok(), "the rule did not end within {RULE_MAX:?}");
}

/// Turns each rule into a test: `rules!(module, make, [rule, …])`. A test fails if its rule does not end in time.
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
