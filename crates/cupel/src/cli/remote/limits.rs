//! The limits of a request to a server, with the names of the API.

use std::time::Duration;

use cupel_types::{Bytes, Instructions, LimitsRequest};
use serde_json::{Map, Value};

/// The limits that are set.
pub(in crate::cli) fn body(limits: &LimitsRequest) -> Map<String, Value> {
    let &LimitsRequest {
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
    let ms = |time: Option<Duration>| time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    // Less than 1 KiB would become 0, which the server refuses.
    let kb = |size: Option<Bytes>| size.map(|size| size.as_kib().max(1));
    [
        ("cpu_time_ms", ms(cpu_time)),
        ("wall_time_ms", ms(wall_time)),
        ("idle_time_ms", ms(idle_time)),
        ("instructions", instructions.map(Instructions::get)),
        ("memory_kb", kb(memory)),
        ("address_space_kb", kb(address_space)),
        ("processes", processes.map(u64::from)),
        ("open_files", open_files.map(u64::from)),
        ("file_size_kb", kb(file_size)),
        ("disk_kb", kb(disk)),
        ("inodes", inodes),
        ("output_kb", kb(output)),
        ("stack_kb", kb(stack)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))))
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_limits_that_are_set_are_sent() {
        let limits = LimitsRequest { inodes: Some(7), address_space: Some(Bytes::mib(1)), ..LimitsRequest::default() };
        assert_eq!(Value::from(body(&limits)), json!({ "inodes": 7, "address_space_kb": 1024 }));
        let small = LimitsRequest { output: Some(Bytes::new(1)), ..LimitsRequest::default() };
        assert_eq!(Value::from(body(&small)), json!({ "output_kb": 1 }));
    }
}
