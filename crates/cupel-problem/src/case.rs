//! One input with what belongs to it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use cupel_types::Feedback;

use super::check::Method;
use super::group::MaxScore;
use super::package::{FileRef, PackagePath};
use super::program::ProgramFile;
use super::score::Score;

/// A case's name: unique in its problem, with the groups it lies in, such as `secret/group1/01`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId(Arc<str>);

impl CaseId {
    /// Wraps a name. Uniqueness is held by [`Tests::new`](super::group::Tests::new).
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

/// One input of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub id: CaseId,
    /// What the submission gets on standard input; in conversation, what the interactor gets.
    pub input: FileRef,
    /// The answer of the package. `None` where nothing reads one: a checker or interactor that needs none (DMOJ).
    pub answer: Option<FileRef>,
    /// Arguments for the submission.
    pub args: Vec<String>,
    /// Files that lie in the submission's working directory.
    pub files: Vec<ProgramFile>,
    /// How it is judged. Shared between the cases that are judged alike.
    pub method: Arc<Method>,
    /// What it is worth.
    pub points: CasePoints,
    /// What a contestant may see of it after a submission failed on it.
    pub feedback: Feedback,
    /// Arguments for the input validators; those for the submission come after them.
    pub validator_args: ValidatorArgs,
    /// Texts of the author about it.
    pub hints: Hints,
    /// What is shown of it in the statement; `Some` for samples only.
    pub shown: Option<Shown>,
}

/// Arguments for the input validators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValidatorArgs {
    /// For each of them.
    Every(Vec<String>),
    /// For those of these names; none for others.
    Named(BTreeMap<String, Vec<String>>),
}

impl Default for ValidatorArgs {
    /// None for any.
    fn default() -> ValidatorArgs {
        ValidatorArgs::Every(Vec::new())
    }
}

impl ValidatorArgs {
    /// Those for the validator at this path, which is named by its file or directory, with or without an extension.
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

    /// All that some validator gets.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        let (every, named) = match self {
            ValidatorArgs::Every(args) => (Some(args), None),
            ValidatorArgs::Named(by_name) => (None, Some(by_name.values())),
        };
        every.into_iter().chain(named.into_iter().flatten()).flatten()
    }
}

/// What an author says of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// What it tests, for the jury.
    pub description: Option<String>,
    /// For a contestant who fails on it.
    pub hint: Option<String>,
}

/// What is shown of a sample in the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Input and answer, which may be other files than those judged with.
    Pair {
        /// The input.
        input: FileRef,
        /// The answer.
        answer: Option<FileRef>,
    },
    /// A conversation: lines that begin with `<` were written by the judge, with `>` by the submission.
    Conversation(FileRef),
}

/// What a case is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CasePoints {
    /// It has a verdict and no score; a checker that names a score is a fault of the package.
    None,
    /// It has a verdict and no score, whatever a checker writes (samples).
    Ignored,
    /// So much accepted, so much rejected; a checker that names a score is a fault of the package.
    Fixed {
        /// When accepted.
        accepted: Score,
        /// When rejected, whatever the reason.
        rejected: Score,
    },
    /// The checker may name the score: absolutely, or as a share of `max` where that is bounded.
    FromChecker {
        /// The most it may name.
        max: MaxScore,
        /// The score when it accepts and names none. `None`: that is a fault of the package.
        unnamed: Option<Score>,
        /// The score when it rejects and names none, and when the submission failed.
        rejected: Score,
        /// Whether it may name a score when it rejects (DOMjudge); otherwise that is a fault of the package.
        also_rejecting: bool,
    },
}

impl CasePoints {
    /// The most the case can give by itself.
    pub const fn max(&self) -> MaxScore {
        match self {
            CasePoints::None | CasePoints::Ignored => MaxScore::Bounded(Score::ZERO),
            CasePoints::Fixed { accepted, .. } => MaxScore::Bounded(*accepted),
            CasePoints::FromChecker { max, .. } => *max,
        }
    }
}
