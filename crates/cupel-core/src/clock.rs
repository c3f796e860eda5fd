//! Time as a port, so that tests turn the hands.

use jiff::{SignedDuration, Timestamp};

/// Says what time it is.
pub trait Clock: Send + Sync + 'static {
    /// Now, UTC.
    fn now(&self) -> Timestamp;

    /// How far the machine's own clock is ahead of this one (negative: behind), as last measured.
    fn skew(&self) -> SignedDuration {
        SignedDuration::ZERO
    }
}

/// From which [`Clock::skew`] on people are told.
pub const SKEW_TOLD: SignedDuration = SignedDuration::from_secs(5);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
