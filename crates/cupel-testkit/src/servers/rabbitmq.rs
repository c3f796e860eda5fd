//! A RabbitMQ node of its own: name, ports, data and port mapper (`epmd`), which would otherwise stay behind.
//!
//! It runs in a process namespace, because its script starts the Erlang machine as a child, which starts others: all
//! of them go with the first (pid_namespaces(7)).

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Deref;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::server::{Kind, Server, free_port};
use super::{PASSWORD, USER, keeper};

/// A RabbitMQ node.
pub struct RabbitMq(Server);

impl RabbitMq {
    /// One of the test's own. It takes some seconds.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub fn start() -> RabbitMq {
        RabbitMq(Server::start(RabbitMqKind { mapper_port: free_port(), node_port: free_port() }))
    }

    /// The one of this test process, for tests that do it no harm.
    ///
    /// # Panics
    /// As [`RabbitMq::start`].
    pub fn shared() -> &'static RabbitMq {
        static SHARED: OnceLock<RabbitMq> = OnceLock::new();
        SHARED.get_or_init(RabbitMq::start)
    }

    /// One of this test process that one test has at a time, to do harm to: it runs, whatever the last one did to it.
    ///
    /// # Panics
    /// As [`RabbitMq::start`].
    pub async fn lent() -> OwnedMutexGuard<RabbitMq> {
        static LENT: LazyLock<Arc<Mutex<RabbitMq>>> = LazyLock::new(|| Arc::new(Mutex::new(RabbitMq::start())));
        let lent = Arc::clone(&LENT).lock_owned().await;
        lent.revive();
        lent
    }

    /// Its URL, with the password.
    pub fn url(&self) -> String {
        format!("amqp://{USER}:{PASSWORD}@127.0.0.1:{}", self.port())
    }
}

impl Deref for RabbitMq {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

struct RabbitMqKind {
    /// Where `epmd` listens.
    mapper_port: u16,
    /// Where other nodes would connect.
    node_port: u16,
}

impl Kind for RabbitMqKind {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    fn lay_out(&self, folder: &Path, port: u16) {
        let settings = [
            format!("listeners.tcp.1 = 127.0.0.1:{port}"),
            format!("default_user = {USER}"),
            format!("default_pass = {PASSWORD}"),
            "disk_free_limit.absolute = 50MB".to_owned(),
            "log.console = true".to_owned(),
            "log.console.level = warning".to_owned(),
            "log.file = false".to_owned(),
        ];
        fs::write(folder.join("rabbitmq.conf"), settings.join("\n") + "\n").expect("the settings can be written");
        fs::write(folder.join("plugins"), "[].\n").expect("the plugins can be written");
        fs::write(folder.join("env.conf"), "").expect("the environment can be written");
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        // Not the program on the PATH: that one insists on the package's own user.
        let places = [PathBuf::from("/usr/lib/rabbitmq/bin")];
        let program = keeper::find("rabbitmq-server", &places, "install the package `rabbitmq-server`");
        let mut unshare = Command::new("unshare");
        unshare.args(["--pid", "--fork", "--kill-child=KILL"]);
        if fs::metadata("/proc/self").expect("/proc can be read").uid() != 0 {
            unshare.args(["--user", "--map-current-user"]);
        }
        unshare.arg("--").arg(program).current_dir(folder);
        unshare
            .env("HOME", folder)
            .env("RABBITMQ_NODENAME", format!("cupel-{port}@localhost"))
            .env("RABBITMQ_DIST_PORT", self.node_port.to_string())
            .env("ERL_EPMD_PORT", self.mapper_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("env.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env("RABBITMQ_FEATURE_FLAGS_FILE", folder.join("feature_flags"))
            // Schedulers that wait do not spin, and nobody outside this machine is listened to.
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
            );
        unshare
    }

    /// To the header of the protocol it answers `Connection.Start`, a method frame (AMQP 0-9-1, 2.2.4 and 4.2.3), once it
    /// takes clients.
    fn answers(&self, _: &Path, port: u16) -> bool {
        let ask = || -> std::io::Result<u8> {
            let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            connection.set_read_timeout(Some(Duration::from_secs(10)))?;
            connection.write_all(b"AMQP\0\0\x09\x01")?;
            let mut first = [0];
            connection.read_exact(&mut first)?;
            Ok(first[0])
        };
        ask().is_ok_and(|kind| kind == 1)
    }

    fn stops_by(&self) -> (&'static str, bool) {
        ("TERM", true)
    }
}
