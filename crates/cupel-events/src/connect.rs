//! Which bus a URL means.

use std::sync::Arc;

use cupel_core::EventBus;

use crate::postgres::PostgresServer;
use crate::redis::RedisServer;
use crate::remote::{RemoteBus, ServerError};
use crate::{EmbeddedBus, EventBounds};

/// Longest name of a cluster, in bytes: names of PostgreSQL are 63 long at most.
const CLUSTER_MAX: usize = 40;

/// The bus cannot be had. Names the setting, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No server of any kind has such a URL.
    #[error(
        "`events.url` has to be empty, \"postgres\", or a URL that begins with postgres://, redis:// or rediss://, and it \
         begins with `{scheme}`"
    )]
    Scheme {
        /// What it begins with, without what may be secret.
        scheme: String,
    },
    /// A URL with the right beginning that is none.
    #[error("`events.url` is no URL of {server}; it looks like {example}")]
    Url {
        /// Which server was meant.
        server: &'static str,
        /// One that is right.
        example: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The name of the cluster cannot be part of a name there.
    #[error("`cluster.name` has 1 to {CLUSTER_MAX} letters, digits, `-` and `_`")]
    Cluster,
    /// It does not answer, or does not let us do what we must.
    #[error(
        "{server} cannot be used for events (`events.url`); is it running, reachable from here, and open to this user?"
    )]
    Server {
        /// Which server.
        server: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The bus that `url` names, under the name of a cluster, which keeps several apart that share a server. An empty URL is the one
/// in this process. It is connected when this returns, and connects again by itself later.
///
/// # Errors
/// When the URL or the server cannot be used.
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
            let scheme = if scheme.is_empty() { "no scheme".to_owned() } else { format!("{scheme}://") };
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
            Ok(_) => panic!("{url} was taken"),
            Err(error) => cupel_core::chain(&error),
        }
    }

    #[tokio::test]
    async fn wrong_urls_are_refused_with_the_setting_and_the_remedy_and_without_the_password() {
        for (url, told) in [
            ("amqp://a:hunter2@host", "begins with `amqp://`"),
            ("hunter2", "begins with `no scheme`"),
            ("redis://:hunter2@host:port", "redis://:password@host:6379/0"),
            ("postgres://a:hunter2@host:5432/db?sslmode=perhaps", "postgres://user:password@host:5432/database"),
            ("redis://:hunter2@127.0.0.1:1", "is it running"),
            ("postgres://a:hunter2@127.0.0.1:1/db", "is it running"),
        ] {
            let refusal = refusal(url, "cupel").await;
            assert!(refusal.contains("events.url") && refusal.contains(told), "{url}: {refusal}");
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
        assert!(refusal("redis://127.0.0.1", "a b").await.contains("cluster.name"));
        assert!(connect("", "cupel", EventBounds::default()).await.is_ok());
    }
}
