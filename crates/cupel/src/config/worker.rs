//! Settings of the workers of this process.

use std::time::Duration;

use cupel_runner::CompilerSharing;
use cupel_types::Bytes;

use super::{Layers, SECOND};

#[derive(Clone, Debug)]
pub(crate) struct Worker {
    /// Display name of the process. Empty: the machine's name.
    pub(crate) name: String,
    /// Number of slots. Zero: one per processor.
    pub(crate) slots: u32,
    /// Number of further slots, which only interactive runs use.
    pub(crate) interactive_slots: u32,
    pub(crate) lease: Duration,
    pub(crate) attempts_max: u32,
    pub(crate) run_time_max: Duration,
    /// Time for which an interactive run continues without clients.
    pub(crate) detached_timeout: Duration,
    pub(crate) judging_time_max: Duration,
    pub(crate) long_step: Duration,
    pub(crate) artifacts_memory: Bytes,
    pub(crate) artifacts_disk: Bytes,
    pub(crate) warm_compilers: CompilerSharing,
    pub(crate) warm_interpreters: bool,
    pub(crate) function_batches: bool,
}

impl Worker {
    /// Returns the display name of this process: the configured name or the machine's.
    pub(crate) fn called(&self) -> String {
        match self.name.as_str() {
            // Not from /proc/sys, which a service with ProcSubset=pid does not have.
            "" => rustix::system::uname().nodename().to_string_lossy().into_owned(),
            name => name.to_owned(),
        }
    }
}

/// Maximum length of a worker's name in characters; that of a machine's name on Linux. Source: gethostname(2).
const NAME_CHARS_MAX: usize = 64;

fn name(layers: &mut Layers) -> String {
    let name = layers.text("worker.name");
    if name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        let message = format!("expected at most {NAME_CHARS_MAX} characters without control characters");
        layers.refuse("worker.name", message);
    }
    name
}

pub(super) fn worker(layers: &mut Layers) -> Worker {
    Worker {
        name: name(layers),
        slots: layers.number("worker.slots", 0..=1000),
        interactive_slots: layers.number("worker.interactive_slots", 0..=1000),
        lease: layers.duration("worker.lease", 3 * SECOND),
        attempts_max: layers.number("worker.attempts_max", 1..=100),
        run_time_max: layers.duration("worker.run_time_max", SECOND),
        detached_timeout: layers.duration("worker.detached_timeout", SECOND),
        judging_time_max: layers.duration("worker.judging_time_max", SECOND),
        long_step: layers.duration("worker.long_step", SECOND),
        artifacts_memory: layers.bytes("worker.artifacts_memory"),
        artifacts_disk: layers.bytes("worker.artifacts_disk"),
        warm_compilers: layers.one_of(
            "worker.warm_compilers",
            &[
                ("per-user", CompilerSharing::PerUser),
                ("shared", CompilerSharing::Shared),
                ("off", CompilerSharing::Off),
            ],
        ),
        warm_interpreters: layers.boolean("worker.warm_interpreters"),
        function_batches: layers.boolean("worker.function_batches"),
    }
}
