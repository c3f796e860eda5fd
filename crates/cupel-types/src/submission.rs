//! What a user sends to be run.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{BoxFiles, ContentHash, LanguageId, LimitsRequest, ProblemId, SubmissionId, UserId, named};

/// What a user sent: what is to be done, and wishes. It never changes once accepted; what
/// happens to it is a run.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Its id, which the client has.
    pub id: SubmissionId,
    /// Who sent it, and who alone (beside administrators) may see it.
    pub owner: UserId,
    /// What is to be done.
    pub work: Work,
    /// Limits asked for; core has held them against the language's maximum.
    pub limits: LimitsRequest,
    /// How urgent it is.
    pub priority: PriorityClass,
    /// Not before this time.
    pub run_at: Option<Timestamp>,
    /// Where the result is sent when there is one.
    pub webhook: Option<String>,
    /// The id of the HTTP request that brought it; follows it to the worker's log.
    pub request_id: Option<String>,
    /// When it was accepted.
    pub submitted_at: Timestamp,
}

impl Submission {
    /// What was written, and in which language; `None` where nothing was.
    pub fn source(&self) -> Option<&Source> {
        self.work.source()
    }

    /// In which language it is written; `None` where nothing was written.
    pub fn language(&self) -> Option<&LanguageId> {
        self.work.language()
    }

    /// The problem it is about, if it is about one, and the version it was sent for.
    pub fn of_problem(&self) -> Option<ProblemVersion> {
        match &self.work {
            Work::Program(_) => None,
            Work::Problem(solution) => Some(solution.of),
            Work::Verify(version) => Some(*version),
        }
    }
}

/// What is to be done with a submission.
#[derive(Clone, Debug)]
pub enum Work {
    /// The program is run.
    Program(Program),
    /// The program is judged by a problem's tests.
    Problem(Solution),
    /// A problem's package is held against what it says of itself.
    Verify(ProblemVersion),
}

impl Work {
    /// What was written, and in which language; `None` where nothing was.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Work::Program(program) => Some(&program.source),
            Work::Problem(solution) => Some(&solution.source),
            Work::Verify(_) => None,
        }
    }

    /// In which language it is written; `None` where nothing was written.
    pub fn language(&self) -> Option<&LanguageId> {
        self.source().map(|source| &source.language)
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// In which language.
    pub language: LanguageId,
    /// The source and whatever lies beside it. The first is the main source.
    pub files: BoxFiles,
}

/// A program with what it is run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What was written.
    pub source: Source,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// Environment beside the language's own; names are `[A-Za-z_][A-Za-z0-9_]*`.
    pub env: Vec<(String, String)>,
    /// Standard input, where there are no tests.
    pub stdin: Arc<[u8]>,
    /// Inputs with expected outputs: compiled once, run for each.
    pub tests: Vec<TestCase>,
}

/// A program that is to solve a problem.
#[derive(Clone, Debug)]
pub struct Solution {
    /// What was written.
    pub source: Source,
    /// Which problem, as it is to be judged.
    pub of: ProblemVersion,
    /// On what.
    pub cases: Cases,
}

/// A problem as it was at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProblemVersion {
    /// Which problem.
    pub problem: ProblemId,
    /// Which package of it.
    pub package: ContentHash,
}

/// On what a solution is run.
#[derive(Clone, PartialEq, Eq)]
pub enum Cases {
    /// On all tests of the problem: it counts.
    All,
    /// On those that are shown in the statement: it counts for nothing.
    Samples,
    /// On an input of the sender's own: it counts for nothing.
    Input(Arc<[u8]>),
}

impl fmt::Debug for Cases {
    /// Sizes only: contents belong to a tenant and are never logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cases::All => f.write_str("All"),
            Cases::Samples => f.write_str("Samples"),
            Cases::Input(input) => write!(f, "Input({} bytes)", input.len()),
        }
    }
}

/// One input with the answer that is expected, if one is.
#[derive(Clone, PartialEq, Eq)]
pub struct TestCase {
    /// A name for people; unique within the submission.
    pub name: String,
    /// Standard input.
    pub stdin: Arc<[u8]>,
    /// Expected standard output, compared word by word; `None` only runs the program.
    pub expected: Option<Arc<[u8]>>,
}

impl fmt::Debug for TestCase {
    /// Name and sizes: contents belong to a tenant and are never logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestCase({}, {} bytes in)", self.name, self.stdin.len())
    }
}

named! {
    /// How urgent a submission is, most urgent first. Classes share the slots by weight, so that none starves.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum PriorityClass, as_str, from_name {
        /// Somebody is looking at the screen.
        Interactive = "interactive",
        /// An ordinary submission.
        #[default]
        Submission = "submission",
        /// One of very many; nobody waits for this one.
        Batch = "batch",
    }
}
