//! Addresses on which the process listens: reserved early, so that an address that is not available ends the start, and
//! opened late. Until then, connections are refused, so a client or proxy uses another node at once.
//!
//! Invariant: while an address is reserved, no other process can reserve it. Linux lets two sockets with SO_REUSEADDR
//! have one address as long as neither listens. Without SO_REUSEADDR, an address is not available while connections of
//! an ended process are in TIME_WAIT. So a reserved socket does not have the option, and sets it before it listens:
//! accepted connections inherit it. Source: socket(7), `SO_REUSEADDR`.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use anyhow::anyhow;
use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// Maximum number of connections that wait to be accepted. The kernel lowers it to `net.core.somaxconn`.
const BACKLOG: u32 = i32::MAX as u32;

/// An address that no other process can use, and that refuses connections.
pub(super) struct ReservedAddress {
    pub(super) address: SocketAddr,
    socket: TcpSocket,
    /// The address as configured, and the setting and the flag that name it.
    configured: String,
}

impl ReservedAddress {
    /// Reserves an address. `setting` is the setting and the flag that name it.
    ///
    /// # Errors
    /// The address is not available.
    pub(super) async fn new(address: &str, setting: &str) -> anyhow::Result<ReservedAddress> {
        let configured = format!("{address} ({setting})");
        let reserved = async {
            let mut last = io::Error::new(ErrorKind::InvalidInput, "the name has no address");
            for address in lookup_host(address).await? {
                match reserve(address) {
                    Ok(socket) => return Ok((socket.local_addr()?, socket)),
                    Err(error) => last = error,
                }
            }
            Err(last)
        };
        match reserved.await {
            Ok((address, socket)) => Ok(ReservedAddress { address, socket, configured }),
            Err(error) => Err(refused(&configured, &error)),
        }
    }

    /// Begins to accept connections.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub(super) fn listen(self) -> anyhow::Result<TcpListener> {
        let ReservedAddress { address: _, socket, configured } = self;
        let listening = socket.set_reuseaddr(true).and_then(|()| socket.listen(BACKLOG));
        listening.map_err(|error| refused(&configured, &error))
    }
}

fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    match socket.bind(address) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.set_reuseaddr(false)?;
        }
        bound => bound?,
    }
    Ok(socket)
}

fn refused(configured: &str, error: &io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        // Source: ip(7), `ip_unprivileged_port_start`.
        ErrorKind::PermissionDenied => {
            ". Cupel opens its ports without privileges: use a port of 1024 or more, behind a reverse proxy if clients need \
             another one, or set the sysctl net.ipv4.ip_unprivileged_port_start"
        }
        _ => "",
    };
    anyhow!("cannot listen on {configured}: {error}{remedy}")
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpStream;

    use super::*;

    async fn reserved(address: &str) -> Result<ReservedAddress, String> {
        ReservedAddress::new(address, "server.listen").await.map_err(|error| error.to_string())
    }

    async fn refuses_connections(address: SocketAddr) -> bool {
        TcpStream::connect(address).await.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    }

    #[tokio::test]
    async fn a_reserved_address_refuses_connections_and_is_not_available_to_others() {
        let first = reserved("127.0.0.1:0").await.unwrap();
        let address = first.address;
        assert!(refuses_connections(address).await);
        for other in [address.to_string(), format!("0.0.0.0:{}", address.port())] {
            let Err(error) = reserved(&other).await else { panic!("two sockets have {other}") };
            assert!(error.starts_with(&format!("cannot listen on {other} (server.listen): ")), "{error}");
        }
        // std sets SO_REUSEADDR.
        assert!(std::net::TcpListener::bind(address).is_err(), "another program may have the address");
        let listener = first.listen().unwrap();
        let (connected, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        assert!(connected.is_ok() && accepted.is_ok(), "{connected:?} {accepted:?}");
        assert!(reserved(&address.to_string()).await.is_err());
    }

    /// The connections of the ended process are in TIME_WAIT, because it closed them first.
    #[tokio::test]
    async fn an_address_with_connections_of_an_ended_process_can_be_reserved_and_is_not_shared() {
        let listener = reserved("127.0.0.1:0").await.unwrap().listen().unwrap();
        let address = listener.local_addr().unwrap();
        let (connected, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        drop((listener, accepted));
        assert_eq!(connected.unwrap().read(&mut [0]).await.unwrap(), 0);

        let next = reserved(&address.to_string()).await.unwrap();
        assert!(refuses_connections(address).await);
        assert!(reserved(&address.to_string()).await.is_err(), "two sockets have one address");
        let listener = next.listen().unwrap();
        let (connected, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        assert!(connected.is_ok() && accepted.is_ok(), "{connected:?} {accepted:?}");
    }
}
