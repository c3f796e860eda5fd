//! Settings of the messages that Cupel sends: webhooks to receivers of users, alerts to the
//! operator's receiver.

use std::fmt;
use std::time::Duration;

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
    pub(crate) secret: String,
    pub(crate) patience: Duration,
    pub(crate) oldest_max: Duration,
}

/// Hides address and secret.
impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Alerts { patience, oldest_max, .. } = self;
        f.debug_struct("Alerts").field("patience", patience).field("oldest_max", oldest_max).finish_non_exhaustive()
    }
}

pub(super) fn alerts(layers: &mut Layers) -> Alerts {
    let url = layers.text("alerts.url");
    let host = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    if !url.is_empty() && host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
        // The message omits the address, because it may contain a password.
        layers.refuse("alerts.url", "expected a URL that begins with http:// or https:// and a host".to_owned());
    }
    Alerts {
        url,
        secret: layers.text("alerts.secret"),
        patience: layers.duration("alerts.patience", Duration::ZERO),
        oldest_max: layers.duration("alerts.oldest_max", Duration::from_secs(1)),
    }
}
