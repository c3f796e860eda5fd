//! Compilers that stay: started on first use of their language, kept warm, asked before the command line is.
//!
//! ```text
//!            first use             samples compiled               asked
//!   nobody ────────────► starting ─────────────────► ready ◄──────────────────► busy
//!      ▲                    │ unfit, does not start    │ unused, worn out, other user │ no answer
//!      └──── resting ◄──────┴──────────────────────────┴──────────────────────────────┘
//! ```
//!
//! Invariants: nothing here is a run's failure or its limit. Whatever is odd (no answer in time, one that does not read, a
//! limit met) is no answer, and the command line tells what is the case. One compiler per language at most; while it
//! works, a slot waits for it, so there are never more programs than slots. A compiler serves one user, and is made
//! anew for the next, unless the configuration says that all users may share it: its memory outlives a compilation.
//! No run waits for one to start.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use cupel_core::chain;
use cupel_judge::{StepObserver, StepResult, WarmInput};
use cupel_languages::{Answer, CompileService, Language, Placeholders, question};
use cupel_sandbox::{RequestLimits, ServiceCell, ServiceCommand, ServiceError};
use cupel_types::{BoxFile, BoxFiles, Bytes, LanguageId, Limits, Outcome, Output, StepReport, Usage, UserId, Verdict};

use crate::executor::{ARTIFACTS_MAX, LocalSandbox};

/// Who may be served by the same compiler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nobody: every compilation is a command of its own.
    #[default]
    Off,
    /// One user at a time; for another one it is made anew.
    PerUser,
    /// All users.
    Shared,
}

/// How long a compilation may take before the command line, which has all the time of its limits, does it instead.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long a compiler may take to start and to compile its first sample.
const START_MAX: Duration = Duration::from_secs(60);
/// Longest answer: what a compiler makes of a source, with room to spare.
const ANSWER_BYTES_MAX: Bytes = Bytes::mib(32);
/// How long a run waits for a compiler that compiles something else of the same user's.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long a compiler is its user's after the last compilation, whoever else would like one.
const HOLD: Duration = Duration::from_secs(10);
/// After how long without work a compiler ends.
const IDLE_MAX: Duration = Duration::from_secs(600);
/// How long there is no compiler after one failed, and after one proved unfit.
const REST: Duration = Duration::from_secs(5);
const REST_OF_THE_UNFIT: Duration = Duration::from_secs(3600);
/// While all slots are busy, the samples that make a compiler fast are compiled at this pace.
const PACE: Duration = Duration::from_millis(100);
const PACE_LOOK: Duration = Duration::from_millis(5);

/// The compilers of a sandbox.
pub(crate) struct Compilers {
    sharing: Sharing,
    seats: Arc<Seats>,
}

#[derive(Default)]
struct Seats {
    all: Mutex<All>,
    changed: Condvar,
}

#[derive(Default)]
struct All {
    by_language: HashMap<LanguageId, Seat>,
    /// Tells a compiler's keeper whether the seat is still its own.
    generation: u64,
    stopped: bool,
}

struct Seat {
    generation: u64,
    state: State,
}

enum State {
    Starting,
    Ready { compiler: Compiler, since: Instant },
    Busy { owner: Option<UserId> },
    Resting { until: Instant },
}

struct Compiler {
    cell: ServiceCell,
    /// Whom it has served; `None`: nobody yet.
    owner: Option<UserId>,
    requests: u32,
}

