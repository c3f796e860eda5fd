//! One run: compile, execute once or for every test case, compare, give a verdict.
//!
//! ```text
//!  sources ─► cache? ─► compile commands ─► artefacts ─┐
//!                            │ refused                 ├─► one cell per case ─► tokens ─► verdict
//!                            └─► CE     other files ───┘
//! ```
//!
//! Every case is run, also after one that failed: the client asked for a result for each. The verdict
//! of the run is that of the first case, in their order, that was not accepted. Only cancellation ends
//! a run early.

use std::sync::Arc;

use cupel_languages::Language;
use cupel_problem::{Comparison, TokenRules};
use cupel_types::{
    Bytes, CaseReport, Limits, LimitsRequest, Outcome, Output, Program, RunReport, StepReport, TestCase, Usage, UserId,
    Verdict,
};

use crate::compile::{Compiled, Sources, compile};
use crate::executor::{Collect, StdinSource, StepInput, StepKind, StepObserver};
use crate::{ArtifactCache, BuiltIn, Difference, ExecuteError, Executor, Finding};

/// Output kept of every stream as long as the bound of the run allows as much for each: so that the last test of a
/// talkative program still shows how its output began.
const STREAM_BYTES_SPARSE: usize = 4 << 10;

/// What is to be judged.
#[derive(Clone, Debug)]
pub struct JudgeRequest<'a> {
    /// Whose program it is.
    pub owner: UserId,
    /// What was sent.
    pub program: &'a Program,
    /// Limits asked for, in place of the language's.
    pub limits: LimitsRequest,
    /// Its language; available.
    pub language: &'a Language,
    /// Replaces the submission's standard input (the command line streams it).
    pub stdin: Option<StdinSource>,
    /// Bytes of output that the report keeps, of the compiler and of both streams of every case together. What lies
    /// beyond is judged like the rest, then dropped and marked as truncated.
    pub output_kept_max: Bytes,
}

/// Hears what happens, in order.
pub trait JudgeObserver {
    /// Something happened.
    fn event(&mut self, event: JudgeEvent<'_>);
    /// Whether the run should end now (cancelled, or its lease was lost).
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// What happens during a run. `case` is `None` when there are no test cases.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names of the event schema in cupel-core")]
pub enum JudgeEvent<'a> {
    CompileStarted,
    CompileEnded { ok: bool, cached: bool, wall_time: std::time::Duration },
    ExecutionStarted { case: Option<&'a str> },
    Stdout { case: Option<&'a str>, data: &'a [u8] },
    Stderr { case: Option<&'a str>, data: &'a [u8] },
    ExecutionEnded { case: Option<&'a str>, verdict: Verdict, outcome: Outcome, usage: &'a Usage },
}

/// The run could not be judged: our failure, worth another attempt.
#[derive(Debug, thiserror::Error)]
#[error("cannot judge the run")]
pub struct JudgeError(#[from] pub ExecuteError);

/// Judges one run to its end.
///
/// # Errors
/// Only when the executor failed; a compile error is a report.
pub fn judge(
    request: &JudgeRequest<'_>,
    executor: &mut dyn Executor,
    cache: &dyn ArtifactCache,
    observer: &mut dyn JudgeObserver,
) -> Result<RunReport, JudgeError> {
    let (program, language) = (request.program, request.language);
    let files = &program.source.files;
    let limits = request.limits.over(language.limits);
    let mut report = RunReport::bare(Verdict::Accepted, limits, language.installed_version().unwrap_or_default());

    // The compiler's, and two of each case, or of the only execution.
    let mut room = Room::new(request.output_kept_max, 1 + 2 * program.tests.len().max(1));
    let sources = Sources { owner: request.owner, files, units: files };
    let in_box = match compile(sources, language, executor, cache, observer)? {
        Compiled::NotNeeded => {
            room.streams -= 1;
            vec![files.clone()]
        }
        Compiled::Ok { report: mut compiled, artifacts } => {
            room.keep(&mut compiled.output);
            report.compile = Some(compiled);
            let beside = crate::files::beside_artifacts(language, files, &artifacts);
            vec![artifacts, beside]
        }
        Compiled::Refused { report: mut compiled, verdict, message, limit: _ } => {
            room.keep(&mut compiled.output);
            report.compile = Some(compiled);
            report.verdict = verdict;
            report.message = message;
            return Ok(report);
        }
    };

    let mut argv = language.execute_command(&crate::files::placeholders(language, files, limits.memory));
    argv.extend_from_slice(&program.args);
    let runnable = Runnable { argv, env: language.environment(&program.env), files: in_box, limits };
    if program.tests.is_empty() {
        let stdin = request.stdin.clone().unwrap_or_else(|| StdinSource::Bytes(program.stdin.clone()));
        let (verdict, mut step) = runnable.execute(None, stdin, executor, observer)?;
        room.keep(&mut step.stdout);
        room.keep(&mut step.stderr);
        report.verdict = verdict;
        report.message = limit_message(step.outcome, &limits);
        report.execution = Some(step);
    } else {
        runnable.execute_cases(&program.tests, &mut room, &mut report, executor, observer)?;
    }
    Ok(report)
}

/// What is the same for every execution of a run.
struct Runnable {
    argv: Vec<String>,
    env: Vec<(String, String)>,
    files: Vec<cupel_types::BoxFiles>,
    limits: Limits,
}

impl Runnable {
    fn execute_cases(
        &self,
        cases: &[TestCase],
        room: &mut Room,
        report: &mut RunReport,
        executor: &mut dyn Executor,
        observer: &mut dyn JudgeObserver,
    ) -> Result<(), JudgeError> {
        for case in cases {
            let (verdict, mut step) =
                self.execute(Some(case), StdinSource::Bytes(case.stdin.clone()), executor, observer)?;
            if report.verdict == Verdict::Accepted && verdict != Verdict::Accepted {
                report.verdict = verdict;
                report.message = why(case, verdict, &step, &self.limits);
            }
            room.keep(&mut step.stdout);
            room.keep(&mut step.stderr);
            report.cases.push(CaseReport { name: case.name.clone(), verdict, step });
            if verdict == Verdict::Cancelled {
                report.verdict = Verdict::Cancelled;
                report.message = None;
                break;
            }
        }
        Ok(())
    }

    fn execute(
        &self,
        case: Option<&TestCase>,
        stdin: StdinSource,
        executor: &mut dyn Executor,
        observer: &mut dyn JudgeObserver,
    ) -> Result<(Verdict, StepReport), JudgeError> {
        let name = case.map(|c| c.name.as_str());
        observer.event(JudgeEvent::ExecutionStarted { case: name });
        let step = StepInput {
            kind: StepKind::Execute,
            argv: &self.argv,
            env: &self.env,
            files: &self.files,
            stdin,
            limits: self.limits,
            keep: self.limits.output,
            result: false,
            collect: Collect::Nothing,
        };
        let report = executor.execute(step, &mut Forward { case: name, observer })?.report;
        let verdict = match (Verdict::of_outcome(report.outcome), case.and_then(|c| c.expected.as_deref())) {
            (Verdict::Accepted, Some(expected)) if first_difference(expected, &report.stdout.data).is_some() => {
                Verdict::WrongAnswer
            }
            (verdict, _) => verdict,
        };
        observer.event(JudgeEvent::ExecutionEnded {
            case: name,
            verdict,
            outcome: report.outcome,
            usage: &report.usage,
        });
        Ok((verdict, report))
    }
}

/// Passes a step's output on as events of its case.
struct Forward<'a> {
    case: Option<&'a str>,
    observer: &'a mut dyn JudgeObserver,
}

impl StepObserver for Forward<'_> {
    fn stdout(&mut self, data: &[u8]) {
        self.observer.event(JudgeEvent::Stdout { case: self.case, data });
    }

    fn stderr(&mut self, data: &[u8]) {
        self.observer.event(JudgeEvent::Stderr { case: self.case, data });
    }

    fn cancelled(&mut self) -> bool {
        self.observer.cancelled()
    }
}

/// What is left for the output that a run keeps.
///
/// *Invariant:* all streams together never get more than there was, and each that is still to come can have `sparse`.
pub(crate) struct Room {
    left: usize,
    sparse: usize,
    streams: usize,
}

impl Room {
    pub(crate) fn new(max: Bytes, streams: usize) -> Room {
        let left = usize::try_from(max.get()).unwrap_or(usize::MAX);
        Room { left, sparse: STREAM_BYTES_SPARSE.min(left / streams), streams }
    }

