//! Two cells joined by pipes: a tenant's program and the author's interactor.
//!
//! ```text
//!  program's cell ──stdout──► its slot's thread ──queue──► pump ──pipe──► interactor's stdin
//!  program's stdin ◄──pipe── pump ◄──queue── its slot's thread ◄──stdout── interactor's cell
//! ```
//!
//! Each cell has a slot and a thread of its own, and what one writes passes through us: the transcript is taken here. When the
//! interactor closes its standard output, the program has its end of input at once, whether that was an end or not; the interactor has it
//! when the program has ended.
//!
//! *Invariants:* the end of a cell has a time, by the kernel's clock, before the pipe to the other one is closed for it, so nobody who
//! reacts to an end seems to have ended before it; cells write to us and not to each other, so nobody ever gets SIGPIPE, and what is
//! said to one who has left is thrown away; queues are bounded, and nobody waits longer for a reader than its own cell may live, so the
//! two threads cannot wait for each other. Whoever is left is ended once nothing follows from it any more.

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
use cupel_sandbox::{Command, Observer, RunError, Slot, Stdin};
use cupel_types::{Bytes, ExitStatus, Outcome, Signal};

use super::{Kept, has_warm_start};

/// How long a cell may take, beyond its wall-clock limit, to be swept.
const SWEEPING: Duration = Duration::from_secs(5);
/// How often somebody who waits for a reader looks whether that makes sense.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// What may lie in a queue before the writer has to wait.
const QUEUE_BYTES_MAX: usize = 1 << 20;
const SIGKILL: Signal = Signal(9);

/// One of the two.
pub(super) struct Side<'a> {
    pub(super) slot: &'a mut Slot,
    pub(super) command: Command,
    pub(super) keep: Bytes,
}

/// How one of the two ended.
struct End {
    result: StepResult,
    /// By the monotonic clock.
    at: Duration,
    /// Whether something was still on its way to it.
    unread: bool,
    /// As the kernel told it, whatever else was still to be done with the cell.
    exit: Option<ExitStatus>,
}

impl End {
    /// Has the report say how it ended, where we ended it because nothing followed from it any more: by SIGKILL, or as it had by itself
    /// a moment before. `true`: it was us.
    fn settle_report(&mut self) -> bool {
        let report = &mut self.result.report;
        if report.outcome != Outcome::Cancelled {
            return false;
        }
        (report.outcome, report.exit_code, report.signal) = match self.exit.unwrap_or(ExitStatus::Signalled(SIGKILL)) {
            ExitStatus::Exited(code) => (Outcome::Exited(code), Some(code), None),
            ExitStatus::Signalled(signal) => (Outcome::Signalled(signal), None, Some(signal.0)),
        };
        self.exit.is_none()
    }
}

/// What all threads know.
struct Shared {
    /// After which of its exit codes the interactor need not hear the program any more.
    settles: fn(i32) -> bool,
    /// Whose end has decided everything, so that the other one may end, too.
    settled_by: Mutex<Option<Party>>,
    cancelled: AtomicBool,
    transcript: Mutex<Transcript>,
}

struct Transcript {
    said: Vec<(Party, Vec<u8>)>,
    room: usize,
}

impl Shared {
    /// Only the first time counts.
    fn settle(&self, party: Party) {
        lock(&self.settled_by).get_or_insert(party);
    }

