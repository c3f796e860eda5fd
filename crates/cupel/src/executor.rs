//! The sandbox as the judge's executor: the adapter between two crates that do not know each other.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cupel_core::chain;
use cupel_judge::{
    Collect, ExecuteError, Executor, StdinSource, StepInput, StepKind, StepObserver, StepResult, Talk, TalkResult,
    WarmInput,
};
use cupel_languages::{Language, Placeholders};
use cupel_sandbox::doctor;
use cupel_sandbox::{
    CellKind, CellReport, CollectLimits, Command, LauncherEnd, Mount, Observer, RunError, Sandbox, SandboxConfig,
    ServiceCell, ServiceCommand, Slot, StartError, Stdin, Warm, WarmTemplate,
};
use cupel_types::{Bytes, ExitStatus, Output, Start, StepReport, Usage};

use crate::compilers::{Compilers, Sharing};
use crate::prepared;

mod talk;

/// Files that a compile step may hand on; how many bytes is its disk limit.
pub(crate) const ARTIFACTS_MAX: u32 = 1000;

/// Tries of one step, as long as nobody has seen anything of the failed ones: several lanes of a slot may have died, and
/// each is found dead on its own.
const TRIES_MAX: u32 = 8;

/// A try that failed after this long is not repeated: it was no dead lane that was found.
const QUICK: Duration = Duration::from_secs(1);

/// A running sandbox. Once its launcher is lost it stays lost: this process has given up the privileges to start another
/// one, and whoever owns it has to end.
pub(crate) struct LocalSandbox {
    sandbox: Sandbox,
    /// The warm starts that its languages have, whether or not this sandbox uses them.
    warm: Vec<WarmTemplate>,
    lost: AtomicBool,
    /// Steps that run, by slot.
    running: Vec<AtomicU32>,
    /// Whoever runs one program and ends has none.
    compilers: OnceLock<Compilers>,
    /// Whether lanes are made before they are needed.
    makes_ahead: bool,
}

/// The launcher of a [`LocalSandbox`], and no thread yet: the moment to give up privileges.
pub(crate) struct Launched {
    launched: cupel_sandbox::Launched,
    slots: usize,
    warm: Vec<WarmTemplate>,
    makes_ahead: bool,
}

impl Launched {
    fn with(config: SandboxConfig, warm: Vec<WarmTemplate>) -> Result<Launched, StartError> {
        Ok(Launched { slots: config.slots, makes_ahead: config.spares, launched: Sandbox::launch(config)?, warm })
    }

    /// The sandbox of this launcher.
    pub(crate) fn start(self) -> Arc<LocalSandbox> {
        let running = (0..self.slots.max(1)).map(|_| AtomicU32::new(0)).collect();
        let Launched { launched, warm, makes_ahead, .. } = self;
        let (sandbox, lost) = (launched.start(), AtomicBool::new(false));
        Arc::new(LocalSandbox { sandbox, warm, lost, running, compilers: OnceLock::new(), makes_ahead })
    }
}

