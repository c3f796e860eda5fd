//! Runs a judging program of the package (checker or interactor) in a cell with separate limits.
//!
//! The directory `.cupel/` of the program's box contains Cupel's files: the input, the answer, the output, and a
//! directory whose files are returned. For Kattis' protocol, that directory is the feedback directory; for other
//! protocols, it contains an interactor's log, and the points of a program in Python that is written for DMOJ's
//! classes. Files of the program with a path under `.cupel/` are omitted.

use std::sync::Arc;

use cupel_problem::{Checker, JudgeProgram, Method, Package, Protocol, StepBounds};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, Limits};

use super::answer::{self, Answer};
use super::data::Made;
use super::program::Runnable;
use super::{ProblemError, limits};
use crate::executor::{Collect, StdinSource, StepInput, StepKind, StepObserver, StepResult};
use crate::{Executor, JudgeObserver};

/// Path of the box inside the sandbox. Source: `cupel-sandbox`, theory of operation.
const BOX: &str = "/box";

/// Directory whose files are returned.
const FEEDBACK: &str = ".cupel/feedback";
const LOG: &str = ".cupel/feedback/log";
const NEXT_PASS: &str = ".cupel/feedback/nextpass.in";
const OURS: &str = ".cupel";

/// Input data of a judging program.
pub(super) struct Data {
    pub(super) input: Arc<[u8]>,
    pub(super) answer: Option<Arc<[u8]>>,
    /// The submission's output; `None` for an interactor.
    pub(super) output: Option<Arc<[u8]>>,
    /// Files that an earlier pass left in the feedback directory.
    pub(super) feedback: BoxFiles,
    /// Files about the submission and its run (see [`super::facts`]).
    pub(super) facts: Vec<BoxFile>,
}

/// A judging program, ready to be called.
pub(super) struct Call {
    pub(super) argv: Vec<String>,
    pub(super) files: Vec<BoxFiles>,
    pub(super) given: u64,
    pub(super) collect: Collect,
}

/// Returns the call of a program by its protocol.
///
/// # Errors
/// If the program is an interactor and its protocol does not support interactors.
pub(super) fn call(program: &JudgeProgram, runnable: &Runnable, data: &Data, interacts: bool) -> Result<Call, String> {
    let path = |name: &str| format!("{BOX}/.cupel/{name}");
    let (input, ans) = (path("in"), path("ans"));
    let out = if interacts { format!("{BOX}/{LOG}") } else { path("out") };
    let output = out.clone();
    let args: Vec<String> = match (&program.protocol, interacts) {
        (Protocol::FeedbackDirectory, _) => vec![input, ans, format!("{BOX}/{FEEDBACK}/")],
        (Protocol::Testlib { .. }, _) => vec![input, out, ans],
        (Protocol::PointsLine | Protocol::PythonModule { .. }, true) => vec![input, "/dev/null".to_owned(), ans],
        (Protocol::ExitCode | Protocol::ShareLine, true) => vec![input, ans],
        (Protocol::ExitCode | Protocol::PointsLine | Protocol::PythonModule { .. } | Protocol::ShareLine, false) => {
            vec![input, out, ans]
        }
        (Protocol::ShareOnStdout, false) => vec![ans, out, input],
        (Protocol::ShareOnStdout, true) => return Err("the protocol `peg` does not support interactors".to_owned()),
    };
    let placed = |word: &String| {
        let word = word.replace("{input_file}", &path("in")).replace("{answer_file}", &path("ans"));
        word.replace("{output_file}", if interacts { "/dev/null" } else { &output })
    };
    let args = program.words.as_ref().map_or(args, |words| words.iter().map(placed).collect());
    let has_outbox = matches!(program.protocol, Protocol::FeedbackDirectory | Protocol::PythonModule { .. });
    let outbox = BoxPath::new(FEEDBACK).ok().filter(|_| interacts || has_outbox);
    let argv = [&runnable.argv, &args, &program.args].into_iter().flatten().cloned().collect();

    let mut given = vec![file("in", data.input.clone()), file("ans", data.answer.clone().unwrap_or_default())];
    if program.protocol != Protocol::FeedbackDirectory {
        given.extend(data.output.clone().map(|output| file("out", output)));
    }
    let others = data.feedback.iter().chain(&data.facts).cloned();
    let given: Vec<BoxFile> = given.into_iter().flatten().chain(others).collect();
    let given = BoxFiles::new(given);
    let is_theirs = |file: &&BoxFile| file.path.as_str().split('/').next() != Some(OURS);
    let of_program = runnable.files.iter().map(|layer| match layer.iter().all(|file| is_theirs(&file)) {
        true => layer.clone(),
        false => BoxFiles::new(layer.iter().filter(is_theirs).cloned().collect()),
    });
    let mut files: Vec<BoxFiles> = of_program.collect();
    let bytes = files.iter().map(BoxFiles::total_bytes).sum::<u64>() + given.total_bytes();
    files.push(given);
    Ok(Call { argv, files, given: bytes, collect: outbox.map_or(Collect::Nothing, Collect::Outbox) })
}

