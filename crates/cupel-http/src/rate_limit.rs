//! Rate limits: submissions and reads by tier; log-ins, registrations, guests and join codes by address and account.
//!
//! The implementation of [`Buckets`] stores the buckets: in this process, or shared by all API nodes.
//!
//! Invariant: an unauthenticated client cannot lock the owner out of an account for long. The low limit is per account
//! *and* address. The high limit per account does not apply to an address from which the owner has logged in before.
//!
//! An attempt with a password or a join code is charged before it is checked, and refunded if it was right. A class
//! behind one address may send many right attempts at the same time. So that these do not exhaust the limit of the
//! address, only a few attempts from one address are charged and checked at the same time. An attempt over the limit is
//! charged again when no other one is being checked.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use cupel_core::rate_limit::{BucketKind, Buckets, Charge, Exhausted, Rate, Standing};
use cupel_core::{PerKey, RateExceeded};
use cupel_types::{SessionId, UserId};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::client::network_of;
use crate::error::{ApiError, ErrorKind};
use crate::state::{LoginRates, TierRates};

/// Rate-limited resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateClass {
    /// New submissions.
    Submissions,
    /// All other requests.
    Reads,
}

impl RateClass {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            RateClass::Submissions => "submissions",
            RateClass::Reads => "reads",
        }
    }

    const fn rate(self, tier: &TierRates) -> Rate {
        match self {
            RateClass::Submissions => tier.submissions,
            RateClass::Reads => tier.reads,
        }
    }
}

/// State of a rate limit, for the response's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateNote {
    class: RateClass,
    rate: Rate,
    standing: Standing,
}

impl RateNote {
    /// Source: draft-ietf-httpapi-ratelimit-headers, sections "RateLimit-Policy" and "RateLimit": `q` quota, `w` window
    /// in seconds, `r` remaining, `t` seconds until the quota is restored. `burst` is Cupel's extension.
    pub fn write(&self, headers: &mut HeaderMap) {
        let name = self.class.name();
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

/// Maximum number of attempts with a password, or with a join code, from one address that this node checks at the same
/// time. Less than any default limit, and no fewer than the node's concurrent password hashes.
const CHECKED_AT_ONCE: u32 = 8;

/// Maximum time that an attempt waits for the others from its address.
const CHECK_WAIT_MAX: Duration = Duration::from_secs(10);

/// All rate limits.
pub struct RateLimits {
    buckets: Arc<dyn Buckets>,
    login: LoginRates,
    /// The turns to check an attempt, by the key of the address's bucket.
    turns: PerKey<String, Semaphore>,
}

/// Kind of request that is counted per address.
#[derive(Clone, Copy)]
enum AddressUse {
    Login,
    Register,
    Guest,
    BadToken,
    JoinCode,
    Read,
}

impl AddressUse {
    const fn name(self) -> &'static str {
        match self {
            AddressUse::Login => "login",
            AddressUse::Register => "register",
            AddressUse::Guest => "guest",
            AddressUse::BadToken => "bad-token",
            AddressUse::JoinCode => "join-code",
            AddressUse::Read => "read",
        }
    }

    fn charge(self, address: IpAddr, rate: Rate) -> Charge {
        Charge { kind: BucketKind::Address, key: format!("{}:{}", self.name(), network_of(address)), rate, cost: 1 }
    }
}

impl RateLimits {
    pub(crate) fn new(buckets: Arc<dyn Buckets>, login: LoginRates) -> RateLimits {
        RateLimits { buckets, login, turns: PerKey::default() }
    }

    /// Charges `cost` to the user's rate limit.
    pub async fn take(
        &self,
        user: UserId,
        class: RateClass,
        tier: &TierRates,
        cost: u32,
    ) -> (RateNote, Result<(), ApiError>) {
        let (note, charged) = self.charge(user, class, tier, cost).await;
        (note, charged.map_err(ApiError::from))
    }

