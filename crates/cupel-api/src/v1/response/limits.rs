//! The limits that applied to a program.

use cupel_types::{Bytes, Instructions, Limits};
use serde::Serialize;
use utoipa::ToSchema;

/// The limits that applied. Names and units are those of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitsView {
    pub(crate) cpu_time_ms: u64,
    pub(crate) wall_time_ms: u64,
    pub(crate) idle_time_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instructions: Option<u64>,
    pub(crate) memory_kb: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address_space_kb: Option<u64>,
    pub(crate) processes: u32,
    pub(crate) open_files: u32,
    pub(crate) file_size_kb: u64,
    pub(crate) disk_kb: u64,
    pub(crate) inodes: u64,
    pub(crate) output_kb: u64,
    pub(crate) stack_kb: u64,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> LimitsView {
        let Limits {
            cpu_time,
            wall_time,
            idle_time,
            instructions,
            memory,
            address_space,
            processes,
            open_files,
            file_size,
            disk,
            inodes,
            output,
            stack,
        } = limits;
        LimitsView {
            cpu_time_ms: cpu_time.as_millis() as u64,
            wall_time_ms: wall_time.as_millis() as u64,
            idle_time_ms: idle_time.as_millis() as u64,
            instructions: instructions.map(Instructions::get),
            memory_kb: memory.as_kib(),
            address_space_kb: address_space.map(Bytes::as_kib),
            processes,
            open_files,
            file_size_kb: file_size.as_kib(),
            disk_kb: disk.as_kib(),
            inodes,
            output_kb: output.as_kib(),
            stack_kb: stack.as_kib(),
        }
    }
}

/// The limits as in a response of the API. `cupel run --json` prints this object.
pub fn limits_json(limits: Limits) -> serde_json::Value {
    serde_json::to_value(LimitsView::from(limits)).unwrap_or_default()
}
