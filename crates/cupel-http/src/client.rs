//! The client of a request: its address, even if the request came through trusted proxies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::state::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Headers that proxies add. Only the values of `X-Forwarded-For` and `X-Forwarded-Proto` are used, but the presence of
/// any of them shows that the request came through a proxy, and that the peer's address is not the client's.
const OF_PROXIES: [HeaderName; 6] = [
    X_FORWARDED_FOR,
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-forwarded-host"),
    X_FORWARDED_PROTO,
];

/// Client that sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address. If the peer is a trusted proxy, the address that the proxy reports.
    pub address: IpAddr,
    /// Whether the request has a proxy header, trusted or not.
    pub is_forwarded: bool,
    /// Whether a page in a browser sent the request: it has the header `Sec-Fetch-Site` with a value other than `none`,
    /// or the header `Origin` with an origin other than the loopback address to which the request was sent. Browsers
    /// add `Origin` to every request except a plain `GET` or `HEAD`. Sources: the Fetch standard, "Origin header"; W3C,
    /// "Fetch Metadata Request Headers".
    pub is_page: bool,
    /// Whether the client uses TLS, as reported by a trusted proxy, or because the page that sent the request was
    /// loaded over TLS.
    pub is_tls: bool,
}

/// Address of the socket's peer.
pub(crate) fn peer(request: &Request) -> IpAddr {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip())
}

/// Whether this is the address of a trusted proxy.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// The socket's peer or, behind trusted proxies, the last address in `X-Forwarded-For` that is not itself a trusted
/// proxy. The client controls everything to the left of this address.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> Client {
    let is_trusted = |address: IpAddr| is_trusted(address, trusted);
    let values = headers.get_all(X_FORWARDED_FOR);
    let is_forwarded = OF_PROXIES.iter().any(|name| headers.contains_key(name));
    let mut address = peer.to_canonical();
    let has_secure_page = headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let is_tls = has_secure_page || is_trusted(address) && headers.get(X_FORWARDED_PROTO).is_some_and(|p| p == "https");
    if is_trusted(address) {
        let hops: Vec<&str> =
            values.iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).map(str::trim).collect();
        for hop in hops.into_iter().rev() {
            let Some(next) = address_of_hop(hop) else { break };
            address = next.to_canonical();
            if !is_trusted(address) {
                break;
            }
        }
    }
    Client { address, is_forwarded, is_page: is_of_a_page(headers), is_tls }
}

/// The address in a value of `X-Forwarded-For`. Some proxies add the port, and some write an IPv6 address in brackets.
fn address_of_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Whether a page in a browser sent the request. A browser sends `none` if its user has entered the address. Some
/// WebSocket clients that are not browsers send the address to which they connect as `Origin`.
fn is_of_a_page(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| !is_own_loopback(origin, headers))
        || headers.get("sec-fetch-site").is_some_and(|site| site != "none")
}

/// Whether an origin is the loopback address to which the request was sent. A page of another site cannot have this
/// origin, even if the name of that site resolves to a loopback address.
fn is_own_loopback(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_own = origin.to_str().ok().and_then(|origin| origin.split_once("://")).is_some_and(|(_, at)| at == host);
    let address = host.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| host.parse::<IpAddr>());
    is_own && (address.is_ok_and(|address| address.is_loopback()) || host.split(':').next() == Some("localhost"))
}

/// Network of an address. Clients are counted by network, because an IPv6 customer usually has at least a /64 and could
/// send every request from a different address.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn address_of(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut request = Request::builder();
        for value in forwarded {
            request = request.header(X_FORWARDED_FOR, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let trusted: Vec<Network> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        client(super::peer(&request), request.headers(), &trusted).address.to_string()
    }

    #[test]
    fn tls_is_recognised_by_a_trusted_proxy_or_by_the_origin_of_the_page() {
        let of = |name: &'static str, value: &'static str, trusted: &[&str]| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            let trusted: Vec<Network> = trusted.iter().map(|t| t.parse().unwrap()).collect();
            client(IpAddr::V4(Ipv4Addr::LOCALHOST), &headers, &trusted).is_tls
        };
        assert!(!of("x-forwarded-proto", "https", &[]) && of("x-forwarded-proto", "https", &["127.0.0.1"]));
        assert!(!of("x-forwarded-proto", "http", &["127.0.0.1"]));
        assert!(of("origin", "https://a.example", &[]) && !of("origin", "http://a.example", &[]));
    }

    #[test]
    fn a_program_may_send_its_loopback_address_as_origin_and_a_page_is_recognised() {
        for (is_page, pairs) in [
            (false, vec![]),
            (false, vec![("origin", "http://127.0.0.1:2000"), ("host", "127.0.0.1:2000")]),
            (false, vec![("origin", "http://[::1]:2000"), ("host", "[::1]:2000")]),
            (false, vec![("origin", "http://localhost"), ("host", "localhost")]),
            (false, vec![("sec-fetch-site", "none"), ("host", "127.0.0.1:2000")]),
            (true, vec![("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:2000")]),
            (true, vec![("origin", "https://page.example"), ("host", "127.0.0.1:2000")]),
            // A name of another site that resolves to a loopback address.
            (true, vec![("origin", "http://page.example:2000"), ("host", "page.example:2000")]),
            (true, vec![("origin", "http://localhost.page.example"), ("host", "localhost.page.example")]),
            (true, vec![("origin", "null"), ("host", "127.0.0.1:2000")]),
            (true, vec![("origin", "http://127.0.0.1:2000")]),
            (true, vec![("sec-fetch-site", "same-origin"), ("host", "page.example:2000")]),
        ] {
            let headers =
                pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let headers = HeaderMap::from_iter(headers);
            assert_eq!(client(IpAddr::V4(Ipv4Addr::LOCALHOST), &headers, &[]).is_page, is_page, "{pairs:?}");
        }
    }

    #[test]
    fn forwarded_addresses_are_accepted_from_trusted_proxies_only() {
        assert_eq!(address_of("1.1.1.1", &["9.9.9.9"], &[]), "1.1.1.1");
        assert_eq!(address_of("1.1.1.1", &["9.9.9.9"], &["2.2.2.2"]), "1.1.1.1");
        assert_eq!(address_of("2.2.2.2", &["9.9.9.9"], &["2.2.2.2"]), "9.9.9.9");
        assert_eq!(
            address_of("2.2.2.2", &["8.8.8.8, 9.9.9.9"], &["2.2.2.2"]),
            "9.9.9.9",
            "the client can forge the addresses to the left"
        );
        assert_eq!(address_of("2.2.2.2", &["8.8.8.8", "9.9.9.9, 2.2.2.3"], &["2.2.2.0/24"]), "9.9.9.9");
        assert_eq!(address_of("2.2.2.2", &["rubbish"], &["2.2.2.2"]), "2.2.2.2");
    }

    #[test]
    fn forwarded_addresses_may_have_a_port_or_brackets() {
        for (forwarded, address) in [
            ("9.9.9.9:51000", "9.9.9.9"),
            ("[2001:db8::9]:51000", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("2001:db8::9", "2001:db8::9"),
            ("9.9.9.9:51000, 2.2.2.2:80", "9.9.9.9"),
            ("9.9.9.9:port", "2.2.2.2"),
            ("[2001:db8::9", "2.2.2.2"),
        ] {
            assert_eq!(address_of("2.2.2.2", &[forwarded], &["2.2.2.2"]), address, "{forwarded}");
        }
    }
}
