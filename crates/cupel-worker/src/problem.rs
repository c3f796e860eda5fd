//! Attempts that are about a problem: the package is opened, the judge is asked, and what it says becomes a result.
//!
//! Invariants: what a program writes on a test that its sender may not see goes nowhere, neither into the log nor into the result; of
//! the time that it takes there, the log tells nothing finer than [`TOLD_EVERY`];
//! a fault of the package is told to its authors alone, and never looks like the sender's.

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

use crate::attempt_log::AttemptLog;
use crate::slot::{SlotError, SlotParts};

/// Bytes of what a package's program says that are kept of one case.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// What a sender is told of a package that is at fault.
const FAULT_OF_PACKAGE: &str = "The problem's own tests or programs are at fault, not your program. Its authors are told why; \
                                this does not count as a try.";

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
    let opened = parts.core.packages().open(&solution.of.package)?;
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
    };
    let output_kept_max = parts.core.bounds().output_kept_max;
    if let Cases::Input(input) = &solution.cases {
        return Ok(run_with_input(&request, input, output_kept_max, executor, parts.cache.as_ref(), log)?);
    }
    let told = told_of(&package);
    let mut discreet = Discreet { log, told: &told, held: HeldBack::since(Instant::now()) };
    let report = judge_problem(&request, executor, parts.cache.as_ref(), &mut discreet);
    discreet.release();
    let report = report?;
    if is_derived {
        warn_of_other_starts(parts, &package, assignment.leased.limit_start, &report);
    }
    Ok(result_of(report, &told, output_kept_max))
}

/// Warns, once for each version of a problem, that programs start otherwise here than the one its time limit was measured with.
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
        "the time limit of {slug} was measured with {measured} starts, but programs start {other} here: it is too {effect}. \
         Set worker.warm_interpreters alike on all workers, or verify a new version"
    );
}

/// What the sender is told of a case.
struct Told {
    /// How much they may see of it.
    feedback: Feedback,
    /// What it is called while it is judged: by its number, where they may not know more. A name may say what the trap is.
    name: String,
}

/// What the sender is told of each case, by its id.
fn told_of(package: &Package) -> HashMap<String, Told> {
    let cases = package.problem.tests.cases().enumerate();
    cases
        .map(|(place, case)| {
            let id = case.id.to_string();
            let feedback = if case.shown.is_some() { Feedback::Full } else { case.feedback };
            let name = if feedback == Feedback::Full { id.clone() } else { format!("test {}", place + 1) };
            (id, Told { feedback, name })
        })
        .collect()
}

/// How much the sender may see of a case: nothing, where that is not known.
fn feedback_on(case: &str, told: &HashMap<String, Told>) -> Feedback {
    told.get(case).map_or(Feedback::Hidden, |told| told.feedback)
}

/// How often the sender hears which hidden tests have begun and ended. A program can choose how long it takes by what it reads: the times
/// of events would be a way out for the data.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Passes on what the sender may know while the judge is at it.
struct Discreet<'a, 'b> {
    log: &'a mut AttemptLog<'b>,
    told: &'a HashMap<String, Told>,
    held: HeldBack,
}

/// What happened on hidden tests and was not told yet. At most two events for each test.
struct HeldBack {
    events: Vec<Held>,
    /// When they are told.
    next: Instant,
}

impl HeldBack {
    fn since(begun: Instant) -> HeldBack {
        HeldBack { events: Vec::new(), next: begun + TOLD_EVERY }
    }

