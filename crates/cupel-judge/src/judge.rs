//! One run: compiles, executes once or per test case, compares, and returns a verdict.
//!
//! ```text
//!  sources ─► cache? ─► compile commands ─► artefacts ─┐
//!                            │ refused                 ├─► one cell per case ─► tokens ─► verdict
//!                            └─► CE     other files ───┘
//! ```
//!
//! Every case is run, even after a failed case, because the client requested a result for each case. The verdict of the
//! run is the verdict of the first case, in the submission's order, that was not accepted. A run ends early in two
//! situations: it is cancelled, or all its executions together reach [`JudgeRequest::time_max`]. A case that is still
//! running at this time is TLE, and the cases after it are skipped. If cases are skipped, the run is not accepted.

use std::sync::Arc;
use std::time::Duration;

use cupel_languages::Language;
use cupel_problem::{Comparison, TokenRules};
use cupel_types::{
    BoxFiles, Bytes, CaseReport, FETCH_BYTES_MAX, FetchedFile, FoundFiles, Limits, LimitsRequest, Outcome, Output,
    Program, RunReport, StepReport, TestCase, Usage, UserId, Verdict,
};

use crate::compile::{Compiled, Sources, compile};
use crate::executor::{Collect, StdinSource, StepInput, StepKind, StepObserver, StepResult};
use crate::failure::{End, exception};
use crate::observer::{JudgeEvent, JudgeObserver};
use crate::output_budget::OutputBudget;
use crate::{ArtifactCache, BuiltIn, CompareResult, Difference, Differs, ExecuteError, Executor, artifacts};

/// A program to judge.
#[derive(Clone, Debug)]
pub struct JudgeRequest<'a> {
    /// The program's owner.
    pub owner: UserId,
    /// The submitted program.
    pub program: &'a Program,
    /// Requested limits, which override those of the language.
    pub limits: LimitsRequest,
    /// The program's language; it must be available.
    pub language: &'a Language,
    /// Standard input instead of the submission's. Used by the command line, which streams the input.
    pub stdin: Option<StdinSource>,
    /// Maximum number of bytes of output in the report: the compiler's output, both streams of all cases, the files
    /// that are read back, and the artifacts, together. Output beyond this bound is judged, but not stored, and marked
    /// as truncated.
    pub output_kept_max: Bytes,
    /// Maximum wall-clock time of all executions together.
    pub time_max: Duration,
}

/// The run could not be judged. This is an internal failure, which justifies another attempt.
#[derive(Debug, thiserror::Error)]
#[error("cannot judge the run")]
pub struct JudgeError(#[from] pub ExecuteError);

/// Judges one run until its end.
///
/// # Errors
/// Only if the executor failed; a compile error is a report.
pub fn judge(
    request: &JudgeRequest<'_>,
    executor: &mut dyn Executor,
    cache: &dyn ArtifactCache,
    observer: &mut dyn JudgeObserver,
) -> Result<RunReport, JudgeError> {
    let (program, language) = (request.program, request.language);
    let sent = &program.source.files;
    let files = &language.files_named_by_type(sent);
    let main = sent.iter().next().map_or(&language.source, |file| &file.path);
    let limits = request.limits.over(language.limits);
    let mut report = RunReport::bare(Verdict::Accepted, limits, language.installed_version().unwrap_or_default());

    // There is one stream for the compiler, and two for each case (or for the only execution).
    let mut room = OutputBudget::new(request.output_kept_max, 1 + 2 * program.tests.len().max(1));
    let tools = &program.tools;
    let units = &match tools.main_only {
        true => BoxFiles::new(files.iter().take(1).cloned().collect()),
        false => files.clone(),
    };
    let entry = Some(tools.main_class.as_str()).filter(|class| !class.is_empty());
    let sources = Sources { owner: request.owner, files, units, main, entry, tools };
    let values = |artifacts: &BoxFiles| {
        crate::files::placeholders_of_program(language, main, units, artifacts, entry, limits.memory).with_tools(tools)
    };
    let (in_box, values) = match compile(sources, language, executor, cache, observer)? {
        Compiled::NotNeeded => {
            room.skip_stream();
            (vec![files.clone()], values(&BoxFiles::default()))
        }
        Compiled::Ok { report: mut compiled, artifacts } => {
            room.keep(&mut compiled.output);
            report.compile = Some(compiled);
            let beside = crate::files::beside_artifacts(language, files, &artifacts, tools.main_only);
            let values = values(&artifacts);
            (vec![artifacts, beside], values)
        }
        Compiled::Refused { report: mut compiled, verdict, message, limit: _ } => {
            room.keep(&mut compiled.output);
            report.compile = Some(compiled);
            report.verdict = verdict;
            report.message = message;
            return Ok(report);
        }
    };

    let mut argv = language.execute_command(&values);
    argv.extend_from_slice(&program.args);
    let env = language.environment(&program.env);
    if let Some(why) = crate::files::too_long_to_start(&argv, &env) {
        report.verdict = Verdict::CompileError;
        report.message = Some(why);
        return Ok(report);
    }
    let find = artifacts::search(&program.artifacts, &in_box);
    let collect = match program.tests.is_empty() && (find.is_some() || !program.fetch.is_empty()) {
        true => {
            let keep = FETCH_BYTES_MAX.min(request.output_kept_max);
            Collect::Named { paths: program.fetched_paths(), keep, find }
        }
        false => Collect::Nothing,
    };
    let runnable = Runnable {
        argv,
        env,
        files: in_box,
        collect,
        limits,
        time_max: request.time_max,
        language,
        sources: files,
        stderr_to_stdout: program.stderr_to_stdout,
    };
    if program.tests.is_empty() {
        let stdin = request.stdin.clone().unwrap_or_else(|| StdinSource::Bytes(program.stdin.clone()));
        let Executed { verdict, mut step, fetched, found, exception, is_overdue } =
            runnable.execute(None, stdin, request.time_max, executor, observer)?;
        room.keep(&mut step.stdout);
        room.keep(&mut step.stderr);
        report.files = fetched;
        report.files.iter_mut().for_each(|file| room.keep(&mut file.content));
        report.artifacts = artifacts::of(found, &runnable.files, &mut room);
        report.verdict = verdict;
        report.message = match is_overdue {
            true => Some(overdue_message(runnable.time_max)),
            false => exception.or_else(|| limits.exceeded(step.outcome)),
        };
        report.execution = Some(step);
    } else {
        runnable.execute_cases(&program.tests, &mut room, &mut report, executor, observer)?;
    }
    Ok(report)
}

/// The data that all executions of a run share.
struct Runnable<'a> {
    argv: Vec<String>,
    env: Vec<(String, String)>,
    files: Vec<BoxFiles>,
    collect: Collect,
    limits: Limits,
    time_max: Duration,
    language: &'a Language,
    /// The compiled or interpreted sources.
    sources: &'a BoxFiles,
    stderr_to_stdout: bool,
}