    /// Like [`RateLimits::take`], but returns core's error type.
    pub async fn charge(
        &self,
        user: UserId,
        class: RateClass,
        tier: &TierRates,
        cost: u32,
    ) -> (RateNote, Result<(), RateExceeded>) {
        let rate = class.rate(tier);
        // The rate is part of the key, so a user who changes tier starts with a full bucket.
        let Rate { quota, window, burst } = rate;
        let key = format!("{user}:{}:{quota}/{}/{burst}", class.name(), window.as_secs());
        match self.buckets.take(&[Charge { kind: BucketKind::User, key, rate, cost }]).await {
            Ok(standing) => (RateNote { class, rate, standing }, Ok(())),
            Err(Exhausted { standing, wait, .. }) => {
                let detail = format!(
                    "Your tier allows {} {} in {} s, {} at once. Wait {} s.",
                    rate.quota,
                    class.name(),
                    rate.window.as_secs(),
                    rate.burst,
                    seconds_up(wait).max(1)
                );
                (RateNote { class, rate, standing }, Err(RateExceeded { detail, retry_after: wait }))
            }
        }
    }

    /// A user's rate limit and its remaining capacity. Charges nothing.
    pub async fn usage(&self, user: UserId, class: RateClass, tier: &TierRates) -> (Rate, Standing) {
        let (note, _) = self.charge(user, class, tier, 0).await;
        (note.rate, note.standing)
    }

    /// Charges one log-in attempt. Call it before the password is checked; otherwise hundreds of simultaneous attempts
    /// could all pass the limit. [`Attempt::succeeded`] refunds the charge. Waits while too many other attempts from
    /// the address are being checked.
    pub async fn login_attempt(&self, account: Claimed<'_>, address: IpAddr) -> Result<Attempt<'_>, ApiError> {
        let network = network_of(address);
        let (sent, account) = (account.sent_key(), account.account_key());
        let pair = format!("{sent}:{network}");
        let known = format!("{account}:{network}");
        let of_address = AddressUse::Login.charge(address, self.login.address);
        let bucket = of_address.key.clone();
        let mut paid = vec![
            Charge { kind: BucketKind::LoginPair, key: pair, rate: self.login.account_and_address, cost: 1 },
            of_address,
        ];
        if !self.buckets.remembers(&known).await {
            paid.push(Charge { kind: BucketKind::LoginAccount, key: account, rate: self.login.account, cost: 1 });
        }
        let turn = self.pay_in_turn(bucket, &paid, "Too many wrong passwords.").await?;
        Ok(Attempt { limits: self, known, paid, _turn: turn })
    }

    /// Charges an attempt and returns its turn, which must be kept until the attempt has been checked and refunded.
    /// `bucket`: the key of the address's bucket.
    async fn pay_in_turn(&self, bucket: String, paid: &[Charge], too_often: &str) -> Result<Turn, ApiError> {
        let turns = self.turns.get_or_make(bucket, || Semaphore::new(CHECKED_AT_ONCE as usize));
        let charged = async {
            let turn = Arc::clone(&turns).acquire_owned().await.ok();
            if self.buckets.take(paid).await.is_ok() {
                return Ok(turn);
            }
            drop(turn);
            // Other attempts, which may be right, hold a part of the limit. With all turns, this attempt is the only
            // one, so what is missing then was used by wrong attempts.
            let mut all = turns.acquire_many_owned(CHECKED_AT_ONCE).await.ok();
            let charged = self.buckets.take(paid).await;
            charged.map(|_standing| all.as_mut().and_then(|all| all.split(1)))
        };
        match tokio::time::timeout(CHECK_WAIT_MAX, charged).await {
            Ok(charged) => charged.map_err(|exhausted| too_many(too_often, exhausted.wait)),
            Err(_elapsed) => {
                let detail = "Too many attempts from your address are being checked at the moment.";
                Err(ApiError::new(ErrorKind::Unavailable, detail).retry_after(Duration::from_secs(2)))
            }
        }
    }

    /// Charges one right password. Call it before [`Attempt::succeeded`]: if this limit refuses, the attempt stays
    /// charged, so the limits of wrong passwords end the work of further hashes.
    pub async fn right_password(&self, user: UserId) -> Result<(), ApiError> {
        let charge =
            Charge { kind: BucketKind::User, key: format!("{user}:logins"), rate: self.login.successes, cost: 1 };
        self.pay(charge, "Too many logins to this account.").await
    }

    /// Charges one read without an account.
    pub async fn anonymous_read(&self, address: IpAddr, rate: Rate) -> Result<(), ApiError> {
        self.buckets.take(&[AddressUse::Read.charge(address, rate)]).await.map(drop).map_err(|exhausted| {
            let detail = format!(
                "Without an account, {} reads in {} s are allowed per address. Log in, or wait {} s.",
                rate.quota,
                rate.window.as_secs(),
                seconds_up(exhausted.wait).max(1)
            );
            ApiError::new(ErrorKind::RateLimited, detail).retry_after(exhausted.wait)
        })
    }

    /// Charges one registration.
    pub async fn registration(&self, address: IpAddr) -> Result<(), ApiError> {
        self.pay(
            AddressUse::Register.charge(address, self.login.registrations),
            "Too many registrations from this address.",
        )
        .await
    }

    /// Charges one new guest.
    pub async fn guest(&self, address: IpAddr) -> Result<(), ApiError> {
        self.pay(AddressUse::Guest.charge(address, self.login.guests), "Too many guests from this address.").await
    }

    /// Charges one refresh of a session. Call it before the token is exchanged: if the limit refused the request
    /// afterwards, the client would lose its session. Only the owner of a session has its id, so no other client can
    /// exhaust this limit.
    pub async fn refresh(&self, session: SessionId) -> Result<(), ApiError> {
        let key = session.to_string();
        let charge = Charge { kind: BucketKind::Session, key, rate: self.login.refreshes, cost: 1 };
        self.pay(charge, "This session was refreshed too often.").await
    }

    /// Charges one invalid access token or API key, after the check: each request with a valid one would otherwise cost
    /// two more charges.
    pub async fn bad_token(&self, address: IpAddr) -> Result<(), ApiError> {
        self.pay(AddressUse::BadToken.charge(address, self.login.bad_tokens), BAD_TOKENS).await
    }

    /// Charges one token (of a link, a ticket or a session). Call it before the token is looked up, so that this limit
    /// also bounds the work. [`Guess::refund`] refunds the charge.
    pub async fn token(&self, address: IpAddr) -> Result<Guess<'_>, ApiError> {
        let charge = AddressUse::BadToken.charge(address, self.login.bad_tokens);
        self.pay(charge.clone(), BAD_TOKENS).await?;
        Ok(Guess { limits: self, paid: charge, _turn: None })
    }

