//! Credentials in requests. Source of the scheme `Bearer`: RFC 6750, section 2.1.

use axum::http::{HeaderMap, header};

/// Unverified credential that a dialect found in a request: an access token, an API key or a session cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'r> {
    /// No credential was sent. The text asks the client to send a credential.
    Missing(&'static str),
    /// The credential has an invalid format. The text describes the error to the client.
    Malformed(&'static str),
    /// Text of a token or key.
    Text(&'r str),
    /// Text of a browser's session cookie.
    Cookie(&'r str),
}

/// The credential in `Authorization: Bearer`.
pub fn bearer(headers: &HeaderMap) -> Presented<'_> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Presented::Missing("Send `Authorization: Bearer` with an access token or an API key.");
    };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    match text.and_then(|text| text.split_once(' ')) {
        None => Presented::Malformed("The `Authorization` header is malformed."),
        Some((scheme, credential)) if scheme.eq_ignore_ascii_case("bearer") => Presented::Text(credential.trim()),
        Some(_) => Presented::Malformed("Only the scheme `Bearer` is accepted."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_one_header_with_the_scheme_bearer() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, axum::http::HeaderValue::from_static(value));
            }
            match bearer(&headers) {
                Presented::Missing(_) => "missing".to_owned(),
                Presented::Malformed(_) => "malformed".to_owned(),
                Presented::Text(text) => format!("text {text}"),
                Presented::Cookie(text) => format!("cookie {text}"),
            }
        };
        assert_eq!(of(&[]), "missing");
        assert_eq!(of(&["Bearer abc"]), "text abc");
        assert_eq!(of(&["bearer  abc "]), "text abc");
        assert_eq!(of(&["Basic abc"]), "malformed");
        assert_eq!(of(&["abc"]), "malformed");
        assert_eq!(of(&["Bearer a", "Bearer b"]), "malformed");
    }
}
