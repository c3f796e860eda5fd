//! The facades that the configuration enables, with their internal accounts.

use std::net::SocketAddr;

use cupel_core::accounts::{AccountError, Accounts};
use cupel_facades::{Keyless, SANDBOXFUSION, sandboxfusion};
use cupel_http::Mounted;

use crate::config::{Config, Facade};

/// Opens the facades of a server that listens on this address.
///
/// # Errors
/// An internal account cannot be read or created.
pub(super) async fn open(
    config: &Config,
    accounts: &Accounts,
    address: SocketAddr,
) -> Result<Vec<Mounted>, AccountError> {
    let mut opened = Vec::new();
    if config.sandboxfusion.enabled {
        let keyless = keyless(SANDBOXFUSION, config.sandboxfusion, address);
        let account = accounts.internal(SANDBOXFUSION).await?;
        opened.push(sandboxfusion(&format!("/{SANDBOXFUSION}"), keyless, account.id));
    }
    Ok(opened)
}

/// Selects the clients that need no key: all clients, if the operator permits that; the clients on this machine, if the
/// server listens on a loopback address; none in all other cases.
fn keyless(name: &str, facade: Facade, address: SocketAddr) -> Keyless {
    if facade.anonymous {
        if !address.ip().is_loopback() {
            tracing::warn!(
                "every client that reaches {address} may run programs at /{name} without a key (facades.{name}.anonymous)"
            );
        }
        return Keyless::Anyone;
    }
    if address.ip().is_loopback() {
        return Keyless::Loopback;
    }
    tracing::info!("clients of /{name} need a key, because the server listens on {address} (facades.{name}.anonymous)");
    Keyless::Nobody
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_needed_on_loopback_or_if_the_operator_permits_it() {
        let of = |anonymous, address: &str| {
            keyless("x", Facade { enabled: true, anonymous }, format!("{address}:1").parse().unwrap())
        };
        assert_eq!(of(false, "127.0.0.1"), Keyless::Loopback);
        assert_eq!(of(false, "[::1]"), Keyless::Loopback);
        assert_eq!(of(false, "0.0.0.0"), Keyless::Nobody);
        assert_eq!(of(false, "192.0.2.1"), Keyless::Nobody);
        assert_eq!(of(true, "192.0.2.1"), Keyless::Anyone);
    }
}
