//! A slot's driver: takes runs, and decides which run uses the slot's executor next.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::task::Poll;
use std::time::{Duration, Instant};

use cupel_core::{Assignment, NextError, QueueError, chain};
use cupel_types::UserId;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::attempt::SlotError;
use crate::compile_turns::Borrower;
use crate::ending::{DRAINS, end, language_label};
use crate::interactive::share_of;
use crate::long::LongTurn;
use crate::shared::Shared;
use crate::slot::{self, Job, SlotExecutor, SlotMessage};
use crate::turns::RUNS_PER_SLOT_MAX;

/// After a run of at most this duration, the slot's next run is leased in advance, during the current one. Otherwise
/// the slot would be idle during each lease request, which takes a large part of the time of such a run.
pub const SHORT_RUN: Duration = Duration::from_millis(20);

/// How long a run leased in advance waits for its intended slot. After that, the first free slot takes it.
const AHEAD_MAX: Duration = Duration::from_millis(50);

/// Pause after a failure of the queue or the store.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// Maximum number of long runs skipped in one search for a run of another owner.
const SKIPPED_MAX: usize = 64;

/// Why a run is given back if no thread can be started for it.
const NO_THREAD: &str = "the worker could not start a thread";

/// How long a run waits until the executor of its interactive slot has been created.
const EXECUTOR_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a slot pauses if no thread can be started.
const NO_THREAD_PAUSE: Duration = Duration::from_secs(1);

/// How long a driver waits at shutdown for the answer to its last lease request. A closed queue answers at once.
const LAST_LEASE: Duration = Duration::from_secs(1);

/// How long the driver waits, after the grace period, for an executor for the runs that wait for their turn.
const LAST_TOOL: Duration = Duration::from_secs(2);

/// A lease request in progress.
type Upcoming<'a> = Pin<Box<dyn Future<Output = Option<Arc<Assignment>>> + Send + 'a>>;

/// Takes runs for one slot and passes them to it; results are written concurrently.
pub(crate) async fn drive(number: usize, shared: Arc<Shared>, shutdown: CancellationToken) {
    let mut driver = Driver::new(number, &shared, &shutdown, Serves::AllRuns);
    driver.work().await;
    driver.end().await;
}

/// Passes live runs to one of the slots that only live runs use. The slot's first run waits for its executor.
pub(crate) async fn drive_interactive(number: usize, shared: Arc<Shared>, shutdown: CancellationToken) {
    let mut driver = Driver::new(number, &shared, &shutdown, Serves::LiveRuns);
    while let Some(assignment) = shared.next_interactive(&shutdown).await {
        let share = share_of(&assignment);
        metrics::gauge!("cupel_worker_interactive_runs").increment(1.0);
        let mut state = driver.run_to_end(assignment).await;
        metrics::gauge!("cupel_worker_interactive_runs").decrement(1.0);
        shared.interactive.release(share);
        // A run that waited because of its owner's share may use another idle slot.
        shared.hand_over_waiting();
        if state == Interactive::LacksExecutor {
            driver.tool = driver.ready().await;
            state = if driver.tool.is_some() { Interactive::Ready } else { Interactive::Stops };
        }
        if state == Interactive::Stops {
            break;
        }
    }
    driver.end().await;
}

/// An interactive slot after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interactive {
    Ready,
    /// A thread continues its attempts to create the executor.
    LacksExecutor,
    /// The slot cannot continue, or the worker shuts down.
    Stops,
}

