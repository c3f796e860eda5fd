//! The `EventBus` port's adapters, a file each. All of them pass the suite in `cupel-testkit`.
//!
//! *Architecture invariant:* a bus may lose everything at a restart; publishing never blocks and never
//! fails; memory is bounded however slow the listeners and however talkative the programs are.
#![forbid(unsafe_code)]

mod embedded;
mod log;

pub use embedded::{EmbeddedBus, EventBounds};
