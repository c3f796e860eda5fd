//! Time as a port, so that tests control it.

use jiff::{SignedDuration, Timestamp};

/// Source of the current time.
pub trait Clock: Send + Sync + 'static {
    /// The current time, UTC.
    fn now(&self) -> Timestamp;

    /// How far the machine's own clock is ahead of this one (negative: behind), as last measured.
    fn skew(&self) -> SignedDuration {
        SignedDuration::ZERO
    }
}

/// Smallest [`Clock::skew`] that is reported to people.
pub const SKEW_REPORTED: SignedDuration = SignedDuration::from_secs(5);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "all other code reads the time through `Clock`")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
