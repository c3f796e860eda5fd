//! What the binary hands over: the use cases, the settings, and the few things only it knows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::Core;
use cupel_core::accounts::Accounts;
use cupel_core::limits::{Buckets, Rate};
use cupel_core::recall::Recall;
use tokio_util::sync::CancellationToken;

/// Everything [`router`](crate::router) needs.
#[derive(Clone)]
pub struct ApiState {
    /// The use cases about submissions.
    pub core: Core,
    /// The use cases about users, keys and tokens.
    pub accounts: Accounts,
    /// What an operator may set.
    pub settings: Arc<Settings>,
    /// What limits rates, for this node or for all of them.
    pub buckets: Arc<dyn Buckets>,
    /// Results that are given again.
    pub recall: Recall,
    /// Readiness and the state of the sandbox.
    pub health: Arc<dyn Health>,
    /// Renders the metrics in the Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Cancelled when the server goes down: long answers (event streams, waits) end at once then.
    pub shutdown: CancellationToken,
}

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Signs access tokens (HS256): at least 32 random bytes, the same on every node. A shorter one is not
    /// used: a random one takes its place until the restart.
    pub jwt_secret: Secret,
    /// How long an access token is good for.
    pub access_token_lifetime: Duration,
    /// What each tier may do. A user whose tier is not here has the rates of [`TierRates::default`].
    pub tiers: BTreeMap<String, TierRates>,
    /// How often one may try to log in and to register.
    pub login: LoginRates,
    /// How much those without an account may look at from one address.
    pub anonymous_reads: Rate,
    /// Whether anybody may register; administrators make users on the command line otherwise.
    pub registration_open: bool,
    /// Largest body of `POST /execute` and `/execute/batch`, in bytes.
    pub execute_body_bytes_max: usize,
    /// Bytes of such bodies that may be in memory at one time, of everybody together.
    pub bodies_bytes_max: usize,
    /// And of one user.
    pub bodies_of_user_bytes_max: usize,
    /// Bytes that large answers (submissions with much output) may occupy at one time, for everybody together.
    pub answers_bytes_max: usize,
    /// And for one user.
    pub answers_of_user_bytes_max: usize,
    /// How long a large answer waits for its share of that before it is refused.
    pub answer_wait_max: Duration,
    /// Largest archive of a problem, in bytes.
    pub package_bytes_max: u64,
    /// How long such an archive may take to arrive.
    pub package_time_max: Duration,
    /// Largest body elsewhere, in bytes.
    pub body_bytes_max: usize,
    /// How long a body may take to arrive.
    pub body_time_max: Duration,
    /// How long `?wait=` may hold an answer back.
    pub wait_max: Duration,
    /// How many event streams and waits, of all users together, may be open at one time: less than the connections that there may be.
    pub long_answers_max: usize,
    /// How often an event stream says that it is alive when there is nothing else to say.
    pub event_ping: Duration,
    /// How often an open event stream checks that its user still exists and is not disabled.
    pub access_check: Duration,
    /// How long a repeated `Idempotency-Key` is recognised.
    pub idempotency_lifetime: Duration,
    /// Origins that browsers may call from; none by default. `*` is every origin.
    pub cors_origins: Vec<String>,
    /// Under which address people find this server, such as `https://judge.example`: what one-time links begin with.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Who may read `/metrics`.
    pub metrics_access: MetricsAccess,
    /// Shown in `/healthz` and in the OpenAPI document.
    pub version: String,
}

