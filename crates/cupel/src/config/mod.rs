//! The configuration: one struct per concern, read from defaults, file, environment and flags.
//!
//! `config.default.toml` is the reference and the schema; this file defines the types of the values. Reading continues after
//! a fault, and [`load`] reports all faults together, each with its place.

mod images;
mod layers;
mod text_file;
pub(crate) mod units;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cupel_facades::{JOBE, JUDGE0, Judge0Limits, Judge0Options, PISTON, PistonOptions, SANDBOXFUSION};
use cupel_http::{MetricsAccess, Network, Secret};
use cupel_languages::Registry;
use cupel_runner::{CompilerSharing, DockerSettings};
use cupel_sandbox::Wall;
use cupel_types::Bytes;

pub(crate) use images::Images;
pub(crate) use layers::{DEFAULTS, Layers};

/// File that is read if it exists and the command line names no file.
const FILE: &str = "cupel.toml";

/// All settings.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) data: PathBuf,
    pub(crate) engines: Engines,
    pub(crate) results: Results,
    pub(crate) queue_depth_max: u32,
    /// Maximum number of hints of a class that a broker has ready, and the time after which the broker takes back a hint from a
    /// process that does not answer.
    pub(crate) queue_window: u32,
    pub(crate) queue_reclaim_after: Duration,
    pub(crate) worker: Worker,
    pub(crate) accept_missing: Vec<Wall>,
    pub(crate) limits: Limits,
    pub(crate) auth: Auth,
    pub(crate) rate_limits: RateLimits,
    pub(crate) webhooks: Webhooks,
    pub(crate) alerts: Alerts,
    pub(crate) log: Log,
    pub(crate) traces: Traces,
    pub(crate) metrics: MetricsAccess,
    pub(crate) languages: Languages,
    pub(crate) images: Images,
    pub(crate) docker: DockerSettings,
    pub(crate) snippets: Snippets,
    pub(crate) drafts: Drafts,
    pub(crate) problems: Problems,
    pub(crate) facades: Facades,
}

#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Host (a name or an address) and port.
    pub(crate) listen: String,
    pub(crate) body_max: Bytes,
    pub(crate) body_time_max: Duration,
    pub(crate) wait_max: Duration,
    pub(crate) cors_origins: Vec<String>,
    /// Origins that may frame shared programs.
    pub(crate) embed_origins: Vec<String>,
    pub(crate) public_url: String,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) drain: Duration,
}

/// Result cache.
#[derive(Clone, Debug)]
pub(crate) struct Results {
    pub(crate) lifetime: Duration,
    pub(crate) size_max: Bytes,
}

/// Engines that cooperating processes share. An empty address means an engine inside this process.
#[derive(Clone)]
pub(crate) struct Engines {
    /// Prefix of Cupel's names in engines that other programs also use.
    pub(crate) cluster: String,
    pub(crate) store: Option<String>,
    pub(crate) queue: Option<String>,
    pub(crate) events: Option<String>,
    pub(crate) shared: Option<String>,
    pub(crate) blobs: Option<String>,
    /// Maximum size of the local cache of packages from the blob store.
    pub(crate) blobs_kept_max: Bytes,
}

impl Engines {
    /// Returns the directory that all nodes mount, if the blob store is a directory.
    pub(crate) fn shared_directory(&self) -> Option<&Path> {
        self.blobs.as_deref()?.strip_prefix("file://").map(Path::new)
    }
}

/// Hides the addresses, because they may contain passwords.
impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Engines { cluster, store, queue, events, shared, blobs, blobs_kept_max } = self;
        let scheme = |url: &Option<String>| url.as_ref().and_then(|url| Some(url.split_once(':')?.0.to_owned()));
        let (store, queue, events) = (scheme(store), scheme(queue), scheme(events));
        let (shared, blobs) = (scheme(shared), scheme(blobs));
        f.debug_struct("Engines")
            .field("cluster", cluster)
            .field("store", &store)
            .field("queue", &queue)
            .field("events", &events)
            .field("shared", &shared)
            .field("blobs", &blobs)
            .field("blobs_kept_max", blobs_kept_max)
            .finish()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Worker {
    /// Display name of the process. Empty: the machine's name.
    pub(crate) name: String,
    /// Number of slots. Zero: one per processor.
    pub(crate) slots: u32,
    pub(crate) lease: Duration,
    pub(crate) attempts_max: u32,
    pub(crate) run_time_max: Duration,
    /// How long an interactive run goes on without clients.
    pub(crate) detached_timeout: Duration,
    pub(crate) judging_time_max: Duration,
    pub(crate) long_step: Duration,
    pub(crate) artifacts_memory: Bytes,
    pub(crate) artifacts_disk: Bytes,
    pub(crate) warm_compilers: CompilerSharing,
    pub(crate) warm_interpreters: bool,
    pub(crate) function_batches: bool,
}

