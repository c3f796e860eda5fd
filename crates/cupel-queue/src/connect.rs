//! Creates the queue that `queue.url` names. The scheme selects the adapter, and errors name the remedy.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::Queue;
use futures_util::future::BoxFuture;

use crate::broker::{Broker, BrokerError, BrokerFault};
use crate::brokered::{BrokeredQueue, MakeLanguageQueue};
use crate::embedded::{EmbeddedQueue, QUEUE_DEPTH_MAX};
use crate::error::ConnectError;
use crate::names;
use crate::names::Route;

/// Settings of a queue, besides its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the cluster, which the names of all queues, topics and streams at a broker contain. 1 to 64 characters
    /// from a-z 0-9 - _ .
    pub cluster: String,
    /// Maximum number of waiting hints that this process knows of.
    pub depth_max: usize,
    /// A node puts hints of a class only while fewer than this number of them, from all nodes together, are ready at
    /// the broker. The number may be exceeded between two readings of the broker's count. A smaller window is fairer
    /// between owners. A larger window keeps more workers busy between two reads of the broker's count.
    pub window: usize,
    /// How long a hint may stay unsettled before its taker is considered dead, for brokers that do not detect dead
    /// takers themselves.
    pub reclaim_after: Duration,
    /// URL of the store's database, for `queue.url = "postgres"`.
    pub store_url: Option<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            cluster: "cupel".to_owned(),
            depth_max: QUEUE_DEPTH_MAX,
            window: 256,
            reclaim_after: Duration::from_secs(30),
            store_url: None,
        }
    }
}

/// Creates the queue that a URL names: empty for a queue in this process, `postgres` for the store's database,
/// otherwise a broker's URL. Connects to the broker and creates its objects before returning.
///
/// # Errors
/// [`ConnectError`]. When the process starts, an unreachable broker is an error; later, the queue waits until the
/// broker is reachable again.
pub async fn connect(url: &str, settings: Settings) -> Result<Arc<dyn Queue>, ConnectError> {
    if url.is_empty() {
        return Ok(Arc::new(EmbeddedQueue::new(settings.depth_max)));
    }
    if !names::is_good(&settings.cluster) {
        return Err(ConnectError::Cluster { cluster: settings.cluster });
    }
    let of_store =
        if url == "postgres" { Some(settings.store_url.clone().ok_or(ConnectError::NoDatabase)?) } else { None };
    let url = of_store.as_deref().unwrap_or(url);
    let route = Route::common(&settings.cluster);
    connect_to(url.into(), Arc::new(settings), route).await
}

/// Creates the queue of one route at the broker that a URL names.
fn connect_to(
    url: Arc<str>,
    settings: Arc<Settings>,
    route: Route,
) -> BoxFuture<'static, Result<Arc<dyn Queue>, ConnectError>> {
    Box::pin(async move {
        let language_queues: MakeLanguageQueue = {
            let (url, settings, route) = (Arc::clone(&url), Arc::clone(&settings), route.clone());
            Box::new(move |language| {
                connect_to(Arc::clone(&url), Arc::clone(&settings), route.language_queue(language))
            })
        };
        at_broker(&url, &settings, &route, language_queues).await
    })
}

