//! Response types for submissions, languages and accounts. Their names are stable: fields may be added, but never
//! renamed or removed.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cupel_core::run::{RunState, SentFor, SubmissionRecord, SubmissionSummary};
use cupel_types::{
    Bytes, CaseReport, FetchedFile, Grading, Instructions, Limits, Outcome, Output, RunReport, Signal, Start,
    StepReport, Verdict, coarse_memory, coarse_time,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::v1::artifacts::ArtifactView;
use crate::v1::problems::Disclosure;
use crate::v1::problems::result::{GradedView, SentFileView, graded};
use crate::v1::problems::view::points;

/// Time in RFC 3339, in UTC, with milliseconds.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// An accepted submission.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "submission_id": "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a", "status": "queued", "message": "Code submitted for execution" }))]
pub(crate) struct Accepted {
    /// The submission's id. The submission will reach a final state even if the server fails.
    pub(crate) submission_id: String,
    /// `queued`, or the submission's status at the end of the wait.
    pub(crate) status: Status,
    /// Message for people.
    pub(crate) message: String,
    /// Whether this is an earlier, identical submission of yours, because you allowed it with `cache`. Absent if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cached: bool,
}

impl Accepted {
    /// Message for a program.
    pub(crate) const PROGRAM: &str = "Code submitted for execution";

    pub(crate) fn new(id: cupel_types::SubmissionId) -> Accepted {
        Accepted {
            submission_id: id.to_string(),
            status: Status::Queued,
            message: Accepted::PROGRAM.to_owned(),
            cached: false,
        }
    }
}

/// An accepted batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedBatch {
    /// In the order of the request.
    pub(crate) submissions: Vec<Accepted>,
}

/// Status of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Waits for a worker.
    Queued,
    /// A worker is executing it.
    Running,
    /// Ended with exit code 0 (and, with tests, all answers right): verdict `AC`.
    Completed,
    /// Ended in any other way.
    Failed,
    /// Cancelled by its owner.
    Cancelled,
}

impl Status {
    /// Name, as in JSON.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Running => "running",
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Cancelled => "cancelled",
        }
    }
}

impl From<&RunState> for Status {
    fn from(state: &RunState) -> Status {
        match state {
            RunState::Queued { .. } => Status::Queued,
            RunState::Leased { .. } => Status::Running,
            RunState::Judged { verdict: Verdict::Accepted, .. } => Status::Completed,
            RunState::Judged { verdict: Verdict::Cancelled, .. } | RunState::Cancelled { .. } => Status::Cancelled,
            RunState::Judged { .. } | RunState::Abandoned { .. } => Status::Failed,
        }
    }
}

