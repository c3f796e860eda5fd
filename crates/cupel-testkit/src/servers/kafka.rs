//! A broker with Kafka's protocol: `tansu`, from crates.io. It keeps all data in memory, so a restart loses them.

use std::net::{Ipv4Addr, TcpStream};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, OnceLock};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::keeper;
use super::relay::Relay;
use super::server::{Kind, Server};

/// A broker with Kafka's protocol.
pub struct Kafka {
    server: Server,
    relay: Relay,
}

impl Kafka {
    /// Starts a server for this test only.
    ///
    /// # Panics
    /// If the server is not installed or does not start.
    pub fn start() -> Kafka {
        Kafka::new(false)
    }

    /// Starts a broker that requires a user and a password but has no users, for this test only.
    ///
    /// # Panics
    /// As [`Kafka::start`].
    pub fn start_closed() -> Kafka {
        Kafka::new(true)
    }

    fn new(authentication: bool) -> Kafka {
        let relay = Relay::start();
        let server = Server::start(KafkaKind { authentication, advertised: relay.port() });
        relay.goes_to(server.port());
        Kafka { server, relay }
    }

    /// Returns the shared server of this test process, for tests that do not harm it.
    ///
    /// # Panics
    /// As [`Kafka::start`].
    pub fn shared() -> &'static Kafka {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(Kafka::start)
    }

    /// Returns a server of this test process that one test at a time may harm. The server is running, even if an
    /// earlier test stopped it.
    ///
    /// # Panics
    /// As [`Kafka::start`].
    pub async fn lent() -> OwnedMutexGuard<Kafka> {
        static LENT: LazyLock<Arc<Mutex<Kafka>>> = LazyLock::new(|| Arc::new(Mutex::new(Kafka::start())));
        let lent = Arc::clone(&LENT).lock_owned().await;
        lent.revive();
        lent
    }

    /// Returns the broker's URL. tansu delays a fetch response for the whole wait time even if it has data, so the wait
    /// time is short.
    pub fn url(&self) -> String {
        format!("kafka://127.0.0.1:{}?fetch_wait_ms=10", self.relay.port())
    }
}

impl Deref for Kafka {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

struct KafkaKind {
    authentication: bool,
    /// The port that the broker advertises to clients.
    advertised: u16,
}

impl Kind for KafkaKind {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn lay_out(&self, _: &Path, _: u16) {}

    fn command(&self, folder: &Path, port: u16) -> Command {
        // `scripts/build-tansu.sh` installs tansu there.
        let places = [PathBuf::from("/usr/local/lib/cupel/bin")];
        let mut tansu = Command::new(keeper::find("tansu", &places, "`scripts/build-tansu.sh`"));
        let address = |port: u16| format!("tcp://127.0.0.1:{port}");
        tansu.args(["broker", "--storage-engine=memory://tansu/", "--silent"]).current_dir(folder);
        tansu.args(["--listener-url", &address(port), "--advertised-listener-url", &address(self.advertised)]);
        if self.authentication {
            tansu.arg("--authentication");
        }
        tansu
    }

    fn answers(&self, _: &Path, port: u16) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    }

    fn stop_signal(&self) -> (&'static str, bool) {
        ("TERM", false)
    }
}
