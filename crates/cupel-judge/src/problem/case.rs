//! Judges one case: runs the program and checks its output, once for each pass.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use cupel_problem::{
    AfterInteraction, Case, CaseId, CasePoints, Checker, ContentHash, GroupName, JudgeProgram, MaxScore, Method, Node,
    OnOutputLimit, OwnLimits, Passes, Protocol, Score,
};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, ExitStatus, Outcome, Output, Signal, StepReport, Usage, Verdict};

use super::answer::Decision;
use super::check::{self, Checked, Data};
use super::data::{Made, stdin};
use super::grade::{Child, Named, Share, score_of_case};
use super::limits::{self, CaseLimits, RERUNS_MAX};
use super::report::{ProblemCaseReport, shortened};
use super::{Judging, ProblemError, facts, name, program};
use crate::compare::share_message;
use crate::executor::{Collect, Party, StdinSource, StepInput, StepKind, StepObserver, StepResult};
use crate::failure::{End, exception};
use crate::files::too_long_to_start;
use crate::{BuiltIn, CompareResult, Comparer, JudgeEvent, JudgeObserver};

/// Maximum number of bytes that the report stores of an output that is not needed as a whole.
pub(super) const CAPTURED_BYTES_MAX: Bytes = Bytes::kib(4);
const ANSWER_BUFFER: usize = 64 << 10;
/// Maximum number of bytes that are kept of each message of a judging program until judging ends.
const KEPT_BYTES_MAX: usize = 16 << 10;

pub(super) type Answer = BufReader<Box<dyn Read + Send>>;

/// The properties on which the result of a case depends. Cases that differ only in names and points have equal
/// properties, unless the program that judges them gets the position of the case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct EqualCases {
    input: ContentHash,
    answer: Option<ContentHash>,
    args: Vec<String>,
    files: Vec<(BoxPath, ContentHash)>,
    /// Address of the method: equal cases share one value.
    method: usize,
    limits: OwnLimits,
    /// Address of the generator, and its arguments.
    made: Option<(usize, Vec<String>)>,
    unifies_newlines: bool,
    /// The case, if a program gets its position and its batch (see [`super::facts`]).
    id: Option<CaseId>,
}

impl EqualCases {
    pub(super) fn of(case: &Case) -> EqualCases {
        let program = match &*case.method {
            Method::Check(checker) => check::program_of(checker),
            Method::Interact(interactor) => Some(&interactor.program),
        };
        let gets_position = program.is_some_and(|program| matches!(program.protocol, Protocol::PythonModule { .. }));
        EqualCases {
            input: case.input.hash,
            answer: case.answer.as_ref().map(|answer| answer.hash),
            args: case.args.clone(),
            files: case.files.iter().map(|file| (file.name.clone(), file.file.hash)).collect(),
            method: Arc::as_ptr(&case.method).addr(),
            limits: case.limits,
            made: case.made.as_ref().map(|made| (Arc::as_ptr(&made.by).addr(), made.args.clone())),
            unifies_newlines: case.unifies_newlines,
            id: gets_position.then(|| case.id.clone()),
        }
    }
}

/// One run of the program, and the decision about it.
#[derive(Clone)]
pub(super) struct Pass {
    pub(super) verdict: Verdict,
    pub(super) causes: Vec<Verdict>,
    pub(super) step: StepReport,
    pub(super) reruns: u32,
    pub(super) points: Option<Named>,
    pub(super) judge_message: Option<String>,
    pub(super) team_message: Option<String>,
    /// The input of the next pass.
    pub(super) next: Option<Arc<[u8]>>,
    pub(super) feedback: BoxFiles,
    /// Whether an interactor left output unread.
    pub(super) unread: bool,
    pub(super) transcript: Vec<(Party, Vec<u8>)>,
    /// Whether the process also ran other cases.
    pub(super) in_batch: bool,
}

impl Pass {
    /// Turns the pass into a fault of the package, with the reason for the author.
    pub(super) fn fault(mut self, why: &str, message: Option<String>) -> Pass {
        self.verdict = Verdict::InternalError;
        self.points = None;
        self.next = None;
        self.judge_message = Some(match message {
            Some(message) => format!("{why}\n{message}"),
            None => why.to_owned(),
        });
        self
    }