/// A submission with all its data. Values that are not known (yet) are `null`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionView {
    /// The submission's id.
    pub(crate) submission_id: String,
    /// The submission's status.
    pub(crate) status: Status,
    /// The language's id; `null` for the verification of a package.
    pub(crate) language: Option<String>,
    /// Standard output; if it is not UTF-8, with replacement characters (and exactly in `stdout_base64`). Empty if
    /// compilation failed; with tests `null`, see `tests`.
    pub(crate) stdout: Option<String>,
    /// Exact standard output; only if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stdout_base64: Option<String>,
    /// Standard error, like `stdout`.
    pub(crate) stderr: Option<String>,
    /// Exact standard error; only if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stderr_base64: Option<String>,
    /// Why compilation failed, if it did: the judge's reason, then the compiler's output.
    pub(crate) compilation_error: Option<String>,
    /// How the program failed, if it did, in one sentence: its exit code, its signal or the limit. With tests, for the
    /// deciding test; for a hidden test of a problem, only the meaning of the verdict.
    pub(crate) runtime_error: Option<String>,
    /// CPU time in milliseconds; with tests, of the slowest test. 0 if compilation failed. If tests of a problem are
    /// hidden, the time is rounded up to 10 ms.
    pub(crate) execution_time_ms: Option<u64>,
    /// Machine instructions, without the kernel's; with tests, of the test with the most. Only if the server can count
    /// them, and if no test of the problem is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instructions: Option<u64>,
    /// Peak memory of all the program's processes together, in KiB; with tests, of the test with the most. At least
    /// 1,024 if the program ran, and 0 if compilation failed. If tests of a problem are hidden, rounded up to whole
    /// MiB.
    ///
    /// `limits.memory_kb` limits the same amount: private and shared memory of the processes, files that they write to
    /// `/box`, `/tmp` and `/dev/shm`, page tables and pipes. Not counted: the program's own executable and source, its
    /// other input files, and pages of files on disk, such as the toolchain's executables and libraries. For a program
    /// that reached its memory limit, the figure is the limit. Warm and cold starts are measured in the same way.
    /// With control groups of version 1, the figures of a program agree within 5 % from run to run; with version 2, or if
    /// the program frees much memory, they may also differ by 256 KiB, and those of warm and cold starts by 512 KiB.
    ///
    /// `ru_maxrss` and `VmHWM` apply to one process and include resident pages of executables and libraries. So they
    /// are larger for a program with one process (C: by 1 MiB, Python: by 5 MiB, Java: by 20 MiB) and smaller for a
    /// program with many processes. `cg-mem` of isolate is the same measure, but also counts the executable and files
    /// on disk that the program was the first to read.
    pub(crate) memory_used_kb: Option<u64>,
    /// How the program was started, if its language has a warm start: `warm` (as a copy of an initialised interpreter)
    /// or `cold` (by executing the interpreter, which is part of `execution_time_ms`). With tests: `cold` if any test
    /// was started cold. Compare times only between programs with the same kind of start. Absent if tests of a problem
    /// are hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<StartView>,
    /// The exit code, if the program exited by itself; with tests, of the deciding test. If compilation failed, the
    /// compiler's. `null` after a signal or a limit.
    pub(crate) exit_code: Option<i32>,
    /// Time at which the submission was accepted.
    #[schema(format = DateTime)]
    pub(crate) submitted_at: String,
    /// Time at which the submission reached its final state.
    #[schema(format = DateTime)]
    pub(crate) completed_at: Option<String>,
    /// `AC`, `WA`, `TLE`, `ILE`, `MLE`, `OLE`, `RTE`, `CE`, `JE` or `CANCELLED`; for problems also `PT`, `PE`, `SV` and
    /// `CLE`.
    pub(crate) verdict: Option<String>,
    /// Explanation for people, if the verdict alone is not enough: the exception that ended the program, as its
    /// language prints it (`IndexError: list index out of range (line 3)`), the limit that was reached, or the first
    /// difference. Exceptions are extracted from the program's standard error: show them, but do not rely on them.
    pub(crate) message: Option<String>,
    /// The number of the signal that ended the program, if one did.
    pub(crate) signal: Option<i32>,
    /// Wall-clock time in milliseconds; with tests, of the slowest test. 0 if compilation failed. `null` if tests of a
    /// problem are hidden.
    pub(crate) wall_time_ms: Option<u64>,
    /// Whether some output was discarded: the output of all tests together is kept up to the operator's limit (8 MiB by
    /// default).
    pub(crate) truncated: Option<bool>,
    /// Number of attempts by workers. More than one only if a worker failed, or if the submission was judged again.
    pub(crate) attempts: u32,
    /// Start of the first attempt.
    #[schema(format = DateTime)]
    pub(crate) started_at: Option<String>,
    /// The compilation, if programs of the language are compiled.
    pub(crate) compile: Option<CompileView>,
    /// The tests, in order, up to the last that ran.
    pub(crate) tests: Vec<TestView>,
    /// The limits that applied.
    pub(crate) limits: Option<LimitsView>,
    /// The language version that ran the program, such as `3.11.2`.
    pub(crate) language_version: Option<String>,
    /// Whether this is the result of an earlier, identical submission of yours, because you allowed it with `cache`.
    /// Absent if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cached: bool,
    /// The judging result, for a submission to a problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<GradedView>,
    /// The files that were requested with `fetch_files` and exist. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fetched_files: Vec<FetchedFileView>,
    /// The files that the program left behind and that match a pattern of `artifacts`, ordered by path. At most 200 are
    /// listed, and the contents of at most 100 are kept: at most 4 MiB of one file, and 8 MiB of all files and the output
    /// together, unless the operator sets another maximum. Without the files of the request that the program did not
    /// change. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) artifacts: Vec<ArtifactView>,
    /// Whether there may be more files than `artifacts` lists. Absent if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) artifacts_truncated: bool,
    /// The submitted files; only from `GET /submissions/{submission_id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) files: Option<Vec<SentFileView>>,
}

