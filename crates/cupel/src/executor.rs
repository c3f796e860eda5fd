//! The sandbox as the judge's executor: the adapter between two crates that do not know each other.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cupel_core::chain;
use cupel_judge::{ExecuteError, Executor, StdinSource, StepInput, StepKind, StepObserver, StepResult, WarmInput};
use cupel_languages::{Language, Placeholders};
use cupel_sandbox::doctor::{self, Examination, ExamineError};
use cupel_sandbox::{
    CellKind, CellReport, CollectLimits, Command, Mount, Observer, RunError, Sandbox, SandboxConfig, ServiceCell,
    ServiceCommand, Slot, StartError, Stdin, Warm, WarmTemplate,
};
use cupel_types::{ExitStatus, Output, StepReport};

use crate::compilers::{Compilers, Sharing};
use crate::prepared::{self, Shelf};

/// Files that a compile step may hand on; how many bytes is its disk limit.
pub(crate) const ARTIFACTS_MAX: u32 = 1000;

/// Tries of one step, as long as nobody has seen anything of the failed ones: a lost launcher takes every
/// lane of a slot with it, spares included, and each is found dead on its own.
const TRIES_MAX: u32 = 8;

/// A try that failed after this long is not repeated: it was no dead lane that was found.
const QUICK: Duration = Duration::from_secs(1);

/// Pauses between tries to make a slot anew grow from this to that, then the attempt is given up.
const RENEW_PAUSE: Duration = Duration::from_millis(20);
const RENEW_PAUSE_MAX: Duration = Duration::from_millis(500);

/// A running sandbox that is made anew when its launcher is lost.
pub(crate) struct LocalSandbox {
    config: SandboxConfig,
    current: Mutex<Arc<Current>>,
    /// Steps that run, by slot.
    running: Vec<AtomicU32>,
    /// Whoever runs one program and ends has none.
    compilers: OnceLock<Compilers>,
}

/// One sandbox, and whether a slot has found it dead.
struct Current {
    sandbox: Sandbox,
    lost: AtomicBool,
}

impl Current {
    fn start(config: &SandboxConfig) -> Result<Arc<Current>, StartError> {
        Ok(Arc::new(Current { sandbox: Sandbox::start(config.clone())?, lost: AtomicBool::new(false) }))
    }
}

impl LocalSandbox {
    /// Starts a sandbox that shows these languages' toolchains.
    ///
    /// # Errors
    /// When this machine cannot give what a sandbox needs.
    pub(crate) fn start<'l>(
        slots: usize,
        languages: impl IntoIterator<Item = &'l Language>,
        prepared: Option<&Shelf>,
    ) -> Result<Arc<LocalSandbox>, StartError> {
        let config = SandboxConfig { slots, mounts: mounts(languages, prepared), ..SandboxConfig::default() };
        LocalSandbox::with(config)
    }

    /// The same, for many programs: interpreters that a language wants warm are kept so.
    ///
    /// # Errors
    /// When this machine cannot give what a sandbox needs.
    pub(crate) fn start_warm<'l>(
        slots: usize,
        languages: impl IntoIterator<Item = &'l Language> + Clone,
        prepared: Option<&Shelf>,
    ) -> Result<Arc<LocalSandbox>, StartError> {
        let warm = languages.clone().into_iter().filter_map(warm_template).collect();
        let mounts = mounts(languages, prepared);
        LocalSandbox::with(SandboxConfig { slots, mounts, warm, ..SandboxConfig::default() })
    }

    fn with(config: SandboxConfig) -> Result<Arc<LocalSandbox>, StartError> {
        let slots = config.slots;
        let current = Mutex::new(Current::start(&config)?);
        let running = (0..slots.max(1)).map(|_| AtomicU32::new(0)).collect();
        Ok(Arc::new(LocalSandbox { config, current, running, compilers: OnceLock::new() }))
    }

    /// Keeps compilers warm from now on, for these users.
    pub(crate) fn keep_compilers(&self, sharing: Sharing) {
        self.compilers.get_or_init(|| Compilers::new(sharing));
    }

    /// A service in a living sandbox.
    pub(crate) fn service(
        &self,
        command: &ServiceCommand,
    ) -> Result<ServiceCell, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.living()?.sandbox.service(command)?)
    }

    /// A slot in which nothing runs at the moment.
    pub(crate) fn idle_slot(&self) -> Option<usize> {
        self.running.iter().position(|running| running.load(Ordering::Relaxed) == 0)
    }

    /// Whether the launcher is gone and there is no new one yet.
    pub(crate) fn is_lost(&self) -> bool {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).lost.load(Ordering::Relaxed)
    }

    /// An executor for a slot, its cells already made. After the launcher was lost, the first call makes
    /// a new sandbox.
    ///
    /// # Errors
    /// When there can be no sandbox, or no cells, at the moment.
    pub(crate) fn executor(self: &Arc<Self>, number: usize) -> Result<SlotExecutor, ExecuteError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ExecuteError { transient: true, source };
        let current = self.living().map_err(|error| failed(error.into()))?;
        let mut slot = current.sandbox.slot(number);
        if let Err(error) = slot.warm_up() {
            if matches!(error, RunError::LauncherLost) {
                current.lost.store(true, Ordering::Relaxed);
            }
            return Err(failed(error.into()));
        }
        Ok(SlotExecutor { whole: Arc::clone(self), number, current, slot })
    }

    fn living(&self) -> Result<Arc<Current>, StartError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.lost.load(Ordering::Relaxed) {
            tracing::warn!("the sandbox was lost and is made anew");
            *current = Current::start(&self.config)?;
        }
        Ok(Arc::clone(&current))
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
    current: Arc<Current>,
    slot: Slot,
}

