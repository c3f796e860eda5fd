//! A RabbitMQ node with its own name, ports, data and port mapper (`epmd`).
//!
//! The node runs in a pid namespace, because its script starts the Erlang VM as a child, which starts more processes.
//! When the first process of the namespace ends, the kernel kills all of them, including `epmd`, which would outlive
//! the node without a namespace (pid_namespaces(7)).

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

use super::certificate::Certificate;
use super::server::{Kind, Server, free_port};
use super::{PASSWORD, USER, keeper};

/// A RabbitMQ node.
pub struct RabbitMq {
    server: Server,
    mapper_port: u16,
    tls_port: Option<u16>,
}

impl RabbitMq {
    /// Starts a server for this test only, which takes several seconds.
    ///
    /// # Panics
    /// If the server is not installed or does not start.
    pub fn start() -> RabbitMq {
        RabbitMq::start_with(None)
    }

    /// Starts a server that also accepts TLS, for this test only.
    ///
    /// # Panics
    /// As [`RabbitMq::start`].
    pub fn start_encrypted() -> RabbitMq {
        RabbitMq::start_with(Some(free_port()))
    }

    fn start_with(tls_port: Option<u16>) -> RabbitMq {
        let mapper_port = free_port();
        let kind = RabbitMqKind { mapper_port, node_port: free_port(), tls_port };
        RabbitMq { server: Server::start(kind), mapper_port, tls_port }
    }

    /// Returns the shared server of this test process, for tests that do not harm it.
    ///
    /// # Panics
    /// As [`RabbitMq::start`].
    pub fn shared() -> &'static RabbitMq {
        static SHARED: OnceLock<RabbitMq> = OnceLock::new();
        SHARED.get_or_init(RabbitMq::start)
    }

    /// Returns a server of this test process that one test at a time may harm. The server is running, even if an
    /// earlier test stopped it.
    ///
    /// # Panics
    /// As [`RabbitMq::start`].
    pub async fn lent() -> OwnedMutexGuard<RabbitMq> {
        static LENT: LazyLock<Arc<Mutex<RabbitMq>>> = LazyLock::new(|| Arc::new(Mutex::new(RabbitMq::start())));
        let lent = Arc::clone(&LENT).lock_owned().await;
        lent.revive();
        lent
    }

    /// Returns the server's URL with the password, without TLS.
    pub fn url(&self) -> String {
        format!("amqp://{USER}:{PASSWORD}@127.0.0.1:{}", self.port())
    }

    /// Runs `rabbitmqctl` with these arguments.
    ///
    /// # Panics
    /// If `rabbitmqctl` fails.
    pub fn control(&self, words: &[&str]) {
        let program = keeper::find("rabbitmqctl", &places(), "install the package `rabbitmq-server`");
        let mut control = Command::new(program);
        control.env("HOME", self.folder()).env("ERL_EPMD_PORT", self.mapper_port.to_string());
        let done =
            control.args(["--node", &node_name(self.port())]).args(words).output().expect("rabbitmqctl can be started");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Returns the server's URL with the password and TLS, and the path of the certificate to trust.
    ///
    /// # Panics
    /// If the server was not started with TLS.
    pub fn encrypted_url(&self) -> (String, PathBuf) {
        let port = self.tls_port.expect("it was started with TLS");
        let url = format!("amqps://{USER}:{PASSWORD}@127.0.0.1:{port}");
        (url, Certificate::in_folder(self.folder()).certificate)
    }
}

impl Deref for RabbitMq {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

struct RabbitMqKind {
    /// The port of `epmd`.
    mapper_port: u16,
    /// The port for connections of other nodes.
    node_port: u16,
    /// The additional port for clients with TLS.
    tls_port: Option<u16>,
}

fn node_name(port: u16) -> String {
    format!("cupel-{port}@localhost")
}

/// The folder of RabbitMQ's own scripts. The scripts on the PATH refuse to run as a user other than the package's.
fn places() -> [PathBuf; 1] {
    [PathBuf::from("/usr/lib/rabbitmq/bin")]
}

/// The folder of the application `rabbit` itself, beside which the package installs some sixty plugins.
fn application() -> Option<PathBuf> {
    let entry = |folder: PathBuf, begin: &str| {
        let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        entries.into_iter().find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begin)))
    };
    let server = entry(PathBuf::from("/usr/lib/rabbitmq/lib"), "rabbitmq_server-")?;
    entry(server.join("plugins"), "rabbit-")
}

impl Kind for RabbitMqKind {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    fn lay_out(&self, folder: &Path, port: u16) {
        let mut settings = vec![
            format!("listeners.tcp.1 = 127.0.0.1:{port}"),
            format!("default_user = {USER}"),
            format!("default_pass = {PASSWORD}"),
            "disk_free_limit.absolute = 50MB".to_owned(),
            "log.console = true".to_owned(),
            "log.console.level = warning".to_owned(),
            "log.file = false".to_owned(),
        ];
        if let Some(port) = self.tls_port {
            let Certificate { certificate, key } = Certificate::make(folder);
            settings.extend([
                format!("listeners.ssl.1 = 127.0.0.1:{port}"),
                format!("ssl_options.certfile = {}", certificate.display()),
                format!("ssl_options.keyfile = {}", key.display()),
                "ssl_options.verify = verify_none".to_owned(),
            ]);
        }
        fs::write(folder.join("rabbitmq.conf"), settings.join("\n") + "\n").expect("the settings can be written");
        fs::write(folder.join("plugins"), "[].\n").expect("the plugins can be written");
        // No plugin is enabled. A node that finds none needs a quarter less processor time to start.
        let found = folder.join("found_plugins");
        if let Some(application) = application().filter(|_| !found.exists()) {
            fs::create_dir(&found).expect("the folder can be created");
            std::os::unix::fs::symlink(application, found.join("rabbit")).expect("the link can be created");
        }
        fs::write(folder.join("env.conf"), "").expect("the environment can be written");
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        let program = keeper::find("rabbitmq-server", &places(), "install the package `rabbitmq-server`");
        let mut unshare = Command::new("unshare");
        unshare.args(["--pid", "--fork", "--kill-child=KILL"]);
        if fs::metadata("/proc/self").expect("/proc can be read").uid() != 0 {
            unshare.args(["--user", "--map-current-user"]);
        }
        unshare.arg("--").arg(program).current_dir(folder);
        unshare
            .env("HOME", folder)
            .env("RABBITMQ_NODENAME", node_name(port))
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
            // With these options, idle schedulers do not spin, and the node listens only on loopback.
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
            );
        let found = folder.join("found_plugins");
        if found.exists() {
            unshare.env("RABBITMQ_PLUGINS_DIR", found);
        }
        unshare
    }

    /// Whether the server answers the protocol header with `Connection.Start`, a method frame, as it does once it
    /// accepts clients (AMQP 0-9-1, 2.2.4 and 4.2.3).
    fn answers(&self, _: &Path, port: u16) -> bool {
        let ask = || -> std::io::Result<u8> {
            let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            connection.set_read_timeout(Some(Duration::from_secs(60)))?;
            connection.write_all(b"AMQP\0\0\x09\x01")?;
            let mut first = [0];
            connection.read_exact(&mut first)?;
            Ok(first[0])
        };
        ask().is_ok_and(|kind| kind == 1)
    }

    fn stop_signal(&self) -> (&'static str, bool) {
        ("TERM", true)
    }
}
