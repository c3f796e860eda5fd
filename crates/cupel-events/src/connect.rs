//! Creates the event bus that `events.url` names.

use std::sync::Arc;

use cupel_core::EventBus;

use crate::postgres::PostgresServer;
use crate::redis::RedisServer;
use crate::remote::{RemoteBus, ServerError};
use crate::{EmbeddedBus, EventBounds};

/// Maximum length of a cluster's name, in bytes. PostgreSQL's identifiers have at most 63 bytes.
const CLUSTER_MAX: usize = 40;

/// Error of [`connect`]. The messages name the setting and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The scheme is not supported.
    #[error(
        "`events.url` must be empty, \"postgres\", or a URL that begins with postgres://, redis:// or rediss://; it \
         has {scheme}"
    )]
    Scheme {
        /// "no scheme", or "the scheme" and the scheme. The rest of the URL may be secret.
        scheme: String,
    },
    /// A malformed URL with a supported scheme.
    #[error("`events.url` is not a valid URL of {server}; use a URL like {example}")]
    Url {
        /// The kind of server.
        server: &'static str,
        /// An example of a valid URL.
        example: &'static str,
        /// The parser's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The cluster's name cannot be part of a name on the server.
    #[error("`cluster.name` must consist of 1 to {CLUSTER_MAX} letters, digits, `-` and `_`")]
    Cluster,
    /// The server does not answer, or the user lacks a permission.
    #[error(
        "{server} cannot be used for events (`events.url`); check that it runs, is reachable and accepts this user"
    )]
    Server {
        /// The kind of server.
        server: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Creates the bus that `url` names. The name of the cluster separates clusters that share a server. An empty URL
/// selects the bus in this process. A bus over a server is connected when this function returns, and later reconnects
/// automatically.
///
/// # Errors
/// If the URL or the server cannot be used.
pub async fn connect(url: &str, cluster: &str, bounds: EventBounds) -> Result<Arc<dyn EventBus>, ConnectError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if cluster.is_empty() || cluster.len() > CLUSTER_MAX || !cluster.chars().all(is_plain) {
        return Err(ConnectError::Cluster);
    }
    if url.is_empty() {
        return Ok(Arc::new(EmbeddedBus::new(bounds)));
    }
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let bus = match scheme {
        "redis" | "rediss" => {
            let (server, example) = ("Redis", "redis://:password@host:6379/0");
            let redis = RedisServer::new(url, cluster).map_err(|error| no_url(server, example, error))?;
            RemoteBus::start(redis, bounds).await.map_err(|error| unusable(server, error))?
        }
        "postgres" | "postgresql" => {
            let (server, example) = ("PostgreSQL", "postgres://user:password@host:5432/database");
            let postgres = PostgresServer::new(url, cluster).map_err(|error| no_url(server, example, error))?;
            RemoteBus::start(postgres, bounds).await.map_err(|error| unusable(server, error))?
        }
        _ => {
            let scheme = if scheme.is_empty() { "no scheme".to_owned() } else { format!("the scheme `{scheme}`") };
            return Err(ConnectError::Scheme { scheme });
        }
    };
    Ok(Arc::new(bus))
}

fn no_url(server: &'static str, example: &'static str, source: ServerError) -> ConnectError {
    ConnectError::Url { server, example, source: source.into() }
}

fn unusable(server: &'static str, source: ServerError) -> ConnectError {
    ConnectError::Server { server, source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(url: &str, cluster: &str) -> String {
        match connect(url, cluster, EventBounds::default()).await {
            Ok(_) => panic!("{url} was accepted"),
            Err(error) => cupel_core::chain(&error),
        }
    }

    #[tokio::test]
    async fn errors_name_the_setting_and_the_remedy_and_hide_the_password() {
        for (url, expected) in [
            ("amqp://a:hunter2@host", "it has the scheme `amqp`"),
            ("hunter2", "it has no scheme"),
            ("redis://:hunter2@host:port", "redis://:password@host:6379/0"),
            ("postgres://a:hunter2@host:5432/db?sslmode=perhaps", "postgres://user:password@host:5432/database"),
            ("redis://:hunter2@127.0.0.1:1", "check that it runs"),
            ("postgres://a:hunter2@127.0.0.1:1/db", "check that it runs"),
        ] {
            let refusal = refusal(url, "cupel").await;
            assert!(refusal.contains("events.url") && refusal.contains(expected), "{url}: {refusal}");
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
        assert!(refusal("redis://127.0.0.1", "a b").await.contains("cluster.name"));
        assert!(connect("", "cupel", EventBounds::default()).await.is_ok());
    }
}
