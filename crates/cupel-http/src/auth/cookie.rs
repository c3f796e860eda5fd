//! Session cookie of a browser, and the rule that keeps other sites from using it.
//!
//! Scripts cannot read the cookie. Its value is a signed token with its own audience (`tokens.rs`). Only the native
//! dialect accepts it.
//!
//! A browser may add the cookie to a request that another page makes, so the cookie alone does not prove that the site
//! sent a request. *Invariant:* a request that the cookie authenticates and that is not a `GET` or `HEAD` has passed
//! [`check_same_origin`], and so has every sign-in. Three independent conditions keep other sites from using the
//! cookie:
//!
//! - `SameSite=Lax`: the browser omits the cookie from requests of other sites, except top-level `GET` navigation.
//! - The header [`SITE_HEADER`]: a page of another origin can add it only after a CORS preflight, and the server's CORS
//!   rules allow neither this header nor credentials. A form can add no header at all.
//! - `Sec-Fetch-Site`, or `Origin` from browsers that do not send it: set by the browser, not by the page. This check
//!   also excludes other ports and subdomains of the same host, which `SameSite` counts as the same site.
//!
//! Another site can make its own name resolve to this server's address (DNS rebinding). To the browser, its pages are
//! then pages of this server, and they satisfy all of these conditions. [`check_own_name`] refuses them: they have no
//! cookie of this server's users, but could become guests or register.
//!
//! Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers", "Verifying origin with
//! standard headers" and "Employing custom request headers for AJAX/API". A token in the page is unnecessary. The cheat
//! sheet accepts a custom header for an API without form posts, and cross-site scripting defeats both methods.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use cupel_types::UserId;

use super::Presented;
use crate::Settings;

/// Name of the cookie.
const NAME: &str = "cupel_session";

/// Header that the site's scripts add to their requests; they cannot add it to the handshake of a WebSocket. Its value
/// is the id of the page's user ([`is_page_of_another`]), or any other text.
pub const SITE_HEADER: HeaderName = HeaderName::from_static("x-cupel-site");

/// Header of each answer to a page of a user that the server has served as for a visitor, because the session has ended
/// or belongs to another user. Such an answer need not be an error, and the page would take it for the user's.
pub const VISITOR_HEADER: HeaderName = HeaderName::from_static("x-cupel-visitor");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The session cookie of a request, if there is one.
pub fn session_cookie(headers: &HeaderMap) -> Option<Presented<'_>> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values =
        pairs.flat_map(|pairs| pairs.split(';')).filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='));
    let value = values.next()?;
    // Another host below the same domain can set a second cookie of this name, and that cookie may be sent first.
    Some(match values.next() {
        None => Presented::Cookie(value),
        Some(_) => Presented::Malformed("There are two session cookies. Delete the cookies of this site, and sign in."),
    })
}

/// `Set-Cookie` with a session; if `is_tls`, the browser sends the cookie over TLS only.
pub fn set_session_cookie(value: &str, lifetime: Duration, is_tls: bool) -> Option<HeaderValue> {
    let secure = if is_tls { "; Secure" } else { "" };
    let seconds = lifetime.as_secs();
    let text = format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).ok()
}

/// `Set-Cookie` that removes the session.
pub fn remove_session_cookie() -> HeaderValue {
    HeaderValue::from_static("cupel_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
}

/// The user or the guest of the page that sent the request, whom the site names in [`SITE_HEADER`].
pub fn user_of_page(headers: &HeaderMap) -> Option<UserId> {
    headers.get(SITE_HEADER)?.to_str().ok()?.parse().ok()
}

/// Whether the page that sent the request belongs to another user than the session. After another user has signed in
/// through another tab, the page must not act for that user.
pub fn is_page_of_another(headers: &HeaderMap, user: UserId) -> bool {
    user_of_page(headers).is_some_and(|named| named != user)
}

/// Checks that this server's own site sent the request. A `GET` or `HEAD` always passes.
///
/// # Errors
///
/// If the request does not come from the site, as a sentence for the client.
pub fn check_same_origin(method: &Method, headers: &HeaderMap, settings: &Settings) -> Result<(), &'static str> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    if !headers.contains_key(SITE_HEADER) {
        return Err("The session cookie needs the header `X-Cupel-Site`. Programs send a token or an API key instead.");
    }
    let is_same = match headers.get(SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => has_own_origin(headers, &settings.public_url),
    };
    if !is_same {
        return Err("A page of another origin sent this request. Use this server's own site.");
    }
    check_own_name(headers, settings)
}

/// Refuses a page that the browser counts as one of this server, but that was loaded under a host name which is not this
/// server's.
///
/// # Errors
///
/// If there is such a page, as a sentence for the client.
pub fn check_own_name(headers: &HeaderMap, settings: &Settings) -> Result<(), &'static str> {
    let is_same = headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "same-origin") || has_origin_of_host(headers);
    if !is_same || has_own_name(headers, settings) {
        return Ok(());
    }
    Err("This server does not know the host name of the page. Use its address in `server.public_url`, or set that.")
}

