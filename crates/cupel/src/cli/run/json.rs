//! The object that `cupel run --json` prints. Its fields are stable; fields may be added.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cupel_api::{compilation_error, limits_json, runtime_error};
use cupel_languages::Language;
use cupel_types::{Accuracy, Limits, Output, RunReport};
use serde_json::{Map, Value, json};

use super::artifacts;
use crate::cli::json::{compile_step, ms};

/// The whole object.
pub(super) fn report(language: &Language, report: &RunReport) -> Value {
    let step = report.execution.as_ref();
    let compile = report.compile.as_ref().map(compile_step);
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
    set("verdict", report.verdict.code().into());
    set("message", report.message.clone().into());
    let not_built = report.is_not_built();
    let of_compiler = report.compile.as_ref().filter(|_| not_built).and_then(|compile| compile.exit_code);
    set("compilation_error", not_built.then(|| compilation_error(report)).into());
    set("runtime_error", step.and_then(|s| runtime_error(report.verdict, s, &report.limits)).into());
    set("exit_code", of_compiler.or_else(|| step.and_then(|s| s.exit_code)).into());
    set("signal", step.and_then(|s| s.signal).into());
    set("truncated", step.is_some_and(|s| s.stdout.truncated || s.stderr.truncated).into());
    set("compile", compile.unwrap_or_default());
    set("cpu_time_ms", step.map_or(0, |s| ms(s.usage.cpu_time)).into());
    set("wall_time_ms", step.map_or(0, |s| ms(s.usage.wall_time)).into());
    if let Some(instructions) = step.and_then(|s| s.usage.instructions) {
        set("instructions", instructions.get().into());
    }
    // `memory_used_kb` and `execution_time_ms` are the names in the API; the other two fields have the same values
    // under older names.
    set("execution_time_ms", step.map_or(0, |s| ms(s.usage.cpu_time)).into());
    set("memory_used_kb", step.map_or(0, |s| s.usage.memory.as_kib()).into());
    set("memory_kb", step.map_or(0, |s| s.usage.memory.as_kib()).into());
    if let Some(start) = step.and_then(|s| s.usage.start) {
        set("start", start.name().into());
    }
    if step.is_some_and(|s| s.usage.accuracy == Accuracy::Approximate) {
        set("accuracy", "approximate".into());
    }
    set("language", language.id.as_str().into());
    set("language_version", report.language_version.clone().into());
    set("limits", limits_json(report.limits));
    if !report.artifacts.files.is_empty() {
        set("artifacts", artifacts::json(&report.artifacts));
    }
    if report.artifacts.has_more {
        set("artifacts_truncated", true.into());
    }
    let nothing = Output::default();
    for (name, output) in
        [("stdout", step.map_or(&nothing, |s| &s.stdout)), ("stderr", step.map_or(&nothing, |s| &s.stderr))]
    {
        object.insert(name.to_owned(), String::from_utf8_lossy(&output.data).into());
        // If the output is not UTF-8, a second field has the exact bytes.
        if std::str::from_utf8(&output.data).is_err() {
            object.insert(format!("{name}_base64"), BASE64_STANDARD.encode(&output.data).into());
        }
    }
    Value::Object(object)
}

/// The object if Cupel itself failed.
pub(super) fn failure(language: &Language, in_force: &Limits) -> Value {
    json!({
        "verdict": "JE",
        "message": "Cupel itself failed; standard error shows the cause",
        "compilation_error": null,
        "runtime_error": null,
        "exit_code": null,
        "signal": null,
        "stdout": "",
        "stderr": "",
        "truncated": false,
        "compile": null,
        "cpu_time_ms": 0,
        "wall_time_ms": 0,
        "execution_time_ms": 0,
        "memory_used_kb": 0,
        "memory_kb": 0,
        "language": language.id.as_str(),
        "language_version": language.installed_version(),
        "limits": limits_json(*in_force),
    })
}
