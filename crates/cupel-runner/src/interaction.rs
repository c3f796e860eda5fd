//! Runs two cells joined by pipes: a tenant's program and the author's interactor.
//!
//! ```text
//!  program's cell ──stdout──► its slot's thread ──queue──► pump ──pipe──► interactor's stdin
//!  program's stdin ◄──pipe── pump ◄──queue── its slot's thread ◄──stdout── interactor's cell
//! ```
//!
//! Each cell has its own slot or container, and its own thread. This process forwards the output of each cell to the
//! other cell and records the transcript. When the interactor closes its standard output, the program's input ends at
//! once, even if the interactor still runs. When the program has ended, the interactor's input ends.
//!
//! *Invariants:*
//! - The time of a cell's end comes from the kernel's clock, and is recorded before the pipe to the other cell is
//!   closed. So a cell that reacts to the other's end never appears to have ended first.
//! - Cells write to this process, not to each other. So no cell gets SIGPIPE, and data for a cell that has ended is
//!   discarded.
//! - Queues are bounded, and no thread waits longer for a reader than its own cell may live, so the two threads cannot
//!   deadlock. This process ends a remaining cell once that cell can no longer change the result.

use std::collections::VecDeque;
use std::fs::{File, Permissions};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cupel_judge::{InteractionResult, Party, StepObserver, StepResult};
use cupel_sandbox::{Command, Observer, Stdin};
use cupel_types::{Bytes, ExitStatus, Outcome, Signal};

use crate::cell::{CellError, CellFactory};
use crate::output::{OutputCapture, has_warm_start};

/// Maximum time for the clean-up of a cell, beyond its wall-clock limit.
const SWEEPING: Duration = Duration::from_secs(5);
/// Interval at which a thread that waits for a reader checks its deadline.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Maximum bytes in a queue. When the queue is full, the writer waits.
const QUEUE_BYTES_MAX: usize = 1 << 20;

/// The cell and the command of the program or of the interactor.
pub(crate) struct Participant<'a> {
    pub(crate) cell: &'a mut dyn CellFactory,
    pub(crate) command: Command,
    pub(crate) keep: Bytes,
}

/// How a cell ended.
struct End {
    result: StepResult,
    /// Time of the end, on the monotonic clock.
    at: Duration,
    /// Whether the cell left input unread.
    unread: bool,
    /// Exit status from the kernel, independent of the clean-up of the cell.
    exit: Option<ExitStatus>,
}

impl End {
    /// Corrects the report of a cell that this process killed early, because the result of the conversation was already
    /// decided. Either SIGKILL ended the cell, or the cell had exited shortly before. Returns `true` in the first case.
    fn settle_report(&mut self) -> bool {
        let report = &mut self.result.report;
        if report.outcome != Outcome::Cancelled {
            return false;
        }
        (report.outcome, report.exit_code, report.signal) =
            match self.exit.unwrap_or(ExitStatus::Signalled(Signal::KILL)) {
                ExitStatus::Exited(code) => (Outcome::Exited(code), Some(code), None),
                ExitStatus::Signalled(signal) => (Outcome::Signalled(signal), None, Some(signal.0)),
            };
        self.exit.is_none()
    }
}

/// State shared by all threads.
struct Shared {
    /// Whether the interactor's exit code decides the result, so that the rest of the program's output is not needed.
    settles: fn(i32) -> bool,
    /// The party whose end decided the result. This process may then kill the other party.
    settled_by: Mutex<Option<Party>>,
    cancelled: AtomicBool,
    transcript: Mutex<Transcript>,
}

struct Transcript {
    messages: Vec<(Party, Vec<u8>)>,
    room: usize,
}

impl Shared {
    /// Records the party whose end decided the result. Only the first call has an effect.
    fn settle(&self, party: Party) {
        lock(&self.settled_by).get_or_insert(party);
    }

    /// Whether this party can no longer change the result.
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
        match transcript.messages.last_mut() {
            Some((last, text)) if *last == party => text.extend_from_slice(kept),
            _ => transcript.messages.push((party, kept.to_vec())),
        }
    }
}

