//! The compile step: runs the commands one after another, or returns the cached result of an identical compilation.
//!
//! Each command gets a fresh cell with the files that the previous command left. All commands together have one budget
//! of CPU and wall-clock time. Only the program receives the client's environment and arguments, so they are not part
//! of the cache key. A command that is too long for the sandbox, because it names too many files or has too many
//! arguments, is a compile error.

use std::sync::Arc;
use std::time::Duration;

use cupel_languages::Language;
use cupel_types::{BoxFiles, BoxPath, Bytes, CompileReport, Limits, Outcome, Output, ToolOptions, UserId, Verdict};

use crate::executor::{Collect, StdinSource, StepInput, StepKind, StepObserver, StepResult, WarmInput};
use crate::observer::{JudgeEvent, JudgeObserver};
use crate::{ArtifactCache, ArtifactKey, ExecuteError, Executor, files};

/// Minimum budget of a command, even if previous commands have used up the common budget. A limit of zero would have a
/// different meaning to the kernel.
const BUDGET_MIN: Duration = Duration::from_millis(1);

/// Result of the compile step.
pub(crate) enum Compiled {
    /// The language has no compile step.
    NotNeeded,
    /// The program can be run.
    Ok { report: CompileReport, artifacts: BoxFiles },
    /// The compiler rejected the source or exceeded its limits, or the run was cancelled.
    Refused {
        report: CompileReport,
        verdict: Verdict,
        message: Option<String>,
        /// Whether a limit was exceeded.
        limit: bool,
    },
}

/// The sources of a compilation, and their owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'a> {
    pub(crate) owner: UserId,
    /// All files in the box.
    pub(crate) files: &'a BoxFiles,
    /// The files that the commands name, the main source first. Excludes files that are only included by other files,
    /// such as headers.
    pub(crate) units: &'a BoxFiles,
    /// Path of the main source as submitted. In `files`, the main source may have another name, which its compiler
    /// requires.
    pub(crate) main: &'a BoxPath,
    /// The file or class to start, if the submission names one.
    pub(crate) entry: Option<&'a str>,
    /// How the program is compiled, in addition to the language's own commands.
    pub(crate) tools: &'a ToolOptions,
}

