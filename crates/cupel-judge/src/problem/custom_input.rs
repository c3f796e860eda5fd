//! Runs a submission on an input that its owner provides. The right answer is unknown, so the result is shown but not
//! judged. Interactive problems are an exception: the interactor gets the input as in a test, and decides.
//!
//! Invariant: the cell contains no data of a hidden test.

use std::fmt::Write;
use std::sync::Arc;

use cupel_function::FunctionCase;
use cupel_problem::{AfterInteraction, Case, Interactor, Method, Package, Protocol};
use cupel_types::{Bytes, Grading, Limits, Output, RunReport, ToolOptions, Verdict};

use super::case::{Pass, Wanted, nothing_ran};
use super::limits::CaseLimits;
use super::program::{Builder, Built, or_refusal};
use super::{Judging, Options, ProblemError, ProblemRequest, begin, build, refused_source};
use crate::executor::{Party, StdinSource};
use crate::output_budget::OutputBudget;
use crate::{ArtifactCache, Executor, JudgeEvent, JudgeObserver};

/// Message if the package is at fault. Its authors see the reason.
const FAULT_OF_PACKAGE: &str =
    "The problem's tests or programs are faulty, not your program. Its authors can see the reason.";

/// Message if the interactor returns no decision on the input.
const NOT_UNDERSTOOD: &str = "The problem's interactor did not return a decision. It may not accept your input.";

/// Runs a submission once, with this input instead of a test's input, under the limits of a sample or, if there is
/// none, of the first test. The verdict AC means that the program exited with code 0 and, for an interactive problem,
/// that the interactor accepted. SK means that there is no result, usually because the input is not valid for the
/// problem; the message has the reason. If the problem has an output file and the program wrote it, the report has its
/// content as the standard output, because the file is what a test judges. `output_kept_max` bounds the outputs in the
/// report.
///
/// # Errors
/// Only for internal failures.
pub fn run_with_input(
    request: &ProblemRequest<'_>,
    input: &Arc<[u8]>,
    output_kept_max: Bytes,
    executor: &mut dyn Executor,
    cache: &dyn ArtifactCache,
    observer: &mut dyn JudgeObserver,
) -> Result<RunReport, ProblemError> {
    let problem = &request.package.problem;
    let limits = CaseLimits::of(&problem.limits, request.language, &request.limits);
    let shown = Limits { cpu_time: limits.cpu_time, ..limits.enforced };
    let mut report = RunReport::bare(Verdict::Skipped, shown, request.language.installed_version().unwrap_or_default());
    if let Some(why) = refused_source(request) {
        report.verdict = Verdict::CompileError;
        report.message = Some(why);
        return Ok(report);
    }
    let call = match problem.signature.as_ref().map(|signature| FunctionCase::read(signature, input)).transpose() {
        Ok(call) => call,
        Err(why) => {
            report.message = Some(format!("the input is {why}"));
            return Ok(report);
        }
    };
    let Some(case) = case_like_a_sample(request.package) else {
        report.message = Some("the problem has no tests".to_owned());
        return Ok(report);
    };
    let builder = Builder {
        owner: request.owner,
        compile: problem.limits.compile,
        cache,
        tools: &ToolOptions::NONE,
        checks_syntax: true,
        forbids_packages: request.package.problem.forbids_packages,
    };
    // There are four streams: the compiler's, the program's two, and the returned value or the conversation.
    let mut room = OutputBudget::new(output_kept_max, 4);
    let built = build(request, &[], &limits, &builder, executor, observer);
    let (built, runnable) = match or_refusal(built)? {
        Built::Ok(runnable, compiled) => (compiled, *runnable),
        Built::Refused { verdict: Verdict::InternalError, message, report: _ } => {
            report.message = Some(FAULT_OF_PACKAGE.to_owned());
            report.grading = Some(Grading { author_message: message, ..Grading::default() });
            return Ok(report);
        }
        Built::Refused { report: compiled, verdict, message } => {
            report.compile = compiled;
            report.compile.iter_mut().for_each(|compiled| room.keep(&mut compiled.output));
            report.verdict = verdict;
            report.message = message;
            return Ok(report);
        }
    };
    report.compile = built;
    report.compile.iter_mut().for_each(|compiled| room.keep(&mut compiled.output));
    executor.await_turn();
    observer.event(JudgeEvent::ExecutionStarted { case: None });
    let mut judging = begin(request, Options::default(), limits, runnable, builder, executor, observer);
    judging.limits = judging.limits_of(&case);
    report.limits = Limits { cpu_time: judging.limits.cpu_time, ..judging.limits.enforced };
    let ran = match (&call, &*case.method) {
        (Some(call), _) => judging.call_with(&case, call),
        (None, Method::Interact(_)) => judging.passes(&case, Some(input.clone())).map(|pass| (pass, None)),
        (None, Method::Check(_)) => judging.run_with(&case, input).map(|pass| (pass, None)),
    };
    let fault = ran.as_ref().err().and_then(ProblemError::fault_of_package);
    let why_skipped = if fault.is_some() { FAULT_OF_PACKAGE } else { NOT_UNDERSTOOD };
    let (mut pass, returned) = match fault {
        Some(why) => (nothing_ran().fault(&why, None), None),
        None => ran?,
    };
    let mut grading = Grading::default();
    if pass.verdict == Verdict::InternalError {
        pass.verdict = Verdict::Skipped;
        grading.author_message = pass.judge_message.replace(why_skipped.to_owned());
    } else if is_by_interactor(&case.method, pass.verdict) {
        grading.author_message = pass.judge_message.take();
    }
    let usage = &pass.step.usage;
    let (verdict, outcome) = (pass.verdict, pass.step.outcome);
    observer.event(JudgeEvent::ExecutionEnded { case: None, verdict, outcome, usage });
    let mut fitting = |text: Option<String>| {
        let mut output = Output { data: text?.into_bytes().into(), truncated: false };
        room.keep(&mut output);
        Some(output)
    };
    grading.returned = fitting(returned);
    grading.conversation = fitting((!pass.transcript.is_empty()).then(|| conversation(&pass.transcript)));
    room.keep(&mut pass.step.stdout);
    room.keep(&mut pass.step.stderr);
    report.verdict = verdict;
    report.message = pass.judge_message.or(pass.team_message);
    report.execution = Some(pass.step);
    report.grading = Some(grading);
    Ok(report)
}

