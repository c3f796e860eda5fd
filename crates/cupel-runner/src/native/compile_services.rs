//! Compile services: long-running compilers, started on the first use of their language. A step tries the service
//! before it runs the compiler's command.
//!
//! ```text
//!            first use             samples compiled               request
//!     none ────────────► starting ─────────────────► ready ◄──────────────────► busy
//!      ▲                    │ unfit, does not start    │ unused, other user           │ no answer
//!      └──── paused  ◄──────┴──────────────────────────┴──────────────────────────────┘
//! ```
//!
//! After a number of requests, which the language's file sets, a successor replaces the service.
//!
//! Invariants: a compile service never makes a run fail or reach a limit. Any unexpected answer (a timeout, a malformed
//! reply, a limit reached) is discarded, and the compiler's command is run instead. Each language has at most one
//! service. A slot waits while a service works for it, so a compilation in a service occupies no additional slot. Only
//! the warm-up of a service runs beside the slots; it waits a moment for an idle slot. A service keeps data in memory
//! after a compilation. Therefore a service serves one user and is restarted for another, unless the configuration lets
//! all users share it. No run waits for a service to start.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use cupel_judge::{StepObserver, StepResult, WarmInput};
use cupel_languages::{Answer, CompileService, Language, Placeholders, question};
use cupel_sandbox::{RequestLimits, ServiceCell, ServiceCommand, ServiceError};
use cupel_types::{
    BoxFile, BoxFiles, Bytes, FoundFiles, LanguageId, Limits, Outcome, Output, StepReport, Usage, UserId, Verdict,
    chain,
};

use super::sandbox::SharedSandbox;
use crate::command::ARTIFACTS_MAX;

/// The users that may share a compile service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompilerSharing {
    /// No compile services: every compilation runs the command.
    #[default]
    Off,
    /// One user at a time. The service is restarted for another user.
    PerUser,
    /// All users.
    Shared,
}

/// Maximum time of a compilation in a service. After this time, the compiler's command is run instead, with the full
/// time limits of the step.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Maximum time for each sample that warms up a service. The first sample also waits for the start of the service.
const START_MAX: Duration = Duration::from_secs(60);
/// Maximum size of an answer. The output of a compilation is well below this size.
const ANSWER_BYTES_MAX: Bytes = Bytes::mib(32);
/// Maximum time that a run waits for a busy service that may serve the run's user.
const PATIENCE: Duration = Duration::from_millis(200);
/// Time after the last compilation during which a service stays with its user even if other users need it.
const HOLD: Duration = Duration::from_secs(10);
/// Idle time after which a service ends.
const IDLE_MAX: Duration = Duration::from_secs(600);
/// Pauses before the next start: after a service failed, and after it gave a wrong result for a sample.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
const PAUSE_AFTER_WRONG_RESULT: Duration = Duration::from_secs(3600);
/// Maximum time that a warm-up compilation waits for an idle slot.
const IDLE_SLOT_WAIT_MAX: Duration = Duration::from_millis(100);
const IDLE_SLOT_POLL: Duration = Duration::from_millis(5);

/// The compile services of a sandbox.
pub(crate) struct CompileServices {
    sharing: CompilerSharing,
    sandbox: Weak<SharedSandbox>,
    table: Arc<ServiceTable>,
}

#[derive(Default)]
struct ServiceTable {
    all: Mutex<Services>,
    changed: Condvar,
}

#[derive(Default)]
struct Services {
    by_language: HashMap<LanguageId, ServiceEntry>,
    /// Number of the latest entry. The thread of a service compares its own number with that of the entry to detect
    /// that the entry has been replaced.
    generation: u64,
    stopped: bool,
}

struct ServiceEntry {
    generation: u64,
    state: ServiceState,
}

enum ServiceState {
    Starting,
    Ready { compiler: Compiler, since: Instant },
    Busy { owner: Option<UserId> },
    Paused { until: Instant },
}

struct Compiler {
    cell: ServiceCell,
    /// The user that the service served last; `None` before the first request.
    owner: Option<UserId>,
    requests: u32,
}

/// What became of a service that a compilation took.
enum Returned {
    Usable(Compiler),
    /// It has answered as many requests as its language permits.
    WornOut,
    Failed,
}