    /// Drops the data that only a checker needed, to save memory: the results of all cases are kept until the end of
    /// judging.
    fn shortened(mut self, case: &Case) -> Pass {
        for output in [&mut self.step.stdout, &mut self.step.stderr] {
            let bytes_max = usize::try_from(CAPTURED_BYTES_MAX.get()).unwrap_or(usize::MAX);
            if output.data.len() > bytes_max {
                *output = Output { data: output.data[..bytes_max].into(), truncated: true };
            }
        }
        for message in [&mut self.judge_message, &mut self.team_message] {
            *message = message.take().map(|text| shortened(&text, KEPT_BYTES_MAX).into_owned());
        }
        self.feedback = BoxFiles::default();
        self.next = None;
        if self.verdict.is_accepted() && case.shown.is_none() {
            self.transcript = Vec::new();
        }
        self
    }

    /// Applies a judging program's decision.
    pub(super) fn decided(mut self, who: &JudgeProgram, mut checked: Checked) -> Pass {
        self.next = checked.take_next_pass();
        self.feedback = checked.feedback;
        let answer = checked.answer;
        self.points = answer.points;
        self.team_message = answer.team_message;
        match answer.decision {
            Decision::Accepted => self.verdict = Verdict::Accepted,
            Decision::WrongAnswer => self.verdict = Verdict::WrongAnswer,
            Decision::Presentation => self.verdict = Verdict::PresentationError,
            Decision::Fault(why) => {
                return self.fault(&format!("{}: {why}", who.program.path), answer.judge_message);
            }
        }
        self.judge_message = answer.judge_message;
        self
    }
}

/// The results of a program run that the decision needs.
pub(super) struct Ran {
    pub(super) result: StepResult,
    /// Data written to the result channel.
    pub(super) channel: Vec<u8>,
    comparison: Option<io::Result<CompareResult>>,
    /// The end of the program's standard error.
    pub(super) stderr: End,
    /// Whether the program wrote more output than is judged.
    pub(super) truncated: bool,
}

/// The data that a run must return in addition to its outcome.
pub(super) struct Wanted {
    /// Maximum number of bytes stored of each output.
    pub(super) keep: Bytes,
    /// Whether the program has a result channel.
    pub(super) result: bool,
    /// Whether the files that the program leaves are returned.
    pub(super) collect: bool,
    /// Whether the program's output is published while it runs.
    pub(super) is_streamed: bool,
}

impl Judging<'_, '_> {
    /// Judges a case and records the result. `following` are the nodes of the group after the case.
    pub(super) fn case(&mut self, case: &Case, group: &GroupName, following: &[Node]) -> Result<Child, ProblemError> {
        if !self.batches.has(case) {
            self.executor.await_turn();
        }
        self.observer.event(JudgeEvent::ExecutionStarted { case: name(&case.id) });
        let of_problem = self.limits;
        self.limits = self.limits_of(case);
        let pass = self.begin_batch(case, following).and_then(|()| self.pass_of(case));
        self.limits = CaseLimits { starved_time_left: self.limits.starved_time_left, ..of_problem };
        let pass = or_fault(pass)?;
        let accepted = pass.verdict.is_accepted();
        let scored = if !pass.verdict.is_result() {
            Ok((None, false))
        } else {
            score_of_case(case.points, accepted, pass.points)
        };
        let (pass, score, named) = match scored {
            Ok((score, named)) => (pass, score, named),
            Err(why) => {
                let why = match scoring_program(&case.method) {
                    Some(program) => format!("{}: {why}", program.program.path),
                    None => why,
                };
                let message = pass.judge_message.clone();
                (pass.fault(&why, message), None, false)
            }
        };
        let verdict = if named && pass.verdict == Verdict::Accepted && !speaks_kattis(&case.method) {
            of_points(case.points, score)
        } else {
            pass.verdict
        };
        let usage = pass.step.usage;
        self.observer.event(JudgeEvent::ExecutionEnded {
            case: name(&case.id),
            verdict,
            outcome: pass.step.outcome,
            usage: &usage,
        });
        let report = ProblemCaseReport {
            id: case.id.clone(),
            group: group.clone(),
            verdict,
            causes: pass.causes,
            score,
            usage,
            step: Some(pass.step),
            reruns: pass.reruns,
            judge_message: pass.judge_message,
            team_message: pass.team_message,
            unread: pass.unread && verdict.is_accepted(),
            transcript: pass.transcript,
            in_batch: pass.in_batch,
        };
        Ok(self.note(report, Child { verdict, score, named, counts: true, decides: true }))
    }

