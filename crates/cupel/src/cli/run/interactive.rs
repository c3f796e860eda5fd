//! `cupel run --interactive`: a person or another program communicates with the program while it runs, here or on a
//! server.
//!
//! ```text
//!  standard input ──► reading thread ──┐
//!                                      ├──queue──► LiveSource ──► executor ──► terminal or pipe of the program
//!  signals ─────────► signal thread ───┘
//! ```
//!
//! If standard input and output are a terminal, the program gets a separate terminal, and the user's terminal is in raw
//! mode while the program runs. So only the program's terminal interprets typed characters, and Ctrl-C interrupts the
//! program.
//!
//! *Invariant:* The terminal is restored however this process ends, except by SIGKILL. SIGTERM and SIGHUP end the run,
//! and this process then exits as usual. So do SIGINT and SIGQUIT, unless they are passed on to the program.

use std::io::{self, IsTerminal, Read};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use cupel_judge::{LiveInput, LiveSignal, LiveSource, LiveStdin, StdinSource, TerminalSize};
use cupel_sandbox::{RawTerminal, window_size};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::clean_up::is_ignored;

/// Maximum number of inputs that the executor has not taken. [`LiveInput::WINDOW`] also bounds the number of bytes.
const INPUTS_MAX: usize = 64;
/// Maximum number of bytes per read of standard input.
const CHUNK: usize = 4096;

/// The live input of one run, and the terminal.
pub(super) struct Interactive {
    input: Arc<LocalInput>,
    terminal: Option<TerminalSize>,
    raw: Option<RawTerminal>,
}

/// Whether standard input and output are a terminal, so that an interactive program gets a terminal.
pub(super) fn is_at_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

impl Interactive {
    /// Starts the threads. Nothing is read until the program runs. `is_interactive`: whether the program gets the
    /// signals from the keyboard, and a terminal if standard input and output are a terminal. Otherwise, the signals
    /// end the run.
    pub(super) fn start(is_interactive: bool) -> io::Result<Interactive> {
        let (sender, inputs) = sync_channel(INPUTS_MAX);
        let input = Arc::new(LocalInput {
            inputs: Mutex::new(inputs),
            passes_signals: is_interactive,
            state: Mutex::default(),
            changed: Condvar::new(),
            stopped_by: AtomicI32::new(0),
            read_error: OnceLock::new(),
        });
        listen(&input, sender.clone())?;
        // The size is read after the signal thread has started, so that no change is missed.
        let terminal = if is_interactive && is_at_terminal() { window_size(io::stdin()) } else { None };
        let reading = Arc::clone(&input);
        thread::Builder::new().name("stdin".into()).spawn(move || reading.read(&sender))?;
        Ok(Interactive { input, terminal, raw: None })
    }

    pub(super) fn stdin(&self) -> StdinSource {
        StdinSource::Live(LiveStdin { source: self.source(), terminal: self.terminal })
    }

    pub(super) fn source(&self) -> Arc<dyn LiveSource> {
        self.input.clone()
    }

    /// The size of the program's terminal, if it gets one.
    pub(super) fn terminal(&self) -> Option<TerminalSize> {
        self.terminal
    }

    /// Called when the program starts. From then on, it gets the typed input.
    pub(super) fn begin(&mut self) {
        self.change(|state| state.is_running = true);
        self.input.changed.notify_all();
    }

    /// Called when the program has ended. Restores the terminal.
    pub(super) fn end(&mut self) {
        self.change(|state| state.is_running = false);
    }

    /// Called when the connection to the server of the program is lost, and when it is restored. While it is lost, the
    /// terminal is restored, and the signals from the keyboard end the run.
    pub(super) fn connection(&mut self, is_lost: bool) {
        self.change(|state| state.is_lost = is_lost);
    }

    /// Changes the state. The terminal is in raw mode while the program gets the keys.
    fn change(&mut self, change: impl FnOnce(&mut State)) {
        let mut state = self.input.lock();
        change(&mut state);
        let wants_raw = self.terminal.is_some() && state.is_reached() && !state.is_over;
        // This fails only if the terminal no longer exists.
        let raw = if wants_raw { self.raw.take().or_else(|| RawTerminal::enter(io::stdin()).ok()) } else { None };
        state.is_raw = raw.is_some();
        self.raw = raw;
    }

    /// The signal that requested the end of this process, if there was one.
    pub(super) fn stopped_by(&self) -> Option<i32> {
        Some(self.input.stopped_by.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Why standard input could not be read to its end, if it could not.
    pub(super) fn read_error(&self) -> Option<String> {
        self.input.read_error.get().cloned()
    }

    /// Whether the run must be cancelled, because of a signal or because standard input cannot be read.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped_by().is_some() || self.input.read_error.get().is_some()
    }
}

impl Drop for Interactive {
    fn drop(&mut self) {
        self.change(|state| state.is_over = true);
    }
}

/// Standard input and the signals of this process, as live input.
struct LocalInput {
    inputs: Mutex<Receiver<LiveInput>>,
    /// Whether the program gets the signals from the keyboard.
    passes_signals: bool,
    state: Mutex<State>,
    changed: Condvar,
    /// The number of the signal that requested the end of this process, or 0.
    stopped_by: AtomicI32,
    /// Why standard input could not be read to its end.
    read_error: OnceLock<String>,
}

#[derive(Default)]
struct State {
    is_running: bool,
    /// Whether the connection to the server of the program is lost.
    is_lost: bool,
    /// Whether the user's terminal is in raw mode.
    is_raw: bool,
    /// Whether the run is over, so that nothing waits for a signal.
    is_over: bool,
    read: u64,
    consumed: u64,
    /// The size of the user's terminal, if the program's does not have it yet.
    size: Option<TerminalSize>,
}

impl State {
    /// Whether keys and signals reach the program.
    fn is_reached(&self) -> bool {
        self.is_running && !self.is_lost
    }
}

impl LiveSource for LocalInput {
    fn next(&self, timeout: Duration) -> Option<LiveInput> {
        let inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(size) = self.lock().size.take() {
                return Some(LiveInput::Resize(size));
            }
            // The signal thread keeps a sender, so the channel stays open and this call waits for the whole timeout.
            match inputs.recv_timeout(timeout).ok()? {
                // Only the newest size counts.
                LiveInput::Resize(_) => {}
                other => return Some(other),
            }
        }
    }

