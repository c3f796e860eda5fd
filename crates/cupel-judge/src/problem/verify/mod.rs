//! Verifies a package: its inputs, checkers, submissions and time limit.
//!
//! ```text
//!  inputs ─► validators ────────────────────────────┐
//!  generators ─► answers, trials, junk ─► checkers ─┼─► claims, each of which holds or does not
//!  submissions ─► all cases ─► expectations ────────┤
//!              └─► times ─► time limit ─────────────┘
//! ```
//!
//! Every program of the package is built, and a generator makes the data of each of its cases, even if the package has
//! no submission that would need them. Each submission is run on all cases, up to the upper margin of the time limit. A
//! case whose time is within the margins is run again. After a case beyond the upper margin, the remaining cases of its
//! group are skipped if they affect neither a score nor a rule about single cases. Equal cases are run once.
//!
//! Invariant: a claim that could not be checked does not hold. The exceptions are submissions and input validators in a
//! language that is not installed here: the notes list them. At least one accepted submission must run or, if the
//! package has no accepted submission, at least one other. A package without submissions can pass, because some formats
//! have none (DMOJ), if its programs build, its generators succeed, and its interactors decide about some output; a
//! note then reports that nothing was judged. Source: Kattis problem package format; problemtools, `verifyproblem`.

mod expect;
mod inputs;
mod outputs;
mod report;

use std::time::Duration;

use cupel_languages::{Language, Registry};
use cupel_problem::{CaseId, ExampleSubmission, ExpectedVerdict, MaxScore, Package, PackagePath, Program, Scope};
use cupel_types::{BoxFiles, LimitsRequest, Start, ToolOptions, UserId, Verdict};

use expect::BestScore;
pub use report::{Claim, Subject, VerifiedGroup, VerifiedSubmission, VerifiedTimeLimit, VerifyReport};

use super::answer::seconds;
use super::calibrate::{
    MEASURED_MAX, Measured, excludes_timeouts, factor_of, must_be_in_time_on, must_be_too_slow_on, slowest,
};
use super::limits::CPU_TIME_DEFAULT;
use super::program::{Builder, Programs, Runnable};
use super::report::shortened;
use super::{
    Options, ProblemCaseReport, ProblemError, ProblemReport, ProblemRequest, judge_as, must_be_in_time, program,
};
use crate::{ArtifactCache, Executor, JudgeEvent, JudgeObserver};

/// A package to verify, and the options.
#[derive(Clone, Copy, Debug)]
pub struct VerifyRequest<'a> {
    /// The package.
    pub package: &'a Package,
    /// All languages available to programs of the package. They must have been probed.
    pub languages: &'a Registry,
    /// Whether to derive the time limit even if the package has one.
    pub derive_time_limit: bool,
    /// Whether the package's time limit must respect the margins of its calibration. If the package's format defines no
    /// margins, a violated margin is only reported.
    pub margins_bind: bool,
    /// Whether to run every submission on every case, including cases that have no effect.
    pub all_cases: bool,
    /// The package's owner.
    pub owner: UserId,
}

