//! The settings of the facade: the settings of the original's configuration that change its behaviour.
//!
//! `GET /config_info` has them under the same names. Source of names and defaults: the original's file `judge0.conf` at
//! release 1.13.1.

use cupel_core::Bounds;

/// Default of the maximum number of submissions in a batch.
const BATCH_MAX: usize = 20;

/// Settings of the facade.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge0Options {
    /// Whether the original's limits apply, and an exceeded memory limit is reported as in the original, only as a
    /// signal.
    pub strict: bool,
    /// Whether new submissions are refused with [`Judge0Options::maintenance_message`].
    pub maintenance_mode: bool,
    /// The error in maintenance mode.
    pub maintenance_message: String,
    /// Whether `wait=true` is allowed.
    pub enable_wait_result: bool,
    /// Whether `compiler_options` is allowed.
    pub enable_compiler_options: bool,
    /// Prefixes of the names of the languages whose `compiler_options` are allowed; empty: all languages.
    pub allowed_languages_for_compiler_options: Vec<String>,
    /// Whether `command_line_arguments` is allowed.
    pub enable_command_line_arguments: bool,
    /// Whether `callback_url` is allowed.
    pub enable_callbacks: bool,
    /// Whether `additional_files` is allowed.
    pub enable_additional_files: bool,
    /// Whether `enable_per_process_and_thread_time_limit` is allowed.
    pub allow_enable_per_process_and_thread_time_limit: bool,
    /// Whether `enable_per_process_and_thread_memory_limit` is allowed.
    pub allow_enable_per_process_and_thread_memory_limit: bool,
    /// Maximum number of submissions in a batch.
    pub max_submission_batch_size: usize,
    /// Limits that replace the original's, which depend on the flavour.
    pub limits: Judge0Limits,
}

impl Judge0Options {
    /// Maximum number of submissions in a batch: the facade's, or that of core if it is less.
    pub(super) fn batch_max(&self, bounds: &Bounds) -> usize {
        self.max_submission_batch_size.min(bounds.batch_max)
    }
}

impl Default for Judge0Options {
    fn default() -> Judge0Options {
        Judge0Options {
            strict: true,
            maintenance_mode: false,
            maintenance_message: "Judge0 is currently in maintenance.".to_owned(),
            enable_wait_result: true,
            enable_compiler_options: true,
            allowed_languages_for_compiler_options: Vec::new(),
            enable_command_line_arguments: true,
            enable_callbacks: true,
            enable_additional_files: true,
            allow_enable_per_process_and_thread_time_limit: true,
            allow_enable_per_process_and_thread_memory_limit: true,
            max_submission_batch_size: BATCH_MAX,
            limits: Judge0Limits::default(),
        }
    }
}

/// Default and maximum of a number; `None`: the original's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judge0Limit {
    /// The value for a submission that does not set the attribute.
    pub default: Option<f64>,
    /// The maximum that a submission may request.
    pub max: Option<f64>,
}

/// Defaults and maxima of the attributes, in the attributes' units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judge0Limits {
    /// Seconds.
    pub cpu_time_limit: Judge0Limit,
    /// Seconds.
    pub cpu_extra_time: Judge0Limit,
    /// Seconds.
    pub wall_time_limit: Judge0Limit,
    /// KiB.
    pub memory_limit: Judge0Limit,
    /// KiB.
    pub stack_limit: Judge0Limit,
    /// Processes and threads together.
    pub max_processes_and_or_threads: Judge0Limit,
    /// KiB.
    pub max_file_size: Judge0Limit,
    /// Executions of one submission.
    pub number_of_runs: Judge0Limit,
}

impl Judge0Limits {
    /// The limits by the names of the attributes, for the configuration.
    pub fn by_name(&mut self) -> [(&'static str, &mut Judge0Limit); 8] {
        [
            ("cpu_time_limit", &mut self.cpu_time_limit),
            ("cpu_extra_time", &mut self.cpu_extra_time),
            ("wall_time_limit", &mut self.wall_time_limit),
            ("memory_limit", &mut self.memory_limit),
            ("stack_limit", &mut self.stack_limit),
            ("max_processes_and_or_threads", &mut self.max_processes_and_or_threads),
            ("max_file_size", &mut self.max_file_size),
            ("number_of_runs", &mut self.number_of_runs),
        ]
    }
}