impl Worker {
    /// Returns the display name of this process: the configured name or the machine's.
    pub(crate) fn called(&self) -> String {
        match self.name.as_str() {
            "" => std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim_end().to_owned(),
            name => name.to_owned(),
        }
    }
}

/// Bounds on one submission.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) source_max: Bytes,
    pub(crate) files_max: u32,
    pub(crate) files_bytes_max: Bytes,
    pub(crate) stdin_max: Bytes,
    pub(crate) args_max: u32,
    pub(crate) env_max: u32,
    pub(crate) args_env_bytes_max: Bytes,
    pub(crate) tests_max: u32,
    pub(crate) tests_bytes_max: Bytes,
    pub(crate) output_kept_max: Bytes,
    pub(crate) run_at_ahead_max: Duration,
    pub(crate) batch_max: u32,
    pub(crate) batch_bytes_max: Bytes,
}

#[derive(Clone, Debug)]
pub(crate) struct Auth {
    pub(crate) registration: bool,
    pub(crate) token_lifetime: Duration,
    pub(crate) refresh_lifetime: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct RateLimits {
    pub(crate) logins_per_account_and_address: u32,
    pub(crate) logins_per_address: u32,
    pub(crate) logins_per_account: u32,
    pub(crate) registrations_per_address: u32,
    pub(crate) anonymous_reads_per_minute: u32,
    pub(crate) anonymous_reads_burst: u32,
    pub(crate) tiers: BTreeMap<String, TierLimits>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct TierLimits {
    pub(crate) submissions_per_minute: u32,
    pub(crate) submissions_burst: u32,
    pub(crate) reads_per_minute: u32,
    pub(crate) reads_burst: u32,
}

/// Destination of alerts.
#[derive(Clone)]
pub(crate) struct Alerts {
    /// Address of the receiver. Empty: alerts are not sent.
    pub(crate) url: String,
    /// Key of the signature. Empty: alerts are not signed.
    pub(crate) secret: String,
    pub(crate) patience: Duration,
    pub(crate) oldest_max: Duration,
}

/// Hides address and secret.
impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Alerts { patience, oldest_max, .. } = self;
        f.debug_struct("Alerts").field("patience", patience).field("oldest_max", oldest_max).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Webhooks {
    pub(crate) allow_private: bool,
    pub(crate) timeout: Duration,
    pub(crate) concurrency: u32,
}

/// Destination of traces.
#[derive(Clone)]
pub(crate) struct Traces {
    pub(crate) url: Option<String>,
    /// Percentage of submissions that are traced.
    pub(crate) percent: u32,
}

/// Hides the address, because it may contain a password.
impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Traces { url, percent } = self;
        f.debug_struct("Traces").field("is_on", &url.is_some()).field("percent", percent).finish()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    #[default]
    Auto,
    Pretty,
    Json,
}

#[derive(Clone, Debug)]
pub(crate) struct Languages {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) disabled: Vec<String>,
    pub(crate) prepare: bool,
}

/// A facade: another product's HTTP interface.
#[derive(Clone, Debug)]
pub(crate) struct Facade {
    pub(crate) enabled: bool,
    /// Whether clients on other machines need no key, like clients on this machine.
    pub(crate) anonymous: bool,
    /// An additional address, where the facade is at the root.
    pub(crate) listen: Option<String>,
}

/// The facades.
#[derive(Clone, Debug)]
pub(crate) struct Facades {
    pub(crate) sandboxfusion: Facade,
    pub(crate) piston: Facade,
    pub(crate) piston_options: PistonOptions,
    pub(crate) judge0: Facade,
    pub(crate) judge0_options: Judge0Options,
    pub(crate) jobe: Facade,
}