/// Returns a file of this name in Cupel's directory.
pub(super) fn file(name: &str, data: Arc<[u8]>) -> Option<BoxFile> {
    let path = BoxPath::new(&format!(".cupel/{name}")).ok()?;
    Some(BoxFile { path, data, executable: false })
}

/// Result of a judging program.
pub(super) struct Checked {
    pub(super) answer: Answer,
    /// Contents of the feedback directory, which the next pass gets.
    pub(super) feedback: BoxFiles,
    /// Contents of an interactor's log.
    pub(super) log: Option<Arc<[u8]>>,
}

impl Checked {
    /// `limits` are the limits that a message may name. If `is_interactor`, the program is an interactor.
    pub(super) fn of(protocol: &Protocol, result: &StepResult, limits: &Limits, is_interactor: bool) -> Checked {
        // The executor returns only the files of the feedback directory.
        let feedback = result.files.clone();
        let named = feedback.iter().filter_map(|file| {
            let path = BoxPath::new(file.path.as_str().strip_prefix(FEEDBACK)?.trim_start_matches('/')).ok()?;
            Some(BoxFile { path, ..file.clone() })
        });
        let answer = match result.files_truncated {
            true => Answer::fault("it left too many files, or files that are too large"),
            false => {
                let answer =
                    answer::read(protocol, &result.report, &BoxFiles::new(named.collect()), limits, is_interactor);
                answer.blaming_the_disk(feedback.total_bytes(), result.report.outcome, limits)
            }
        };
        let log = feedback.iter().find(|file| file.path.as_str() == LOG).map(|file| file.data.clone());
        Checked { answer, log, feedback }
    }

    /// Removes the input of the next pass, if there is one, from the feedback directory and returns it.
    pub(super) fn take_next_pass(&mut self) -> Option<Arc<[u8]>> {
        let is_next = |file: &&BoxFile| file.path.as_str() == NEXT_PASS;
        let next = self.feedback.iter().find(is_next)?.data.clone();
        self.feedback = BoxFiles::new(self.feedback.iter().filter(|file| !is_next(file)).cloned().collect());
        Some(next)
    }
}

/// Runs a checker on a complete output.
pub(super) fn run(
    program: &JudgeProgram,
    runnable: &Runnable,
    data: &Data,
    bounds: &StepBounds,
    executor: &mut dyn Executor,
    observer: &mut dyn JudgeObserver,
) -> Result<Checked, ProblemError> {
    let call = match call(program, runnable, data, false) {
        Ok(call) => call,
        Err(why) => return Ok(Checked { answer: Answer::fault(why), feedback: BoxFiles::default(), log: None }),
    };
    let stdin = match program.protocol {
        Protocol::FeedbackDirectory => data.output.clone().unwrap_or_default(),
        _ => Arc::from([]),
    };
    let limits = limits::of_author(bounds, runnable.limits, call.given);
    let step = StepInput {
        kind: StepKind::Execute,
        root: &runnable.root,
        argv: &call.argv,
        env: &runnable.env,
        files: &call.files,
        counted_files: Bytes::ZERO,
        stdin: StdinSource::Bytes(stdin),
        limits,
        keep: Bytes::kib(128),
        stderr_to_stdout: false,
        result: false,
        collect: call.collect,
    };
    let result = executor.execute(step, &mut IgnoreOutput(observer))?;
    Ok(Checked::of(&program.protocol, &result, &limits::shown(limits, bounds), false))
}

/// Returns the program of a checker, if the checker is a program.
pub(super) fn program_of(checker: &Checker) -> Option<&JudgeProgram> {
    match checker {
        Checker::Builtin(_) => None,
        Checker::Program(program) => Some(program),
    }
}

/// Returns the program of a method's checker, if the checker is a program.
pub(super) fn program_of_method(method: &Method) -> Option<&JudgeProgram> {
    match method {
        Method::Check(checker) => program_of(checker),
        Method::Interact(_) => None,
    }
}

/// Reads the data of a case for a checker. `made` is the data that a generator made, if there is one.
pub(super) fn data_of(
    package: &Package,
    case: &cupel_problem::Case,
    input: Option<Arc<[u8]>>,
    output: Option<Arc<[u8]>>,
    feedback: BoxFiles,
    made: Option<&Made>,
) -> Result<Data, ProblemError> {
    let input = match input.or_else(|| made.and_then(|made| made.input.clone())) {
        Some(input) => input,
        None => super::program::read(package, &case.input)?,
    };
    let answer = match made.and_then(|made| made.answer.clone()) {
        Some(answer) => Some(answer),
        None => case.answer.as_ref().map(|answer| super::program::read(package, answer)).transpose()?,
    };
    Ok(Data { input, answer, output, feedback, facts: Vec::new() })
}

/// Ignores all output; forwards only cancellation.
pub(super) struct IgnoreOutput<'a>(pub(super) &'a mut dyn JudgeObserver);

impl StepObserver for IgnoreOutput<'_> {
    fn stdout(&mut self, _: &[u8]) {}

    fn stderr(&mut self, _: &[u8]) {}

    fn cancelled(&mut self) -> bool {
        self.0.cancelled()
    }
}
