//! A Redis server with a password and an append-only file, so that what was written survives SIGKILL.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::server::{Kind, Server};
use super::{PASSWORD, keeper};

/// A Redis server.
pub struct Redis(Server);

impl Redis {
    /// One of the test's own.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub fn start() -> Redis {
        Redis(Server::start(RedisKind))
    }

    /// The one of this test process, for tests that do it no harm.
    ///
    /// # Panics
    /// As [`Redis::start`].
    pub fn shared() -> &'static Redis {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Redis::start)
    }

    /// One of this test process that one test has at a time, to do harm to: it runs, whatever the last one did to it.
    ///
    /// # Panics
    /// As [`Redis::start`].
    pub async fn lent() -> OwnedMutexGuard<Redis> {
        static LENT: LazyLock<Arc<Mutex<Redis>>> = LazyLock::new(|| Arc::new(Mutex::new(Redis::start())));
        let lent = Arc::clone(&LENT).lock_owned().await;
        lent.revive();
        lent
    }

    /// Its URL, with the password.
    pub fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}/", self.port())
    }

    /// Sends one command, words apart by spaces; the answer as Redis writes it.
    ///
    /// # Panics
    /// When the server is down.
    pub fn command(&self, words: &str) -> String {
        ask(self.port(), words).expect("Redis answers")
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

struct RedisKind;

impl Kind for RedisKind {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn lay_out(&self, _: &Path, _: u16) {}

    fn command(&self, folder: &Path, port: u16) -> Command {
        let program = keeper::find("redis-server", &[], "install the package `redis-server`");
        let mut redis = Command::new(program);
        redis.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--requirepass", PASSWORD]);
        redis.arg("--dir").arg(folder).args(["--appendonly", "yes", "--save", "", "--loglevel", "warning"]);
        redis
    }

    fn answers(&self, _: &Path, port: u16) -> bool {
        ask(port, "PING").is_ok_and(|answer| answer.contains("+PONG"))
    }

    fn stops_by(&self) -> (&'static str, bool) {
        ("TERM", false)
    }
}

fn ask(port: u16, words: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    // QUIT makes the end of the answers the end of the stream.
    write!(connection, "AUTH {PASSWORD}\r\n{words}\r\nQUIT\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}
