//! The opening handshake of a WebSocket, and the byte stream after it. Source: RFC 6455, sections 4.2 and 10.2.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::Response;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::Settings;
use crate::auth::{has_own_name, is_own_socket, session_cookie};
use crate::error::{ApiError, ErrorKind};

/// The byte stream of a connection after its handshake.
pub type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

/// Refuses a handshake from a page of another origin without an explicit credential, because a browser may add the
/// user's cookies to the handshake of any page. A session cookie counts only if this server's own site opens the
/// connection.
///
/// # Errors
///
/// The page may not open a WebSocket: [`ErrorKind::Forbidden`], or [`ErrorKind::CrossSite`] if the request has a
/// session cookie.
pub fn check_origin(request: &Request, settings: &Settings) -> Result<(), ApiError> {
    let headers = request.headers();
    let has_ticket =
        request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("ticket=")));
    if headers.contains_key(header::AUTHORIZATION) || has_ticket {
        return Ok(());
    }
    if session_cookie(headers).is_some() {
        let detail = "A session cookie opens a live connection only for this server's own site. Others send a token or a ticket.";
        return is_own_socket(headers, settings)
            .then_some(())
            .ok_or_else(|| ApiError::new(ErrorKind::CrossSite, detail));
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    if is_permitted(origin, headers, settings) {
        return Ok(());
    }
    let detail = "A page of this origin may not open a live connection without a ticket.";
    Err(ApiError::new(ErrorKind::Forbidden, detail))
}

/// Whether the origin is this server, or an origin that the operator permits.
fn is_permitted(origin: &HeaderValue, headers: &HeaderMap, settings: &Settings) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_own = origin.split_once("://").is_some_and(|(_, at)| host.is_some_and(|host| host.eq_ignore_ascii_case(at)));
    // `*` permits every page that presents a credential, but this page presents none.
    is_own && has_own_name(headers, settings)
        || settings.cors_origins.iter().any(|permitted| permitted != "*" && permitted.eq_ignore_ascii_case(origin))
}

/// Returns the stream of this connection after the server has sent the response of [`response`]; `None` if the
/// connection ends before that.
pub fn upgraded(mut request: Request) -> impl Future<Output = Option<Upgraded>> + Send {
    let upgrade = hyper::upgrade::on(&mut request);
    async move { upgrade.await.ok().map(TokioIo::new) }
}

/// The response that accepts the handshake.
///
/// # Errors
///
/// The request is not a handshake of version 13: [`ErrorKind::UpgradeRequired`].
pub fn response(request: &Request) -> Result<Response, ApiError> {
    let headers = request.headers();
    let is_websocket = request.method() == Method::GET
        && request.version() >= Version::HTTP_11
        && has_token(headers, &header::CONNECTION, "upgrade")
        && has_token(headers, &header::UPGRADE, "websocket");
    let is_version_13 = headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_websocket && is_version_13);
    let Some(key) = key else {
        let detail = "Open this address as a WebSocket (RFC 6455, version 13) over HTTP/1.1.";
        return Err(ApiError::new(ErrorKind::UpgradeRequired, detail)
            .with_header(header::UPGRADE, HeaderValue::from_static("websocket"))
            .with_header(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")));
    };
    let accept =
        HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|error| ApiError::internal(&error))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let added = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    response.headers_mut().extend(added);
    Ok(response)
}

/// Whether a header, which is a list, has this entry.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lists = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|entry| entry.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)], uri: &str) -> Request {
        let request = headers.iter().fold(Request::builder().uri(uri), |r, (name, value)| r.header(*name, *value));
        request.body(Body::empty()).unwrap()
    }

    /// Source of the key and its answer: RFC 6455, section 1.3.
    #[test]
    fn a_handshake_gets_the_answer_to_its_key() {
        let all = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let answer = response(&request(&all, "/")).unwrap();
        assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for left_out in 0..all.len() {
            let some: Vec<_> = all.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, h)| *h).collect();
            let refused = response(&request(&some, "/")).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::UpgradeRequired, "without {}", all[left_out].0);
        }
    }

    #[test]
    fn a_page_of_another_origin_needs_an_explicit_credential() {
        let settings = Settings { cors_origins: vec!["https://ide.example".into(), "*".into()], ..Settings::default() };
        let may = |headers: &[(&str, &str)], uri| check_origin(&request(headers, uri), &settings).is_ok();
        let (host, evil) = (("host", "judge.example"), ("origin", "https://evil.example"));
        assert!(may(&[host], "/"), "a program has no origin");
        assert!(may(&[host, ("origin", "https://judge.example")], "/"));
        assert!(may(&[host, ("origin", "https://ide.example")], "/"));
        assert!(!may(&[host, evil], "/"));
        assert!(!may(&[host, ("origin", "null")], "/"));
        assert!(may(&[host, evil, ("authorization", "Bearer x")], "/"));
        assert!(may(&[host, evil], "/?ticket=x"));
        let strict = Settings { has_any_name: false, ..settings };
        let may = |origin| check_origin(&request(&[host, ("origin", origin)], "/"), &strict).is_ok();
        assert!(!may("http://judge.example"), "the server does not have this name");
        assert!(may("https://judge.example") && may("https://ide.example"));
    }
}