    /// Takes what the next stream needs; cuts the stream when there is too little.
    pub(crate) fn keep(&mut self, output: &mut Output) {
        self.streams = self.streams.saturating_sub(1);
        let keep = output.data.len().min(self.left.saturating_sub(self.sparse * self.streams));
        self.left -= keep;
        if keep < output.data.len() {
            *output = Output { data: Arc::from(&output.data[..keep]), truncated: true };
        }
    }
}

/// Tests of a submission's own are compared word by word, to the letter.
fn first_difference(expected: &[u8], output: &[u8]) -> Option<Difference> {
    let words = BuiltIn::from(Comparison::Tokens(TokenRules { case_sensitive: true, ..TokenRules::default() }));
    let mut comparer = words.compare(expected);
    match comparer.output(output).and_then(|()| comparer.finish()) {
        Ok(Finding::Different(difference)) => Some(difference),
        // What is in memory can be read.
        Ok(Finding::Same | Finding::Presentation(_) | Finding::Share { .. }) | Err(_) => None,
    }
}

fn why(case: &TestCase, verdict: Verdict, step: &StepReport, limits: &Limits) -> Option<String> {
    let name = &case.name;
    if verdict == Verdict::WrongAnswer {
        let expected = case.expected.as_deref().unwrap_or_default();
        let difference = first_difference(expected, &step.stdout.data)?;
        return Some(format!(
            "test {name}: word {} (line {} of the output) is not the expected one",
            difference.word, difference.line
        ));
    }
    limit_message(step.outcome, limits).map(|message| format!("test {name}: {message}"))
}

/// Which limit ended the step, where the verdict does not tell it or its size.
pub(crate) fn limit_message(outcome: Outcome, limits: &Limits) -> Option<String> {
    let text = match outcome {
        Outcome::TimeLimit => format!("over the CPU time limit of {:?}", limits.cpu_time),
        Outcome::WallLimit => format!("over the wall-clock limit of {:?}", limits.wall_time),
        Outcome::IdleLimit => format!("over the idle limit of {:?}", limits.idle_time),
        Outcome::InstructionLimit => match limits.instructions {
            Some(limit) => format!("over the limit of {limit}"),
            None => return None,
        },
        Outcome::MemoryLimit => format!("over the memory limit of {}", limits.memory),
        Outcome::OutputLimit => format!("over the output limit of {}", limits.output),
        Outcome::Exited(_) | Outcome::Signalled(_) | Outcome::Cancelled => return None,
    };
    Some(text)
}

#[cfg(test)]
mod tests;
