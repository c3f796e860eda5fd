//! A Redis server with a password and an append-only file, so that writes survive SIGKILL.

use std::io::{Read as _, Write as _};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::certificate::Certificate;
use super::server::{Kind, Server};
use super::{PASSWORD, keeper};

/// A Redis server.
pub struct Redis(Server);

impl Redis {
    /// Starts a server for this test only.
    ///
    /// # Panics
    /// If the server is not installed or does not start.
    pub fn start() -> Redis {
        Redis(Server::start(RedisKind { encrypted: false }))
    }

    /// Starts a server that requires TLS for network connections, for this test only.
    ///
    /// # Panics
    /// As [`Redis::start`].
    pub fn start_encrypted() -> Redis {
        Redis(Server::start(RedisKind { encrypted: true }))
    }

    /// Returns the shared server of this test process, for tests that do not harm it.
    ///
    /// # Panics
    /// As [`Redis::start`].
    pub fn shared() -> &'static Redis {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Redis::start)
    }

    /// Returns a server of this test process that one test at a time may harm. The server is running, even if an
    /// earlier test stopped it.
    ///
    /// # Panics
    /// As [`Redis::start`].
    pub async fn lent() -> OwnedMutexGuard<Redis> {
        static LENT: LazyLock<Arc<Mutex<Redis>>> = LazyLock::new(|| Arc::new(Mutex::new(Redis::start())));
        let lent = Arc::clone(&LENT).lock_owned().await;
        lent.revive();
        lent
    }

    /// Returns the server's URL with the password, without TLS.
    pub fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}/", self.port())
    }

    /// Returns the URL with password and TLS of a server that was started with TLS, and the path of the certificate to
    /// trust.
    pub fn encrypted_url(&self) -> (String, PathBuf) {
        let url = format!("rediss://:{PASSWORD}@127.0.0.1:{}/", self.port());
        (url, Certificate::in_folder(self.folder()).certificate)
    }

    /// Sends one command, whose words are separated by spaces, and returns the raw response.
    ///
    /// # Panics
    /// If the server is down.
    pub fn command(&self, words: &str) -> String {
        ask(self.folder(), words).expect("Redis answers")
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

struct RedisKind {
    encrypted: bool,
}

impl Kind for RedisKind {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn lay_out(&self, folder: &Path, _: u16) {
        if self.encrypted {
            Certificate::make(folder);
        }
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let program = keeper::find("redis-server", &[], "install the package `redis-server`");
        let mut redis = Command::new(program);
        redis.args(["--bind", "127.0.0.1", "--requirepass", PASSWORD, "--unixsocket"]).arg(folder.join(SOCKET));
        let port = port.to_string();
        if self.encrypted {
            let Certificate { certificate, key } = Certificate::in_folder(folder);
            redis.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no", "--tls-cert-file"]);
            redis.arg(certificate).arg("--tls-key-file").arg(key);
        } else {
            redis.args(["--port", &port]);
        }
        redis.arg("--dir").arg(folder).args(["--save", "", "--loglevel", "warning"]);
        // Redis passes each command to the kernel before it responds, so the command survives SIGKILL. With `everysec`,
        // Redis would block while the disk is slow. Source: Redis' documentation, "Redis persistence"; function
        // flushAppendOnlyFile in its aof.c.
        redis.args(["--appendonly", "yes", "--appendfsync", "no"]);
        redis
    }

    fn answers(&self, folder: &Path, _: u16) -> bool {
        ask(folder, "PING").is_ok_and(|answer| answer.contains("+PONG"))
    }

    fn stop_signal(&self) -> (&'static str, bool) {
        ("TERM", false)
    }
}

/// The socket, without TLS, on which the server listens in addition to its port.
const SOCKET: &str = "redis.sock";

fn ask(folder: &Path, words: &str) -> std::io::Result<String> {
    let mut connection = UnixStream::connect(folder.join(SOCKET))?;
    connection.set_read_timeout(Some(Duration::from_secs(60)))?;
    // QUIT makes the server close the connection after its last response.
    write!(connection, "AUTH {PASSWORD}\r\n{words}\r\nQUIT\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}
