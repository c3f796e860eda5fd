//! Who may do how much: submissions and reads by tier, log-ins, registrations and join codes by address and account.
//!
//! Invariant: every map here is bounded (see `gcra.rs`), and nothing an unauthenticated client does can
//! keep the owner of an account out for long: the tight limit is per account *and* address, and the loose
//! limit per account does not count for an address from which the owner has logged in before.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use cupel_types::{SessionId, UserId};
use sha2::{Digest, Sha256};

use crate::gcra::{Buckets, Rate, Standing};
use crate::problem::{Problem, ProblemKind};
use crate::state::{LoginRates, TierRates};

const USERS_MAX: usize = 200_000;
const ADDRESSES_MAX: usize = 100_000;
const SESSIONS_MAX: usize = 100_000;

/// What is rationed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ration {
    Submissions,
    Reads,
}

impl Ration {
    const fn name(self) -> &'static str {
        match self {
            Ration::Submissions => "submissions",
            Ration::Reads => "reads",
        }
    }

    const fn rate(self, tier: &TierRates) -> Rate {
        match self {
            Ration::Submissions => tier.submissions,
            Ration::Reads => tier.reads,
        }
    }
}

/// How a ration stands, for the response's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateNote {
    ration: Ration,
    rate: Rate,
    standing: Standing,
}

impl RateNote {
    /// Source: draft-ietf-httpapi-ratelimit-headers, sections "RateLimit-Policy" and "RateLimit": `q` quota, `w`
    /// window in seconds, `r` what remains, `t` seconds until it is restored. `burst` is ours.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let name = self.ration.name();
        let policy =
            format!("\"{name}\";q={};w={};burst={}", self.rate.quota, self.rate.window.as_secs(), self.rate.burst);
        let limit = format!("\"{name}\";r={};t={}", self.standing.remaining, seconds_up(self.standing.reset));
        for (header, value) in [("ratelimit-policy", policy), ("ratelimit", limit)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(header), value);
            }
        }
    }
}

fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// All the buckets of this process.
pub(crate) struct RateLimits {
    started: Instant,
    /// The rate is part of the key: whoever gets another tier starts with a full bucket of it.
    users: Buckets<(UserId, Ration, Rate)>,
    login: LoginRates,
    login_pairs: Buckets<(AccountKey, IpAddr)>,
    login_accounts: Buckets<AccountKey>,
    addresses: Buckets<(AddressUse, IpAddr)>,
    refreshes: Buckets<SessionId>,
    known: Known,
}

/// A hash of the address or name somebody tries to log in as, so that a long one costs no memory.
type AccountKey = [u8; 16];

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum AddressUse {
    Login,
    Register,
    BadToken,
    JoinCode,
    Read,
}

