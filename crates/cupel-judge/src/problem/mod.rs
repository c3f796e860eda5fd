//! Judges a submission to a problem: builds it once, runs the cases, each in a fresh cell, and grades groups and
//! scores. Cases of function problems may share a cell (`function/batch.rs`).
//!
//! ```text
//!  submission ─► limits of code ─► includes ─► compile ─┐
//!                                                       ├─► groups in order ─► case ─► run ─► check ─► grade
//!  package's programs ─► built when first needed ───────┘          ▲                │
//!                                                                  └── near a limit ┘
//! ```
//!
//! Invariants: a fault of the package (of its checker or its scores) is JE with the reason, and ends the judging. An
//! internal failure is an error. Neither becomes a verdict that blames the submission. Outputs are compared as they
//! arrive; they are stored as a whole only for checkers of the package, within the output limit.

mod answer;
mod calibrate;
mod case;
mod check;
mod custom_input;
mod data;
mod facts;
mod function;
mod generate;
mod grade;
mod grader;
mod interact;
mod limits;
mod program;
mod report;
mod verify;

use std::collections::{HashMap, HashSet};
use std::io;

use cupel_function::Driver;
use cupel_languages::{Language, Registry};
use cupel_problem::{
    Case, CaseGroup, CaseId, ExampleSubmission, GroupName, GroupScoring, Include, JudgeProgram, MaxScore, Node,
    Package, PackagePath, Program, ProgramFile, Score, Scoring, SkippedCases, StopRule, family_of,
};
use cupel_types::{BoxFile, BoxFiles, Bytes, LanguageId, LimitsRequest, ToolOptions, UserId, Verdict};

pub use calibrate::{DerivedTimeLimit, Measured, derive_time_limit, must_be_in_time};
pub use custom_input::run_with_input;
pub use program::judging_programs;
pub use report::{GroupReport, ProblemCaseReport, ProblemReport, shortened};
pub use verify::{
    Claim, Subject, VerifiedGroup, VerifiedSubmission, VerifiedTimeLimit, VerifyEvent, VerifyObserver, VerifyReport,
    VerifyRequest, verify,
};

use crate::{ArtifactCache, ExecuteError, Executor, JudgeObserver};
use calibrate::must_be_in_time_on;
use case::{EqualCases, Pass};
use data::Made;
use function::Batches;
use grade::{Child, grade};
use limits::CaseLimits;
use program::{Builder, Built, Programs, Runnable};

/// A submission to judge, and the options.
#[derive(Clone, Copy, Debug)]
pub struct ProblemRequest<'a> {
    /// The problem.
    pub package: &'a Package,
    /// The submission's files.
    pub files: &'a BoxFiles,
    /// The submission's language; it must be available.
    pub language: &'a Language,
    /// The file or class to start, if specified.
    pub entry_point: Option<&'a str>,
    /// All languages available to programs of the package. They must have been probed.
    pub languages: &'a Registry,
    /// Limits that override the problem's.
    pub limits: LimitsRequest,
    /// Whether to also run cases that can no longer affect the result.
    pub all_cases: bool,
    /// The submission's owner.
    pub owner: UserId,
    /// Whether tests of a function problem may share a process. Verdicts can depend on this only for programs that keep
    /// data between tests (`function/batch.rs`). Measured times always depend on it, so it is ignored when a package is
    /// verified or its time limit is derived.
    pub function_batches: bool,
}

/// The submission could not be judged: an internal failure.
#[derive(Debug, thiserror::Error)]
pub enum ProblemError {
    /// A step could not be run.
    #[error("cannot judge the submission")]
    Execute(#[source] ExecuteError),
    /// A file of the package could not be read.
    #[error("cannot read {path} of the package")]
    Package {
        /// The file.
        path: PackagePath,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl ProblemError {
    /// Whether a retry may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, ProblemError::Execute(ExecuteError { transient: true, .. }))
    }
}

impl From<ExecuteError> for ProblemError {
    fn from(error: ExecuteError) -> ProblemError {
        ProblemError::Execute(error)
    }
}

/// Returns the language of a program, by its files.
///
/// # Errors
/// If the files match no language or more than one. The error is a message for users.
pub fn language_of_files<'l>(files: &BoxFiles, languages: &'l Registry) -> Result<&'l Language, String> {
    languages.of_files(files.iter().map(|file| &file.path))
}

