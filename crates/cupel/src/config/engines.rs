//! Addresses of the engines that cooperating processes share: store, queue, events, caches and blobs.

use std::fmt;
use std::path::Path;

use cupel_types::Bytes;

use super::Layers;

/// Addresses of engines that cooperating processes share. An empty address stands for an engine inside this
/// process.
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

pub(super) fn engines(layers: &mut Layers) -> Engines {
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

/// What is missing from an address that can never work, because no host, bucket or directory follows the scheme.
fn incomplete(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let is_empty = rest.split('/').all(str::is_empty);
    match scheme {
        "s3" if is_empty => Some("expected s3://BUCKET; no bucket follows the scheme".to_owned()),
        "file" if is_empty || !rest.starts_with('/') => {
            Some("expected file:///DIRECTORY, with an absolute path after file://".to_owned())
        }
        _ if is_empty => Some(format!("expected {scheme}://HOST; no host follows the scheme")),
        _ => None,
    }
}

/// Reads the address of an engine, if set. The address must have one of these schemes, and the build must have the
/// engine.
pub(super) fn engine(layers: &mut Layers, key: &str, schemes: &[&str]) -> Option<String> {
    let url = layers.text(key);
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if url.is_empty() {
        return None;
    }
    if !scheme.is_some_and(|scheme| schemes.contains(&scheme)) {
        // The message omits the address, because it may contain a password.
        let begins = scheme.map_or_else(|| "a URL without a scheme".to_owned(), |scheme| format!("{scheme}://"));
        layers.refuse(key, format!("expected a URL that begins with {}://, found {begins}", schemes.join("://, ")));
    } else if let Some(message) = incomplete(&url) {
        layers.refuse(key, message);
    } else if let Some((scheme, false)) = OPTIONAL_ENGINES.iter().find(|(known, _)| Some(*known) == scheme) {
        layers.refuse(
            key,
            format!("this cupel was built without {scheme}://; `make build` builds one with every engine"),
        );
    }
    Some(url)
}
