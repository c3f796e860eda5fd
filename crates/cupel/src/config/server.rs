//! Settings of the HTTP server.

use std::net::SocketAddr;
use std::time::Duration;

use cupel_http::Network;
use cupel_types::Bytes;

use super::{Layers, SECOND};

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

pub(super) fn server(layers: &mut Layers) -> Server {
    let listen = layers.value("server.listen", "an address with a port such as \"127.0.0.1:8080\"", |text| {
        is_listen_address(text).then(|| text.to_owned())
    });
    Server {
        listen,
        body_max: layers.some_bytes("server.body_max"),
        body_time_max: layers.duration("server.body_time_max", SECOND),
        wait_max: layers.duration("server.wait_max", Duration::ZERO),
        cors_origins: origins(layers, "server.cors_origins"),
        embed_origins: origins(layers, "server.embed_origins"),
        public_url: layers.value("server.public_url", "a URL such as \"https://judge.example\", or \"\"", |text| {
            (text.is_empty() || is_public_url(text)).then(|| text.to_owned())
        }),
        trusted_proxies: networks(layers, "server.trusted_proxies"),
        drain: layers.duration("server.drain", Duration::ZERO),
    }
}

/// Whether a text is an address with a port, such as `127.0.0.1:8080` or `localhost:8080`.
pub(super) fn is_listen_address(text: &str) -> bool {
    let named = |(host, port): (&str, &str)| !host.is_empty() && !host.contains(':') && port.parse::<u16>().is_ok();
    text.parse::<SocketAddr>().is_ok() || text.rsplit_once(':').is_some_and(named)
}

/// Whether a text can be the address of a server for its users: http or https, without a query.
pub(crate) fn is_public_url(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_plain = |c: u8| !c.is_ascii_whitespace() && !c.is_ascii_control() && !b"?#\"<>,".contains(&c);
    !host.is_empty() && !host.starts_with('/') && host.bytes().all(is_plain)
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
            "`{origin}` is not an origin: write a scheme, a host and a port, such as \"https://judge.example\", or \"*\""
        );
        layers.refuse(key, message);
    }
    origins
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
