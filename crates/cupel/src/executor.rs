//! Adapter that makes the sandbox the judge's executor, so that neither crate depends on the other.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cupel_core::chain;
use cupel_judge::{
    Collect, ExecuteError, Executor, Interaction, InteractionResult, StdinSource, StepInput, StepKind, StepObserver,
    StepResult, WarmInput,
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

/// Maximum number of files that a compile step may pass on. Their total size is bounded by the step's disk limit.
pub(crate) const ARTIFACTS_MAX: u32 = 1000;

/// Maximum tries of one step. A step is repeated only if nobody has observed anything of the failed try. Several lanes
/// of a slot may have died, and each is detected by a separate try.
const TRIES_MAX: u32 = 8;

/// Longest duration of a failed try that is repeated. A dead lane is detected sooner than this, so a longer try failed
/// for another reason.
const QUICK: Duration = Duration::from_secs(1);

/// Running sandbox. A lost launcher cannot be replaced, because this process has given up the privileges to start one.
/// The process then has to end.
pub(crate) struct LocalSandbox {
    sandbox: Sandbox,
    /// Warm starts of its languages, whether or not this sandbox uses them.
    warm: Vec<WarmTemplate>,
    lost: AtomicBool,
    /// Number of running steps, by slot.
    running: Vec<AtomicU32>,
    /// Not set in a process that runs a single program.
    compilers: OnceLock<Compilers>,
    /// Whether lanes are created before they are needed.
    makes_ahead: bool,
}

/// Launcher of a [`LocalSandbox`] that has not started a thread yet. Privileges are given up at this point.
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

    /// Starts the sandbox of this launcher.
    pub(crate) fn start(self) -> Arc<LocalSandbox> {
        let running = (0..self.slots.max(1)).map(|_| AtomicU32::new(0)).collect();
        let Launched { launched, warm, makes_ahead, .. } = self;
        let (sandbox, lost) = (launched.start(), AtomicBool::new(false));
        Arc::new(LocalSandbox { sandbox, warm, lost, running, compilers: OnceLock::new(), makes_ahead })
    }
}

impl LocalSandbox {
    /// Starts the launcher of a sandbox that mounts the toolchains of these languages and, if a directory is given,
    /// their prepared artefacts.
    ///
    /// # Errors
    /// This machine lacks something that a sandbox needs.
    pub(crate) fn launch<'l>(
        slots: usize,
        languages: impl IntoIterator<Item = &'l Language> + Clone,
        prepared: Option<&Path>,
    ) -> Result<Launched, StartError> {
        let warm = languages.clone().into_iter().filter_map(warm_template).collect();
        Launched::with(SandboxConfig { slots, mounts: mounts(languages, prepared), ..SandboxConfig::default() }, warm)
    }

    /// As [`LocalSandbox::launch`], for many programs: keeps the interpreters warm whose language asks for it.
    ///
    /// # Errors
    /// This machine lacks something that a sandbox needs.
    pub(crate) fn launch_warm<'l>(
        slots: usize,
        languages: impl IntoIterator<Item = &'l Language> + Clone,
        prepared: Option<&Path>,
    ) -> Result<Launched, StartError> {
        let warm: Vec<_> = languages.clone().into_iter().filter_map(warm_template).collect();
        let mounts = mounts(languages, prepared);
        Launched::with(SandboxConfig { slots, mounts, warm: warm.clone(), ..SandboxConfig::default() }, warm)
    }

    /// As [`LocalSandbox::launch`], for one program: creates only what that program needs.
    ///
    /// # Errors
    /// This machine lacks something that a sandbox needs.
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

    /// Handle that waits for the end of the launcher.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    pub(crate) fn launcher_end(&self) -> std::io::Result<LauncherEnd> {
        self.sandbox.launcher_end()
    }

    /// Reason why instructions cannot be counted on this machine; `None` if they can.
    pub(crate) fn uncounted(&self) -> Option<&str> {
        self.sandbox.features().uncounted.as_deref()
    }

    /// Enables compile services, shared as given.
    pub(crate) fn keep_compilers(&self, sharing: Sharing) {
        self.compilers.get_or_init(|| Compilers::new(sharing));
    }

    /// Starts a service in this sandbox.
    pub(crate) fn service(
        &self,
        command: &ServiceCommand,
    ) -> Result<ServiceCell, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.sandbox.service(command)?)
    }

    /// A slot without running steps.
    pub(crate) fn idle_slot(&self) -> Option<usize> {
        self.running.iter().position(|running| running.load(Ordering::Relaxed) == 0)
    }

    /// Whether more than one step runs in a slot, for example a run beside the preparation of an artefact.
    pub(crate) fn is_shared(&self, slot: usize) -> bool {
        self.running.get(slot).is_some_and(|running| running.load(Ordering::Relaxed) > 1)
    }

    /// Whether the launcher has ended.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Creates the executor of a slot. Its lanes are created now, unless the sandbox is for one program.
    ///
    /// # Errors
    /// The launcher is lost, or cells cannot be created at the moment.
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