/// Shared programs.
#[derive(Clone, Debug)]
pub(crate) struct Snippets {
    pub(crate) per_user_max: u32,
    pub(crate) bytes_max: Bytes,
    /// `None`: forever.
    pub(crate) kept: Option<Duration>,
}

/// Drafts of users.
#[derive(Clone, Debug)]
pub(crate) struct Drafts {
    pub(crate) per_user_max: u32,
    pub(crate) revisions_max: u32,
    pub(crate) bytes_per_user_max: Bytes,
    /// `None`: forever.
    pub(crate) kept: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) struct Problems {
    /// Whether the shipped problems are loaded.
    pub(crate) shipped: bool,
    pub(crate) package_max: Bytes,
    pub(crate) package_time_max: Duration,
    pub(crate) per_author_max: u32,
    pub(crate) bytes_per_author_max: Bytes,
}

/// Settings from the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) file: Option<PathBuf>,
    pub(crate) listen: Option<String>,
    /// Name of a facade, and its address.
    pub(crate) facades: Vec<(String, String)>,
    pub(crate) data: Option<PathBuf>,
}

/// All faults of an unusable configuration.
#[derive(Debug)]
pub(crate) struct ConfigError(Vec<layers::ConfigFault>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the configuration is not valid:")?,
            n => write!(f, "the configuration has {n} errors:")?,
        }
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// Returns the faults of these settings; `None` if there are none.
    pub(crate) fn of(layers: &Layers) -> Option<ConfigError> {
        (!layers.faults.is_empty()).then(|| ConfigError(layers.faults.clone()))
    }
}

/// Reads all sources.
///
/// # Errors
/// All faults of all sources.
pub(crate) fn load(overrides: &Overrides) -> Result<(Config, Layers), ConfigError> {
    let (config, layers) = read_all(overrides);
    match ConfigError::of(&layers) {
        None => Ok((config, layers)),
        Some(error) => Err(error),
    }
}

/// Like [`load`], but also returns the values of a faulty configuration, with placeholders for the faulty ones. For checks
/// that report further faults.
pub(crate) fn read_all(overrides: &Overrides) -> (Config, Layers) {
    let named = overrides.file.clone();
    let text = match &named {
        Some(path) => Some((path.clone(), text_file::read(path))),
        None => Path::new(FILE).exists().then(|| (PathBuf::from(FILE), text_file::read(Path::new(FILE)))),
    };
    let mut layers = Layers::defaults();
    match text {
        Some((path, Ok(text))) => layers.file(&path, &text),
        Some((path, Err(error))) => {
            let origin = layers::Origin::File { path, line: None };
            layers.faults.push(layers::ConfigFault {
                origin,
                key: String::new(),
                message: format!("cannot read the file: {error}"),
            });
        }
        None => {}
    }
    // Cupel has no setting whose name or value is not UTF-8.
    layers.environment(std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?))));
    layers.flag("server.listen", "--listen", overrides.listen.clone());
    for (name, address) in &overrides.facades {
        layers.flag(&format!("facades.{name}.listen"), "--facade", Some(address.clone()));
    }
    layers.flag("data.directory", "--data", overrides.data.as_ref().map(|path| path.to_string_lossy().into_owned()));
    let config = read(&mut layers);
    (config, layers)
}

