//! Which addresses are public: globally reachable.
//!
//! Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates); RFC 6761 for
//! `localhost`; inet_aton(3) for the forms of an IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a host, given without its port, is a special address or `localhost`. Makes no DNS lookup.
pub(crate) fn is_special_host(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse().is_ok_and(|address| !is_public(IpAddr::V6(address)));
    }
    let is_localhost = host.rsplit('.').next().is_some_and(|label| label.eq_ignore_ascii_case("localhost"));
    is_localhost || ipv4(host).is_some_and(|address| !is_public(IpAddr::V4(address)))
}

/// An IPv4 address in the forms that resolvers accept: one to four numbers, each decimal, octal or hexadecimal. The
/// last number fills the remaining bytes.
pub(crate) fn ipv4(host: &str) -> Option<Ipv4Addr> {
    let number = |part: &str| match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some("") => Some(0),
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if part.len() > 1 && part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
        None => part.parse().ok(),
    };
    let parts: Vec<u32> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last().filter(|_| parts.len() <= 4)?;
    let bits_of_last = 32 - 8 * u32::try_from(first.len()).ok()?;
    if first.iter().any(|part| *part > 255) || u64::from(*last) >= 1 << bits_of_last {
        return None;
    }
    let high = first.iter().zip([24, 16, 8]).fold(0, |address, (part, shift)| address | part << shift);
    Some(Ipv4Addr::from(high | last))
}

/// Whether an address is globally reachable.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let within = |a, b, c, d, prefix: u32| {
        u32::from(address) >> (32 - prefix) == u32::from(Ipv4Addr::new(a, b, c, d)) >> (32 - prefix)
    };
    let special = within(0, 0, 0, 0, 8)            // this network
        || within(10, 0, 0, 0, 8)                  // private
        || within(100, 64, 0, 0, 10)               // shared by carriers (CGNAT)
        || within(127, 0, 0, 0, 8)                 // loopback
        || within(169, 254, 0, 0, 16)              // link-local; cloud metadata
        || within(172, 16, 0, 0, 12)               // private
        || within(192, 0, 0, 0, 24)                // IETF protocol assignments
        || within(192, 0, 2, 0, 24)                // documentation
        || within(192, 88, 99, 0, 24)              // 6to4 relays, deprecated
        || within(192, 168, 0, 0, 16)              // private
        || within(198, 18, 0, 0, 15)               // benchmarks
        || within(198, 51, 100, 0, 24)             // documentation
        || within(203, 0, 113, 0, 24)              // documentation
        || within(224, 0, 0, 0, 3); // multicast, reserved, broadcast
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b) {
        // IPv4-mapped, and NAT64: public if the embedded IPv4 address is public.
        (0, 0) if [c, d, e, f] == [0, 0, 0, 0xffff] => embedded(g, h),
        (0x64, 0xff9b) if [c, d, e, f] == [0; 4] => embedded(g, h),
        // 6to4 embeds an IPv4 address as well.
        (0x2002, _) => embedded(b, c),
        // IETF protocol assignments (Teredo, ORCHID, …) and documentation.
        (0x2001, 0..=0x01ff | 0x0db8) | (0x3fff, 0..=0x0fff) => false,
        // The rest of global unicast, 2000::/3; all other addresses are special or not assigned.
        _ => a >> 13 == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fdab::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn ordinary_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
            "2001:200::1",
            "3ffe::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn special_hosts_are_recognised_in_every_form_without_a_dns_lookup() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "10.1",
            "192.168.257",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
        ] {
            assert!(is_special_host(host), "{host}");
        }
        for host in [
            "8.8.8.8",
            "134744072",
            "[2606:4700::1111]",
            "example.com",
            "localhost.example",
            "1.2.3.4.5",
            "256.0.0.1",
            "a.1",
        ] {
            assert!(!is_special_host(host), "{host}");
        }
    }
}
