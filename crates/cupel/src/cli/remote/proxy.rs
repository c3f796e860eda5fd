//! The proxy that the environment names for the requests to a server.
//!
//! As in curl, the scheme of the server's address selects the variable: `HTTPS_PROXY` or `HTTP_PROXY`; `ALL_PROXY` is
//! for both. Hosts in `NO_PROXY`, and this machine, are reached without a proxy.

use std::net::IpAddr;

use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};

/// A proxy, and the variable that names it.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) proxy: Proxy,
    variable: &'static str,
}

impl Named {
    /// Returns the proxy for a server. `variable` returns the value of an environment variable.
    pub(super) fn of(server: &Uri, variable: impl Fn(&str) -> Option<String>) -> Option<Named> {
        const OF_HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        const OF_HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
        if is_loopback(server.host()?) {
            return None;
        }
        let names = if server.scheme_str() == Some("https") { OF_HTTPS } else { OF_HTTP };
        let exceptions = variable("NO_PROXY").or_else(|| variable("no_proxy")).unwrap_or_default();
        let excepting =
            exceptions.split(',').fold(Proxy::builder(ProxyProtocol::Http), |all, one| all.no_proxy(one.trim()));
        if excepting.build().is_ok_and(|excepting| excepting.is_no_proxy(server)) {
            return None;
        }
        names.into_iter().find_map(|name| Some(Named { proxy: Proxy::new(&variable(name)?).ok()?, variable: name }))
    }

    /// The proxy's address, without credentials, and the variable.
    pub(super) fn described(&self) -> String {
        format!("requests use the proxy {}:{} of {}", self.proxy.host(), self.proxy.port(), self.variable)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: `HTTPS_PROXY` was also used for `http://` addresses and for this machine.
    #[test]
    fn the_proxy_is_the_one_for_the_scheme_and_there_is_none_for_this_machine_and_excepted_hosts() {
        let variable = |name: &str| match name {
            "HTTPS_PROXY" => Some("http://name:secret@tls.example:3128".to_owned()),
            "http_proxy" => Some("plain.example".to_owned()),
            "NO_PROXY" => Some("judge.internal, .campus.example".to_owned()),
            _ => None,
        };
        for (server, proxy) in [
            ("https://judge.example/oj", Some("tls.example:3128 of HTTPS_PROXY")),
            ("http://judge.example:8080", Some("plain.example:80 of http_proxy")),
            ("https://judge.internal", None),
            ("https://judge.campus.example", None),
            ("http://localhost:8080", None),
            ("http://127.0.0.1:8080", None),
            ("https://[::1]", None),
        ] {
            let named = Named::of(&server.parse().unwrap(), variable);
            let expected = proxy.map(|proxy| format!("requests use the proxy {proxy}"));
            assert_eq!(named.map(|named| named.described()), expected, "{server}");
        }
        let all = |name: &str| (name == "ALL_PROXY").then(|| "http://all.example:1".to_owned());
        assert!(Named::of(&"https://judge.example".parse().unwrap(), all).is_some());
        assert!(Named::of(&"https://judge.example".parse().unwrap(), |_| None).is_none());
    }
}
