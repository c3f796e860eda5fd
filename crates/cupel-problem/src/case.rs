//! A test case: one input and everything needed to judge it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use cupel_types::Feedback;

use super::check::Method;
use super::group::MaxScore;
use super::package::{FileRef, PackagePath};
use super::program::ProgramFile;
use super::score::Score;

/// Name of a case, unique in its problem. Contains the groups, such as `secret/group1/01`.
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
    /// What the submission reads from standard input. In an interactive problem, the interactor's input.
    pub input: FileRef,
    /// The package's answer. `None` if the checker or interactor does not need one (DMOJ).
    pub answer: Option<FileRef>,
    /// Command-line arguments for the submission.
    pub args: Vec<String>,
    /// Files placed in the submission's working directory.
    pub files: Vec<ProgramFile>,
    /// How the case is judged. Shared between cases with the same method.
    pub method: Arc<Method>,
    /// How many points the case gives.
    pub points: CasePoints,
    /// What a contestant may see of the case after a submission failed on it.
    pub feedback: Feedback,
    /// Arguments for the input validators.
    pub validator_args: ValidatorArgs,
    /// Descriptions by the author.
    pub hints: Hints,
    /// What the statement shows of the case. `Some` for samples only.
    pub shown: Option<Shown>,
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
    /// The arguments for the validator at this path. The name is that of its file or directory, with or without
    /// extension.
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

    /// The arguments of all validators together.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        let (every, named) = match self {
            ValidatorArgs::Every(args) => (Some(args), None),
            ValidatorArgs::Named(by_name) => (None, Some(by_name.values())),
        };
        every.into_iter().chain(named.into_iter().flatten()).flatten()
    }
}

/// What an author says about a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// What the case tests, for the jury.
    pub description: Option<String>,
    /// A hint for a contestant whose submission fails on the case.
    pub hint: Option<String>,
}

/// What the statement shows of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Input and answer. They may differ from the files used for judging.
    Pair {
        /// The input.
        input: FileRef,
        /// The answer.
        answer: Option<FileRef>,
    },
    /// A conversation. Lines that begin with `<` were written by the judge, those with `>` by the submission.
    Conversation(FileRef),
}

/// How many points a case gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CasePoints {
    /// A verdict and no score. If the checker gives a score, the package is at fault.
    None,
    /// A verdict and no score. Scores given by the checker are ignored (samples).
    Ignored,
    /// Fixed scores. If the checker gives a score, the package is at fault.
    Fixed {
        /// Score if accepted.
        accepted: Score,
        /// Score if rejected for any reason.
        rejected: Score,
    },
    /// The checker may give the score: absolute, or as a share of `max` if `max` is bounded.
    FromChecker {
        /// The highest score the checker may give.
        max: MaxScore,
        /// The score if the checker accepts without giving one. `None`: the package is at fault.
        unnamed: Option<Score>,
        /// The score if the checker rejects without giving one, or if the submission failed.
        rejected: Score,
        /// Whether the checker may give a score when it rejects (DOMjudge). Otherwise the package is at fault if it
        /// does.
        also_rejecting: bool,
    },
}

impl CasePoints {
    /// The highest score the case can give by itself.
    pub const fn max(&self) -> MaxScore {
        match self {
            CasePoints::None | CasePoints::Ignored => MaxScore::Bounded(Score::ZERO),
            CasePoints::Fixed { accepted, .. } => MaxScore::Bounded(*accepted),
            CasePoints::FromChecker { max, .. } => *max,
        }
    }
}
