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
//! Source: OWASP Cross-Site Request Forgery Prevention Cheat Sheet, "Fetch Metadata headers", "Verifying origin with
//! standard headers" and "Employing custom request headers for AJAX/API". A token in the page is unnecessary. The cheat
//! sheet accepts a custom header for an API without form posts, and cross-site scripting defeats both methods.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use cupel_types::UserId;

use super::Presented;

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

/// Checks that this server's own site sent the request. A `GET` or `HEAD` always passes. `public_url` is the server's
/// address for browsers; a proxy may have replaced `Host`.
///
/// # Errors
///
/// If the request does not come from the site, as a sentence for the client.
pub fn check_same_origin(method: &Method, headers: &HeaderMap, public_url: &str) -> Result<(), &'static str> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    if !headers.contains_key(SITE_HEADER) {
        return Err("The session cookie needs the header `X-Cupel-Site`. Programs send a token or an API key instead.");
    }
    let is_same = match headers.get(SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => has_own_origin(headers, public_url),
    };
    is_same.then_some(()).ok_or("A page of another origin sent this request. Use this server's own site.")
}

/// Whether a page of this server's own site opened a WebSocket. A handshake is a `GET`, so [`check_same_origin`]
/// permits it, and scripts cannot add headers to it. But every browser sends `Origin` with it. Source: RFC 6455,
/// section 10.2.
pub fn is_own_socket(headers: &HeaderMap, public_url: &str) -> bool {
    headers.get(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin") && has_own_origin(headers, public_url)
}

/// Whether `Origin` names the host of the request, or the origin of `public_url`.
fn has_own_origin(headers: &HeaderMap, public_url: &str) -> bool {
    let Some(origin) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let public = public_url.split_once("://").map(|(scheme, rest)| (scheme, rest.split('/').next().unwrap_or(rest)));
    host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
        || public.is_some_and(|(ours, host)| ours == scheme && host.eq_ignore_ascii_case(authority))
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
            assert_eq!(check_same_origin(&Method::POST, &headers, URL).is_ok(), allowed, "{pairs:?}");
            assert_eq!(check_same_origin(&Method::DELETE, &headers, URL).is_ok(), allowed, "{pairs:?}");
            assert!(check_same_origin(&Method::GET, &headers, URL).is_ok(), "{pairs:?}");
        }
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
            assert_eq!(is_own_socket(&headers(&pairs), URL), own, "{pairs:?}");
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