/// Receives the progress of a verification.
pub trait VerifyObserver {
    /// Called for each event.
    fn event(&mut self, event: VerifyEvent<'_>);
    /// Whether to stop. Called often.
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// Progress of a verification.
#[derive(Clone, Copy, Debug)]
pub enum VerifyEvent<'a> {
    /// Input validators are running.
    Inputs,
    /// Checkers are running.
    Outputs,
    /// A submission is running.
    Submission {
        /// The submission.
        path: &'a PackagePath,
        /// One-based number of the submission.
        number: usize,
        /// Total number of submissions.
        of: usize,
    },
}

/// Checks all claims of a package. Blocks for as long as its submissions run.
///
/// # Errors
/// Only for internal failures. Any fault of the package is a claim that does not hold.
pub fn verify(
    request: &VerifyRequest<'_>,
    executor: &mut dyn Executor,
    cache: &dyn ArtifactCache,
    observer: &mut dyn VerifyObserver,
) -> Result<VerifyReport, ProblemError> {
    let compile = request.package.problem.limits.compile;
    let mut verifying = Verifying {
        request,
        executor,
        builder: Builder {
            owner: request.owner,
            compile,
            cache,
            tools: &ToolOptions::NONE,
            checks_syntax: false,
            forbids_packages: false,
        },
        observer,
        programs: Programs::default(),
        claims: Vec::new(),
        notes: Vec::new(),
        stopped: false,
    };
    verifying.observer.event(VerifyEvent::Inputs);
    inputs::verify(&mut verifying)?;
    verifying.observer.event(VerifyEvent::Outputs);
    outputs::verify(&mut verifying)?;
    let (submissions, time_limit) = verifying.submissions()?;
    let mut claims = verifying.claims;
    for claim in &mut claims {
        claim.got = shown(&claim.got);
    }
    Ok(VerifyReport {
        claims,
        submissions,
        time_limit,
        notes: verifying.notes.iter().map(|note| shown(note)).collect(),
        cancelled: verifying.stopped,
    })
}

/// Maximum length in bytes of a note, and of the actual state in a claim. The messages of the package's programs may be
/// longer.
const SHOWN_BYTES_MAX: usize = 2 << 10;

fn shown(text: &str) -> String {
    shortened(text, SHOWN_BYTES_MAX).into_owned()
}

/// Note about an interactor that accepts without reading all output; reported once per verification. Such an interactor
/// also accepts any output after a correct answer.
const UNREAD: &str = "the interactor accepted without reading all of the program's output";

/// Note about a submission that must be too slow, but was idle.
const IDLE: &str = "the submission was idle until a limit ended it, so it proves nothing about the time limit";

/// Note on a package that has no submissions.
const NO_SUBMISSIONS: &str =
    "the package has no submissions, so nothing was judged: submit a solution before you publish it";

/// Maximum number of tests that are listed because of suspect answers.
const SUSPECTS_MAX: usize = 10;

/// State of a verification in progress.
struct Verifying<'a, 'b> {
    request: &'a VerifyRequest<'a>,
    executor: &'b mut dyn Executor,
    builder: Builder<'a>,
    observer: &'b mut dyn VerifyObserver,
    programs: Programs,
    claims: Vec<Claim>,
    notes: Vec<String>,
    stopped: bool,
}

/// A submission that was judged.
struct Tried<'a> {
    example: &'a ExampleSubmission,
    language: &'a Language,
    report: ProblemReport,
    best: BestScore,
    claims: Vec<Claim>,
}

/// The reason why a submission was not judged.
enum NotTried {
    /// The submission's language is not installed here.
    NotHere(String),
    /// Any other reason.
    Fault(String),
}

impl Tried<'_> {
    fn holds(&self) -> bool {
        self.claims.iter().all(|claim| claim.holds)
    }
}