/// An execution and its verdict.
struct Executed {
    verdict: Verdict,
    step: StepReport,
    fetched: Vec<FetchedFile>,
    found: FoundFiles,
    /// The exception that ended the program, as reported by its language.
    exception: Option<String>,
    /// Whether the run's total time ended the execution, not one of the execution's own limits.
    is_overdue: bool,
}

impl Runnable<'_> {
    fn execute_cases(
        &self,
        cases: &[TestCase],
        room: &mut OutputBudget,
        report: &mut RunReport,
        executor: &mut dyn Executor,
        observer: &mut dyn JudgeObserver,
    ) -> Result<(), JudgeError> {
        let mut left = self.time_max;
        let mut cases = cases.iter();
        while let Some(case) = cases.next() {
            let stdin = StdinSource::Bytes(case.stdin.clone());
            let Executed { verdict, mut step, exception, is_overdue, fetched: _, found: _ } =
                self.execute(Some(case), stdin, left, executor, observer)?;
            left = left.saturating_sub(step.usage.wall_time);
            let message = match verdict {
                Verdict::Accepted => None,
                _ => why(case, verdict, &step, exception, &self.limits),
            };
            if report.verdict == Verdict::Accepted && verdict != Verdict::Accepted {
                report.verdict = verdict;
                report.message = message.as_ref().map(|message| format!("test {}: {message}", case.name));
            }
            room.keep(&mut step.stdout);
            room.keep(&mut step.stderr);
            report.cases.push(CaseReport { name: case.name.clone(), verdict, message, step });
            if verdict == Verdict::Cancelled {
                report.verdict = Verdict::Cancelled;
                report.message = None;
                break;
            }
            let skipped = cases.as_slice();
            if is_overdue || (left.is_zero() && !skipped.is_empty()) {
                self.end_overdue(skipped, report);
                break;
            }
        }
        Ok(())
    }

    /// Ends a run that has used up its total time: the remaining cases are skipped, and the run is not accepted.
    fn end_overdue(&self, skipped: &[TestCase], report: &mut RunReport) {
        let nothing = || Output { data: Arc::default(), truncated: false };
        report.cases.extend(skipped.iter().map(|case| CaseReport {
            name: case.name.clone(),
            verdict: Verdict::Skipped,
            message: None,
            step: StepReport {
                outcome: Outcome::Cancelled,
                exit_code: None,
                signal: None,
                stdout: nothing(),
                stderr: nothing(),
                usage: Usage::default(),
            },
        }));
        let mut message = overdue_message(self.time_max);
        match skipped.len() {
            0 => {}
            1 => message.push_str("; the last test was skipped"),
            count => message.push_str(&format!("; the last {count} tests were skipped")),
        }
        if report.verdict == Verdict::Accepted {
            report.verdict = Verdict::TimeLimit;
        }
        report.message = Some(match report.message.take() {
            Some(first) => format!("{first}; {message}"),
            None => message,
        });
    }

    /// Executes the program for at most `left`.
    fn execute(
        &self,
        case: Option<&TestCase>,
        stdin: StdinSource,
        left: Duration,
        executor: &mut dyn Executor,
        observer: &mut dyn JudgeObserver,
    ) -> Result<Executed, JudgeError> {
        let name = case.map(|c| c.name.as_str());
        executor.await_turn();
        observer.event(JudgeEvent::ExecutionStarted { case: name });
        let step = StepInput {
            kind: StepKind::Execute,
            root: &self.language.root,
            argv: &self.argv,
            env: &self.env,
            files: &self.files,
            counted_files: Bytes::ZERO,
            stdin,
            limits: Limits { wall_time: self.limits.wall_time.min(left), ..self.limits },
            keep: self.limits.output,
            stderr_to_stdout: self.stderr_to_stdout,
            result: false,
            collect: self.collect.clone(),
        };
        let mut forward = Forward { case: name, stderr: End::default(), observer };
        let StepResult { mut report, fetched, found, .. } = executor.execute(step, &mut forward)?;
        let stderr = forward.stderr;
        let names_file = self.sources.len() > 1;
        let exception = exception(self.language, &mut report, &stderr, self.sources, names_file, &self.limits);
        let is_overdue = left < self.limits.wall_time && report.outcome == Outcome::WallLimit;
        let verdict = match (Verdict::of_outcome(report.outcome), case.and_then(|c| c.expected.as_deref())) {
            (Verdict::Accepted, Some(expected)) if first_difference(expected, &report.stdout.data).is_some() => {
                Verdict::WrongAnswer
            }
            (verdict, _) => verdict,
        };
        if is_overdue {
            // The run's total time ended the execution before any of the execution's own limits did.
            report.outcome = Outcome::Cancelled;
        }
        observer.event(JudgeEvent::ExecutionEnded {
            case: name,
            verdict,
            outcome: report.outcome,
            usage: &report.usage,
        });
        Ok(Executed { verdict, step: report, fetched, found, exception, is_overdue })
    }
}

