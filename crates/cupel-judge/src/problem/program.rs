//! Builds runnable programs from the sources of a submission or of a program of the package.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::iter;
use std::sync::Arc;

use cupel_languages::{Language, Registry};
use cupel_problem::{
    AfterInteraction, Checker, FileRef, Method, Package, PackagePath, Problem, Program, ProgramFile, ProgramShape,
    StepBounds,
};
use cupel_types::{BoxFile, BoxFiles, Bytes, CompileReport, Limits, Outcome, Root, ToolOptions, UserId, Verdict};

use super::{ProblemError, limits};
use crate::compile::{Compiled, Sources, compile};
use crate::executor::{Collect, StdinSource, StepInput, StepKind, StepObserver};
use crate::{ArtifactCache, Executor, JudgeEvent, JudgeObserver, files};

/// A program ready to run.
#[derive(Clone, Debug)]
pub(super) struct Runnable {
    /// The directory that the program sees as `/`.
    pub(super) root: Root,
    /// The command without the arguments of the case or protocol.
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) files: Vec<BoxFiles>,
    /// The compiled or interpreted sources.
    pub(super) sources: BoxFiles,
    /// The language's default limits.
    pub(super) limits: Limits,
}

/// Result of building a program.
pub(super) enum Built {
    Ok(Box<Runnable>, Option<CompileReport>),
    Refused { report: Option<CompileReport>, verdict: Verdict, message: Option<String> },
}

impl Built {
    /// Explains to the author why a program of the package cannot be built; empty if it was built.
    fn why(self, path: &PackagePath) -> String {
        let Built::Refused { report, verdict, message } = self else { return String::new() };
        let output = report.map(|report| String::from_utf8_lossy(&report.output.data).into_owned());
        let output = output.filter(|output| !output.trim().is_empty()).or(message).unwrap_or_default();
        format!("{path} does not build ({}): {}", verdict.title(), output.trim())
    }
}

/// The inputs of building besides the sources.
#[derive(Clone, Copy)]
pub(super) struct Builder<'a> {
    pub(super) owner: UserId,
    pub(super) compile: StepBounds,
    pub(super) cache: &'a dyn ArtifactCache,
    /// Arguments for the language's tools.
    pub(super) tools: &'a ToolOptions,
    /// Whether the syntax of programs without a compiler is checked.
    pub(super) checks_syntax: bool,
    /// Whether a program in Java whose class is in a package is a compile error.
    pub(super) forbids_packages: bool,
}

