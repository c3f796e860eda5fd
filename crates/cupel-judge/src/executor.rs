//! Port through which the judge runs a step, and the types of this port.

use std::sync::Arc;

use cupel_languages::Language;
use cupel_types::{BoxFiles, BoxPath, Bytes, FetchedFile, FileSearch, FoundFiles, Limits, Root, StepReport, UserId};

use crate::live::LiveStdin;

/// Runs steps, each in a fresh cell: one at a time, or two that communicate. Each executor belongs to one slot. Its
/// calls block.
pub trait Executor: Send {
    /// Runs the step until it ends.
    ///
    /// # Errors
    /// Only for internal failures. A failure of the program is part of its [`StepReport`].
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError>;

    /// Waits until the next step can run at once. The judge calls this before it announces a step, so that the step
    /// begins shortly after the announcement.
    fn await_turn(&mut self) {}

    /// Runs two programs connected to each other until both end. Calls the observer only for cancellation and for the
    /// standard error of the tenant's program.
    ///
    /// # Errors
    /// As for [`Executor::execute`], for either program.
    fn interact(
        &mut self,
        interaction: Interaction<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<InteractionResult, ExecuteError> {
        let _ = (interaction, observer);
        Err(ExecuteError { transient: false, source: "this executor runs one program at a time".into() })
    }

    /// Compiles with the language's compile service, if there is one for this user. `None` means that there is no
    /// result, for any reason; the caller then executes the step normally. A result equals that of an execution of the
    /// step, except that its usage contains only the time.
    fn compile_warm(&mut self, step: WarmInput<'_>, observer: &mut dyn StepObserver) -> Option<StepResult> {
        let _ = (step, observer);
        None
    }
}

/// Two steps that run at the same time, each reading the other's output. Their `stdin` fields are ignored.
#[derive(Clone, Debug)]
pub struct Interaction<'a> {
    /// The tenant's program.
    pub program: StepInput<'a>,
    /// The author's program at the other end.
    pub interactor: StepInput<'a>,
    /// Whether this exit code of the interactor decides the conversation if the program has not ended yet. A
    /// conversation is also decided if a signal kills the interactor, or if the program fails before the interactor has
    /// ended. Once a conversation is decided, the executor stops the program.
    pub settles: fn(i32) -> bool,
    /// Maximum number of bytes of the conversation that are stored.
    pub transcript: Bytes,
}

/// Result of a conversation.
///
/// *Invariant:* The recorded end of a party is never later than the moment at which the other party can notice that end
/// (by an end of file or a broken pipe). So if the end of one party causes the end of the other, `first` is the party
/// that caused it.
#[derive(Clone, Debug)]
pub struct InteractionResult {
    /// The tenant's program.
    pub program: StepResult,
    /// The author's program.
    pub interactor: StepResult,
    /// The party that ended first, by the kernel's clock.
    pub first: Party,
    /// Whether the program was stopped because the result was decided ([`Interaction::settles`]); its report then shows
    /// SIGKILL.
    pub settled: bool,
    /// Whether the interactor left output of the program unread.
    pub unread: bool,
    /// Whether the program ended with unread output of the interactor. If so, the program was not waiting for the
    /// interactor.
    pub unheard: bool,
    /// The conversation in order of arrival, up to the bound.
    pub transcript: Vec<(Party, Vec<u8>)>,
}

/// One of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The tenant's program.
    Program,
    /// The author's program.
    Interactor,
}

/// A compile step for a compile service.
#[derive(Clone, Copy, Debug)]
pub struct WarmInput<'a> {
    /// The language of the compile service.
    pub language: &'a Language,
    /// The source's owner.
    pub owner: UserId,
    /// The compile command.
    pub argv: &'a [String],
    /// The source.
    pub files: &'a BoxFiles,
    /// The limits of the step.
    pub limits: Limits,
}

/// Purpose of a step. Compilations run in another kind of cell than executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// A compiler processes a tenant's source.
    Compile,
    /// A tenant's program runs.
    Execute,
}

