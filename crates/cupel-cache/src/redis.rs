//! Buckets on Redis, shared by all API nodes.
//!
//! Each take is one script, so it costs one round trip, or a few if Redis does not have the script yet. The script uses
//! the server's time. A bucket is a string with
//! the TAT (theoretical arrival time) in microseconds. The string expires once the bucket is full. If Redis is
//! unreachable, each node takes from local buckets in its memory. So requests are still limited, and none is refused
//! because of the outage.
//!
//! Source: Redis documentation, `EVAL` (scripts run one at a time, and the time does not change within a script),
//! `TIME`, `SET … PX`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::rate_limit::{Buckets, Charge, Exhausted, Standing};
use redis::Script;

use crate::link::Link;
use crate::memory::MemoryBuckets;

/// How long [`Buckets::remember`] keeps a key.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

/// KEYS are the buckets; ARGV has interval (µs), burst and cost of each. Returns three numbers. The first is the
/// one-based index of the exhausted bucket, or 0. The second is the time from now to the TAT of this bucket (of the
/// first bucket if none is exhausted). The third is the time to wait. Both times are in µs. A microsecond is tolerated,
/// because numbers are doubles.
const TAKE: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local tats = {}
for i, key in ipairs(KEYS) do
  local interval, burst, cost = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local tat = math.max(tonumber(redis.call('GET', key) or '0'), now)
  local wait = tat + interval * math.min(cost, burst) - (now + interval * burst)
  if wait > 1 then
    return {i, string.format('%.0f', tat - now), string.format('%.0f', wait)}
  end
  tats[i] = tat + interval * cost
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.3f', tats[i]), 'PX', math.max(1, math.ceil((tats[i] - now) / 1000)))
end
return {0, string.format('%.0f', (tats[1] or now) - now), '0'}
";

/// KEYS are the buckets; ARGV has interval (µs) and cost of each.
const REFUND: &str = "
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for i, key in ipairs(KEYS) do
  local tat = tonumber(redis.call('GET', key) or '0') - ARGV[2 * i - 1] * ARGV[2 * i]
  if tat > now then
    redis.call('SET', key, string.format('%.3f', tat), 'PX', math.max(1, math.ceil((tat - now) / 1000)))
  else
    redis.call('DEL', key)
  end
end
return 0
";

/// Buckets shared by all nodes, and local buckets for use while Redis is unreachable.
pub(crate) struct RedisBuckets {
    own: MemoryBuckets,
    link: Arc<Link>,
    /// Prefix of all keys.
    prefix: String,
    take: Script,
    refund: Script,
}

impl RedisBuckets {
    pub(crate) fn new(link: Arc<Link>, cluster: &str) -> RedisBuckets {
        RedisBuckets {
            own: MemoryBuckets::default(),
            link,
            prefix: format!("{cluster}:limits"),
            take: Script::new(TAKE),
            refund: Script::new(REFUND),
        }
    }

    fn key(&self, charge: &Charge) -> String {
        format!("{}:{}:{}", self.prefix, charge.kind.name(), charge.key)
    }

    fn known(&self, key: &str) -> String {
        format!("{}:known:{key}", self.prefix)
    }
}

#[async_trait]
impl Buckets for RedisBuckets {
    async fn take(&self, charges: &[Charge]) -> Result<Standing, Exhausted> {
        let Some(first) = charges.first() else { return self.own.take(charges).await };
        let mut call = self.take.prepare_invoke();
        for charge in charges {
            call.key(self.key(charge));
            call.arg(interval_us(charge)).arg(charge.rate.burst).arg(charge.cost);
        }
        let answer = self.link.ask(async |connection| call.invoke_async::<(usize, u64, u64)>(connection).await).await;
        let Some((exhausted, ahead, wait)) = answer else { return self.own.take(charges).await };
        let of = exhausted.checked_sub(1).and_then(|at| charges.get(at)).unwrap_or(first);
        let standing = of.rate.standing(Duration::from_micros(ahead));
        match exhausted.checked_sub(1) {
            None => Ok(standing),
            Some(charge_index) => Err(Exhausted { charge_index, standing, wait: Duration::from_micros(wait) }),
        }
    }

    async fn refund(&self, charges: &[Charge]) {
        let mut call = self.refund.prepare_invoke();
        for charge in charges {
            call.key(self.key(charge));
            call.arg(interval_us(charge)).arg(charge.cost);
        }
        if self.link.ask(async |connection| call.invoke_async::<()>(connection).await).await.is_none() {
            self.own.refund(charges).await;
        }
    }

    async fn remember(&self, key: &str) {
        self.own.remember(key).await;
        let mut set = redis::cmd("SET");
        set.arg(self.known(key)).arg(1).arg("EX").arg(REMEMBERED.as_secs());
        self.link.ask(async |connection| set.query_async::<()>(connection).await).await;
    }

    async fn remembers(&self, key: &str) -> bool {
        if self.own.remembers(key).await {
            return true;
        }
        let mut exists = redis::cmd("EXISTS");
        exists.arg(self.known(key));
        self.link.ask(async |connection| exists.query_async(connection).await).await.unwrap_or(false)
    }

    fn health(&self) -> Result<(), String> {
        self.link.health()
    }
}

/// Interval in microseconds, with a fraction, because a rate may allow several units per microsecond.
fn interval_us(charge: &Charge) -> f64 {
    charge.rate.interval_ns() as f64 / 1000.0
}
