//! A submission as a client sends it. Core validates it, and assigns ids and times.

use std::sync::Arc;

use cupel_types::{Cases, FacadeRequest, LimitsRequest, Live, PriorityClass, TestCase, ToolOptions};
use jiff::Timestamp;

use crate::Needs;
use crate::problems::{VersionToSolve, VersionToVerify};

/// A submission as the client sent it.
#[derive(Clone)]
pub struct NewSubmission {
    /// The requested work.
    pub kind: NewSubmissionKind,
    /// The priority.
    pub priority: PriorityClass,
    /// Earliest start. A time in the past means now.
    pub run_at: Option<Timestamp>,
    /// Webhook receiver: an `http` or `https` URL.
    pub webhook: Option<String>,
    /// Id of the HTTP request that carried the submission.
    pub request_id: Option<String>,
    /// Data of the request that a facade needs later.
    pub facade: Option<FacadeRequest>,
    /// Languages that the worker must have in addition to the submission's language. Core adds the languages of the
    /// package's programs.
    pub also_needs: Needs,
}

/// The work that a submission requests.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "nearly every submission is a program")]
pub enum NewSubmissionKind {
    /// Run a program.
    Program(NewProgram),
    /// Judge a solution to a problem, or run it on samples or custom input.
    Problem(NewSolution),
    /// Verify a problem's package.
    Verify(VersionToVerify),
}

/// A program to run, with its input.
#[derive(Clone, Default)]
pub struct NewProgram {
    /// The source code.
    pub source: NewSource,
    /// Paths of those files of the source that the program may execute.
    pub executables: Vec<String>,
    /// How the program is compiled and started.
    pub tools: ToolOptions,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// Environment variables in addition to the language's own.
    pub env: Vec<(String, String)>,
    /// Standard input, if there are no tests.
    pub stdin: Arc<[u8]>,
    /// Test cases; an empty name is replaced with the case's number, from 1.
    pub tests: Vec<TestCase>,
    /// Whether standard error is part of standard output, in the order in which the program writes.
    pub stderr_to_stdout: bool,
    /// Paths of files to read back after the execution, if there are no tests.
    pub fetch: Vec<String>,
    /// Patterns of the files to keep after the execution, if there are no tests.
    pub artifacts: Vec<String>,
    /// Requested limits.
    pub limits: LimitsRequest,
    /// Set if standard input arrives while the program runs.
    pub live: Option<Live>,
}

/// A solution to a problem.
#[derive(Clone)]
pub struct NewSolution {
    /// The source code.
    pub source: NewSource,
    /// The problem, and the package to judge with.
    pub of: VersionToSolve,
    /// The cases to run.
    pub cases: Cases,
}

/// Source code as the client sent it.
#[derive(Clone, Default)]
pub struct NewSource {
    /// Id or alias of the language, as sent.
    pub language: String,
    /// Paths as sent, with contents. The first is the main source; if its path is empty, the language determines the
    /// path.
    pub files: Vec<(String, Arc<[u8]>)>,
}

impl NewSubmission {
    /// A submission of this kind, with default options.
    pub fn new(kind: NewSubmissionKind) -> NewSubmission {
        NewSubmission {
            kind,
            priority: PriorityClass::default(),
            run_at: None,
            webhook: None,
            request_id: None,
            facade: None,
            also_needs: Needs::new(),
        }
    }

    /// The requested limits. Only a program can request limits.
    pub(crate) fn limits(&self) -> LimitsRequest {
        match &self.kind {
            NewSubmissionKind::Program(program) => program.limits,
            NewSubmissionKind::Problem(_) | NewSubmissionKind::Verify(_) => LimitsRequest::default(),
        }
    }
}

impl From<NewProgram> for NewSubmission {
    fn from(program: NewProgram) -> NewSubmission {
        NewSubmission::new(NewSubmissionKind::Program(program))
    }
}