impl LocalSandbox {
    /// Starts the launcher of a sandbox that shows these languages' toolchains, and what they prepared once, if that
    /// lies somewhere.
    ///
    /// # Errors
    /// When this machine cannot give what a sandbox needs.
    pub(crate) fn launch<'l>(
        slots: usize,
        languages: impl IntoIterator<Item = &'l Language> + Clone,
        prepared: Option<&Path>,
    ) -> Result<Launched, StartError> {
        let warm = languages.clone().into_iter().filter_map(warm_template).collect();
        Launched::with(SandboxConfig { slots, mounts: mounts(languages, prepared), ..SandboxConfig::default() }, warm)
    }

    /// The same, for many programs: interpreters that a language wants warm are kept so.
    ///
    /// # Errors
    /// When this machine cannot give what a sandbox needs.
    pub(crate) fn launch_warm<'l>(
        slots: usize,
        languages: impl IntoIterator<Item = &'l Language> + Clone,
        prepared: Option<&Path>,
    ) -> Result<Launched, StartError> {
        let warm: Vec<_> = languages.clone().into_iter().filter_map(warm_template).collect();
        let mounts = mounts(languages, prepared);
        Launched::with(SandboxConfig { slots, mounts, warm: warm.clone(), ..SandboxConfig::default() }, warm)
    }

    /// The same, for one program: what it does not need is not made.
    ///
    /// # Errors
    /// When this machine cannot give what a sandbox needs.
    pub(crate) fn launch_once(
        language: &Language,
        prepared: Option<&Path>,
        keeps_warm: bool,
    ) -> Result<Launched, StartError> {
        let warm: Vec<_> = warm_template(language).into_iter().collect();
        let config =
            SandboxConfig { slots: 1, mounts: mounts([language], prepared), spares: false, ..SandboxConfig::default() };
        let kept = if keeps_warm { warm.clone() } else { Vec::new() };
        Launched::with(SandboxConfig { warm: kept, ..config }, warm)
    }

    /// The end of the launcher, to be waited for.
    ///
    /// # Errors
    /// When there is no descriptor left.
    pub(crate) fn launcher_end(&self) -> std::io::Result<LauncherEnd> {
        self.sandbox.launcher_end()
    }

    /// Why instructions cannot be counted, where they cannot.
    pub(crate) fn uncounted(&self) -> Option<&str> {
        self.sandbox.features().uncounted.as_deref()
    }

    /// Keeps compilers warm from now on, for these users.
    pub(crate) fn keep_compilers(&self, sharing: Sharing) {
        self.compilers.get_or_init(|| Compilers::new(sharing));
    }

    /// A service in this sandbox.
    pub(crate) fn service(
        &self,
        command: &ServiceCommand,
    ) -> Result<ServiceCell, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.sandbox.service(command)?)
    }

    /// A slot in which nothing runs at the moment.
    pub(crate) fn idle_slot(&self) -> Option<usize> {
        self.running.iter().position(|running| running.load(Ordering::Relaxed) == 0)
    }

    /// Whether more than one step runs in a slot, such as a run beside what is prepared there.
    pub(crate) fn is_shared(&self, slot: usize) -> bool {
        self.running.get(slot).is_some_and(|running| running.load(Ordering::Relaxed) > 1)
    }

    /// Whether the launcher is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// An executor for a slot, its lanes already made unless it is for one program.
    ///
    /// # Errors
    /// When the launcher is lost, or there can be no cells at the moment.
    pub(crate) fn executor(self: &Arc<Self>, number: usize) -> Result<SlotExecutor, ExecuteError> {
        let failed = |error: RunError| ExecuteError { transient: true, source: error.into() };
        if self.is_lost() {
            return Err(failed(RunError::LauncherLost));
        }
        let mut slot = self.sandbox.slot(number);
        if self.makes_ahead {
            slot.warm_up().map_err(|error| {
                self.note(&error);
                failed(error)
            })?;
        }
        Ok(SlotExecutor { whole: Arc::clone(self), number, slot, partner: None })
    }

    fn note(&self, error: &RunError) {
        if matches!(error, RunError::LauncherLost) {
            self.lost.store(true, Ordering::Relaxed);
        }
    }
}

/// Counts a step for as long as it lives.
struct Running<'a>(Option<&'a AtomicU32>);

