//! The clients that a facade serves without a key.

use cupel_http::client::Client;

/// Clients that need no key. Their runs belong to an internal account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyless {
    /// None.
    Nobody,
    /// Clients on this machine, unless the request came through a proxy or from a page in a browser. Otherwise, any web
    /// page that a user of this machine visits could run programs here.
    Loopback,
    /// All clients that can reach the port.
    Anyone,
}

impl Keyless {
    /// Whether this client needs no key.
    pub(crate) fn admits(self, client: Client) -> bool {
        match self {
            Keyless::Nobody => false,
            Keyless::Loopback => client.address.is_loopback() && !client.is_forwarded && !client.is_page,
            Keyless::Anyone => true,
        }
    }
}
