//! Running a judging program of the package: checker or interactor, in a cell with limits of its own.
//!
//! What belongs to Cupel lies in `.cupel/` of its box: the input, the answer, the output and, for Kattis, the feedback directory. Where
//! files have to come back, a shell stands around the program: files of a cell come back only when it ends with 0. The shell tells
//! of a signal as 128 and its number; that is no decision either.

use std::sync::Arc;

use cupel_problem::{Checker, JudgeProgram, Package, Protocol, StepBounds};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes};

use super::answer::{self, Answer};
use super::program::Runnable;
use super::{ProblemError, limits};
use crate::executor::{StdinSource, StepInput, StepKind, StepObserver, StepResult};
use crate::{Executor, JudgeObserver};

/// Where the box is, as programs in it see it. Source: `cupel-sandbox`, theory of operation.
const BOX: &str = "/box";

/// Runs the program, notes its exit code, and takes away what must not come back.
const AROUND_CHECKER: &str = r#"mkdir -p .cupel/feedback
"$@"
echo $? > .cupel/code
rm -rf -- * .cupel/in .cupel/ans .cupel/out"#;

/// The same; the shell itself keeps neither end of the conversation open.
const AROUND_INTERACTOR: &str = r#"mkdir -p .cupel/feedback
exec 3<&0 4>&1 </dev/null >/dev/null
END=$1
shift
"$@" <&3 >&4 3<&- 4>&- &
exec 3<&- 4>&-
wait $!
CODE=$?
echo "$END" >&2
echo $CODE > .cupel/code
rm -rf -- * .cupel/in .cupel/ans"#;

/// The line by which the shell tells that the interactor has ended. Whatever else an author's program writes, it harms only their own
/// problem to write this.
pub(super) const INTERACTOR_END: &str = "cupel: the interactor has ended";

/// What a judging program works on.
pub(super) struct Data {
    pub(super) input: Arc<[u8]>,
    pub(super) answer: Option<Arc<[u8]>>,
    /// Of the submission; `None` for an interactor.
    pub(super) output: Option<Arc<[u8]>>,
    /// What an earlier pass left in the feedback directory.
    pub(super) feedback: BoxFiles,
}

/// A judging program that is ready to be called.
pub(super) struct Call {
    pub(super) argv: Vec<String>,
    pub(super) files: Vec<BoxFiles>,
    pub(super) given: u64,
    pub(super) collect: bool,
}

/// The call of a program by its protocol.
///
/// # Errors
/// When there is no such call: an interactor by a protocol that has none.
pub(super) fn call(program: &JudgeProgram, runnable: &Runnable, data: &Data, interacts: bool) -> Result<Call, String> {
    let path = |name: &str| format!("{BOX}/.cupel/{name}");
    let (input, ans, out) = (path("in"), path("ans"), path("out"));
    let args: Vec<String> = match (&program.protocol, interacts) {
        (Protocol::Kattis, _) => vec![input, ans, format!("{}/", path("feedback"))],
        (Protocol::Testlib { .. }, _) => vec![input, out, ans],
        (Protocol::DmojTestlib, true) => vec![input, "/dev/null".to_owned(), ans],
        (Protocol::DmojDefault | Protocol::Coci, true) => vec![input, ans],
        (Protocol::DmojDefault | Protocol::DmojTestlib | Protocol::Coci, false) => vec![input, out, ans],
        (Protocol::Peg, false) => vec![ans, out, input],
        (Protocol::Peg, true) => return Err("the protocol `peg` has no interactors".to_owned()),
    };
    let collect = interacts || program.protocol == Protocol::Kattis;
    let mut argv: Vec<String> = Vec::new();
    if collect {
        let script = if interacts { AROUND_INTERACTOR } else { AROUND_CHECKER };
        argv.extend(["sh", "-c", script, "sh"].map(str::to_owned));
    }
    if interacts {
        argv.push(INTERACTOR_END.to_owned());
    }
    argv.extend(runnable.argv.iter().cloned());
    argv.extend(args);
    argv.extend(program.args.iter().cloned());

    let mut given = vec![file("in", data.input.clone()), file("ans", data.answer.clone().unwrap_or_default())];
    if program.protocol != Protocol::Kattis {
        given.extend(data.output.clone().map(|output| file("out", output)));
    }
    let given: Vec<BoxFile> = given.into_iter().flatten().chain(data.feedback.iter().cloned()).collect();
    let given = BoxFiles::new(given);
    let mut files = runnable.files.clone();
    let bytes = files.iter().map(BoxFiles::total_bytes).sum::<u64>() + given.total_bytes();
    files.push(given);
    Ok(Call { argv, files, given: bytes, collect })
}