    /// Whether nothing follows any more from what this one does.
    fn is_over_for(&self, party: Party) -> bool {
        lock(&self.settled_by).is_some_and(|by| by != party)
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
    settles: fn(i32) -> bool,
    observer: &mut dyn StepObserver,
) -> Result<TalkResult, RunError> {
    let (their_input, to_interactor) = pipe()?;
    let (our_input, to_program) = pipe()?;
    let room = usize::try_from(transcript.get()).unwrap_or(usize::MAX);
    let shared = Shared {
        settles,
        settled_by: Mutex::new(None),
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
    let (mut program, mut interactor) = (program?, interactor?);
    let first = if interactor.at < program.at { Party::Interactor } else { Party::Program };
    let unread = interactor.unread || lock(&for_interactor.state).lost;
    let unheard = program.unread;
    let mut settled = false;
    if !shared.cancelled.load(Ordering::Relaxed) {
        settled = program.settle_report();
        interactor.settle_report();
    }
    let transcript = shared.transcript.into_inner().unwrap_or_else(PoisonError::into_inner).said;
    Ok(TalkResult {
        program: program.result,
        interactor: interactor.result,
        first,
        settled,
        unread,
        unheard,
        transcript,
    })
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
    ) -> Result<End, RunError> {
        let Side { slot, mut command, keep } = side;
        command.stdin = Stdin::Descriptor(Arc::new(input));
        command.watch = true;
        let lives = command.limits.wall_time.saturating_add(SWEEPING);
        self.until = Instant::now().checked_add(lives);
        let (party, shared, to) = (self.party, self.shared, self.to);
        let mut nobody = Nobody;
        let mut talks =
            Talks { voice: self, observer, kept: Kept::new(keep, has_warm_start(&command), &mut nobody), exit: None };
        let report = slot.run(&command, &mut talks);
        let Talks { kept, exit, .. } = talks;
        let end =
            report.map(|report| End { at: report.ended, unread: report.stdin_left, exit, result: kept.result(report) });
        match &end {
            Ok(end) if party == Party::Program => match end.result.report.outcome {
                // Whether it was the other one that it waited for, is still to be seen.
                Outcome::Exited(0) | Outcome::IdleLimit | Outcome::WallLimit => {}
                _ => shared.settle(party),
            },
            Ok(_) => {}
            // The other one's result would be nobody's.
            Err(_) => shared.cancelled.store(true, Ordering::Relaxed),
        }
        // In this order: nothing more is read, then nothing more is said.
        ear.leave();
        drop(command);
        to.close();
        end
    }
}

/// Hears one cell and speaks to the other.
struct Talks<'a, 'b> {
    voice: Voice<'a>,
    observer: &'b mut dyn StepObserver,
    kept: Kept<'b>,
    exit: Option<ExitStatus>,
}

impl Observer for Talks<'_, '_> {
    fn stdout(&mut self, data: &[u8]) {
        self.kept.stdout(data);
        self.voice.shared.note(self.voice.party, data);
        self.voice.to.push(data, self.voice.until);
    }

    fn stderr(&mut self, data: &[u8]) {
        self.kept.stderr(data);
        self.observer.stderr(data);
    }

    fn ended(&mut self, exit: ExitStatus) {
        self.exit = Some(exit);
        let Voice { party, shared, .. } = self.voice;
        let settles = match (exit, party) {
            (ExitStatus::Exited(code), Party::Interactor) => (shared.settles)(code),
            (ExitStatus::Exited(code), Party::Program) => code != 0,
            (ExitStatus::Signalled(_), _) => true,
        };
        if settles {
            shared.settle(party);
        }
    }

    /// A program's closing is told only once it has ended: what it does until then is judged before what its interactor makes of silence.
    fn stdout_closed(&mut self) {
        if self.voice.party == Party::Interactor || self.exit.is_some() {
            self.voice.to.close();
        }
    }

    fn cancelled(&mut self) -> bool {
        let Voice { party, shared, .. } = self.voice;
        if self.observer.cancelled() {
            shared.cancelled.store(true, Ordering::Relaxed);
        }
        (self.exit.is_none() && shared.is_over_for(party)) || shared.cancelled.load(Ordering::Relaxed)
    }
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
    /// Something that was said has not been read.
    lost: bool,
}

impl Queue {
    /// Adds data, and waits while there is no room; throws away what nobody will read.
    fn push(&self, mut data: &[u8], until: Option<Instant>) {
        let mut state = lock(&self.state);
        state.lost |= state.left && !data.is_empty();
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
        state.lost |= !state.data.is_empty();
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
                // Nobody can read any more: its cell has ended, or closed its standard input and goes on.
                lock(&self.state).lost = true;
                self.leave();
                return;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
