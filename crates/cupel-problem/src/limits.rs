//! The resource limits of a problem, for submissions and for the programs of the package.

use std::collections::BTreeMap;
use std::time::Duration;

use cupel_types::{Bytes, LanguageId};

use super::calibration::{Calibration, Factor, TimeLimit};

/// The limits of a problem. Every limit is above zero; a package with a limit of zero is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemLimits {
    /// CPU time of one case, for all processes together.
    pub time: TimeLimit,
    /// Wall-clock time of one case. `None`: the judge derives it from the CPU limit.
    pub wall_time: Option<WallLimit>,
    /// Memory of one case, for all processes together.
    pub memory: Bytes,
    /// Maximum number of bytes that a submission may write to its standard output.
    pub output: Bytes,
    /// The consequence of an exceeded output limit.
    pub on_output_limit: OnOutputLimit,
    /// The verdict on a submission that waits for its interactor until a limit ends it.
    pub on_waiting: OnWaiting,
    /// Maximum size of a submission's source, without files that the package adds.
    pub code: Bytes,
    /// Limits of compiling a submission.
    pub compile: StepBounds,
    /// Limits of each program of the package: generator, validator, checker, interactor.
    pub validation: StepBounds,
    /// Factors on time and memory, by language.
    pub per_language: BTreeMap<LanguageId, LanguageFactors>,
    /// The languages that submissions may use. `None`: all.
    pub languages: Option<Vec<LanguageId>>,
}

/// The wall-clock limit that a package sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WallLimit {
    /// A fixed time.
    Time(Duration),
    /// A multiple of the CPU limit.
    TimesCpu(Factor),
}

/// Factors on a problem's limits for one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanguageFactors {
    /// Factor on the CPU limit, and thereby on a wall-clock limit that is derived from it.
    pub time: Factor,
    /// Factor on memory.
    pub memory: Factor,
}

/// The consequence for a program that writes more than the output limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOutputLimit {
    /// The program is killed; the verdict is OLE.
    Kill,
    /// The program continues and the excess output is discarded, as DOMjudge does.
    Discard,
}

/// The verdict if a submission and its interactor wait for each other until a limit ends both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnWaiting {
    /// ILE.
    IdleLimit,
    /// TLE, in formats without a verdict for idleness. The causes of the case still contain ILE.
    TimeLimit,
}

/// Limits of a step that is not the execution of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepBounds {
    /// CPU time.
    pub time: Duration,
    /// Memory.
    pub memory: Bytes,
    /// Output. A generator may write this much to each of its streams. The files that a checker or interactor writes
    /// may have this size in total, or 64 MiB if that is more. Ignored for a compilation, which has the output limit of
    /// its language.
    pub output: Bytes,
}

impl ProblemLimits {
    /// The limits of a problem whose package sets none. Source of the values: Kattis problem package format, legacy,
    /// `limits`.
    pub fn unset(calibration: Calibration) -> ProblemLimits {
        ProblemLimits {
            time: TimeLimit { limit: None, calibration },
            wall_time: None,
            memory: Bytes::mib(2048),
            output: Bytes::mib(8),
            on_output_limit: OnOutputLimit::Kill,
            on_waiting: OnWaiting::IdleLimit,
            code: Bytes::kib(128),
            compile: StepBounds { time: Duration::from_secs(60), memory: Bytes::mib(2048), output: Bytes::mib(8) },
            validation: StepBounds { time: Duration::from_secs(60), memory: Bytes::mib(2048), output: Bytes::mib(8) },
            per_language: BTreeMap::new(),
            languages: None,
        }
    }

    /// Returns the CPU limit of a case for a submission in `language`. `None` if the limit has not been derived yet.
    pub fn cpu_time(&self, language: &LanguageId) -> Option<Duration> {
        let factor = self.per_language.get(language).map_or(Factor::ONE, |factors| factors.time);
        self.time.limit.map(|limit| factor.times(limit))
    }

    /// Returns the memory limit of a case for a submission in `language`.
    pub fn memory(&self, language: &LanguageId) -> Bytes {
        self.per_language.get(language).map_or(self.memory, |factors| factors.memory.times_bytes(self.memory))
    }
}