    /// Judges a case, or returns the result of an equal case.
    fn pass_of(&mut self, case: &Case) -> Result<Pass, ProblemError> {
        if !self.manner.equal_cases_once {
            return Ok(self.passes_with_data(case)?.shortened(case));
        }
        let equal = EqualCases::of(case);
        if let Some(pass) = self.known.get(&equal) {
            return Ok(pass.clone());
        }
        let pass = self.passes_with_data(case)?.shortened(case);
        self.known.insert(equal, pass.clone());
        Ok(pass)
    }

    /// Returns the limits of a case: those that the package sets for the case, otherwise the problem's. The budget for
    /// repetitions is the submission's.
    pub(super) fn limits_of(&self, case: &Case) -> CaseLimits {
        if case.limits == OwnLimits::default() {
            return self.limits;
        }
        let request = self.request;
        let mut problem = request.package.problem.limits.clone();
        let mut requested = request.limits;
        if let Some(time) = case.limits.time {
            problem.time.limit = Some(time);
            requested.cpu_time = None;
        }
        if let Some(memory) = case.limits.memory {
            problem.memory = memory;
            requested.memory = None;
        }
        problem.wall_time = case.limits.wall_time.or(problem.wall_time);
        problem.output = case.limits.output.unwrap_or(problem.output);
        let limits = CaseLimits::of(&problem, request.language, &requested);
        let limits = if self.manner.measures { limits.with_margins(&problem) } else { limits };
        CaseLimits { starved_time_left: self.limits.starved_time_left, ..limits }
    }

    /// Prepares the data of a case, if a generator makes the data or line ends must be unified, and runs all passes.
    fn passes_with_data(&mut self, case: &Case) -> Result<Pass, ProblemError> {
        let mut made = match &case.made {
            None if !case.unifies_newlines => return self.passes(case, None),
            None => Made { input: None, answer: None },
            Some(how) => match self.make(case, how)? {
                Ok(made) => made,
                Err(why) => return Ok(nothing_ran().fault(&why, None)),
            },
        };
        if case.unifies_newlines {
            made = made.with_unified_newlines(self.request.package, case)?;
        }
        let input = made.input.clone();
        self.made = Some(made);
        let pass = self.passes(case, input);
        self.made = None;
        pass
    }

    /// Runs all passes of a case. The returned pass has the usage of the slowest pass. `input` replaces the case's
    /// input in the first pass.
    pub(super) fn passes(&mut self, case: &Case, mut input: Option<Arc<[u8]>>) -> Result<Pass, ProblemError> {
        let passes_max = match self.request.package.problem.passes {
            Passes::One => 1,
            Passes::UpTo(passes) => passes.get(),
        };
        let (mut feedback, mut slowest): (_, Option<Usage>) = (BoxFiles::default(), None);
        let mut number = 0;
        loop {
            number += 1;
            let mut pass = match &*case.method {
                Method::Check(checker) if self.request.package.problem.signature.is_some() => {
                    self.call(case, checker)?
                }
                Method::Check(checker) => self.check(case, checker, input.clone(), feedback)?,
                Method::Interact(interactor) => self.interact(case, interactor, input.clone(), feedback)?,
            };
            let usage = pass.step.usage;
            let worst = slowest.filter(|before| before.cpu_time > usage.cpu_time).unwrap_or(usage);
            slowest = Some(worst);
            pass.step.usage = worst;
            let next = pass.next.take();
            match (next, pass.verdict) {
                (None, _) => return Ok(pass),
                (Some(_), Verdict::Accepted) if passes_max == 1 => return Ok(pass),
                (Some(_), Verdict::Accepted) if number >= passes_max => {
                    return Ok(pass.fault("the judging program requests another pass after the last one", None));
                }
                (Some(next), Verdict::Accepted) => {
                    input = Some(next);
                    feedback = pass.feedback;
                }
                (Some(_), Verdict::WrongAnswer) if passes_max > 1 => {
                    return Ok(pass.fault("the judging program rejected, but requested another pass", None));
                }
                (Some(_), _) => return Ok(pass),
            }
        }
    }