/// One step.
#[derive(Clone, Debug)]
pub struct StepInput<'a> {
    /// Compile or execute.
    pub kind: StepKind,
    /// The directory that the program sees as `/`.
    pub root: &'a Root,
    /// Program and arguments. The program is an absolute path, a path relative to `/box` that contains a `/`, or a
    /// name, for which the toolchain directories of the root are searched, regardless of `PATH` in `env`.
    pub argv: &'a [String],
    /// The complete environment, except that `TERM` is added for a step with a terminal if it is not set here.
    pub env: &'a [(String, String)],
    /// Initial contents of `/box`, the working directory, in groups. A path that occurs in two groups is an error.
    pub files: &'a [BoxFiles],
    /// Bytes of these files that count as the program's memory. The other files are not counted, but the program can
    /// use as much memory in their place: it owns them.
    pub counted_files: Bytes,
    /// Standard input.
    pub stdin: StdinSource,
    /// The limits of the step.
    pub limits: Limits,
    /// Maximum number of bytes of each output stream in the report. The observer receives all output within the limits.
    pub keep: Bytes,
    /// Whether standard error is part of standard output, in the order in which the program writes.
    pub stderr_to_stdout: bool,
    /// Whether the program has a pipe as descriptor 3, for a result separate from its output; see
    /// [`StepObserver::result`].
    pub result: bool,
    /// The files that are returned.
    pub collect: Collect,
}

/// The regular files in `/box` that are returned after the step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collect {
    /// No files.
    Nothing,
    /// All files: the artefacts of a compile step.
    All,
    /// The files in a directory that exists from the start.
    Outbox(BoxPath),
    /// The files at these paths, in [`StepResult::fetched`], and those that a search finds, in [`StepResult::found`].
    Named {
        /// The paths, in the order in which the files are returned.
        paths: Vec<BoxPath>,
        /// Maximum total size of the files at the paths.
        keep: Bytes,
        /// The search.
        find: Option<FileSearch>,
    },
}

/// Source of standard input.
#[derive(Clone, Debug)]
pub enum StdinSource {
    /// These bytes, then end of file.
    Bytes(Arc<[u8]>),
    /// A pipe or file of the host, which the program reads from its current position. Never a terminal.
    Descriptor(Arc<std::os::fd::OwnedFd>),
    /// Input that arrives while the program runs. With a terminal, the program's standard error arrives as standard
    /// output, and a language with warm starts is started cold. While the input is open, the idle limit does not apply:
    /// the wall-clock limit bounds the wait for input. From [`LiveInput::EndOfInput`] on, the idle limit applies. Only
    /// for steps of kind [`StepKind::Execute`].
    ///
    /// [`LiveInput::EndOfInput`]: crate::LiveInput::EndOfInput
    Live(LiveStdin),
}

/// Receives the events of a running step.
pub trait StepObserver {
    /// The program wrote to standard output. Called only for output within the limit.
    fn stdout(&mut self, data: &[u8]);
    /// The program wrote to standard error.
    fn stderr(&mut self, data: &[u8]);
    /// The program wrote to descriptor 3, if it has one. Called only for data within the output limit.
    fn result(&mut self, data: &[u8]) {
        let _ = data;
    }
    /// Whether the step should end now. Called a few times per second and at every output.
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// Result of a step.
#[derive(Clone, Debug)]
pub struct StepResult {
    /// The program's end, output and resource usage.
    pub report: StepReport,
    /// The requested files that the step left in `/box`: all of them after a compilation with exit code 0 or an
    /// execution with any exit code; after a signal, only the files of the outbox; in all other cases, none.
    pub files: BoxFiles,
    /// Whether some files are missing in `files` because the step left more than may be returned.
    pub files_truncated: bool,
    /// The files of [`Collect::Named`], if the program ended by itself or by a signal.
    pub fetched: Vec<FetchedFile>,
    /// The files that the search of [`Collect::Named`] found, if the program ended by itself or by a signal.
    pub found: FoundFiles,
}

/// The step could not be run or observed. This is an internal failure, never a failure of the program.
#[derive(Debug, thiserror::Error)]
#[error("cannot run a step in the sandbox")]
pub struct ExecuteError {
    /// Whether a retry may succeed.
    pub transient: bool,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl ExecuteError {
    /// The error for a service of this machine that cannot be reached at present, such as Docker Engine.
    pub fn unreachable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ExecuteError {
        ExecuteError { transient: true, source: Box::new(Unreachable(source.into())) }
    }

    /// The error for a step that the executor refuses without running it, for example because its command is too long.
    pub fn refused(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ExecuteError {
        ExecuteError { transient: false, source: Box::new(Refused(source.into())) }
    }

    /// Whether the cause is this machine, so that the error says nothing about the step.
    pub fn is_of_this_machine(&self) -> bool {
        self.source.is::<Unreachable>()
    }

    /// Whether the cause is the step, so that the error says nothing about the executor.
    pub fn is_of_the_step(&self) -> bool {
        self.source.is::<Refused>()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a service of this machine cannot be reached")]
struct Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>);

#[derive(Debug, thiserror::Error)]
#[error("the step is invalid")]
struct Refused(#[source] Box<dyn std::error::Error + Send + Sync>);
