//! Resource limits of a step.

use std::time::Duration;

use crate::{Bytes, Instructions, Outcome, Signal, counted};

/// The kernel sends this signal to a program that tries to extend a file beyond `file_size`. Source: setrlimit(2),
/// `RLIMIT_FSIZE`.
const SIGXFSZ: Signal = Signal(25);

/// Resource limits of one step (a compilation or an execution). An executor enforces every limit, or refuses the step.
/// Exceeding some limits ends the step with an [`Outcome`](crate::Outcome); exceeding others, such as `open_files`, is
/// an error for the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// CPU time, user and system, of all processes of the step together.
    pub cpu_time: Duration,
    /// Wall-clock time from the program's first instruction.
    pub wall_time: Duration,
    /// Longest period in which the step as a whole uses (almost) no CPU.
    pub idle_time: Duration,
    /// User-mode machine instructions of all processes together; `None` means unlimited. If the processor cannot count
    /// instructions, a step with this limit is refused.
    pub instructions: Option<Instructions>,
    /// Memory of all processes together. Includes swap and files written to the box, `/tmp` and `/dev/shm`; does not
    /// include files given to the step.
    pub memory: Bytes,
    /// Virtual memory of each process; `None` means unlimited. A process that asks for more gets `ENOMEM` and
    /// continues.
    pub address_space: Option<Bytes>,
    /// Processes and threads at one time.
    pub processes: u32,
    /// Open file descriptors per process.
    pub open_files: u32,
    /// Size of one written file.
    pub file_size: Bytes,
    /// Total size of all written files.
    pub disk: Bytes,
    /// Number of files and directories created.
    pub inodes: u64,
    /// Bytes kept of each output: standard output, standard error, and the result.
    pub output: Bytes,
    /// Stack size of the main thread.
    pub stack: Bytes,
}

impl Limits {
    /// Description of the limit that an outcome exceeded, with its value; used by every API and the CLI. `None` if the
    /// outcome is not an exceeded limit. The kernel enforces the limit on the size of a file by a signal, so that the
    /// outcome is [`Outcome::Signalled`].
    pub fn exceeded(&self, outcome: Outcome) -> Option<String> {
        let limit = match outcome {
            Outcome::TimeLimit => format!("time limit of {} ms", self.cpu_time.as_millis()),
            Outcome::WallLimit => format!("wall time limit of {} ms", self.wall_time.as_millis()),
            Outcome::IdleLimit => format!("idle limit of {} ms", self.idle_time.as_millis()),
            Outcome::InstructionLimit => format!("limit of {}", self.instructions?),
            Outcome::MemoryLimit => format!("memory limit of {}", self.memory),
            Outcome::OutputLimit => format!("output limit of {}", self.output),
            Outcome::DiskLimit => format!("disk limit of {} in {}", self.disk_bytes(), counted(self.inodes, "file")),
            Outcome::Signalled(SIGXFSZ) => format!("limit of {} for a file", self.file_size),
            Outcome::Exited(_) | Outcome::Signalled(_) | Outcome::Cancelled => return None,
        };
        Some(format!("{limit} exceeded"))
    }

    /// Bytes that the program can write to disk: at most `disk`. Files are in memory, so the bytes are also at most
    /// three quarters of the program's memory.
    pub fn disk_bytes(&self) -> Bytes {
        self.disk.min(Bytes::new(self.memory.get() / 4 * 3))
    }

    /// Minimum memory; no program can start with less.
    pub const MEMORY_MIN: Bytes = Bytes::mib(1);
    /// Minimum stack. The stack holds the arguments and the environment. Source: execve(2), "Limits on size of
    /// arguments".
    pub const STACK_MIN: Bytes = Bytes::kib(128);
    /// Minimum number of open files: the three standard streams.
    pub const OPEN_FILES_MIN: u32 = 3;

    /// The first limit that is too low for any program to start: the name of the field, and the rule that the value
    /// breaks.
    pub fn first_too_low(&self) -> Option<(&'static str, &'static str)> {
        // A program that writes nothing can run with a limit of zero on files and output.
        let &Limits {
            cpu_time,
            wall_time,
            idle_time,
            instructions,
            memory,
            address_space,
            processes,
            open_files,
            file_size: _,
            disk: _,
            inodes: _,
            output: _,
            stack,
        } = self;
        [
            (cpu_time.is_zero(), "limits.cpu_time", "above 0"),
            (wall_time.is_zero(), "limits.wall_time", "above 0"),
            (idle_time.is_zero(), "limits.idle_time", "above 0"),
            (instructions == Some(Instructions::new(0)), "limits.instructions", "above 0"),
            (memory < Limits::MEMORY_MIN, "limits.memory", "at least 1 MiB"),
            (address_space.is_some_and(|size| size < Limits::MEMORY_MIN), "limits.address_space", "at least 1 MiB"),
            (processes == 0, "limits.processes", "at least 1: the program itself"),
            (open_files < Limits::OPEN_FILES_MIN, "limits.open_files", "at least 3: the standard streams"),
            (stack < Limits::STACK_MIN, "limits.stack", "at least 128 KiB"),
        ]
        .into_iter()
        .find_map(|(broken, field, rule)| broken.then_some((field, rule)))
    }
}

