//! The limits in a language file: their keys, units, defaults and valid ranges.

use std::time::Duration;

use cupel_types::{Bytes, Limits, LimitsRequest};
use serde::Deserialize;

use crate::faults::Faults;

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsDto {
    cpu_time_ms: Option<u64>,
    wall_time_ms: Option<u64>,
    idle_time_ms: Option<u64>,
    memory_mb: Option<u64>,
    processes: Option<u32>,
    open_files: Option<u32>,
    file_size_mb: Option<u64>,
    disk_mb: Option<u64>,
    inodes: Option<u64>,
    output_kb: Option<u64>,
    stack_mb: Option<u64>,
}

impl From<LimitsDto> for LimitsRequest {
    fn from(dto: LimitsDto) -> LimitsRequest {
        let LimitsDto {
            cpu_time_ms,
            wall_time_ms,
            idle_time_ms,
            memory_mb,
            processes,
            open_files,
            file_size_mb,
            disk_mb,
            inodes,
            output_kb,
            stack_mb,
        } = dto;
        LimitsRequest {
            cpu_time: cpu_time_ms.map(Duration::from_millis),
            wall_time: wall_time_ms.map(Duration::from_millis),
            idle_time: idle_time_ms.map(Duration::from_millis),
            instructions: None,
            memory: memory_mb.map(Bytes::mib),
            address_space: None,
            processes,
            open_files,
            file_size: file_size_mb.map(Bytes::mib),
            disk: disk_mb.map(Bytes::mib),
            inodes,
            output: output_kb.map(Bytes::kib),
            stack: stack_mb.map(Bytes::mib),
        }
    }
}

/// Default maximum limits.
fn limits_max_default() -> Limits {
    Limits {
        cpu_time: Duration::from_secs(60),
        wall_time: Duration::from_secs(180),
        idle_time: Duration::from_secs(120),
        instructions: None,
        memory: Bytes::mib(2048),
        address_space: None,
        processes: 256,
        open_files: 1024,
        file_size: Bytes::mib(256),
        disk: Bytes::mib(512),
        inodes: 65_536,
        output: Bytes::mib(16),
        stack: Bytes::mib(512),
    }
}

/// Default limits of a compile step.
fn compile_limits_default() -> Limits {
    Limits {
        cpu_time: Duration::from_secs(30),
        wall_time: Duration::from_secs(60),
        idle_time: Duration::from_secs(30),
        instructions: None,
        memory: Bytes::mib(1024),
        address_space: None,
        processes: 128,
        open_files: 1024,
        file_size: Bytes::mib(256),
        disk: Bytes::mib(512),
        inodes: 8192,
        output: Bytes::mib(1),
        stack: Bytes::mib(64),
    }
}

/// Converts the three tables of a language: its default limits, its maximum limits, and the limits of a compile
/// step.
pub(crate) fn convert(
    limits: LimitsDto,
    limits_max: LimitsDto,
    compile_limits: LimitsDto,
    faults: &mut Faults<'_>,
) -> (Limits, Limits, Limits) {
    for (table, dto) in [("limits", limits), ("limits_max", limits_max), ("compile_limits", compile_limits)] {
        dto.check(table, faults);
    }
    let default = LimitsRequest::from(limits).over(Limits::default());
    let max = LimitsRequest::from(limits_max).over(limits_max_default());
    let compile = LimitsRequest::from(compile_limits).over(compile_limits_default());
    for key in above(&default, &max) {
        faults.add(format!("limits.{key}"), format!("is above limits_max.{key}"));
    }
    (default, max, compile)
}

impl LimitsDto {
    pub(crate) fn check(&self, table: &str, faults: &mut Faults<'_>) {
        const DAY_MS: u64 = 24 * 3600 * 1000;
        const TIB_MB: u64 = 1024 * 1024;
        let LimitsDto {
            cpu_time_ms,
            wall_time_ms,
            idle_time_ms,
            memory_mb,
            processes,
            open_files,
            file_size_mb,
            disk_mb,
            inodes,
            output_kb,
            stack_mb,
        } = *self;
        for (key, value, ceiling) in [
            ("cpu_time_ms", cpu_time_ms, DAY_MS),
            ("wall_time_ms", wall_time_ms, DAY_MS),
            ("idle_time_ms", idle_time_ms, DAY_MS),
            ("memory_mb", memory_mb, TIB_MB),
            ("processes", processes.map(u64::from), 65_536),
            ("open_files", open_files.map(u64::from), 65_536),
            ("file_size_mb", file_size_mb, TIB_MB),
            ("disk_mb", disk_mb, TIB_MB),
            ("inodes", inodes, 1 << 30),
            ("output_kb", output_kb, 1 << 30),
            ("stack_mb", stack_mb, TIB_MB),
        ] {
            if value.is_some_and(|v| v == 0 || v > ceiling) {
                faults.add(format!("{table}.{key}"), format!("expected a whole number from 1 to {ceiling}"));
            }
        }
    }
}

/// The keys at which `limits` exceeds `max`.
fn above(limits: &Limits, max: &Limits) -> Vec<&'static str> {
    // A language file limits neither instructions nor the address space.
    let &Limits {
        cpu_time,
        wall_time,
        idle_time,
        instructions: _,
        memory,
        address_space: _,
        processes,
        open_files,
        file_size,
        disk,
        inodes,
        output,
        stack,
    } = limits;
    let pairs = [
        ("cpu_time_ms", cpu_time > max.cpu_time),
        ("wall_time_ms", wall_time > max.wall_time),
        ("idle_time_ms", idle_time > max.idle_time),
        ("memory_mb", memory > max.memory),
        ("processes", processes > max.processes),
        ("open_files", open_files > max.open_files),
        ("file_size_mb", file_size > max.file_size),
        ("disk_mb", disk > max.disk),
        ("inodes", inodes > max.inodes),
        ("output_kb", output > max.output),
        ("stack_mb", stack > max.stack),
    ];
    pairs.into_iter().filter(|(_, is_above)| *is_above).map(|(key, _)| key).collect()
}
