//! What a problem lets its submissions and its own programs use.

use std::collections::BTreeMap;
use std::time::Duration;

use cupel_types::{Bytes, LanguageId};

use super::calibration::{Calibration, Factor, TimeLimit};

/// The limits of a problem. Every number is above zero: a package that says zero is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemLimits {
    /// CPU time of one case, for all processes together.
    pub time: TimeLimit,
    /// Wall-clock time of one case. `None`: the judge derives it from the CPU limit.
    pub wall_time: Option<WallLimit>,
    /// Memory of one case, for all processes together.
    pub memory: Bytes,
    /// Bytes a submission may write to its standard output.
    pub output: Bytes,
    /// What happens when it writes more.
    pub on_output_limit: OnOutputLimit,
    /// Bytes of a submission's source, before the package's own files are added.
    pub code: Bytes,
    /// Bounds on compiling a submission.
    pub compile: StepBounds,
    /// Bounds on each of the package's own programs: validator, checker, interactor.
    pub validation: StepBounds,
    /// Languages with other limits: factors on time and memory.
    pub per_language: BTreeMap<LanguageId, LanguageFactors>,
    /// The only languages a submission may be in; `None`: all.
    pub languages: Option<Vec<LanguageId>>,
}

/// The wall-clock limit a package asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WallLimit {
    /// A time of its own.
    Time(Duration),
    /// This times the CPU limit.
    TimesCpu(Factor),
}

/// Factors on a problem's limits for one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanguageFactors {
    /// On CPU and wall-clock time.
    pub time: Factor,
    /// On memory.
    pub memory: Factor,
}

/// What happens to a program that writes more than the output limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOutputLimit {
    /// It is stopped; the verdict is OLE.
    Kill,
    /// It goes on and what is too much is thrown away, as DOMjudge does.
    Discard,
}

/// What one step that is not a submission's execution may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepBounds {
    /// CPU time.
    pub time: Duration,
    /// Memory.
    pub memory: Bytes,
    /// Bytes written, in all streams and files together.
    pub output: Bytes,
}

impl ProblemLimits {
    /// What holds when a package says nothing: the defaults of the Kattis format. Source: its legacy specification, `limits`.
    pub fn kattis(calibration: Calibration) -> ProblemLimits {
        ProblemLimits {
            time: TimeLimit { limit: None, calibration },
            wall_time: None,
            memory: Bytes::mib(2048),
            output: Bytes::mib(8),
            on_output_limit: OnOutputLimit::Kill,
            code: Bytes::kib(128),
            compile: StepBounds { time: Duration::from_secs(60), memory: Bytes::mib(2048), output: Bytes::mib(8) },
            validation: StepBounds { time: Duration::from_secs(60), memory: Bytes::mib(2048), output: Bytes::mib(8) },
            per_language: BTreeMap::new(),
            languages: None,
        }
    }

    /// The CPU limit of a case for a submission in `language`; `None` while the limit has not been derived.
    pub fn cpu_time(&self, language: &LanguageId) -> Option<Duration> {
        let factor = self.per_language.get(language).map_or(Factor::ONE, |factors| factors.time);
        self.time.limit.map(|limit| factor.times(limit))
    }

    /// The memory limit of a case for a submission in `language`.
    pub fn memory(&self, language: &LanguageId) -> Bytes {
        self.per_language.get(language).map_or(self.memory, |factors| factors.memory.times_bytes(self.memory))
    }
}
