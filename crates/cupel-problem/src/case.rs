//! A test case: one input, and all data that is needed to judge it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cupel_types::Bytes;
pub use cupel_types::Feedback;

use super::check::Method;
use super::group::MaxScore;
use super::limits::{StepBounds, WallLimit};
use super::package::{FileRef, PackagePath};
use super::program::{Program, ProgramFile};
use super::score::Score;

/// Name of a case, unique in its problem. It includes the names of the groups, as in `secret/group1/01`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId(Arc<str>);

impl CaseId {
    /// Wraps a name. [`Tests::new`](super::group::Tests::new) checks that names are unique.
    pub fn new(name: &str) -> CaseId {
        CaseId(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One test case of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The name.
    pub id: CaseId,
    /// The submission's standard input. In an interactive problem, the interactor's input.
    pub input: FileRef,
    /// The package's answer. `None` if the checker or interactor does not need one (DMOJ).
    pub answer: Option<FileRef>,
    /// Command-line arguments for the submission.
    pub args: Vec<String>,
    /// Files placed in the submission's working directory.
    pub files: Vec<ProgramFile>,
    /// The method by which the case is judged. Cases with the same method share one value.
    pub method: Arc<Method>,
    /// The points that the case gives.
    pub points: CasePoints,
    /// How much a contestant may see of the case.
    pub feedback: Feedback,
    /// Arguments for the input validators.
    pub validator_args: ValidatorArgs,
    /// Descriptions by the author.
    pub hints: Hints,
    /// The parts of the case that the statement shows. `Some` for samples only.
    pub shown: Option<Shown>,
    /// Limits of this case that replace those of the problem.
    pub limits: OwnLimits,
    /// How the data is generated when the case is judged (DMOJ). `None`: the files contain the data.
    pub made: Option<Made>,
    /// Whether CR LF and CR in the input and the answer become LF, and a missing newline at their ends is added, before
    /// they are used (DMOJ).
    pub unifies_newlines: bool,
}

/// Limits of one case that replace those of the problem. `None`: the limit of the problem applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OwnLimits {
    /// CPU time, for languages without a factor.
    pub time: Option<Duration>,
    /// Wall-clock time.
    pub wall_time: Option<WallLimit>,
    /// Memory, for languages without a factor.
    pub memory: Option<Bytes>,
    /// Maximum number of bytes that the submission may write to its standard output.
    pub output: Option<Bytes>,
}

/// How the data of a case is generated when the case is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The generator. Cases with the same generator share one value.
    pub by: Arc<Generator>,
    /// The generator's arguments for this case.
    pub args: Vec<String>,
    /// Whether the generator's standard output is the input. If not, or if the output is empty, the file is the input.
    pub input: bool,
    /// Whether the generator's standard error is the answer. If not, the file is the answer.
    pub answer: bool,
}

/// A program of the package that generates the data of cases. It reads the input file, which may be empty, and writes
/// the input to its standard output and the answer to its standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
    /// The program that is built and run.
    pub program: Program,
    /// The generator's limits. The output limit applies to each of its streams.
    pub bounds: StepBounds,
}

/// Arguments for the input validators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValidatorArgs {
    /// The same arguments for every validator.
    Every(Vec<String>),
    /// Arguments by validator name. Validators without an entry get none.
    Named(BTreeMap<String, Vec<String>>),
}

impl Default for ValidatorArgs {
    /// No arguments.
    fn default() -> ValidatorArgs {
        ValidatorArgs::Every(Vec::new())
    }
}

impl ValidatorArgs {
    /// Returns the arguments for the validator at this path. A validator's name is that of its file or directory, with
    /// or without extension.
    pub fn of(&self, validator: &PackagePath) -> &[String] {
        match self {
            ValidatorArgs::Every(args) => args,
            ValidatorArgs::Named(by_name) => {
                let name = validator.name();
                let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
                by_name.get(name).or_else(|| by_name.get(stem)).map_or(&[], Vec::as_slice)
            }
        }
    }

    /// Returns the arguments of all validators together.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        let (every, named) = match self {
            ValidatorArgs::Every(args) => (Some(args), None),
            ValidatorArgs::Named(by_name) => (None, Some(by_name.values())),
        };
        every.into_iter().chain(named.into_iter().flatten()).flatten()
    }
}

/// An author's descriptions of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Purpose of the case, for the jury.
    pub description: Option<String>,
    /// A hint for a contestant whose submission fails on the case.
    pub hint: Option<String>,
}

/// The parts of a sample that the statement shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Input and answer. They may differ from the files used for judging.
    Pair {
        /// The input.
        input: FileRef,
        /// The answer.
        answer: Option<FileRef>,
    },
    /// A conversation. The judge wrote the lines that begin with `<`, the submission those with `>`.
    Conversation(FileRef),
}

/// The points that a case gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CasePoints {
    /// A verdict without a score. If the checker awards a score, the package is at fault.
    None,
    /// A verdict without a score. Scores from the checker are ignored (samples).
    Ignored,
    /// Fixed scores. If the checker awards a score, the package is at fault.
    Fixed {
        /// Score if the submission is accepted.
        accepted: Score,
        /// Score if the submission is rejected for any reason.
        rejected: Score,
    },
    /// The checker may award the score: either absolute or, if `max` is bounded, as a share of `max`.
    FromChecker {
        /// The highest score that the checker may award.
        max: MaxScore,
        /// The score if the checker accepts without awarding one. `None`: the package is at fault in that case.
        unnamed: Option<Score>,
        /// The score if the checker rejects without awarding one, or if the submission failed.
        rejected: Score,
        /// Whether the checker may award a score when it rejects (DOMjudge, DMOJ). If `false` and the checker does so,
        /// the package is at fault.
        also_rejecting: bool,
        /// Whether a score without a maximum may be below zero (legacy Kattis, DOMjudge). A score with a maximum never
        /// is.
        may_be_negative: bool,
    },
}

impl CasePoints {
    /// Returns the highest score that the case alone can give.
    pub const fn max(&self) -> MaxScore {
        match self {
            CasePoints::None | CasePoints::Ignored => MaxScore::Bounded(Score::ZERO),
            CasePoints::Fixed { accepted, rejected } => {
                // Rejection may give more points, for instance if a lower score is better.
                MaxScore::Bounded(if rejected.millionths() > accepted.millionths() { *rejected } else { *accepted })
            }
            CasePoints::FromChecker { max, .. } => *max,
        }
    }
}