/// Scheduler of a slot: one run uses the executor, others may wait for their next turn.
///
/// A turn is one or more whole steps of a run. After its turn, a run owes the other runs as much time on this slot as
/// the turn took. While every waiting run owes time, a new run of another owner comes first, if there is one.
/// Otherwise, the waiting run that owes the least time continues. A run with many tests therefore gives way between two
/// tests, and a new run usually waits for one turn only.
struct Driver<'a> {
    number: usize,
    serves: Serves,
    shared: &'a Arc<Shared>,
    shutdown: &'a CancellationToken,
    sender: UnboundedSender<SlotMessage>,
    messages: UnboundedReceiver<SlotMessage>,
    /// The slot's threads: one for each run that has begun, at most [`RUNS_PER_SLOT_MAX`], and one that replaces an
    /// executor that was lent and lost.
    threads: Vec<SyncSender<Job>>,
    /// Indices of the threads without a run.
    free: Vec<usize>,
    /// The executor, unless a thread has it.
    tool: Option<SlotExecutor>,
    /// Runs that have begun and wait for their next turn.
    waiting: VecDeque<Begun>,
    /// Whether the last run was short.
    was_short: bool,
    /// Lease request in progress. It is kept from one turn to the next, because a dropped request gives its run back to
    /// the store, which delays the run.
    upcoming: Option<Upcoming<'a>>,
    /// The run that a lease request yielded while the slot was busy.
    ahead: Option<Arc<Assignment>>,
    /// Slot time that other runs may still have before the slot lends its executor again.
    owes: Duration,
}

/// The runs that a slot takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serves {
    AllRuns,
    /// Only live runs that others hand over. The slot leases no runs, and its time is not charged to the owners.
    LiveRuns,
}

/// A run begun by this slot.
struct Begun {
    assignment: Arc<Assignment>,
    /// Index of the slot's thread that judges it.
    thread: usize,
    at: Timestamp,
    is_long: bool,
    /// Slot time used so far.
    had: Duration,
    /// Length of the last turn, and the slot time that other runs have had since then.
    turn: Duration,
    others_had: Duration,
}

impl Begun {
    fn owner(&self) -> UserId {
        share_of(&self.assignment)
    }

    /// Slot time that other runs may still have before this run's next turn.
    fn owes(&self) -> Duration {
        self.turn.saturating_sub(self.others_had)
    }
}

/// How the executor is used next.
enum NextUse<'a> {
    Run(Next<'a>),
    /// It is lent to a live run, which is compiled.
    Compile(Borrower),
}

/// The run that gets the executor next. A long run also has a permit to occupy a slot.
struct Next<'a> {
    run: NextRun,
    long: Option<LongTurn<'a>>,
}

enum NextRun {
    New(Arc<Assignment>),
    Again(Begun),
}

impl<'a> Next<'a> {
    fn new((assignment, long): Admitted<'a>) -> Next<'a> {
        Next { run: NextRun::New(assignment), long }
    }

    fn again(begun: Begun, long: Option<LongTurn<'a>>) -> Next<'a> {
        Next { run: NextRun::Again(begun), long }
    }
}

/// What a slot without a run that has begun finds.
enum Found<'a> {
    Run(Admitted<'a>),
    /// A live run waits to be compiled.
    ToCompile,
}

/// A run that may begin now. A long run also has a permit to occupy a slot.
type Admitted<'a> = (Arc<Assignment>, Option<LongTurn<'a>>);

impl<'a> Driver<'a> {
    fn new(number: usize, shared: &'a Arc<Shared>, shutdown: &'a CancellationToken, serves: Serves) -> Driver<'a> {
        let (sender, messages) = unbounded_channel();
        Driver {
            number,
            serves,
            shared,
            shutdown,
            sender,
            messages,
            threads: Vec::new(),
            free: Vec::new(),
            tool: None,
            waiting: VecDeque::new(),
            was_short: false,
            upcoming: None,
            ahead: None,
            owes: Duration::ZERO,
        }
    }

    /// Gives back every taken run that will not be judged. A lease request in progress ends with the shutdown. Without
    /// a shutdown, dropping the request gives the run back.
    async fn end(self) {
        let Driver { shared, shutdown, upcoming, ahead, waiting, threads, .. } = self;
        // Dropping their job queues ends the threads whose runs wait for a turn.
        drop(threads);
        let late = match upcoming {
            Some(upcoming) if shutdown.is_cancelled() => upcoming.await,
            _ => None,
        };
        for unfinished in ahead.into_iter().chain(late).chain(waiting.into_iter().map(|begun| begun.assignment)) {
            shared.give_back_unfinished(unfinished, DRAINS);
        }
    }