    /// Runs the program on its input, then checks its output.
    fn check(
        &mut self,
        case: &Case,
        checker: &Checker,
        input: Option<Arc<[u8]>>,
        feedback: BoxFiles,
    ) -> Result<Pass, ProblemError> {
        let checking = match check::program_of(checker) {
            None => None,
            Some(program) => match self.program(program)? {
                Ok(runnable) => Some((program, runnable)),
                Err(why) => return Ok(nothing_ran().fault(&why, None)),
            },
        };
        let (ran, reruns) = self.run_fairly(|judging| judging.run_once(case, checker, input.clone()))?;
        let mut pass = self.by_itself(ran.result.report.clone(), &ran.stderr, reruns, ran.truncated);
        if pass.verdict != Verdict::Accepted {
            return Ok(pass);
        }
        let output = self.output_of(&ran);
        match checking {
            None => {
                let finding = match (ran.comparison, checker) {
                    (Some(finding), _) => finding,
                    // The program wrote its output to a file.
                    (None, Checker::Builtin(comparison)) => {
                        let mut comparer = BuiltIn::from(comparison.clone()).compare(self.answer(case)?);
                        comparer.output(&output).and_then(|()| comparer.finish())
                    }
                    (None, Checker::Program(_)) => Ok(CompareResult::Same),
                };
                let finding = finding.map_err(|source| self.unreadable(case, source))?;
                decide(&mut pass, finding, case.points);
                Ok(pass)
            }
            Some((program, runnable)) => {
                let facts = facts::files(self.request, case, program, Some(&pass.step.usage));
                let data =
                    check::data_of(self.request.package, case, input, Some(output), feedback, self.made.as_ref())?;
                let data = Data { facts, ..data };
                let bounds = self.request.package.problem.limits.validation;
                let checked = check::run(program, &runnable, &data, &bounds, self.executor, self.observer)?;
                Ok(pass.decided(program, checked))
            }
        }
    }

    /// Runs the program, and repeats the run while it is near a limit, up to [`RERUNS_MAX`] times.
    pub(super) fn run_fairly(
        &mut self,
        mut once: impl FnMut(&mut Self) -> Result<Ran, ProblemError>,
    ) -> Result<(Ran, u32), ProblemError> {
        let wall_time = self.limits.enforced.wall_time;
        let mut best = once(self)?;
        let mut reruns = 0;
        while reruns < RERUNS_MAX && self.is_near(&best.result) {
            reruns += 1;
            let before = best.result.report.outcome;
            let extended = limits::wall_time_of_rerun(wall_time, reruns, before);
            self.limits.enforced.wall_time = extended;
            let again = once(self);
            self.limits.enforced.wall_time = wall_time;
            let again = again?;
            self.limits.count_rerun(before, extended, &again.result.report);
            if self.is_better(&again.result, &best.result) {
                best = again;
            }
        }
        Ok((best, reruns))
    }

    /// Whether a repeated run counts in place of the `best` run before it.
    pub(super) fn is_better(&self, again: &StepResult, best: &StepResult) -> bool {
        let cpu_time = |result: &StepResult| result.report.usage.cpu_time;
        // If the wall-clock limit ended a program that was computing, other processes occupied the processor, so the
        // CPU time is meaningless.
        let is_starved = |result: &StepResult| result.report.outcome == Outcome::WallLimit;
        match (is_starved(best), is_starved(again)) {
            (true, false) => true,
            (false, true) => false,
            _ if self.is_near(again) => cpu_time(again) < cpu_time(best),
            _ => cpu_time(again) <= cpu_time(best),
        }
    }

