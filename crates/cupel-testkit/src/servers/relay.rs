//! Between clients and tansu: what this broker offers is cut down to what Kafka 2.7 did for Fetch.
//!
//! Asked in the newest way (KIP-951) for a topic that it has lost, tansu 0.6 names a leader of a topic that has neither a name nor an
//! id, which no Kafka does, and which librdkafka 2.12 dies of. The older way has names. Whoever asks which versions there are
//! (`ApiVersions`) is told of none beyond.
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
/// From here on its answer is in compact form.
const COMPACT: i16 = 3;

/// Connections to its port go on to another one.
pub(super) struct Relay {
    port: u16,
    /// 0 when there is none.
    to: Arc<AtomicU16>,
}

/// The versions in which clients have asked which versions there are, by the numbers of the requests.
type Asked = Arc<Mutex<HashMap<[u8; 4], i16>>>;

impl Relay {
    pub(super) fn start() -> Relay {
        let ((listener, port), to) = (free_listener(), Arc::new(AtomicU16::new(0)));
        let goes_to = Arc::clone(&to);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, goes_to.load(Ordering::Relaxed))) else {
                    continue;
                };
                // A connection that breaks at once is no other than one that breaks later.
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
    let asked = Asked::default();
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
            cut_down(&mut answer[4..], version);
        }
    };
    carry(client.try_clone()?, server.try_clone()?, asks);
    carry(server.try_clone()?, client.try_clone()?, answers);
    Ok(())
}

/// Carries messages until one of the two ends, then ends both.
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

/// In an answer to `ApiVersions`, after its number: an error, how many there are, and of each its key, the oldest and the newest version.
fn cut_down(answer: &mut [u8], version: i16) {
    if answer.first_chunk() != Some(&[0, 0]) {
        return;
    }
    // In compact form there are fewer than 127, so that their number is one byte; each has a byte more, for no tags.
    let (from, step) = if version >= COMPACT { (3, 7) } else { (6, 6) };
    for api in answer[from..].chunks_exact_mut(step) {
        if i16::from_be_bytes([api[0], api[1]]) == FETCH {
            api[4..6].copy_from_slice(&FETCH_MAX.to_be_bytes());
            return;
        }
    }
}
