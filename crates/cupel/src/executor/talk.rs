//! Two cells joined by pipes: a tenant's program and the author's interactor.
//!
//! ```text
//!  program's cell ──stdout──► its slot's thread ──queue──► pump ──pipe──► interactor's stdin
//!  program's stdin ◄──pipe── pump ◄──queue── its slot's thread ◄──stdout── interactor's cell
//! ```
//!
//! Each cell has a slot and a thread of its own, and what one writes passes through us: the transcript is taken here. *Invariants:* the
//! end of a cell is noted down before the pipe to the other one is closed, so nobody reacts to an end that is not noted yet; cells
//! write to us and not to each other, so nobody ever gets SIGPIPE, and what is said to one who has left is thrown away; queues are
//! bounded, and nobody waits longer for a reader than its own cell may live, so the two threads cannot wait for each other.

use std::collections::VecDeque;
use std::fs::{File, Permissions};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cupel_judge::{Party, StepObserver, StepResult, TalkResult};
use cupel_sandbox::{Command, RunError, Slot, Stdin};
use cupel_types::Bytes;

use super::Kept;

/// How long a cell may take, beyond its wall-clock limit, to be swept.
const SWEEPING: Duration = Duration::from_secs(5);
/// How often somebody who waits for a reader looks whether that makes sense.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// What may lie in a queue before the writer has to wait.
const QUEUE_BYTES_MAX: usize = 1 << 20;

/// One of the two.
pub(super) struct Side<'a> {
    pub(super) slot: &'a mut Slot,
    pub(super) command: Command,
    pub(super) keep: Bytes,
    /// The line on standard error that tells its end before the cell's.
    pub(super) end: Option<&'a str>,
}

/// What all threads know.
struct Shared {
    /// Who has ended, in order.
    ended: Mutex<Vec<Party>>,
    cancelled: AtomicBool,
    transcript: Mutex<Transcript>,
}

struct Transcript {
    said: Vec<(Party, Vec<u8>)>,
    room: usize,
}

impl Shared {
    /// Only the first time counts.
    fn note_end(&self, party: Party) {
        let mut ended = lock(&self.ended);
        if !ended.contains(&party) {
            ended.push(party);
        }
    }

    fn note(&self, party: Party, data: &[u8]) {
        let mut transcript = lock(&self.transcript);
        let kept = &data[..data.len().min(transcript.room)];
        if kept.is_empty() {
            return;
        }
        transcript.room -= kept.len();
        match transcript.said.last_mut() {
            Some((last, text)) if *last == party => text.extend_from_slice(kept),
            _ => transcript.said.push((party, kept.to_vec())),
        }
    }
}

/// Runs both to their ends.
pub(super) fn talk(
    program: Side<'_>,
    interactor: Side<'_>,
    transcript: Bytes,
    observer: &mut dyn StepObserver,
) -> Result<TalkResult, RunError> {
    let (their_input, to_interactor) = pipe()?;
    let (our_input, to_program) = pipe()?;
    let room = usize::try_from(transcript.get()).unwrap_or(usize::MAX);
    let shared = Shared {
        ended: Mutex::new(Vec::new()),
        cancelled: AtomicBool::new(false),
        transcript: Mutex::new(Transcript { said: Vec::new(), room }),
    };
    let (for_interactor, for_program) = (Queue::default(), Queue::default());
    let (program, interactor) = thread::scope(|scope| {
        let (shared, for_interactor, for_program) = (&shared, &for_interactor, &for_program);
        scope.spawn(move || for_interactor.pump(to_interactor));
        scope.spawn(move || for_program.pump(to_program));
        let interactor = scope.spawn(move || {
            let mut nobody = Nobody;
            let voice = Voice { party: Party::Interactor, shared, to: for_program, until: None };
            voice.run(interactor, their_input, for_interactor, &mut nobody)
        });
        let voice = Voice { party: Party::Program, shared, to: for_interactor, until: None };
        let program = voice.run(program, our_input, for_program, observer);
        (program, interactor.join())
    });
    let interactor = interactor.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let ended = shared.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    let first = ended.first().copied().unwrap_or(Party::Program);
    let transcript = shared.transcript.into_inner().unwrap_or_else(PoisonError::into_inner).said;
    Ok(TalkResult { program: program?, interactor: interactor?, first, transcript })
}

/// A pipe that a cell's user may open again by name (`/dev/stdin`).
fn pipe() -> io::Result<(OwnedFd, PipeWriter)> {
    let (reader, writer): (PipeReader, _) = io::pipe()?;
    let reader = File::from(OwnedFd::from(reader));
    reader.set_permissions(Permissions::from_mode(0o666))?;
    Ok((reader.into(), writer))
}