    /// Runs one run, which has this slot for itself until it ends. Returns `false` if the slot cannot continue.
    async fn run_to_end(&mut self, assignment: Arc<Assignment>) -> Interactive {
        let shared = self.shared;
        shared.leases().hold(&assignment.leased);
        if self.threads.is_empty() && !self.build() {
            shared.give_back_unfinished(assignment, NO_THREAD);
            tokio::time::sleep(NO_THREAD_PAUSE).await;
            return Interactive::Ready;
        }
        let tool = match tokio::time::timeout(EXECUTOR_WAIT_MAX, self.ready()).await {
            Ok(Some(tool)) => tool,
            // The worker is shutting down.
            Ok(None) => {
                self.ahead = Some(assignment);
                return Interactive::Stops;
            }
            // The thread continues its attempts to create the executor. Until it has one, this slot takes no other run.
            Err(_) => {
                shared.give_back_unfinished(assignment, "the worker could not create an executor in time");
                return Interactive::LacksExecutor;
            }
        };
        let mut goes_on = self.give_turn(Next::new((assignment, None)), tool).await;
        while goes_on && !self.waiting.is_empty() {
            let Some(tool) = self.ready().await else { return Interactive::Stops };
            if let Some(begun) = self.waiting.pop_front() {
                goes_on = self.give_turn(Next::again(begun, None), tool).await;
            }
        }
        if goes_on { Interactive::Ready } else { Interactive::Stops }
    }

    /// Lets a thread create the executor. Returns `false` if there is no thread.
    fn build(&mut self) -> bool {
        let Some(first) = self.thread() else { return false };
        if self.threads[first].try_send(Job::Build).is_err() {
            return false;
        }
        self.free.push(first);
        true
    }

    /// Lets a thread create the executor. If the machine cannot start a thread, tries again until it can. Otherwise,
    /// the slot would be unused until the worker is restarted. Returns `false` if the worker shuts down first.
    async fn build_at_last(&mut self) -> bool {
        while !self.build() {
            if self.shutdown.is_cancelled() {
                return false;
            }
            tokio::time::sleep(NO_THREAD_PAUSE).await;
        }
        true
    }

    async fn work(&mut self) {
        let mut state = SlotState::enter("starting");
        if !self.build_at_last().await {
            return;
        }
        loop {
            let Some(tool) = self.ready().await else { return };
            state.change("idle");
            let Some(next) = self.next().await else { return };
            state.change("busy");
            self.shared.busy.fetch_add(1, Ordering::Relaxed);
            let goes_on = match next {
                NextUse::Run(next) => self.give_turn(next, tool).await,
                NextUse::Compile(borrower) => self.lend(borrower, tool).await,
            };
            self.shared.busy.fetch_sub(1, Ordering::Relaxed);
            state.change("starting");
            if !goes_on {
                return;
            }
        }
    }

    /// Returns a thread without a run; starts one if needed.
    fn thread(&mut self) -> Option<usize> {
        if let Some(thread) = self.free.pop() {
            return Some(thread);
        }
        let (number, shared, sender) = (self.number, Arc::clone(self.shared), self.sender.clone());
        let borrows = self.serves == Serves::LiveRuns;
        let (jobs, taken) = sync_channel(1);
        let runtime = Handle::current();
        let thread = std::thread::Builder::new().name(format!("slot-{number}"));
        match thread.spawn(move || slot::run(number, &shared.parts, borrows, &runtime, taken, sender)) {
            Ok(_) => {
                self.threads.push(jobs);
                Some(self.threads.len() - 1)
            }
            Err(error) => {
                tracing::error!(slot = number, %error, "cannot start a thread of slot {number}");
                None
            }
        }
    }

    /// Returns the executor. `None`: the worker is shutting down, or the thread that creates the executor has ended. At
    /// shutdown, a slot whose executor is still being created ends without a run; runs that have begun may finish.
    async fn ready(&mut self) -> Option<SlotExecutor> {
        if let Some(tool) = self.tool.take() {
            return Some(tool);
        }
        let (shared, shutdown, is_empty) = (self.shared, self.shutdown, self.waiting.is_empty());
        let gone = async {
            shutdown.cancelled().await;
            if !is_empty {
                shared.over.cancelled().await;
                tokio::time::sleep(LAST_TOOL).await;
            }
        };
        tokio::select! {
            biased;
            () = gone => None,
            message = self.next_message() => match message {
                Some(SlotMessage::Ready(tool)) => Some(tool),
                _ => None,
            },
        }
    }

