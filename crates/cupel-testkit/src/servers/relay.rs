//! A relay between clients and tansu that limits the advertised version of Fetch to that of Kafka 2.7.
//!
//! If a client fetches from a lost topic with the newest version (KIP-951), tansu 0.6 returns a leader for a topic with
//! neither name nor id. No Kafka broker does that, and librdkafka 2.12 crashes on such a response. Older versions of
//! Fetch use names, so the relay lowers the maximum version of Fetch in responses to `ApiVersions`.
//!
//! Source: Kafka's protocol guide, "Protocol Requests and Responses" and `ApiVersions`.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::server::free_listener;

const FETCH: i16 = 1;
const FETCH_MAX: i16 = 12;
const API_VERSIONS: i16 = 18;
/// The first version of `ApiVersions` whose response is in compact form.
const COMPACT: i16 = 3;

/// Forwards connections from its port to another port.
pub(super) struct Relay {
    port: u16,
    /// The target port; 0 until it is known.
    to: Arc<AtomicU16>,
}

/// Versions of the clients' pending `ApiVersions` requests, by correlation id.
type PendingRequests = Arc<Mutex<HashMap<[u8; 4], i16>>>;

impl Relay {
    pub(super) fn start() -> Relay {
        let ((listener, port), to) = (free_listener(), Arc::new(AtomicU16::new(0)));
        let goes_to = Arc::clone(&to);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, goes_to.load(Ordering::Relaxed))) else {
                    continue;
                };
                // If the server cannot be reached, the client's connection is dropped, as after a later failure.
                let _ = join(&client, &server);
            }
        });
        Relay { port, to }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn goes_to(&self, port: u16) {
        self.to.store(port, Ordering::Relaxed);
    }
}

fn join(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let asked = PendingRequests::default();
    let asks = {
        let asked = Arc::clone(&asked);
        move |request: &mut [u8]| {
            if let [k0, k1, v0, v1, n0, n1, n2, n3, ..] = *request
                && i16::from_be_bytes([k0, k1]) == API_VERSIONS
            {
                let version = i16::from_be_bytes([v0, v1]);
                asked.lock().unwrap_or_else(PoisonError::into_inner).insert([n0, n1, n2, n3], version);
            }
        }
    };
    let answers = move |answer: &mut [u8]| {
        let number = answer.first_chunk().and_then(|number| asked.lock().ok()?.remove(number));
        if let Some(version) = number {
            lower_fetch_version(&mut answer[4..], version);
        }
    };
    carry(client.try_clone()?, server.try_clone()?, asks);
    carry(server.try_clone()?, client.try_clone()?, answers);
    Ok(())
}

/// Forwards messages until one of the two connections closes, then closes both.
fn carry(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&mut [u8]) + Send + 'static) {
    thread::spawn(move || {
        let mut message = Vec::new();
        let mut one = || -> io::Result<()> {
            let mut length = [0; 4];
            from.read_exact(&mut length)?;
            message.clear();
            (&from).take(u32::from_be_bytes(length).into()).read_to_end(&mut message)?;
            look(&mut message);
            to.write_all(&[&length[..], &message].concat())
        };
        while one().is_ok() {}
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    });
}

/// Lowers the maximum version of Fetch in a response to `ApiVersions`. After the correlation id, the response has an
/// error code, the number of entries, and for each its key, minimum version and maximum version.
fn lower_fetch_version(answer: &mut [u8], version: i16) {
    if answer.first_chunk() != Some(&[0, 0]) {
        return;
    }
    // The compact form has fewer than 127 entries, so one byte contains their number. Each entry ends with one more
    // byte, for empty tags.
    let (from, step) = if version >= COMPACT { (3, 7) } else { (6, 6) };
    for api in answer[from..].chunks_exact_mut(step) {
        if i16::from_be_bytes([api[0], api[1]]) == FETCH {
            api[4..6].copy_from_slice(&FETCH_MAX.to_be_bytes());
            return;
        }
    }
}