    pub(super) fn is_near(&self, result: &StepResult) -> bool {
        self.limits.is_near(result.report.outcome, &result.report.usage)
    }

    fn run_once(&mut self, case: &Case, checker: &Checker, input: Option<Arc<[u8]>>) -> Result<Ran, ProblemError> {
        let io = &self.request.package.problem.io;
        let comparer = match checker {
            Checker::Builtin(comparison) if io.output_file.is_none() => {
                Some(BuiltIn::from(comparison.clone()).compare(self.answer(case)?))
            }
            Checker::Builtin(_) | Checker::Program(_) => None,
        };
        let keep = if comparer.is_some() { CAPTURED_BYTES_MAX } else { self.limits.output };
        let stdin = match &input {
            Some(bytes) => StdinSource::Bytes(bytes.clone()),
            None => stdin(self.request.package, &case.input)?,
        };
        let program = self.of_program(case, input.as_ref())?;
        self.run(
            program,
            stdin,
            comparer,
            Wanted { keep, result: false, collect: io.output_file.is_some(), is_streamed: false },
        )
    }

    /// Runs a command with its files to its end.
    pub(super) fn run(
        &mut self,
        (argv, files): (Vec<String>, Vec<BoxFiles>),
        stdin: StdinSource,
        comparer: Option<Comparer<Answer>>,
        Wanted { keep, result, collect, is_streamed }: Wanted,
    ) -> Result<Ran, ProblemError> {
        let step = StepInput {
            kind: StepKind::Execute,
            root: &self.runnable.root,
            argv: &argv,
            env: &self.runnable.env,
            files: &files,
            counted_files: self.counted_files,
            stdin,
            limits: self.limits.enforced,
            keep,
            stderr_to_stdout: false,
            result,
            collect: if collect { Collect::All } else { Collect::Nothing },
        };
        let mut hears = OutputObserver {
            comparer,
            channel: Vec::new(),
            stderr: End::default(),
            failed: None,
            left: self.limits.output.get(),
            truncated: false,
            is_streamed,
            observer: self.observer,
        };
        let result = self.executor.execute(step, &mut hears)?;
        let OutputObserver { comparer, channel, stderr, failed, truncated, .. } = hears;
        let comparison = match failed {
            Some(error) => Some(Err(error)),
            // A program that failed needs no comparison.
            None if !result.report.outcome.is_success() => None,
            None => comparer.map(Comparer::finish),
        };
        Ok(Ran { result, channel, comparison, stderr, truncated })
    }

    /// Returns the command and the files of the program in a case.
    pub(super) fn of_program(
        &self,
        case: &Case,
        input: Option<&Arc<[u8]>>,
    ) -> Result<(Vec<String>, Vec<BoxFiles>), ProblemError> {
        let package = self.request.package;
        let mut argv = self.runnable.argv.clone();
        argv.extend(case.args.iter().cloned());
        if let Some(why) = too_long_to_start(&argv, &self.runnable.env) {
            return Err(ProblemError::unusable(&case.input.path, format!("the test has too many arguments: {why}")));
        }
        let mut files = self.runnable.files.clone();
        let mut beside = program::read_files(package, &case.files)?;
        // The input of an interactor is not that of the program.
        let input_file = package.problem.io.input_file.as_ref().filter(|_| matches!(&*case.method, Method::Check(_)));
        if let Some(path) = input_file {
            let data = match input {
                Some(data) => data.clone(),
                None => program::read(package, &case.input)?,
            };
            beside.push(BoxFile { path: path.clone(), data, executable: false });
        }
        if !beside.is_empty() {
            let beside = BoxFiles::new(beside);
            // A submitted file that conflicts with a file of the package is omitted.
            let in_the_way = |file: &BoxFile| beside.iter().any(|ours| ours.path.clashes_with(&file.path));
            for layer in &mut files {
                if layer.iter().any(in_the_way) {
                    *layer = BoxFiles::new(layer.iter().filter(|file| !in_the_way(file)).cloned().collect());
                }
            }
            files.push(beside);
        }
        Ok((argv, files))
    }

