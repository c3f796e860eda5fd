//! Submissions of users.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    BoxFiles, BoxPath, Bytes, ContentHash, LanguageId, LimitsRequest, PathPattern, ProblemId, SubmissionId,
    TerminalSize, UserId, named,
};

/// A user's submission: the work and the requested options. Immutable once accepted; each judging of it is a run.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Id, known to the client.
    pub id: SubmissionId,
    /// The sender. Only the sender and administrators may see the submission.
    pub owner: UserId,
    /// The work to do.
    pub kind: SubmissionKind,
    /// Requested limits; core has checked them against the language's maximum.
    pub limits: LimitsRequest,
    /// Scheduling priority.
    pub priority: PriorityClass,
    /// Earliest start time.
    pub run_at: Option<Timestamp>,
    /// URL that receives the result.
    pub webhook: Option<String>,
    /// Id of the HTTP request that created the submission. The worker logs this id.
    pub request_id: Option<String>,
    /// The facade's data about the request, if a facade created the submission.
    pub facade: Option<FacadeRequest>,
    /// Time at which the server had received the submission.
    pub submitted_at: Timestamp,
}

/// Data of a request that a facade needs for later responses. Only the facade interprets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacadeRequest {
    /// Name of the facade, such as `judge0`.
    pub facade: String,
    /// The facade's encoding of the request.
    pub data: Arc<[u8]>,
}

impl Submission {
    /// The source files and their language; `None` if the work has no source.
    pub fn source(&self) -> Option<&Source> {
        self.kind.source()
    }

    /// The language of the source; `None` if the work has no source.
    pub fn language(&self) -> Option<&LanguageId> {
        self.kind.language()
    }

    /// The problem version for which the submission was sent, if any.
    pub fn of_problem(&self) -> Option<ProblemVersion> {
        match &self.kind {
            SubmissionKind::Program(_) => None,
            SubmissionKind::Problem(solution) => Some(solution.of),
            SubmissionKind::Verify(version) => Some(*version),
        }
    }
}

/// The kind of work that a submission requests.
#[derive(Clone, Debug)]
pub enum SubmissionKind {
    /// Run the program.
    Program(Program),
    /// Judge the program by a problem's tests.
    Problem(Solution),
    /// Verify a problem's package against its own claims.
    Verify(ProblemVersion),
}

impl Program {
    /// The files to read back, up to the bounds.
    pub fn fetched_paths(&self) -> Vec<BoxPath> {
        let mut left = FETCH_PATHS_BYTES_MAX;
        let within = self.fetch.iter().take(FETCH_FILES_MAX).take_while(|path| {
            let fits = path.as_str().len() <= left;
            left = left.saturating_sub(path.as_str().len());
            fits
        });
        within.cloned().collect()
    }
}

impl SubmissionKind {
    /// Whether standard input arrives while the program runs.
    pub fn is_live(&self) -> bool {
        matches!(self, SubmissionKind::Program(program) if program.live.is_some())
    }

    /// The source files and their language; `None` if the work has no source.
    pub fn source(&self) -> Option<&Source> {
        match self {
            SubmissionKind::Program(program) => Some(&program.source),
            SubmissionKind::Problem(solution) => Some(&solution.source),
            SubmissionKind::Verify(_) => None,
        }
    }

    /// The language of the source; `None` if the work has no source.
    pub fn language(&self) -> Option<&LanguageId> {
        self.source().map(|source| &source.language)
    }
}

/// Source code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Language of the source code.
    pub language: LanguageId,
    /// The source files and any other files. The first is the main source.
    pub files: BoxFiles,
}