/// Judges a submission until its end.
///
/// # Errors
/// Only for internal failures. A faulty package causes a report with the verdict JE.
pub fn judge_problem(
    request: &ProblemRequest<'_>,
    executor: &mut dyn Executor,
    cache: &dyn ArtifactCache,
    observer: &mut dyn JudgeObserver,
) -> Result<ProblemReport, ProblemError> {
    judge_as(request, Options::default(), executor, cache, observer)
}

/// Options for judging on behalf of the package's author. The defaults are for judging a contestant's submission.
#[derive(Clone, Copy, Debug, Default)]
struct Options<'a> {
    /// Whether to measure how far the program is from the time limit.
    measures: bool,
    /// Whether to run cases that differ only in names and points only once.
    equal_cases_once: bool,
    /// Whether a case that a time limit ended also ends its group, if the other cases of the group cannot affect the
    /// result.
    timeouts_suffice: bool,
    /// Files of the package that are placed beside the submission's files when it is built.
    beside: &'a [ProgramFile],
    /// If set, only the cases on which this submission must be in time are run, because the other cases could take very
    /// long while no limit is known.
    in_time_only: Option<&'a ExampleSubmission>,
}

/// Like [`judge_problem`], with options.
fn judge_as(
    request: &ProblemRequest<'_>,
    manner: Options<'_>,
    executor: &mut dyn Executor,
    cache: &dyn ArtifactCache,
    observer: &mut dyn JudgeObserver,
) -> Result<ProblemReport, ProblemError> {
    let problem = &request.package.problem;
    let mut limits = CaseLimits::of(&problem.limits, request.language, &request.limits);
    if manner.measures {
        limits = limits.with_margins(&problem.limits);
    }
    let mut report = ProblemReport {
        verdict: Verdict::CompileError,
        score: None,
        max_score: shown_max(problem.tests.root()),
        message: None,
        compile: None,
        groups: Vec::new(),
        cases: Vec::new(),
        limits: limits.enforced,
        cpu_time_max: limits.cpu_time,
        language_version: request.language.installed_version().unwrap_or_default().to_owned(),
    };
    if let Some(why) = refused_source(request) {
        report.message = Some(why);
        return Ok(report);
    }
    if let Some(why) = program::missing_program(problem, request.languages) {
        report.verdict = Verdict::Skipped;
        report.message = Some(why);
        return Ok(report);
    }
    let builder = Builder {
        owner: request.owner,
        compile: problem.limits.compile,
        cache,
        tools: &ToolOptions::NONE,
        checks_syntax: true,
        forbids_packages: request.package.problem.forbids_packages,
    };
    let built = build(request, manner.beside, &limits, &builder, executor, observer);
    let runnable = match program::or_refusal(built)? {
        Built::Ok(runnable, compiled) => {
            report.compile = compiled;
            runnable
        }
        Built::Refused { report: compiled, verdict, message } => {
            report.compile = compiled;
            report.verdict = verdict;
            report.message = message;
            return Ok(report);
        }
    };
    let mut judging = begin(request, manner, limits, *runnable, builder, executor, observer);
    let whole = judging.group(problem.tests.root(), true)?;
    let mut ended = judging.ended;
    if ended == Some(Verdict::InternalError) && judging.observer.cancelled() {
        // A program of the package that is cancelled looks like a fault of the package.
        ended = Some(Verdict::Cancelled);
    }
    let Judging { groups, cases, .. } = judging;
    if ended == Some(Verdict::CompileError) {
        // In some languages, only the first call detects that the called function is missing.
        report.message = cases.into_iter().find_map(|case| case.judge_message);
        return Ok(report);
    }
    report.verdict = ended.unwrap_or(whole.verdict);
    report.score = whole.score.filter(|_| ended.is_none());
    let decisive = |case: &&ProblemCaseReport| case.verdict == report.verdict && !case.verdict.is_accepted();
    report.message = groups
        .iter()
        .filter(|group| group.verdict == Verdict::InternalError)
        .find_map(|group| group.reason.clone())
        .or_else(|| {
            cases.iter().find(decisive).map(|case| match &case.judge_message {
                Some(message) => format!("{}: {message}", case.id),
                None => case.id.to_string(),
            })
        });
    // The root group has no name, and represents the whole submission.
    report.groups = groups.into_iter().filter(|group| !group.name.as_str().is_empty()).collect();
    report.cases = cases;
    Ok(report)
}