impl Running<'_> {
    fn begin(count: Option<&AtomicU32>) -> Running<'_> {
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Running(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// One slot of the sandbox.
pub(crate) struct SlotExecutor {
    whole: Arc<LocalSandbox>,
    number: usize,
    slot: Slot,
    /// For the second program of a conversation, on the same processor: most of the time one of the two waits.
    partner: Option<Slot>,
}

impl Executor for SlotExecutor {
    /// A try of which neither the observer nor a pipe of ours has seen anything is repeated here: a cell is
    /// fresh each time, so nobody can tell, and the run keeps its attempt.
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        let is_repeatable = matches!(step.stdin, StdinSource::Bytes(_));
        let keep = step.keep;
        let command = self.command(step);
        let whole = Arc::clone(&self.whole);
        let _running = Running::begin(whole.running.get(self.number));
        let (began, mut tries) = (Instant::now(), 1);
        loop {
            let mut kept = Kept::new(keep, has_warm_start(&command), observer);
            let error = match self.slot.run(&command, &mut kept) {
                Ok(report) => return Ok(kept.result(report)),
                Err(error) => error,
            };
            let is_unseen = !kept.heard;
            let again =
                tries < TRIES_MAX && began.elapsed() < QUICK && error.is_transient() && is_unseen && is_repeatable;
            tracing::warn!(slot = self.number, again, error = %chain(&error), "a cell failed");
            self.whole.note(&error);
            if !again {
                return Err(failed(error));
            }
            tries += 1;
        }
    }

    fn talk(&mut self, talk: Talk<'_>, observer: &mut dyn StepObserver) -> Result<TalkResult, ExecuteError> {
        let _running = Running::begin(self.whole.running.get(self.number));
        let (program, interactor) = (self.command(talk.program.clone()), self.command(talk.interactor.clone()));
        let partner = match self.partner.take() {
            Some(partner) => partner,
            None => self.whole.sandbox.slot(self.number),
        };
        let partner = self.partner.insert(partner);
        let result = talk::talk(
            talk::Side { slot: &mut self.slot, command: program, keep: talk.program.keep },
            talk::Side { slot: partner, command: interactor, keep: talk.interactor.keep },
            talk.transcript,
            talk.settles,
            observer,
        );
        result.map_err(|error| {
            tracing::warn!(slot = self.number, error = %chain(&error), "a cell failed");
            self.whole.note(&error);
            failed(error)
        })
    }

    fn compile_warm(&mut self, step: WarmInput<'_>, observer: &mut dyn StepObserver) -> Option<StepResult> {
        let compilers = self.whole.compilers.get()?;
        // The slot waits for the compiler: it is as busy as with a program.
        let _running = Running::begin(self.whole.running.get(self.number));
        compilers.compile(&self.whole, step, observer)
    }
}

impl SlotExecutor {
    fn command(&self, step: StepInput<'_>) -> Command {
        Command {
            argv: step.argv.to_vec(),
            env: step.env.to_vec(),
            files: step.files.to_vec(),
            stdin: match step.stdin {
                StdinSource::Bytes(bytes) => Stdin::Bytes(bytes),
                StdinSource::Descriptor(descriptor) => Stdin::Descriptor(descriptor),
            },
            limits: step.limits,
            kind: match step.kind {
                StepKind::Compile => CellKind::Compile,
                StepKind::Execute => CellKind::Run,
            },
            // The slot looks whether it can really be forked; here it only has to be the interpreter.
            warm: self.whole.warm.iter().find(|warm| warm.argv.first() == step.argv.first()).map(|warm| warm.kind),
            result: step.result,
            collect: (step.collect != Collect::Nothing).then_some(CollectLimits {
                files: ARTIFACTS_MAX,
                bytes: step.limits.disk,
                // What a compiler that failed leaves is no use to anybody.
                after_failure: step.kind == StepKind::Execute,
            }),
            outbox: match step.collect {
                Collect::Outbox(path) => Some(path),
                Collect::Nothing | Collect::All => None,
            },
            watch: false,
        }
    }
}

fn failed(error: RunError) -> ExecuteError {
    ExecuteError { transient: error.is_transient(), source: error.into() }
}

/// Keeps what was asked for of what the sandbox lets through (it stops at the output limit) and passes all of it on.
struct Kept<'a> {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    keep: usize,
    truncated: [bool; 2],
    heard: bool,
    /// Whether it matters how the program was started.
    has_warm_start: bool,
    observer: &'a mut dyn StepObserver,
}

/// Whether a program could be started warm, in one way or on one machine or another.
fn has_warm_start(command: &Command) -> bool {
    command.warm.is_some() && command.kind == CellKind::Run
}

