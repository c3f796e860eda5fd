//! The result of a run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Bytes, Grading, Limits, Outcome, Usage, Verdict, Verification};

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

    /// The most CPU time and the most memory of any execution, each; `None` when nothing ran.
    pub fn peak(&self) -> Option<(Duration, Bytes)> {
        let cpu_time = self.usages().map(|usage| usage.cpu_time).max()?;
        Some((cpu_time, self.usages().map(|usage| usage.memory).max()?))
    }
}