/// A compilation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompileView {
    /// Whether compilation succeeded.
    pub(crate) ok: bool,
    /// The compiler's output, including warnings.
    pub(crate) output: String,
    /// The compiler's exit code; `null` if a signal or a limit ended it.
    pub(crate) exit_code: Option<i32>,
    /// Duration, in milliseconds; 0 if the result came from the cache.
    pub(crate) time_ms: u64,
    /// Whether an earlier, identical compilation was used.
    pub(crate) cached: bool,
    /// Whether some of the compiler's output was discarded.
    pub(crate) truncated: bool,
}

/// One test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestView {
    /// The test's name.
    pub(crate) name: String,
    /// The test's verdict.
    pub(crate) verdict: String,
    /// Standard output.
    pub(crate) stdout: String,
    /// Exact standard output; only if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stdout_base64: Option<String>,
    /// Standard error.
    pub(crate) stderr: String,
    /// Exact standard error; only if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stderr_base64: Option<String>,
    /// Why the program failed, if it did.
    pub(crate) runtime_error: Option<String>,
    /// Explanation for people, like the submission's `message`: the exception that ended the program, the limit that
    /// was reached, or the first difference.
    pub(crate) message: Option<String>,
    /// The exit code, if the program exited by itself.
    pub(crate) exit_code: Option<i32>,
    /// The number of the signal that ended the program, if one did.
    pub(crate) signal: Option<i32>,
    /// CPU time in milliseconds.
    pub(crate) execution_time_ms: u64,
    /// Wall-clock time in milliseconds.
    pub(crate) wall_time_ms: u64,
    /// Machine instructions of all processes, without the kernel's; only if the server can count them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instructions: Option<u64>,
    /// Peak memory in KiB; see `memory_used_kb` of the submission.
    pub(crate) memory_used_kb: u64,
    /// `warm` or `cold`; see `start` of the submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<StartView>,
    /// Whether some output was discarded.
    pub(crate) truncated: bool,
}

/// How a program was started.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StartView {
    /// As a copy of an initialised interpreter.
    Warm,
    /// By executing the interpreter.
    Cold,
}

impl From<Start> for StartView {
    fn from(start: Start) -> StartView {
        match start {
            Start::Warm => StartView::Warm,
            Start::Cold => StartView::Cold,
        }
    }
}

/// The limits that applied. Names and units are those of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitsView {
    pub(crate) cpu_time_ms: u64,
    pub(crate) wall_time_ms: u64,
    pub(crate) idle_time_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instructions: Option<u64>,
    pub(crate) memory_kb: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address_space_kb: Option<u64>,
    pub(crate) processes: u32,
    pub(crate) open_files: u32,
    pub(crate) file_size_kb: u64,
    pub(crate) disk_kb: u64,
    pub(crate) inodes: u64,
    pub(crate) output_kb: u64,
    pub(crate) stack_kb: u64,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> LimitsView {
        let Limits {
            cpu_time,
            wall_time,
            idle_time,
            instructions,
            memory,
            address_space,
            processes,
            open_files,
            file_size,
            disk,
            inodes,
            output,
            stack,
        } = limits;
        LimitsView {
            cpu_time_ms: cpu_time.as_millis() as u64,
            wall_time_ms: wall_time.as_millis() as u64,
            idle_time_ms: idle_time.as_millis() as u64,
            instructions: instructions.map(Instructions::get),
            memory_kb: memory.as_kib(),
            address_space_kb: address_space.map(Bytes::as_kib),
            processes,
            open_files,
            file_size_kb: file_size.as_kib(),
            disk_kb: disk.as_kib(),
            inodes,
            output_kb: output.as_kib(),
            stack_kb: stack.as_kib(),
        }
    }
}

