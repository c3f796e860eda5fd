//! The object that `cupel judge --json` prints. Its fields are stable; fields may be added.

use cupel_judge::{GroupReport, ProblemCaseReport, ProblemReport};
use cupel_languages::Language;
use cupel_package::{ImportError, PackageFinding};
use cupel_problem::{MaxScore, Score};
use cupel_types::{Start, Verdict};
use serde_json::{Value, json};

use crate::cli::json::{compile_step, ms};

/// The whole object.
pub(super) fn report(language: &Language, report: &ProblemReport) -> Value {
    let compile = report.compile.as_ref().map(compile_step);
    json!({
        "verdict": report.verdict.code(),
        "score": score(report.score),
        "max_score": max(report.max_score),
        "time_ms": ms(report.cpu_time()),
        // `memory_used_kb` and `execution_time_ms` are the names in the API; the other two fields have the same values
        // under older names.
        "execution_time_ms": ms(report.cpu_time()),
        "memory_used_kb": report.memory().as_kib(),
        "memory_kb": report.memory().as_kib(),
        "message": report.message,
        "language": language.id.as_str(),
        "language_version": report.language_version,
        "time_limit_ms": ms(report.cpu_time_max),
        "memory_limit_kb": report.limits.memory.as_kib(),
        "compile": compile,
        "groups": report.groups.iter().map(group).collect::<Vec<_>>(),
        "cases": report.cases.iter().map(case).collect::<Vec<_>>(),
    })
}

/// The object for a refused package.
pub(super) fn refused(error: &ImportError) -> Value {
    json!({
        "verdict": Verdict::InternalError.code(),
        "score": null,
        "max_score": null,
        "time_ms": 0,
        "execution_time_ms": 0,
        "memory_used_kb": 0,
        "memory_kb": 0,
        "message": error.to_string(),
        "groups": [],
        "cases": [],
        "findings": findings_of(error),
    })
}

/// The findings of a refused package.
pub(in crate::cli) fn findings_of(error: &ImportError) -> Vec<Value> {
    match error {
        ImportError::Refused(refused) => refused.findings.iter().map(finding).collect(),
        ImportError::Io(_) | ImportError::TargetExists(_) => Vec::new(),
    }
}

/// One finding.
pub(in crate::cli) fn finding(finding: &PackageFinding) -> Value {
    json!({
        "code": finding.code.as_str(),
        "file": finding.file,
        "line": finding.position.map(|position| position.line),
        "column": finding.position.map(|position| position.column),
        "key": finding.key,
        "fault": finding.fault,
        "remedy": finding.remedy,
    })
}

fn group(group: &GroupReport) -> Value {
    json!({
        "name": group.name.as_str(),
        "verdict": group.verdict.code(),
        "score": score(group.score),
        // `max_score` and `message` are the names in the API; `max` and `team_message` are older names of the same
        // fields.
        "max_score": max(group.max),
        "max": max(group.max),
        "reason": group.reason,
    })
}

fn case(case: &ProblemCaseReport) -> Value {
    let step = case.step.as_ref();
    json!({
        "name": case.id.as_str(),
        "group": case.group.as_str(),
        "verdict": case.verdict.code(),
        "folded": case.verdict.folded().code(),
        "causes": case.causes.iter().map(|cause| cause.code()).collect::<Vec<_>>(),
        "score": score(case.score),
        "time_ms": ms(case.usage.cpu_time),
        "wall_time_ms": ms(case.usage.wall_time),
        "execution_time_ms": ms(case.usage.cpu_time),
        "memory_used_kb": case.usage.memory.as_kib(),
        "memory_kb": case.usage.memory.as_kib(),
        "start": case.usage.start.map(Start::name),
        "exit_code": step.and_then(|step| step.exit_code),
        "signal": step.and_then(|step| step.signal),
        "stdout": step.map(|step| String::from_utf8_lossy(&step.stdout.data)),
        "stderr": step.map(|step| String::from_utf8_lossy(&step.stderr.data)),
        "reruns": case.reruns,
        "in_batch": case.in_batch,
        "judge_message": case.judge_message,
        "message": case.team_message,
        "team_message": case.team_message,
    })
}

/// Converts a score; a whole score becomes an integer.
pub(in crate::cli) fn score(score: Option<Score>) -> Value {
    let Some(score) = score else { return Value::Null };
    match score.millionths() % 1_000_000 {
        0 => (score.millionths() / 1_000_000).into(),
        _ => (score.millionths() as f64 / 1e6).into(),
    }
}

pub(in crate::cli) fn max(max: Option<MaxScore>) -> Value {
    match max {
        None => Value::Null,
        Some(MaxScore::Bounded(most)) => score(Some(most)),
        Some(MaxScore::Unbounded) => "unbounded".into(),
    }
}