    pub(super) fn answer(&self, case: &Case) -> Result<Answer, ProblemError> {
        let made = self.made.as_ref().and_then(|made| made.answer.clone());
        let reader: Box<dyn Read + Send> = match (made, &case.answer) {
            (Some(made), _) => Box::new(io::Cursor::new(made)),
            (None, None) => Box::new(io::empty()),
            (None, Some(answer)) => {
                let opened = self.request.package.open(answer);
                Box::new(opened.map_err(|source| ProblemError::Package { path: answer.path.clone(), source })?)
            }
        };
        Ok(BufReader::with_capacity(ANSWER_BUFFER, reader))
    }

    pub(super) fn unreadable(&self, case: &Case, source: io::Error) -> ProblemError {
        let path = case.answer.as_ref().unwrap_or(&case.input).path.clone();
        ProblemError::Package { path, source }
    }

    /// Returns the judged output: the program's output file, or its standard output.
    fn output_of(&self, ran: &Ran) -> Arc<[u8]> {
        self.output_file_of(ran).unwrap_or_else(|| ran.result.report.stdout.data.clone())
    }

    /// Returns the program's output file, if the problem has one and the program wrote it.
    pub(super) fn output_file_of(&self, ran: &Ran) -> Option<Arc<[u8]>> {
        let path = self.request.package.problem.io.output_file.as_ref()?;
        ran.result.files.iter().find(|file| file.path == *path).map(|file| file.data.clone())
    }

    /// Returns the verdict on the end of the program, before its output is checked.
    pub(super) fn by_itself(&self, mut step: StepReport, stderr: &End, reruns: u32, truncated: bool) -> Pass {
        let names_file = self.request.files.len() > 1;
        let enforced = &self.limits.enforced;
        let exception =
            exception(self.request.language, &mut step, stderr, &self.runnable.sources, names_file, enforced);
        let mut causes = Verdict::causes(step.outcome, exit(&step), step.usage.cpu_time, self.limits.cpu_time);
        if truncated && self.limits.on_output_limit == OnOutputLimit::Discard {
            causes.push(Verdict::OutputLimit);
        }
        let verdict = causes.first().copied().unwrap_or(Verdict::Accepted);
        let mut shown = self.limits.enforced;
        shown.cpu_time = self.limits.cpu_time;
        let why = shown.exceeded(step.outcome).or_else(|| match (verdict, exit(&step)) {
            (Verdict::TimeLimit, _) => shown.exceeded(Outcome::TimeLimit),
            (Verdict::RuntimeError, _) if exception.is_some() => exception,
            (Verdict::RuntimeError, Some(ExitStatus::Exited(code))) => Some(format!("exit code {code}")),
            (Verdict::RuntimeError, Some(ExitStatus::Signalled(signal))) => Some(format!("killed by {signal}")),
            _ => None,
        });
        let judge_message = why.filter(|_| verdict != Verdict::Accepted);
        Pass { verdict, causes, step, reruns, judge_message, ..nothing_ran() }
    }
}

/// Applies the result of a built-in comparison.
pub(super) fn decide(pass: &mut Pass, finding: CompareResult, points: CasePoints) {
    match finding {
        CompareResult::Same => {}
        CompareResult::Presentation(difference) => {
            pass.verdict = Verdict::PresentationError;
            pass.judge_message = Some(difference.for_author());
        }
        CompareResult::Different(difference) => {
            pass.verdict = Verdict::WrongAnswer;
            pass.judge_message = Some(difference.for_author());
        }
        CompareResult::Share { right, of } => {
            let share = i64::try_from(right).ok().zip(i64::try_from(of).ok());
            let share = share.and_then(|(right, of)| Share::new(right, of));
            pass.judge_message = Some(share_message(right, of));
            match share.filter(|_| matches!(points, CasePoints::FromChecker { .. })) {
                Some(share) => {
                    // In DMOJ, a line that differs rejects the output, although the others give points.
                    pass.points = Some(Named::Share(share));
                    pass.verdict = Verdict::WrongAnswer;
                }
                None => pass.verdict = Verdict::WrongAnswer,
            }
        }
    }
}

