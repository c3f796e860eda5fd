//! Buckets in this process, with bounded memory.
//!
//! Invariants: time is monotonic; a shard's lock is never held across an await; a full bucket carries no information
//! and may be removed at any time.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cupel_core::rate_limit::{BucketKind, Buckets, Charge, Exhausted, Rate, Standing};

const SHARDS: usize = 16;

/// Maximum number of buckets of a kind. Beyond this number, the buckets nearest to full are removed.
const fn keys_max(kind: BucketKind) -> usize {
    match kind {
        BucketKind::User => 200_000,
        BucketKind::LoginPair | BucketKind::LoginAccount | BucketKind::Address | BucketKind::Session => 100_000,
    }
}

/// Maximum number of remembered keys. When this number is reached, the older half is dropped.
const KNOWN_MAX: usize = 50_000;

/// Buckets of this process.
pub struct MemoryBuckets {
    started: Instant,
    kinds: Vec<Kind>,
    known: Mutex<Generations>,
}

impl Default for MemoryBuckets {
    fn default() -> MemoryBuckets {
        MemoryBuckets {
            started: Instant::now(),
            kinds: BucketKind::ALL.iter().map(|kind| Kind::new(keys_max(*kind))).collect(),
            known: Mutex::default(),
        }
    }
}

impl MemoryBuckets {
    fn kind(&self, kind: BucketKind) -> &Kind {
        let at = BucketKind::ALL.iter().position(|one| *one == kind).unwrap_or_default();
        &self.kinds[at]
    }

    fn take_at(&self, charges: &[Charge], now: Duration) -> Result<Standing, Exhausted> {
        let mut first = Standing { remaining: 0, reset: Duration::ZERO };
        for (at, charge) in charges.iter().enumerate() {
            match self.kind(charge.kind).take(&charge.key, now, charge.rate, charge.cost) {
                Ok(standing) if at == 0 => first = standing,
                Ok(_) => {}
                Err((standing, wait)) => {
                    // Return the cost already taken from the buckets before the exhausted one.
                    charges[..at].iter().for_each(|charge| self.put_back(charge));
                    return Err(Exhausted { charge_index: at, standing, wait });
                }
            }
        }
        Ok(first)
    }

    fn put_back(&self, charge: &Charge) {
        self.kind(charge.kind).refund(&charge.key, charge.rate, charge.cost);
    }

    fn known(&self) -> MutexGuard<'_, Generations> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Buckets for MemoryBuckets {
    async fn take(&self, charges: &[Charge]) -> Result<Standing, Exhausted> {
        self.take_at(charges, self.started.elapsed())
    }

    async fn refund(&self, charges: &[Charge]) {
        charges.iter().for_each(|charge| self.put_back(charge));
    }

    async fn remember(&self, key: &str) {
        self.known().insert(key);
    }

    async fn remembers(&self, key: &str) -> bool {
        self.known().contains(key)
    }