impl Builder<'_> {
    /// Builds sources in a language; the main source is the first. `entry` is the file or class to start, if specified;
    /// `memory` is the memory limit of the program.
    pub(super) fn sources(
        &self,
        sources: &BoxFiles,
        entry: Option<&str>,
        language: &Language,
        memory: Bytes,
        executor: &mut dyn Executor,
        observer: &mut dyn JudgeObserver,
    ) -> Result<Built, ProblemError> {
        let main = sources.iter().next().map_or(&language.source, |file| &file.path);
        let extension = main.as_str().rsplit_once('.').map(|(_, extension)| extension);
        if extension.is_some_and(|extension| language.headers.iter().any(|header| header == extension)) {
            let message = Some(format!("there are only headers of {}; expected a source", language.name));
            return Ok(Built::Refused { report: None, verdict: Verdict::CompileError, message });
        }
        let checks = self.checks_syntax && language.compile.is_empty();
        let checked;
        let language = match checks {
            true => {
                checked = language.with_check();
                &checked
            }
            false => language,
        };
        let named = &language.files_named_by_type(sources);
        let sources = Sources { owner: self.owner, files: named, units: named, main, entry, tools: self.tools };
        let built = self.units(sources, language, memory, executor, observer)?;
        Ok(match built {
            // The output of a syntax checker for a correct program is of no use.
            Built::Ok(runnable, _) if checks => Built::Ok(runnable, None),
            other => other,
        })
    }

    /// Checks the syntax of sources in a language without a compiler. Returns the refusal if there is an error.
    pub(super) fn syntax_error(
        &self,
        sources: Sources<'_>,
        language: &Language,
        memory: Bytes,
        executor: &mut dyn Executor,
        observer: &mut dyn JudgeObserver,
    ) -> Result<Option<Built>, ProblemError> {
        if !self.checks_syntax || !language.compile.is_empty() {
            return Ok(None);
        }
        let built = self.units(sources, &language.with_check(), memory, executor, observer)?;
        Ok(Some(built).filter(|built| matches!(built, Built::Refused { .. })))
    }

    /// Like `sources`, for commands that do not name all sources.
    pub(super) fn units(
        &self,
        sources: Sources<'_>,
        language: &Language,
        memory: Bytes,
        executor: &mut dyn Executor,
        observer: &mut dyn JudgeObserver,
    ) -> Result<Built, ProblemError> {
        let mut language = language.clone();
        language.compile_limits = limits::of_compiler(&self.compile, language.compile_limits);
        let (main, entry) = (sources.main, sources.entry);
        let values = |artifacts: &BoxFiles| {
            files::placeholders_of_program(&language, main, sources.units, artifacts, entry, memory)
        };
        let (in_box, values, report) = match compile(sources, &language, executor, self.cache, observer)? {
            Compiled::NotNeeded => (vec![sources.files.clone()], values(&BoxFiles::default()), None),
            Compiled::Ok { report, artifacts } => {
                let beside = files::beside_artifacts(&language, sources.files, &artifacts, sources.tools.main_only);
                let values = values(&artifacts);
                let has_class = !language.main_class.is_empty();
                let class = language.main_class(&artifacts, main, sources.units, entry);
                let is_java = main.as_str().ends_with(".java");
                let why = match &class {
                    None if has_class => Some("no class has a `main` method".to_owned()),
                    Some(class) if self.forbids_packages && is_java && class.contains('.') => {
                        Some(format!("the class `{class}` is in a package, which DMOJ does not permit"))
                    }
                    _ => None,
                };
                if let Some(why) = why {
                    let verdict = Verdict::CompileError;
                    return Ok(Built::Refused { report: Some(report), verdict, message: Some(why) });
                }
                (vec![artifacts, beside], values, Some(report))
            }
            Compiled::Refused { report, verdict, message, limit } => {
                let verdict = if limit { Verdict::CompileLimit } else { verdict };
                return Ok(Built::Refused { report: Some(report), verdict, message });
            }
        };
        let argv = language.execute_command(&values);
        let env = language.environment(&[]);
        if let Some(why) = files::too_long_to_start(&argv, &env) {
            return Ok(Built::Refused { report, verdict: Verdict::CompileError, message: Some(why) });
        }
        let (sources, limits) = (sources.files.clone(), language.limits);
        let runnable = Runnable { root: language.root.clone(), argv, env, files: in_box, sources, limits };
        Ok(Built::Ok(Box::new(runnable), report))
    }

    /// Builds a program of the package.
    fn program(
        &self,
        package: &Package,
        program: &Program,
        memory: Bytes,
        languages: &Registry,
        executor: &mut dyn Executor,
        observer: &mut dyn JudgeObserver,
    ) -> Result<Built, ProblemError> {
        let sources = read_files(package, &program.files)?;
        match program.shape {
            ProgramShape::Sources => {}
            ProgramShape::Scripts { build } => return self.scripts(sources, build, executor, observer),
        }
        let language = match language_of(program, languages) {
            Ok(language) => language,
            Err(why) => {
                let message = Some(why.to_string());
                return Ok(Built::Refused { report: None, verdict: Verdict::CompileError, message });
            }
        };
        let sources = main_first(sources, language, program.entry_point.as_deref());
        let mut silent = Silent(observer);
        // The program is built once for all users of the problem. All other entries of the artefact cache belong to one
        // user.
        let tools = ToolOptions { compiler_args: program.flags.clone(), ..ToolOptions::NONE };
        let of_problem =
            Builder { owner: UserId::NOBODY, tools: &tools, checks_syntax: false, forbids_packages: false, ..*self };
        let entry = program.entry_point.as_deref();
        of_problem.sources(&BoxFiles::new(sources), entry, language, memory, executor, &mut silent)
    }

    /// Builds a program that has a `run` script and, if `build` is true, a `build` script.
    fn scripts(
        &self,
        sources: Vec<BoxFile>,
        build: bool,
        executor: &mut dyn Executor,
        observer: &mut dyn JudgeObserver,
    ) -> Result<Built, ProblemError> {
        let executable = |mut file: BoxFile| {
            file.executable |= matches!(file.path.as_str(), "build" | "run");
            file
        };
        let mut left = BoxFiles::new(sources.into_iter().map(executable).collect());
        let env = vec![
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("HOME".to_owned(), "/tmp".to_owned()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ];
        if build {
            let argv = ["./build".to_owned()];
            let mut captured = Captured { data: Vec::new(), observer };
            let step = StepInput {
                kind: StepKind::Compile,
                root: &Root::System,
                argv: &argv,
                env: &env,
                files: std::slice::from_ref(&left),
                counted_files: Bytes::ZERO,
                stdin: StdinSource::Bytes(Arc::from([])),
                limits: limits::of_compiler(&self.compile, Limits::default()),
                keep: Bytes::ZERO,
                stderr_to_stdout: false,
                result: false,
                collect: Collect::All,
            };
            let result = executor.execute(step, &mut captured)?;
            let outcome = result.report.outcome;
            if outcome != Outcome::Exited(0) || result.files_truncated {
                let output = String::from_utf8_lossy(&captured.data).into_owned();
                let message = Some(format!("its `build` script failed ({outcome:?}): {output}"));
                return Ok(Built::Refused { report: None, verdict: Verdict::CompileError, message });
            }
            left = result.files;
        }
        let argv = vec!["./run".to_owned()];
        let (sources, limits) = (BoxFiles::default(), Limits::default());
        let runnable = Runnable { root: Root::System, argv, env, files: vec![left], sources, limits };
        Ok(Built::Ok(Box::new(runnable), None))
    }
}

