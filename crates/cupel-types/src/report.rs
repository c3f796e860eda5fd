//! The result of a run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{
    Accuracy, Artifacts, BoxPath, Bytes, Feedback, Grading, Limits, Outcome, Start, Usage, Verdict, Verification,
};

/// The kept part of an output stream.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The first bytes, at most the output limit.
    pub data: Arc<[u8]>,
    /// Whether the stream had more bytes than were kept.
    pub truncated: bool,
}

impl fmt::Debug for Output {
    /// Writes only the size, because the content belongs to a user and must not be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output({} bytes{})", self.data.len(), if self.truncated { ", truncated" } else { "" })
    }
}

/// The sandbox's report on one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    /// How the step ended.
    pub outcome: Outcome,
    /// Exit code of the main process, if it exited; may be present when a limit was exceeded.
    pub exit_code: Option<i32>,
    /// Signal that killed the main process, if any; may be present when a limit was exceeded.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// Resource usage.
    pub usage: Usage,
}

/// Result of the compile step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileReport {
    /// Whether compilation succeeded.
    pub ok: bool,
    /// Output of the compiler on both streams, in order of arrival.
    pub output: Output,
    /// Exit code of the compile command that failed or, if none failed, of the last command. `None` if the command
    /// exceeded a limit or was killed by a signal.
    pub exit_code: Option<i32>,
    /// The limit that ended the compilation, if one did. Reports of older versions lack it.
    pub limit: Option<Outcome>,
    /// Wall-clock time of the compilation; zero if the result came from the cache.
    pub wall_time: Duration,
    /// Whether the artefacts of an earlier, identical compilation were used.
    pub cached: bool,
}

/// Result of one test case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// The case's verdict.
    pub verdict: Verdict,
    /// Why the case is not accepted, if the verdict alone does not explain it.
    pub message: Option<String>,
    /// The sandbox's report on the execution.
    pub step: StepReport,
}

/// The complete result of a finished run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunReport {
    /// The run's verdict. If the submission has test cases: the verdict of the first case, in order, that is not
    /// accepted.
    pub verdict: Verdict,
    /// Human-readable message, if the verdict alone does not explain the result (for example an internal error).
    pub message: Option<String>,
    /// The compile step, if the language has one.
    pub compile: Option<CompileReport>,
    /// The execution, if there were no test cases and the program was executed.
    pub execution: Option<StepReport>,
    /// The test cases, in order, up to the last case that was run.
    pub cases: Vec<CaseReport>,
    /// The files that the submission requested, in the order of the request, with their content after the execution.
    /// Only regular files; missing files are omitted. Empty if a limit ended the program.
    pub files: Vec<FetchedFile>,
    /// The files that the program left behind, if the submission has patterns. Empty if a limit ended the program.
    pub artifacts: Artifacts,
    /// The result of a problem's cases, if the submission was to a problem.
    pub grading: Option<Grading>,
    /// The result of a package verification, if one was requested.
    pub verification: Option<Verification>,
    /// The limits that applied to the program.
    pub limits: Limits,
    /// Installed version of the language, such as `3.11.2`.
    pub language_version: String,
}

/// A file read back from the box of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedFile {
    /// Path of the file in the box.
    pub path: BoxPath,
    /// Content of the file, or the beginning of the content.
    pub content: Output,
}

impl RunReport {
    /// A report with only a verdict: nothing was compiled or executed.
    pub fn bare(verdict: Verdict, limits: Limits, language_version: &str) -> RunReport {
        RunReport {
            verdict,
            message: None,
            compile: None,
            execution: None,
            cases: Vec::new(),
            files: Vec::new(),
            artifacts: Artifacts::default(),
            grading: None,
            verification: None,
            limits,
            language_version: language_version.to_owned(),
        }
    }

    /// Resource usage of each execution of the program, in order.
    pub fn usages(&self) -> impl Iterator<Item = &Usage> {
        let steps = self.execution.iter().chain(self.cases.iter().map(|case| &case.step)).map(|step| &step.usage);
        let graded = self.grading.iter().flat_map(|grading| &grading.cases);
        steps.chain(graded.filter(|case| case.verdict != Verdict::Skipped).map(|case| &case.usage))
    }

    /// Number of bytes of output: of the compiler, the program and the interactor, and of the files that were read
    /// back.
    pub fn output_bytes(&self) -> usize {
        let grading = self.grading.iter();
        let graded = grading.clone().flat_map(|grading| &grading.cases);
        let steps = self.execution.iter().chain(self.cases.iter().map(|case| &case.step));
        let steps = steps.chain(graded.clone().filter_map(|case| case.step.as_ref()));
        let outputs = (self.compile.iter().map(|compile| &compile.output))
            .chain(steps.flat_map(|step| [&step.stdout, &step.stderr]))
            .chain(graded.filter_map(|case| case.conversation.as_ref()))
            .chain(grading.flat_map(|grading| [&grading.returned, &grading.conversation]).flatten())
            .chain(self.files.iter().map(|file| &file.content));
        outputs.map(|output| output.data.len()).sum()
    }

    /// Whether the program did not run because compilation failed.
    pub fn is_not_built(&self) -> bool {
        self.verdict.is_not_built()
    }

    /// Exit code of the compiler, if it rejected the program. If the compiler accepted the program, and the driver of a
    /// function problem then found that the function is missing, there is none.
    pub fn exit_code_of_compiler(&self) -> Option<i32> {
        self.compile.as_ref().filter(|compile| !compile.ok).and_then(|compile| compile.exit_code)
    }

    /// How the program was started: `Cold` if any execution was cold, `None` if its language has no warm start.
    pub fn start(&self) -> Option<Start> {
        let mut starts = self.usages().filter_map(|usage| usage.start);
        let first = starts.next()?;
        Some(if starts.all(|start| start == first) { first } else { Start::Cold })
    }

    /// How exact the times and the memory are: `Approximate` if those of any execution are.
    pub fn accuracy(&self) -> Accuracy {
        let is_exact = self.usages().all(|usage| usage.accuracy == Accuracy::Exact);
        if is_exact { Accuracy::Exact } else { Accuracy::Approximate }
    }

    /// Highest CPU time and highest memory over all executions. Zero if compilation failed; `None` if nothing ran for
    /// another reason.
    pub fn peak(&self) -> Option<(Duration, Bytes)> {
        let cpu_time = self.usages().map(|usage| usage.cpu_time).max();
        let memory = self.usages().map(|usage| usage.memory).max();
        cpu_time.zip(memory).or_else(|| self.is_not_built().then_some((Duration::ZERO, Bytes::ZERO)))
    }

    /// Whether cases ran whose data the sender may not see. Hidden cases that were skipped have no figures.
    pub fn ran_hidden_cases(&self) -> bool {
        let mut cases = self.grading.iter().flat_map(|grading| &grading.cases);
        cases.any(|case| case.feedback != Feedback::Full && case.verdict != Verdict::Skipped)
    }
}
