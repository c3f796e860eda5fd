//! State supplied by the binary: the use cases, the settings, and process-specific facts.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cupel_core::Core;
use cupel_core::accounts::{Accounts, Tier};
use cupel_core::rate_limit::{Buckets, Rate};
use tokio_util::sync::CancellationToken;

/// Everything [`router`](crate::router) needs.
#[derive(Clone)]
pub struct ApiState {
    /// Use cases for submissions.
    pub core: Core,
    /// Use cases for users, keys and tokens.
    pub accounts: Accounts,
    /// Operator settings.
    pub settings: Arc<Settings>,
    /// Rate-limit buckets, of this node or shared by all nodes.
    pub buckets: Arc<dyn Buckets>,
    /// Readiness and the state of the sandbox.
    pub health: Arc<dyn Health>,
    /// Renders the metrics in the Prometheus text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Cancelled when the server shuts down: long-lived responses (event streams, waits) then end at once.
    /// With [`Settings::answers_while_draining`], one that begins later may last a second.
    pub shutdown: CancellationToken,
}

/// Operator settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Key that signs access tokens (HS256): at least 32 random bytes, the same on every node. A shorter key is
    /// replaced by a random one that is valid until the process restarts.
    pub jwt_secret: Secret,
    /// Lifetime of an access token.
    pub access_token_lifetime: Duration,
    /// Rates of each tier. A user whose tier is not listed has the rates of [`TierRates::default`].
    pub tiers: BTreeMap<String, TierRates>,
    /// Rate limits of log-ins and registrations.
    pub login: LoginRates,
    /// Rate limit of reads without an account, per address.
    pub anonymous_reads: Rate,
    /// Whether everybody may register. Otherwise, users need a join code, or administrators create them.
    pub registration_open: bool,
    /// Whether visitors may run programs as guests.
    pub guests_allowed: bool,
    /// Largest body with programs (submissions, drafts, shared programs), in bytes.
    pub execute_body_bytes_max: usize,
    /// Maximum number of bytes of these bodies in memory at one time, of all users together.
    pub bodies_bytes_max: usize,
    /// The same maximum per user.
    pub bodies_of_user_bytes_max: usize,
    /// Maximum number of bytes of large responses (submissions with much output) in memory at one time, of all users
    /// together.
    pub answers_bytes_max: usize,
    /// The same maximum per user.
    pub answers_of_user_bytes_max: usize,
    /// How long a large response waits for memory before it is refused.
    pub answer_wait_max: Duration,
    /// Largest archive of a problem, in bytes.
    pub package_bytes_max: u64,
    /// Maximum time for an archive to arrive.
    pub package_time_max: Duration,
    /// Largest body of all other requests, in bytes.
    pub body_bytes_max: usize,
    /// Maximum time for a body to arrive.
    pub body_time_max: Duration,
    /// Maximum time for which `?wait=` may delay a response.
    pub wait_max: Duration,
    /// Maximum number of open event streams and waits of all users together; must be below the maximum number of
    /// connections.
    pub long_answers_max: usize,
    /// Interval of keep-alive messages on an otherwise silent event stream, and of pings on a live connection.
    pub event_ping: Duration,
    /// Interval at which open event streams and live connections check that their user still exists and is not
    /// disabled.
    pub access_check: Duration,
    /// How long a repeated `Idempotency-Key` is recognised.
    pub idempotency_lifetime: Duration,
    /// Origins of web pages that may call the API from a browser; none by default. `*` is every origin.
    pub cors_origins: Vec<String>,
    /// Public address of this server, such as `https://judge.example`: the base of one-time links and, in the headers
    /// `Location` and `Content-Location`, of paths.
    pub public_url: String,
    /// Whether the server may have any host name. Otherwise, a page that was loaded without TLS is a page of this server
    /// only under the name in `public_url`, a loopback name, or an address.
    pub has_any_name: bool,
    /// Whether this server has the site, which has a page for one-time links.
    pub has_site: bool,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<Network>,
    /// Which clients may read `/metrics`.
    pub metrics_access: MetricsAccess,
    /// Whether the server goes on listening while it drains: reads are answered, and everything else is refused.
    pub answers_while_draining: bool,
    /// Version of Cupel, shown in `/healthz` and on the page with the first steps.
    pub version: String,
}