/// Builds the program that is run in every case.
fn build(
    request: &ProblemRequest<'_>,
    beside: &[ProgramFile],
    limits: &CaseLimits,
    builder: &Builder<'_>,
    executor: &mut dyn Executor,
    observer: &mut dyn JudgeObserver,
) -> Result<Built, ProblemError> {
    let (mut files, entry) = with_includes(request)?;
    let beside = program::read_files(request.package, beside)?;
    let is_new = |laid: &BoxFile| !files.iter().any(|file| file.path.clashes_with(&laid.path));
    let beside: Vec<BoxFile> = beside.into_iter().filter(is_new).collect();
    files.extend(beside);
    let files = BoxFiles::new(program::main_first(files, request.language, entry.as_deref()));
    // The size of a heap is fixed when the program is built, so the heap is sized for the case with the most memory.
    let of_cases = request.package.problem.tests.cases().filter_map(|case| case.limits.memory);
    let memory = of_cases.fold(limits.enforced.memory, Bytes::max);
    match &request.package.problem.signature {
        None => builder.sources(&files, entry.as_deref(), request.language, memory, executor, observer),
        Some(signature) => function::build(request, signature, &files, memory, builder, executor, observer),
    }
}

/// Returns the reason why the source is rejected before it is compiled.
fn refused_source(request: &ProblemRequest<'_>) -> Option<String> {
    let limits = &request.package.problem.limits;
    let bytes = request.files.total_bytes();
    if bytes > limits.code.get() {
        return Some(format!("the source has {bytes} bytes; the problem's maximum is {}", limits.code));
    }
    let allowed = limits.languages.as_ref();
    let id = &request.language.id;
    if request.package.problem.signature.is_some() && function::driver(request.language).is_none() {
        let names: Vec<&str> = Driver::names().collect();
        let names = names.join(", ");
        return Some(format!(
            "the problem asks for a function, and function problems do not support `{id}`; supported are {names}"
        ));
    }
    allowed.filter(|allowed| !allowed.contains(id)).map(|allowed| {
        let names: Vec<&str> = allowed.iter().map(LanguageId::as_str).collect();
        let names = if names.is_empty() { "no language".to_owned() } else { names.join(", ") };
        format!("the problem does not accept submissions in `{id}`; it accepts {names}")
    })
}

/// Whether both are versions of one language for the formats of packages.
fn are_versions(one: &Language, other: &Language) -> bool {
    family_of(one.main_id()) == family_of(other.main_id())
}

/// Returns the files that the package adds to submissions in this language, if there are any.
fn include_of<'a>(request: &ProblemRequest<'a>) -> Option<&'a Include> {
    let includes = &request.package.problem.includes;
    let for_language = |include: &&Include| include.language.as_ref() == Some(&request.language.id);
    let for_version = |include: &&Include| {
        let named = include.language.as_ref().and_then(|id| request.languages.known(id.as_str()));
        named.is_some_and(|language| are_versions(language, request.language))
    };
    let for_others = |include: &&Include| include.language.is_none();
    let include = includes.iter().find(for_language).or_else(|| includes.iter().find(for_version));
    include.or_else(|| includes.iter().find(for_others))
}