fn file(name: &str, data: Arc<[u8]>) -> Option<BoxFile> {
    let path = BoxPath::new(&format!(".cupel/{name}")).ok()?;
    Some(BoxFile { path, data, executable: false })
}

/// What came back of a judging program.
pub(super) struct Checked {
    pub(super) answer: Answer,
    /// What lies in the feedback directory, as it is to be given back in the next pass.
    pub(super) feedback: BoxFiles,
    /// What an interactor wrote to its log.
    pub(super) log: Option<Arc<[u8]>>,
}

impl Checked {
    pub(super) fn of(protocol: &Protocol, result: &StepResult) -> Checked {
        let at = |name: &str| result.files.iter().find(|file| file.path.as_str() == name).map(|file| &file.data);
        let code = at(".cupel/code").and_then(|data| std::str::from_utf8(data).ok()?.trim().parse().ok());
        let is_feedback = |file: &&BoxFile| file.path.as_str().starts_with(FEEDBACK);
        let feedback = BoxFiles::new(result.files.iter().filter(is_feedback).cloned().collect());
        let named = feedback.iter().filter_map(|file| {
            let path = BoxPath::new(file.path.as_str().strip_prefix(FEEDBACK)?).ok()?;
            Some(BoxFile { path, ..file.clone() })
        });
        let answer = match result.files_truncated {
            true => Answer::fault("it left too many or too large files"),
            false => answer::read(protocol, &result.report, code, &BoxFiles::new(named.collect())),
        };
        Checked { answer, log: at(".cupel/out").cloned(), feedback }
    }

    /// The input of the next pass, if there is to be one; it is no longer there afterwards.
    pub(super) fn take_next_pass(&mut self) -> Option<Arc<[u8]>> {
        let is_next = |file: &&BoxFile| file.path.as_str() == NEXT_PASS;
        let next = self.feedback.iter().find(is_next)?.data.clone();
        self.feedback = BoxFiles::new(self.feedback.iter().filter(|file| !is_next(file)).cloned().collect());
        Some(next)
    }
}

const FEEDBACK: &str = ".cupel/feedback/";
const NEXT_PASS: &str = ".cupel/feedback/nextpass.in";

/// Runs a checker over an output that is there as a whole.
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
        Protocol::Kattis => data.output.clone().unwrap_or_default(),
        _ => Arc::from([]),
    };
    let step = StepInput {
        kind: StepKind::Execute,
        argv: &call.argv,
        env: &runnable.env,
        files: &call.files,
        stdin: StdinSource::Bytes(stdin),
        limits: limits::of_author(bounds, runnable.limits, call.given),
        keep: Bytes::kib(128),
        result: false,
        collect: call.collect,
    };
    Ok(Checked::of(&program.protocol, &executor.execute(step, &mut Unheard(observer))?))
}

/// Whether a checker is a program, and which.
pub(super) fn program_of(checker: &Checker) -> Option<&JudgeProgram> {
    match checker {
        Checker::Builtin(_) => None,
        Checker::Program(program) => Some(program),
    }
}

/// A file of the package, for a checker.
pub(super) fn data_of(
    package: &Package,
    case: &cupel_problem::Case,
    input: Option<Arc<[u8]>>,
    output: Option<Arc<[u8]>>,
    feedback: BoxFiles,
) -> Result<Data, ProblemError> {
    let input = match input {
        Some(input) => input,
        None => super::program::read(package, &case.input)?,
    };
    let answer = case.answer.as_ref().map(|answer| super::program::read(package, answer)).transpose()?;
    Ok(Data { input, answer, output, feedback })
}

/// Hears nothing; asks whether to go on.
pub(super) struct Unheard<'a>(pub(super) &'a mut dyn JudgeObserver);

impl StepObserver for Unheard<'_> {
    fn stdout(&mut self, _: &[u8]) {}

    fn stderr(&mut self, _: &[u8]) {}

    fn cancelled(&mut self) -> bool {
        self.0.cancelled()
    }
}
