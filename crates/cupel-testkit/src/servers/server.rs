//! What all servers have in common: a folder, a port, a process, and what a test may do to them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::keeper;

/// How long a server may take to answer, on a machine that is busy with other things.
const START_MAX: Duration = Duration::from_secs(120);
/// How long one may take to end when asked to.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Ports are taken from below those that the kernel gives to outgoing connections, so that the port of a server that is
/// down for a while stays free.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// What is different from server to server.
pub(super) trait Kind: Send + Sync {
    /// For messages and folders.
    fn name(&self) -> &'static str;
    /// Puts into the empty folder what the server wants to find there at its first start.
    fn lay_out(&self, folder: &Path, port: u16);
    /// The server in the foreground, listening on `port` of 127.0.0.1, with all it keeps in `folder`.
    fn command(&self, folder: &Path, port: u16) -> Command;
    /// User and group, where it refuses to run as who runs the tests.
    fn runs_as(&self) -> Option<(u32, u32)> {
        None
    }
    /// Whether it serves: a connection alone may be too early.
    fn answers(&self, folder: &Path, port: u16) -> bool;
    /// The signal that asks it to end, and whether every process of it is to get it.
    fn stops_by(&self) -> (&'static str, bool);
}

/// A running server, or one that is down for a while. It ends when this is dropped.
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

    /// The port it listens on, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its processes, the first of them first; none when it is down.
    pub fn pids(&self) -> Vec<u32> {
        self.child().as_ref().map_or_else(Vec::new, |child| keeper::tree(child.id()))
    }

    /// Ends it as a power failure would, but for the kernel's buffers: SIGKILL to all of its processes.
    pub fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            // The first of them first: others may be started again by it.
            let pids = keeper::tree(child.id());
            let _ = child.kill();
            keeper::signal("KILL", &pids[1..]);
            let _ = child.wait();
        }
    }

    /// Ends it as its operator would.
    pub fn stop(&self) {
        let Some(mut child) = self.child().take() else { return };
        let (signal, all) = self.kind.stops_by();
        let pids = keeper::tree(child.id());
        keeper::signal(signal, if all { &pids } else { &pids[..1] });
        let ended = within(STOP_MAX, || child.try_wait().is_ok_and(|status| status.is_some()));
        if !ended {
            *self.child() = Some(child);
            self.kill();
        }
    }

    /// Starts it on the port and with the data it had; it answers when this returns.
    pub fn start_again(&self) {
        assert!(self.child().is_none(), "{} runs", self.kind.name());
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
            // One that was killed may not have let go of everything yet; the next try may find it gone.
            *self.child() = Some(child);
            self.kill();
            assert!(Instant::now() < deadline, "{} does not start:\n{}", self.kind.name(), self.log_end());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Ends it if it runs, and starts it as if it had never been: all data are lost.
    pub fn wipe_and_start(&self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir(&self.folder).expect("the server's folder can be made");
        self.kind.lay_out(&self.folder, self.port);
        self.start_again();
    }

    /// Sees to it that it runs.
    pub(super) fn revive(&self) {
        self.thaw();
        if self.child().is_none() {
            self.wipe_and_start();
        }
    }

    /// Stops the world for it: connections stay open, nothing is answered.
    pub fn freeze(&self) {
        let is_frozen = within(START_MAX, || {
            // Once more each time: one may have been born while the signal went round. It is on its way when `kill` returns; a
            // thread that has not seen it yet still answers.
            self.signal_all("STOP");
            self.pids().iter().all(|pid| keeper::is_stopped(*pid))
        });
        assert!(is_frozen, "{} cannot be stopped", self.kind.name());
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal_all("CONT");
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn signal_all(&self, signal: &str) {
        keeper::signal(signal, &self.pids());
    }

    /// The kind's command, killed when this process dies, with a log in its folder.
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
        let log = File::options().create(true).append(true).open(self.log()).expect("the server's log can be made");
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
        // A test that failed in there has failed; the next one may still want to end the server.
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

/// Whether `done` becomes true in time.
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

/// A port that nobody listens on now, and that was not given out before.
pub(super) fn free_port() -> u16 {
    free_listener().1
}

/// A listener on a port that was not given out before. Who binds the port anew may find it taken for a moment: a process that is just
/// being started somewhere has a copy of the listener until it executes its program.
pub(super) fn free_listener() -> (TcpListener, u16) {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Test processes that run at the same time begin at different places.
    let first = std::process::id().wrapping_mul(97) % count;
    loop {
        let port = PORTS.start + (first + TRIED.fetch_add(1, Ordering::Relaxed)) % count;
        let port = u16::try_from(port).expect("below 2^16");
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return (listener, port);
        }
    }
}