/// A program and its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The source code.
    pub source: Source,
    /// How the program is compiled and started.
    pub tools: ToolOptions,
    /// Arguments after the program's name.
    pub args: Vec<String>,
    /// Environment variables in addition to the language's; names are `[A-Za-z_][A-Za-z0-9_]*`.
    pub env: Vec<(String, String)>,
    /// Standard input, if there are no tests.
    pub stdin: Arc<[u8]>,
    /// Inputs with expected outputs. The program is compiled once and run on each.
    pub tests: Vec<TestCase>,
    /// Whether standard error is part of standard output, in the order in which the program writes.
    pub stderr_to_stdout: bool,
    /// Files to read back from the box after the execution. Used only without tests. At most [`FETCH_FILES_MAX`] files,
    /// whose paths have at most [`FETCH_PATHS_BYTES_MAX`] bytes in total.
    pub fetch: Vec<BoxPath>,
    /// Patterns of the files to keep after the execution, if there are no tests; at most
    /// [`ARTIFACT_PATTERNS_MAX`](crate::ARTIFACT_PATTERNS_MAX).
    pub artifacts: Vec<PathPattern>,
    /// Set if standard input arrives while the program runs; then there is no `stdin` and there are no tests.
    pub live: Option<Live>,
}

/// How a program is compiled and started, in addition to the language's own commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolOptions {
    /// Arguments for the compiler, before the sources; ignored if the language has no compiler.
    pub compiler_args: Vec<String>,
    /// Arguments for the linker, after the sources; ignored if the language has no compiler.
    pub linker_args: Vec<String>,
    /// Arguments for the interpreter or the virtual machine, before the source or the class that it starts; ignored if
    /// the program is an executable.
    pub interpreter_args: Vec<String>,
    /// The class to start, if the language starts a class; an empty name leaves the choice to the language.
    pub main_class: String,
    /// Whether only the main source is compiled. Other sources are files beside it.
    pub main_only: bool,
}

impl ToolOptions {
    /// The language's own commands.
    pub const NONE: ToolOptions = ToolOptions {
        compiler_args: Vec::new(),
        linker_args: Vec::new(),
        interpreter_args: Vec::new(),
        main_class: String::new(),
        main_only: false,
    };
}

/// Options of a program whose standard input arrives while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// Initial window of the program's terminal; `None`: it has no terminal.
    pub terminal: Option<TerminalSize>,
}

/// Maximum number of files that a submission of a program may request to be read back.
pub const FETCH_FILES_MAX: usize = 100;

/// Maximum total length of the paths of the files to read back, in bytes.
pub const FETCH_PATHS_BYTES_MAX: usize = 16 << 10;

/// Bytes kept of all files that are read back from one execution. The rest is discarded.
pub const FETCH_BYTES_MAX: Bytes = Bytes::mib(8);

/// A submission to a problem.
#[derive(Clone, Debug)]
pub struct Solution {
    /// The source code.
    pub source: Source,
    /// The problem version to judge against.
    pub of: ProblemVersion,
    /// The cases to run.
    pub cases: Cases,
}

/// One version of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProblemVersion {
    /// The problem.
    pub problem: ProblemId,
    /// Content hash of the problem's package.
    pub package: ContentHash,
}

/// The cases a solution is run on.
#[derive(Clone, PartialEq, Eq)]
pub enum Cases {
    /// All cases of the problem; the result counts.
    All,
    /// The cases shown in the statement; the result does not count.
    Samples,
    /// An input supplied by the sender; the result does not count.
    Input(Arc<[u8]>),
}

impl fmt::Debug for Cases {
    /// Writes only the kind and the size of the input, because the content belongs to a user and must not be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cases::All => f.write_str("All"),
            Cases::Samples => f.write_str("Samples"),
            Cases::Input(input) => write!(f, "Input({} bytes)", input.len()),
        }
    }
}

/// One input and its expected output, if any.
#[derive(Clone, PartialEq, Eq)]
pub struct TestCase {
    /// Display name; unique within the submission.
    pub name: String,
    /// Standard input.
    pub stdin: Arc<[u8]>,
    /// Expected standard output, compared token by token; if `None`, the program is only run.
    pub expected: Option<Arc<[u8]>>,
}

impl fmt::Debug for TestCase {
    /// Writes only the name and the size of the input, because the content belongs to a user and must not be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestCase({}, {} bytes in)", self.name, self.stdin.len())
    }
}

named! {
    /// Priority of a submission, most urgent first. Classes share the slots by weight, so that no class starves.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum PriorityClass, as_str, from_name {
        /// A user is waiting for the result.
        Interactive = "interactive",
        /// An ordinary submission.
        #[default]
        Submission = "submission",
        /// Part of a large batch; the result is not urgent.
        Batch = "batch",
    }
}
