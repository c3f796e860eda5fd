//! Prevents webhooks from being sent to private addresses, unless the configuration allows them: resolves the host name
//! and checks all of its addresses ([`is_public`]).

use cupel_core::is_public;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Resolver that refuses a name if any of its addresses is private or reserved, unless `allow_private` is set. The
/// connection uses only the addresses that this resolver returns.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    allow_private: bool,
    inner: DefaultResolver,
}

impl GuardedResolver {
    pub(super) fn new(allow_private: bool) -> GuardedResolver {
        GuardedResolver { allow_private, inner: DefaultResolver::default() }
    }
}

impl Resolver for GuardedResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let addresses = self.inner.resolve(uri, config, timeout)?;
        // One private address is enough to refuse the name, because a legitimate receiver does not have both public and
        // private addresses.
        match addresses.iter().find(|address| !self.allow_private && !is_public(address.ip())) {
            None => Ok(addresses),
            Some(_) => Err(ureq::Error::Other(
                "the address is private or reserved: webhooks are sent only to public addresses".into(),
            )),
        }
    }
}