async fn at_broker(
    url: &str,
    settings: &Settings,
    route: &Route,
    language_queues: MakeLanguageQueue,
) -> Result<Arc<dyn Queue>, ConnectError> {
    let Some((scheme, _)) = url.split_once("://") else {
        // The value may contain a password, so the message does not quote it.
        return Err(ConnectError::Scheme { scheme: "a value without `://`".to_owned() });
    };
    match scheme {
        "postgres" | "postgresql" => {
            #[cfg(feature = "postgres")]
            return start(url, settings, route, language_queues, crate::postgres::Postgres::new(url, route)).await;
            #[cfg(not(feature = "postgres"))]
            Err(ConnectError::NotBuilt { feature: "postgres" })
        }
        "redis" | "rediss" => {
            #[cfg(feature = "redis")]
            return start(
                url,
                settings,
                route,
                language_queues,
                crate::redis::Redis::new(url, route, settings.reclaim_after),
            )
            .await;
            #[cfg(not(feature = "redis"))]
            Err(ConnectError::NotBuilt { feature: "redis" })
        }
        "amqp" | "amqps" => {
            #[cfg(feature = "rabbitmq")]
            return start(url, settings, route, language_queues, crate::rabbitmq::RabbitMq::new(url, route)).await;
            #[cfg(not(feature = "rabbitmq"))]
            Err(ConnectError::NotBuilt { feature: "rabbitmq" })
        }
        "kafka" => {
            #[cfg(feature = "kafka")]
            return start(
                url,
                settings,
                route,
                language_queues,
                crate::kafka::Kafka::new(url, route, settings.reclaim_after),
            )
            .await;
            #[cfg(not(feature = "kafka"))]
            Err(ConnectError::NotBuilt { feature: "kafka" })
        }
        _ => Err(ConnectError::Scheme { scheme: format!("`{}://`", scheme.chars().take(32).collect::<String>()) }),
    }
}

async fn start(
    url: &str,
    settings: &Settings,
    route: &Route,
    language_queues: MakeLanguageQueue,
    broker: Result<impl Broker, BrokerError>,
) -> Result<Arc<dyn Queue>, ConnectError> {
    let failed = |error: BrokerError| ConnectError::Broker {
        url: without_password(url),
        remedy: remedy(error.fault),
        source: Box::new(error),
    };
    // So far, the broker has only read the URL.
    let broker = broker.map_err(|error| ConnectError::Url { url: without_password(url), source: Box::new(error) })?;
    let (window, depth_max) = (settings.window, settings.depth_max);
    let queue = BrokeredQueue::start(route.prefix(), broker, language_queues, window, depth_max).await;
    Ok(Arc::new(queue.map_err(failed)?))
}

fn remedy(fault: BrokerFault) -> &'static str {
    match fault {
        BrokerFault::Url => "the form is SCHEME://USER:PASSWORD@HOST:PORT/NAME",
        BrokerFault::Unreachable => "check that the server runs there and that this machine can reach it",
        #[cfg(feature = "kafka")]
        BrokerFault::Stranger => {
            "a server listens there but does not speak this protocol: check the port, and whether the server hangs or requires TLS or a user"
        }
        BrokerFault::Denied => "check the user, the password and the database or virtual host in the URL",
        #[cfg(feature = "kafka")]
        BrokerFault::Rights => {
            "allow this user to describe, read and write the topics and to read the group whose names begin with cluster.name, and create those topics or allow the user to create them"
        }
        BrokerFault::Full => "give the server more memory or disk space",
        BrokerFault::Version => {
            "the server and this version of Cupel do not fit together: update the older of them, or choose another queue"
        }
        BrokerFault::Other => "the server's own message follows",
    }
}

/// The URL without the password and the query.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // The `@` may belong to an unescaped password that contains `/` or `?`, so nothing after the scheme is safe to
    // show.
    if path.contains('@') {
        return format!("{scheme}://…");
    }
    let path = path.split('?').next().unwrap_or_default();
    // A password may contain an unescaped `@`; a host cannot.
    let Some((user, host)) = authority.rsplit_once('@') else { return format!("{scheme}://{authority}{path}") };
    let user = user.split_once(':').map_or(user, |(user, _)| user);
    format!("{scheme}://{user}:…@{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_urls_contain_no_password() {
        for (url, shown) in [
            ("redis://:secret@h:1/2", "redis://:…@h:1/2"),
            ("postgres://u:sec@ret@h/d?sslmode=require", "postgres://u:…@h/d"),
            ("amqp://u:secret@h", "amqp://u:…@h"),
            ("kafka://a:1,b:2/p?partitions=3", "kafka://a:1,b:2/p"),
            ("kafka://u:sec/ret@a:1", "kafka://…"),
            ("postgres://h/d?user=u&password=secret", "postgres://h/d"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
