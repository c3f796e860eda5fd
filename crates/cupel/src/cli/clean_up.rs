//! Removes temporary files if a signal ends the process. The destructors that remove them do not run then.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// All paths of [`remove_at_a_signal`], including removed ones.
static PATHS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Whether a signal is ending this process.
static ENDING: AtomicBool = AtomicBool::new(false);

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

/// Starts a thread that waits for signals. At a signal, the thread removes all registered paths and then ends the
/// process as the signal would. A process that gives up its privileges calls this afterwards, because it must have one
/// thread until then.
pub(super) fn listen() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut signals = {
        let _entered = runtime.enter();
        let heard = kinds.into_iter().filter(|kind| !is_ignored(*kind));
        heard.map(|kind| Ok((kind, signal(kind)?))).collect::<io::Result<Vec<(SignalKind, Signal)>>>()?
    };
    let listen = move || {
        let kind = runtime.block_on(poll_fn(|context| {
            let mut all = signals.iter_mut();
            let received = all.find_map(|(kind, signal)| signal.poll_recv(context).is_ready().then_some(*kind));
            received.map_or(Poll::Pending, Poll::Ready)
        }));
        ENDING.store(true, Ordering::SeqCst);
        // Held until the end of the process.
        let paths = PATHS.lock().unwrap_or_else(PoisonError::into_inner);
        for path in paths.iter() {
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        std::process::exit(128 + kind.as_raw_value());
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map(drop)
}

/// Whether this process was started with a signal ignored, for example by `nohup`. Source: proc_pid_status(5),
/// `SigIgn`.
pub(super) fn is_ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}