impl RateLimits {
    pub(crate) fn new(login: LoginRates) -> RateLimits {
        RateLimits {
            started: Instant::now(),
            users: Buckets::new(USERS_MAX),
            login,
            login_pairs: Buckets::new(ADDRESSES_MAX),
            login_accounts: Buckets::new(ADDRESSES_MAX),
            addresses: Buckets::new(ADDRESSES_MAX),
            refreshes: Buckets::new(SESSIONS_MAX),
            known: Known::default(),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Takes `cost` of the user's ration.
    pub(crate) fn take(
        &self,
        user: UserId,
        ration: Ration,
        tier: &TierRates,
        cost: u32,
    ) -> (RateNote, Result<(), Problem>) {
        let rate = ration.rate(tier);
        match self.users.take(&(user, ration, rate), self.now(), rate, cost) {
            Ok(standing) => (RateNote { ration, rate, standing }, Ok(())),
            Err((standing, wait)) => {
                let detail = format!(
                    "Your tier allows {} {} in {} s, {} at once. Wait {} s.",
                    rate.quota,
                    ration.name(),
                    rate.window.as_secs(),
                    rate.burst,
                    seconds_up(wait).max(1)
                );
                (
                    RateNote { ration, rate, standing },
                    Err(Problem::new(ProblemKind::RateLimited, detail).retry_after(wait)),
                )
            }
        }
    }

    /// Pays for one attempt to log in, before the password is looked at: four hundred at the same time
    /// must not get past the check together. [`Attempt::succeeded`] gives it back.
    pub(crate) fn login_attempt(&self, login: &str, address: IpAddr) -> Result<Attempt<'_>, Problem> {
        let (account, address, now) = (account_key(login), network_of(address), self.now());
        let mut attempt = Attempt { limits: self, account, address, paid_account: false };
        self.login_pairs.take(&(account, address), now, self.login.account_and_address, 1).map_err(too_many_logins)?;
        if let Err(refused) = self.addresses.take(&(AddressUse::Login, address), now, self.login.address, 1) {
            self.login_pairs.give_back(&(account, address), self.login.account_and_address, 1);
            return Err(too_many_logins(refused));
        }
        if !self.known.has(&(account, address)) {
            if let Err(refused) = self.login_accounts.take(&account, now, self.login.account, 1) {
                attempt.give_back();
                return Err(too_many_logins(refused));
            }
            attempt.paid_account = true;
        }
        Ok(attempt)
    }

    /// Pays for one look of somebody without an account.
    pub(crate) fn anonymous_read(&self, address: IpAddr, rate: Rate) -> Result<(), Problem> {
        self.addresses.take(&(AddressUse::Read, network_of(address)), self.now(), rate, 1).map(drop).map_err(
            |(_, wait)| {
                let detail = format!(
                    "Without an account, {} reads in {} s come from one address. Log in, or wait {} s.",
                    rate.quota,
                    rate.window.as_secs(),
                    seconds_up(wait).max(1)
                );
                Problem::new(ProblemKind::RateLimited, detail).retry_after(wait)
            },
        )
    }

    /// Pays for one registration.
    pub(crate) fn registration(&self, address: IpAddr) -> Result<(), Problem> {
        self.addresses
            .take(&(AddressUse::Register, network_of(address)), self.now(), self.login.registrations, 1)
            .map(drop)
            .map_err(|(_, wait)| too_many("Too many registrations from this address.", wait))
    }

    /// Pays for one refresh of a session. Before the token is exchanged: afterwards a refusal would lose the
    /// client its session. Only its owner knows a session's id, so nobody else can use this up.
    pub(crate) fn refresh(&self, session: SessionId) -> Result<(), Problem> {
        self.refreshes
            .take(&session, self.now(), self.login.refreshes, 1)
            .map(drop)
            .map_err(|(_, wait)| too_many("This session was refreshed too often.", wait))
    }

    /// Pays for one bad token.
    pub(crate) fn bad_token(&self, address: IpAddr) -> Result<(), Problem> {
        self.addresses
            .take(&(AddressUse::BadToken, network_of(address)), self.now(), self.login.bad_tokens, 1)
            .map(drop)
            .map_err(|(_, wait)| too_many("Too many bad tokens from this address.", wait))
    }

    /// Pays for one code, before it is looked at and whether or not there is such a contest: who has used up their guesses learns
    /// nothing more. [`Guess::was_none`] gives it back.
    pub(crate) fn join_code(&self, address: IpAddr) -> Result<Guess<'_>, Problem> {
        let address = network_of(address);
        self.addresses
            .take(&(AddressUse::JoinCode, address), self.now(), self.login.join_codes, 1)
            .map(|_standing| Guess { limits: self, address })
            .map_err(|(_, wait)| too_many("Too many wrong codes from this address.", wait))
    }
}

/// One join code to be tried that has been paid for.
pub(crate) struct Guess<'a> {
    limits: &'a RateLimits,
    address: IpAddr,
}

impl Guess<'_> {
    /// The code was right, or did not matter: it costs nothing.
    pub(crate) fn was_none(self) {
        self.limits.addresses.give_back(&(AddressUse::JoinCode, self.address), self.limits.login.join_codes, 1);
    }
}

/// One attempt to log in that has been paid for.
pub(crate) struct Attempt<'a> {
    limits: &'a RateLimits,
    account: AccountKey,
    address: IpAddr,
    paid_account: bool,
}

impl Attempt<'_> {
    /// The password was right: it costs nothing, and the address is known from now on.
    pub(crate) fn succeeded(self) {
        self.limits.known.add((self.account, self.address));
        self.give_back();
    }

    /// We failed before we knew: it costs nothing.
    pub(crate) fn undecided(self) {
        self.give_back();
    }

    fn give_back(&self) {
        let rates = &self.limits.login;
        self.limits.login_pairs.give_back(&(self.account, self.address), rates.account_and_address, 1);
        self.limits.addresses.give_back(&(AddressUse::Login, self.address), rates.address, 1);
        if self.paid_account {
            self.limits.login_accounts.give_back(&self.account, rates.account, 1);
        }
    }
}