pub(crate) fn compile(
    sources: Sources<'_>,
    language: &Language,
    executor: &mut dyn Executor,
    cache: &dyn ArtifactCache,
    observer: &mut dyn JudgeObserver,
) -> Result<Compiled, ExecuteError> {
    let mut limits = language.compile_limits;
    let values = files::placeholders(language, sources.units, limits.memory);
    let commands = language.compile_commands(&values.with_tools(sources.tools));
    if commands.is_empty() {
        return Ok(Compiled::NotNeeded);
    }
    observer.event(JudgeEvent::CompileStarted);
    let is_repeatable = language.is_compilation_repeatable();
    let key = is_repeatable.then(|| ArtifactKey::of(sources.owner, language, &commands, sources.files));
    if let Some((artifacts, output)) = key.as_ref().and_then(|key| cache.get(key)) {
        let wall_time = Duration::ZERO;
        observer.event(JudgeEvent::CompileEnded { ok: true, cached: true, wall_time, output: &output });
        let output = Output { data: output, truncated: false };
        let report = CompileReport { ok: true, output, exit_code: Some(0), wall_time, cached: true };
        return Ok(Compiled::Ok { report, artifacts });
    }

    let env = language.environment(&[]);
    let mut transcript =
        Transcript { data: Vec::new(), bytes_max: as_usize(limits.output.get()), truncated: false, observer };
    let mut left = sources.files.clone();
    let mut wall_time = Duration::ZERO;
    let mut refused = None;
    let mut exit_code = Some(0);
    for argv in &commands {
        if let Some(why) = too_long(argv, &env) {
            exit_code = None;
            refused = Some((Verdict::CompileError, Some(why), false));
            break;
        }
        let step = StepInput {
            kind: StepKind::Compile,
            root: &language.root,
            argv,
            env: &env,
            files: std::slice::from_ref(&left),
            counted_files: Bytes::ZERO,
            stdin: StdinSource::Bytes(Arc::from([])),
            limits,
            keep: Bytes::ZERO,
            stderr_to_stdout: false,
            result: false,
            collect: Collect::All,
        };
        let result = match warm(sources.owner, language, argv, &left, limits, executor, &mut transcript) {
            Some(result) => result,
            None => executor.execute(step, &mut transcript)?,
        };
        let usage = result.report.usage;
        wall_time += usage.wall_time;
        exit_code = match result.report.outcome {
            Outcome::Exited(code) => Some(code),
            _ => None,
        };
        if !result.report.outcome.is_success() {
            let outcome = result.report.outcome;
            let limit = !matches!(outcome, Outcome::Exited(_) | Outcome::Signalled(_) | Outcome::Cancelled);
            refused = Some((verdict(outcome), refusal(outcome, language), limit));
            break;
        }
        if result.files_truncated {
            let message = "the compiler left too many files, or files that are too large".to_owned();
            refused = Some((Verdict::CompileError, Some(message), true));
            break;
        }
        left = result.files;
        limits.cpu_time = limits.cpu_time.saturating_sub(usage.cpu_time).max(BUDGET_MIN);
        limits.wall_time = limits.wall_time.saturating_sub(usage.wall_time).max(BUDGET_MIN);
    }
    let output = Output { data: transcript.data.into(), truncated: transcript.truncated };
    let ok = refused.is_none();
    observer.event(JudgeEvent::CompileEnded { ok, cached: false, wall_time, output: &output.data });

    let report = CompileReport { ok, output, exit_code, wall_time, cached: false };
    if let Some((verdict, message, limit)) = refused {
        return Ok(Compiled::Refused { report, verdict, message, limit });
    }
    let artifacts = files::pick_artifacts(language, &left);
    if let Some(key) = key.filter(|_| !report.output.truncated) {
        cache.put(key, &artifacts, &report.output.data);
    }
    Ok(Compiled::Ok { report, artifacts })
}

/// Asks the language's compile service for the result. `None` if there is no service, or if it returns no result.
fn warm(
    owner: UserId,
    language: &Language,
    argv: &[String],
    files: &BoxFiles,
    limits: Limits,
    executor: &mut dyn Executor,
    transcript: &mut Transcript<'_>,
) -> Option<StepResult> {
    language.service.as_ref()?;
    executor.compile_warm(WarmInput { language, owner, argv, files, limits }, transcript)
}

fn too_long(argv: &[String], env: &[(String, String)]) -> Option<String> {
    let what = "the compile command, with the paths of the sources and all arguments,";
    files::too_long(what, "use fewer sources, shorter paths or fewer arguments", argv, env)
}

fn verdict(outcome: Outcome) -> Verdict {
    if outcome == Outcome::Cancelled { Verdict::Cancelled } else { Verdict::CompileError }
}

/// Returns the reason why there is no program to run; `None` if the compiler's output contains the reason, or if the
/// run was cancelled.
fn refusal(outcome: Outcome, language: &Language) -> Option<String> {
    match outcome {
        Outcome::Signalled(signal) => Some(format!("the compiler was killed by {signal}")),
        Outcome::Exited(_) | Outcome::Cancelled => None,
        limit => language.compile_limits.exceeded(limit).map(|m| format!("the compiler: {m}")),
    }
}

/// Collects the compiler's output on both streams, in order of arrival, up to a bound.
struct Transcript<'a> {
    data: Vec<u8>,
    bytes_max: usize,
    truncated: bool,
    observer: &'a mut dyn JudgeObserver,
}

impl Transcript<'_> {
    fn append(&mut self, data: &[u8]) {
        let room = self.bytes_max.saturating_sub(self.data.len());
        self.truncated |= data.len() > room;
        self.data.extend_from_slice(&data[..data.len().min(room)]);
    }
}

impl StepObserver for Transcript<'_> {
    fn stdout(&mut self, data: &[u8]) {
        self.append(data);
    }

    fn stderr(&mut self, data: &[u8]) {
        self.append(data);
    }

    fn cancelled(&mut self) -> bool {
        self.observer.cancelled()
    }
}

fn as_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
