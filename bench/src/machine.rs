//! Description of the machine on which the figures were measured.

use serde_json::{Value, json};

/// Processor, number of processors, kernel, time.
pub(crate) fn describe() -> Value {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    #[expect(clippy::disallowed_methods, reason = "the figures carry the time of measurement")]
    let time = jiff::Timestamp::now();
    json!({
        "processor": model.unwrap_or("unknown"),
        "processors": std::thread::available_parallelism().map_or(1, usize::from),
        "kernel": kernel.trim(),
        "measured_at": time.to_string(),
    })
}