    /// Charges one join code. Call it before the code is checked, whether or not the contest exists, so that a client
    /// without guesses left learns nothing from the response. [`Guess::refund`] refunds the charge. Waits while too
    /// many other attempts from the address are being checked.
    pub async fn join_code(&self, address: IpAddr) -> Result<Guess<'_>, ApiError> {
        let charge = AddressUse::JoinCode.charge(address, self.login.join_codes);
        let bucket = charge.key.clone();
        let turn =
            self.pay_in_turn(bucket, std::slice::from_ref(&charge), "Too many wrong codes from this address.").await?;
        Ok(Guess { limits: self, paid: charge, _turn: turn })
    }

    async fn pay(&self, charge: Charge, too_often: &str) -> Result<(), ApiError> {
        self.buckets.take(&[charge]).await.map(drop).map_err(|exhausted| too_many(too_often, exhausted.wait))
    }
}

const BAD_TOKENS: &str = "Too many bad tokens from this address.";

/// Turn to check an attempt. `None`: attempts of this kind have no turns.
type Turn = Option<OwnedSemaphorePermit>;

/// One charged attempt with a join code or a token.
pub struct Guess<'a> {
    limits: &'a RateLimits,
    paid: Charge,
    /// Released after the refund.
    _turn: Turn,
}

impl Guess<'_> {
    /// Refunds the guess: the code or token was right, or was not checked.
    pub async fn refund(self) {
        self.limits.buckets.refund(&[self.paid]).await;
    }
}

/// One charged log-in attempt.
pub struct Attempt<'a> {
    limits: &'a RateLimits,
    /// The account and the address, as remembered.
    known: String,
    paid: Vec<Charge>,
    /// Released after the refund.
    _turn: Turn,
}

impl Attempt<'_> {
    /// Refunds the attempt because the password was right, and stores the address as known.
    pub async fn succeeded(self) {
        self.limits.buckets.remember(&self.known).await;
        self.limits.buckets.refund(&self.paid).await;
    }

    /// Refunds the attempt because the server failed before the password was checked.
    pub async fn undecided(self) {
        self.limits.buckets.refund(&self.paid).await;
    }
}

