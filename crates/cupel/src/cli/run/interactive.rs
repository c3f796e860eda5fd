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
//! and this process then exits as usual.

use std::io::{self, IsTerminal, Read};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use cupel_judge::{LiveInput, LiveSignal, LiveSource, LiveStdin, StdinSource, TerminalSize};
use cupel_sandbox::{RawTerminal, window_size};
use tokio::signal::unix::{Signal, SignalKind, signal};

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
    /// Starts the threads. Nothing is read until the program runs. `wants_terminal`: whether the program gets a
    /// terminal if standard input and output are a terminal.
    pub(super) fn start(wants_terminal: bool) -> io::Result<Interactive> {
        let (sender, inputs) = sync_channel(INPUTS_MAX);
        let input = Arc::new(LocalInput {
            inputs: Mutex::new(inputs),
            state: Mutex::default(),
            changed: Condvar::new(),
            stopped_by: AtomicI32::new(0),
            read_error: OnceLock::new(),
        });
        listen(&input, sender.clone())?;
        // The size is read after the signal thread has started, so that no change is missed.
        let terminal = if wants_terminal && is_at_terminal() { window_size(io::stdin()) } else { None };
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
        if self.terminal.is_some() {
            // This fails only if the terminal no longer exists.
            self.raw = RawTerminal::enter(io::stdin()).ok();
        }
        self.input.lock().is_running = true;
        self.input.changed.notify_all();
    }

    /// Called when the program has ended. Restores the terminal.
    pub(super) fn end(&mut self) {
        self.input.lock().is_running = false;
        self.raw = None;
    }

    /// The signal that requested the end of this process, if there was one.
    pub(super) fn stopped_by(&self) -> Option<i32> {
        Some(self.input.stopped_by.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Why standard input could not be read to its end, if it could not.
    pub(super) fn read_error(&self) -> Option<String> {
        self.input.read_error.get().cloned()
    }

    /// Whether the run is to be cancelled, because of a signal or because standard input cannot be read.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped_by().is_some() || self.input.read_error.get().is_some()
    }
}

/// Standard input and the signals of this process, as live input.
struct LocalInput {
    inputs: Mutex<Receiver<LiveInput>>,
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
    read: u64,
    consumed: u64,
}

impl LiveSource for LocalInput {
    fn next(&self, timeout: Duration) -> Option<LiveInput> {
        // The signal thread keeps a sender, so the channel stays open and this call waits for the whole timeout.
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(timeout).ok()
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

    /// Passes a signal from the keyboard on to the program. Before the program runs, the signal ends this process.
    fn interrupted(&self, signal: LiveSignal, to: &SyncSender<LiveInput>) {
        if self.lock().is_running {
            // The signal is dropped if the queue is full, because the executor has not taken the earlier inputs.
            let _ = to.try_send(LiveInput::Signal(signal));
        } else {
            self.stop(signal);
        }
    }

    fn stop(&self, signal: LiveSignal) {
        self.stopped_by.store(signal.signal().0, Ordering::SeqCst);
    }
}

/// Starts the thread that receives the signals of this process.
fn listen(input: &Arc<LocalInput>, to: SyncSender<LiveInput>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let on = |kind| -> io::Result<Signal> {
        let _entered = runtime.enter();
        signal(kind)
    };
    let (mut interrupt, mut quit) = (on(SignalKind::interrupt())?, on(SignalKind::quit())?);
    let (mut terminate, mut hang_up) = (on(SignalKind::terminate())?, on(SignalKind::hangup())?);
    let mut window = on(SignalKind::window_change())?;
    let input = Arc::clone(input);
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    Some(()) = interrupt.recv() => input.interrupted(LiveSignal::Interrupt, &to),
                    Some(()) = quit.recv() => input.interrupted(LiveSignal::Quit, &to),
                    Some(()) = terminate.recv() => input.stop(LiveSignal::Terminate),
                    Some(()) = hang_up.recv() => input.stop(LiveSignal::Hangup),
                    Some(()) = window.recv() => {
                        if let Some(size) = window_size(io::stdin()) {
                            let _ = to.try_send(LiveInput::Resize(size));
                        }
                    }
                    else => break,
                }
            }
        })
    })?;
    Ok(())
}