    /// What is told now: nothing but at the first question after each multiple of [`TOLD_EVERY`].
    fn due(&mut self, now: Instant) -> Vec<Held> {
        if now < self.next {
            return Vec::new();
        }
        while self.next <= now {
            self.next += TOLD_EVERY;
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

impl Discreet<'_, '_> {
    /// Tells everything, whatever the time.
    fn release(&mut self) {
        let events = std::mem::take(&mut self.held.events);
        self.tell(events);
    }

    fn tell(&mut self, events: Vec<Held>) {
        let unsaid = Usage::default();
        for held in events {
            self.log.event(match &held {
                Held::Started { case } => JudgeEvent::ExecutionStarted { case: Some(case) },
                Held::Ended { case, verdict, outcome } => JudgeEvent::ExecutionEnded {
                    case: Some(case),
                    verdict: *verdict,
                    outcome: *outcome,
                    usage: &unsaid,
                },
            });
        }
    }
}

impl JudgeObserver for Discreet<'_, '_> {
    fn event(&mut self, event: JudgeEvent<'_>) {
        let case = match event {
            JudgeEvent::CompileStarted | JudgeEvent::CompileEnded { .. } => return self.log.event(event),
            JudgeEvent::ExecutionStarted { case }
            | JudgeEvent::ExecutionEnded { case, .. }
            | JudgeEvent::Stdout { case, .. }
            | JudgeEvent::Stderr { case, .. } => case,
        };
        let all = self.told;
        let Some(told) = case.and_then(|case| all.get(case)) else { return };
        match (told.feedback, event) {
            (Feedback::Full, event) => {
                self.release();
                self.log.event(event);
            }
            (Feedback::Verdict, JudgeEvent::ExecutionStarted { .. }) => {
                self.held.events.push(Held::Started { case: told.name.clone() });
            }
            (Feedback::Verdict, JudgeEvent::ExecutionEnded { verdict, outcome, .. }) => {
                self.held.events.push(Held::Ended { case: told.name.clone(), verdict, outcome });
            }
            (Feedback::Verdict | Feedback::Hidden, _) => {}
        }
    }

    fn cancelled(&mut self) -> bool {
        // While a program runs, and not when a test ends: that moment is not to be told.
        let due = self.held.due(Instant::now());
        self.tell(due);
        self.log.cancelled()
    }
}

fn result_of(report: ProblemReport, told: &HashMap<String, Told>, output_kept_max: Bytes) -> RunReport {
    let message = message_of(&report, told);
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
                let feedback = feedback_on(case.id.as_str(), told);
                grade_of(case, feedback, &mut room)
            })
            .collect(),
        author_message: report.message.map(short),
        ..Grading::default()
    };
    // The sender is told the limit that the verdict is about; beyond it a program is let run for a moment.
    let limits = Limits { cpu_time: report.cpu_time_max, ..report.limits };
    RunReport {
        message,
        compile: report.compile,
        grading: Some(grading),
        ..RunReport::bare(report.verdict, limits, &report.language_version)
    }
}

fn grade_of(case: ProblemCaseReport, feedback: Feedback, room: &mut usize) -> CaseGrade {
    // As much as all samples together may show.
    let mut fits = |bytes: usize| {
        let fits = bytes <= *room;
        *room -= if fits { bytes } else { 0 };
        fits
    };
    let said = (feedback == Feedback::Full).then(|| case.conversation()).flatten();
    let step = case.step.filter(|_| feedback == Feedback::Full);
    let step = step.filter(|step| fits(step.stdout.data.len() + step.stderr.data.len()));
    let said = said.filter(|said| fits(said.len()));
    CaseGrade {
        name: case.id.to_string(),
        group: case.group.to_string(),
        verdict: case.verdict,
        score: case.score,
        usage: case.usage,
        feedback,
        step,
        conversation: said.map(|said| Output { data: said.into_bytes().into(), truncated: false }),
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

/// Why, for the sender.
fn message_of(report: &ProblemReport, told: &HashMap<String, Told>) -> Option<String> {
    match report.verdict {
        Verdict::InternalError => return Some(FAULT_OF_PACKAGE.to_owned()),
        // The compiler, or what the problem asks of sources.
        Verdict::CompileError | Verdict::CompileLimit => return report.message.clone().map(short),
        _ => {}
    }
    let decides = |case: &&ProblemCaseReport| case.verdict == report.verdict && !case.verdict.is_accepted();
    let number = report.cases.iter().position(|case| decides(&case))?;
    let case = &report.cases[number];
    let seen = feedback_on(case.id.as_str(), told);
    let place = format!("test {} of {}", number + 1, report.cases.len());
    match (seen, &case.judge_message) {
        (Feedback::Hidden, _) => None,
        (Feedback::Full, Some(said)) => Some(format!("{place}: {}", short(said.clone()))),
        (Feedback::Full, None) | (Feedback::Verdict, _) => Some(place),
    }
}

/// Makes the result of a judging that was stopped because it took too long as a whole: nobody's fault but the package's, whose tests and
/// limits allow it.
pub(crate) fn overdue(report: &mut RunReport, time_max: Duration) {
    let why = format!(
        "judging took longer than {} s in all (`worker.judging_time_max`): have fewer tests, shorter limits, or groups that stop at \
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
        message: Some("The problem has no samples. Run your program on an input of your own.".to_owned()),
        grading: Some(Grading::default()),
        ..RunReport::bare(Verdict::Skipped, language.limits, version)
    }
}

/// The beginning of a text.
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
    fn what_happens_on_hidden_tests_is_told_at_whole_seconds_alone() {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let started = |case: &str| Held::Started { case: case.to_owned() };
        let mut held = HeldBack::since(begun);
        held.events.push(started("test 1"));
        assert_eq!(held.due(at(999)), []);
        assert_eq!(held.due(at(1000)), [started("test 1")]);
        // Whenever the second after that is asked about, the next one is not moved.
        held.events.push(started("test 2"));
        assert_eq!(held.due(at(1999)), []);
        assert_eq!(held.due(at(2700)), [started("test 2")]);
        held.events.push(started("test 3"));
        assert_eq!(held.due(at(2999)), []);
        assert_eq!(held.due(at(3000)), [started("test 3")]);
    }
}