/// Returns the submission's files with those that the package adds or replaces, and the file or class to start.
fn with_includes(request: &ProblemRequest<'_>) -> Result<(Vec<BoxFile>, Option<String>), ProblemError> {
    let mut files: Vec<BoxFile> = request.files.iter().cloned().collect();
    let mut entry = request.entry_point.map(str::to_owned);
    let Some(include) = include_of(request) else { return Ok((files, entry)) };
    let mut over = program::read_files(request.package, &include.files)?;
    if let Some(grader) = &include.grader {
        return Ok(grader::with_grader(files, over, include.entry_point.as_deref(), grader, request.language));
    }
    files.retain(|file| !over.iter().any(|laid| laid.path.clashes_with(&file.path)));
    files.append(&mut over);
    entry = include.entry_point.clone().or(entry);
    Ok((files, entry))
}

/// Returns the part of the program's files that counts as its memory. The files that the package adds do not count.
fn counted_files(request: &ProblemRequest<'_>, beside: &[ProgramFile], runnable: &Runnable) -> Bytes {
    let of_package = || include_of(request).into_iter().flat_map(|include| &include.files).chain(beside);
    let is_own = |file: &&BoxFile| !of_package().any(|theirs| theirs.name == file.path);
    let own = runnable.files.iter().flat_map(|layer| layer.iter()).filter(is_own);
    Bytes::new(own.map(|file| file.data.len() as u64).sum()).saturating_sub(limits::FREE_FILES)
}

/// Returns the maximum score of a group that has scores.
fn shown_max(group: &CaseGroup) -> Option<MaxScore> {
    (group.scoring != GroupScoring::None).then_some(group.max)
}

/// State of a judging in progress.
struct Judging<'a, 'b> {
    request: &'a ProblemRequest<'a>,
    manner: Options<'a>,
    /// The data that a generator made for the current case.
    made: Option<Made>,
    /// Results of cases, if equal cases are run only once.
    known: HashMap<EqualCases, Pass>,
    batches: Batches,
    limits: CaseLimits,
    runnable: Runnable,
    /// Part of the program's files that counts as its memory.
    counted_files: Bytes,
    builder: Builder<'a>,
    programs: Programs,
    executor: &'b mut dyn Executor,
    observer: &'b mut dyn JudgeObserver,
    verdicts: HashMap<GroupName, Verdict>,
    /// The groups whose result suffices for the groups that require them.
    met: HashSet<GroupName>,
    groups: Vec<GroupReport>,
    cases: Vec<ProblemCaseReport>,
    /// Whether no further case affects the result ([`StopRule::BreakAll`]).
    stopped: bool,
    /// The reason why no further case is run: the package is at fault, or the run was cancelled.
    ended: Option<Verdict>,
}

/// Returns the initial state of a judging.
fn begin<'a, 'b>(
    request: &'a ProblemRequest<'a>,
    manner: Options<'a>,
    limits: CaseLimits,
    runnable: Runnable,
    builder: Builder<'a>,
    executor: &'b mut dyn Executor,
    observer: &'b mut dyn JudgeObserver,
) -> Judging<'a, 'b> {
    Judging {
        request,
        manner,
        made: None,
        known: HashMap::new(),
        batches: Batches::new(request.function_batches),
        limits,
        counted_files: counted_files(request, manner.beside, &runnable),
        runnable,
        builder,
        programs: Programs::default(),
        executor,
        observer,
        verdicts: HashMap::new(),
        met: HashSet::new(),
        groups: Vec::new(),
        cases: Vec::new(),
        stopped: false,
        ended: None,
    }
}

