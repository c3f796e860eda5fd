//! A registry of container images: Debian's `docker-registry`, without TLS and without users.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::keeper;
use super::server::{Kind, Server};

/// A registry of container images.
pub struct ImageRegistry(Server);

impl ImageRegistry {
    /// Starts a server for this test only.
    ///
    /// # Panics
    /// If the server is not installed or does not start.
    pub fn start() -> ImageRegistry {
        ImageRegistry(Server::start(ImageRegistryKind))
    }

    /// Returns the host in references to images.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }
}

impl Deref for ImageRegistry {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

struct ImageRegistryKind;

impl Kind for ImageRegistryKind {
    fn name(&self) -> &'static str {
        "image-registry"
    }

    fn lay_out(&self, folder: &Path, port: u16) {
        let data = folder.join("data");
        let config = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: \
             127.0.0.1:{port}\n",
            data.display()
        );
        std::fs::write(folder.join(CONFIG), config).expect("the registry's configuration can be written");
    }

    fn command(&self, folder: &Path, _: u16) -> Command {
        let program = keeper::find("docker-registry", &[], "install the package `docker-registry`");
        let mut registry = Command::new(program);
        registry.arg("serve").arg(folder.join(CONFIG));
        registry
    }

    fn answers(&self, _: &Path, port: u16) -> bool {
        ask(port).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    fn stop_signal(&self) -> (&'static str, bool) {
        ("TERM", false)
    }
}

const CONFIG: &str = "config.yml";

/// Source: OCI Distribution Specification 1.1, "Determining Support".
fn ask(port: u16) -> std::io::Result<String> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    connection.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(connection, "GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}
