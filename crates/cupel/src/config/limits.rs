//! Bounds on one submission.

use std::time::Duration;

use cupel_types::Bytes;

use super::Layers;

/// Bounds on one submission.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) source_max: Bytes,
    pub(crate) files_max: u32,
    pub(crate) files_bytes_max: Bytes,
    pub(crate) stdin_max: Bytes,
    pub(crate) args_max: u32,
    pub(crate) env_max: u32,
    pub(crate) args_env_bytes_max: Bytes,
    pub(crate) tests_max: u32,
    pub(crate) tests_bytes_max: Bytes,
    pub(crate) output_kept_max: Bytes,
    pub(crate) run_at_ahead_max: Duration,
    pub(crate) batch_max: u32,
    pub(crate) batch_bytes_max: Bytes,
}

pub(super) fn limits(layers: &mut Layers) -> Limits {
    Limits {
        source_max: layers.some_bytes("limits.source_max"),
        files_max: layers.number("limits.files_max", 1..=10_000),
        files_bytes_max: layers.bytes("limits.files_bytes_max"),
        stdin_max: layers.bytes("limits.stdin_max"),
        args_max: layers.number("limits.args_max", 0..=10_000),
        env_max: layers.number("limits.env_max", 0..=10_000),
        args_env_bytes_max: layers.bytes("limits.args_env_bytes_max"),
        tests_max: layers.number("limits.tests_max", 0..=10_000),
        tests_bytes_max: layers.bytes("limits.tests_bytes_max"),
        output_kept_max: layers.bytes("limits.output_kept_max"),
        run_at_ahead_max: layers.duration("limits.run_at_ahead_max", Duration::ZERO),
        batch_max: layers.number("limits.batch_max", 1..=100_000),
        batch_bytes_max: layers.bytes("limits.batch_bytes_max"),
    }
}
