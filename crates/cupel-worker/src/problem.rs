//! Attempts at problems: opens the package, calls the judge, and converts its report to a result.
//!
//! Invariants: If the submission's owner may not see a test, neither the log nor the result contains the program's
//! output on that test, and the log shows the test's duration only to the precision of [`PUBLISH_EVERY`]. The details
//! of a fault of the package are reported only to its authors, and the fault never looks like one of the submission.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use cupel_core::Assignment;
use cupel_judge::{
    Executor, JudgeEvent, JudgeObserver, ProblemCaseReport, ProblemReport, ProblemRequest, judge_problem,
    run_with_input,
};
use cupel_languages::{Language, Registry};
use cupel_problem::{MaxScore, Package, Score};
use cupel_types::{
    Bytes, CaseGrade, Cases, Feedback, Grading, GroupGrade, Limits, Outcome, Output, RunReport, Solution, Start, Usage,
    Verdict,
};

use crate::attempt::{SlotError, SlotParts};
use crate::attempt_log::AttemptLog;

/// Maximum length, in bytes, of a message of the compiler or of a package's program.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// Message to the submission's owner if the package is at fault.
const FAULT_OF_PACKAGE: &str = "The problem's tests or programs are faulty, not your program. Its authors can see the reason. \
                                This submission does not count as an attempt.";

/// Judges a solution.
pub(crate) fn judge_solution(
    parts: &SlotParts,
    assignment: &Assignment,
    solution: &Solution,
    language: &Language,
    languages: &Registry,
    executor: &mut dyn Executor,
    log: &mut AttemptLog<'_>,
) -> Result<RunReport, SlotError> {
    let submission = &assignment.leased.submission;
    let opened = parts.core.open_package(solution.of.package)?;
    let mut package = opened.package.with_derived_time_limit(assignment.leased.time_limit);
    let is_derived = matches!(package, Cow::Owned(_));
    if solution.cases == Cases::Samples {
        let Some(samples) = package.problem.tests.samples() else { return Ok(without_samples(language)) };
        package.to_mut().problem.tests = samples;
    }
    let request = ProblemRequest {
        package: &package,
        files: &solution.source.files,
        language,
        entry_point: None,
        languages,
        limits: submission.limits,
        all_cases: false,
        owner: submission.owner,
        function_batches: parts.function_batches,
    };
    let output_kept_max = parts.core.bounds().output_kept_of(submission.owner);
    if let Cases::Input(input) = &solution.cases {
        return Ok(run_with_input(&request, input, output_kept_max, executor, parts.cache.as_ref(), log)?);
    }
    let disclosures = disclosures_of(&package);
    let mut filter = DisclosureFilter { log, disclosures: &disclosures, held: HeldBack::since(Instant::now()) };
    let report = judge_problem(&request, executor, parts.cache.as_ref(), &mut filter);
    filter.release();
    let report = report?;
    if is_derived {
        warn_of_other_starts(parts, &package, assignment.leased.limit_start, &report);
    }
    Ok(result_of(report, &disclosures, output_kept_max))
}

/// Warns, once per version of a problem, if the start mode on this worker differs from the start mode with which the
/// problem's time limit was measured.
fn warn_of_other_starts(parts: &SlotParts, package: &Package, measured: Option<Start>, report: &ProblemReport) {
    let seen = report.cases.iter().filter_map(|case| case.usage.start);
    let (Some(other), Some(measured)) = (parts.limit_starts.first_other(package.hash, measured, seen), measured) else {
        return;
    };
    let (slug, measured, other) = (&package.problem.slug, measured.name(), other.name());
    let effect = if other == Start::Cold.name() { "strict" } else { "generous" };
    tracing::warn!(
        problem.slug = %slug,
        package = %package.hash,
        "the time limit of {slug} was measured with {measured} starts, but this worker uses {other} starts: the limit is too {effect}. \
         Set worker.warm_interpreters to the same value on all workers, or verify a new version"
    );
}

/// The parts of a case that the submission's owner may see.
struct CaseDisclosure {
    /// Level of detail.
    feedback: Feedback,
    /// The case's name in the log: its id if the owner may see the whole case, otherwise its number, because an id may
    /// reveal what the test checks.
    name: String,
}

/// Visibility of each case, by case id.
fn disclosures_of(package: &Package) -> HashMap<String, CaseDisclosure> {
    let cases = package.problem.tests.cases().enumerate();
    cases
        .map(|(place, case)| {
            let id = case.id.to_string();
            let feedback = if case.shown.is_some() { Feedback::Full } else { case.feedback };
            let name = if feedback == Feedback::Full { id.clone() } else { format!("test {}", place + 1) };
            (id, CaseDisclosure { feedback, name })
        })
        .collect()
}

