//! Port through which the judge runs one step, and its types.

use std::sync::Arc;

use cupel_languages::Language;
use cupel_types::{BoxFiles, BoxPath, Bytes, FetchedFile, Limits, StepReport, UserId};

use crate::live::LiveStdin;

/// Runs one step at a time, each in a fresh cell. An executor belongs to one slot; calls block.
pub trait Executor: Send {
    /// Runs the step to its end.
    ///
    /// # Errors
    /// Only for internal failures; anything the program does is a [`StepReport`].
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError>;

    /// Waits until the next step can run at once. The judge calls it before it announces a step, so that the
    /// announcement is timely.
    fn await_turn(&mut self) {}

    /// Runs two programs connected to each other until both end. Calls `cancelled` of the observer, and reports to it
    /// only the tenant's standard error.
    ///
    /// # Errors
    /// As for [`Executor::execute`], for either program.
    fn talk(
        &mut self,
        talk: Interaction<'_>,
        observer: &mut dyn StepObserver,
    ) -> Result<InteractionResult, ExecuteError> {
        let _ = (talk, observer);
        Err(ExecuteError { transient: false, source: "this executor runs one program at a time".into() })
    }

    /// Sends the step to the language's compile service, if there is one for this user. `None`: there is no result, for
    /// any reason, and the caller executes the step normally. A result equals that of executing the step, except that
    /// of the usage only the time is known.
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
    /// Whether the result is decided if the interactor exits with this code before the program ends; the program is
    /// then stopped. The result is also decided if a signal kills the interactor, or if the program fails before the
    /// interactor has ended.
    pub settles: fn(i32) -> bool,
    /// Bytes kept of the conversation.
    pub transcript: Bytes,
}

/// Result of a conversation.
///
/// *Invariant:* The recorded time of an end is taken before the survivor can notice it by an end of file or a broken
/// pipe. Therefore, if one end caused the other, `first` is the cause.
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
    /// Whether output of the interactor was still unread when the program ended, so the program was not waiting for it.
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

/// Purpose of a step; compilations have a separate kind of cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// A compiler runs over a tenant's source.
    Compile,
    /// A tenant's program runs.
    Execute,
}

/// One step.
#[derive(Clone, Debug)]
pub struct StepInput<'a> {
    /// Compile or execute.
    pub kind: StepKind,
    /// Program and arguments. The program is an absolute path, a path relative to `/box` that contains a `/`, or a name
    /// looked up in the toolchain directories, regardless of `PATH` in `env`.
    pub argv: &'a [String],
    /// The whole environment.
    pub env: &'a [(String, String)],
    /// Initial contents of `/box`, the working directory. Later groups do not override earlier ones: a duplicate path
    /// is an error.
    pub files: &'a [BoxFiles],
    /// Standard input.
    pub stdin: StdinSource,
    /// The limits of the step.
    pub limits: Limits,
    /// Bytes kept in the report of each output stream; the observer receives all output within the limits.
    pub keep: Bytes,
    /// Whether the program has a pipe as descriptor 3, for a result separate from its output; see
    /// [`StepObserver::result`].
    pub result: bool,
    /// Which files are returned.
    pub collect: Collect,
}

/// Which regular files left in `/box` are returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collect {
    /// None.
    Nothing,
    /// All: a compile step's artefacts.
    All,
    /// Those in a directory that exists from the start.
    Outbox(BoxPath),
    /// Those at these paths, in [`StepResult::fetched`].
    Named {
        /// The paths, in the order in which the files are returned.
        paths: Vec<BoxPath>,
        /// Bytes kept of all of them together.
        keep: Bytes,
    },
}

/// Source of standard input.
#[derive(Clone, Debug)]
pub enum StdinSource {
    /// These bytes, then end of file.
    Bytes(Arc<[u8]>),
    /// A pipe or file of the host, read from its current position. Never a terminal.
    Descriptor(Arc<std::os::fd::OwnedFd>),
    /// Input that arrives while the program runs. With a terminal, the program's standard error arrives as standard
    /// output, and a language with warm starts is started cold. While the input is open, the idle limit does not
    /// apply: the wall-clock limit bounds the wait for input. It applies from [`LiveInput::EndOfInput`] on. Only for
    /// steps of kind [`StepKind::Execute`].
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
    /// What the program did and used.
    pub report: StepReport,
    /// The files left in `/box`, if requested and the step ended by itself: a compilation with code 0, an execution
    /// with any code. After a signal, only those of the outbox; after a limit, none.
    pub files: BoxFiles,
    /// Whether there were more files than may be returned, so that some are missing.
    pub files_truncated: bool,
    /// The files of [`Collect::Named`], if the program ended by itself, even by a signal.
    pub fetched: Vec<FetchedFile>,
}

/// The step could not be run or observed: an internal failure, never the program's.
#[derive(Debug, thiserror::Error)]
#[error("cannot run a step in the sandbox")]
pub struct ExecuteError {
    /// Whether a retry may succeed.
    pub transient: bool,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
