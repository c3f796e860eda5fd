//! Why a queue cannot be created.

/// Error of [`connect`](crate::connect). The messages name the setting and the remedy, and contain no password.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages document the variants")]
pub enum ConnectError {
    #[error(
        "queue.url: {scheme} is not supported; leave it empty (a queue in this process), set it to `postgres` (the store's database), or to a URL that begins with postgres://, redis://, rediss://, amqp://, amqps:// or kafka://"
    )]
    Scheme { scheme: String },
    #[error(
        "queue.url: this URL needs the cargo feature `{feature}`, which this program was built without: `make build` builds a program with every engine"
    )]
    NotBuilt { feature: &'static str },
    #[error(
        "queue.url: `postgres` means the store's database, but the store is not PostgreSQL: set store.url to a postgres:// URL, or set queue.url to one"
    )]
    NoDatabase,
    #[error("cluster.name: `{cluster}` is not a valid name; use 1 to 64 characters from a-z 0-9 - _ .")]
    Cluster { cluster: String },
    #[error("queue.url: cannot use {url}: the form is SCHEME://USER:PASSWORD@HOST:PORT/NAME")]
    Url {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("queue.url: cannot use {url}: {remedy}")]
    Broker {
        url: String,
        remedy: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