impl SlotExecutor {
    /// Makes what a failure took: a lane is made anew by the slot itself, a launcher takes all slots with it.
    fn recover(&mut self, error: &RunError) -> Result<(), ExecuteError> {
        if !matches!(error, RunError::LauncherLost) {
            return Ok(());
        }
        self.current.lost.store(true, Ordering::Relaxed);
        self.renew()
    }

    /// A slot of a living sandbox. What the dead one left may be in the way for a moment.
    fn renew(&mut self) -> Result<(), ExecuteError> {
        let mut pause = RENEW_PAUSE;
        loop {
            match self.whole.executor(self.number) {
                Ok(executor) => {
                    *self = executor;
                    return Ok(());
                }
                Err(error) if pause > RENEW_PAUSE_MAX => return Err(error),
                Err(error) => {
                    tracing::warn!(slot = self.number, error = chain(&error), "cannot make a slot anew; trying again")
                }
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
    }
}

impl Executor for SlotExecutor {
    /// A try of which neither the observer nor a pipe of ours has seen anything is repeated here: a cell is
    /// fresh each time, so nobody can tell, and the run keeps its attempt.
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        let is_repeatable = matches!(step.stdin, StdinSource::Bytes(_));
        let command = Command {
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
            warm: self
                .whole
                .config
                .warm
                .iter()
                .find(|warm| warm.argv.first() == step.argv.first())
                .map(|warm| warm.kind),
            collect: step.collect.then_some(CollectLimits { files: ARTIFACTS_MAX, bytes: step.limits.disk }),
        };
        if self.current.lost.load(Ordering::Relaxed) {
            // Another slot has found out.
            self.renew()?;
        }
        let whole = Arc::clone(&self.whole);
        let _running = Running::begin(whole.running.get(self.number));
        let (began, mut tries) = (Instant::now(), 1);
        loop {
            let mut kept = Kept { stdout: Vec::new(), stderr: Vec::new(), observer };
            let error = match self.slot.run(&command, &mut kept) {
                Ok(report) => return Ok(result(report, kept.stdout, kept.stderr)),
                Err(error) => error,
            };
            let is_unseen = kept.stdout.is_empty() && kept.stderr.is_empty();
            let may_pass = error.is_transient() || matches!(error, RunError::LauncherLost);
            let again = tries < TRIES_MAX && began.elapsed() < QUICK && may_pass && is_unseen && is_repeatable;
            tracing::warn!(slot = self.number, again, error = %chain(&error), "a cell failed");
            self.recover(&error)?;
            if !again {
                return Err(ExecuteError { transient: error.is_transient(), source: error.into() });
            }
            tries += 1;
        }
    }

    fn compile_warm(&mut self, step: WarmInput<'_>, observer: &mut dyn StepObserver) -> Option<StepResult> {
        let compilers = self.whole.compilers.get()?;
        // The slot waits for the compiler: it is as busy as with a program.
        let _running = Running::begin(self.whole.running.get(self.number));
        compilers.compile(&self.whole, step, observer)
    }
}

fn result(report: CellReport, stdout: Vec<u8>, stderr: Vec<u8>) -> StepResult {
    let (exit_code, signal) = match report.exit {
        Some(ExitStatus::Exited(code)) => (Some(code), None),
        Some(ExitStatus::Signalled(signal)) => (None, Some(signal.0)),
        None => (None, None),
    };
    let report_of_step = StepReport {
        outcome: report.outcome,
        exit_code,
        signal,
        stdout: Output { data: stdout.into(), truncated: report.stdout_truncated },
        stderr: Output { data: stderr.into(), truncated: report.stderr_truncated },
        usage: report.usage,
    };
    StepResult { report: report_of_step, files: report.files, files_truncated: report.files_truncated }
}

/// Keeps what the sandbox lets through (it stops at the output limit) and passes it on.
struct Kept<'a> {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    observer: &'a mut dyn StepObserver,
}

impl Observer for Kept<'_> {
    fn stdout(&mut self, data: &[u8]) {
        self.stdout.extend_from_slice(data);
        self.observer.stdout(data);
    }

    fn stderr(&mut self, data: &[u8]) {
        self.stderr.extend_from_slice(data);
        self.observer.stderr(data);
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

/// Attacks every wall of a sandbox as it would be made for these languages. Takes about a second.
///
/// # Errors
/// When there is no sandbox to attack.
pub(crate) fn examine<'l>(
    languages: impl IntoIterator<Item = &'l Language>,
    prepared: Option<&Shelf>,
) -> Result<Examination, ExamineError> {
    doctor::examine(&SandboxConfig { mounts: mounts(languages, prepared), ..SandboxConfig::default() })
}

fn mounts<'l>(languages: impl IntoIterator<Item = &'l Language>, prepared: Option<&Shelf>) -> Vec<Mount> {
    let mut mounts: Vec<Mount> =
        languages.into_iter().flat_map(|l| l.mounts.iter().map(|m| PathBuf::from(m).into())).collect();
    mounts.extend(prepared.map(|shelf| Mount { source: shelf.root().to_owned(), target: prepared::TARGET.into() }));
    mounts.sort();
    mounts.dedup();
    mounts
}
