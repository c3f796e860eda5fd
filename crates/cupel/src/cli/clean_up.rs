//! Removes temporary files if a signal ends the process. The destructors that remove them do not run then.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// How often the registered paths are removed, and the pause after each removal. Another thread may be creating files
/// in them, until it fails because its directory is gone.
const REMOVALS_MAX: usize = 100;
const REMOVAL_PAUSE: Duration = Duration::from_millis(10);

/// All paths of [`remove_at_a_signal`], including removed ones.
static PATHS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Whether a signal is ending this process.
static ENDING: AtomicBool = AtomicBool::new(false);

/// The thread that waits for signals, if there is one.
static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);

struct Listener {
    /// Dropped to end the thread.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Received>,
}

/// The signals of this process. They are kept while there is no thread, so that none is lost.
struct Received {
    runtime: Runtime,
    signals: Vec<(SignalKind, Signal)>,
}

/// Registers a file or directory that a signal removes, once [`listen`] was called.
pub(super) fn remove_at_a_signal(path: &Path) {
    PATHS.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
}

/// Runs `act`, during which no signal ends this process: the thread of [`listen`] waits for its end.
pub(super) fn uninterrupted<T>(act: impl FnOnce() -> T) -> T {
    let _paths = PATHS.lock().unwrap_or_else(PoisonError::into_inner);
    act()
}

/// Blocks forever if a signal is ending this process. The temporary files are then removed, and the command must not
/// report failures that are caused by the removal.
pub(super) fn block_if_ending() {
    while ENDING.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// Starts a thread that waits for signals, unless there is one. At a signal, the thread removes all registered paths
/// and then ends the process as the signal would. While a process gives up its privileges, it must have one thread: see
/// [`without_thread`].
pub(super) fn listen() -> io::Result<()> {
    let mut listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
    if listener.is_none() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let signals = {
            let _entered = runtime.enter();
            let heard = kinds.into_iter().filter(|kind| !is_ignored(*kind));
            heard.map(|kind| Ok((kind, signal(kind)?))).collect::<io::Result<_>>()?
        };
        *listener = Some(Listener::start(Received { runtime, signals })?);
    }
    Ok(())
}

/// Calls `act` while the thread of [`listen`] does not run. A signal that arrives meanwhile takes effect afterwards.
pub(super) fn without_thread<T>(act: impl FnOnce() -> T) -> io::Result<T> {
    let mut listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Listener { stop, thread }) = listener.take() else { return Ok(act()) };
    drop(stop);
    // If a signal is ending the process, this waits until the process has ended.
    let received = thread.join().map_err(|_| io::Error::other("the thread that waits for signals panicked"))?;
    let done = act();
    *listener = Some(Listener::start(received)?);
    Ok(done)
}

impl Listener {
    fn start(received: Received) -> io::Result<Listener> {
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("signals".to_owned()).spawn(move || received.wait(stopped))?;
        Ok(Listener { stop, thread })
    }
}

impl Received {
    /// Waits for a signal, which ends the process, or for the request to end this thread.
    fn wait(mut self, stopped: oneshot::Receiver<()>) -> Received {
        let next = poll_fn(|context| {
            let mut all = self.signals.iter_mut();
            let received = all.find_map(|(kind, signal)| signal.poll_recv(context).is_ready().then_some(*kind));
            received.map_or(Poll::Pending, Poll::Ready)
        });
        let kind = self.runtime.block_on(async {
            tokio::select! {
                kind = next => Some(kind),
                _ = stopped => None,
            }
        });
        let Some(kind) = kind else { return self };
        ENDING.store(true, Ordering::SeqCst);
        // Held until the end of the process.
        let paths = PATHS.lock().unwrap_or_else(PoisonError::into_inner);
        remove_all(&paths);
        std::process::exit(128 + kind.as_raw_value());
    }
}

/// Removes files and directories until none of them exists.
fn remove_all(paths: &[PathBuf]) {
    for _ in 0..REMOVALS_MAX {
        for path in paths {
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        thread::sleep(REMOVAL_PAUSE);
        if paths.iter().all(|path| path.symlink_metadata().is_err()) {
            return;
        }
    }
}

/// Whether this process was started with a signal ignored, for example by `nohup`. Source: proc_pid_status(5),
/// `SigIgn`.
pub(super) fn is_ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: the removal failed because the directory was not empty any more, and the rest stayed.
    #[test]
    fn a_directory_is_removed_although_another_thread_creates_files_in_it() {
        let above = tempfile::tempdir().unwrap();
        let (directory, one) = (above.path().join("package"), above.path().join("one"));
        fs::create_dir(&directory).unwrap();
        fs::write(&one, "").unwrap();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let inside = directory.clone();
        let writer = thread::spawn(move || {
            let written = (0..).take_while(|number| {
                let made = fs::create_dir(inside.join(number.to_string()));
                let _ = begun.send(());
                made.and_then(|()| fs::write(inside.join(format!("{number}/file")), "")).is_ok()
            });
            written.count()
        });
        has_begun.iter().nth(100).unwrap();
        remove_all(&[directory.clone(), one.clone()]);
        assert!(!directory.exists() && !one.exists());
        assert!(writer.join().unwrap() >= 100);
    }
}
