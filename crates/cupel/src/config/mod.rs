//! The configuration: one struct per concern, read from defaults, file, environment and flags.
//!
//! `config.default.toml` is the reference and the schema; the files of this folder define the types of the values, each
//! for some of its sections. Reading continues after an error, and [`load`] reports all errors together, each with its
//! place.

mod auth;
mod content;
mod engines;
mod facades;
mod images;
mod languages;
mod layers;
mod limits;
mod notifications;
mod rate_limits;
mod server;
mod sources;
mod telemetry;
mod text_file;
pub(crate) mod units;
mod worker;

use std::path::PathBuf;
use std::time::Duration;

use cupel_http::MetricsAccess;
use cupel_runner::DockerSettings;
use cupel_sandbox::Wall;
use cupel_types::Bytes;

use content::{Drafts, Problems, Snippets};
use images::Images;
use languages::Languages;
use limits::Limits;
use rate_limits::RateLimits;
use server::Server;
use telemetry::Traces;

pub(crate) use auth::Auth;
pub(crate) use engines::Engines;
pub(crate) use facades::{Facade, Facades};
pub(crate) use languages::DIRECTORY_IN_DATA;
pub(crate) use layers::{DEFAULTS, Layers};
pub(crate) use notifications::{Alerts, Webhooks};
pub(crate) use rate_limits::TierLimits;
pub(crate) use server::is_public_url;
pub(crate) use sources::{ConfigError, CurrentDirectory, FILE, Overrides, is_file_there, load, read_all};
pub(crate) use telemetry::{Log, LogFormat};
pub(crate) use worker::Worker;

const SECOND: Duration = Duration::from_secs(1);

/// All settings.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) data: PathBuf,
    /// `data`, as far as commands without a server may use it. `None` if it is in a current directory that is not
    /// trusted.
    pub(crate) local_data: Option<PathBuf>,
    pub(crate) engines: Engines,
    pub(crate) results: Results,
    pub(crate) queue_depth_max: u32,
    /// Maximum number of ready hints per class at a broker, and the time after which the broker redelivers a hint of a
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

/// Result cache.
#[derive(Clone, Debug)]
pub(crate) struct Results {
    pub(crate) lifetime: Duration,
    pub(crate) size_max: Bytes,
}

/// Converts all values. A faulty value becomes a placeholder that is not used.
fn read(layers: &mut Layers) -> Config {
    let server = server::server(layers);
    let data = layers
        .value("data.directory", "the path of a directory", |text| (!text.is_empty()).then(|| PathBuf::from(text)));
    let files = data.join(languages::DIRECTORY_IN_DATA);
    let worker = worker::worker(layers);
    let limits = limits::limits(layers);
    let auth = auth::auth(layers);
    let rate_limits = rate_limits::rate_limits(layers);
    let webhooks = notifications::webhooks(layers);
    let log = telemetry::log(layers);
    Config {
        server,
        local_data: Some(data.clone()),
        data,
        engines: engines::engines(layers),
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
        alerts: notifications::alerts(layers),
        log,
        traces: telemetry::traces(layers),
        metrics: telemetry::metrics(layers),
        languages: languages::languages(layers, &files),
        images: images::images(layers),
        docker: images::docker(layers),
        snippets: content::snippets(layers),
        drafts: content::drafts(layers),
        problems: content::problems(layers),
        facades: facades::facades(layers),
    }
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

/// The default configuration.
#[cfg(test)]
pub(crate) fn defaults() -> Config {
    read(&mut Layers::defaults())
}

#[cfg(test)]
mod tests;