fn too_many(what: &str, wait: Duration) -> ApiError {
    ApiError::new(ErrorKind::TooManyAttempts, format!("{what} Wait {} s.", seconds_up(wait).max(1))).retry_after(wait)
}

/// The account whose password an attempt claims to know.
///
/// The limit per account *and* address counts the text that was sent. If the user name and the e-mail address of an
/// account shared it, a refusal would tell a stranger that they belong to one account.
#[derive(Clone, Copy, Debug)]
pub enum Claimed<'a> {
    /// The account with this user name or e-mail address.
    User {
        /// The account.
        id: UserId,
        /// The name or address, as it was sent.
        login: &'a str,
    },
    /// A name or an e-mail address that no account has. It has the same limits, so that a refusal does not reveal which
    /// accounts exist.
    Unknown(&'a str),
    /// The client's own account, which the request does not name.
    Own(UserId),
}

impl Claimed<'_> {
    /// What the client claims.
    fn sent_key(self) -> String {
        match self {
            Claimed::User { login, .. } | Claimed::Unknown(login) => key_of_login(login),
            Claimed::Own(id) => key_of_user(id),
        }
    }

    /// The account. All names of an account have the same key.
    fn account_key(self) -> String {
        match self {
            Claimed::User { id, .. } | Claimed::Own(id) => key_of_user(id),
            Claimed::Unknown(login) => key_of_login(login),
        }
    }
}

fn key_of_user(id: UserId) -> String {
    hex(Sha256::new_with_prefix("user ").chain_update(id.to_string()))
}

fn key_of_login(login: &str) -> String {
    hex(Sha256::new_with_prefix("login ").chain_update(login.trim().to_lowercase()))
}