/// Whether the message to the author is from an interactor whose protocol also has one to contestants. The sender must
/// not read the former: it may contain what the author's own solution computes, for any input that the sender chooses.
fn is_by_interactor(method: &Method, verdict: Verdict) -> bool {
    let Method::Interact(interactor) = method else { return false };
    // The other verdicts are from the end of the submission itself.
    let is_decision = matches!(verdict, Verdict::Accepted | Verdict::WrongAnswer | Verdict::PresentationError);
    is_decision && interactor.program.protocol == Protocol::FeedbackDirectory
}

/// Returns a case like a visible one, but without an answer. The log of an interactor is not checked, because the
/// checker would need the input and the answer of a test. If no case is visible, the interactor gets arguments only if
/// all cases have the same, because they may determine a hidden test.
fn case_like_a_sample(package: &Package) -> Option<Case> {
    let cases = || package.problem.tests.cases();
    let mut case = cases().find(|case| case.shown.is_some()).or_else(|| cases().next())?.clone();
    case.answer = None;
    case.made = None;
    if case.shown.is_none() {
        case.args.clear();
        case.files.clear();
    }
    if let Method::Interact(interactor) = &*case.method {
        let mut alone = Interactor { then: AfterInteraction::Verdict, ..interactor.clone() };
        let args = &interactor.program.args;
        let has_same = |other: &Case| matches!(&*other.method, Method::Interact(it) if it.program.args == *args);
        if case.shown.is_none() && !cases().all(has_same) {
            alone.program.args.clear();
        }
        case.method = Arc::new(Method::Interact(alone));
    }
    Some(case)
}

impl Judging<'_, '_> {
    fn run_with(&mut self, case: &Case, input: &Arc<[u8]>) -> Result<Pass, ProblemError> {
        let program = self.of_program(case, Some(input))?;
        let collect = self.request.package.problem.io.output_file.is_some();
        let wanted = Wanted { keep: self.limits.output, result: false, collect, is_streamed: true };
        let ran = self.run(program, StdinSource::Bytes(input.clone()), None, wanted)?;
        let written = self.output_file_of(&ran);
        let mut pass = self.by_itself(ran.result.report, &ran.stderr, 0, ran.truncated);
        if let Some(data) = written {
            pass.step.stdout = Output { data, truncated: false };
        }
        Ok(pass)
    }
}

/// Formats the conversation line by line. The interactor's lines begin with `<`, the submission's with `>`, as in
/// samples of conversations. Source: Kattis problem package format, "Interactive problems".
pub(super) fn conversation(transcript: &[(Party, Vec<u8>)]) -> String {
    let mut text = String::new();
    for (party, data) in transcript {
        let mark = if *party == Party::Interactor { '<' } else { '>' };
        for line in String::from_utf8_lossy(data).lines() {
            let _ = writeln!(text, "{mark}{line}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_written_as_in_samples() {
        let utterance = |party, text: &str| (party, text.as_bytes().to_vec());
        let transcript = [
            utterance(Party::Interactor, "3\n4"),
            utterance(Party::Program, "? 1\n"),
            utterance(Party::Interactor, "5\n"),
        ];
        assert_eq!(conversation(&transcript), "<3\n<4\n>? 1\n<5\n");
    }
}