/// Forwards a step's output as events of its case.
struct Forward<'a> {
    case: Option<&'a str>,
    stderr: End,
    observer: &'a mut dyn JudgeObserver,
}

impl StepObserver for Forward<'_> {
    fn stdout(&mut self, data: &[u8]) {
        self.observer.event(JudgeEvent::Stdout { case: self.case, data });
    }

    fn stderr(&mut self, data: &[u8]) {
        self.stderr.push(data);
        self.observer.event(JudgeEvent::Stderr { case: self.case, data });
    }

    fn cancelled(&mut self) -> bool {
        self.observer.cancelled()
    }
}

/// Compares the output with a test of the submission itself: word by word, case-sensitively.
fn first_difference(expected: &[u8], output: &[u8]) -> Option<Difference> {
    let words = BuiltIn::from(Comparison::Tokens(TokenRules { case_sensitive: true, ..TokenRules::default() }));
    let mut comparer = words.compare(expected);
    match comparer.output(output).and_then(|()| comparer.finish()) {
        Ok(CompareResult::Different(difference)) => Some(difference),
        // A read from memory cannot fail.
        Ok(CompareResult::Same | CompareResult::Presentation(_) | CompareResult::Share { .. }) | Err(_) => None,
    }
}

fn overdue_message(time_max: Duration) -> String {
    format!("time limit of {} ms for all executions of the run exceeded", time_max.as_millis())
}

/// Returns the reason why a case is not accepted, unless the verdict alone explains it.
fn why(
    case: &TestCase,
    verdict: Verdict,
    step: &StepReport,
    exception: Option<String>,
    limits: &Limits,
) -> Option<String> {
    if verdict == Verdict::WrongAnswer {
        let expected = case.expected.as_deref().unwrap_or_default();
        let difference = first_difference(expected, &step.stdout.data)?;
        let Difference { what, word, line, .. } = difference;
        return Some(match what {
            Differs::Missing => format!("the output ends before word {word}, which is expected"),
            Differs::Trailing => {
                format!("word {word} (line {line} of the output) follows the end of the expected output")
            }
            Differs::Word | Differs::Number | Differs::Space | Differs::Others | Differs::Count | Differs::NoLine => {
                format!("word {word} (line {line} of the output) differs from the expected one")
            }
        });
    }
    exception.or_else(|| limits.exceeded(step.outcome))
}

#[cfg(test)]
mod tests;