/// Guard that counts a running step until it is dropped.
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
    /// Slot for the second program of a conversation. It uses the same processor, because one of the two programs is
    /// usually waiting.
    partner: Option<Slot>,
}

impl Executor for SlotExecutor {
    /// Repeats a failed try if neither the observer nor one of our pipes has received anything of it. Each try has a
    /// fresh cell, so the repetition cannot be observed, and the run does not lose an attempt.
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
        let is_repeatable = matches!(step.stdin, StdinSource::Bytes(_));
        let keep = step.keep;
        let command = self.command(step);
        let whole = Arc::clone(&self.whole);
        let _running = Running::begin(whole.running.get(self.number));
        let (began, mut tries) = (Instant::now(), 1);
        loop {
            let mut kept = OutputCapture::new(keep, has_warm_start(&command), observer);
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

    fn talk(
        &mut self,
        talk: Interaction<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<InteractionResult, ExecuteError> {
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
        // The slot waits for the compile service and counts as busy, as with a program.
        let _running = Running::begin(self.whole.running.get(self.number));
        compilers.compile(&self.whole, step, observer)
    }
}

impl SlotExecutor {
    fn command(&self, step: StepInput<'_>) -> Command {
        let bounds = match &step.collect {
            Collect::Nothing => None,
            Collect::All | Collect::Outbox(_) => Some((ARTIFACTS_MAX, step.limits.disk)),
            Collect::Named { paths, keep } => Some((u32::try_from(paths.len()).unwrap_or(u32::MAX), *keep)),
        };
        let (outbox, fetch) = match step.collect {
            Collect::Nothing | Collect::All => (None, Vec::new()),
            Collect::Outbox(path) => (Some(path), Vec::new()),
            Collect::Named { paths, .. } => (None, paths),
        };
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
            // The slot decides whether the program can be forked from the zygote. Here only the interpreter has to
            // match.
            warm: self.whole.warm.iter().find(|warm| warm.argv.first() == step.argv.first()).map(|warm| warm.kind),
            result: step.result,
            collect: bounds.map(|(files, bytes)| CollectLimits {
                files,
                bytes,
                // The files of a failed compilation are of no use.
                after_failure: step.kind == StepKind::Execute,
            }),
            outbox,
            fetch,
            watch: false,
        }
    }
}

fn failed(error: RunError) -> ExecuteError {
    ExecuteError { transient: error.is_transient(), source: error.into() }
}

/// Stores output up to `keep` bytes per stream, and passes all of it on. The sandbox stops at the output limit.
struct OutputCapture<'a> {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    keep: usize,
    truncated: [bool; 2],
    heard: bool,
    /// Whether the report states how the program was started.
    has_warm_start: bool,
    observer: &'a mut dyn StepObserver,
}

/// Whether a warm start exists for the program, regardless of the machine and the configuration.
fn has_warm_start(command: &Command) -> bool {
    command.warm.is_some() && command.kind == CellKind::Run
}

impl OutputCapture<'_> {
    fn new(keep: Bytes, has_warm_start: bool, observer: &mut dyn StepObserver) -> OutputCapture<'_> {
        let keep = usize::try_from(keep.get()).unwrap_or(usize::MAX);
        let (stdout, stderr) = (Vec::new(), Vec::new());
        OutputCapture { stdout, stderr, keep, truncated: [false; 2], heard: false, has_warm_start, observer }
    }

    fn result(self, report: CellReport) -> StepResult {
        let (exit_code, signal) = match report.exit {
            Some(ExitStatus::Exited(code)) => (Some(code), None),
            Some(ExitStatus::Signalled(signal)) => (None, Some(signal.0)),
            None => (None, None),
        };
        if let Some(reason) = &report.cold {
            tracing::warn!(reason, "warm start failed; programs are started cold");
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
        StepResult {
            report: report_of_step,
            files: report.files,
            files_truncated: report.files_truncated,
            fetched: report.fetched,
        }
    }
}

/// Appends as much as fits into `keep` bytes. Returns whether all of it fitted.
fn keep_of(kept: &mut Vec<u8>, data: &[u8], keep: usize) -> bool {
    let room = keep.saturating_sub(kept.len()).min(data.len());
    kept.extend_from_slice(&data[..room]);
    room == data.len()
}

impl Observer for OutputCapture<'_> {
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

/// The warm start of a language whose file asks for one.
fn warm_template(language: &Language) -> Option<WarmTemplate> {
    let wanted = language.warm.as_deref().filter(|_| language.is_available())?;
    let Some(kind) = Warm::from_name(wanted) else {
        tracing::warn!(language = language.id.as_str(), wanted, "unknown warm start in a language file");
        return None;
    };
    let values = Placeholders::new(&language.source, language.limits.memory);
    Some(WarmTemplate { kind, argv: language.execute_command(&values), env: language.environment(&[]) })
}

/// Starts the launcher of a sandbox with the mounts of these languages, for [`doctor::examine_launched`] to attack.
///
/// # Errors
/// The sandbox cannot be started.
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