/// Converts all values. A faulty value becomes a placeholder that is not used.
fn read(layers: &mut Layers) -> Config {
    const SECOND: Duration = Duration::from_secs(1);
    let many = 1..=1_000_000_000;
    let listen = layers.value("server.listen", "an address with a port such as \"127.0.0.1:8080\"", |text| {
        is_listen_address(text).then(|| text.to_owned())
    });
    let server = Server {
        listen,
        body_max: layers.bytes("server.body_max"),
        body_time_max: layers.duration("server.body_time_max", SECOND),
        wait_max: layers.duration("server.wait_max", Duration::ZERO),
        cors_origins: origins(layers, "server.cors_origins"),
        embed_origins: origins(layers, "server.embed_origins"),
        public_url: layers.value("server.public_url", "a URL such as \"https://judge.example\", or \"\"", |text| {
            (text.is_empty() || is_public_url(text)).then(|| text.to_owned())
        }),
        trusted_proxies: networks(layers, "server.trusted_proxies"),
        drain: layers.duration("server.drain", Duration::ZERO),
    };
    let data = layers
        .value("data.directory", "the path of a directory", |text| (!text.is_empty()).then(|| PathBuf::from(text)));
    let worker = Worker {
        name: layers.text("worker.name"),
        slots: layers.number("worker.slots", 0..=1024),
        lease: layers.duration("worker.lease", 3 * SECOND),
        attempts_max: layers.number("worker.attempts_max", 1..=100),
        run_time_max: layers.duration("worker.run_time_max", SECOND),
        detached_timeout: layers.duration("worker.detached_timeout", SECOND),
        judging_time_max: layers.duration("worker.judging_time_max", SECOND),
        long_step: layers.duration("worker.long_step", SECOND),
        artifacts_memory: layers.bytes("worker.artifacts_memory"),
        artifacts_disk: layers.bytes("worker.artifacts_disk"),
        warm_compilers: layers.one_of(
            "worker.warm_compilers",
            &[
                ("per-user", CompilerSharing::PerUser),
                ("shared", CompilerSharing::Shared),
                ("off", CompilerSharing::Off),
            ],
        ),
        warm_interpreters: layers.boolean("worker.warm_interpreters"),
        function_batches: layers.boolean("worker.function_batches"),
    };
    let limits = Limits {
        source_max: layers.bytes("limits.source_max"),
        files_max: layers.number("limits.files_max", 1..=10_000),
        files_bytes_max: layers.bytes("limits.files_bytes_max"),
        stdin_max: layers.bytes("limits.stdin_max"),
        args_max: layers.number("limits.args_max", 0..=10_000),
        env_max: layers.number("limits.env_max", 0..=10_000),
        args_env_bytes_max: layers.bytes("limits.args_env_bytes_max"),
        tests_max: layers.number("limits.tests_max", 0..=10_000),
        tests_bytes_max: layers.bytes("limits.tests_bytes_max"),
        output_kept_max: layers.bytes("limits.output_kept_max"),
        run_at_ahead_max: layers.duration("limits.run_at_ahead_max", Duration::ZERO),
        batch_max: layers.number("limits.batch_max", 1..=100_000),
        batch_bytes_max: layers.bytes("limits.batch_bytes_max"),
    };
    let auth = Auth {
        registration: layers.boolean("auth.registration"),
        token_lifetime: layers.duration("auth.token_lifetime", SECOND),
        refresh_lifetime: layers.duration("auth.refresh_lifetime", SECOND),
    };
    let rate_limits = RateLimits {
        logins_per_account_and_address: layers.number("rate_limits.logins_per_account_and_address", many.clone()),
        logins_per_address: layers.number("rate_limits.logins_per_address", many.clone()),
        logins_per_account: layers.number("rate_limits.logins_per_account", many.clone()),
        registrations_per_address: layers.number("rate_limits.registrations_per_address", many.clone()),
        anonymous_reads_per_minute: layers.number("rate_limits.anonymous_reads_per_minute", many.clone()),
        anonymous_reads_burst: layers.number("rate_limits.anonymous_reads_burst", many.clone()),
        tiers: layers.tiers().into_iter().map(|name| (name.clone(), tier(layers, &name))).collect(),
    };
    let webhooks = Webhooks {
        allow_private: layers.boolean("webhooks.allow_private"),
        timeout: layers.duration("webhooks.timeout", SECOND),
        concurrency: layers.number("webhooks.concurrency", 1..=256),
    };
    let log = Log {
        level: layers.text("log.level"),
        format: layers.one_of(
            "log.format",
            &[("auto", LogFormat::Auto), ("pretty", LogFormat::Pretty), ("json", LogFormat::Json)],
        ),
    };
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log.level) {
        layers.refuse("log.level", format!("expected a level such as \"info\" or a filter: {error}"));
    }
    Config {
        server,
        data,
        engines: engines(layers),
        results: Results {
            lifetime: layers.duration("results.lifetime", Duration::ZERO),
            size_max: layers.bytes("results.size_max"),
        },
        queue_depth_max: layers.number("queue.depth_max", 1..=10_000_000),
        queue_window: layers.number("queue.window", 1..=100_000),
        queue_reclaim_after: layers.duration("queue.reclaim_after", SECOND),
        worker,
        accept_missing: walls(layers, "sandbox.accept_missing"),
        limits,
        auth,
        rate_limits,
        webhooks,
        alerts: alerts(layers),
        log,
        traces: traces(layers),
        metrics: metrics(layers),
        languages: languages(layers),
        images: images::images(layers),
        docker: images::docker(layers),
        snippets: Snippets {
            per_user_max: layers.number("snippets.per_user_max", 0..=1_000_000),
            bytes_max: layers.bytes("snippets.bytes_max"),
            kept: Some(layers.duration("snippets.kept", Duration::ZERO)).filter(|kept| !kept.is_zero()),
        },
        drafts: Drafts {
            per_user_max: layers.number("drafts.per_user_max", 1..=100_000),
            revisions_max: layers.number("drafts.revisions_max", 1..=1000),
            bytes_per_user_max: layers.bytes("drafts.bytes_per_user_max"),
            kept: Some(layers.duration("drafts.kept", Duration::ZERO)).filter(|kept| !kept.is_zero()),
        },
        problems: Problems {
            shipped: layers.boolean("problems.shipped"),
            package_max: layers.bytes("problems.package_max"),
            package_time_max: layers.duration("problems.package_time_max", SECOND),
            per_author_max: layers.number("problems.per_author_max", 0..=1_000_000),
            bytes_per_author_max: layers.bytes("problems.bytes_per_author_max"),
        },
        facades: Facades {
            sandboxfusion: facade(layers, SANDBOXFUSION),
            piston: facade(layers, PISTON),
            piston_options: PistonOptions {
                strict: layers.boolean("facades.piston.strict"),
                any_content_type: layers.boolean("facades.piston.any_content_type"),
            },
            judge0: facade(layers, JUDGE0),
            judge0_options: judge0_options(layers),
            jobe: facade(layers, JOBE),
        },
    }
}

