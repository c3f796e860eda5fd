//! The port through which the judge runs one step, and the types that cross it.

use std::sync::Arc;

use cupel_languages::Language;
use cupel_types::{BoxFiles, BoxPath, Bytes, Limits, StepReport, UserId};

/// Runs one step at a time, in a fresh cell. One executor belongs to one slot; calls block.
pub trait Executor: Send {
    /// Runs the step to its end.
    ///
    /// # Errors
    /// Only for failures of ours; whatever the program does is a [`StepReport`].
    fn execute(&mut self, step: StepInput<'_>, observer: &mut dyn StepObserver) -> Result<StepResult, ExecuteError>;

    /// Waits until the next step can run at once. The judge calls it before it announces a step, so a step is announced when it runs.
    fn await_turn(&mut self) {}

    /// Runs two programs that talk with each other to both their ends. Asks `cancelled` of the observer, and tells it of nothing but the
    /// tenant's standard error.
    ///
    /// # Errors
    /// As for [`Executor::execute`], for either of them.
    fn talk(&mut self, talk: Talk<'_>, observer: &mut dyn StepObserver) -> Result<TalkResult, ExecuteError> {
        let _ = (talk, observer);
        Err(ExecuteError { transient: false, source: "this executor runs one program at a time".into() })
    }

    /// Asks the language's compiler that stays, if there is one for this user. `None`: there is no answer, for whatever
    /// reason, and the step is to be executed as if nobody had asked. An answer is what the step would have come to; what
    /// the compiler used is not known but for its time.
    fn compile_warm(&mut self, step: WarmInput<'_>, observer: &mut dyn StepObserver) -> Option<StepResult> {
        let _ = (step, observer);
        None
    }
}

/// Two steps that run at once, each reading what the other writes. What `stdin` says of either is not looked at.
#[derive(Clone, Debug)]
pub struct Talk<'a> {
    /// The tenant's program.
    pub program: StepInput<'a>,
    /// The author's program at the other end.
    pub interactor: StepInput<'a>,
    /// Whether nothing follows from the program any more once the interactor has ended before it with this code; then the program is
    /// ended. An interactor that a signal ends leaves nothing to follow either; nor does, the other way round, a program that fails before
    /// the interactor has ended.
    pub settles: fn(i32) -> bool,
    /// Bytes kept of what was said.
    pub transcript: Bytes,
}

/// How a conversation ended.
///
/// *Invariant:* whoever ended later had not been told of the other's end before that had a time: neither an end of file nor a broken
/// pipe reaches the survivor earlier. So `first` is the cause where one end is the cause of the other.
#[derive(Clone, Debug)]
pub struct TalkResult {
    /// The tenant's program.
    pub program: StepResult,
    /// The author's.
    pub interactor: StepResult,
    /// Who ended first, by the kernel's clock.
    pub first: Party,
    /// Whether the program was ended because nothing followed from it any more ([`Talk::settles`]); the report has it ended by SIGKILL.
    pub settled: bool,
    /// Whether the interactor left something unread that the program had said.
    pub unread: bool,
    /// Whether something the interactor had said lay unread before the program when that ended: it was not what it waited for.
    pub unheard: bool,
    /// What was said, in the order in which it came, up to the bound.
    pub transcript: Vec<(Party, Vec<u8>)>,
}

/// One of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The tenant's program.
    Program,
    /// The author's program.
    Interactor,
}

/// A compile step for a compiler that stays.
#[derive(Clone, Copy, Debug)]
pub struct WarmInput<'a> {
    /// Whose compiler.
    pub language: &'a Language,
    /// Whose source.
    pub owner: UserId,
    /// The compile command.
    pub argv: &'a [String],
    /// The source.
    pub files: &'a BoxFiles,
    /// What the step may use.
    pub limits: Limits,
}

/// What a step is for; compilations have cells of their own kind.
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
    /// Program and arguments. The program is an absolute path, a path relative to `/box` with a `/` in
    /// it, or a name looked up where toolchains lie, whatever `PATH` is in `env`.
    pub argv: &'a [String],
    /// The whole environment.
    pub env: &'a [(String, String)],
    /// What lies in `/box` at the start, its working directory. Later groups win nothing: a path that
    /// comes twice is an error.
    pub files: &'a [BoxFiles],
    /// Standard input.
    pub stdin: StdinSource,
    /// What it may use.
    pub limits: Limits,
    /// How many bytes of each output stream the report has; the observer hears all that the limits let through.
    pub keep: Bytes,
    /// Whether the program has a pipe as descriptor 3, for a result that is not what it prints; see [`StepObserver::result`].
    pub result: bool,
    /// Which files come back.
    pub collect: Collect,
}

/// Which regular files left in `/box` come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collect {
    /// None.
    Nothing,
    /// All: a compile step's artefacts.
    All,
    /// Those in a directory that is there from the start.
    Outbox(BoxPath),
}

/// Where standard input comes from.
#[derive(Clone, Debug)]
pub enum StdinSource {
    /// These bytes, then end of file.
    Bytes(Arc<[u8]>),
    /// A pipe or file of the host's, read from where it stands. Never a terminal.
    Descriptor(Arc<std::os::fd::OwnedFd>),
}

/// Hears of a step while it runs.
pub trait StepObserver {
    /// The program wrote to standard output. Called only for what is within the limit.
    fn stdout(&mut self, data: &[u8]);
    /// The program wrote to standard error.
    fn stderr(&mut self, data: &[u8]);
    /// The program wrote to descriptor 3, where it has one. Called only for what is within the limit of output.
    fn result(&mut self, data: &[u8]) {
        let _ = data;
    }
    /// Asked a few times a second and at every output: whether the step should end now.
    fn cancelled(&mut self) -> bool {
        false
    }
}

/// A step's end.
#[derive(Clone, Debug)]
pub struct StepResult {
    /// What happened.
    pub report: StepReport,
    /// The files left in `/box`, when they were asked for and the step ended by itself: a compilation with code 0, an execution
    /// with any. After a signal there are those of the outbox, after a limit none.
    pub files: BoxFiles,
    /// Whether there were more files than may come back; then some are missing.
    pub files_truncated: bool,
}

/// The step could not be run or observed: our failure, never the program's.
#[derive(Debug, thiserror::Error)]
#[error("cannot run a step in the sandbox")]
pub struct ExecuteError {
    /// Whether another try may go well.
    pub transient: bool,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
