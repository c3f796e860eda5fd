//! Settings of the messages that Cupel sends: webhooks to receivers of users, alerts to the
//! operator's receiver.

use std::fmt;
use std::time::Duration;

use axum::http::Uri;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{Layers, SECOND};

#[derive(Clone, Debug)]
pub(crate) struct Webhooks {
    pub(crate) allow_private: bool,
    pub(crate) timeout: Duration,
    pub(crate) concurrency: u32,
}

pub(super) fn webhooks(layers: &mut Layers) -> Webhooks {
    Webhooks {
        allow_private: layers.boolean("webhooks.allow_private"),
        timeout: layers.duration("webhooks.timeout", SECOND),
        concurrency: layers.number("webhooks.concurrency", 1..=256),
    }
}

/// Destination of alerts.
#[derive(Clone)]
pub(crate) struct Alerts {
    /// Address of the receiver. Empty: alerts are not sent.
    pub(crate) url: String,
    /// Key of the signature. Empty: alerts are not signed.
    pub(crate) key: Vec<u8>,
    pub(crate) patience: Duration,
    pub(crate) oldest_max: Duration,
}

/// Hides address and key.
impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Alerts { patience, oldest_max, .. } = self;
        f.debug_struct("Alerts").field("patience", patience).field("oldest_max", oldest_max).finish_non_exhaustive()
    }
}

pub(super) fn alerts(layers: &mut Layers) -> Alerts {
    let url = layers.text("alerts.url");
    if !url.is_empty() && !is_http(&url) {
        // The message omits the address, because it may contain a password.
        layers.refuse("alerts.url", "expected a URL that begins with http:// or https:// and a host".to_owned());
    }
    let secret = layers.text("alerts.secret");
    let key = key(&secret).unwrap_or_else(|| {
        // The message omits the secret.
        let message = format!("expected base64 (A-Z, a-z, 0-9, `+`, `/`, with `=` at the end) after `{SECRET_PREFIX}`");
        layers.refuse("alerts.secret", message);
        Vec::new()
    });
    Alerts {
        url,
        key,
        patience: layers.duration("alerts.patience", Duration::ZERO),
        oldest_max: layers.duration("alerts.oldest_max", Duration::from_secs(1)),
    }
}

/// Whether this is a URL with the scheme `http` or `https` and a host.
fn is_http(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else { return false };
    // `Uri` accepts a port that is too large.
    let after_user = authority.as_str().rsplit('@').next().unwrap_or_default();
    let has_port = after_user.len() > authority.host().len();
    matches!(uri.scheme_str(), Some("http" | "https")) && (!has_port || authority.port_u16().is_some())
}

/// Beginning of a secret that contains the key in base64. Source: Standard Webhooks, "Signature scheme".
const SECRET_PREFIX: &str = "whsec_";

/// Returns the key of the signature: the decoded rest of a secret in the form of Standard Webhooks, otherwise the bytes
/// of the secret. Returns `None` if the rest is empty or not base64.
fn key(secret: &str) -> Option<Vec<u8>> {
    match secret.strip_prefix(SECRET_PREFIX) {
        Some(encoded) => BASE64_STANDARD.decode(encoded).ok().filter(|key| !key.is_empty()),
        None => Some(secret.as_bytes().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first secret is the example of Standard Webhooks' specification.
    #[test]
    fn a_secret_in_the_form_of_standard_webhooks_is_decoded() {
        let decoded = key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        assert_eq!((decoded.len(), &decoded[..4]), (24, &[0x0b, 0x61, 0x55, 0xb0][..]));
        assert_eq!(key("whsec_Bw==").unwrap(), [7]);
        assert_eq!(key("sixteen letters!").unwrap(), b"sixteen letters!");
        assert_eq!(key("").unwrap(), b"");
        for wrong in ["whsec_", "whsec_a", "whsec_not base64", "whsec_Bw", "whsec_-_8="] {
            assert_eq!(key(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_of_alerts_has_a_scheme_and_a_host() {
        for good in [
            "http://h",
            "https://h/",
            "https://user:password@alerts.example:8443/path?query=1",
            "http://[::1]:8080",
            "HTTPS://h",
        ] {
            assert!(is_http(good), "{good}");
        }
        for bad in [
            "http://",
            "https:///path",
            "https://?query",
            "http://:80",
            "https://user:password@",
            "http://a b/",
            "http://h:port",
            "http://h:99999",
            "http://h:",
            "ftp://h",
            "h",
            "/path",
        ] {
            assert!(!is_http(bad), "{bad}");
        }
    }
}