/// The programs of a package, each built on first use, or the reason why a program cannot be built.
#[derive(Default)]
pub(super) struct Programs(HashMap<Program, Result<Runnable, String>>);

impl Programs {
    /// Returns a program; the first call builds it. The inner error is a fault of the package.
    pub(super) fn built(
        &mut self,
        package: &Package,
        program: &Program,
        builder: &Builder<'_>,
        languages: &Registry,
        executor: &mut dyn Executor,
        observer: &mut dyn JudgeObserver,
    ) -> Result<Result<Runnable, String>, ProblemError> {
        if let Some(known) = self.0.get(program) {
            return Ok(known.clone());
        }
        let memory = package.problem.limits.validation.memory;
        let built = builder.program(package, program, memory, languages, executor, observer);
        let built = match or_refusal(built)? {
            Built::Ok(runnable, _) => Ok(*runnable),
            refused @ Built::Refused { .. } => Err(refused.why(&program.path)),
        };
        self.0.insert(program.clone(), built.clone());
        Ok(built)
    }
}

/// Returns the judging programs of a package: checkers, interactors and generators.
pub fn judging_programs(problem: &Problem) -> Vec<&Program> {
    fn of_checker(checker: &Checker) -> Option<&Program> {
        match checker {
            Checker::Program(checker) => Some(&checker.program),
            Checker::Builtin(_) => None,
        }
    }
    let trials = problem.trials.valid_outputs.iter().chain(&problem.trials.invalid_outputs);
    let methods = problem.tests.cases().map(|case| &case.method).chain(trials.map(|trial| &trial.method));
    let mut found: Vec<&Program> = Vec::new();
    for method in methods {
        match &**method {
            Method::Check(checker) => found.extend(of_checker(checker)),
            Method::Interact(interactor) => {
                found.push(&interactor.program.program);
                if let AfterInteraction::Check(checker) = &interactor.then {
                    found.extend(of_checker(checker));
                }
            }
        }
    }
    found.extend(problem.tests.cases().filter_map(|case| case.made.as_ref()).map(|made| &made.by.program));
    // Programs with the same path may have other files or flags.
    let mut seen = HashSet::new();
    found.retain(|program| seen.insert(*program));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Returns the language of a program: the specified one, or the only one that matches its file extensions.
///
/// # Errors
/// If there is no such language, with the reason.
pub(super) fn language_of<'l>(program: &Program, languages: &'l Registry) -> Result<&'l Language, NoLanguage> {
    let language = match &program.language {
        Some(id) => {
            languages.get(id).ok_or_else(|| NoLanguage::NotHere(languages.unknown(id.as_str(), "`cupel languages`")))?
        }
        None => {
            let is_known = |file: &ProgramFile| {
                let extension = file.name.as_str().rsplit_once('.').map(|(_, extension)| extension);
                extension.is_some_and(|extension| {
                    languages.by_extension(extension).or_else(|| languages.by_header(extension)).is_some()
                })
            };
            let disabled = |file: &ProgramFile| {
                let (_, extension) = file.name.as_str().rsplit_once('.')?;
                languages.disabled_by_extension(extension)
            };
            let files = || program.files.iter();
            languages.of_files(files().map(|file| &file.name)).map_err(|why| {
                match (files().any(is_known), files().find_map(disabled)) {
                    (true, _) => NoLanguage::Unclear(why),
                    (false, Some(language)) => NoLanguage::NotHere(format!("{} is disabled here", language.name)),
                    (false, None) => NoLanguage::NotHere(why),
                }
            })?
        }
    };
    match language.availability.reason() {
        Some(reason) => Err(NoLanguage::NotHere(format!("{} is not available here: {reason}", language.name))),
        None => Ok(language),
    }
}