/// The feedback on a case; [`Feedback::Hidden`] if the case is unknown.
fn feedback_on(case: &str, disclosures: &HashMap<String, CaseDisclosure>) -> Feedback {
    disclosures.get(case).map_or(Feedback::Hidden, |disclosure| disclosure.feedback)
}

/// Interval at which the owner is informed which hidden tests have begun and ended. A program can vary its running time
/// with its input, so exact event times would leak the test data.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// Forwards the events that the submission's owner may see during judging.
struct DisclosureFilter<'a, 'b> {
    log: &'a mut AttemptLog<'b>,
    disclosures: &'a HashMap<String, CaseDisclosure>,
    held: HeldBack,
}

/// Events of hidden tests that are not published yet; at most two per test.
struct HeldBack {
    events: Vec<Held>,
    /// When the events are published.
    next: Instant,
}

impl HeldBack {
    fn since(begun: Instant) -> HeldBack {
        HeldBack { events: Vec::new(), next: begun + PUBLISH_EVERY }
    }

    /// Returns the events to publish now: all of them at the first call after each multiple of [`PUBLISH_EVERY`],
    /// otherwise none.
    fn due(&mut self, now: Instant) -> Vec<Held> {
        if now < self.next {
            return Vec::new();
        }
        while self.next <= now {
            self.next += PUBLISH_EVERY;
        }
        std::mem::take(&mut self.events)
    }
}

/// An event of a hidden test.
#[derive(Debug, PartialEq, Eq)]
enum Held {
    Started { case: String },
    Ended { case: String, verdict: Verdict, outcome: Outcome },
}

impl DisclosureFilter<'_, '_> {
    /// Publishes all held events, regardless of the time.
    fn release(&mut self) {
        let events = std::mem::take(&mut self.held.events);
        self.publish(events);
    }

    fn publish(&mut self, events: Vec<Held>) {
        let hidden_usage = Usage::default();
        for held in events {
            self.log.event(match &held {
                Held::Started { case } => JudgeEvent::ExecutionStarted { case: Some(case) },
                Held::Ended { case, verdict, outcome } => JudgeEvent::ExecutionEnded {
                    case: Some(case),
                    verdict: *verdict,
                    outcome: *outcome,
                    usage: &hidden_usage,
                },
            });
        }
    }
}

impl JudgeObserver for DisclosureFilter<'_, '_> {
    fn event(&mut self, event: JudgeEvent<'_>) {
        let case = match event {
            JudgeEvent::CompileStarted | JudgeEvent::CompileEnded { .. } => return self.log.event(event),
            JudgeEvent::ExecutionStarted { case }
            | JudgeEvent::ExecutionEnded { case, .. }
            | JudgeEvent::Stdout { case, .. }
            | JudgeEvent::Stderr { case, .. } => case,
        };
        let all = self.disclosures;
        let Some(disclosure) = case.and_then(|case| all.get(case)) else { return };
        match (disclosure.feedback, event) {
            (Feedback::Full, event) => {
                self.release();
                self.log.event(event);
            }
            (Feedback::Verdict, JudgeEvent::ExecutionStarted { .. }) => {
                self.held.events.push(Held::Started { case: disclosure.name.clone() });
            }
            (Feedback::Verdict, JudgeEvent::ExecutionEnded { verdict, outcome, .. }) => {
                self.held.events.push(Held::Ended { case: disclosure.name.clone(), verdict, outcome });
            }
            (Feedback::Verdict | Feedback::Hidden, _) => {}
        }
    }

    fn cancelled(&mut self) -> bool {
        // Events are published while a program runs, not when a test ends, so that the time of the end stays hidden.
        let due = self.held.due(Instant::now());
        self.publish(due);
        self.log.cancelled()
    }
}

fn result_of(
    report: ProblemReport,
    disclosures: &HashMap<String, CaseDisclosure>,
    output_kept_max: Bytes,
) -> RunReport {
    let message = message_of(&report, disclosures);
    let mut room = usize::try_from(output_kept_max.get()).unwrap_or(usize::MAX);
    let grading = Grading {
        score: report.score,
        max_score: report.max_score.and_then(bounded),
        groups: report
            .groups
            .into_iter()
            .map(|group| GroupGrade {
                name: group.name.to_string(),
                verdict: group.verdict,
                score: group.score,
                max_score: group.max.and_then(bounded),
                reason: group.reason,
            })
            .collect(),
        cases: report
            .cases
            .into_iter()
            .map(|case| {
                let feedback = feedback_on(case.id.as_str(), disclosures);
                grade_of(case, feedback, &mut room)
            })
            .collect(),
        author_message: report.message.map(short),
        ..Grading::default()
    };
    // The owner sees the limit that decides the verdict. The sandbox lets a program run slightly longer.
    let limits = Limits { cpu_time: report.cpu_time_max, ..report.limits };
    RunReport {
        message,
        compile: report.compile,
        grading: Some(grading),
        ..RunReport::bare(report.verdict, limits, &report.language_version)
    }
}