    fn consumed(&self, total_bytes: u64) {
        self.lock().consumed = total_bytes;
        self.changed.notify_all();
    }
}

impl LocalInput {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads standard input to its end, at most one window ahead of the program.
    fn read(&self, to: &SyncSender<LiveInput>) {
        let mut buffer = [0; CHUNK];
        loop {
            let room = self.wait_for_room();
            match io::stdin().lock().read(&mut buffer[..room]) {
                Ok(count @ 1..) => {
                    self.lock().read += count as u64;
                    if to.send(LiveInput::Bytes(buffer[..count].to_vec())).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                end => {
                    // The error is set before the program sees the end of its input, because it may then end.
                    if let Err(error) = end {
                        let _ = self.read_error.set(error.to_string());
                    }
                    let _ = to.send(LiveInput::EndOfInput);
                    return;
                }
            }
        }
    }

    /// Waits until the program runs and its window has room. Returns the number of bytes to read, at least one.
    fn wait_for_room(&self) -> usize {
        let mut state = self.lock();
        loop {
            let under_way = usize::try_from(state.read - state.consumed).unwrap_or(usize::MAX);
            let room = LiveInput::WINDOW.saturating_sub(under_way).min(CHUNK);
            if state.is_running && room > 0 {
                return room;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The user's terminal has this size now.
    fn resized(&self, size: TerminalSize, to: &SyncSender<LiveInput>) {
        self.lock().size = Some(size);
        // This wakes `next`. If the queue is full, `next` finds the size anyway.
        let _ = to.try_send(LiveInput::Resize(size));
    }

    /// Passes a signal from the keyboard on to the program. If the program does not run or gets no signals, the signal
    /// ends this process.
    fn interrupted(&self, signal: LiveSignal, to: &SyncSender<LiveInput>) {
        if self.passes_signals && self.lock().is_reached() {
            // The signal is dropped if the queue is full, because the executor has not taken the earlier inputs.
            let _ = to.try_send(LiveInput::Signal(signal));
        } else {
            self.stop(signal);
        }
    }

    /// Requests the end of the run. The second request, and one after the run, ends this process at once, unless the
    /// terminal must be restored.
    fn stop(&self, signal: LiveSignal) {
        let state = self.lock();
        let number = signal.signal().0;
        let is_repeated = self.stopped_by.swap(number, Ordering::SeqCst) != 0;
        if (is_repeated || state.is_over) && !state.is_raw {
            // The lock is held, so the terminal does not enter raw mode.
            std::process::exit(128 + number);
        }
    }
}

/// Starts the thread that receives the signals of this process.
fn listen(input: &Arc<LocalInput>, to: SyncSender<LiveInput>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // A signal that is ignored, as after nohup(1), stays ignored.
    let on = |kind| -> io::Result<Option<Signal>> {
        let _entered = runtime.enter();
        (!is_ignored(kind)).then(|| signal(kind)).transpose()
    };
    let (mut interrupt, mut quit) = (on(SignalKind::interrupt())?, on(SignalKind::quit())?);
    let (mut terminate, mut hang_up) = (on(SignalKind::terminate())?, on(SignalKind::hangup())?);
    let mut window = on(SignalKind::window_change())?;
    let input = Arc::clone(input);
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    () = arrival(&mut interrupt) => input.interrupted(LiveSignal::Interrupt, &to),
                    () = arrival(&mut quit) => input.interrupted(LiveSignal::Quit, &to),
                    () = arrival(&mut terminate) => input.stop(LiveSignal::Terminate),
                    () = arrival(&mut hang_up) => input.stop(LiveSignal::Hangup),
                    () = arrival(&mut window) => {
                        if let Some(size) = window_size(io::stdin()) {
                            input.resized(size, &to);
                        }
                    }
                }
            }
        })
    })?;
    Ok(())
}

/// Waits for a signal; forever if it is ignored.
async fn arrival(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: if the window was dragged while the program was compiled, the program got an earlier size.
    #[test]
    fn the_last_of_many_sizes_reaches_the_program() {
        let (sender, inputs) = sync_channel(INPUTS_MAX);
        let input = LocalInput {
            inputs: Mutex::new(inputs),
            passes_signals: true,
            state: Mutex::default(),
            changed: Condvar::new(),
            stopped_by: AtomicI32::new(0),
            read_error: OnceLock::new(),
        };
        let size = |columns| TerminalSize { columns, rows: 24 };
        (1..=2 * INPUTS_MAX as u16).for_each(|columns| input.resized(size(columns), &sender));
        assert_eq!(input.next(Duration::ZERO), Some(LiveInput::Resize(size(2 * INPUTS_MAX as u16))));
        assert_eq!(input.next(Duration::ZERO), None);
    }
}