/// Why a compiler cannot be used.
#[derive(Debug, thiserror::Error)]
enum UnfitError {
    #[error("there is no sandbox to start it in")]
    NoSandbox,
    #[error("it cannot be started")]
    Start(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("it does not answer")]
    Ask(#[from] ServiceError),
    #[error("what it says is no answer")]
    Malformed(#[from] cupel_languages::MalformedAnswer),
    #[error("it treats the sample `{0}` otherwise than the command does")]
    Sample(String),
}

impl Compilers {
    pub(crate) fn new(sharing: Sharing) -> Compilers {
        Compilers { sharing, seats: Arc::default() }
    }

    /// Compiles, if there is a compiler for this user that has an answer.
    pub(crate) fn compile(
        &self,
        sandbox: &Arc<LocalSandbox>,
        step: WarmInput<'_>,
        observer: &mut dyn StepObserver,
    ) -> Option<StepResult> {
        let service = step.language.service.as_ref().filter(|_| self.sharing != Sharing::Off)?;
        let Some((generation, mut compiler)) = self.take(sandbox, step.language, step.owner) else {
            count(&step.language.id, "cold");
            return None;
        };
        compiler.owner = Some(step.owner);
        compiler.requests += 1;
        let limits = RequestLimits { wall_time: step.limits.wall_time.min(ANSWER_MAX), reply: ANSWER_BYTES_MAX };
        let begun = Instant::now();
        let reply = compiler.cell.request(&question(step.argv, step.files), &limits, &mut || observer.cancelled());
        let wall_time = begun.elapsed();
        let answer = match reply.map_err(UnfitError::from).and_then(|r| Ok(Answer::read(&r, step.files)?)) {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(language.id = %step.language.id, error = %chain(&error), "a compiler that stays had no answer");
                self.leave(&step.language.id, generation, None);
                count(&step.language.id, "lost");
                return None;
            }
        };
        let worn_out = compiler.requests >= service.requests_max;
        self.leave(&step.language.id, generation, Some(compiler).filter(|_| !worn_out));
        let result = match answer {
            Answer::Compiled { exit_code, output, files, cpu_time } => {
                let usage = Usage {
                    cpu_time,
                    cpu_user: cpu_time,
                    cpu_system: Duration::ZERO,
                    wall_time,
                    instructions: None,
                    memory: Bytes::new(0),
                    output: Bytes::new(output.len() as u64),
                    start: None,
                };
                result(exit_code, output, files, usage, &step.limits, observer)
            }
            Answer::Declined => None,
        };
        count(&step.language.id, if result.is_some() { "warm" } else { "declined" });
        result
    }

    /// A compiler for this user, if there is one or is about to be. Sees to it that there will be one.
    fn take(&self, sandbox: &Arc<LocalSandbox>, language: &Language, owner: UserId) -> Option<(u64, Compiler)> {
        let may_serve = |last: Option<UserId>| self.sharing == Sharing::Shared || last.is_none_or(|last| last == owner);
        let until = Instant::now() + PATIENCE;
        let mut all = self.seats.lock();
        loop {
            let now = Instant::now();
            let Some(seat) = all.by_language.get_mut(&language.id) else { break };
            match &mut seat.state {
                State::Starting => return None,
                State::Busy { owner } if may_serve(*owner) && now < until => {
                    let waited = self.seats.changed.wait_timeout(all, until - now);
                    all = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                State::Busy { .. } => return None,
                State::Resting { until } if now < *until => return None,
                State::Resting { .. } => break,
                State::Ready { compiler, .. } if may_serve(compiler.owner) => {
                    let generation = seat.generation;
                    return match std::mem::replace(&mut seat.state, State::Busy { owner: Some(owner) }) {
                        State::Ready { compiler, .. } => Some((generation, compiler)),
                        _ => None,
                    };
                }
                State::Ready { since, .. } if since.elapsed() < HOLD => return None,
                // Its memory is another user's: it goes, and a fresh one comes.
                State::Ready { .. } => break,
            }
        }
        let old = self.order(&mut all, sandbox, language);
        drop(all);
        drop(old);
        None
    }

    /// Has a compiler started in the background. Returns what had the seat, to be dropped without the lock.
    fn order(&self, all: &mut All, sandbox: &Arc<LocalSandbox>, language: &Language) -> Option<Seat> {
        all.generation += 1;
        let generation = all.generation;
        let keeper = Keeper {
            seats: Arc::clone(&self.seats),
            sandbox: Arc::downgrade(sandbox),
            language: language.clone(),
            generation,
        };
        let spawned = std::thread::Builder::new().name("cupel-compiler".into()).spawn(move || keeper.keep());
        let state = match spawned {
            Ok(_) => State::Starting,
            Err(_) => State::Resting { until: Instant::now() + REST },
        };
        all.by_language.insert(language.id.clone(), Seat { generation, state })
    }

    /// Gives the seat back; without a compiler when that one is to go.
    fn leave(&self, id: &LanguageId, generation: u64, compiler: Option<Compiler>) {
        let now = Instant::now();
        let mut all = self.seats.lock();
        if let Some(seat) = all.by_language.get_mut(id).filter(|seat| seat.generation == generation) {
            seat.state = match compiler {
                Some(compiler) => State::Ready { compiler, since: now },
                None => State::Resting { until: now + REST },
            };
        }
        self.seats.changed.notify_all();
    }
}

impl Drop for Compilers {
    fn drop(&mut self) {
        let mut all = self.seats.lock();
        all.stopped = true;
        let seats = std::mem::take(&mut all.by_language);
        drop(all);
        self.seats.changed.notify_all();
        drop(seats);
    }
}

impl Seats {
    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a compiler, makes it fast, and ends it when nobody needs it. Ends with the seat.
struct Keeper {
    seats: Arc<Seats>,
    sandbox: Weak<LocalSandbox>,
    language: Language,
    generation: u64,
}

impl Keeper {
    fn keep(self) {
        let made = self.make();
        let state = match made {
            Ok(compiler) => State::Ready { compiler, since: Instant::now() },
            Err(error) => {
                let rest = if matches!(error, UnfitError::Sample(_)) { REST_OF_THE_UNFIT } else { REST };
                if !self.is_stopped() {
                    let id = &self.language.id;
                    tracing::warn!(language.id = %id, error = %chain(&error), "no compiler stays for {id}; every compilation is a command");
                }
                State::Resting { until: Instant::now() + rest }
            }
        };
        let mut all = self.seats.lock();
        if let Some(seat) = self.seat(&mut all) {
            seat.state = state;
        }
        loop {
            let left = match self.seat(&mut all).map(|seat| &seat.state) {
                Some(State::Ready { since, .. }) => IDLE_MAX.saturating_sub(since.elapsed()),
                Some(State::Busy { .. } | State::Starting) => IDLE_MAX,
                Some(State::Resting { .. }) | None => return,
            };
            if left.is_zero() {
                let old = all.by_language.remove(&self.language.id);
                drop(all);
                drop(old);
                return;
            }
            let waited = self.seats.changed.wait_timeout(all, left);
            all = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn seat<'a>(&self, all: &'a mut All) -> Option<&'a mut Seat> {
        all.by_language.get_mut(&self.language.id).filter(|seat| seat.generation == self.generation)
    }

    fn is_stopped(&self) -> bool {
        self.seats.lock().stopped
    }

    /// Starts it and compiles the language's samples until it is fast, each with the result it must have.
    fn make(&self) -> Result<Compiler, UnfitError> {
        let language = &self.language;
        let Some(service) = &language.service else { return Err(UnfitError::NoSandbox) };
        let command = ServiceCommand {
            argv: service.command(),
            env: language.environment(&[]),
            files: service.files(),
            limits: limits_of_life(service, &language.compile_limits),
        };
        let sandbox = self.sandbox.upgrade().ok_or(UnfitError::NoSandbox)?;
        let mut cell = sandbox.service(&command).map_err(UnfitError::Start)?;
        drop(sandbox);
        let limits = RequestLimits { wall_time: START_MAX, reply: ANSWER_BYTES_MAX };
        for sample in language.samples.iter().cycle().take(service.warm_up as usize) {
            self.pause();
            let path = sample.file.clone().unwrap_or_else(|| language.source.clone());
            let source = BoxFile { path, data: sample.source.as_bytes().into(), executable: false };
            let files = language.files_named_by_type(&BoxFiles::new(vec![source]));
            let values = Placeholders::for_files(&files, language.compile_limits.memory);
            let commands = values.map(|values| language.compile_commands(&values)).unwrap_or_default();
            let [argv] = commands.as_slice() else { return Err(UnfitError::NoSandbox) };
            let reply = cell.request(&question(argv, &files), &limits, &mut || self.is_stopped())?;
            let good = match Answer::read(&reply, &files)? {
                Answer::Compiled { exit_code, .. } => (exit_code == 0) == (sample.verdict != Verdict::CompileError),
                Answer::Declined => false,
            };
            if !good {
                return Err(UnfitError::Sample(sample.name.clone()));
            }
        }
        Ok(Compiler { cell, owner: None, requests: 0 })
    }

    /// Lets runs go first: nobody waits for this.
    fn pause(&self) {
        let until = Instant::now() + PACE;
        while self.sandbox.upgrade().is_some_and(|sandbox| sandbox.idle_slot().is_none()) && Instant::now() < until {
            std::thread::sleep(PACE_LOOK);
        }
    }
}

/// Counts a compilation that a compiler that stays could have done, by what came of it.
fn count(id: &LanguageId, how: &'static str) {
    metrics::counter!("cupel_compilations_total", "language" => id.to_string(), "how" => how).increment(1);
}

/// What a compiler may use in its whole life: memory as its language says, time without a bound of its own (each answer
/// has one), files as a compilation.
fn limits_of_life(service: &CompileService, compile: &Limits) -> Limits {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    Limits {
        cpu_time: DAY,
        wall_time: DAY,
        idle_time: DAY,
        memory: service.memory,
        processes: service.processes,
        disk: compile.disk.min(Bytes::new(service.memory.get() / 4)),
        ..*compile
    }
}

/// The answer as the step's result, unless the command line would have met one of its limits.
fn result(
    exit_code: i32,
    output: Arc<[u8]>,
    files: BoxFiles,
    usage: Usage,
    limits: &Limits,
    observer: &mut dyn StepObserver,
) -> Option<StepResult> {
    let is_within = usage.output <= limits.output
        && usage.cpu_time <= limits.cpu_time
        && files.len() <= ARTIFACTS_MAX as usize
        && files.total_bytes() <= limits.disk.get()
        && files.iter().all(|file| file.data.len() as u64 <= limits.file_size.get());
    if !is_within {
        return None;
    }
    observer.stdout(&output);
    let outcome = Outcome::Exited(exit_code);
    let report = StepReport {
        outcome,
        exit_code: Some(exit_code),
        signal: None,
        stdout: Output { data: output, truncated: false },
        stderr: Output::default(),
        usage,
    };
    let files = if outcome.is_success() { files } else { BoxFiles::default() };
    Some(StepResult { report, files, files_truncated: false })
}