/// The limits as in a response of the API. `cupel run --json` prints this object.
pub fn limits_json(limits: Limits) -> serde_json::Value {
    serde_json::to_value(LimitsView::from(limits)).unwrap_or_default()
}

/// Output as text and, if it is not UTF-8, also as base64.
pub(crate) fn text_of(output: &Output) -> (String, Option<String>) {
    match std::str::from_utf8(&output.data) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (String::from_utf8_lossy(&output.data).into_owned(), Some(BASE64_STANDARD.encode(&output.data))),
    }
}

/// The reason of a failed compilation: the judge's reason, if any, then the compiler's output. Never empty.
pub fn compilation_error(report: &RunReport) -> String {
    let compiler_output = report.compile.as_ref().map(|compile| text_of(&compile.output).0).unwrap_or_default();
    match (&report.message, compiler_output.trim().is_empty()) {
        (None, false) => compiler_output,
        (Some(why), false) => format!("{why}\n{compiler_output}"),
        (Some(why), true) => why.clone(),
        (None, true) => match report.compile.as_ref().and_then(|compile| compile.exit_code) {
            Some(code) => format!("the compiler ended with exit code {code} and printed nothing"),
            None => "the program was not compiled".to_owned(),
        },
    }
}

/// The reason why a program failed at run time, in one sentence; `None` if the verdict is not a run-time failure.
pub fn runtime_error(verdict: Verdict, step: &StepReport, limits: &Limits) -> Option<String> {
    if matches!(
        verdict,
        Verdict::InternalError
            | Verdict::Cancelled
            | Verdict::WrongAnswer
            | Verdict::PresentationError
            | Verdict::PartialScore
            | Verdict::Skipped
            | Verdict::Accepted
            | Verdict::CompileError
            | Verdict::CompileLimit
    ) {
        return None;
    }
    match step.outcome {
        // A program of a problem may run slightly longer than its limit, and exit by itself.
        Outcome::Exited(_) | Outcome::Signalled(_) if verdict == Verdict::TimeLimit => {
            limits.exceeded(Outcome::TimeLimit)
        }
        Outcome::Cancelled if verdict == Verdict::TimeLimit => {
            Some("time limit for all executions of the run exceeded".to_owned())
        }
        Outcome::Exited(code) => Some(format!("exit code {code}")),
        Outcome::Signalled(signal) => Some(format!("killed by {signal}")),
        outcome => limits.exceeded(outcome),
    }
}

/// Like [`runtime_error`], for a submission to a problem. For a hidden test, the sentence contains no more information
/// than the verdict, because an exit code could leak a part of the input.
fn runtime_error_of_problem(verdict: Verdict, grading: &Grading, limits: &Limits) -> Option<String> {
    let decisive = grading.cases.iter().find(|case| case.verdict == verdict);
    let shown = decisive.and_then(|case| case.step.as_ref()).and_then(|step| runtime_error(verdict, step, limits));
    shown.or_else(|| {
        Some(match verdict {
            Verdict::RuntimeError => "exit code other than 0, or killed by a signal".to_owned(),
            Verdict::SecurityViolation => "killed for a system call that is not allowed".to_owned(),
            Verdict::TimeLimit => return limits.exceeded(Outcome::TimeLimit),
            Verdict::IdleLimit => "idle or wall time limit exceeded".to_owned(),
            Verdict::MemoryLimit => return limits.exceeded(Outcome::MemoryLimit),
            Verdict::OutputLimit => "output or disk limit exceeded".to_owned(),
            Verdict::Accepted
            | Verdict::PartialScore
            | Verdict::WrongAnswer
            | Verdict::PresentationError
            | Verdict::CompileError
            | Verdict::CompileLimit
            | Verdict::Skipped
            | Verdict::InternalError
            | Verdict::Cancelled => return None,
        })
    })
}

