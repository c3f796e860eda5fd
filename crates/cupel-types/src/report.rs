//! The result of a run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Bytes, Feedback, Grading, Limits, Outcome, Start, Usage, Verdict, Verification};

/// What was kept of a stream, and whether that is all of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The first bytes, at most as many as the output limit allows.
    pub data: Arc<[u8]>,
    /// Whether more was written than is kept.
    pub truncated: bool,
}

impl fmt::Debug for Output {
    /// The size only: contents belong to a tenant and are never logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({} bytes{})", self.data.len(), if self.truncated { ", truncated" } else { "" })
    }
}

/// One step as the sandbox saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// How it ended.
    pub outcome: Outcome,
    /// Exit code of the main process, where it had one; also beside a limit outcome.
    pub exit_code: Option<i32>,
    /// Signal that ended the main process, where one did; also beside a limit outcome.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// What it used.
    pub usage: Usage,
}

/// What the compiler said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileReport {
    /// Whether there is something to run.
    pub ok: bool,
    /// Standard output and error of the compiler, joined.
    pub output: Output,
    /// Exit code of the compiler: of the command that failed, or of the last one. `None` if a limit or a signal ended it.
    pub exit_code: Option<i32>,
    /// Wall-clock time it took; zero when it came from the cache.
    pub wall_time: Duration,
    /// Whether the artefacts of an earlier, identical compilation were used.
    pub cached: bool,
}

/// One test case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// The judgement of this case.
    pub verdict: Verdict,
    /// What the sandbox saw.
    pub step: StepReport,
}

/// All that is known of a run that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// The judgement. With test cases: the first that is not accepted, in their order.
    pub verdict: Verdict,
    /// For people, where the verdict alone does not explain itself (an internal error, say).
    pub message: Option<String>,
    /// The compile step, where the language has one.
    pub compile: Option<CompileReport>,
    /// The execution, where there were no test cases and there was something to execute.
    pub execution: Option<StepReport>,
    /// The test cases, in order, up to the last that was run.
    pub cases: Vec<CaseReport>,
    /// What a problem's tests said, where there was one.
    pub grading: Option<Grading>,
    /// What a package's check came to, where that was asked for.
    pub verification: Option<Verification>,
    /// The limits that were in force for the program.
    pub limits: Limits,
    /// The version of the language that ran it, such as `3.11.2`.
    pub language_version: String,
}

impl RunReport {
    /// A verdict of which nothing else is known yet: nothing was compiled or executed.
    pub fn bare(verdict: Verdict, limits: Limits, language_version: &str) -> RunReport {
        RunReport {
            verdict,
            message: None,
            compile: None,
            execution: None,
            cases: Vec::new(),
            grading: None,
            verification: None,
            limits,
            language_version: language_version.to_owned(),
        }
    }

    /// What each execution of the program used, in order.
    pub fn usages(&self) -> impl Iterator<Item = &Usage> {
        let steps = self.execution.iter().chain(self.cases.iter().map(|case| &case.step)).map(|step| &step.usage);
        let graded = self.grading.iter().flat_map(|grading| &grading.cases);
        steps.chain(graded.filter(|case| case.verdict != Verdict::Skipped).map(|case| &case.usage))
    }

    /// Whether there was nothing to run because the source was refused.
    pub fn is_not_built(&self) -> bool {
        matches!(self.verdict, Verdict::CompileError | Verdict::CompileLimit)
    }

    /// How the program was started: cold if any execution was, `None` where its language has no warm start.
    pub fn start(&self) -> Option<Start> {
        let mut starts = self.usages().filter_map(|usage| usage.start);
        let first = starts.next()?;
        Some(if starts.all(|start| start == first) { first } else { Start::Cold })
    }

    /// The most CPU time and the most memory of any execution, each; zero for a program that was not built, `None` when
    /// nothing ran for another reason.
    pub fn peak(&self) -> Option<(Duration, Bytes)> {
        let cpu_time = self.usages().map(|usage| usage.cpu_time).max();
        let memory = self.usages().map(|usage| usage.memory).max();
        cpu_time.zip(memory).or_else(|| self.is_not_built().then_some((Duration::ZERO, Bytes::ZERO)))
    }

    /// Whether there are tests of which the sender may not see the data.
    pub fn has_hidden_cases(&self) -> bool {
        let mut cases = self.grading.iter().flat_map(|grading| &grading.cases);
        cases.any(|case| case.feedback != Feedback::Full)
    }

    /// [`RunReport::peak`] as the sender may know it: coarse if there are hidden tests.
    pub fn peak_for_sender(&self) -> Option<(Duration, Bytes)> {
        let (time, memory) = self.peak()?;
        Some(if self.has_hidden_cases() { (coarse_time(time), coarse_memory(memory)) } else { (time, memory) })
    }
}

/// The steps in which the sender learns the time and memory of hidden tests: a program can choose both by what it reads, so exact figures
/// would be a way out for the data. Source: Kattis and CSES show hundredths of a second and whole megabytes.
const COARSE_TIME: Duration = Duration::from_millis(10);
const COARSE_MEMORY: Bytes = Bytes::mib(1);

/// A time, rounded up to hundredths of a second.
pub fn coarse_time(time: Duration) -> Duration {
    let step = COARSE_TIME.as_micros();
    let us = time.as_micros().div_ceil(step).saturating_mul(step);
    Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX))
}

/// An amount of memory, rounded up to whole MiB.
pub fn coarse_memory(memory: Bytes) -> Bytes {
    let step = COARSE_MEMORY.get();
    Bytes::new(memory.get().div_ceil(step).saturating_mul(step))
}
