//! The host of a web address.

/// The authority of an `http` or `https` URL. RFC 3986, section 3.1: the scheme is case-insensitive.
pub(crate) fn web_authority(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let is_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    is_web.then(|| rest.split(['/', '?', '#']).next()).flatten()
}

/// The host of a well-formed `http` or `https` URL.
pub(crate) fn web_host(url: &str) -> Option<&str> {
    web_authority(url).map(host_of)
}

/// The host of an authority that passed [`is_host`], without its port. An IPv6 address keeps its brackets.
fn host_of(authority: &str) -> &str {
    let end = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    &authority[..end]
}

/// Whether this is a host, with an optional port and without a user name: a name, an IPv4 address, or an IPv6 address
/// in brackets.
pub(crate) fn is_host(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (address, port),
        Some(_) => return false,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_name = !host.is_empty() && host.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._:".contains(&c));
    let is_port = |port: &str| port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_name && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}
