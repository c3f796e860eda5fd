//! A server with S3's protocol: moto, from PyPI. It stores all data in memory, so SIGKILL destroys them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::server::{Kind, Server};
use super::{PASSWORD, USER, cluster, keeper};

/// The folder in which `scripts/setup.sh servers` installs moto and its dependencies.
const MODULES: &str = "/usr/local/lib/cupel/moto";

/// A server with S3's protocol.
pub struct S3(Server);

impl S3 {
    /// Starts a server for this test only.
    ///
    /// # Panics
    /// If the server is not installed or does not start.
    pub fn start() -> S3 {
        S3(Server::start(S3Kind))
    }

    /// Returns the shared server of this test process, for tests that do not harm it.
    ///
    /// # Panics
    /// As [`S3::start`].
    pub fn shared() -> &'static S3 {
        static SHARED: OnceLock<S3> = OnceLock::new();
        SHARED.get_or_init(S3::start)
    }

    /// Creates an empty bucket and returns its URL in the form of `blobs.url`.
    ///
    /// # Panics
    /// If the server is down.
    pub fn bucket(&self) -> String {
        let bucket = cluster();
        let answer = ask(self.port(), "PUT", &format!("/{bucket}")).expect("moto answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        self.url_of(&bucket)
    }

    /// Returns the URL of a bucket, which need not exist.
    pub fn url_of(&self, bucket: &str) -> String {
        let endpoint = format!("http://127.0.0.1:{}", self.port());
        let keys = format!("access_key_id={USER}&secret_access_key={PASSWORD}");
        format!("s3://{bucket}/below?endpoint={endpoint}&region=us-east-1&{keys}")
    }
}

impl Deref for S3 {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

struct S3Kind;

impl Kind for S3Kind {
    fn name(&self) -> &'static str {
        "s3"
    }

    fn lay_out(&self, _: &Path, _: u16) {}

    fn command(&self, _: &Path, port: u16) -> Command {
        let installed = Path::new(MODULES).join("moto").is_dir();
        assert!(installed, "PyPI's `moto` is missing: run `scripts/setup.sh servers`");
        let mut moto = Command::new(keeper::find("python3", &["/usr/bin".into()], "install the package `python3`"));
        moto.env("PYTHONPATH", MODULES).args(["-m", "moto.server", "--host", "127.0.0.1", "--port", &port.to_string()]);
        moto
    }

    fn answers(&self, _: &Path, port: u16) -> bool {
        ask(port, "GET", "/moto-api/").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    fn stop_signal(&self) -> (&'static str, bool) {
        ("TERM", false)
    }
}

fn ask(port: u16, method: &str, path: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        connection,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}
