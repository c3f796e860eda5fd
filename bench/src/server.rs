//! Starts `cupel serve`, `api` or `worker` on a free loopback port, with a temporary data directory and without rate
//! limits.
//!
//! The binary is the `cupel` next to this program, from the same release build. Dropping the value sends SIGTERM, waits
//! until the process has drained, and deletes the directory.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// Maximum start-up time: the server creates lanes and probes every language first.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// Rate limits that the load cannot reach, so that they do not affect the figures.
const WITHOUT_RATE_LIMITS: &[(&str, &str)] = &[
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_PER_MINUTE", "1000000000"),
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_BURST", "1000000"),
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__READS_PER_MINUTE", "1000000000"),
    ("CUPEL_RATE_LIMITS__TIERS__BASIC__READS_BURST", "1000000"),
];

/// A running Cupel process of any role.
#[derive(Debug)]
pub(crate) struct Process {
    role: &'static str,
    child: Child,
    url: String,
    /// Data directory. Only this process and `cupel key create` use it.
    data: tempfile::TempDir,
    log: tempfile::NamedTempFile,
}

impl Process {
    /// Starts a process and waits until it is ready. `settings` are environment variables.
    pub(crate) fn start(role: &'static str, settings: &[(String, String)]) -> anyhow::Result<Process> {
        let cupel = binary()?;
        let data = tempfile::tempdir().context("creating a data directory")?;
        // The port is free but not reserved. No other process on a benchmark machine is expected to bind it.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).context("finding a port")?.port();
        let log = tempfile::NamedTempFile::new().context("creating the process's log")?;
        let writer = || log.as_file().try_clone().context("sharing the process's log");
        let child = Command::new(&cupel)
            .args([role, "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(data.path())
            .envs(WITHOUT_RATE_LIMITS.iter().copied())
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(writer()?)
            .stderr(writer()?)
            .spawn()
            .with_context(|| format!("starting {}", cupel.display()))?;
        let mut process = Process { role, child, url: format!("http://127.0.0.1:{port}"), data, log };
        process.await_ready(Instant::now() + READY_WITHIN)?;
        Ok(process)
    }

    /// Process id of the main process, not of its children.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process with SIGKILL, as in a crash.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().context("killing a process")?;
        self.child.wait().context("waiting for a killed process")?;
        Ok(())
    }

    fn await_ready(&mut self, deadline: Instant) -> anyhow::Result<()> {
        let (url, role) = (format!("{}/readyz", self.url), self.role);
        while ureq::get(&url).call().is_err() {
            if let Some(status) = self.child.try_wait().context("checking a process")? {
                bail!("`cupel {role}` ended before it was ready ({status}):\n{}", self.log());
            }
            ensure!(Instant::now() < deadline, "`cupel {role}` is not ready after {READY_WITHIN:?}:\n{}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // If the process is already reaped, its id may belong to another process.
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        // `Child::kill` sends SIGKILL, which would prevent draining. kill(1) is in Debian's package procps.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// A process that accepts submissions, and an API key for it.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    key: String,
}

impl Server {
    /// Starts `cupel serve`, which needs no other process, and waits until it is ready.
    pub(crate) fn start() -> anyhow::Result<Server> {
        Server::start_as("serve", &[])
    }

    /// Starts a process of this role and waits until it is ready.
    pub(crate) fn start_as(role: &'static str, settings: &[(String, String)]) -> anyhow::Result<Server> {
        let process = Process::start(role, settings)?;
        let output = Command::new(binary()?)
            .args(["key", "create", "bench", "--scope", "runs:write", "--scope", "runs:read", "--data"])
            .arg(process.data.path())
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .output()
            .context("creating an API key")?;
        let key = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && key.starts_with("cup_"), "`cupel key create` failed: {stderr}");
        Ok(Server { process, key })
    }

    /// Base URL: scheme, address and port.
    pub(crate) fn url(&self) -> &str {
        &self.process.url
    }

    /// Process id of the main process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// API key that may submit and read.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

/// Path of the `cupel` binary from the same build.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    let ours = std::env::current_exe().context("finding the path of this program")?;
    let cupel = ours.with_file_name("cupel");
    ensure!(cupel.exists(), "{} is missing: cargo build --release --package cupel", cupel.display());
    Ok(cupel)
}