/// Returns the reason why a program of the package cannot be run here, if its language is not installed.
pub(super) fn missing_language(program: &Program, languages: &Registry) -> Option<String> {
    match language_of(program, languages) {
        Err(NoLanguage::NotHere(why)) if program.shape == ProgramShape::Sources => Some(why),
        _ => None,
    }
}

/// Returns the first program without which the problem cannot be judged here, and the reason.
pub(super) fn missing_program(problem: &Problem, languages: &Registry) -> Option<String> {
    let missing = |program: &&Program| Some(format!("{}: {}", program.path, missing_language(program, languages)?));
    judging_programs(problem).iter().find_map(missing)
}

/// The reason why a program cannot be run in any language, for its author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoLanguage {
    /// This installation lacks the language. Another installation may have it.
    #[error("{0}")]
    NotHere(String),
    /// The package does not specify the language.
    #[error("{0}")]
    Unclear(String),
}

/// Puts the main source first.
pub(super) fn main_first(mut files: Vec<BoxFile>, language: &Language, entry_point: Option<&str>) -> Vec<BoxFile> {
    let is_source = |file: &BoxFile| {
        let extension = file.path.as_str().rsplit_once('.').map(|(_, extension)| extension);
        extension.is_some_and(|extension| language.extensions.iter().any(|known| known == extension))
    };
    let name = |file: &BoxFile| file.path.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    let stem = |file: &BoxFile| name(file).rsplit_once('.').map(|(stem, _)| stem.to_owned()).unwrap_or_default();
    let entry = entry_point.map(|entry| entry.rsplit('/').next().unwrap_or(entry));
    let wanted = |file: &BoxFile| entry.is_some_and(|entry| name(file) == entry || stem(file) == entry);
    // The lowest rank is the main source.
    let rank = |file: &BoxFile| match () {
        () if !is_source(file) => 9,
        () if wanted(file) => 0,
        () if name(file) == "__main__.py" => 2,
        () if file.path == language.source => 3,
        () if stem(file).eq_ignore_ascii_case("main") => 4,
        () => 5,
    };
    files.sort_by_key(rank);
    files
}

