//! The common part of all servers: a folder, a port, a process, and the faults that a test can inject.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::keeper;

/// Maximum time for the start of a server on a busy machine.
const START_MAX: Duration = Duration::from_secs(300);
/// Maximum time for the stop of a server.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Range of ports from which a server gets its port. The range is below the ports that the kernel assigns to outgoing
/// connections, so the port of a stopped server stays free.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// The part that differs between servers.
pub(super) trait Kind: Send + Sync {
    /// Returns the name in messages and folder names.
    fn name(&self) -> &'static str;
    /// Creates the files in the empty folder that the server needs for its first start.
    fn lay_out(&self, folder: &Path, port: u16);
    /// Returns the command that runs the server in the foreground, on `port` of 127.0.0.1, with all its data in
    /// `folder`.
    fn command(&self, folder: &Path, port: u16) -> Command;
    /// Returns user and group of the server's processes, if the server refuses to run as the user of the tests.
    fn runs_as(&self) -> Option<(u32, u32)> {
        None
    }
    /// Whether the server handles requests. A server that accepts a connection may not handle requests yet.
    fn answers(&self, folder: &Path, port: u16) -> bool;
    /// Returns the signal that stops the server, and whether all its processes get it.
    fn stop_signal(&self) -> (&'static str, bool);
}

/// A server, running or temporarily stopped. Dropping it kills its processes and removes its data.
pub struct Server {
    kind: Box<dyn Kind>,
    folder: PathBuf,
    port: u16,
    child: Mutex<Option<Child>>,
}

impl Server {
    pub(super) fn start(kind: impl Kind + 'static) -> Server {
        let folder = keeper::folder(kind.name());
        let server = Server { kind: Box::new(kind), folder, port: free_port(), child: Mutex::new(None) };
        server.wipe_and_start();
        server
    }

    /// Returns the port of 127.0.0.1 on which the server listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the server's processes, parents first; empty if it is stopped.
    pub fn pids(&self) -> Vec<u32> {
        self.child().as_ref().map_or_else(Vec::new, |child| keeper::tree(child.id()))
    }

    /// Kills all processes of the server with SIGKILL. Unlike in a power failure, the kernel's buffers survive.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            // The main process is killed first, because it may restart the others.
            let pids = keeper::tree(child.id());
            let _ = child.kill();
            keeper::signal("KILL", &pids[1..]);
            let _ = child.wait();
        }
    }

    /// Stops the server as an operator would.
    pub fn stop(&self) {
        let Some(mut child) = self.child().take() else { return };
        let (signal, all) = self.kind.stop_signal();
        let pids = keeper::tree(child.id());
        keeper::signal(signal, if all { &pids } else { &pids[..1] });
        let ended = within(STOP_MAX, || child.try_wait().is_ok_and(|status| status.is_some()));
        if !ended {
            *self.child() = Some(child);
            self.kill();
        }
    }

    /// Starts the stopped server on the same port with its data. Returns when the server handles requests.
    pub fn start_again(&self) {
        assert!(self.child().is_none(), "{} already runs", self.kind.name());
        let deadline = Instant::now() + START_MAX;
        loop {
            let mut child =
                keeper::spawn(self.command()).unwrap_or_else(|error| panic!("{}: {error}", self.kind.name()));
            let mut ended = false;
            let answers = within(deadline.saturating_duration_since(Instant::now()), || {
                ended = child.try_wait().is_ok_and(|status| status.is_some());
                ended || self.kind.answers(&self.folder, self.port)
            });
            if answers && !ended {
                *self.child() = Some(child);
                return;
            }
            // A killed process may not have released all its resources yet, so the start is retried.
            *self.child() = Some(child);
            self.kill();
            assert!(Instant::now() < deadline, "{} does not start:\n{}", self.kind.name(), self.log_end());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Kills the server if it runs, deletes all its data, and starts it.
    pub fn wipe_and_start(&self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir(&self.folder).expect("the server's folder can be created");
        self.kind.lay_out(&self.folder, self.port);
        self.start_again();
    }

    /// Resumes the server if it is frozen, and starts it without data if it does not run.
    pub(super) fn revive(&self) {
        self.thaw();
        if self.child().is_none() {
            self.wipe_and_start();
        }
    }

    /// Freezes the server with SIGSTOP: connections stay open, but the server does not respond.
    pub fn freeze(&self) {
        let is_frozen = within(START_MAX, || {
            // Each round signals all processes again, because a new process may have been started. When `kill` returns,
            // the signal may still be pending; a thread that has not handled it yet still responds.
            self.signal_all("STOP");
            self.pids().iter().all(|pid| keeper::is_stopped(*pid))
        });
        assert!(is_frozen, "{} could not be frozen", self.kind.name());
    }

    /// Resumes a frozen server.
    pub fn thaw(&self) {
        self.signal_all("CONT");
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn signal_all(&self, signal: &str) {
        keeper::signal(signal, &self.pids());
    }

    /// Returns the command that runs the server. The server writes its log to its folder, and is killed when this
    /// process dies.
    fn command(&self) -> Command {
        let inner = self.kind.command(&self.folder, self.port);
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some((user, group)) = self.kind.runs_as() {
            command.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
        }
        command.arg("--").arg(inner.get_program()).args(inner.get_args());
        for (key, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        let log = File::options().create(true).append(true).open(self.log()).expect("the server's log can be created");
        command.stdout(log.try_clone().expect("a descriptor")).stderr(log);
        command
    }

    fn log(&self) -> PathBuf {
        self.folder.with_extension("log")
    }

    fn log_end(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let from = log.lines().count().saturating_sub(30);
        log.lines().skip(from).collect::<Vec<_>>().join("\n")
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        // Later calls must be able to stop the server even if a test panicked while it held the lock.
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(self.log());
    }
}

/// Waits until `done` returns `true`. Returns `false` if it does not in time.
fn within(time: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + time;
    while !done() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Returns a port on which no process listens now, and that was not returned before.
pub(super) fn free_port() -> u16 {
    free_listener().1
}

/// Returns a listener on a port that was not returned before. After it is dropped, binding the port may fail for a
/// short time, because a process that is being forked has a copy of the listener until its exec.
pub(super) fn free_listener() -> (TcpListener, u16) {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Concurrent test processes start at different ports.
    let first = std::process::id().wrapping_mul(97) % count;
    loop {
        let port = PORTS.start + (first + TRIED.fetch_add(1, Ordering::Relaxed)) % count;
        let port = u16::try_from(port).expect("below 2^16");
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return (listener, port);
        }
    }
}
