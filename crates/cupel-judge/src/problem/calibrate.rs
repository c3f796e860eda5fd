//! The times of a package's submissions, and the time limit that is derived from them.
//!
//! Times are divided by their language's factor before they are compared. A conversation in which the interactor
//! rejected is ignored, because the rejection may have ended the program early.
//!
//! Source: Kattis problem package format, legacy, `time_multiplier`; 2025-09, `time_limit` and `time_multipliers`.

use std::collections::HashSet;
use std::time::Duration;

use cupel_problem::{
    CaseId, ExampleSubmission, Expectation, ExpectedVerdict, Factor, PackagePath, Problem, ProblemLimits,
};
use cupel_types::{BoxFiles, LanguageId, LimitsRequest, Start, Verdict};

use super::{Options, ProblemCaseReport, ProblemError, ProblemReport, ProblemRequest, judge_as, program};
use crate::{ArtifactCache, Executor, JudgeObserver};

/// Time limit of a submission that is measured while the package's limit is unknown.
pub(super) const MEASURED_MAX: Duration = Duration::from_secs(60);

/// A time limit that was derived by running submissions.
#[derive(Clone, Debug)]
pub struct DerivedTimeLimit {
    /// The limit, for languages without a factor.
    pub limit: Duration,
    /// The slowest case of all submissions that must be in time.
    pub slowest: Measured,
}

/// The slowest case of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// CPU time, divided by the language's factor.
    pub time: Duration,
    /// The submission.
    pub by: PackagePath,
    /// The case.
    pub case: CaseId,
    /// How the program was started; `None` for a language without a warm start.
    pub start: Option<Start>,
    /// Whether a limit ended the program, so that its full time is unknown.
    pub unfinished: bool,
    /// Whether a limit ended the program while it was waiting. Its CPU time then says nothing about its speed.
    pub idle: bool,
}

/// Runs each submission of the package that must be in time, on the cases to which this rule applies, and derives the
/// limit by the package's calibration. Submissions that are not accepted, and submissions in an unavailable language,
/// are ignored. Returns `None` if no submission remains.
///
/// # Errors
/// Only for internal failures.
pub fn derive_time_limit(
    request: &ProblemRequest<'_>,
    executor: &mut dyn Executor,
    cache: &dyn ArtifactCache,
    observer: &mut dyn JudgeObserver,
) -> Result<Option<DerivedTimeLimit>, ProblemError> {
    let mut package = request.package.clone();
    // The list of languages applies to new submissions, not to those that the package contains.
    package.problem.limits.languages = None;
    let problem = &package.problem;
    let mut measured: Vec<Measured> = Vec::new();
    for example in problem.submissions.iter().filter(|example| must_be_in_time(example)) {
        let Ok(language) = program::language_of(&example.program, request.languages) else { continue };
        let files = BoxFiles::new(program::read_files(request.package, &example.program.files)?);
        let measuring = ProblemRequest {
            package: &package,
            files: &files,
            language,
            entry_point: example.program.entry_point.as_deref(),
            limits: LimitsRequest { cpu_time: Some(MEASURED_MAX), ..request.limits },
            all_cases: true,
            function_batches: false,
            ..*request
        };
        let manner = Options { beside: &example.beside, in_time_only: Some(example), ..Options::default() };
        let report = judge_as(&measuring, manner, executor, cache, observer)?;
        if report.verdict.is_accepted() {
            let counts = |case: &CaseId| must_be_in_time_on(example, case);
            measured.extend(slowest(problem, &language.id, &example.program.path, &report, counts));
        }
    }
    let slowest = measured.into_iter().max_by_key(|measured| measured.time);
    let calibration = problem.limits.time.calibration;
    Ok(slowest.map(|slowest| DerivedTimeLimit { limit: calibration.limit_for(slowest.time), slowest }))
}

/// Returns the slowest of a submission's cases that count; `None` if no case counts.
pub(super) fn slowest(
    problem: &Problem,
    language: &LanguageId,
    by: &PackagePath,
    report: &ProblemReport,
    counts: impl Fn(&CaseId) -> bool,
) -> Option<Measured> {
    let is_interactive = problem.is_interactive();
    let rejected = |verdict| matches!(verdict, Verdict::WrongAnswer | Verdict::PresentationError);
    // A case for which the package sets a limit does not count: the problem's limit does not apply to it.
    let own: HashSet<&CaseId> =
        problem.tests.cases().filter(|case| case.limits.time.is_some()).map(|case| &case.id).collect();
    let is_measured = |case: &&ProblemCaseReport| {
        counts(&case.id) && !own.contains(&case.id) && !(is_interactive && rejected(case.verdict))
    };
    let counting = report.cases.iter().filter(is_measured);
    let measured = counting.filter(|case| case.step.is_some()).map(|case| Measured {
        time: factor_of(&problem.limits, language).part_of(case.usage.cpu_time),
        by: by.clone(),
        case: case.id.clone(),
        start: case.usage.start,
        unfinished: case.is_unfinished(),
        idle: case.is_idle(),
    });
    measured.max_by_key(|measured| (measured.unfinished, measured.time))
}

pub(super) fn factor_of(limits: &ProblemLimits, language: &LanguageId) -> Factor {
    limits.per_language.get(language).map_or(Factor::ONE, |factors| factors.time)
}

/// Whether there is a case on which the time limit must be above the submission's time.
pub fn must_be_in_time(example: &ExampleSubmission) -> bool {
    example.expectations.iter().any(excludes_timeouts)
}

/// Whether the time limit must be above the submission's time on this case.
pub(super) fn must_be_in_time_on(example: &ExampleSubmission, case: &CaseId) -> bool {
    example.expectations.iter().any(|rule| excludes_timeouts(rule) && rule.scope.covers(case))
}

/// Whether the package expects the submission to exceed the time limit on at least one case of a set that includes this
/// case.
pub(super) fn must_be_too_slow_on(example: &ExampleSubmission, case: &CaseId) -> bool {
    example.expectations.iter().any(|rule| demands_timeout(rule) && rule.scope.covers(case))
}

pub(super) fn excludes_timeouts(rule: &Expectation) -> bool {
    let lacks_tle = |permitted: &Vec<ExpectedVerdict>| !permitted.contains(&ExpectedVerdict::TimeLimit);
    let only_ac = |verdict: &Vec<ExpectedVerdict>| verdict[..] == [ExpectedVerdict::Accepted];
    rule.bounds_time_limit
        && (rule.permitted.as_ref().is_some_and(lacks_tle) || rule.verdict.as_ref().is_some_and(only_ac))
}

fn demands_timeout(rule: &Expectation) -> bool {
    let only_tle = |verdicts: &Vec<ExpectedVerdict>| verdicts[..] == [ExpectedVerdict::TimeLimit];
    rule.bounds_time_limit
        && (rule.required.as_ref().is_some_and(only_tle) || rule.verdict.as_ref().is_some_and(only_tle))
}
