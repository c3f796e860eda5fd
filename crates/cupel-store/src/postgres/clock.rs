//! The database's time on every node. Leases are compared with one clock, even if the clocks of the machines differ.
//!
//! The clock measures the offset between the database's clock and this machine's monotonic clock, at the start and
//! every ten seconds. Each measurement uses the fastest of three queries. The database reads its time at some point
//! within the round trip, so the error is at most half of the round trip. Small differences are applied in steps. A
//! large difference means that the database's clock was set or that another server has become the primary; it is
//! applied at once, so that all nodes agree, also with those that have just started. Only then may this clock go
//! backwards. After a small difference, it stops until the database's time has caught up. If the database's clock is
//! set back, stored times are in the future for a while: until the clock reaches them, runs that wait at that moment do
//! not become due, and leases of workers that die then do not expire.
//!
//! *Invariant:* the machine's wall clock is only used for comparison.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use cupel_core::{Clock, SKEW_REPORTED, SystemClock};
use jiff::{SignedDuration, Timestamp};

use super::pool::Pool;
use crate::sql::fault::SqlFault;
use crate::sql::read::{answer, query};
use crate::sql::{Sql, values};

/// Interval of measurements.
const EVERY: Duration = Duration::from_secs(10);
/// Queries per measurement.
const QUESTIONS: usize = 3;
/// If the difference in microseconds is at least this, the database's clock was set and did not merely drift.
const SET_US: i64 = 500_000;

/// A clock with the database's time. Clones have the same time.
#[derive(Clone)]
pub(super) struct DatabaseClock(Arc<Inner>);

struct Inner {
    began: Instant,
    times: Mutex<Times>,
    /// How far this machine's wall clock is ahead of the database's, in microseconds.
    skew_us: AtomicI64,
}

/// Times in microseconds since 1970. They change together, so that no thread returns a time of before a change.
struct Times {
    /// Estimated database time when the clock began.
    offset: i64,
    /// The last time returned since the database's clock was last set back.
    returned: i64,
}

/// One measurement: the database's time at an instant.
struct Sample {
    at: Instant,
    us: i64,
    skew_us: i64,
}

impl DatabaseClock {
    pub(super) fn measure(db: &dyn Sql) -> Result<DatabaseClock, SqlFault> {
        let sample = ask(db)?;
        let inner = Inner {
            began: sample.at,
            times: Mutex::new(Times { offset: sample.us, returned: i64::MIN }),
            skew_us: AtomicI64::new(sample.skew_us),
        };
        log_skew(0, sample.skew_us);
        Ok(DatabaseClock(Arc::new(inner)))
    }

    /// Repeats the measurement until all clones of the clock are dropped.
    pub(super) fn keep(&self, pool: Pool) {
        let clock: Weak<Inner> = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                // If the database does not answer, the clock continues with the last offset.
                let sample = pool.read(query(ask)).await;
                let Some(clock) = clock.upgrade() else { return };
                if let Ok(sample) = sample {
                    clock.learn(&answer::<Sample>(sample));
                }
            }
        });
    }
}

impl Inner {
    fn learn(&self, sample: &Sample) {
        let measured = sample.us - micros(sample.at.saturating_duration_since(self.began));
        let mut times = self.times();
        let difference = measured - times.offset;
        let was_set = difference.abs() >= SET_US;
        times.offset += if was_set { difference } else { difference / 4 };
        if was_set && difference < 0 {
            times.returned = i64::MIN;
        }
        drop(times);
        log_skew(self.skew_us.swap(sample.skew_us, Ordering::Relaxed), sample.skew_us);
    }

    fn at(&self, now: Instant) -> i64 {
        let mut times = self.times();
        times.returned = times.returned.max(times.offset + micros(now.saturating_duration_since(self.began)));
        times.returned
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.at(Instant::now())).unwrap_or(Timestamp::MAX)
    }

    fn skew(&self) -> SignedDuration {
        SignedDuration::from_micros(self.0.skew_us.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for DatabaseClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseClock").field("skew", &self.skew()).finish()
    }
}

/// Logs when this machine's clock starts or stops differing from the database's.
fn log_skew(before_us: i64, now_us: i64) {
    let is_wrong = |us| SignedDuration::from_micros(us).abs() >= SKEW_REPORTED;
    let seconds = now_us / 1_000_000;
    match (is_wrong(before_us), is_wrong(now_us)) {
        (false, true) => tracing::warn!(
            seconds,
            "this machine's clock differs from the database's by {seconds} s: leases use the database's clock, log lines use this machine's"
        ),
        (true, false) => tracing::info!("this machine's clock agrees with the database's again"),
        (true, true) | (false, false) => {}
    }
}

fn ask(db: &dyn Sql) -> Result<Sample, SqlFault> {
    let mut best: Option<(Duration, Sample)> = None;
    for _ in 0..QUESTIONS {
        let before = Instant::now();
        let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
        let us = db.one(sql, values![], |row| row.get::<i64>(0))?.unwrap_or_default();
        let (after, wall) = (Instant::now(), SystemClock.now());
        let journey = after.duration_since(before);
        let at = before + journey / 2;
        let skew_us = wall.as_microsecond() - micros(after.duration_since(at)) - us;
        if best.as_ref().is_none_or(|(quickest, _)| journey < *quickest) {
            best = Some((journey, Sample { at, us, skew_us }));
        }
    }
    best.map(|(_, sample)| sample).ok_or(SqlFault::BrokenOff)
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(us: i64) -> Inner {
        let times = Mutex::new(Times { offset: us, returned: 0 });
        Inner { began: Instant::now(), times, skew_us: AtomicI64::new(0) }
    }

    fn after(clock: &Inner, ms: u64) -> Instant {
        clock.began + Duration::from_millis(ms)
    }

    fn learn(clock: &Inner, ms: u64, us: i64) {
        clock.learn(&Sample { at: after(clock, ms), us, skew_us: 7 });
    }

    #[test]
    fn small_clock_differences_are_applied_in_steps_and_large_ones_at_once() {
        let clock = clock(1_000_000_000);
        assert_eq!(clock.at(after(&clock, 1000)), 1_001_000_000);
        learn(&clock, 2000, 1_002_000_400);
        assert_eq!(clock.at(after(&clock, 2000)), 1_002_000_100);
        // Five minutes ahead, as after a switch to another server.
        learn(&clock, 3000, 1_303_000_000);
        assert_eq!(clock.at(after(&clock, 3000)), 1_303_000_000);
        assert_eq!(clock.skew_us.load(Ordering::Relaxed), 7);
    }

    #[test]
    fn after_a_small_difference_the_clock_stops_and_does_not_go_backwards() {
        let clock = clock(1_000_000_000);
        let shown = clock.at(after(&clock, 5000));
        learn(&clock, 5000, 1_004_600_000);
        assert_eq!(clock.at(after(&clock, 5000)), shown);
        assert_eq!(clock.at(after(&clock, 5090)), shown);
        assert_eq!(clock.at(after(&clock, 5101)), shown + 1000);
    }

    /// Regression: running nodes stood still for as long as the clock was set back, while new nodes had the new time.
    #[test]
    fn if_the_databases_clock_is_set_back_a_running_node_agrees_with_a_new_one() {
        let hour_us = 3_600_000_000;
        let clock = clock(2 * hour_us);
        assert_eq!(clock.at(after(&clock, 5000)), 2 * hour_us + 5_000_000);
        learn(&clock, 6000, hour_us);
        assert_eq!(clock.at(after(&clock, 6000)), hour_us);
        assert_eq!(clock.at(after(&clock, 7000)), hour_us + 1_000_000);
    }
}
