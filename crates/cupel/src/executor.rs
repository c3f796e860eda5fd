//! The sandbox as the judge's executor: the adapter between two crates that do not know each other.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use cupel_judge::{ExecuteError, Executor, StdinSource, StepInput, StepKind, StepObserver, StepResult};
use cupel_languages::Language;
use cupel_sandbox::doctor::{self, ExamineError, Examination};
use cupel_sandbox::{CellKind, CellReport, CollectLimits, Command, Observer, RunError, Sandbox, SandboxConfig, Slot, StartError, Stdin};
use cupel_types::{ExitStatus, Output, StepReport};

/// Files that a compile step may hand on; how many bytes is its disk limit.
const ARTIFACTS_MAX: u32 = 1000;

/// A running sandbox that is made anew when its launcher is lost.
pub(crate) struct LocalSandbox {
    config: SandboxConfig,
    current: Mutex<Arc<Current>>,
}

/// One sandbox, and whether a slot has found it dead.
struct Current {
    sandbox: Sandbox,
    lost: Mutex<bool>,
}

impl Current {
    fn start(config: &SandboxConfig) -> Result<Arc<Current>, StartError> {
        Ok(Arc::new(Current { sandbox: Sandbox::start(config.clone())?, lost: Mutex::new(false) }))
    }

    fn is_lost(&self) -> bool {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_lost(&self) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

impl LocalSandbox {
    /// Starts a sandbox that shows these languages' toolchains.
    ///
    /// # Errors
    /// When this machine cannot give what a sandbox needs.
    pub(crate) fn start<'l>(slots: usize, languages: impl IntoIterator<Item = &'l Language>) -> Result<LocalSandbox, StartError> {
        let config = SandboxConfig { slots, mounts: mounts(languages), ..SandboxConfig::default() };
        let current = Mutex::new(Current::start(&config)?);
        Ok(LocalSandbox { config, current })
    }

    /// An executor for a slot, its cells already made. After the launcher was lost, the first call makes
    /// a new sandbox.
    ///
    /// # Errors
    /// When there can be no sandbox, or no cells, at the moment.
    pub(crate) fn executor(&self, slot: usize) -> Result<SlotExecutor, ExecuteError> {
        let current = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            if current.is_lost() {
                tracing::warn!("the sandbox was lost and is made anew");
                *current = Current::start(&self.config).map_err(|error| ExecuteError { transient: true, source: error.into() })?;
            }
            Arc::clone(&current)
        };
        let mut executor = SlotExecutor { slot: current.sandbox.slot(slot), current };
        executor.slot.warm_up().map_err(|error| executor.failed(error))?;
        Ok(executor)
    }
}

/// One slot of the sandbox.
pub(crate) struct SlotExecutor {
    slot: Slot,
    current: Arc<Current>,
}

impl SlotExecutor {
    fn failed(&self, error: RunError) -> ExecuteError {
        if matches!(error, RunError::LauncherLost) {
            self.current.set_lost();
        }
        ExecuteError { transient: error.is_transient(), source: error.into() }
    }
}

impl Executor for SlotExecutor {
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError> {
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
            collect: step.collect.then_some(CollectLimits { files: ARTIFACTS_MAX, bytes: step.limits.disk }),
        };
        let mut kept = Kept { stdout: Vec::new(), stderr: Vec::new(), observer };
        let report = match self.slot.run(&command, &mut kept) {
            Ok(report) => report,
            Err(error) => return Err(self.failed(error)),
        };
        Ok(result(report, kept.stdout, kept.stderr))
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

/// Attacks every wall of a sandbox as it would be made for these languages. Takes about a second.
///
/// # Errors
/// When there is no sandbox to attack.
pub(crate) fn examine<'l>(languages: impl IntoIterator<Item = &'l Language>) -> Result<Examination, ExamineError> {
    doctor::examine(&SandboxConfig { mounts: mounts(languages), ..SandboxConfig::default() })
}

fn mounts<'l>(languages: impl IntoIterator<Item = &'l Language>) -> Vec<PathBuf> {
    let mut mounts: Vec<PathBuf> = languages.into_iter().flat_map(|l| l.mounts.iter().map(PathBuf::from)).collect();
    mounts.sort();
    mounts.dedup();
    mounts
}