/// Runs both cells to their ends.
pub(crate) fn run(
    program: Participant<'_>,
    interactor: Participant<'_>,
    transcript: Bytes,
    settles: fn(i32) -> bool,
    observer: &mut dyn StepObserver,
) -> Result<InteractionResult, CellError> {
    let (their_input, to_interactor) = pipe()?;
    let (our_input, to_program) = pipe()?;
    let room = usize::try_from(transcript.get()).unwrap_or(usize::MAX);
    let shared = Shared {
        settles,
        settled_by: Mutex::new(None),
        cancelled: AtomicBool::new(false),
        transcript: Mutex::new(Transcript { messages: Vec::new(), room }),
    };
    let (for_interactor, for_program) = (Queue::default(), Queue::default());
    let (program, interactor) = thread::scope(|scope| {
        let (shared, for_interactor, for_program) = (&shared, &for_interactor, &for_program);
        let start = || -> io::Result<_> {
            thread::Builder::new().spawn_scoped(scope, move || for_interactor.pump(to_interactor))?;
            thread::Builder::new().spawn_scoped(scope, move || for_program.pump(to_program))?;
            thread::Builder::new().spawn_scoped(scope, move || {
                let mut nobody = Nobody;
                let run = PartyRun { party: Party::Interactor, shared, to: for_program, until: None };
                run.run(interactor, their_input, for_interactor, &mut nobody)
            })
        };
        let interactor = start().inspect_err(|_| {
            // The threads that have started wait for data. The scope ends only after they have ended.
            for_interactor.leave();
            for_program.leave();
        })?;
        let run = PartyRun { party: Party::Program, shared, to: for_interactor, until: None };
        let program = run.run(program, our_input, for_program, observer);
        Ok::<_, CellError>((program, interactor.join()))
    })?;
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
    let transcript = shared.transcript.into_inner().unwrap_or_else(PoisonError::into_inner).messages;
    Ok(InteractionResult {
        program: program.result,
        interactor: interactor.result,
        first,
        settled,
        unread,
        unheard,
        transcript,
    })
}

/// Pipe that the program of a cell may reopen by name (`/dev/stdin`).
fn pipe() -> io::Result<(OwnedFd, PipeWriter)> {
    let (reader, writer): (PipeReader, _) = io::pipe()?;
    let reader = File::from(OwnedFd::from(reader));
    reader.set_permissions(Permissions::from_mode(0o666))?;
    Ok((reader.into(), writer))
}

/// The run of one party, and the input queue of the other party, to which its output goes.
#[derive(Clone, Copy)]
struct PartyRun<'a> {
    party: Party,
    shared: &'a Shared,
    to: &'a Queue,
    until: Option<Instant>,
}

impl<'a> PartyRun<'a> {
    /// Runs a cell. `incoming` is the queue for the cell's standard input.
    fn run(
        mut self,
        participant: Participant<'_>,
        input: OwnedFd,
        incoming: &Queue,
        observer: &mut dyn StepObserver,
    ) -> Result<End, CellError> {
        let Participant { cell, mut command, keep } = participant;
        command.stdin = Stdin::Descriptor(Arc::new(input));
        command.watch = true;
        let lives = command.limits.wall_time.saturating_add(SWEEPING);
        self.until = Instant::now().checked_add(lives);
        let (party, shared, to) = (self.party, self.shared, self.to);
        let mut nobody = Nobody;
        let mut party_observer = PartyObserver {
            run: self,
            observer,
            kept: OutputCapture::new(keep, has_warm_start(&command), &mut nobody),
            exit: None,
        };
        let report = cell.run(&command, &mut party_observer);
        let PartyObserver { kept, exit, .. } = party_observer;
        let end =
            report.map(|report| End { at: report.ended, unread: report.stdin_left, exit, result: kept.result(report) });
        match &end {
            Ok(end) if party == Party::Program => match end.result.report.outcome {
                // The interactor's end will show whether the program waited for it.
                Outcome::Exited(0) | Outcome::IdleLimit | Outcome::WallLimit => {}
                _ => shared.settle(party),
            },
            Ok(_) => {}
            // The whole conversation has failed, so the other cell's result is not needed.
            Err(_) => shared.cancelled.store(true, Ordering::Relaxed),
        }
        // The order matters: this cell stops reading before the other cell gets its end of input.
        incoming.leave();
        drop(command);
        to.close();
        end
    }
}

/// Observer of one cell that forwards the cell's output to the other cell.
struct PartyObserver<'a, 'b> {
    run: PartyRun<'a>,
    observer: &'b mut dyn StepObserver,
    kept: OutputCapture<'b>,
    exit: Option<ExitStatus>,
}