pub(crate) fn exit_code(step: &StepReport) -> Option<i32> {
    step.exit_code.or(match step.outcome {
        Outcome::Exited(code) => Some(code),
        _ => None,
    })
}

pub(crate) fn signal(step: &StepReport) -> Option<i32> {
    step.signal.or(match step.outcome {
        Outcome::Signalled(Signal(number)) => Some(number),
        _ => None,
    })
}

fn test_view(case: &CaseReport, limits: &Limits) -> TestView {
    let (stdout, stdout_base64) = text_of(&case.step.stdout);
    let (stderr, stderr_base64) = text_of(&case.step.stderr);
    TestView {
        name: case.name.clone(),
        verdict: case.verdict.code().to_owned(),
        stdout,
        stdout_base64,
        stderr,
        stderr_base64,
        runtime_error: runtime_error(case.verdict, &case.step, limits),
        message: case.message.clone(),
        exit_code: exit_code(&case.step),
        signal: signal(&case.step),
        execution_time_ms: case.step.usage.cpu_time.as_millis() as u64,
        wall_time_ms: case.step.usage.wall_time.as_millis() as u64,
        instructions: case.step.usage.instructions.map(Instructions::get),
        memory_used_kb: case.step.usage.memory.as_kib(),
        start: case.step.usage.start.map(StartView::from),
        truncated: case.step.stdout.truncated || case.step.stderr.truncated,
    }
}