/// A hash, so that a long name uses no more memory than a short one.
fn hex(digest: Sha256) -> String {
    digest.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_cache::MemoryBuckets;

    fn limits() -> RateLimits {
        let hour = Duration::from_secs(3600);
        RateLimits::new(
            Arc::new(MemoryBuckets::default()),
            LoginRates {
                account_and_address: Rate::new(3, hour, 3),
                address: Rate::new(6, hour, 6),
                account: Rate::new(5, hour, 5),
                successes: Rate::new(100, hour, 100),
                registrations: Rate::new(2, hour, 2),
                guests: Rate::new(2, hour, 2),
                bad_tokens: Rate::new(2, hour, 2),
                join_codes: Rate::new(2, hour, 2),
                refreshes: Rate::new(2, hour, 2),
            },
        )
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    async fn tries(limits: &RateLimits, login: &str, from: IpAddr) -> usize {
        let mut tries = 0;
        while tries < 400 && limits.login_attempt(Claimed::Unknown(login), from).await.is_ok() {
            tries += 1;
        }
        tries
    }

    #[tokio::test]
    async fn guesses_are_limited_per_account_and_per_address() {
        let limits = limits();
        assert_eq!(tries(&limits, "a@example.com", ip(1)).await, 3);
        assert_eq!(
            tries(&limits, "A@Example.com ", ip(1)).await,
            0,
            "letter case and white space do not make another account"
        );
        assert_eq!(tries(&limits, "b@example.com", ip(1)).await, 3);
        assert_eq!(tries(&limits, "c@example.com", ip(1)).await, 0, "the address has used up its own limit");
    }

    #[tokio::test]
    async fn a_correct_password_is_not_charged() {
        let limits = limits();
        for _ in 0..50 {
            limits.login_attempt(Claimed::Unknown("a"), ip(1)).await.unwrap().succeeded().await;
        }
        assert_eq!(tries(&limits, "a", ip(1)).await, 3);
    }

    #[tokio::test]
    async fn simultaneous_right_passwords_of_one_address_are_all_accepted() {
        let limits = limits();
        // One wrong password, so that fewer attempts fit than have a turn.
        drop(limits.login_attempt(Claimed::Unknown("wrong"), ip(1)).await.unwrap());
        let names: Vec<String> = (0..40).map(|n| format!("user {n}")).collect();
        let logins = names.iter().map(|name| async {
            let attempt = limits.login_attempt(Claimed::Unknown(name), ip(1)).await?;
            // The other attempts run before this one is decided.
            tokio::task::yield_now().await;
            attempt.succeeded().await;
            Ok::<_, ApiError>(())
        });
        for login in futures_util::future::join_all(logins).await {
            assert!(login.is_ok());
        }
        // Only the wrong password was charged.
        assert_eq!(tries(&limits, "x", ip(1)).await + tries(&limits, "y", ip(1)).await, 5);
    }

    #[tokio::test]
    async fn simultaneous_wrong_passwords_are_refused_beyond_the_limit() {
        let limits = limits();
        let names: Vec<String> = (0..40).map(|n| format!("user {n}")).collect();
        let logins = names.iter().map(|name| async {
            let attempt = limits.login_attempt(Claimed::Unknown(name), ip(1)).await?;
            tokio::task::yield_now().await;
            drop(attempt);
            Ok::<_, ApiError>(())
        });
        let checked = futures_util::future::join_all(logins).await;
        assert_eq!(checked.iter().filter(|login| login.is_ok()).count(), 6);
        assert_eq!(limits.turns.in_use(), 0);
    }

    #[tokio::test]
    async fn simultaneous_right_join_codes_of_one_address_are_all_accepted() {
        let limits = limits();
        let joins = (0..40).map(|_| async {
            let guess = limits.join_code(ip(1)).await?;
            tokio::task::yield_now().await;
            guess.refund().await;
            Ok::<_, ApiError>(())
        });
        for join in futures_util::future::join_all(joins).await {
            assert!(join.is_ok());
        }
    }

    #[tokio::test]
    async fn an_attempt_over_the_limit_waits_only_for_others_from_its_address() {
        let limits = limits();
        let (first, second) = (limits.join_code(ip(1)).await.unwrap(), limits.join_code(ip(1)).await.unwrap());
        let mut third = std::pin::pin!(limits.join_code(ip(1)));
        assert!(futures_util::poll!(third.as_mut()).is_pending());
        assert!(limits.join_code(ip(2)).await.is_ok(), "another address");
        drop(first);
        assert!(futures_util::poll!(third.as_mut()).is_pending(), "the second may be right");
        second.refund().await;
        assert!(third.await.is_ok());
        assert_eq!(limits.join_code(ip(1)).await.err().expect("a refusal").kind(), ErrorKind::TooManyAttempts);
    }

    #[tokio::test]
    async fn strangers_cannot_lock_out_an_owner_with_a_known_address() {
        let limits = limits();
        limits.login_attempt(Claimed::Unknown("a"), ip(1)).await.unwrap().succeeded().await;
        let mut guessed = 0;
        for n in 2..100 {
            guessed += tries(&limits, "a", ip(n)).await;
        }
        assert_eq!(guessed, 5, "all strangers together share the account's limit");
        assert!(limits.login_attempt(Claimed::Unknown("a"), ip(1)).await.is_ok());
    }

    #[tokio::test]
    async fn an_attempt_over_the_limit_of_its_address_is_not_charged_to_the_account() {
        let limits = limits();
        tries(&limits, "x", ip(1)).await;
        tries(&limits, "y", ip(1)).await; // exhausts the address's limit
        assert!(limits.login_attempt(Claimed::Unknown("a"), ip(1)).await.is_err());
        assert_eq!(tries(&limits, "a", ip(2)).await + tries(&limits, "a", ip(3)).await, 5);
    }

    #[tokio::test]
    async fn addresses_of_one_ipv6_network_count_as_one() {
        let limits = limits();
        let of = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        let (mut registered, mut guests) = (0, 0);
        for n in 1..10 {
            registered += usize::from(limits.registration(of(n)).await.is_ok());
            guests += usize::from(limits.guest(of(n)).await.is_ok());
        }
        assert_eq!((registered, guests), (2, 2));
        assert!(limits.registration(IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1])).await.is_ok());
    }

    #[tokio::test]
    async fn the_headers_have_the_form_of_the_draft() {
        let tier = TierRates { submissions: Rate::per_minute(300, 60), reads: Rate::per_minute(3000, 600) };
        let (note, answer) =
            limits().take(UserId::from_uuid(uuid::Uuid::nil()), RateClass::Submissions, &tier, 10).await;
        assert!(answer.is_ok());
        let mut headers = HeaderMap::new();
        note.write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"submissions\";q=300;w=60;burst=60");
        assert_eq!(headers["ratelimit"], "\"submissions\";r=50;t=2");
    }
}
