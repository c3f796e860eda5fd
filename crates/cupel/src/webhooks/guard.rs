//! Keeps webhooks from private addresses: the name is resolved here, and every address of it checked ([`is_public`]).

use cupel_core::is_public;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Resolves names as usual and refuses those that lead to a special address. The connection is made to
/// exactly the addresses returned here.
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
        // One bad address is enough: a name that has a private one besides is not an accident.
        match addresses.iter().find(|address| !self.allow_private && !is_public(address.ip())) {
            None => Ok(addresses),
            Some(_) => {
                Err(ureq::Error::Other("the address is private or reserved: webhooks only go to public ones".into()))
            }
        }
    }
}