impl Default for Limits {
    /// The limits that apply if neither the request nor the language sets any.
    fn default() -> Limits {
        Limits {
            cpu_time: Duration::from_secs(10),
            wall_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(15),
            instructions: None,
            memory: Bytes::mib(256),
            address_space: None,
            processes: 64,
            open_files: 256,
            file_size: Bytes::mib(64),
            disk: Bytes::mib(64),
            inodes: 4096,
            output: Bytes::mib(1),
            stack: Bytes::mib(64),
        }
    }
}

/// Requested limits; `None` fields come from the language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the field of Limits with the same name")]
pub struct LimitsRequest {
    pub cpu_time: Option<Duration>,
    pub wall_time: Option<Duration>,
    pub idle_time: Option<Duration>,
    pub instructions: Option<Instructions>,
    pub memory: Option<Bytes>,
    pub address_space: Option<Bytes>,
    pub processes: Option<u32>,
    pub open_files: Option<u32>,
    pub file_size: Option<Bytes>,
    pub disk: Option<Bytes>,
    pub inodes: Option<u64>,
    pub output: Option<Bytes>,
    pub stack: Option<Bytes>,
}

impl LimitsRequest {
    /// The requested limits. Missing limits are taken from `base`.
    ///
    /// If a CPU limit is requested, a wall-clock or idle limit that is not requested changes by the same amount as the
    /// CPU limit. So the program may wait as long as under the limits of `base`.
    #[must_use]
    pub fn over(self, base: Limits) -> Limits {
        let LimitsRequest {
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
        } = self;
        let cpu_time = cpu_time.unwrap_or(base.cpu_time);
        let shifted = |t: Duration| cpu_time.saturating_add(t.saturating_sub(base.cpu_time));
        Limits {
            cpu_time,
            wall_time: wall_time.unwrap_or_else(|| shifted(base.wall_time)),
            idle_time: idle_time.unwrap_or_else(|| shifted(base.idle_time)),
            instructions: instructions.or(base.instructions),
            memory: memory.unwrap_or(base.memory),
            address_space: address_space.or(base.address_space),
            processes: processes.unwrap_or(base.processes),
            open_files: open_files.unwrap_or(base.open_files),
            file_size: file_size.unwrap_or(base.file_size),
            disk: disk.unwrap_or(base.disk),
            inodes: inodes.unwrap_or(base.inodes),
            output: output.unwrap_or(base.output),
            stack: stack.unwrap_or(base.stack),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_for_a_too_large_file_names_its_limit() {
        let limits = Limits { file_size: Bytes::mib(1), ..Limits::default() };
        assert_eq!(limits.exceeded(Outcome::Signalled(SIGXFSZ)).unwrap(), "limit of 1 MiB for a file exceeded");
        assert_eq!(limits.exceeded(Outcome::Signalled(Signal(11))), None);
    }

    #[test]
    fn a_limit_that_lets_nothing_start_is_reported() {
        assert_eq!(Limits::default().first_too_low(), None);
        let nothing_to_write =
            Limits { disk: Bytes::ZERO, inodes: 0, file_size: Bytes::ZERO, output: Bytes::ZERO, ..Limits::default() };
        assert_eq!(nothing_to_write.first_too_low(), None);
        for (limits, field) in [
            (Limits { cpu_time: Duration::ZERO, ..Limits::default() }, "limits.cpu_time"),
            (Limits { wall_time: Duration::ZERO, ..Limits::default() }, "limits.wall_time"),
            (Limits { idle_time: Duration::ZERO, ..Limits::default() }, "limits.idle_time"),
            (Limits { instructions: Some(Instructions::new(0)), ..Limits::default() }, "limits.instructions"),
            (Limits { memory: Bytes::new((1 << 20) - 1), ..Limits::default() }, "limits.memory"),
            (Limits { address_space: Some(Bytes::kib(1023)), ..Limits::default() }, "limits.address_space"),
            (Limits { processes: 0, ..Limits::default() }, "limits.processes"),
            (Limits { open_files: 2, ..Limits::default() }, "limits.open_files"),
            (Limits { stack: Bytes::kib(127), ..Limits::default() }, "limits.stack"),
        ] {
            assert_eq!(limits.first_too_low().map(|(field, _)| field), Some(field));
        }
    }

    #[test]
    fn wall_and_idle_limits_follow_the_cpu_limit_unless_requested() {
        let base =
            Limits { cpu_time: Duration::from_secs(10), wall_time: Duration::from_secs(30), ..Limits::default() };
        let asked = LimitsRequest { cpu_time: Some(Duration::from_secs(2)), ..Default::default() };
        assert_eq!(asked.over(base).wall_time, Duration::from_secs(22));
        let asked = LimitsRequest { wall_time: Some(Duration::from_secs(3)), ..asked };
        assert_eq!(asked.over(base).wall_time, Duration::from_secs(3));
        let asked = LimitsRequest { cpu_time: Some(Duration::MAX), ..Default::default() };
        assert_eq!(asked.over(base).wall_time, Duration::MAX);
    }
}