    fn health(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Decides on a take; returns the new TAT (theoretical arrival time) or the time to wait. `tat` is the bucket's stored
/// time, `now` the time on the same scale, both in nanoseconds.
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

/// Buckets of one kind.
struct Kind {
    shards: Vec<Mutex<HashMap<Box<str>, u64>>>,
    hasher: RandomState,
    shard_keys_max: usize,
}

impl Kind {
    fn new(keys_max: usize) -> Kind {
        Kind {
            shards: (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect(),
            hasher: RandomState::new(),
            shard_keys_max: (keys_max / SHARDS).max(1),
        }
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, HashMap<Box<str>, u64>> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, key: &str, now: Duration, rate: Rate, cost: u32) -> Result<Standing, (Standing, Duration)> {
        let now = now.as_nanos() as u64;
        let mut shard = self.shard(key);
        let tat = shard.get(key).copied().unwrap_or(0);
        let standing = |tat: u64| rate.standing(Duration::from_nanos(tat.saturating_sub(now)));
        match decide(tat, now, rate, cost) {
            Ok(next) => {
                match shard.get_mut(key) {
                    Some(tat) => *tat = next,
                    None => {
                        if shard.len() >= self.shard_keys_max {
                            make_room(&mut shard, now);
                        }
                        shard.insert(key.into(), next);
                    }
                }
                Ok(standing(next))
            }
            Err(wait) => Err((standing(tat), wait)),
        }
    }

    fn refund(&self, key: &str, rate: Rate, cost: u32) {
        if let Some(tat) = self.shard(key).get_mut(key) {
            *tat = tat.saturating_sub(rate.interval_ns().saturating_mul(u64::from(cost)));
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|s| s.lock().unwrap().len()).sum()
    }
}

/// Removes full buckets. If there are none, removes the bucket that will be full first.
fn make_room(shard: &mut HashMap<Box<str>, u64>, now: u64) {
    let before = shard.len();
    shard.retain(|_, tat| *tat > now);
    if shard.len() == before
        && let Some(key) = shard.iter().min_by_key(|(_, tat)| **tat).map(|(key, _)| key.clone())
    {
        shard.remove(&key);
    }
}

#[derive(Default)]
struct Generations {
    young: HashMap<Box<str>, ()>,
    old: HashMap<Box<str>, ()>,
}

impl Generations {
    fn contains(&self, key: &str) -> bool {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    fn insert(&mut self, key: &str) {
        if self.young.len() >= KNOWN_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.into(), ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::per_minute(60, 10); // one per second, a burst of ten
    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    #[test]
    fn a_burst_then_one_per_interval() {
        let buckets = Kind::new(100);
        for n in (0..10).rev() {
            assert_eq!(buckets.take("a", at(0), RATE, 1).unwrap().remaining, n);
        }
        let (standing, wait) = buckets.take("a", at(0), RATE, 1).unwrap_err();
        assert_eq!((standing.remaining, wait), (0, Duration::from_secs(1)));
        assert!(buckets.take("b", at(0), RATE, 1).is_ok(), "keys have separate buckets");
        assert!(buckets.take("a", at(1), RATE, 1).is_ok());
        assert!(buckets.take("a", at(1), RATE, 1).is_err());
    }

    #[test]
    fn a_refusal_costs_nothing() {
        let buckets = Kind::new(100);
        buckets.take("a", at(0), RATE, 10).unwrap();
        for _ in 0..100 {
            buckets.take("a", at(0), RATE, 1).unwrap_err();
        }
        assert!(buckets.take("a", at(1), RATE, 1).is_ok());
    }

    #[test]
    fn a_cost_above_the_burst_needs_a_full_bucket_and_is_paid_in_full() {
        let buckets = Kind::new(100);
        buckets.take("a", at(0), RATE, 1).unwrap();
        let (_, wait) = buckets.take("a", at(0), RATE, 100).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        assert_eq!(buckets.take("a", at(1), RATE, 100).unwrap().reset, Duration::from_secs(100));
        assert!(buckets.take("a", at(91), RATE, 1).is_err());
        assert!(buckets.take("a", at(92), RATE, 1).is_ok());
    }

    #[test]
    fn a_refund_undoes_a_take() {
        let buckets = Kind::new(100);
        for _ in 0..1000 {
            buckets.take("a", at(0), RATE, 1).unwrap();
            buckets.refund("a", RATE, 1);
        }
        assert_eq!(buckets.take("a", at(0), RATE, 1).unwrap().remaining, 9);
    }

    #[test]
    fn several_charges_are_taken_together_or_not_at_all() {
        let buckets = MemoryBuckets::default();
        let charge = |key: &str, cost| Charge { kind: BucketKind::Address, key: key.to_owned(), rate: RATE, cost };
        assert_eq!(buckets.take_at(&[charge("a", 1), charge("b", 10)], at(0)).unwrap().remaining, 9);
        let exhausted = buckets.take_at(&[charge("a", 1), charge("b", 1)], at(0)).unwrap_err();
        assert_eq!((exhausted.charge_index, exhausted.wait), (1, Duration::from_secs(1)));
        assert_eq!(buckets.take_at(&[charge("a", 9)], at(0)).unwrap().remaining, 0);
    }

    #[test]
    fn memory_stays_bounded_with_many_keys() {
        let buckets = Kind::new(1600);
        for key in 0..100_000u32 {
            let _ = buckets.take(&key.to_string(), at(0), RATE, 1);
        }
        assert!(buckets.len() <= 1600, "{}", buckets.len());
    }
}