/// The reason why a compile service cannot be used.
#[derive(Debug, thiserror::Error)]
enum UnfitError {
    #[error("there is no sandbox to start the service in")]
    NoSandbox,
    #[error("the service cannot be started")]
    Start(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the service does not answer")]
    Ask(#[from] ServiceError),
    #[error("the service's answer is malformed")]
    Malformed(#[from] cupel_languages::MalformedAnswer),
    #[error("the service's result for the sample `{0}` differs from the command's")]
    Sample(String),
}

impl CompileServices {
    pub(crate) fn new(sharing: CompilerSharing, sandbox: Weak<SharedSandbox>) -> CompileServices {
        CompileServices { sharing, sandbox, table: Arc::default() }
    }

    /// Compiles with the compile service. Returns `None` if no service is available to this user, or the service
    /// returns no usable answer.
    pub(crate) fn compile(&self, step: WarmInput<'_>, observer: &mut dyn StepObserver) -> Option<StepResult> {
        let service = step.language.service.as_ref().filter(|_| self.sharing != CompilerSharing::Off)?;
        let Some((generation, mut compiler)) = self.take(step.language, step.owner) else {
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
                tracing::debug!(language.id = %step.language.id, error = %chain(&error), "the compile service gave no usable answer");
                self.give_back(step.language, generation, Returned::Failed);
                count(&step.language.id, "lost");
                return None;
            }
        };
        let is_worn_out = compiler.requests >= service.requests_max;
        let returned = if is_worn_out { Returned::WornOut } else { Returned::Usable(compiler) };
        self.give_back(step.language, generation, returned);
        let result = match answer {
            Answer::Compiled { exit_code, output, files, cpu_time } => {
                let usage = Usage {
                    cpu_time,
                    cpu_user: cpu_time,
                    wall_time,
                    output: Bytes::new(output.len() as u64),
                    ..Usage::default()
                };
                result(exit_code, output, files, usage, &step.limits, observer)
            }
            Answer::Declined => None,
        };
        count(&step.language.id, if result.is_some() { "warm" } else { "declined" });
        result
    }

    /// Takes the service if it may serve this user, waiting up to [`PATIENCE`] while it is busy; otherwise returns
    /// `None`. Also starts a service in the background if the language has none, the pause after the last one is over,
    /// or the service belongs to a user who has not used it for [`HOLD`].
    fn take(&self, language: &Language, owner: UserId) -> Option<(u64, Compiler)> {
        let may_serve =
            |last: Option<UserId>| self.sharing == CompilerSharing::Shared || last.is_none_or(|last| last == owner);
        let until = Instant::now() + PATIENCE;
        let mut all = self.table.lock();
        loop {
            let now = Instant::now();
            let Some(entry) = all.by_language.get_mut(&language.id) else { break };
            match &mut entry.state {
                ServiceState::Starting => return None,
                ServiceState::Busy { owner } if may_serve(*owner) && now < until => {
                    let waited = self.table.changed.wait_timeout(all, until - now);
                    all = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                ServiceState::Busy { .. } => return None,
                ServiceState::Paused { until } if now < *until => return None,
                ServiceState::Paused { .. } => break,
                ServiceState::Ready { compiler, .. } if may_serve(compiler.owner) => {
                    let generation = entry.generation;
                    return match std::mem::replace(&mut entry.state, ServiceState::Busy { owner: Some(owner) }) {
                        ServiceState::Ready { compiler, .. } => Some((generation, compiler)),
                        _ => None,
                    };
                }
                ServiceState::Ready { since, .. } if since.elapsed() < HOLD => return None,
                // The service's memory contains another user's data, so start a new service.
                ServiceState::Ready { .. } => break,
            }
        }
        let old = self.start(&mut all, language);
        drop(all);
        drop(old);
        None
    }

    /// Starts a service in the background. Returns the previous entry, which the caller drops after releasing the lock.
    fn start(&self, all: &mut Services, language: &Language) -> Option<ServiceEntry> {
        all.generation += 1;
        let generation = all.generation;
        let thread = ServiceThread {
            table: Arc::clone(&self.table),
            sandbox: Weak::clone(&self.sandbox),
            language: language.clone(),
            generation,
        };
        let spawned = std::thread::Builder::new().name("cupel-compiler".into()).spawn(move || thread.run());
        let state = match spawned {
            Ok(_) => ServiceState::Starting,
            Err(_) => ServiceState::Paused { until: Instant::now() + PAUSE_AFTER_FAILURE },
        };
        all.by_language.insert(language.id.clone(), ServiceEntry { generation, state })
    }

    /// Returns the service to its entry. Starts the successor of a worn-out service at once.
    fn give_back(&self, language: &Language, generation: u64, returned: Returned) {
        let now = Instant::now();
        let mut all = self.table.lock();
        let mut old = None;
        if let Some(entry) = all.by_language.get_mut(&language.id).filter(|entry| entry.generation == generation) {
            match returned {
                Returned::Usable(compiler) => entry.state = ServiceState::Ready { compiler, since: now },
                Returned::WornOut => old = self.start(&mut all, language),
                Returned::Failed => entry.state = ServiceState::Paused { until: now + PAUSE_AFTER_FAILURE },
            }
        }
        drop(all);
        drop(old);
        self.table.changed.notify_all();
    }
}

impl Drop for CompileServices {
    fn drop(&mut self) {
        let mut all = self.table.lock();
        all.stopped = true;
        let table = std::mem::take(&mut all.by_language);
        drop(all);
        self.table.changed.notify_all();
        drop(table);
    }
}

impl ServiceTable {
    fn lock(&self) -> MutexGuard<'_, Services> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Thread that starts a service, warms it up, and ends it when it is idle. The thread ends when its entry is paused,
/// removed or replaced.
struct ServiceThread {
    table: Arc<ServiceTable>,
    sandbox: Weak<SharedSandbox>,
    language: Language,
    generation: u64,
}

impl ServiceThread {
    fn run(self) {
        let made = self.make();
        let state = match made {
            Ok(compiler) => ServiceState::Ready { compiler, since: Instant::now() },
            Err(error) => {
                let pause =
                    if matches!(error, UnfitError::Sample(_)) { PAUSE_AFTER_WRONG_RESULT } else { PAUSE_AFTER_FAILURE };
                if !self.is_stopped() {
                    let id = &self.language.id;
                    tracing::warn!(language.id = %id, error = %chain(&error), "no compile service for {id} at present; compilations run the command");
                }
                ServiceState::Paused { until: Instant::now() + pause }
            }
        };
        let mut all = self.table.lock();
        if let Some(entry) = self.entry(&mut all) {
            entry.state = state;
        }
        loop {
            let left = match self.entry(&mut all).map(|entry| &entry.state) {
                Some(ServiceState::Ready { since, .. }) => IDLE_MAX.saturating_sub(since.elapsed()),
                Some(ServiceState::Busy { .. } | ServiceState::Starting) => IDLE_MAX,
                Some(ServiceState::Paused { .. }) | None => return,
            };
            if left.is_zero() {
                let old = all.by_language.remove(&self.language.id);
                drop(all);
                drop(old);
                return;
            }
            let waited = self.table.changed.wait_timeout(all, left);
            all = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn entry<'a>(&self, all: &'a mut Services) -> Option<&'a mut ServiceEntry> {
        all.by_language.get_mut(&self.language.id).filter(|entry| entry.generation == self.generation)
    }

    fn is_stopped(&self) -> bool {
        self.table.lock().stopped
    }

    /// Starts the service and warms it up with the language's samples. The service must give the expected result for
    /// each sample.
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
        let mut cell = sandbox.sandbox.service(&command).map_err(|error| UnfitError::Start(error.into()))?;
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

    /// Waits for an idle slot, up to [`IDLE_SLOT_WAIT_MAX`]: runs have priority, because no run waits for the warm-up.
    fn pause(&self) {
        let until = Instant::now() + IDLE_SLOT_WAIT_MAX;
        while self.sandbox.upgrade().is_some_and(|sandbox| sandbox.steps.idle_slot().is_none())
            && Instant::now() < until
        {
            std::thread::sleep(IDLE_SLOT_POLL);
        }
    }
}

/// Counts a compilation of a language with a compile service. `how` is the label of its result.
fn count(id: &LanguageId, how: &'static str) {
    metrics::counter!("cupel_compilations_total", "language" => id.to_string(), "how" => how).increment(1);
}

/// Limits for the whole lifetime of a service. The language file limits memory and processes; files are limited as in a
/// compilation. Time is practically unlimited, because each request has a separate time limit ([`is_within`]).
fn limits_of_life(service: &CompileService, compile: &Limits) -> Limits {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    // Every limit is named, so that a new one causes a compile error here and in `is_within`.
    Limits {
        cpu_time: DAY,
        wall_time: DAY,
        idle_time: DAY,
        instructions: None,
        memory: service.memory,
        address_space: compile.address_space,
        processes: service.processes,
        open_files: compile.open_files,
        file_size: compile.file_size,
        disk: compile.disk.min(Bytes::new(service.memory.get() / 4)),
        inodes: compile.inodes,
        output: compile.output,
        stack: compile.stack,
    }
}

/// Whether the command, instead of the service, would also have compiled without reaching one of its limits. `usage`
/// and `files` are the usage and the files of the compilation in the service.
fn is_within(limits: &Limits, usage: &Usage, files: &BoxFiles) -> bool {
    let &Limits {
        cpu_time,
        wall_time,
        // A compilation cannot be idle for longer than it takes.
        idle_time,
        // A service does not count instructions.
        instructions,
        // A service does not measure the memory and processes of a single request. It has its own limits of both.
        memory: _,
        processes: _,
        // A system call beyond these limits fails. A service has the command's limits.
        address_space: _,
        open_files: _,
        stack: _,
        file_size,
        // With its part of the memory, `Limits::disk_bytes`.
        disk: _,
        inodes,
        output,
    } = limits;
    // A directory that contains several files is counted several times.
    let entries: usize = files.iter().map(|file| 1 + file.path.as_str().matches('/').count()).sum();
    instructions.is_none()
        && usage.cpu_time <= cpu_time
        && usage.wall_time <= wall_time.min(idle_time)
        && usage.output <= output
        && files.len() <= ARTIFACTS_MAX as usize
        && entries as u64 <= inodes
        && files.total_bytes() <= limits.disk_bytes().get()
        && files.iter().all(|file| file.data.len() as u64 <= file_size.get())
}

/// Converts an answer into the step's result. Returns `None` if the command would have reached one of its limits.
fn result(
    exit_code: i32,
    output: Arc<[u8]>,
    files: BoxFiles,
    usage: Usage,
    limits: &Limits,
    observer: &mut dyn StepObserver,
) -> Option<StepResult> {
    if !is_within(limits, &usage, &files) {
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
    Some(StepResult { report, files, files_truncated: false, fetched: Vec::new(), found: FoundFiles::default() })
}

#[cfg(test)]
mod tests {
    use cupel_types::{BoxPath, Instructions};

    use super::*;

    #[test]
    fn a_compilation_in_a_service_counts_only_if_the_command_would_have_reached_no_limit() {
        let file = |path: &str| BoxFile {
            path: BoxPath::new(path).unwrap(),
            data: vec![0; 100_000].into(),
            executable: false,
        };
        let files = BoxFiles::new(vec![file("a/b/One.class"), file("a/b/Two.class")]);
        let ms = Duration::from_millis;
        let usage = Usage { cpu_time: ms(300), wall_time: ms(200), output: Bytes::new(10), ..Usage::default() };
        let default = Limits::default();
        for (changed, counts) in [
            (default, true),
            (Limits { cpu_time: ms(299), ..default }, false),
            (Limits { wall_time: ms(199), ..default }, false),
            (Limits { idle_time: ms(199), ..default }, false),
            (Limits { instructions: Some(Instructions::new(u64::MAX)), ..default }, false),
            (Limits { output: Bytes::new(9), ..default }, false),
            (Limits { file_size: Bytes::new(99_999), ..default }, false),
            (Limits { disk: Bytes::new(199_999), ..default }, false),
            (Limits { memory: Bytes::new(200_000), ..default }, false),
            (Limits { inodes: 3, ..default }, false),
            (Limits { processes: 1, open_files: 3, address_space: Some(Limits::MEMORY_MIN), ..default }, true),
        ] {
            assert_eq!(is_within(&changed, &usage, &files), counts, "{changed:?}");
        }
    }
}