/// Returns the verdict of a case whose checker named a score without accepting or rejecting.
fn of_points(points: CasePoints, score: Option<Score>) -> Verdict {
    match (points.max(), score) {
        (MaxScore::Bounded(max), Some(Score::ZERO)) if max > Score::ZERO => Verdict::WrongAnswer,
        (MaxScore::Bounded(max), Some(score)) if score < max => Verdict::PartialScore,
        _ => Verdict::Accepted,
    }
}

/// Whether the protocol of the program that accepts is Kattis', in which a program can accept and also name a score.
fn speaks_kattis(method: &Method) -> bool {
    scoring_program(method).is_some_and(|program| program.protocol == Protocol::FeedbackDirectory)
}

/// The program of the package that decides, and may name a score.
fn scoring_program(method: &Method) -> Option<&JudgeProgram> {
    match method {
        Method::Check(checker) => check::program_of(checker),
        Method::Interact(interactor) => match &interactor.then {
            AfterInteraction::Verdict => Some(&interactor.program),
            AfterInteraction::Check(checker) => check::program_of(checker),
        },
    }
}

fn exit(step: &StepReport) -> Option<ExitStatus> {
    match (step.outcome, step.exit_code, step.signal) {
        (Outcome::Exited(code), _, _) | (_, Some(code), _) => Some(ExitStatus::Exited(code)),
        (Outcome::Signalled(signal), _, _) => Some(ExitStatus::Signalled(signal)),
        (_, None, Some(signal)) => Some(ExitStatus::Signalled(Signal(signal))),
        (_, None, None) => None,
    }
}

/// Turns an error into a fault of the package, if its cause is the package.
fn or_fault(pass: Result<Pass, ProblemError>) -> Result<Pass, ProblemError> {
    let why = pass.as_ref().err().and_then(ProblemError::fault_of_package);
    why.map_or(pass, |why| Ok(nothing_ran().fault(&why, None)))
}

/// Returns a pass in which no program ran.
pub(super) fn nothing_ran() -> Pass {
    Pass {
        verdict: Verdict::Accepted,
        causes: Vec::new(),
        step: StepReport {
            outcome: Outcome::Exited(0),
            exit_code: None,
            signal: None,
            stdout: cupel_types::Output::default(),
            stderr: cupel_types::Output::default(),
            usage: Usage::default(),
        },
        reruns: 0,
        points: None,
        judge_message: None,
        team_message: None,
        next: None,
        feedback: BoxFiles::default(),
        unread: false,
        transcript: Vec::new(),
        in_batch: false,
    }
}

/// Passes the output to the comparison as it arrives, up to the judged amount.
struct OutputObserver<'a> {
    comparer: Option<Comparer<Answer>>,
    channel: Vec<u8>,
    stderr: End,
    failed: Option<io::Error>,
    left: u64,
    truncated: bool,
    is_streamed: bool,
    observer: &'a mut dyn JudgeObserver,
}

impl StepObserver for OutputObserver<'_> {
    fn stdout(&mut self, data: &[u8]) {
        if self.is_streamed {
            self.observer.event(JudgeEvent::Stdout { case: None, data });
        }
        let judged = usize::try_from(self.left).unwrap_or(usize::MAX).min(data.len());
        self.left -= judged as u64;
        self.truncated |= judged < data.len();
        if self.failed.is_none()
            && let Some(comparer) = &mut self.comparer
        {
            self.failed = comparer.output(&data[..judged]).err();
        }
    }

    fn stderr(&mut self, data: &[u8]) {
        self.stderr.push(data);
        if self.is_streamed {
            self.observer.event(JudgeEvent::Stderr { case: None, data });
        }
    }

    fn result(&mut self, data: &[u8]) {
        self.channel.extend_from_slice(data);
    }

    fn cancelled(&mut self) -> bool {
        self.observer.cancelled()
    }
}