/// One side's way to the other's ear.
struct Voice<'a> {
    party: Party,
    shared: &'a Shared,
    to: &'a Queue,
    until: Option<Instant>,
}

impl<'a> Voice<'a> {
    /// Runs a cell; `ear` is the queue that feeds its standard input.
    fn run(
        mut self,
        side: Side<'_>,
        input: OwnedFd,
        ear: &Queue,
        observer: &mut dyn StepObserver,
    ) -> Result<StepResult, RunError> {
        let Side { slot, mut command, keep, end } = side;
        command.stdin = Stdin::Descriptor(Arc::new(input));
        let lives = command.limits.wall_time.saturating_add(SWEEPING);
        self.until = Instant::now().checked_add(lives);
        let (shared, party) = (self.shared, self.party);
        let to = self.to;
        let mut talks = Talks { voice: self, observer, end, line: Vec::new() };
        let mut kept = Kept::new(keep, &mut talks);
        let report = slot.run(&command, &mut kept);
        let result = report.map(|report| without_end(kept.result(report), end));
        shared.note_end(party);
        if result.is_err() {
            // The other one's result would be nobody's.
            shared.cancelled.store(true, Ordering::Relaxed);
        }
        // In this order: nothing more is read, then nothing more is said.
        ear.leave();
        drop(command);
        to.close();
        result
    }
}

/// Hears one cell and speaks to the other.
struct Talks<'a, 'b> {
    voice: Voice<'a>,
    observer: &'b mut dyn StepObserver,
    end: Option<&'b str>,
    /// The line of standard error that is being written, as far as it can be the one that tells the end.
    line: Vec<u8>,
}

impl StepObserver for Talks<'_, '_> {
    fn stdout(&mut self, data: &[u8]) {
        self.voice.shared.note(self.voice.party, data);
        self.voice.to.push(data, self.voice.until);
    }

    fn stderr(&mut self, data: &[u8]) {
        let Some(end) = self.end else { return };
        for byte in data {
            match byte {
                b'\n' if self.line.ends_with(end.as_bytes()) => self.voice.shared.note_end(self.voice.party),
                b'\n' => self.line.clear(),
                // What an interactor left without a line end stands before it.
                byte if self.line.len() < 2 * end.len() => self.line.push(*byte),
                byte => {
                    self.line.drain(..=self.line.len() - end.len());
                    self.line.push(*byte);
                }
            }
        }
    }

    fn cancelled(&mut self) -> bool {
        if self.observer.cancelled() {
            self.voice.shared.cancelled.store(true, Ordering::Relaxed);
        }
        self.voice.shared.cancelled.load(Ordering::Relaxed)
    }
}

/// The result without the line that tells the end, which comes last.
fn without_end(mut result: StepResult, end: Option<&str>) -> StepResult {
    let stderr = &mut result.report.stderr.data;
    if let Some(end) = end
        && let Some(rest) = stderr.strip_suffix(format!("{end}\n").as_bytes())
    {
        *stderr = Arc::from(rest);
    }
    result
}

/// Wants nothing, cancels nothing.
struct Nobody;

impl StepObserver for Nobody {
    fn stdout(&mut self, _: &[u8]) {}

    fn stderr(&mut self, _: &[u8]) {}
}

/// What is on its way to one side. Bounded.
#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    data: VecDeque<u8>,
    /// Nothing more will come.
    closed: bool,
    /// Nobody reads any more.
    left: bool,
}

impl Queue {
    /// Adds data, and waits while there is no room; throws away what nobody will read.
    fn push(&self, mut data: &[u8], until: Option<Instant>) {
        let mut state = lock(&self.state);
        while !data.is_empty() && !state.left {
            let room = QUEUE_BYTES_MAX.saturating_sub(state.data.len()).min(data.len());
            if room > 0 {
                state.data.extend(&data[..room]);
                data = &data[room..];
                self.changed.notify_all();
                continue;
            }
            if until.is_none_or(|until| Instant::now() > until) {
                return;
            }
            state = self.changed.wait_timeout(state, LOOK_AGAIN).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
    }

    fn leave(&self) {
        let mut state = lock(&self.state);
        state.left = true;
        state.data.clear();
        self.changed.notify_all();
    }

    /// Writes what comes, to the end. A write that waits for a reader ends when the last reading end is closed, which is when
    /// the reader's cell is gone.
    fn pump(&self, mut pipe: PipeWriter) {
        let mut batch = Vec::new();
        loop {
            let mut state = lock(&self.state);
            while state.data.is_empty() && !state.closed && !state.left {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.left || state.data.is_empty() {
                return;
            }
            batch.clear();
            batch.extend(state.data.drain(..));
            self.changed.notify_all();
            drop(state);
            if pipe.write_all(&batch).is_err() {
                return;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
