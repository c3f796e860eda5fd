//! From `queue.url` to a queue: the scheme chooses the adapter, and what cannot be is told with the remedy.

use std::sync::Arc;
use std::time::Duration;

use cupel_core::Queue;
use futures_util::future::BoxFuture;

use crate::broker::{Broker, BrokerError, Fault};
use crate::brokered::{BrokeredQueue, MakeLane};
use crate::names::Route;
use crate::{EmbeddedQueue, QUEUE_DEPTH_MAX, names};

/// What a queue is made with, beside its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The cluster's name: what begins the name of everything at a broker. 1 to 64 characters out of a-z 0-9 - _ .
    pub cluster: String,
    /// How many hints may wait, for all that this process knows of.
    pub depth_max: usize,
    /// How many hints of a class may be ready at the broker, all nodes together: less is fairer between tenants, more keeps
    /// more workers busy between two looks.
    pub window: usize,
    /// How long a hint may stay unsettled before its taker counts as dead, where the broker does not see that by itself.
    pub reclaim_after: Duration,
    /// The store's database, for the queue `postgres`.
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

/// Why there is no queue. The messages name the setting and the remedy, and no password.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ConnectError {
    #[error(
        "queue.url: there is no queue for `{scheme}`; it can be empty (in this process), `postgres` (the store's database), or begin with postgres://, redis://, rediss://, amqp://, amqps:// or kafka://"
    )]
    Scheme { scheme: String },
    #[error("queue.url: this program was built without the feature `{feature}`, which this URL needs")]
    NotBuilt { feature: &'static str },
    #[error(
        "queue.url: `postgres` means the store's database, and the store is none: set store.url to a postgres:// URL, or give one here"
    )]
    NoDatabase,
    #[error("cluster.name: `{cluster}` is not 1 to 64 characters out of a-z 0-9 - _ .")]
    Cluster { cluster: String },
    #[error("queue.url: cannot use {url}: {remedy}")]
    Broker {
        url: String,
        remedy: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The queue that a URL names: empty for one in this process, `postgres` for the store's database, else a broker's URL. A broker is
/// connected to, and what it needs is made there, before this returns.
///
/// # Errors
/// [`ConnectError`]. Later, a broker that is away is waited for; at the start it is a mistake to be told.
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

/// The queue of one route at the broker that a URL names.
fn connect_to(
    url: Arc<str>,
    settings: Arc<Settings>,
    route: Route,
) -> BoxFuture<'static, Result<Arc<dyn Queue>, ConnectError>> {
    Box::pin(async move {
        let lanes: MakeLane = {
            let (url, settings, route) = (Arc::clone(&url), Arc::clone(&settings), route.clone());
            Box::new(move |language| connect_to(Arc::clone(&url), Arc::clone(&settings), route.lane(language)))
        };
        at_broker(&url, &settings, &route, lanes).await
    })
}

async fn at_broker(
    url: &str,
    settings: &Settings,
    route: &Route,
    lanes: MakeLane,
) -> Result<Arc<dyn Queue>, ConnectError> {
    let Some((scheme, _)) = url.split_once("://") else {
        return Err(ConnectError::Scheme { scheme: url.chars().take(32).collect() });
    };
    match scheme {
        "postgres" | "postgresql" => {
            #[cfg(feature = "postgres")]
            return start(url, settings, lanes, crate::postgres::Postgres::new(url, route)).await;
            #[cfg(not(feature = "postgres"))]
            Err(ConnectError::NotBuilt { feature: "postgres" })
        }
        "redis" | "rediss" => {
            #[cfg(feature = "redis")]
            return start(url, settings, lanes, crate::redis::Redis::new(url, route, settings.reclaim_after)).await;
            #[cfg(not(feature = "redis"))]
            Err(ConnectError::NotBuilt { feature: "redis" })
        }
        "amqp" | "amqps" => {
            #[cfg(feature = "rabbitmq")]
            return start(url, settings, lanes, Ok(crate::rabbitmq::RabbitMq::new(url, route))).await;
            #[cfg(not(feature = "rabbitmq"))]
            Err(ConnectError::NotBuilt { feature: "rabbitmq" })
        }
        "kafka" => {
            #[cfg(feature = "kafka")]
            return start(url, settings, lanes, crate::kafka::Kafka::new(url, route, settings.reclaim_after)).await;
            #[cfg(not(feature = "kafka"))]
            Err(ConnectError::NotBuilt { feature: "kafka" })
        }
        _ => Err(ConnectError::Scheme { scheme: scheme.chars().take(32).collect() }),
    }
}

async fn start(
    url: &str,
    settings: &Settings,
    lanes: MakeLane,
    broker: Result<impl Broker, BrokerError>,
) -> Result<Arc<dyn Queue>, ConnectError> {
    let failed = |error: BrokerError| ConnectError::Broker {
        url: without_password(url),
        remedy: remedy(error.fault),
        source: Box::new(error),
    };
    let queue = BrokeredQueue::start(broker.map_err(failed)?, lanes, settings.window, settings.depth_max).await;
    Ok(Arc::new(queue.map_err(failed)?))
}

fn remedy(fault: Fault) -> &'static str {
    match fault {
        Fault::Url => "its form is SCHEME://USER:PASSWORD@HOST:PORT/NAME",
        Fault::Unreachable => "look whether the server runs there, and whether this machine may reach it",
        #[cfg(feature = "kafka")]
        Fault::Stranger => {
            "something listens there and does not answer as such a server does: look at the port, and whether it hangs, or wants TLS or a user"
        }
        Fault::Denied => "look at the user, the password and the name at its end",
        #[cfg(feature = "kafka")]
        Fault::Rights => {
            "let this user describe, read and write the topics and read the group whose names begin with cluster.name, and make those topics or let it make them"
        }
        Fault::Full => "give the server more memory or disk space",
        Fault::Version => "bring the older of the two up to date, or choose another queue",
        Fault::Other => "what follows is the server's own word",
    }
}

/// The URL with what stands between the user and the host left out.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // What of it is a password that was not escaped cannot be told.
    if path.contains('@') {
        return format!("{scheme}://…");
    }
    let path = path.split('?').next().unwrap_or_default();
    // A password may hold an `@` that was not escaped; the host cannot.
    let Some((user, host)) = authority.rsplit_once('@') else { return format!("{scheme}://{authority}{path}") };
    let user = user.split_once(':').map_or(user, |(user, _)| user);
    format!("{scheme}://{user}:…@{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
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
