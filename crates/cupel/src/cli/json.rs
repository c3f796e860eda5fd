//! Parts that the objects of `cupel run --json` and `cupel judge --json` have in common.

use std::time::Duration;

use cupel_types::CompileReport;
use serde_json::{Value, json};

/// The compile step.
pub(super) fn compile_step(compile: &CompileReport) -> Value {
    json!({
        "ok": compile.ok,
        "exit_code": compile.exit_code,
        "output": String::from_utf8_lossy(&compile.output.data),
        "time_ms": ms(compile.wall_time),
        "cached": compile.cached,
        "truncated": compile.output.truncated,
    })
}

/// Whole milliseconds.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
