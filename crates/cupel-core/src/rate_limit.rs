//! Rates, and the port for rate-limit buckets that all API nodes share.
//!
//! Rate limiting uses the generic cell rate algorithm. Each bucket is one number: its theoretical arrival time (TAT),
//! the moment at which it is full again. A request of cost `n` advances the TAT by `n` emission intervals, and is
//! refused if the TAT would be further ahead than the burst allows. A request whose cost exceeds the burst is admitted
//! if the bucket is full, and delays all later requests. So a batch of a thousand submissions costs as much as a
//! thousand single submissions, but remains possible.

use std::time::Duration;

use async_trait::async_trait;

/// A quota per window, with a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// Average number of requests per window.
    pub quota: u32,
    /// Length of the window.
    pub window: Duration,
    /// Number of requests at once when the bucket is full.
    pub burst: u32,
}

impl Rate {
    /// `quota` per `window`, `burst` at once. Zero counts as one.
    pub const fn new(quota: u32, window: Duration, burst: u32) -> Rate {
        Rate { quota: if quota == 0 { 1 } else { quota }, window, burst: if burst == 0 { 1 } else { burst } }
    }

    /// `quota` per minute.
    pub const fn per_minute(quota: u32, burst: u32) -> Rate {
        Rate::new(quota, Duration::from_secs(60), burst)
    }

    /// Emission interval: the time after which the bucket admits one more request, in nanoseconds.
    pub fn interval_ns(self) -> u64 {
        (u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX) / u64::from(self.quota)).max(1)
    }

    /// How far ahead the TAT may be, in nanoseconds.
    pub fn tolerance_ns(self) -> u64 {
        self.interval_ns().saturating_mul(u64::from(self.burst))
    }

    /// State of the bucket if the TAT is `ahead` of now.
    pub fn standing(self, ahead: Duration) -> Standing {
        let free = self.tolerance_ns().saturating_sub(u64::try_from(ahead.as_nanos()).unwrap_or(u64::MAX));
        let remaining = u32::try_from(free / self.interval_ns()).unwrap_or(u32::MAX);
        Standing { remaining, reset: ahead }
    }
}

/// State of a bucket after a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Number of further requests that are possible at once.
    pub remaining: u32,
    /// Time until the bucket is full again.
    pub reset: Duration,
}

/// Kind of a bucket. The number of remembered buckets is bounded per kind, so that a flood of one kind cannot evict
/// buckets of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BucketKind {
    /// Limit per user, for submissions, reads and successful logins.
    User,
    /// Limit per pair of account and address, for login attempts.
    LoginPair,
    /// Limit per account, for login attempts.
    LoginAccount,
    /// Limit per address.
    Address,
    /// Limit per session.
    Session,
}

impl BucketKind {
    /// All kinds.
    pub const ALL: [BucketKind; 5] =
        [BucketKind::User, BucketKind::LoginPair, BucketKind::LoginAccount, BucketKind::Address, BucketKind::Session];

    /// The stable name, as a part of keys.
    pub const fn name(self) -> &'static str {
        match self {
            BucketKind::User => "user",
            BucketKind::LoginPair => "login-pair",
            BucketKind::LoginAccount => "login-account",
            BucketKind::Address => "address",
            BucketKind::Session => "session",
        }
    }
}

/// A withdrawal from one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Kind of the bucket.
    pub kind: BucketKind,
    /// Key of the bucket: short, printable, and the same on every node.
    pub key: String,
    /// Refill rate of the bucket.
    pub rate: Rate,
    /// The cost.
    pub cost: u32,
}

/// A bucket that has too little capacity left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Index of the refused charge.
    pub charge_index: usize,
    /// State of the bucket.
    pub standing: Standing,
    /// Time until the bucket has enough capacity.
    pub wait: Duration,
}

/// Buckets by key, and a set of remembered keys.
#[async_trait]
pub trait Buckets: Send + Sync {
    /// Charges all buckets or none. Returns the state of the first bucket or, if the call is refused, of the first
    /// exhausted bucket. A refused call charges nothing. Never waits long: if no other node can be reached, the
    /// decision uses this node's own data.
    async fn take(&self, charges: &[Charge]) -> Result<Standing, Exhausted>;
    /// Undoes the charges of a successful [`take`](Buckets::take).
    async fn refund(&self, charges: &[Charge]);
    /// Remembers a key for a long but limited time.
    async fn remember(&self, key: &str);
    /// Whether a key is remembered.
    async fn remembers(&self, key: &str) -> bool;
    /// Whether other nodes currently use the same buckets; if not, the cause as human-readable text. Makes no network
    /// call.
    fn health(&self) -> Result<(), String>;
}