impl Kept<'_> {
    fn new(keep: Bytes, has_warm_start: bool, observer: &mut dyn StepObserver) -> Kept<'_> {
        let keep = usize::try_from(keep.get()).unwrap_or(usize::MAX);
        let (stdout, stderr) = (Vec::new(), Vec::new());
        Kept { stdout, stderr, keep, truncated: [false; 2], heard: false, has_warm_start, observer }
    }

    fn result(self, report: CellReport) -> StepResult {
        let (exit_code, signal) = match report.exit {
            Some(ExitStatus::Exited(code)) => (Some(code), None),
            Some(ExitStatus::Signalled(signal)) => (None, Some(signal.0)),
            None => (None, None),
        };
        if let Some(reason) = &report.cold {
            tracing::warn!(reason, "programs that were to be started warm are started cold");
        }
        let [stdout_cut, stderr_cut] = self.truncated;
        let start = if report.warm { Start::Warm } else { Start::Cold };
        let report_of_step = StepReport {
            outcome: report.outcome,
            exit_code,
            signal,
            stdout: Output { data: self.stdout.into(), truncated: report.stdout_truncated || stdout_cut },
            stderr: Output { data: self.stderr.into(), truncated: report.stderr_truncated || stderr_cut },
            usage: Usage { start: self.has_warm_start.then_some(start), ..report.usage },
        };
        StepResult { report: report_of_step, files: report.files, files_truncated: report.files_truncated }
    }
}

/// Appends what there is room for; whether that is all of it.
fn keep_of(kept: &mut Vec<u8>, data: &[u8], keep: usize) -> bool {
    let room = keep.saturating_sub(kept.len()).min(data.len());
    kept.extend_from_slice(&data[..room]);
    room == data.len()
}

impl Observer for Kept<'_> {
    fn stdout(&mut self, data: &[u8]) {
        self.heard = true;
        self.truncated[0] |= !keep_of(&mut self.stdout, data, self.keep);
        self.observer.stdout(data);
    }

    fn stderr(&mut self, data: &[u8]) {
        self.heard = true;
        self.truncated[1] |= !keep_of(&mut self.stderr, data, self.keep);
        self.observer.stderr(data);
    }

    fn result(&mut self, data: &[u8]) {
        self.heard = true;
        self.observer.result(data);
    }

    fn cancelled(&mut self) -> bool {
        self.observer.cancelled()
    }
}

/// How the programs of a language that wants a warm start are started.
fn warm_template(language: &Language) -> Option<WarmTemplate> {
    let wanted = language.warm.as_deref().filter(|_| language.is_available())?;
    let Some(kind) = Warm::from_name(wanted) else {
        tracing::warn!(language = language.id.as_str(), wanted, "there is no such warm start");
        return None;
    };
    let values = Placeholders::new(&language.source, language.limits.memory);
    Some(WarmTemplate { kind, argv: language.execute_command(&values), env: language.environment(&[]) })
}

/// Starts the launcher of a sandbox as it would be made for these languages, to be attacked: see
/// [`doctor::examine_launched`].
///
/// # Errors
/// When there is no sandbox to attack.
pub(crate) fn launch_examination<'l>(
    languages: impl IntoIterator<Item = &'l Language>,
    prepared: Option<&Path>,
) -> Result<cupel_sandbox::Launched, StartError> {
    doctor::launch(&SandboxConfig { mounts: mounts(languages, prepared), ..SandboxConfig::default() })
}

fn mounts<'l>(languages: impl IntoIterator<Item = &'l Language>, prepared: Option<&Path>) -> Vec<Mount> {
    let mut mounts: Vec<Mount> =
        languages.into_iter().flat_map(|l| l.mounts.iter().map(|m| PathBuf::from(m).into())).collect();
    mounts.extend(prepared.map(|root| Mount { source: root.to_owned(), target: prepared::TARGET.into() }));
    mounts.sort();
    mounts.dedup();
    mounts
}
