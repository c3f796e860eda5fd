//! Rates, and the port behind which buckets lie that all API nodes take from.
//!
//! Rating is the generic cell rate algorithm. Each bucket is one number: its theoretical arrival time (TAT), the moment at
//! which it is full again. A request of cost `n` moves it by `n` emission intervals and is refused while it would lie
//! further ahead than the burst allows. A cost above the burst is admitted when the bucket is full, and paid off before anything
//! else is: a batch of a thousand is then as expensive as a thousand single submissions, but not impossible.

use std::time::Duration;

use async_trait::async_trait;

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

    /// The time in which one is earned, in nanoseconds.
    pub fn interval_ns(self) -> u64 {
        (u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX) / u64::from(self.quota)).max(1)
    }

    /// How far ahead the TAT may lie, in nanoseconds.
    pub fn tolerance_ns(self) -> u64 {
        self.interval_ns().saturating_mul(u64::from(self.burst))
    }

    /// How things stand when the TAT lies so far ahead of now.
    pub fn standing(self, ahead: Duration) -> Standing {
        let free = self.tolerance_ns().saturating_sub(u64::try_from(ahead.as_nanos()).unwrap_or(u64::MAX));
        let remaining = u32::try_from(free / self.interval_ns()).unwrap_or(u32::MAX);
        Standing { remaining, reset: ahead }
    }
}

/// What is left after a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many more may come at once.
    pub remaining: u32,
    /// When the bucket is full again.
    pub reset: Duration,
}

/// Which kind of buckets; each kind has its own bound on how many are remembered, so that nobody can make those of another
/// kind be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BucketKind {
    /// Of a user: submissions, reads.
    User,
    /// Of an account and an address that tries to get into it.
    LoginPair,
    /// Of an account that somebody tries to get into.
    LoginAccount,
    /// Of an address.
    Address,
    /// Of a session.
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

/// What is to be taken out of one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Which kind of bucket.
    pub kind: BucketKind,
    /// Which one: short, printable, and the same on every node.
    pub key: String,
    /// How it fills.
    pub rate: Rate,
    /// How much is taken.
    pub cost: u32,
}

/// A bucket does not have as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dry {
    /// Which of the draws.
    pub draw: usize,
    /// What is left in it.
    pub standing: Standing,
    /// How long to wait before it has enough.
    pub wait: Duration,
}

/// Buckets for many keys, and a memory of who has been let in.
#[async_trait]
pub trait Buckets: Send + Sync {
    /// Takes from all of them, or from none. Says how the first one stands then, or which one is dry: a refusal costs nothing.
    /// Always decides, and soon: where nobody else can be asked, from what this node knows.
    async fn take(&self, draws: &[Draw]) -> Result<Standing, Dry>;
    /// Puts back what [`take`](Buckets::take) took.
    async fn give_back(&self, draws: &[Draw]);
    /// Remembers a key for a long time, but not for ever.
    async fn remember(&self, key: &str);
    /// Whether a key is remembered.
    async fn remembers(&self, key: &str) -> bool;
    /// Whether other nodes take from the same buckets at the moment; if not why, for people. Asks nobody.
    fn health(&self) -> Result<(), String>;
}
