//! A clock whose hands the test turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cupel_core::Clock;
use jiff::Timestamp;

use crate::builders::t0;

/// Stands still until it is told otherwise. Clones show the same time.
#[derive(Clone, Debug)]
pub struct FakeClock {
    us: Arc<AtomicI64>,
}

impl Default for FakeClock {
    /// Shows [`t0`].
    fn default() -> FakeClock {
        FakeClock { us: Arc::new(AtomicI64::new(t0().as_microsecond())) }
    }
}

impl FakeClock {
    /// Moves the hands forward.
    pub fn advance(&self, by: Duration) {
        self.us.fetch_add(i64::try_from(by.as_micros()).expect("a time a test can mean"), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.us.load(Ordering::SeqCst)).expect("a time a test can mean")
    }
}