    async fn next(&mut self) -> Option<NextUse<'a>> {
        let shared = self.shared;
        loop {
            // A run whose result is no longer needed gets the next turn, so that it ends.
            let unwanted = self.waiting.iter().position(|begun| begun.assignment.stop.is_raised());
            if let Some(begun) = unwanted.and_then(|at| self.waiting.remove(at)) {
                return Some(NextUse::Run(Next::again(begun, None)));
            }
            let crowding = shared.turns.crowding();
            if let Some(borrower) = shared.parts.compile_turns.take(&crowding) {
                return Some(self.compile_or_run(borrower, crowding).await);
            }
            if self.waiting.is_empty() {
                match self.next_new().await? {
                    Found::Run(admitted) => return Some(NextUse::Run(Next::new(admitted))),
                    Found::ToCompile => continue,
                }
            }
            let may_begin = self.may_begin();
            let owes = self.waiting.iter().map(Begun::owes).min().unwrap_or_default();
            if may_begin && !owes.is_zero() {
                let mut not = shared.turns.crowding();
                not.extend(self.waiting.iter().map(Begun::owner));
                if let Some(admitted) = self.take_other(&not).await {
                    return Some(NextUse::Run(Next::new(admitted)));
                }
            }
            if let Some(next) = self.take_begun() {
                return Some(NextUse::Run(next));
            }
            // Only long runs are waiting here, and every slot that long runs may use is in use.
            let stops: Vec<_> = self.waiting.iter().map(|begun| Arc::clone(&begun.assignment.stop)).collect();
            let mut stopped: Vec<_> = stops.iter().map(|stop| Box::pin(stop.raised())).collect();
            let shutdown = self.shutdown;
            tokio::select! {
                biased;
                () = poll_fn(|context| match stopped.iter_mut().any(|stop| stop.as_mut().poll(context).is_ready()) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }) => {}
                () = shutdown.cancelled() => {}
                long = shared.long.begin() => {
                    if let Some(begun) = self.take_waiting(true) {
                        return Some(NextUse::Run(Next::again(begun, Some(long))));
                    }
                }
                found = self.next_new(), if may_begin => {
                    if let Some(Found::Run(admitted)) = found {
                        return Some(NextUse::Run(Next::new(admitted)));
                    }
                }
                () = shared.parts.compile_turns.changed(), if !may_begin => {}
            }
        }
    }

    /// Takes the waiting run that owes the least time: a long run only if another one may use a slot.
    fn take_begun(&mut self) -> Option<Next<'a>> {
        // At shutdown no more short runs arrive, so long runs may use every slot.
        let long = if self.shutdown.is_cancelled() { None } else { self.shared.long.try_turn() };
        let begun = self.take_waiting(long.is_some() || self.shutdown.is_cancelled())?;
        let long = long.filter(|_| begun.is_long);
        Some(Next::again(begun, long))
    }

    /// Takes the waiting run that owes the least time. If `may_long` is false, only short runs are considered.
    fn take_waiting(&mut self, may_long: bool) -> Option<Begun> {
        let waiting = self.waiting.iter().enumerate().filter(|(_, begun)| may_long || !begun.is_long);
        let (at, _) = waiting.min_by_key(|(_, begun)| begun.owes())?;
        self.waiting.remove(at)
    }

    /// Returns a new run, or that a live run waits to be compiled. `None` at shutdown.
    async fn next_new(&mut self) -> Option<Found<'a>> {
        let (shared, shutdown) = (self.shared, self.shutdown);
        loop {
            // While runs of other owners wait, an owner that has its share of the slots gets no further slot.
            let crowding = shared.turns.crowding();
            if !crowding.is_empty()
                && let Some(admitted) = self.take_other(&crowding).await
            {
                return Some(Found::Run(admitted));
            }
            let may_begin_long = self.may_begin_long();
            let assignment = match self.ahead.take() {
                Some(assignment) => assignment,
                None => {
                    let upcoming = self.upcoming.get_or_insert_with(|| Box::pin(next(shared, shutdown)));
                    tokio::select! {
                        biased;
                        spare = shared.spare() => spare,
                        // A lease request in progress ends in `drive`.
                        () = shutdown.cancelled() => return None,
                        (assignment, long) = shared.long.next(), if may_begin_long => {
                            return Some(Found::Run((assignment, Some(long))));
                        }
                        () = shared.parts.compile_turns.changed() => return Some(Found::ToCompile),
                        assignment = upcoming => {
                            self.upcoming = None;
                            assignment?
                        }
                    }
                }
            };
            if let Some(admitted) = self.admit(assignment) {
                return Some(Found::Run(admitted));
            }
        }
    }

    /// Takes a run that may begin and whose owner is not in `not`, if one is available at once.
    async fn take_other(&mut self, not: &[UserId]) -> Option<Admitted<'a>> {
        let suits = |assignment: &Arc<Assignment>| !not.contains(&share_of(assignment));
        let shared = self.shared;
        if self.may_begin_long()
            && let Some((assignment, long)) = shared.long.try_next(suits)
        {
            return Some((assignment, Some(long)));
        }
        // Long runs that may not begin now are skipped. A run that was given back to the store is not offered again for
        // a while.
        for _ in 0..SKIPPED_MAX {
            let assignment = match self.ahead.take_if(|assignment| suits(assignment)) {
                Some(assignment) => assignment,
                None => match shared.take_spare_of(suits) {
                    Some(assignment) => assignment,
                    None => self.lease_other(not).await?,
                },
            };
            if let Some(admitted) = self.admit(assignment) {
                return Some(admitted);
            }
        }
        None
    }

    /// Leases a run of an owner not in `not`, if the queue has one.
    async fn lease_other(&mut self, not: &[UserId]) -> Option<Arc<Assignment>> {
        let shared = self.shared;
        if *shared.is_paused.borrow() || self.shutdown.is_cancelled() {
            return None;
        }
        let _room = shared.completions.try_acquire().ok()?;
        match shared.parts.core.next_run_of_others(shared.id, not).await {
            Ok(assignment) => assignment.map(Arc::new),
            Err(error) => {
                tracing::debug!(error = chain(&error), "cannot query the queue for runs of other owners");
                None
            }
        }
    }

    /// What comes next if this live run waits to be compiled: first another owner's run, if there is one and the slot
    /// owes time, or the live run's owner has its share of the slots.
    async fn compile_or_run(&mut self, borrower: Borrower, crowding: Vec<UserId>) -> NextUse<'a> {
        if self.owes.is_zero() && !crowding.contains(&borrower.share()) {
            return NextUse::Compile(borrower);
        }
        let mut not = crowding;
        not.push(borrower.share());
        let other = match self.may_begin() {
            true => self.take_other(&not).await.map(Next::new),
            false => None,
        };
        match other.or_else(|| self.take_begun()) {
            Some(next) => {
                self.shared.parts.compile_turns.put_back(borrower);
                NextUse::Run(next)
            }
            None => NextUse::Compile(borrower),
        }
    }

    /// Lends the executor to a live run, which is compiled. Returns `false` if the slot cannot continue.
    async fn lend(&mut self, borrower: Borrower, tool: SlotExecutor) -> bool {
        let (shared, share) = (self.shared, borrower.share());
        let returned = match shared.parts.compile_turns.lend(borrower, tool) {
            Ok(returned) => returned,
            Err(tool) => {
                self.tool = Some(tool);
                return true;
            }
        };
        let began = Instant::now();
        let _turn = shared.turns.begin(self.number, share);
        self.tool = lease_until(returned, shared, &mut self.upcoming, &mut self.ahead).await.ok();
        let took = began.elapsed();
        shared.parts.core.used(share, took);
        for other in &mut self.waiting {
            other.others_had += took;
        }
        self.owes = took;
        // The executor was lost with the thread of the live run, or failed.
        self.tool.is_some() || self.build_at_last().await
    }

    /// Whether this slot can hold another run that has begun.
    fn may_begin(&self) -> bool {
        self.waiting.len() < RUNS_PER_SLOT_MAX && !self.shutdown.is_cancelled()
    }

    /// Whether this slot can hold another long run. One of the slot's places is reserved for a short run.
    fn may_begin_long(&self) -> bool {
        self.waiting.iter().filter(|begun| begun.is_long).count() + 1 < RUNS_PER_SLOT_MAX
    }

    /// Returns the run if it may begin now. A long run that may not begin is set aside.
    fn admit(&self, assignment: Arc<Assignment>) -> Option<Admitted<'a>> {
        let shared = self.shared;
        if !shared.is_long(&assignment) {
            return Some((assignment, None));
        }
        let assignment = shared.hand_over(assignment)?;
        if self.may_begin_long()
            && let Some(long) = shared.long.try_begin(&assignment)
        {
            return Some((assignment, Some(long)));
        }
        shared.let_wait(assignment);
        None
    }

    /// Gives a run the executor until it ends or yields. Returns `false` if the slot cannot continue.
    async fn give_turn(&mut self, next: Next<'a>, tool: SlotExecutor) -> bool {
        let (shared, shutdown) = (self.shared, self.shutdown);
        // Holds the permit until the end of the turn.
        let Next { run, long: _long } = next;
        let (mut begun, job) = match run {
            NextRun::Again(begun) => (begun, Job::Continue(tool)),
            NextRun::New(assignment) => {
                let leased = &assignment.leased;
                shared.leases().hold(leased);
                let Some(thread) = self.thread() else {
                    // The machine cannot start another thread at the moment. Give the run back for other workers, and
                    // continue with this slot after a pause.
                    shared.give_back_unfinished(assignment, NO_THREAD);
                    self.tool = Some(tool);
                    tokio::time::sleep(NO_THREAD_PAUSE).await;
                    return true;
                };
                let at = shared.parts.core.now();
                let nothing = Duration::ZERO;
                let job = Job::Judge(Arc::clone(&assignment), tool);
                let is_long = shared.is_long(&assignment);
                (Begun { assignment, thread, at, is_long, had: nothing, turn: nothing, others_had: nothing }, job)
            }
        };
        let takes_ahead = self.was_short && self.serves == Serves::AllRuns;
        if takes_ahead && self.waiting.is_empty() && self.ahead.is_none() && !shutdown.is_cancelled() {
            self.upcoming.get_or_insert_with(|| Box::pin(self::next(shared, shutdown)));
        }
        let began = Instant::now();
        let _turn = shared.turns.begin(self.number, begun.owner());
        // The thread waits for a job, so its queue of one is empty.
        let message = match self.threads[begun.thread].try_send(job) {
            Ok(()) => self.next_message().await,
            Err(_) => None,
        };
        let took = began.elapsed();
        if self.serves == Serves::AllRuns {
            shared.parts.core.used(begun.owner(), took);
        }
        for other in &mut self.waiting {
            other.others_had += took;
        }
        begun.had += took;
        self.owes = self.owes.saturating_sub(took);
        // Without the time that the run has waited for another slot to compile it.
        let mut ran = begun.had;
        let result = match message {
            Some(SlotMessage::Yields(tool)) => {
                self.tool = Some(tool);
                self.was_short = false;
                (begun.turn, begun.others_had) = (took, Duration::ZERO);
                self.waiting.push_back(begun);
                return true;
            }
            Some(SlotMessage::Done(result, waited_for_loan)) => {
                ran = ran.saturating_sub(waited_for_loan);
                Some(*result)
            }
            // The run's thread has ended, and the executor is lost with the thread.
            Some(SlotMessage::Ready(_) | SlotMessage::Gone) | None => None,
        };
        let goes_on = result.is_some();
        let result = result.unwrap_or(Err(SlotError::Panic));
        let submission = &begun.assignment.leased.submission;
        metrics::histogram!("cupel_run_duration_seconds", "language" => language_label(submission)).record(ran);
        self.was_short = result.is_ok() && begun.had <= self.shared.short_run;
        self.free.push(begun.thread);
        shared.tracker.spawn(end(Arc::clone(shared), begun.assignment, begun.at, result));
        goes_on
    }

    /// Waits for the slot's next message. A lease request in progress continues meanwhile.
    async fn next_message(&mut self) -> Option<SlotMessage> {
        let Driver { shared, messages, upcoming, ahead, .. } = self;
        lease_until(messages.recv(), shared, upcoming, ahead).await
    }
}

