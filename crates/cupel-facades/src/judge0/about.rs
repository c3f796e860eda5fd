//! The original's endpoints about itself: configuration, versions, the machine and the workers.

use std::fs;

use cupel_core::cluster::{Order, WorkerRecord};
use cupel_http::app::Shared;
use cupel_http::error::ApiError;
use cupel_types::Limits;
use serde_json::{Map, Value, json};

use super::attributes::AttributeBounds;
use super::languages::Flavour;
use super::options::Judge0Options;

/// Maximum size of an unpacked additional file, in KiB.
pub(super) const EXTRACT_KIB_MAX: i64 = 10_240;

/// `GET /config_info`: the 39 settings of the original.
pub(super) fn config_info(app: &Shared, flavour: Flavour, options: &Judge0Options) -> Value {
    let ranges = AttributeBounds::with(flavour, options, largest(app, flavour).as_ref());
    json!({
        "maintenance_mode": options.maintenance_mode,
        "enable_wait_result": options.enable_wait_result,
        "enable_compiler_options": options.enable_compiler_options,
        "allowed_languages_for_compile_options": options.allowed_languages_for_compiler_options,
        "enable_command_line_arguments": options.enable_command_line_arguments,
        "enable_submission_delete": false,
        "enable_callbacks": options.enable_callbacks,
        "callbacks_max_tries": 10,
        "callbacks_timeout": 10.0,
        "enable_additional_files": options.enable_additional_files,
        "max_queue_size": app.core.queue_depth_max(),
        "cpu_time_limit": ranges.cpu_time_limit.default,
        "max_cpu_time_limit": ranges.cpu_time_limit.max,
        "cpu_extra_time": ranges.cpu_extra_time.default,
        "max_cpu_extra_time": ranges.cpu_extra_time.max,
        "wall_time_limit": ranges.wall_time_limit.default,
        "max_wall_time_limit": ranges.wall_time_limit.max,
        "memory_limit": ranges.memory_limit.default,
        "max_memory_limit": ranges.memory_limit.max,
        "stack_limit": ranges.stack_limit.default,
        "max_stack_limit": ranges.stack_limit.max,
        "max_processes_and_or_threads": ranges.max_processes_and_or_threads.default,
        "max_max_processes_and_or_threads": ranges.max_processes_and_or_threads.max,
        "enable_per_process_and_thread_time_limit": false,
        "allow_enable_per_process_and_thread_time_limit": options.allow_enable_per_process_and_thread_time_limit,
        "enable_per_process_and_thread_memory_limit": false,
        "allow_enable_per_process_and_thread_memory_limit": options.allow_enable_per_process_and_thread_memory_limit,
        "max_file_size": ranges.max_file_size.default,
        "max_max_file_size": ranges.max_file_size.max,
        "number_of_runs": ranges.number_of_runs.default,
        "max_number_of_runs": ranges.number_of_runs.max,
        "redirect_stderr_to_stdout": false,
        "max_extract_size": EXTRACT_KIB_MAX,
        "enable_batched_submissions": true,
        "max_submission_batch_size": options.batch_max(app.core.bounds()),
        "submission_cache_duration": 0.0,
        "use_docs_as_homepage": false,
        "allow_enable_network": false,
        "enable_network": false,
    })
}

/// The largest maxima of all languages of a flavour, which apply if the facade is not strict.
fn largest(app: &Shared, flavour: Flavour) -> Option<Limits> {
    let registry = app.core.registry();
    let all = registry.facade_names(flavour.facade());
    all.map(|(_, language)| language.limits_max).reduce(|a, b| Limits {
        cpu_time: a.cpu_time.max(b.cpu_time),
        wall_time: a.wall_time.max(b.wall_time),
        idle_time: a.idle_time.max(b.idle_time),
        // Languages have no maximum for these.
        instructions: None,
        memory: a.memory.max(b.memory),
        address_space: None,
        processes: a.processes.max(b.processes),
        open_files: a.open_files.max(b.open_files),
        file_size: a.file_size.max(b.file_size),
        disk: a.disk.max(b.disk),
        inodes: a.inodes.max(b.inodes),
        output: a.output.max(b.output),
        stack: a.stack.max(b.stack),
    })
}

/// `GET /about`. Clients choose the ids of languages by the version, so the response contains the original's version.
pub(super) fn about(flavour: Flavour) -> Value {
    json!({
        "version": flavour.version(),
        "homepage": concat!("cupel ", env!("CARGO_PKG_VERSION")),
        "source_code": env!("CARGO_PKG_REPOSITORY"),
        "maintainer": "the operator of this server",
    })
}

/// `GET /isolate`: the sandbox.
pub(super) const SANDBOX: &str = concat!("The sandbox of cupel ", env!("CARGO_PKG_VERSION"), "\n");

/// `GET /license`.
pub(super) const LICENSE: &str = concat!("Cupel is licensed under ", env!("CARGO_PKG_LICENSE"), ".\n");

/// `GET /system_info`: facts about the machine of this server. Workers may be on other machines.
pub(super) fn system_info() -> Value {
    let mut facts = Map::new();
    facts.insert("Architecture".to_owned(), json!(std::env::consts::ARCH));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    facts.insert("CPU(s)".to_owned(), json!(processors.to_string()));
    let of = |path: &str, name: &str| {
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_start().strip_prefix(':')?.trim().to_owned())
    };
    for (name, key) in [("vendor_id", "Vendor ID"), ("model name", "Model name"), ("cpu MHz", "CPU MHz")] {
        if let Some(value) = of("/proc/cpuinfo", name) {
            facts.insert(key.to_owned(), json!(value));
        }
    }
    for (name, key) in [("MemTotal", "Mem"), ("SwapTotal", "Swap")] {
        let kib = of("/proc/meminfo", name).and_then(|value| value.strip_suffix(" kB")?.parse::<u64>().ok());
        if let Some(kib) = kib {
            facts.insert(key.to_owned(), json!(cupel_types::Bytes::kib(kib).to_string()));
        }
    }
    Value::Object(facts)
}

/// `GET /workers`: one queue, named after the version.
///
/// # Errors
/// If the store or the queue cannot answer.
pub(super) async fn workers(app: &Shared, flavour: Flavour) -> Result<Value, ApiError> {
    let workers = app.core.workers_alive().await?;
    let size = app.core.queue_depth().await.map_err(|error| ApiError::internal(&error))?;
    let sum = |of: fn(&WorkerRecord) -> u32| workers.iter().map(of).map(u64::from).sum::<u64>();
    let (slots, busy) = (sum(|worker| worker.beat.slots), sum(|worker| worker.beat.busy));
    let paused = sum(|worker| if worker.order == Order::Work { 0 } else { worker.beat.slots });
    Ok(json!([{
        "queue": flavour.version(),
        "size": size,
        "available": slots,
        "idle": slots.saturating_sub(busy),
        "working": busy,
        "paused": paused,
        "failed": 0,
    }]))
}