fn facade(layers: &mut Layers, name: &str) -> Facade {
    let listen = layers.value(&format!("facades.{name}.listen"), "an address with a port, or \"\"", |text| {
        (text.is_empty() || is_listen_address(text)).then(|| text.to_owned())
    });
    Facade {
        enabled: layers.boolean(&format!("facades.{name}.enabled")),
        anonymous: layers.boolean(&format!("facades.{name}.anonymous")),
        listen: Some(listen).filter(|listen| !listen.is_empty()),
    }
}

fn judge0_options(layers: &mut Layers) -> Judge0Options {
    let mut limits = Judge0Limits::default();
    for (name, limit) in limits.by_name() {
        // A maximum has the name of its attribute, as in the original's configuration.
        limit.default = layers.decimal(&format!("facades.judge0.{name}"), 0.0);
        limit.max = layers.decimal(&format!("facades.judge0.max_{name}"), 0.0);
        if let (Some(default), Some(max)) = (limit.default, limit.max)
            && default > max
        {
            layers.refuse(&format!("facades.judge0.{name}"), format!("is more than facades.judge0.max_{name}"));
        }
    }
    let mut allowed = |name: &str| layers.boolean(&format!("facades.judge0.{name}"));
    Judge0Options {
        strict: allowed("strict"),
        maintenance_mode: allowed("maintenance_mode"),
        enable_wait_result: allowed("enable_wait_result"),
        enable_compiler_options: allowed("enable_compiler_options"),
        enable_command_line_arguments: allowed("enable_command_line_arguments"),
        enable_callbacks: allowed("enable_callbacks"),
        enable_additional_files: allowed("enable_additional_files"),
        allow_enable_per_process_and_thread_time_limit: allowed("allow_enable_per_process_and_thread_time_limit"),
        allow_enable_per_process_and_thread_memory_limit: allowed("allow_enable_per_process_and_thread_memory_limit"),
        maintenance_message: layers.text("facades.judge0.maintenance_message"),
        allowed_languages_for_compiler_options: layers.list("facades.judge0.allowed_languages_for_compiler_options"),
        max_submission_batch_size: layers.number("facades.judge0.max_submission_batch_size", 1..=1000) as usize,
        limits,
    }
}