impl Default for Settings {
    /// The shipped defaults; the secret is empty (see the field).
    fn default() -> Settings {
        Settings {
            jwt_secret: Secret(Vec::new()),
            access_token_lifetime: Duration::from_secs(3600),
            tiers: BTreeMap::from([("basic".to_owned(), TierRates::default())]),
            login: LoginRates::default(),
            anonymous_reads: Rate::per_minute(600, 200),
            registration_open: true,
            execute_body_bytes_max: 16 << 20,
            bodies_bytes_max: 256 << 20,
            bodies_of_user_bytes_max: 64 << 20,
            answers_bytes_max: 288 << 20,
            answers_of_user_bytes_max: 144 << 20,
            answer_wait_max: Duration::from_secs(5),
            package_bytes_max: 256 << 20,
            package_time_max: Duration::from_secs(600),
            body_bytes_max: 64 << 10,
            body_time_max: Duration::from_secs(30),
            wait_max: Duration::from_secs(30),
            long_answers_max: 2048,
            event_ping: Duration::from_secs(15),
            access_check: Duration::from_secs(5),
            idempotency_lifetime: Duration::from_secs(24 * 3600),
            cors_origins: Vec::new(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            trusted_proxies: Vec::new(),
            metrics_access: MetricsAccess::Loopback,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Bytes that are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// The rates of a tier, per user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierRates {
    /// Submissions; a batch of `n` costs `n`.
    pub submissions: Rate,
    /// Everything else.
    pub reads: Rate,
}

impl Default for TierRates {
    /// The tier `basic`: 300 submissions a minute with bursts of 60, 3,000 reads a minute.
    fn default() -> TierRates {
        TierRates { submissions: Rate::per_minute(300, 60), reads: Rate::per_minute(3000, 600) }
    }
}

/// How often one may try. Only what fails counts, but for registrations and refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginRates {
    /// Wrong passwords for one account from one address.
    pub account_and_address: Rate,
    /// Wrong passwords from one address, for any account.
    pub address: Rate,
    /// Wrong passwords for one account, from all addresses that never logged in to it. Loose: it stops a
    /// distributed guess, and must not let strangers keep an owner out.
    pub account: Rate,
    /// Registrations from one address.
    pub registrations: Rate,
    /// Bad tokens and keys from one address.
    pub bad_tokens: Rate,
    /// Wrong join codes of contests from one address: that of a whole class, which mistypes.
    pub join_codes: Rate,
    /// Refreshes of one session, good ones as well: the store remembers each exchanged token as long as the
    /// session can be refreshed, to know a stolen one.
    pub refreshes: Rate,
}

impl Default for LoginRates {
    fn default() -> LoginRates {
        let quarter = Duration::from_secs(15 * 60);
        LoginRates {
            account_and_address: Rate::new(10, quarter, 10),
            address: Rate::new(30, quarter, 30),
            account: Rate::new(100, quarter, 100),
            registrations: Rate::new(20, Duration::from_secs(3600), 20),
            bad_tokens: Rate::per_minute(300, 300),
            join_codes: Rate::per_minute(60, 60),
            refreshes: Rate::new(60, Duration::from_secs(3600), 60),
        }
    }
}

/// Who may read `/metrics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Whoever can reach the port.
    Open,
    /// Connections from this machine, unless they came through a proxy.
    Loopback,
    /// Whoever sends this as a bearer token.
    Token(Secret),
}

/// Addresses that share a prefix, such as `10.0.0.0/8` or `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// Why a text is not a [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address, or an address and a prefix length such as 10.0.0.0/8")]
pub struct NetworkError;

impl std::str::FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Ok(most), str::parse).map_err(|_| NetworkError)?;
        if prefix_bits > most { Err(NetworkError) } else { Ok(Network { address, prefix_bits }) }
    }
}

impl Network {
    /// Whether the address lies in it.
    pub fn contains(&self, other: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            let rest = width - u32::from(self.prefix_bits);
            a.checked_shr(rest).unwrap_or(0) == b.checked_shr(rest).unwrap_or(0)
        };
        match (self.address, other.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(u128::from(a), u128::from(b), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What only the binary knows about the state of this process.
#[async_trait]
pub trait Health: Send + Sync {
    /// How things stand now. Called at most once a second.
    async fn report(&self) -> HealthReport;
}

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthReport {
    /// Parts that must work to serve: `store`, `queue`, `sandbox`, …
    pub checks: Vec<Check>,
    /// The walls of the sandbox, where this process runs programs.
    pub walls: Vec<Wall>,
    /// What is weaker here than it should be, in one sentence each.
    pub degraded: Vec<String>,
}

impl HealthReport {
    /// Whether requests can be served.
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

/// One part that must work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, such as `store`.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// More, for people.
    pub detail: Option<String>,
}

/// One wall of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wall {
    /// Its name, such as `seccomp`.
    pub name: String,
    /// Whether it stood when it was last attacked.
    pub stands: bool,
    /// More, for people.
    pub detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_their_addresses() {
        let contains =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(contains("10.0.0.0/8", "10.200.3.4"));
        assert!(contains("10.0.0.0/8", "::ffff:10.200.3.4"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("127.0.0.1", "127.0.0.1"));
        assert!(!contains("127.0.0.1", "127.0.0.2"));
        assert!(contains("0.0.0.0/0", "8.8.8.8"));
        assert!(contains("fd00::/8", "fdab::1"));
        assert!(contains("::/0", "fdab::1"));
        assert!(!contains("::/0", "1.2.3.4"));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "x", "::1/129", "1.2.3.4/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let settings = Settings { jwt_secret: Secret(b"hunter2".to_vec()), ..Settings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert!(!format!("{settings:?}").contains("104, 117"));
    }
}