/// Whether a page of this server's own site opened a WebSocket. A handshake is a `GET`, so [`check_same_origin`]
/// permits it, and scripts cannot add headers to it. But every browser sends `Origin` with it. Source: RFC 6455,
/// section 10.2.
pub fn is_own_socket(headers: &HeaderMap, settings: &Settings) -> bool {
    headers.get(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin")
        && has_own_origin(headers, &settings.public_url)
        && has_own_name(headers, settings)
}

/// Whether `Origin` names the host of the request, or the origin of `public_url`. A proxy may have replaced `Host`.
fn has_own_origin(headers: &HeaderMap, public_url: &str) -> bool {
    let Some((scheme, authority)) = origin_of(headers) else { return false };
    has_origin_of_host(headers)
        || parts_of(public_url).is_some_and(|(ours, host)| ours == scheme && host.eq_ignore_ascii_case(authority))
}

/// Whether `Origin` names the host of the request.
fn has_origin_of_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin_of(headers).zip(host).is_some_and(|((_, authority), host)| host.eq_ignore_ascii_case(authority))
}

/// Whether the page was loaded under a name that only this server has: that of `public_url`, a loopback name, or an
/// address. Over TLS, every name is that of its certificate.
pub(crate) fn has_own_name(headers: &HeaderMap, settings: &Settings) -> bool {
    let host = || headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = match origin_of(headers) {
        Some(("https", _)) => return true,
        Some((_, authority)) => Some(authority),
        None => host(),
    };
    let Some(authority) = authority else { return true };
    let address = authority.trim_start_matches('[').trim_end_matches(']');
    if settings.has_any_name || address.parse::<IpAddr>().is_ok() || authority.parse::<SocketAddr>().is_ok() {
        return true;
    }
    let name = name_of(authority);
    let public = parts_of(&settings.public_url).map(|(_, authority)| name_of(authority));
    // Browsers resolve names below `localhost` to the loopback address themselves. Source: RFC 6761, section 6.3.
    name == "localhost" || name.ends_with(".localhost") || public.is_some_and(|public| public == name)
}

/// Scheme and authority of `Origin`, unless the page has an opaque origin.
fn origin_of(headers: &HeaderMap) -> Option<(&str, &str)> {
    headers.get(header::ORIGIN)?.to_str().ok()?.split_once("://")
}

/// Scheme and authority of an address.
fn parts_of(url: &str) -> Option<(&str, &str)> {
    url.split_once("://").map(|(scheme, rest)| (scheme, rest.split('/').next().unwrap_or(rest)))
}