/// Whether a text is an address with a port, such as `127.0.0.1:8080` or `localhost:8080`.
fn is_listen_address(text: &str) -> bool {
    let named = |(host, port): (&str, &str)| !host.is_empty() && !host.contains(':') && port.parse::<u16>().is_ok();
    text.parse::<SocketAddr>().is_ok() || text.rsplit_once(':').is_some_and(named)
}

/// Whether a text can be the address of a server for its users: http or https, without a query.
pub(crate) fn is_public_url(text: &str) -> bool {
    let is_url = text.starts_with("https://") || text.starts_with("http://");
    let is_plain = |c: u8| !c.is_ascii_whitespace() && !c.is_ascii_control() && !b"?#\"<>,".contains(&c);
    is_url && text.bytes().all(is_plain)
}

fn engines(layers: &mut Layers) -> Engines {
    let cluster = layers.value("cluster.name", "1 to 32 characters of a-z, 0-9 and `-`", |text| {
        let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        ((1..=32).contains(&text.len()) && text.bytes().all(is_known)).then(|| text.to_owned())
    });
    let engines = Engines {
        cluster,
        store: engine(layers, "store.url", &["postgres", "postgresql"]),
        queue: engine_or_stores(layers, "queue.url", &["postgres", "redis", "rediss", "amqp", "amqps", "kafka"]),
        events: engine_or_stores(layers, "events.url", &["postgres", "redis", "rediss"]),
        shared: engine(layers, "shared.url", &["redis", "rediss"]),
        blobs: engine_or_stores(layers, "blobs.url", &["s3", "file"]),
        blobs_kept_max: layers.bytes("blobs.kept_max"),
    };
    if engines.store.is_none() {
        for (key, url) in
            [("queue.url", &engines.queue), ("events.url", &engines.events), ("blobs.url", &engines.blobs)]
        {
            if url.as_deref() == Some("postgres") {
                let message = "\"postgres\" means the store's database, and store.url does not name one: set store.url \
                               to a postgres:// address";
                layers.refuse(key, message.to_owned());
            }
        }
    }
    engines
}

/// Like [`engine`], but also accepts `postgres` alone, which means the store's database.
fn engine_or_stores(layers: &mut Layers, key: &str, schemes: &[&str]) -> Option<String> {
    let url = layers.text(key);
    if url == "postgres" { Some(url) } else { engine(layers, key, schemes) }
}

/// Schemes of engines that a build may lack, and whether this build has them.
const OPTIONAL_ENGINES: [(&str, bool); 4] = [
    ("amqp", cfg!(feature = "rabbitmq")),
    ("amqps", cfg!(feature = "rabbitmq")),
    ("kafka", cfg!(feature = "kafka")),
    ("s3", cfg!(feature = "s3")),
];

/// Reads the address of an engine, if set. The address must have one of these schemes, and the build must have the
/// engine.
fn engine(layers: &mut Layers, key: &str, schemes: &[&str]) -> Option<String> {
    let url = layers.text(key);
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if url.is_empty() {
        return None;
    }
    if !scheme.is_some_and(|scheme| schemes.contains(&scheme)) {
        // The message omits the address, because it may contain a password.
        let begins = scheme.map_or_else(|| "a URL without a scheme".to_owned(), |scheme| format!("{scheme}://"));
        layers.refuse(key, format!("expected a URL that begins with {}://, found {begins}", schemes.join("://, ")));
    } else if let Some((scheme, false)) = OPTIONAL_ENGINES.iter().find(|(known, _)| Some(*known) == scheme) {
        layers.refuse(
            key,
            format!("this cupel was built without {scheme}://; `make build` builds one with every engine"),
        );
    }
    Some(url)
}

fn walls(layers: &mut Layers, key: &str) -> Vec<Wall> {
    let mut walls = Vec::new();
    for name in layers.list(key) {
        match Wall::from_slug(&name) {
            Some(wall) => walls.push(wall),
            None => layers.refuse(key, format!("unknown wall `{name}`; `cupel doctor` prints the names")),
        }
    }
    walls
}

