//! The time limit of a package that has none: from the times of its own submissions that must be in time.
//!
//! Source: Kattis problem package format, legacy, `time_multiplier`; 2025-09, `time_limit` and `time_multipliers`.

use std::time::Duration;

use cupel_problem::{ExampleSubmission, ExpectedVerdict, PackagePath, TimeLimitRole};
use cupel_types::{BoxFiles, LimitsRequest};

use super::{ProblemError, ProblemRequest, judge_problem, program};
use crate::{ArtifactCache, Executor, JudgeObserver};

/// What a submission may take while it is measured.
const MEASURED_MAX: Duration = Duration::from_secs(60);

/// A time limit that was found by running submissions.
#[derive(Clone, Debug)]
pub struct DerivedTimeLimit {
    /// It.
    pub limit: Duration,
    /// The slowest case of all submissions that must be in time.
    pub slowest: Duration,
    /// Whose case that is.
    pub by: PackagePath,
}

/// Runs all submissions of the package that must be in time, on all cases, and derives the limit as its calibration says. Those that
/// are not accepted, or in a language that is not here, count for nothing; `None` when none is left.
///
/// # Errors
/// Only for failures of ours.
pub fn derive_time_limit(
    request: &ProblemRequest<'_>,
    executor: &mut dyn Executor,
    cache: &dyn ArtifactCache,
    observer: &mut dyn JudgeObserver,
) -> Result<Option<DerivedTimeLimit>, ProblemError> {
    let problem = &request.package.problem;
    let mut slowest: Option<(Duration, PackagePath)> = None;
    for example in problem.submissions.iter().filter(|example| must_be_in_time(example)) {
        let Ok(language) = program::language_of(&example.program, request.languages) else { continue };
        let files = BoxFiles::new(program::read_files(request.package, &example.program.files)?);
        let measured = ProblemRequest {
            files: &files,
            language,
            entry_point: example.program.entry_point.as_deref(),
            limits: LimitsRequest { cpu_time: Some(MEASURED_MAX), ..request.limits },
            all_cases: true,
            ..*request
        };
        let report = judge_problem(&measured, executor, cache, observer)?;
        let time = report.cpu_time();
        if report.verdict.is_accepted() && slowest.as_ref().is_none_or(|(slowest, _)| time > *slowest) {
            slowest = Some((time, example.program.path.clone()));
        }
    }
    let calibration = problem.limits.time.calibration;
    Ok(slowest.map(|(slowest, by)| {
        let needed = calibration.accepted_to_limit.times(slowest);
        let steps = needed.as_nanos().div_ceil(calibration.resolution.as_nanos().max(1)).max(1);
        let limit = calibration.resolution.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX));
        DerivedTimeLimit { limit, slowest, by }
    }))
}

/// Whether the time limit must be above what a submission takes.
pub fn must_be_in_time(example: &ExampleSubmission) -> bool {
    match example.for_time_limit {
        Some(role) => role == TimeLimitRole::Below,
        None => example.expectations.iter().any(|rule| {
            let lacks_tle = |permitted: &Vec<ExpectedVerdict>| !permitted.contains(&ExpectedVerdict::TimeLimit);
            let only_ac = |verdict: &Vec<ExpectedVerdict>| verdict[..] == [ExpectedVerdict::Accepted];
            rule.permitted.as_ref().is_some_and(lacks_tle) || rule.verdict.as_ref().is_some_and(only_ac)
        }),
    }
}