/// Waits for this event. Meanwhile it polls the lease request in progress: the request holds a place in the queue, and
/// would block other slots if it were not polled. If the request yields a run, this slot keeps the run for
/// [`AHEAD_MAX`]; after that, other slots may take it.
async fn lease_until<T>(
    event: impl Future<Output = T>,
    shared: &Arc<Shared>,
    upcoming: &mut Option<Upcoming<'_>>,
    ahead: &mut Option<Arc<Assignment>>,
) -> T {
    let mut event = pin!(event);
    loop {
        tokio::select! {
            biased;
            result = event.as_mut() => return result,
            assignment = poll_fn(|context| match upcoming {
                Some(upcoming) => upcoming.as_mut().poll(context),
                None => Poll::Pending,
            }) => {
                *upcoming = None;
                if let Some(assignment) = &assignment {
                    shared.leases().hold(&assignment.leased);
                }
                // An interactive slot may run a live run at once.
                *ahead = assignment.and_then(|assignment| shared.hand_over(assignment));
            }
            () = tokio::time::sleep(AHEAD_MAX), if ahead.is_some() => {
                ahead.take().into_iter().for_each(|assignment| shared.offer(assignment));
            }
        }
    }
}

/// Waits for the next attempt and for space for its result. Returns `None` at shutdown.
async fn next(shared: &Arc<Shared>, shutdown: &CancellationToken) -> Option<Arc<Assignment>> {
    let mut pause = shared.is_paused.subscribe();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            () = until(&mut pause, false) => {}
        }
        let mut assignment = pin!(async {
            // The semaphore is never closed.
            let _room = shared.completions.acquire().await;
            shared.parts.core.next_run(shared.id).await
        });
        let result = tokio::select! {
            biased;
            () = shutdown.cancelled() => {
                // The queue may be granting a lease at this moment. Wait for the lease, so that its run is returned
                // before the worker ends.
                if let Ok(Ok(unstarted)) = tokio::time::timeout(LAST_LEASE, assignment).await {
                    shared.give_back_unfinished(Arc::new(unstarted), DRAINS);
                }
                return None;
            }
            // Dropping a lease request in progress gives the run back.
            () = until(&mut pause, true) => continue,
            result = assignment.as_mut() => result,
        };
        match result {
            Ok(assignment) => return Some(Arc::new(assignment)),
            Err(error) => {
                if !matches!(error, NextError::Queue(QueueError::Closed)) {
                    tracing::warn!(error = chain(&error), "cannot take a run");
                }
                tokio::select! {
                    () = shutdown.cancelled() => return None,
                    () = tokio::time::sleep(FAILURE_PAUSE) => {}
                }
            }
        }
    }
}

/// Waits until the worker's paused state equals `wanted`.
async fn until(pause: &mut watch::Receiver<bool>, wanted: bool) {
    // The sender exists as long as the worker, so this never fails.
    drop(pause.wait_for(|is_paused| *is_paused == wanted).await);
}

/// Keeps the gauge of slots by state correct, even when a driver ends.
struct SlotState(&'static str);

impl SlotState {
    fn enter(state: &'static str) -> SlotState {
        metrics::gauge!("cupel_worker_slots", "state" => state).increment(1.0);
        SlotState(state)
    }

    fn change(&mut self, state: &'static str) {
        *self = SlotState::enter(state);
    }
}

impl Drop for SlotState {
    fn drop(&mut self) {
        metrics::gauge!("cupel_worker_slots", "state" => self.0).decrement(1.0);
    }
}
