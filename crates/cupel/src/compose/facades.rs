//! The facades that the configuration enables, with their internal accounts and their additional addresses.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use cupel_core::accounts::Accounts;
use cupel_facades::{JOBE, JUDGE0, Keyless, PISTON, SANDBOXFUSION, jobe, judge0, piston, sandboxfusion};
use cupel_http::Mounted;
use tower::ServiceBuilder;

use super::listen::ReservedAddress;
use crate::config::{Facade, Facades};

/// An additional address of a facade.
pub(super) struct FacadeAddress {
    pub(super) name: &'static str,
    pub(super) reserved: ReservedAddress,
}

impl FacadeAddress {
    /// The server's router, with the facade at the root.
    pub(super) fn router(&self, all: Router) -> Router {
        let name = self.name;
        let below = ServiceBuilder::new().map_request(move |request| below_prefix(name, request)).service(all);
        Router::new().fallback_service(below)
    }
}

/// Inserts the facade's prefix into the path of a request.
fn below_prefix(name: &str, mut request: Request) -> Request {
    let mut parts = request.uri().clone().into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
    // The only path for which this fails is `*` (of OPTIONS), which stays unchanged.
    if let Ok(path) = format!("/{name}{path}").parse::<PathAndQuery>()
        && request.uri().path().starts_with('/')
    {
        parts.path_and_query = Some(path);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// Reserves the additional addresses.
///
/// # Errors
/// An address is not available.
pub(super) async fn reserve(facades: &Facades) -> anyhow::Result<Vec<FacadeAddress>> {
    let Facades { sandboxfusion, piston, piston_options: _, judge0, judge0_options: _, jobe } = facades;
    let mut addresses = Vec::new();
    for (name, facade) in [(SANDBOXFUSION, sandboxfusion), (PISTON, piston), (JUDGE0, judge0), (JOBE, jobe)] {
        let Some(address) = facade.listen.as_ref().filter(|_| facade.enabled) else { continue };
        let reserved = ReservedAddress::new(address, &format!("facades.{name}.listen, --facade")).await?;
        addresses.push(FacadeAddress { name, reserved });
    }
    Ok(addresses)
}

/// Creates the facades of a server that listens on this address.
///
/// # Errors
/// An internal account cannot be read or created.
pub(super) async fn open(
    facades: &Facades,
    accounts: &Accounts,
    address: SocketAddr,
    additional: &[FacadeAddress],
) -> anyhow::Result<Vec<Mounted>> {
    let Facades {
        sandboxfusion: sandboxfusion_facade,
        piston: piston_facade,
        piston_options,
        judge0: judge0_facade,
        judge0_options,
        jobe: jobe_facade,
    } = facades;
    let keyless = |name: &str, facade: &Facade| {
        let of_facade = additional.iter().filter(|of| of.name == name).map(|of| of.reserved.address);
        let addresses: Vec<SocketAddr> = std::iter::once(address).chain(of_facade).collect();
        keyless(name, facade.anonymous, &addresses)
    };
    let mut opened = Vec::new();
    if sandboxfusion_facade.enabled {
        let account = accounts.internal(SANDBOXFUSION).await?;
        let keyless = keyless(SANDBOXFUSION, sandboxfusion_facade);
        opened.push(sandboxfusion(&format!("/{SANDBOXFUSION}"), keyless, account.id));
    }
    if piston_facade.enabled {
        let account = accounts.internal(PISTON).await?;
        let keyless = keyless(PISTON, piston_facade);
        opened.push(piston(&format!("/{PISTON}"), keyless, account.id, *piston_options));
    }
    if judge0_facade.enabled {
        let account = accounts.internal(JUDGE0).await?;
        let keyless = keyless(JUDGE0, judge0_facade);
        opened.extend(judge0(&format!("/{JUDGE0}"), keyless, account.id, judge0_options.clone()));
    }
    if jobe_facade.enabled {
        let account = accounts.internal(JOBE).await?;
        opened.push(jobe(&format!("/{JOBE}"), keyless(JOBE, jobe_facade), account.id));
    }
    Ok(opened)
}

/// Selects the clients that need no key. If the operator permits it, no client needs a key. If the facade can be
/// reached only at loopback addresses, clients on this machine need no key. In all other cases, every client needs a
/// key.
fn keyless(name: &str, anonymous: bool, addresses: &[SocketAddr]) -> Keyless {
    let public = addresses.iter().find(|address| !address.ip().is_loopback());
    match public {
        Some(address) if anonymous => {
            tracing::warn!(
                "every client that reaches {address} may run programs at /{name} without a key (facades.{name}.anonymous)"
            );
            Keyless::Anyone
        }
        Some(address) => {
            tracing::info!(
                "clients of /{name} need a key, because the server listens on {address} (facades.{name}.anonymous)"
            );
            Keyless::Nobody
        }
        None if anonymous => Keyless::Anyone,
        None => Keyless::Loopback,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_needed_on_loopback_or_if_the_operator_permits_it() {
        let of = |anonymous, addresses: &[&str]| {
            let addresses: Vec<SocketAddr> = addresses.iter().map(|a| format!("{a}:1").parse().unwrap()).collect();
            keyless("x", anonymous, &addresses)
        };
        assert_eq!(of(false, &["127.0.0.1"]), Keyless::Loopback);
        assert_eq!(of(false, &["[::1]", "127.0.0.1"]), Keyless::Loopback);
        assert_eq!(of(false, &["0.0.0.0"]), Keyless::Nobody);
        assert_eq!(of(false, &["127.0.0.1", "192.0.2.1"]), Keyless::Nobody);
        assert_eq!(of(false, &["192.0.2.1", "127.0.0.1"]), Keyless::Nobody);
        assert_eq!(of(true, &["192.0.2.1"]), Keyless::Anyone);
    }

    #[test]
    fn a_facade_with_its_own_address_is_at_the_root_there() {
        for (sent, expected) in [("/", "/piston/"), ("/api/v2/runtimes?a=b", "/piston/api/v2/runtimes?a=b"), ("*", "*")]
        {
            let request = Request::builder().uri(sent).body(axum::body::Body::empty()).unwrap();
            assert_eq!(below_prefix("piston", request).uri(), expected);
        }
    }
}