fn too_many_logins((_, wait): (Standing, Duration)) -> Problem {
    too_many("Too many wrong passwords.", wait)
}

fn too_many(what: &str, wait: Duration) -> Problem {
    Problem::new(ProblemKind::TooManyAttempts, format!("{what} Wait {} s.", seconds_up(wait).max(1))).retry_after(wait)
}

fn account_key(login: &str) -> AccountKey {
    let digest = Sha256::digest(login.trim().to_lowercase().as_bytes());
    let mut key = AccountKey::default();
    key.copy_from_slice(&digest[..16]);
    key
}

/// An IPv6 customer has a /64 at least, and could use a fresh address of it for every request.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
    }
}

/// Pairs of account and address that have logged in. Bounded: the oldest half goes when it is full.
#[derive(Default)]
struct Known(Mutex<Generations<(AccountKey, IpAddr)>>);

const KNOWN_MAX: usize = 50_000;

impl Known {
    fn has(&self, pair: &(AccountKey, IpAddr)) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(pair)
    }

    fn add(&self, pair: (AccountKey, IpAddr)) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(pair);
    }
}

struct Generations<K> {
    young: HashMap<K, ()>,
    old: HashMap<K, ()>,
}

impl<K> Default for Generations<K> {
    fn default() -> Self {
        Generations { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Hash + Eq> Generations<K> {
    fn contains(&self, key: &K) -> bool {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    fn insert(&mut self, key: K) {
        if self.young.len() >= KNOWN_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> RateLimits {
        let hour = Duration::from_secs(3600);
        RateLimits::new(LoginRates {
            account_and_address: Rate::new(3, hour, 3),
            address: Rate::new(6, hour, 6),
            account: Rate::new(5, hour, 5),
            registrations: Rate::new(2, hour, 2),
            bad_tokens: Rate::new(2, hour, 2),
            join_codes: Rate::new(2, hour, 2),
            refreshes: Rate::new(2, hour, 2),
        })
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn tries(limits: &RateLimits, login: &str, from: IpAddr) -> usize {
        (0..400).take_while(|_| limits.login_attempt(login, from).is_ok()).count()
    }

    #[test]
    fn one_address_gets_few_guesses_at_one_account_and_few_more_at_others() {
        let limits = limits();
        assert_eq!(tries(&limits, "a@example.com", ip(1)), 3);
        assert_eq!(tries(&limits, "A@Example.com ", ip(1)), 0, "another spelling is the same account");
        assert_eq!(tries(&limits, "b@example.com", ip(1)), 3);
        assert_eq!(tries(&limits, "c@example.com", ip(1)), 0, "the address has used up its own limit");
    }

    #[test]
    fn a_right_password_costs_nothing() {
        let limits = limits();
        for _ in 0..50 {
            limits.login_attempt("a", ip(1)).unwrap().succeeded();
        }
        assert_eq!(tries(&limits, "a", ip(1)), 3);
    }

    #[test]
    fn strangers_cannot_keep_out_an_owner_whose_address_is_known() {
        let limits = limits();
        limits.login_attempt("a", ip(1)).unwrap().succeeded();
        let guessed: usize = (2..100).map(|n| tries(&limits, "a", ip(n))).sum();
        assert_eq!(guessed, 5, "all strangers together have the account's limit");
        assert!(limits.login_attempt("a", ip(1)).is_ok());
    }

    #[test]
    fn a_refused_attempt_is_not_counted_against_the_others() {
        let limits = limits();
        tries(&limits, "x", ip(1));
        tries(&limits, "y", ip(1)); // the address is used up now
        assert!(limits.login_attempt("a", ip(1)).is_err());
        assert_eq!(tries(&limits, "a", ip(2)) + tries(&limits, "a", ip(3)), 5);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let limits = limits();
        let of = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        assert_eq!((1..10).filter(|n| limits.registration(of(*n)).is_ok()).count(), 2);
        assert!(limits.registration(IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1])).is_ok());
    }

    #[test]
    fn the_headers_have_the_form_of_the_draft() {
        let tier = TierRates { submissions: Rate::per_minute(300, 60), reads: Rate::per_minute(3000, 600) };
        let (note, answer) = limits().take(UserId::from_uuid(uuid::Uuid::nil()), Ration::Submissions, &tier, 10);
        assert!(answer.is_ok());
        let mut headers = HeaderMap::new();
        note.write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"submissions\";q=300;w=60;burst=60");
        assert_eq!(headers["ratelimit"], "\"submissions\";r=50;t=2");
    }
}