impl SubmissionView {
    pub(crate) fn of(record: &SubmissionRecord, disclosure: &Disclosure) -> SubmissionView {
        let report = record.report.as_ref();
        let verdict = record.state.verdict();
        let steps: Vec<&StepReport> =
            report.map(|r| r.execution.iter().chain(r.cases.iter().map(|c| &c.step)).collect()).unwrap_or_default();
        // The deciding step: the only execution, or the first test that failed, or the last one.
        let deciding = report.and_then(|r| {
            let case = r.cases.iter().find(|c| c.verdict != Verdict::Accepted).or(r.cases.last());
            r.execution.as_ref().or(case.map(|c| &c.step))
        });
        let execution = report.and_then(|r| r.execution.as_ref());
        let (stdout, stdout_base64) = execution.map(|e| text_of(&e.stdout)).map_or((None, None), |(t, b)| (Some(t), b));
        let (stderr, stderr_base64) = execution.map(|e| text_of(&e.stderr)).map_or((None, None), |(t, b)| (Some(t), b));
        let compile = report.and_then(|r| r.compile.as_ref());
        let sees_all = |report: &&RunReport| disclosure.as_author || !report.has_hidden_cases();
        let measured = report.filter(sees_all);
        let peak = measured.map_or_else(|| report.and_then(RunReport::peak_for_sender), RunReport::peak);
        // If compilation failed, there is no output, and no time or memory was used.
        let not_built = report.filter(|r| r.is_not_built());
        let (stdout, stderr) = match not_built {
            Some(_) => (stdout.or_else(|| Some(String::new())), stderr.or_else(|| Some(String::new()))),
            None => (stdout, stderr),
        };
        SubmissionView {
            submission_id: record.submission.id.to_string(),
            status: Status::from(&record.state),
            language: record.submission.language().map(ToString::to_string),
            stdout,
            stdout_base64,
            stderr,
            stderr_base64,
            compilation_error: not_built.map(compilation_error),
            runtime_error: verdict.and_then(|verdict| {
                let report = report?;
                match (deciding, &report.grading) {
                    (Some(step), _) => runtime_error(verdict, step, &report.limits),
                    (None, Some(grading)) => runtime_error_of_problem(verdict, grading, &report.limits),
                    (None, None) => None,
                }
            }),
            execution_time_ms: peak.map(|(cpu_time, _)| cpu_time.as_millis() as u64),
            instructions: measured
                .and_then(|r| r.usages().filter_map(|usage| usage.instructions).max())
                .map(Instructions::get),
            memory_used_kb: peak.map(|(_, memory)| memory.as_kib()),
            start: measured.and_then(RunReport::start).map(StartView::from),
            exit_code: match not_built {
                Some(report) => report.compile.as_ref().and_then(|c| c.exit_code),
                None => deciding.and_then(exit_code),
            },
            submitted_at: rfc3339(record.submission.submitted_at),
            completed_at: record.completed_at.map(rfc3339),
            verdict: verdict.map(|v| v.code().to_owned()),
            message: report.and_then(|r| r.message.clone()).or_else(|| abandoned(&record.state)),
            signal: deciding.and_then(signal),
            wall_time_ms: measured
                .and_then(|r| r.usages().map(|usage| usage.wall_time.as_millis() as u64).max())
                .or(not_built.map(|_| 0)),
            truncated: report.map(|report| {
                let graded = report.grading.iter().flat_map(|grading| [&grading.returned, &grading.conversation]);
                let mut outputs = steps.iter().flat_map(|s| [&s.stdout, &s.stderr]).chain(graded.flatten());
                outputs.any(|output| output.truncated)
            }),
            attempts: record.state.attempts(),
            started_at: record.started_at.map(rfc3339),
            compile: compile.map(|c| CompileView {
                ok: c.ok,
                output: text_of(&c.output).0,
                exit_code: c.exit_code,
                time_ms: c.wall_time.as_millis() as u64,
                cached: c.cached,
                truncated: c.output.truncated,
            }),
            tests: report.map(|r| r.cases.iter().map(|c| test_view(c, &r.limits)).collect()).unwrap_or_default(),
            limits: report.map(|r| r.limits.into()),
            language_version: report.map(|r| r.language_version.clone()),
            cached: disclosure.cached,
            problem: graded(record, disclosure),
            fetched_files: report.map(|r| r.files.iter().map(FetchedFileView::from).collect()).unwrap_or_default(),
            artifacts: report
                .map(|r| r.artifacts.files.iter().map(|one| ArtifactView::of(record.submission.id, one)).collect())
                .unwrap_or_default(),
            artifacts_truncated: report.is_some_and(|r| r.artifacts.has_more),
            files: disclosure.with_files.then(|| {
                record
                    .submission
                    .source()
                    .map(|source| source.files.iter().map(SentFileView::from).collect())
                    .unwrap_or_default()
            }),
        }
    }
}

fn abandoned(state: &RunState) -> Option<String> {
    match state {
        RunState::Abandoned { attempts } => {
            Some(format!("The judge failed {attempts} times to run this program. The program is not the cause."))
        }
        RunState::Queued { .. } | RunState::Leased { .. } | RunState::Judged { .. } | RunState::Cancelled { .. } => {
            None
        }
    }
}

/// A file that was read back after the execution.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FetchedFileView {
    /// Path of the file in the working directory.
    pub(crate) path: String,
    /// Content of the file, as base64.
    pub(crate) content_base64: String,
    /// Whether the content is only the beginning of the file: at most 8 MiB are kept of the output and all files
    /// together.
    pub(crate) truncated: bool,
}

impl From<&FetchedFile> for FetchedFileView {
    fn from(file: &FetchedFile) -> FetchedFileView {
        let FetchedFile { path, content } = file;
        FetchedFileView {
            path: path.to_string(),
            content_base64: BASE64_STANDARD.encode(&content.data),
            truncated: content.truncated,
        }
    }
}