impl Default for Settings {
    /// The shipped defaults; the secret is empty (see the field).
    fn default() -> Settings {
        Settings {
            jwt_secret: Secret(Vec::new()),
            access_token_lifetime: Duration::from_secs(3600),
            tiers: BTreeMap::from([
                (Tier::BASIC.to_owned(), TierRates::default()),
                (
                    "guest".to_owned(),
                    TierRates { submissions: Rate::per_minute(30, 10), reads: Rate::per_minute(600, 200) },
                ),
            ]),
            login: LoginRates::default(),
            anonymous_reads: Rate::per_minute(600, 200),
            registration_open: true,
            guests_allowed: true,
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
            has_any_name: false,
            has_site: false,
            trusted_proxies: Vec::new(),
            metrics_access: MetricsAccess::Loopback,
            answers_while_draining: false,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Secret bytes. `Debug` does not print them.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// Rates of a tier, per user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierRates {
    /// Submissions; a batch of `n` costs `n`.
    pub submissions: Rate,
    /// All other requests.
    pub reads: Rate,
}

impl Default for TierRates {
    /// The tier `basic`: 300 submissions per minute with bursts of 60, 3,000 reads per minute.
    fn default() -> TierRates {
        TierRates { submissions: Rate::per_minute(300, 60), reads: Rate::per_minute(3000, 600) }
    }
}

/// Limits on attempts. Only failures count, except for registrations, guests and refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginRates {
    /// Wrong passwords for one account from one address.
    pub account_and_address: Rate,
    /// Wrong passwords from one address, for any account.
    pub address: Rate,
    /// Wrong passwords for one account, from all addresses that have never logged in to it. A high limit: it must stop
    /// distributed guessing without letting strangers lock the owner out.
    pub account: Rate,
    /// Right passwords for one account, from all addresses: each costs a hash, and the store keeps the session. Only
    /// somebody who knows the password can exhaust this limit.
    pub successes: Rate,
    /// Registrations from one address.
    pub registrations: Rate,
    /// New guests from one address.
    pub guests: Rate,
    /// Invalid tokens and keys from one address.
    pub bad_tokens: Rate,
    /// Wrong join codes, for contests or for registration, from one address. The limit is high enough for the typing
    /// errors of a whole class.
    pub join_codes: Rate,
    /// Refreshes of one session, including successful ones: the store keeps each exchanged token for as long as the
    /// session can be refreshed, to detect a stolen token.
    pub refreshes: Rate,
}

impl Default for LoginRates {
    fn default() -> LoginRates {
        let quarter = Duration::from_secs(15 * 60);
        LoginRates {
            account_and_address: Rate::new(10, quarter, 10),
            address: Rate::new(30, quarter, 30),
            account: Rate::new(100, quarter, 100),
            successes: Rate::new(120, Duration::from_secs(3600), 60),
            registrations: Rate::new(20, Duration::from_secs(3600), 20),
            guests: Rate::new(60, Duration::from_secs(3600), 60),
            bad_tokens: Rate::per_minute(300, 300),
            join_codes: Rate::per_minute(60, 60),
            refreshes: Rate::new(60, Duration::from_secs(3600), 60),
        }
    }
}

/// Which clients may read `/metrics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Every client that can reach the port.
    Open,
    /// Connections from this machine, unless they came through a proxy.
    Loopback,
    /// Clients that send this secret as a bearer token.
    Token(Secret),
}

/// Path of the public address of a server, with a slash at the beginning and at the end. If the path contains a
/// character that could be special in HTML or in a header, `/` is returned.
pub fn base_path(public_url: &str) -> String {
    let (_, rest) = public_url.split_once("://").unwrap_or_default();
    let path = rest.split_once('/').map_or("", |(_, path)| path).trim_matches('/');
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~/%".contains(&c);
    if path.is_empty() || !path.bytes().all(is_plain) { "/".to_owned() } else { format!("/{path}/") }
}

/// Addresses that share a prefix, such as `10.0.0.0/8` or `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// Error for text that is not a [`Network`].
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
    /// Whether the address is in this network.
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

/// Source of the process's health report. The binary implements it.
#[async_trait]
pub trait Health: Send + Sync {
    /// Returns the current state. Called at most once per second.
    async fn report(&self) -> HealthReport;
}

/// State of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthReport {
    /// Components that must work so that requests can be served: `store`, `queue`, `sandbox`, …
    pub checks: Vec<Check>,
    /// Walls (layers of protection) of the sandbox; empty unless this process runs programs.
    pub walls: Vec<Wall>,
    /// Reductions in service or protection, one sentence each.
    pub degraded: Vec<String>,
}

impl HealthReport {
    /// Whether requests can be served.
    pub fn is_ready(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

/// One required component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Name, such as `store`.
    pub name: String,
    /// Whether the component works.
    pub ok: bool,
    /// Human-readable details.
    pub detail: Option<String>,
}

/// One wall (layer of protection) of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wall {
    /// Name, such as `seccomp`.
    pub name: String,
    /// Whether the wall resisted the test attack when the process started.
    pub stands: bool,
    /// Human-readable details.
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
