//! Rate limiting by the generic cell rate algorithm, with a bound on the memory it may take.
//!
//! Each key has one number: the theoretical arrival time (TAT), the moment at which its bucket is full
//! again. A request of cost `n` moves it by `n` emission intervals and is refused while it would lie
//! further ahead than the burst allows. Written here rather than taken from a library because three things
//! are needed together: a cost larger than the burst (a batch), giving a charge back (a password that
//! turned out right), and a hard bound on the number of keys.
//!
//! Invariants: time is monotonic and comes from the caller; a shard's lock is never held across an await; a key
//! whose bucket is full carries no information and may be forgotten at any time.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So many per window, so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many in each window, in the long run.
    pub quota: u32,
    /// The window.
    pub window: Duration,
    /// How many at once, after a rest.
    pub burst: u32,
}

impl Rate {
    /// `quota` per `window`, `burst` at once. Zeroes count as one.
    pub const fn new(quota: u32, window: Duration, burst: u32) -> Rate {
        Rate { quota: if quota == 0 { 1 } else { quota }, window, burst: if burst == 0 { 1 } else { burst } }
    }

    /// `quota` per minute.
    pub const fn per_minute(quota: u32, burst: u32) -> Rate {
        Rate::new(quota, Duration::from_secs(60), burst)
    }

    fn interval_ns(self) -> u64 {
        (self.window.as_nanos() as u64 / u64::from(self.quota)).max(1)
    }

    fn tolerance_ns(self) -> u64 {
        self.interval_ns().saturating_mul(u64::from(self.burst))
    }
}

/// What is left after a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many more may come at once.
    pub(crate) remaining: u32,
    /// When the bucket is full again.
    pub(crate) reset: Duration,
}

/// The decision. `tat` is the key's stored time, `now` the time on the same scale, both in nanoseconds.
///
/// A cost above the burst is admitted when the bucket is full, and paid off before anything else is: a
/// batch of a thousand is then as expensive as a thousand single submissions, but not impossible.
fn decide(tat: u64, now: u64, rate: Rate, cost: u32) -> Result<u64, Duration> {
    let base = tat.max(now);
    let effective = u64::from(cost.min(rate.burst));
    let needed = base.saturating_add(rate.interval_ns().saturating_mul(effective));
    let allowed = now.saturating_add(rate.tolerance_ns());
    if needed > allowed {
        return Err(Duration::from_nanos(needed - allowed));
    }
    Ok(base.saturating_add(rate.interval_ns().saturating_mul(u64::from(cost))))
}

fn standing(tat: u64, now: u64, rate: Rate) -> Standing {
    let ahead = tat.saturating_sub(now);
    let free = rate.tolerance_ns().saturating_sub(ahead);
    Standing { remaining: (free / rate.interval_ns()) as u32, reset: Duration::from_nanos(ahead) }
}

const SHARDS: usize = 16;

/// Buckets for many keys.
pub(crate) struct Buckets<K> {
    shards: Vec<Mutex<HashMap<K, u64>>>,
    hasher: RandomState,
    shard_keys_max: usize,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Buckets for at most `keys_max` keys; beyond that, those nearest to full are forgotten.
    pub(crate) fn new(keys_max: usize) -> Buckets<K> {
        Buckets {
            shards: (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect(),
            hasher: RandomState::new(),
            shard_keys_max: (keys_max / SHARDS).max(1),
        }
    }

    fn shard(&self, key: &K) -> std::sync::MutexGuard<'_, HashMap<K, u64>> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `cost` out of the key's bucket, or says how long to wait. A refusal costs nothing.
    pub(crate) fn take(&self, key: &K, now: Duration, rate: Rate, cost: u32) -> Result<Standing, (Standing, Duration)> {
        let now = now.as_nanos() as u64;
        let mut shard = self.shard(key);
        let tat = shard.get(key).copied().unwrap_or(0);
        match decide(tat, now, rate, cost) {
            Ok(next) => {
                if !shard.contains_key(key) && shard.len() >= self.shard_keys_max {
                    make_room(&mut shard, now);
                }
                shard.insert(key.clone(), next);
                Ok(standing(next, now, rate))
            }
            Err(wait) => Err((standing(tat, now, rate), wait)),
        }
    }

    /// Puts `cost` back that [`take`](Buckets::take) took.
    pub(crate) fn give_back(&self, key: &K, rate: Rate, cost: u32) {
        if let Some(tat) = self.shard(key).get_mut(key) {
            *tat = tat.saturating_sub(rate.interval_ns().saturating_mul(u64::from(cost)));
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|s| s.lock().unwrap().len()).sum()
    }
}

/// Forgets full buckets; if there are none, the one that is full soonest.
fn make_room<K: Hash + Eq + Clone>(shard: &mut HashMap<K, u64>, now: u64) {
    let before = shard.len();
    shard.retain(|_, tat| *tat > now);
    if shard.len() == before
        && let Some(key) = shard.iter().min_by_key(|(_, tat)| **tat).map(|(key, _)| key.clone())
    {
        shard.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::per_minute(60, 10); // one a second, ten at once
    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    #[test]
    fn a_burst_then_one_per_interval() {
        let buckets = Buckets::new(100);
        for n in (0..10).rev() {
            assert_eq!(buckets.take(&"a", at(0), RATE, 1).unwrap().remaining, n);
        }
        let (standing, wait) = buckets.take(&"a", at(0), RATE, 1).unwrap_err();
        assert_eq!((standing.remaining, wait), (0, Duration::from_secs(1)));
        assert!(buckets.take(&"b", at(0), RATE, 1).is_ok(), "keys do not share");
        assert!(buckets.take(&"a", at(1), RATE, 1).is_ok());
        assert!(buckets.take(&"a", at(1), RATE, 1).is_err());
    }

    #[test]
    fn a_refusal_costs_nothing() {
        let buckets = Buckets::new(100);
        buckets.take(&"a", at(0), RATE, 10).unwrap();
        for _ in 0..100 {
            buckets.take(&"a", at(0), RATE, 1).unwrap_err();
        }
        assert!(buckets.take(&"a", at(1), RATE, 1).is_ok());
    }

    #[test]
    fn a_cost_above_the_burst_needs_a_full_bucket_and_is_paid_in_full() {
        let buckets = Buckets::new(100);
        buckets.take(&"a", at(0), RATE, 1).unwrap();
        let (_, wait) = buckets.take(&"a", at(0), RATE, 100).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        assert_eq!(buckets.take(&"a", at(1), RATE, 100).unwrap().reset, Duration::from_secs(100));
        assert!(buckets.take(&"a", at(91), RATE, 1).is_err());
        assert!(buckets.take(&"a", at(92), RATE, 1).is_ok());
    }

    #[test]
    fn what_is_given_back_was_never_taken() {
        let buckets = Buckets::new(100);
        for _ in 0..1000 {
            buckets.take(&"a", at(0), RATE, 1).unwrap();
            buckets.give_back(&"a", RATE, 1);
        }
        assert_eq!(buckets.take(&"a", at(0), RATE, 1).unwrap().remaining, 9);
    }

    #[test]
    fn a_million_keys_take_bounded_memory() {
        let buckets = Buckets::new(1600);
        for key in 0..100_000u32 {
            let _ = buckets.take(&key, at(0), RATE, 1);
        }
        assert!(buckets.len() <= 1600, "{}", buckets.len());
    }
}
