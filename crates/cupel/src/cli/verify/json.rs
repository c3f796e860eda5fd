//! The object that `cupel verify --json` prints for a package. Its fields are stable; fields may be added.

use std::path::Path;
use std::time::Duration;

use cupel_core::{Clock as _, SystemClock};
use cupel_judge::{Claim, Measured, Subject, VerifiedGroup, VerifiedSubmission, VerifyReport};
use cupel_package::{ImportError, Imported};
use cupel_types::Start;
use serde_json::{Value, json};

use crate::cli::json::ms;
use crate::cli::judge::json::{finding, findings_of, max, score};

/// The whole object. `updated`: whether the time limit was written. `None` if the command line does not request that,
/// or if an expectation is not met.
pub(super) fn report(path: &Path, imported: &Imported, report: &VerifyReport, updated: Option<bool>) -> Value {
    let limit = &report.time_limit;
    json!({
        "package": path.display().to_string(),
        "slug": imported.package.problem.slug.as_str(),
        "format": imported.format.as_str(),
        // `ok`, `time_limit.limit_ms` and `time_limit.derived` are older names of fields that the API has, too.
        "ok": report.holds(),
        "holds": report.holds(),
        "claims": report.claims.len(),
        "time_limit_ms": limit.limit.map(ms),
        "is_time_limit_derived": limit.derived,
        "time_limit_start": limit.slowest_in_time.as_ref().filter(|_| limit.derived).and_then(|slowest| slowest.start).map(Start::name),
        "time_limit": {
            "limit_ms": limit.limit.map(ms),
            "derived": limit.derived,
            "written": updated,
            "slowest_in_time": limit.slowest_in_time.as_ref().map(measured),
            "fastest_too_slow": limit.fastest_too_slow.as_ref().map(measured),
        },
        "submissions": report.submissions.iter().map(submission).collect::<Vec<_>>(),
        "expectations": report.claims.iter().map(claim).collect::<Vec<_>>(),
        "notes": report.notes,
        "findings": imported.warnings.iter().map(finding).collect::<Vec<_>>(),
        "measured": { "cpu": cpu_model(), "at": SystemClock.now().to_string() },
    })
}

/// The object for a refused package.
pub(super) fn refused(path: &Path, error: &ImportError) -> Value {
    json!({
        "package": path.display().to_string(),
        "ok": false,
        "holds": false,
        "message": error.to_string(),
        "submissions": [],
        "expectations": [],
        "findings": findings_of(error),
    })
}

fn measured(measured: &Measured) -> Value {
    json!({
        "submission": measured.by.as_str(),
        "case": measured.case.as_str(),
        "time_ms": ms(measured.time),
        "start": measured.start.map(Start::name),
        "unfinished": measured.unfinished,
    })
}

fn submission(submission: &VerifiedSubmission) -> Value {
    let slowest = submission.slowest();
    let of_limit = |time: Duration| time.as_secs_f64() / submission.time_limit.as_secs_f64();
    json!({
        "submission": submission.path.as_str(),
        "path": submission.path.as_str(),
        "language": submission.language.as_ref().map(|language| language.as_str()),
        "verdict": submission.verdict.code(),
        "score": score(submission.score),
        "max_score": max(submission.max_score),
        "time_ms": slowest.map(ms),
        "slowest_ms": slowest.map(ms),
        "time_limit_ms": ms(submission.time_limit),
        "of_limit": slowest.map(of_limit),
        "idle": submission.is_idle(),
        "groups": submission.groups.iter().map(group).collect::<Vec<_>>(),
        "hint": submission.hint,
        "ok": submission.holds,
        "holds": submission.holds,
    })
}

fn group(group: &VerifiedGroup) -> Value {
    json!({
        "name": group.name.as_str(),
        "verdict": group.verdict.code(),
        "case": group.case.as_ref().map(|case| case.as_str()),
        "score": score(group.score),
        "max": max(group.max),
        "max_score": max(group.max),
        "time_ms": group.slowest.map(ms),
        "slowest_ms": group.slowest.map(ms),
        "idle": group.idle,
    })
}

fn claim(claim: &Claim) -> Value {
    let (subject, about) = match &claim.subject {
        Subject::Validator(path) => ("validator", path.as_str()),
        Subject::Checker(name) => ("checker", name.as_str()),
        Subject::Generator(path) => ("generator", path.as_str()),
        Subject::Submission(path) => ("submission", path.as_str()),
        Subject::TimeLimit => ("time_limit", ""),
    };
    let submission = matches!(claim.subject, Subject::Submission(_)).then_some(about);
    json!({
        "submission": submission,
        "subject": subject,
        "about": about,
        "rule": claim.rule,
        "expected": claim.expected,
        "got": claim.got,
        "case": claim.case,
        "test": claim.case,
        "ok": claim.holds,
        "holds": claim.holds,
    })
}

/// Returns the model of the processor on which the times were measured. Source: proc_cpuinfo(5).
fn cpu_model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