impl<'a> Verifying<'a, '_> {
    fn claim(&mut self, subject: Subject, rule: &str, expected: &str, got: String, case: Option<&str>, holds: bool) {
        let (rule, expected, case) = (rule.to_owned(), expected.to_owned(), case.map(str::to_owned));
        self.claims.push(Claim { subject, rule, expected, got, case, holds });
    }

    fn cancelled(&mut self) -> bool {
        self.stopped |= self.observer.cancelled();
        self.stopped
    }

    fn submissions(&mut self) -> Result<(Vec<VerifiedSubmission>, VerifiedTimeLimit), ProblemError> {
        let mut package = self.request.package.clone();
        // The list of languages applies to new submissions, not to those that the package contains.
        package.problem.limits.languages = None;
        let examples = &self.request.package.problem.submissions;
        let mut tried: Vec<Option<Result<Tried<'a>, NotTried>>> = examples.iter().map(|_| None).collect();
        let package_limit = package.problem.limits.time.limit.filter(|_| !self.request.derive_time_limit);
        let mut number = 0;
        if package_limit.is_none() {
            let cases: Vec<CaseId> = package.problem.tests.cases().map(|case| case.id.clone()).collect();
            package.problem.limits.time.limit = Some(MEASURED_MAX);
            package
                .problem
                .limits
                .per_language
                .values_mut()
                .for_each(|factors| factors.time = cupel_problem::Factor::ONE);
            for (at, example) in examples.iter().enumerate().filter(|(_, example)| must_be_in_time(example)) {
                number += 1;
                tried[at] = Some(self.submission(&package, example, false, number)?);
            }
            package.problem.limits.clone_from(&self.request.package.problem.limits);
            package.problem.limits.languages = None;
            package.problem.limits.time.limit = self.derived(&tried);
            // Now that there is a limit, the other submissions can be judged on all cases.
            for (at, example) in examples.iter().enumerate() {
                if tried[at].is_some() && !cases.iter().all(|case| must_be_in_time_on(example, case)) {
                    tried[at] = None;
                    number -= 1;
                }
            }
        }
        let limit = package.problem.limits.time.limit;
        for (at, example) in examples.iter().enumerate() {
            if tried[at].is_none() {
                number += 1;
                tried[at] = Some(self.submission(&package, example, true, number)?);
            }
        }
        let tried: Vec<Result<Tried<'a>, NotTried>> = tried.into_iter().flatten().collect();
        let is_derived = limit.is_some() && package_limit.is_none();
        let time_limit = self.time_limit(limit, is_derived, &tried);
        self.suspect_answers(&tried);
        self.note_cold_starts(&tried, is_derived);
        let used = limit.unwrap_or(CPU_TIME_DEFAULT);
        // Accepted submissions prove that the problem can be solved. If there are none, any submission counts.
        let mut proofs: Vec<_> = examples.iter().zip(&tried).collect();
        if examples.iter().any(must_be_accepted) {
            proofs.retain(|(example, _)| must_be_accepted(example));
        }
        if examples.is_empty() {
            self.notes.push(NO_SUBMISSIONS.to_owned());
        }
        for example in examples.iter().filter(|example| example.expectations.is_empty()) {
            self.notes.push(format!(
                "{}: its expected result is not known, so its result is not checked",
                example.program.path
            ));
        }
        let none_ran = proofs.iter().all(|(_, tried)| tried.is_err());
        if let (true, Some((example, Err(NotTried::NotHere(why))))) = (none_ran, proofs.first()) {
            let subject = Subject::Submission(example.program.path.clone());
            let expected = match must_be_accepted(example) {
                true => "at least one accepted submission in a language that is installed here",
                false => "at least one submission in a language that is installed here",
            };
            self.claim(subject, "judging", expected, format!("none was run: {why}"), None, false);
        }
        let mut shown = Vec::new();
        for (example, tried) in examples.iter().zip(tried) {
            shown.push(match tried {
                Ok(tried) => {
                    let own = factor_of(&package.problem.limits, &tried.language.id).times(used);
                    let row = row(&tried, own);
                    self.claims.extend(tried.claims);
                    row
                }
                Err(NotTried::NotHere(why)) => {
                    self.notes.push(format!("{}: not tried here: {why}", example.program.path));
                    VerifiedSubmission { holds: true, ..not_run(example, why, used) }
                }
                Err(NotTried::Fault(why)) => {
                    let subject = Subject::Submission(example.program.path.clone());
                    self.claim(
                        subject,
                        "judging",
                        "a verdict on the submission",
                        format!("not run: {why}"),
                        None,
                        false,
                    );
                    not_run(example, why, used)
                }
            });
        }
        Ok((shown, time_limit))
    }

    /// Reports tests on which all submissions that must be accepted fail in the same way. Needs at least two such
    /// submissions.
    fn suspect_answers(&mut self, tried: &[Result<Tried<'_>, NotTried>]) {
        let accepted: Vec<&Tried<'_>> =
            tried.iter().flatten().filter(|tried| must_be_accepted(tried.example)).collect();
        let [first, others @ ..] = &accepted[..] else { return };
        let wrong = |case: &&ProblemCaseReport| case.verdict == Verdict::WrongAnswer && case.judge_message.is_some();
        for case in first.report.cases.iter().filter(wrong).take(SUSPECTS_MAX) {
            let is_alike = |other: &ProblemCaseReport| {
                (&other.id, other.verdict, &other.judge_message) == (&case.id, case.verdict, &case.judge_message)
            };
            if !others.is_empty() && others.iter().all(|other| other.report.cases.iter().any(is_alike)) {
                let note = "all submissions that must be accepted are wrong in the same way; the answer of the test may be wrong";
                self.notes.push(format!("{}: {note}", case.id));
            }
        }
    }

    /// Reports times that include the start of an interpreter, although the interpreter starts warm in other tests or
    /// on other workers. Limits derived from such times are too generous for submissions that start warm, and margins
    /// do not describe them.
    fn note_cold_starts(&mut self, tried: &[Result<Tried<'_>, NotTried>], derived: bool) {
        let mut noted = Vec::new();
        for Tried { example, language, report, .. } in tried.iter().flatten() {
            let started = |start| report.cases.iter().filter(move |case| case.usage.start == Some(start));
            let Some(cold) = started(Start::Cold).next() else { continue };
            let path = &example.program.path;
            if started(Start::Warm).next().is_some() {
                let number = started(Start::Cold).count();
                self.notes.push(format!(
                    "{path}: {number} of its tests started cold (the first is {}): their CPU time includes the start of the interpreter; \
                     that of the others does not",
                    cold.id
                ));
            } else if !noted.contains(&&language.id) {
                noted.push(&language.id);
                let follows = if derived { "the time limit was derived" } else { "margins were measured" };
                self.notes.push(format!(
                    "{path}: {follows} with cold starts of {}; a worker with `worker.warm_interpreters` starts the same program warm, \
                     in less CPU time",
                    language.name
                ));
            }
        }
    }

    /// Judges a submission: on all cases or, if `measures` is false, on those on which it must be in time. The inner
    /// error is the reason why it cannot be run here.
    fn submission(
        &mut self,
        package: &Package,
        example: &'a ExampleSubmission,
        measures: bool,
        number: usize,
    ) -> Result<Result<Tried<'a>, NotTried>, ProblemError> {
        let of = package.problem.submissions.len();
        if self.cancelled() {
            return Ok(Err(NotTried::Fault("it was cancelled".to_owned())));
        }
        self.executor.await_turn();
        self.observer.event(VerifyEvent::Submission { path: &example.program.path, number, of });
        if let Some(why) = program::missing_program(&package.problem, self.request.languages) {
            return Ok(Err(NotTried::NotHere(why)));
        }
        let language = match program::language_of(&example.program, self.request.languages) {
            Ok(language) => language,
            Err(program::NoLanguage::NotHere(why)) => return Ok(Err(NotTried::NotHere(why))),
            Err(program::NoLanguage::Unclear(why)) => return Ok(Err(NotTried::Fault(why))),
        };
        let files = BoxFiles::new(program::read_files(package, &example.program.files)?);
        let request = ProblemRequest {
            package,
            files: &files,
            language,
            entry_point: example.program.entry_point.as_deref(),
            languages: self.request.languages,
            limits: LimitsRequest::default(),
            all_cases: true,
            owner: self.request.owner,
            function_batches: false,
        };
        let manner = Options {
            measures,
            equal_cases_once: true,
            timeouts_suffice: !self.request.all_cases && !has_rules_on_single_cases(example),
            beside: &example.beside,
            in_time_only: (!measures).then_some(example),
        };
        let report = judge_as(&request, manner, self.executor, self.builder.cache, &mut Quiet(self.observer))?;
        // A program of the package that was cancelled looks like a fault of the package.
        self.stopped |= report.verdict == Verdict::Cancelled || self.observer.cancelled();
        let unread = report.cases.iter().find(|case| case.unread);
        if let Some(case) = unread.filter(|_| !self.notes.iter().any(|note| note.ends_with(UNREAD))) {
            self.notes.push(format!("{}, {}: {UNREAD}", example.program.path, case.id));
        }
        let best = BestScore::of(&self.request.package.problem, &report);
        let claims = expect::claims(example, &report, best);
        Ok(Ok(Tried { example, language, report, best, claims }))
    }

    /// Returns the limit derived from the submissions that must be in time and that satisfy their rules.
    fn derived(&self, tried: &[Option<Result<Tried<'_>, NotTried>>]) -> Option<Duration> {
        let calibration = self.request.package.problem.limits.time.calibration;
        let tried = tried.iter().flatten().flatten();
        self.slowest_in_time(tried).map(|slowest| calibration.limit_for(slowest.time))
    }

    fn slowest_in_time<'t>(&self, tried: impl Iterator<Item = &'t Tried<'t>>) -> Option<Measured> {
        let each = tried.filter(|tried| keeps_to_time(tried)).filter_map(|tried| {
            let counts = |case: &CaseId| must_be_in_time_on(tried.example, case);
            self.slowest(tried, counts)
        });
        each.max_by_key(|measured| measured.time)
    }

    fn slowest(&self, tried: &Tried<'_>, counts: impl Fn(&CaseId) -> bool) -> Option<Measured> {
        let problem = &self.request.package.problem;
        slowest(problem, &tried.language.id, &tried.example.program.path, &tried.report, counts)
    }

    /// Checks the limit against the measured times.
    fn time_limit(
        &mut self,
        limit: Option<Duration>,
        derived: bool,
        tried: &[Result<Tried<'_>, NotTried>],
    ) -> VerifiedTimeLimit {
        let calibration = self.request.package.problem.limits.time.calibration;
        let in_time = self.slowest_in_time(tried.iter().flatten());
        let too_slow = tried.iter().flatten().filter(|tried| tried.holds()).filter_map(|tried| {
            let counts = |case: &CaseId| must_be_too_slow_on(tried.example, case);
            self.slowest(tried, counts)
        });
        let (idle, too_slow): (Vec<Measured>, Vec<Measured>) = too_slow.partition(|measured| measured.idle);
        for Measured { by, case, .. } in idle {
            self.notes.push(format!("{by}, {case}: {IDLE}"));
        }
        let too_slow = too_slow.into_iter().min_by_key(|measured| (measured.unfinished, measured.time));
        let Some(found) = limit else {
            let expected = "a time limit, or an accepted submission to derive it from";
            let mut candidates = tried.iter().flatten().filter(|tried| must_be_in_time(tried.example));
            let got = match candidates.next() {
                Some(first) => {
                    let (path, verdict) = (&first.example.program.path, first.report.verdict.code());
                    format!("no limit, and no submission that passes as it must ({path}: {verdict})")
                }
                None => "neither".to_owned(),
            };
            self.claim(Subject::TimeLimit, "time limit", expected, got, None, false);
            return VerifiedTimeLimit { limit, derived, slowest_in_time: in_time, fastest_too_slow: too_slow };
        };
        let binds = derived || self.request.margins_bind;
        if let Some(slowest) = &in_time {
            let factor = calibration.accepted_to_limit;
            let expected = format!("at least {factor} times the {} of {}", seconds(slowest.time), slowest.by);
            self.margin("ac_to_time_limit", expected, found, slowest, calibration.is_above(found, slowest.time), binds);
        }
        if let Some(fastest) = &too_slow {
            let factor = calibration.limit_to_time_limit_exceeded;
            let expected =
                format!("{factor} times the limit is at most the {} of {}", seconds(fastest.time), fastest.by);
            let holds = fastest.unfinished || calibration.is_below(found, fastest.time);
            self.margin("time_limit_to_tle", expected, found, fastest, holds, binds);
        }
        VerifiedTimeLimit { limit, derived, slowest_in_time: in_time, fastest_too_slow: too_slow }
    }

    fn margin(&mut self, rule: &str, expected: String, limit: Duration, by: &Measured, holds: bool, binds: bool) {
        if binds {
            self.claim(Subject::TimeLimit, rule, &expected, seconds(limit), Some(by.case.as_str()), holds);
        } else if !holds {
            self.notes
                .push(format!("the time limit is {}, which leaves little margin: expected {expected}", seconds(limit)));
        }
    }
}

/// Returns a program of the package; the first call builds it. The inner error is a fault of the package.
fn build(verifying: &mut Verifying<'_, '_>, program: &Program) -> Result<Result<Runnable, String>, ProblemError> {
    let Verifying { request, programs, builder, executor, observer, .. } = verifying;
    programs.built(request.package, program, builder, request.languages, *executor, &mut Quiet(*observer))
}

/// Whether the package claims that the submission is accepted on all tests.
fn must_be_accepted(example: &ExampleSubmission) -> bool {
    example.expectations.iter().any(|rule| {
        let verdicts = rule.verdict.as_deref().or(rule.permitted.as_deref());
        rule.scope == Scope::All && verdicts == Some(&[ExpectedVerdict::Accepted])
    })
}

/// Whether the submission satisfies every rule that requires it to be in time. Other rules may require timeouts on
/// other cases.
fn keeps_to_time(tried: &Tried<'_>) -> bool {
    let expectations = tried.example.expectations.iter().filter(|rule| excludes_timeouts(rule)).cloned().collect();
    let rules = ExampleSubmission { expectations, ..tried.example.clone() };
    expect::claims(&rules, &tried.report, tried.best).iter().all(|claim| claim.holds)
}

/// Whether a rule concerns single cases. If so, the result of every case matters.
fn has_rules_on_single_cases(example: &ExampleSubmission) -> bool {
    example.expectations.iter().any(|rule| {
        let about_cases = rule.permitted.is_some() || rule.required.is_some() || rule.message.is_some();
        about_cases || rule.scope != Scope::All
    })
}

/// Returns the table row of a submission.
fn row(tried: &Tried<'_>, time_limit: Duration) -> VerifiedSubmission {
    let report = &tried.report;
    let mut groups: Vec<VerifiedGroup> = Vec::new();
    for case in &report.cases {
        if groups.last().is_none_or(|group| group.name != case.group)
            && groups.iter().all(|group| group.name != case.group)
        {
            let of = report.groups.iter().find(|group| group.name == case.group);
            groups.push(VerifiedGroup {
                name: case.group.clone(),
                verdict: Verdict::Accepted,
                case: None,
                score: of.and_then(|group| group.score),
                max: of.and_then(|group| group.max),
                slowest: None,
                idle: false,
            });
        }
        let Some(group) = groups.iter_mut().find(|group| group.name == case.group) else { continue };
        if case.step.is_some() {
            group.slowest = group.slowest.max(Some(case.usage.cpu_time));
        }
        group.idle |= case.is_idle();
        if !case.verdict.is_accepted() && group.verdict.is_accepted() {
            group.verdict = case.verdict;
            group.case = Some(case.id.clone());
        }
    }
    VerifiedSubmission {
        path: tried.example.program.path.clone(),
        language: Some(tried.language.id.clone()),
        verdict: report.verdict.overall(),
        score: report.score,
        max_score: report.max_score,
        time_limit,
        groups,
        hint: (!tried.holds()).then(|| hint(tried)).flatten(),
        holds: tried.holds(),
    }
}

fn not_run(example: &ExampleSubmission, why: String, time_limit: Duration) -> VerifiedSubmission {
    VerifiedSubmission {
        path: example.program.path.clone(),
        language: None,
        verdict: Verdict::Skipped,
        score: None,
        max_score: None::<MaxScore>,
        time_limit,
        groups: Vec::new(),
        hint: Some(why),
        holds: false,
    }
}

/// Returns a possible reason why a submission does not meet expectations, if there is an obvious one. Old packages
/// contain Python 2 sources, which can be distinguished from Python 3 only by their failure.
fn hint(tried: &Tried<'_>) -> Option<String> {
    if !tried.language.extensions.iter().any(|extension| extension == "py") {
        return None;
    }
    let matches = |data: &[u8]| {
        let text = String::from_utf8_lossy(data);
        text.contains("NameError") || text.contains("Missing parentheses in call to 'print'")
    };
    let at_run_time =
        tried.report.cases.iter().filter_map(|case| case.step.as_ref()).any(|step| matches(&step.stderr.data));
    let at_compile_time = tried.report.compile.as_ref().is_some_and(|compile| matches(&compile.output.data));
    (at_run_time || at_compile_time).then(|| "Python 2 source?".to_owned())
}

/// Observer that forwards only cancellation.
struct Quiet<'a>(&'a mut dyn VerifyObserver);

impl JudgeObserver for Quiet<'_> {
    fn event(&mut self, _: JudgeEvent<'_>) {}

    fn cancelled(&mut self) -> bool {
        self.0.cancelled()
    }
}

#[cfg(test)]
mod tests;