impl Observer for PartyObserver<'_, '_> {
    fn stdout(&mut self, data: &[u8]) {
        self.kept.stdout(data);
        let PartyRun { party, shared, to, until } = self.run;
        shared.note(party, data);
        to.push(data, until, &mut || self.cancelled() || shared.is_over_for(party));
    }

    fn stderr(&mut self, data: &[u8]) {
        self.kept.stderr(data);
        self.observer.stderr(data);
    }

    fn ended(&mut self, exit: ExitStatus) {
        self.exit = Some(exit);
        let PartyRun { party, shared, .. } = self.run;
        let settles = match (exit, party) {
            (ExitStatus::Exited(code), Party::Interactor) => (shared.settles)(code),
            (ExitStatus::Exited(code), Party::Program) => code != 0,
            (ExitStatus::Signalled(_), _) => true,
        };
        if settles {
            shared.settle(party);
        }
    }

    /// The end of a program's output is forwarded only after the program has ended. So the program's own end is
    /// recorded before the interactor can react to the end of its input.
    fn stdout_closed(&mut self) {
        if self.run.party == Party::Interactor || self.exit.is_some() {
            self.run.to.close();
        }
    }

    fn cancelled(&mut self) -> bool {
        let PartyRun { party, shared, .. } = self.run;
        if self.observer.cancelled() {
            shared.cancelled.store(true, Ordering::Relaxed);
        }
        (self.exit.is_none() && shared.is_over_for(party)) || shared.cancelled.load(Ordering::Relaxed)
    }
}

/// Observer that ignores output and never cancels.
struct Nobody;

impl StepObserver for Nobody {
    fn stdout(&mut self, _: &[u8]) {}

    fn stderr(&mut self, _: &[u8]) {}
}

/// Bounded queue of data for one party.
#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    data: VecDeque<u8>,
    /// Whether the writer has closed the queue.
    closed: bool,
    /// Whether the reader has ended.
    left: bool,
    /// Whether some data was not read.
    lost: bool,
}

impl Queue {
    /// Appends data and waits while the queue is full. Discards data if the reader has ended, and when the data is no
    /// longer needed (`is_over`, which is asked while this thread waits).
    fn push(&self, mut data: &[u8], until: Option<Instant>, is_over: &mut dyn FnMut() -> bool) {
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
            let (again, waited) = self.changed.wait_timeout(state, LOOK_AGAIN).unwrap_or_else(PoisonError::into_inner);
            state = again;
            if waited.timed_out() {
                // The answer may take time, and the other threads need the queue.
                drop(state);
                let is_over = is_over();
                state = lock(&self.state);
                if is_over {
                    state.lost = true;
                    return;
                }
            }
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

    /// Writes the queued data to the pipe until the queue is closed. A write that blocks ends when the last reading end
    /// is closed, at the end of the reader's cell.
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
                // The reader's cell has ended, or has closed its standard input and continues.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Cancels at once if this is `true`.
    struct Client(bool);

    impl StepObserver for Client {
        fn stdout(&mut self, _: &[u8]) {}

        fn stderr(&mut self, _: &[u8]) {}

        fn cancelled(&mut self) -> bool {
            self.0
        }
    }

    #[test]
    fn output_that_waits_for_the_interactor_hides_neither_a_cancellation_nor_the_end_of_the_conversation() {
        for cancels in [true, false] {
            let shared = Shared {
                settles: |_| true,
                settled_by: Mutex::new((!cancels).then_some(Party::Interactor)),
                cancelled: AtomicBool::new(false),
                transcript: Mutex::new(Transcript { messages: Vec::new(), room: 0 }),
            };
            let (to, mut client, mut nobody) = (Queue::default(), Client(cancels), Nobody);
            let until = Instant::now() + Duration::from_secs(60);
            let run = PartyRun { party: Party::Program, shared: &shared, to: &to, until: Some(until) };
            let kept = OutputCapture::new(Bytes::ZERO, false, &mut nobody);
            let mut program = PartyObserver { run, observer: &mut client, kept, exit: None };
            // The interactor reads nothing.
            program.stdout(&vec![b'x'; QUEUE_BYTES_MAX + 1]);
            assert!(Instant::now() < until, "it waited for the interactor");
            assert_eq!((shared.cancelled.load(Ordering::Relaxed), lock(&to.state).lost), (cancels, true));
        }
    }
}
