//! Checks of the addresses to which a webhook may be sent.
//!
//! When a webhook is sent, the sender resolves the receiver's name and checks every address before it connects, because
//! the name may now resolve to other addresses (DNS rebinding). A submission with a forbidden receiver is refused at
//! once if Cupel can detect it. [`is_special_host`](crate::addresses::is_special_host) detects a forbidden address in
//! the URL. [`Core::receiver_faults`] detects a name that resolves to a forbidden address, if a [`Resolver`] answers in
//! time.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::addresses::{ipv4, is_public};
use crate::fault::{InputFault, InputFaultKind};
use crate::web_url::web_host;
use crate::{Core, NewSubmission};

/// Maximum number of requests whose receiver names are resolved at once; each occupies a thread until the resolver has
/// answered.
pub(crate) const RESOLVING_MAX: usize = 8;

/// Time limit per request for resolving all its names; on timeout the request is accepted.
const RESOLVE_TIME_MAX: Duration = Duration::from_secs(2);

/// Resolves the names of webhook receivers when a submission is sent.
pub trait Resolver: Send + Sync {
    /// The addresses of a host name. Blocks until the resolver has answered.
    ///
    /// # Errors
    /// If the name has no address, or no server answers.
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the operating system, getaddrinfo(3).
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// Indexes of a request's submissions by the host name of their receiver.
type ByName = BTreeMap<String, Vec<usize>>;

impl Core {
    /// If webhooks to private addresses are not allowed and a resolver is set, returns an error for each receiver whose
    /// name resolves to an address that is not public. A name that does not resolve within
    /// [`RESOLVE_TIME_MAX`] is accepted, because the sender checks again.
    pub(crate) async fn receiver_faults(&self, new: &[NewSubmission]) -> Vec<InputFault> {
        let Some(resolver) = self.inner.resolver.get().filter(|_| !self.bounds().webhooks_private) else {
            return Vec::new();
        };
        let mut names = ByName::new();
        for (index, one) in new.iter().enumerate() {
            if let Some(host) = one.webhook.as_deref().and_then(web_host).filter(|host| is_name(host)) {
                names.entry(host.to_ascii_lowercase()).or_default().push(index);
            }
        }
        if names.is_empty() {
            return Vec::new();
        }
        let resolving = async {
            let turn = Arc::clone(&self.inner.resolving).acquire_owned().await.ok()?;
            let (sender, receiver) = oneshot::channel();
            let resolver = Arc::clone(resolver);
            tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let mut special = ByName::new();
                for (host, indexes) in names {
                    if sender.is_closed() {
                        return;
                    }
                    let addresses = resolver.addresses(&host).unwrap_or_default();
                    // Like the sender, refuses the name if any of its addresses is not public.
                    if !addresses.into_iter().all(is_public) {
                        special.insert(host, indexes);
                    }
                }
                let _ = sender.send(special);
            });
            receiver.await.ok()
        };
        let special = tokio::time::timeout(RESOLVE_TIME_MAX, resolving).await.ok().flatten().unwrap_or_default();
        let fault = |(host, index): (&String, usize)| InputFault {
            index: Some(index),
            pointer: "/webhook".to_owned(),
            kind: InputFaultKind::BadWebhook,
            detail: format!(
                "`{host}` resolves to a private or reserved address: webhooks are sent only to public addresses"
            ),
        };
        let of_name = |(host, indexes)| std::iter::zip(std::iter::repeat(host), Vec::clone(indexes));
        let mut faults: Vec<InputFault> = special.iter().flat_map(of_name).map(fault).collect();
        faults.sort_by_key(|fault| fault.index);
        faults
    }
}

/// Whether a host is a name and not an address.
fn is_name(host: &str) -> bool {
    !host.starts_with('[') && ipv4(host.trim_end_matches('.')).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_resolver_resolves_localhost_to_loopback() {
        let addresses = SystemResolver.addresses("localhost").unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(|address| address.is_loopback()), "{addresses:?}");
    }
}
