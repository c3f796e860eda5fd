//! A clock that only the test advances.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cupel_core::Clock;
use jiff::Timestamp;

use crate::builders::t0;

/// A clock that only the test changes. All clones have the same time.
#[derive(Clone, Debug)]
pub struct FakeClock {
    us: Arc<AtomicI64>,
}

impl Default for FakeClock {
    /// Returns a clock at [`t0`].
    fn default() -> FakeClock {
        FakeClock { us: Arc::new(AtomicI64::new(t0().as_microsecond())) }
    }
}

impl FakeClock {
    /// Advances the clock.
    pub fn advance(&self, by: Duration) {
        self.us.fetch_add(micros(by), Ordering::SeqCst);
    }

    /// Sets the clock back, as the database's clock may be.
    pub fn set_back(&self, by: Duration) {
        self.us.fetch_sub(micros(by), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.us.load(Ordering::SeqCst)).expect("the time is in range")
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).expect("the time is in range")
}
