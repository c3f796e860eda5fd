//! Attempts that verify a package: they check the package's claims about its inputs, programs and submissions.

use std::borrow::Cow;

use cupel_core::Assignment;
use cupel_judge::{
    Claim, Executor, JudgeEvent, JudgeObserver as _, ProblemError, Subject, VerifyEvent, VerifyObserver, VerifyReport,
    VerifyRequest, verify,
};
use cupel_languages::Registry;
use cupel_types::{
    BrokenClaim, Limits, ProblemVersion, RunReport, Start, Verdict, Verification, VerifiedGroup, VerifiedSubmission,
    counted,
};

use crate::attempt::{SlotError, SlotParts};
use crate::attempt_log::AttemptLog;

/// Maximum number of broken claims in a result.
const BROKEN_MAX: usize = 1000;

/// Verifies a version of a problem.
pub(crate) fn verify_version(
    parts: &SlotParts,
    assignment: &Assignment,
    version: &ProblemVersion,
    languages: &Registry,
    executor: &mut dyn Executor,
    log: &mut AttemptLog<'_>,
) -> Result<RunReport, SlotError> {
    let opened = parts.core.open_package(version.package)?;
    // A limit derived by an earlier verification is kept. The margins of a kept limit are reported but not enforced,
    // because times differ from run to run.
    let package = opened.package.with_derived_time_limit(assignment.leased.time_limit);
    let is_kept = matches!(package, Cow::Owned(_));
    let request = VerifyRequest {
        package: &package,
        languages,
        derive_time_limit: false,
        margins_bind: opened.format.margins_bind() && !is_kept,
        all_cases: false,
        owner: assignment.leased.submission.owner,
    };
    let verified = verify(&request, executor, parts.cache.as_ref(), &mut Progress(log));
    if let Err(error @ ProblemError::Package { path, .. }) = &verified
        && let Some(why) = error.fault_of_package()
    {
        return Ok(RunReport {
            message: Some(claims_that_fail(1, 1)),
            verification: Some(Verification {
                time_limit: package.problem.limits.time.limit,
                is_derived: is_kept,
                limit_start: assignment.leased.limit_start.filter(|_| is_kept),
                ..with_unusable_file(path.to_string(), why)
            }),
            ..RunReport::bare(Verdict::WrongAnswer, Limits::default(), "")
        });
    }
    let mut report = verified?;
    report.time_limit.derived |= is_kept;
    let measured = report.time_limit.slowest_in_time.as_ref().and_then(|slowest| slowest.start);
    // A kept limit also keeps the start mode with which it was measured.
    let limit_start = if is_kept { assignment.leased.limit_start } else { measured };
    Ok(result_of(report, limit_start))
}

/// Reports in the attempt's log what is being verified: the inputs, the outputs, or a submission of the package.
struct Progress<'a, 'b>(&'a mut AttemptLog<'b>);

impl VerifyObserver for Progress<'_, '_> {
    fn event(&mut self, event: VerifyEvent<'_>) {
        let what = match event {
            VerifyEvent::Inputs => "inputs",
            VerifyEvent::Outputs => "outputs",
            VerifyEvent::Submission { path, .. } => path.as_str(),
        };
        self.0.event(JudgeEvent::ExecutionStarted { case: Some(what) });
    }

    fn cancelled(&mut self) -> bool {
        self.0.cancelled()
    }
}

/// The result for a package with a file that a program cannot get.
fn with_unusable_file(path: String, why: String) -> Verification {
    let expected = "a file that programs can get".to_owned();
    let broken = BrokenClaim { rule: "judging".to_owned(), about: path, expected, got: why, case: None };
    Verification {
        holds: false,
        claims: 1,
        broken: vec![broken],
        submissions: Vec::new(),
        time_limit: None,
        is_derived: false,
        limit_start: None,
        notes: Vec::new(),
    }
}

fn result_of(report: VerifyReport, limit_start: Option<Start>) -> RunReport {
    let (holds, claims, broken) = (report.holds(), report.claims.len(), report.broken().count());
    let verdict = match (report.cancelled, holds) {
        (true, _) => Verdict::Cancelled,
        (false, true) => Verdict::Accepted,
        (false, false) => Verdict::WrongAnswer,
    };
    let verification = Verification {
        holds,
        claims: claims as u64,
        broken: report.broken().take(BROKEN_MAX).map(broken_claim).collect(),
        submissions: report
            .submissions
            .iter()
            .map(|submission| VerifiedSubmission {
                path: submission.path.to_string(),
                verdict: submission.verdict,
                score: submission.score,
                slowest: submission.slowest(),
                time_limit: submission.time_limit,
                groups: submission
                    .groups
                    .iter()
                    .map(|group| VerifiedGroup {
                        name: group.name.to_string(),
                        verdict: group.verdict,
                        slowest: group.slowest,
                    })
                    .collect(),
                hint: submission.hint.clone(),
                holds: submission.holds,
            })
            .collect(),
        time_limit: report.time_limit.limit,
        is_derived: report.time_limit.derived,
        limit_start: limit_start.filter(|_| report.time_limit.derived),
        notes: report.notes,
    };
    RunReport {
        message: (!holds).then(|| claims_that_fail(broken, claims)),
        verification: Some(verification),
        ..RunReport::bare(verdict, Limits::default(), "")
    }
}

/// The message of a verification that failed.
fn claims_that_fail(broken: usize, claims: usize) -> String {
    let verb = if broken == 1 { "does" } else { "do" };
    format!("{broken} of {} {verb} not hold", counted(claims, "claim"))
}

fn broken_claim(claim: &Claim) -> BrokenClaim {
    BrokenClaim {
        about: match &claim.subject {
            Subject::Validator(path) | Subject::Generator(path) | Subject::Submission(path) => path.to_string(),
            Subject::Checker(name) => name.clone(),
            Subject::TimeLimit => "time limit".to_owned(),
        },
        rule: claim.rule.clone(),
        expected: claim.expected.clone(),
        got: claim.got.clone(),
        case: claim.case.clone(),
    }
}