/// The reason why a file of the package cannot be used, for its author.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unusable(String);

impl ProblemError {
    /// The error for a package whose file cannot be used. It becomes a fault of the package.
    pub(super) fn unusable(path: &PackagePath, why: String) -> ProblemError {
        let source = io::Error::new(io::ErrorKind::FileTooLarge, Unusable(why));
        ProblemError::Package { path: path.clone(), source }
    }

    /// Returns the reason for the package's author, if the cause is the package itself. Another attempt fails in the
    /// same way.
    pub fn fault_of_package(&self) -> Option<String> {
        let ProblemError::Package { path, source } = self else { return None };
        let why = source.get_ref()?.downcast_ref::<Unusable>()?;
        Some(format!("{path}: {why}"))
    }
}

/// Turns an error into a refusal, if its cause is the package.
pub(super) fn or_refusal(built: Result<Built, ProblemError>) -> Result<Built, ProblemError> {
    let why = built.as_ref().err().and_then(ProblemError::fault_of_package);
    match why {
        Some(why) => Ok(Built::Refused { report: None, verdict: Verdict::InternalError, message: Some(why) }),
        None => built,
    }
}

/// Reads files of the package for a box.
pub(super) fn read_files(package: &Package, files: &[ProgramFile]) -> Result<Vec<BoxFile>, ProblemError> {
    let mut left = Package::FILES_TOGETHER_MAX.get();
    let read = |file: &ProgramFile| {
        left = left.checked_sub(file.file.size.get()).ok_or_else(|| {
            let max = Package::FILES_TOGETHER_MAX;
            let why =
                format!("the files of one program or test have more than {max} with this file; use smaller files");
            ProblemError::unusable(&file.file.path, why)
        })?;
        Ok(BoxFile { path: file.name.clone(), data: read(package, &file.file)?, executable: file.executable })
    };
    files.iter().map(read).collect()
}

/// Reads a whole file of the package.
pub(super) fn read(package: &Package, file: &FileRef) -> Result<Arc<[u8]>, ProblemError> {
    if file.size > Package::FILE_IN_MEMORY_MAX {
        let max = Package::FILE_IN_MEMORY_MAX;
        let why = format!(
            "the file has {}; a file that a checker, an interactor or the program gets as a file has at most {max}",
            file.size
        );
        return Err(ProblemError::unusable(&file.path, why));
    }
    let failed = |source| ProblemError::Package { path: file.path.clone(), source };
    let mut opened = package.open(file).map_err(failed)?;
    // The file is read to its final place. To collect it in a vector first would need twice the memory.
    let size = usize::try_from(file.size.get()).unwrap_or(usize::MAX);
    let mut data: Arc<[u8]> = iter::repeat_n(0, size).collect();
    opened.read_exact(Arc::make_mut(&mut data)).map_err(failed)?;
    Ok(data)
}

/// Observer that forwards only cancellation.
struct Silent<'a>(&'a mut dyn JudgeObserver);

impl JudgeObserver for Silent<'_> {
    fn event(&mut self, _: JudgeEvent<'_>) {}

    fn cancelled(&mut self) -> bool {
        self.0.cancelled()
    }
}

/// Collects the output of a build script, up to a bound.
struct Captured<'a> {
    data: Vec<u8>,
    observer: &'a mut dyn JudgeObserver,
}

impl StepObserver for Captured<'_> {
    fn stdout(&mut self, data: &[u8]) {
        let room = (64usize << 10).saturating_sub(self.data.len()).min(data.len());
        self.data.extend_from_slice(&data[..room]);
    }

    fn stderr(&mut self, data: &[u8]) {
        self.stdout(data);
    }

    fn cancelled(&mut self) -> bool {
        self.observer.cancelled()
    }
}
