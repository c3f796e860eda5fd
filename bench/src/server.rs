//! A `cupel serve` of our own: on a free loopback port, with a temporary data folder, without rate limits.
//!
//! It is the release binary beside ours, told to drain and waited for when the value goes; its folder goes with it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// How long the server may take until it is ready: it makes lanes and looks at every language first.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// Rates that no load of ours reaches: what is measured is Cupel, not its rate limits.
const WITHOUT_RATE_LIMITS: &[(&str, &str)] = &[
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_PER_MINUTE", "1000000000"),
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_BURST", "1000000"),
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__READS_PER_MINUTE", "1000000000"),
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__READS_BURST", "1000000"),
];

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    url: String,
    key: String,
    data: tempfile::TempDir,
}

impl Server {
    /// Starts one and waits until it is ready.
    pub(crate) fn start() -> anyhow::Result<Server> {
        let cupel = binary()?;
        let data = tempfile::tempdir().context("making a data folder")?;
        // Taken and given back: nobody else on the machine under measurement is expected to take it in between.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).context("finding a port")?.port();
        let log = std::fs::File::create(data.path().join("serve.log")).context("making the server's log")?;
        let child = Command::new(&cupel)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(data.path())
            .envs(WITHOUT_RATE_LIMITS.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("sharing the server's log")?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", cupel.display()))?;
        let mut server = Server { child, url: format!("http://127.0.0.1:{port}"), key: String::new(), data };
        let deadline = Instant::now() + READY_WITHIN;
        server.await_ready(deadline)?;
        server.key = server.create_key(&cupel)?;
        Ok(server)
    }

    /// Where it answers: scheme, address and port.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The main process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An API key that may submit and read.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    fn await_ready(&mut self, deadline: Instant) -> anyhow::Result<()> {
        let url = format!("{}/readyz", self.url);
        while ureq::get(&url).call().is_err() {
            if let Some(status) = self.child.try_wait().context("looking at the server")? {
                bail!("the server ended before it was ready ({status}):\n{}", self.log());
            }
            ensure!(Instant::now() < deadline, "the server is not ready after {READY_WITHIN:?}:\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn create_key(&self, cupel: &Path) -> anyhow::Result<String> {
        let output = Command::new(cupel)
            .args(["key", "create", "bench", "--scope", "runs:write", "--scope", "runs:read", "--data"])
            .arg(self.data.path())
            .output()
            .context("making an API key")?;
        let key = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && key.starts_with("cup_"), "`cupel key create` failed: {told}");
        Ok(key)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("serve.log")).unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // `Child::kill` would not let it drain; kill(1) from procps or the shell is there wherever Debian is.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// The `cupel` that was built with us.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    let ours = std::env::current_exe().context("finding our own program")?;
    let cupel = ours.with_file_name("cupel");
    ensure!(cupel.exists(), "{} is missing: cargo build --release --package cupel", cupel.display());
    Ok(cupel)
}