fn grade_of(case: ProblemCaseReport, feedback: Feedback, room: &mut usize) -> CaseGrade {
    // Output is shown only while the outputs of all samples together do not exceed their maximum.
    let mut fits = |bytes: usize| {
        let fits = bytes <= *room;
        *room -= if fits { bytes } else { 0 };
        fits
    };
    let conversation = (feedback == Feedback::Full).then(|| case.conversation()).flatten();
    let step = case.step.filter(|_| feedback == Feedback::Full);
    let step = step.filter(|step| fits(step.stdout.data.len() + step.stderr.data.len()));
    let conversation = conversation.filter(|text| fits(text.len()));
    CaseGrade {
        name: case.id.to_string(),
        group: case.group.to_string(),
        verdict: case.verdict,
        score: case.score,
        usage: case.usage,
        feedback,
        step,
        conversation: conversation.map(|text| Output { data: text.into_bytes().into(), truncated: false }),
        judge_message: case.judge_message.map(short),
        team_message: case.team_message.map(short),
    }
}

fn bounded(max: MaxScore) -> Option<Score> {
    match max {
        MaxScore::Bounded(score) => Some(score),
        MaxScore::Unbounded => None,
    }
}

/// The reason for the verdict, as a message to the submission's owner.
fn message_of(report: &ProblemReport, disclosures: &HashMap<String, CaseDisclosure>) -> Option<String> {
    match report.verdict {
        // The verdict is `Skipped` if a program of the package is in a language that is not installed.
        Verdict::InternalError | Verdict::Skipped => return Some(FAULT_OF_PACKAGE.to_owned()),
        // The message is from the compiler, or from the problem's requirements on sources.
        Verdict::CompileError | Verdict::CompileLimit => return report.message.clone().map(short),
        _ => {}
    }
    let decides = |case: &&ProblemCaseReport| case.verdict == report.verdict && !case.verdict.is_accepted();
    let number = report.cases.iter().position(|case| decides(&case))?;
    let case = &report.cases[number];
    let seen = feedback_on(case.id.as_str(), disclosures);
    let place = format!("test {} of {}", number + 1, report.cases.len());
    match (seen, &case.judge_message) {
        (Feedback::Hidden, _) => None,
        (Feedback::Full, Some(message)) => Some(format!("{place}: {}", short(message.clone()))),
        (Feedback::Full, None) | (Feedback::Verdict, _) => Some(place),
    }
}

/// Result of judging that was stopped because it took too long in total. This is a fault of the package, because its
/// tests and limits allow it.
pub(crate) fn overdue(report: &mut RunReport, time_max: Duration) {
    let why = format!(
        "judging took longer than {} s in total (`worker.judging_time_max`): use fewer tests, shorter limits, or groups that stop at \
         the first failure",
        time_max.as_secs()
    );
    report.verdict = Verdict::InternalError;
    report.message = Some(if report.verification.is_some() { why.clone() } else { FAULT_OF_PACKAGE.to_owned() });
    if let Some(grading) = &mut report.grading {
        grading.author_message = Some(why);
    }
}

fn without_samples(language: &Language) -> RunReport {
    let version = language.installed_version().unwrap_or_default();
    RunReport {
        message: Some("The problem has no samples. Run your program on your own input.".to_owned()),
        grading: Some(Grading::default()),
        ..RunReport::bare(Verdict::Skipped, language.limits, version)
    }
}

/// Truncates a text to [`MESSAGE_BYTES_MAX`].
fn short(mut text: String) -> String {
    if text.len() > MESSAGE_BYTES_MAX {
        let end = (0..=MESSAGE_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_hidden_tests_are_published_only_at_whole_seconds() {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let started = |case: &str| Held::Started { case: case.to_owned() };
        let mut held = HeldBack::since(begun);
        held.events.push(started("test 1"));
        assert_eq!(held.due(at(999)), []);
        assert_eq!(held.due(at(1000)), [started("test 1")]);
        // A late call does not shift the later publication times.
        held.events.push(started("test 2"));
        assert_eq!(held.due(at(1999)), []);
        assert_eq!(held.due(at(2700)), [started("test 2")]);
        held.events.push(started("test 3"));
        assert_eq!(held.due(at(2999)), []);
        assert_eq!(held.due(at(3000)), [started("test 3")]);
    }
}
