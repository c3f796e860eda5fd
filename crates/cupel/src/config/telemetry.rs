//! Settings of the log, traces and metrics.

use std::fmt;

use cupel_http::{MetricsAccess, Secret};

use super::Layers;
use super::engines::engine;

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

pub(super) fn log(layers: &mut Layers) -> Log {
    let log = Log {
        level: layers.text("log.level"),
        format: layers.one_of(
            "log.format",
            &[("auto", LogFormat::Auto), ("pretty", LogFormat::Pretty), ("json", LogFormat::Json)],
        ),
    };
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&log.level) {
        layers.refuse("log.level", format!("expected a level such as \"info\" or a filter: {error}"));
    } else if let Some(word) = log.level.split(',').map(str::trim).find(|part| !is_clear(part)) {
        layers.refuse(
            "log.level",
            format!(
                "`{word}` is not a level; expected {}, or TARGET=LEVEL such as \"cupel_worker=debug\"",
                LEVELS.join(", ")
            ),
        );
    }
    log
}

/// The levels, from nothing to everything.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Whether a part of a filter is a level, or names a level. A filter may be a bare target, and would then log this
/// target only: with "warning", a misspelt level, nothing would be logged.
fn is_clear(part: &str) -> bool {
    part.is_empty() || part.contains('=') || LEVELS.iter().any(|level| part.eq_ignore_ascii_case(level))
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

pub(super) fn traces(layers: &mut Layers) -> Traces {
    let key = "traces.url";
    let url = engine(layers, key, &["http", "https"]);
    if url.is_some() && !cfg!(feature = "otlp") {
        let message = "this cupel was built without trace export; `make build` builds one with it";
        layers.refuse(key, message.to_owned());
    }
    Traces { url, percent: layers.number("traces.percent", 0..=100) }
}

pub(super) fn metrics(layers: &mut Layers) -> MetricsAccess {
    let token = layers.text("metrics.token");
    // 0 stands for another word, which is refused.
    let access = layers.one_of("metrics.access", &[("loopback", 1), ("open", 2), ("token", 3)]);
    if matches!(access, 1 | 2) && !token.is_empty() {
        let message = "is not used: set metrics.access to \"token\", or remove the token";
        layers.refuse("metrics.token", message.to_owned());
    }
    match access {
        2 => MetricsAccess::Open,
        3 => {
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