fn languages(layers: &mut Layers) -> Languages {
    let directory = layers.text("languages.directory");
    let directory = (!directory.is_empty()).then(|| PathBuf::from(directory));
    let key = "languages.disabled";
    let disabled = layers.list(key);
    if !disabled.is_empty() {
        // Faults of the language files are reported where the files are used.
        if let Ok(registry) = Registry::load(directory.as_deref()) {
            for id in &disabled {
                if let Some(message) = unknown_language(&registry, id) {
                    layers.refuse(key, message);
                }
            }
        }
    }
    Languages { directory, disabled, prepare: layers.boolean("languages.prepare") }
}

/// Reads the origins of web pages, as browsers send them.
fn origins(layers: &mut Layers, key: &str) -> Vec<String> {
    let is_origin = |text: &str| {
        let (scheme, authority) = text.split_once("://").unwrap_or_default();
        let plain =
            |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_graphic() && !b"/,;?#\"'[]".contains(&c));
        text == "*" || (plain(scheme) && plain(authority.trim_start_matches('[').replace(']', "").as_str()))
    };
    let origins = layers.list(key);
    for origin in origins.iter().filter(|origin| !is_origin(origin)) {
        let message = format!(
            "`{origin}` is no origin: write a scheme, a host and a port, such as \"https://judge.example\", or \"*\""
        );
        layers.refuse(key, message);
    }
    origins
}

/// Returns the fault message for an unknown language id; `None` for a known one.
fn unknown_language(registry: &Registry, id: &str) -> Option<String> {
    match registry.find(id) {
        Some(language) if language.id.as_str() == id => None,
        Some(language) => Some(format!("`{id}` is not the id of a language; did you mean `{}`?", language.id)),
        None => Some(registry.unknown(id, "`cupel languages`")),
    }
}

fn networks(layers: &mut Layers, key: &str) -> Vec<Network> {
    let mut networks = Vec::new();
    for text in layers.list(key) {
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(error) => layers.refuse(key, format!("expected {error}, found {text:?}")),
        }
    }
    networks
}

fn alerts(layers: &mut Layers) -> Alerts {
    let url = layers.text("alerts.url");
    if !url.is_empty() && !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
        // The message omits the address, because it may contain a password.
        layers.refuse("alerts.url", "expected a URL that begins with http:// or https://".to_owned());
    }
    Alerts {
        url,
        secret: layers.text("alerts.secret"),
        patience: layers.duration("alerts.patience", Duration::ZERO),
        oldest_max: layers.duration("alerts.oldest_max", Duration::from_secs(1)),
    }
}

fn traces(layers: &mut Layers) -> Traces {
    let key = "traces.url";
    let url = engine(layers, key, &["http", "https"]);
    if url.is_some() && !cfg!(feature = "otlp") {
        let message = "this cupel was built without the exporter of traces; `make build` builds one with it";
        layers.refuse(key, message.to_owned());
    }
    Traces { url, percent: layers.number("traces.percent", 0..=100) }
}

fn metrics(layers: &mut Layers) -> MetricsAccess {
    let token = layers.text("metrics.token");
    match layers.one_of("metrics.access", &[("loopback", 0), ("open", 1), ("token", 2)]) {
        1 => MetricsAccess::Open,
        2 => {
            if token.len() < 16 {
                layers.refuse(
                    "metrics.token",
                    "expected at least 16 characters, because metrics.access is \"token\"".to_owned(),
                );
            }
            MetricsAccess::Token(Secret(token.into_bytes()))
        }
        _ => MetricsAccess::Loopback,
    }
}

fn tier(layers: &mut Layers, name: &str) -> TierLimits {
    let mut number = |field: &str| layers.number(&format!("rate_limits.tiers.{name}.{field}"), 1..=1_000_000_000);
    TierLimits {
        submissions_per_minute: number("submissions_per_minute"),
        submissions_burst: number("submissions_burst"),
        reads_per_minute: number("reads_per_minute"),
        reads_burst: number("reads_burst"),
    }
}

/// The default configuration.
#[cfg(test)]
pub(crate) fn defaults() -> Config {
    read(&mut Layers::defaults())
}

#[cfg(test)]
mod tests;
