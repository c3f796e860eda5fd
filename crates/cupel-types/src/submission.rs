//! What a user sends to be run.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{BoxFiles, LanguageId, LimitsRequest, SubmissionId, UserId, named};

/// What a user sent: source, language, input and wishes. It never changes once accepted; what
/// happens to it is a run.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Its id, which the client has.
    pub id: SubmissionId,
    /// Who sent it, and who alone (beside administrators) may see it.
    pub owner: UserId,
    /// In which language it is written.
    pub language: LanguageId,
    /// The source and whatever lies beside it. The first is the main source.
    pub files: BoxFiles,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// Environment beside the language's own; names are `[A-Za-z_][A-Za-z0-9_]*`.
    pub env: Vec<(String, String)>,
    /// Standard input, where there are no tests.
    pub stdin: Arc<[u8]>,
    /// Inputs with expected outputs: compiled once, run for each.
    pub tests: Vec<TestCase>,
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