/// The host of an authority, without the port, in lower case.
fn name_of(authority: &str) -> String {
    authority.rsplit_once(':').map_or(authority, |(name, _port)| name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_page_of_another_user_is_recognised_by_the_id_that_it_sends() {
        let user = "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a";
        let of = |value: &'static str| is_page_of_another(&headers(&[("x-cupel-site", value)]), user.parse().unwrap());
        assert!(!of(user) && !of("1") && of("0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3b"));
        assert!(!is_page_of_another(&headers(&[]), user.parse().unwrap()));
    }

    /// Settings with this address, for pages under any name or only under those that are known.
    fn settings(public_url: &str, has_any_name: bool) -> Settings {
        Settings { public_url: public_url.to_owned(), has_any_name, ..Settings::default() }
    }

    #[test]
    fn a_change_needs_the_sites_header_and_an_origin_of_this_server() {
        const URL: &str = "https://judge.example/cupel";
        let site = ("x-cupel-site", "1");
        let host = ("host", "127.0.0.1:8080");
        for (allowed, pairs) in [
            (false, vec![]),
            (false, vec![site]),
            (false, vec![("sec-fetch-site", "same-origin")]),
            (false, vec![host, ("origin", "http://127.0.0.1:8080")]),
            (false, vec![site, ("sec-fetch-site", "cross-site")]),
            (false, vec![site, ("sec-fetch-site", "same-site")]),
            (false, vec![site, ("sec-fetch-site", "none")]),
            (false, vec![site, host, ("origin", "http://127.0.0.1:8081")]),
            (false, vec![site, host, ("origin", "null")]),
            (false, vec![site, host, ("origin", "http://judge.example")]),
            (false, vec![site, host, ("origin", "https://judge.example.evil.example")]),
            // The browser's `Sec-Fetch-Site` takes precedence over a matching origin.
            (false, vec![site, host, ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "cross-site")]),
            (true, vec![site, ("sec-fetch-site", "same-origin")]),
            (true, vec![site, host, ("origin", "http://127.0.0.1:8080")]),
            (true, vec![site, host, ("origin", "https://judge.example")]),
        ] {
            let headers = headers(&pairs);
            for settings in [settings(URL, true), settings(URL, false)] {
                assert_eq!(check_same_origin(&Method::POST, &headers, &settings).is_ok(), allowed, "{pairs:?}");
                assert_eq!(check_same_origin(&Method::DELETE, &headers, &settings).is_ok(), allowed, "{pairs:?}");
                assert!(check_same_origin(&Method::GET, &headers, &settings).is_ok(), "{pairs:?}");
            }
        }
    }

    /// Regression: a page of another site whose name resolved to this server's address was a page of this server.
    #[test]
    fn a_page_under_a_name_of_another_site_is_refused() {
        const EVIL: &str = "evil.example:8080";
        let at = |host, origin| vec![("host", host), ("origin", origin), ("sec-fetch-site", "same-origin")];
        for (allowed, pairs) in [
            (false, at(EVIL, "http://evil.example:8080")),
            (false, vec![("host", EVIL), ("origin", "http://evil.example:8080")]),
            (false, vec![("host", EVIL), ("sec-fetch-site", "same-origin")]),
            (false, vec![("host", EVIL), ("sec-fetch-site", "same-origin"), ("origin", "null")]),
            (false, at("localhost.evil.example", "http://localhost.evil.example")),
            (false, at("judge.example.evil.example", "http://judge.example.evil.example")),
            (true, at("127.0.0.1:8080", "http://127.0.0.1:8080")),
            (true, at("192.0.2.1", "http://192.0.2.1")),
            (true, at("[2001:db8::1]:8080", "http://[2001:db8::1]:8080")),
            (true, at("[::1]", "http://[::1]")),
            (true, at("localhost:8080", "http://localhost:8080")),
            (true, at("judge.localhost", "http://judge.localhost")),
            (true, at("JUDGE.example:8080", "http://judge.example:8080")),
            (true, at("cupel:8080", "https://judge.example")),
            // Over TLS, the server has the certificate of this name.
            (true, at("alias.example", "https://alias.example")),
        ] {
            let headers_of = |more| headers(&[pairs.clone(), more].concat());
            let page = headers_of(vec![("x-cupel-site", "1")]);
            for (has_any_name, allowed) in [(false, allowed), (true, true)] {
                let settings = settings("https://judge.example/cupel", has_any_name);
                assert_eq!(check_same_origin(&Method::POST, &page, &settings).is_ok(), allowed, "{pairs:?}");
                assert_eq!(check_own_name(&headers_of(vec![]), &settings).is_ok(), allowed, "{pairs:?}");
            }
        }
        let strict = settings("https://judge.example", false);
        for others in [vec![("host", EVIL)], vec![("host", EVIL), ("origin", "https://ide.example")]] {
            assert!(check_own_name(&headers(&others), &strict).is_ok(), "a program, or a page of another origin");
        }
        let socket = [("host", EVIL), ("origin", "http://evil.example:8080")];
        assert!(!is_own_socket(&headers(&socket), &strict));
    }

    #[test]
    fn a_socket_is_opened_by_a_page_of_this_server() {
        const URL: &str = "https://judge.example/cupel";
        let host = ("host", "127.0.0.1:8080");
        for (own, pairs) in [
            (false, vec![]),
            (false, vec![host]),
            (false, vec![host, ("sec-fetch-site", "same-origin")]),
            (false, vec![host, ("origin", "null")]),
            (false, vec![host, ("origin", "http://127.0.0.1:8081")]),
            (false, vec![host, ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-site")]),
            (true, vec![host, ("origin", "http://127.0.0.1:8080")]),
            (true, vec![host, ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")]),
            (true, vec![host, ("origin", "https://judge.example")]),
        ] {
            for has_any_name in [true, false] {
                assert_eq!(is_own_socket(&headers(&pairs), &settings(URL, has_any_name)), own, "{pairs:?}");
            }
        }
    }

    #[test]
    fn the_session_cookie_is_found_among_other_cookies_unless_there_are_two() {
        let of = |value: &'static str| {
            let headers = headers(&[("cookie", value)]);
            match session_cookie(&headers) {
                None => "none".to_owned(),
                Some(Presented::Cookie(text)) => text.to_owned(),
                Some(_) => "malformed".to_owned(),
            }
        };
        assert_eq!(of("a=b; cupel_session=x.y; c=d"), "x.y");
        assert_eq!(of("xcupel_session=x; cupel_session2=y"), "none");
        assert_eq!(of("cupel_session=a; cupel_session=b"), "malformed");
    }

    #[test]
    fn the_cookie_is_http_only_and_same_site_and_over_tls_secure() {
        let set = |is_tls| set_session_cookie("x", Duration::from_secs(60), is_tls).unwrap();
        assert_eq!(set(false), "cupel_session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
        assert_eq!(set(true), "cupel_session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
    }
}