/// Submissions requested by id.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionViews {
    /// In the order of the request; ids that do not exist (for you) are omitted.
    pub(crate) submissions: Vec<SubmissionView>,
}

/// A submission in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SummaryView {
    /// The submission's id.
    pub(crate) submission_id: String,
    /// The language's id; `null` for the verification of a package.
    pub(crate) language: Option<String>,
    /// Purpose: `run` (a program, without a problem), `submission` (to a problem, and it counts), `samples` (tried on a
    /// problem's samples), `custom_input` (tried on the sender's own input) or `verification` (of a problem's package).
    pub(crate) purpose: &'static str,
    /// The submission's status.
    pub(crate) status: Status,
    /// Time at which the submission was accepted.
    #[schema(format = DateTime)]
    pub(crate) submitted_at: String,
    /// Time at which the submission reached its final state.
    #[schema(format = DateTime)]
    pub(crate) completed_at: Option<String>,
    /// The verdict, once there is one.
    pub(crate) verdict: Option<String>,
    /// CPU time in milliseconds; for a submission to a problem rounded up to 10 ms, except for its authors.
    pub(crate) execution_time_ms: Option<u64>,
    /// Peak memory in KiB; for a submission to a problem rounded up to whole MiB, except for its authors.
    pub(crate) memory_used_kb: Option<u64>,
    /// Slug of the problem of the submission; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    /// The score; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f64>,
    /// The submission's owner; only in lists that can contain other users' submissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
}

impl From<SubmissionSummary> for SummaryView {
    /// Summary for the submission's owner.
    fn from(summary: SubmissionSummary) -> SummaryView {
        let (time, memory) = (summary.cpu_time, summary.memory);
        // Hidden tests occur only in submissions that count.
        let (time, memory) = match summary.sent_for {
            SentFor::Submission => (time.map(coarse_time), memory.map(coarse_memory)),
            SentFor::Run | SentFor::Samples | SentFor::CustomInput | SentFor::Verification => (time, memory),
        };
        SummaryView::for_author(SubmissionSummary { cpu_time: time, memory, ..summary })
    }
}

impl SummaryView {
    /// Summary for the problem's authors.
    pub(crate) fn for_author(summary: SubmissionSummary) -> SummaryView {
        SummaryView {
            submission_id: summary.id.to_string(),
            language: summary.language.as_ref().map(ToString::to_string),
            purpose: summary.sent_for.as_str(),
            status: Status::from(&summary.state),
            submitted_at: rfc3339(summary.submitted_at),
            completed_at: summary.completed_at.map(rfc3339),
            verdict: summary.state.verdict().map(|v| v.code().to_owned()),
            execution_time_ms: summary.cpu_time.map(|t| t.as_millis() as u64),
            memory_used_kb: summary.memory.map(cupel_types::Bytes::as_kib),
            problem: summary.slug.map(|slug| slug.to_string()),
            score: summary.score.map(points),
            username: None,
        }
    }
}

/// A page of submissions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionPage {
    /// The page.
    pub(crate) submissions: Vec<SummaryView>,
    /// Position of the page.
    pub(crate) pagination: HistoryPagination,
}

/// Position of a page of submissions: `page`, `limit` and `total` for a page by number, `limit` and `next_cursor` for
/// one by cursor.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryPagination {
    /// Page number, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) page: Option<u64>,
    /// Entries per page.
    pub(crate) limit: u64,
    /// Total number of entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<u64>,
    /// The `cursor` of the next page; `null`: this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) next_cursor: Option<Option<String>>,
}

/// Position of a page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Pagination {
    /// Page number, from 1.
    pub(crate) page: u64,
    /// Entries per page.
    pub(crate) limit: u64,
    /// Total number of entries.
    pub(crate) total: u64,
}