impl Judging<'_, '_> {
    /// Judges a group. `counts` says whether the group's result has any effect.
    fn group(&mut self, group: &CaseGroup, counts: bool) -> Result<Child, ProblemError> {
        let unmet = group.requires.iter().find(|name| !self.met.contains(*name)).cloned();
        let place = self.groups.len();
        self.groups.push(GroupReport {
            name: group.name.clone(),
            verdict: Verdict::Skipped,
            score: None,
            max: shown_max(group),
            reason: None,
        });
        let (mut broken, mut timed_out, mut is_cut_short) = (false, false, false);
        let only = self.manner.in_time_only;
        let spared = |case: &Case| only.is_some_and(|example| !must_be_in_time_on(example, &case.id));
        let mut children = Vec::new();
        for (at, node) in group.children.iter().enumerate() {
            let counts = counts && unmet.is_none() && !broken && !self.stopped;
            let enough = timed_out && self.manner.timeouts_suffice;
            let runs = (counts || self.request.all_cases && !enough) && self.ended.is_none();
            is_cut_short |= broken;
            let child = match node {
                Node::Group(inner) => self.group(inner, counts)?,
                Node::Case(case) if runs && !spared(case) => self.case(case, &group.name, &group.children[at + 1..])?,
                Node::Case(case) => {
                    self.cases.push(ProblemCaseReport::skipped(case.id.clone(), group.name.clone()));
                    continue;
                }
            };
            timed_out |=
                matches!(node, Node::Case(_)) && self.cases.last().is_some_and(ProblemCaseReport::is_unfinished);
            if !counts {
                continue;
            }
            if child.decides && !child.verdict.is_accepted() {
                match group.stop {
                    StopRule::Continue => {}
                    StopRule::Break => broken = true,
                    StopRule::BreakAll => self.stopped = true,
                }
            }
            children.push(child);
        }
        let no_score = (group.scoring != GroupScoring::None).then_some(Score::ZERO);
        let report = &mut self.groups[place];
        if let Some(required) = unmet {
            let verdict = self.verdicts.get(&required).copied().unwrap_or(Verdict::Skipped);
            report.reason = Some(format!("it requires `{required}`"));
            report.score = no_score;
            self.verdicts.insert(group.name.clone(), verdict);
            return Ok(Child { verdict, score: no_score, named: false, counts: group.counts, decides: group.decides });
        }
        if children.is_empty() && (!counts || self.ended.is_some()) {
            report.reason = Some("an earlier test decided the verdict".to_owned());
            self.verdicts.insert(group.name.clone(), Verdict::Skipped);
            let verdict = Verdict::Skipped;
            return Ok(Child { verdict, score: no_score, named: false, counts: group.counts, decides: group.decides });
        }
        let scoring = self.request.package.problem.scoring;
        if is_cut_short && matches!(scoring, Scoring::Points { skipped: SkippedCases::Zero, .. }) {
            let (verdict, score) = (Verdict::Accepted, Some(Score::ZERO));
            children.push(Child { verdict, score, named: false, counts: true, decides: false });
        }
        let graded = grade(group, &children);
        report.verdict = graded.verdict;
        report.score = graded.score;
        report.reason = graded.fault;
        if graded.verdict == Verdict::InternalError {
            self.ended = Some(Verdict::InternalError);
        }
        let suffices = match graded.verdict {
            Verdict::Accepted => true,
            Verdict::PartialScore => group.partial_suffices,
            _ => false,
        };
        if suffices {
            self.met.insert(group.name.clone());
        }
        self.verdicts.insert(group.name.clone(), graded.verdict);
        let (verdict, score, named) = (graded.verdict, graded.score, graded.named);
        Ok(Child { verdict, score, named, counts: group.counts, decides: group.decides })
    }

    /// Returns a program of the package; the first call builds it. The inner error is a fault of the package.
    fn program(&mut self, program: &JudgeProgram) -> Result<Result<Runnable, String>, ProblemError> {
        self.program_of_package(&program.program)
    }

    fn program_of_package(&mut self, program: &Program) -> Result<Result<Runnable, String>, ProblemError> {
        let Judging { request, programs, builder, executor, observer, .. } = self;
        programs.built(request.package, program, builder, request.languages, *executor, *observer)
    }

    /// Records a judged case and its effect on the remaining cases.
    fn note(&mut self, report: ProblemCaseReport, child: Child) -> Child {
        if !report.verdict.is_result() || report.verdict == Verdict::CompileError {
            self.ended = Some(report.verdict);
        }
        self.cases.push(report);
        child
    }
}

/// Returns the name of a case, for events.
fn name(id: &CaseId) -> Option<&str> {
    Some(id.as_str())
}

#[cfg(test)]
mod tests;
