//! `cupel judge`: judges one submission with one problem package on this machine.
//!
//! The package is unpacked into a private directory before privileges are given up. Its programs run only in the
//! sandbox.

pub(super) mod args;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use cupel_core::{Bounds, NewProgram, NewSource};
use cupel_judge::{
    DerivedTimeLimit, JudgeEvent, JudgeObserver, ProblemReport, ProblemRequest, derive_time_limit, judge_problem,
    language_of_files, must_be_in_time, shortened,
};
use cupel_languages::{Candidate, Language, Registry};
use cupel_package::{ImportError, Imported};
use cupel_problem::{MaxScore, Package, Problem};
use cupel_types::{BoxFile, BoxFiles, BoxPath, Bytes, LanguageId, LimitsRequest, Start, UserId, Verdict};
use uuid::Uuid;

use self::args::Judge;
use super::package::{self, Bench};
use super::run::file_in_box;
use super::{CommandResult, Exit, Failure, OrExit, allowed};
use crate::calibrations::{Calibrated, Calibrations};
use crate::local;
use crate::terminal::{Table, bad, dim, good, harmless};

pub(super) mod json;

/// Maximum depth of directories in a submission.
const DEPTH_MAX: usize = 16;

/// Bounds on the standard error that is shown: number of tests, bytes per test, lines per test.
const STDERR_CASES: usize = 3;
const STDERR_BYTES: usize = 2 << 10;
const STDERR_LINES: usize = 20;

/// Maximum length in bytes of the message that explains the verdict, and of a message in a table. The checkers and
/// interactors of packages may write longer messages.
const MESSAGE_BYTES: usize = 2 << 10;
const CELL_BYTES: usize = 512;

pub(super) fn judge(args: &Judge) -> CommandResult {
    let config = args.settings.load()?;
    let known = local::registry(&config).or_exit(Exit::Usage)?;
    let bounds = allowed::bounds(&config);
    let files = read_submission(&args.submission, &known, &bounds)?;
    let chosen = choose(&known, args, &files);
    if let Ok(language) = &chosen {
        // Faults of the submission come before those of the package.
        allow(&named_for(files.clone(), language), language, &bounds)?;
    }
    let unpacked = match package::unpack(&args.package, &package::options(&args.reading, &known)) {
        Ok(unpacked) => unpacked,
        Err(failure) => {
            if args.json
                && let Some(refused) = failure.error.downcast_ref::<ImportError>()
            {
                outln!("{}", json::refused(refused));
            }
            return Err(failure);
        }
    };
    let Imported { mut package, warnings, .. } = unpacked.imported.clone();
    for warning in &warnings {
        errln!("{}", dim(&harmless(&warning.to_string())));
    }
    let (mut named, mut entry_point) = (None, None);
    if let Some(path) = path_in_package(&args.submission, &args.package) {
        let mut examples = package.problem.submissions.iter().map(|example| &example.program);
        let example = examples.find(|program| path.as_os_str() == program.path.as_str());
        if let Some(program) = example {
            // `cupel verify` uses the same language and entry point.
            entry_point.clone_from(&program.entry_point);
            let language = program.language.as_ref().filter(|_| args.language.is_none());
            named = language.and_then(|id| known.find(id.as_str()));
        }
        if example.is_some() || path.components().any(|part| part.as_os_str() == "submissions") {
            // The list of languages applies to new submissions, not to the submissions in the package.
            package.problem.limits.languages = None;
        }
    }
    let language = named.map_or(chosen, Ok)?.clone();
    let files = named_for(files, &language);
    allow(&files, &language, &bounds)?;
    let derives = args.reading.time_limit.is_none() && package.problem.limits.time.limit.is_none();

    let needed = needed(&package.problem, &known, &language, derives);
    let mut bench = Bench::start(&config, &known, &needed, 1)?;
    let (languages, executors, cache) = bench.parts();
    let executor = &mut *executors[0];
    let language = languages.get(&language.id).cloned().unwrap_or(language);
    if !language.is_available() {
        return Err(local::unavailable(&language).into());
    }
    let limited: Package;
    let mut request = ProblemRequest {
        package: &package,
        files: &files,
        language: &language,
        entry_point: entry_point.as_deref(),
        languages,
        // Limits without a flag default to the problem's limits.
        limits: LimitsRequest {
            cpu_time: args.reading.time_limit,
            wall_time: None,
            idle_time: None,
            instructions: None,
            memory: args.reading.memory_limit_kib.map(Bytes::kib),
            address_space: None,
            processes: None,
            open_files: None,
            file_size: None,
            disk: None,
            inodes: None,
            output: None,
            stack: None,
        },
        all_cases: args.all_cases,
        owner: UserId::from_uuid(Uuid::nil()),
        function_batches: config.worker.function_batches,
    };
    if derives {
        let measured = measured(&package.problem, &known);
        let with = languages.iter().filter(|language| measured.contains(&language.id));
        let warm = config.worker.warm_interpreters;
        let of = Calibrated::of(&package.hash, request.limits.memory, warm, with);
        let kept = Calibrations::of_user();
        let before = kept.as_ref().filter(|_| !args.calibrate).and_then(|kept| kept.find(&of));
        let is_known = before.is_some();
        let derived = match before {
            Some(before) => Some(before),
            None => derive_time_limit(&request, executor, cache, &mut Quiet)?,
        };
        if let (Some(kept), Some(derived), false) = (&kept, &derived, is_known) {
            // If the limit cannot be stored, the next call measures it again.
            let _ = kept.keep(&of, derived);
        }
        errln!("{}", dim(&derivation(derived.as_ref(), is_known)));
        let mut with_limit = package.clone();
        with_limit.problem.limits.time.limit = derived.map(|derived| derived.limit);
        limited = with_limit;
        request.package = &limited;
    }
    let judged = judge_problem(&request, executor, cache, &mut Quiet);
    bench.end();
    let report = judged?;
    if args.json {
        outln!("{}", json::report(&language, &report));
    } else {
        show(&language, &report);
    }
    Ok(match shown_verdict(&report) {
        Verdict::Accepted => Exit::Ok,
        // The package is wrong. If Cupel itself fails, there is no report.
        Verdict::InternalError => Exit::Usage,
        _ => Exit::Failed,
    })
}

/// Returns the verdict on the submission. A submission that is accepted with less than the maximum score has a partial
/// score, also in formats whose verdict for it is AC (Kattis).
fn shown_verdict(report: &ProblemReport) -> Verdict {
    match (report.verdict, report.score, report.max_score) {
        (Verdict::Accepted, Some(score), Some(MaxScore::Bounded(most))) if score < most => Verdict::PartialScore,
        (verdict, ..) => verdict,
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}

/// Explains how the time limit was found.
fn derivation(derived: Option<&DerivedTimeLimit>, is_known: bool) -> String {
    match derived {
        Some(DerivedTimeLimit { limit, slowest }) => {
            let before = if is_known { ", measured before; `--calibrate` measures again" } else { "" };
            let cold = if slowest.start == Some(Start::Cold) { ", which started cold" } else { "" };
            format!(
                "the package has no time limit; Cupel derived {} from the {} of {}{cold}{before}",
                milliseconds(*limit),
                milliseconds(slowest.time),
                slowest.by
            )
        }
        None => "the package has no time limit, and no accepted submission that runs here; the limit is 10 s. \
                 `--time-limit` sets another"
            .to_owned(),
    }
}

/// The submission's path in the package, if it is in the package.
fn path_in_package(submission: &Path, package: &Path) -> Option<PathBuf> {
    let (submission, package) = (submission.canonicalize().ok()?, package.canonicalize().ok()?);
    Some(submission.strip_prefix(package).ok()?.to_owned())
}

fn choose<'r>(registry: &'r Registry, args: &Judge, files: &BoxFiles) -> Result<&'r Language, Failure> {
    let found = match &args.language {
        Some(name) => registry.find(name).ok_or_else(|| anyhow!(registry.unknown(name, "`cupel languages`"))),
        None => language_of_files(files, registry).map_err(|why| {
            anyhow!("cannot determine the language of {}: {why}; name it with --language", args.submission.display())
        }),
    };
    found.or_exit(Exit::Usage)
}

/// Returns the languages of the submission and of all programs of the package that are needed to judge it, or to derive
/// the time limit.
fn needed(problem: &Problem, known: &Registry, language: &Language, derives: bool) -> BTreeSet<LanguageId> {
    let mut ids = BTreeSet::from([language.id.clone()]);
    cupel_judge::judging_programs(problem)
        .into_iter()
        .for_each(|program| package::languages_of(program, known, &mut ids));
    if derives {
        ids.extend(measured(problem, known));
    }
    ids
}

/// Returns the languages of the submissions from which the time limit is derived.
pub(super) fn measured(problem: &Problem, known: &Registry) -> BTreeSet<LanguageId> {
    let mut ids = BTreeSet::new();
    let examples = problem.submissions.iter().filter(|example| must_be_in_time(example));
    examples.for_each(|example| package::languages_of(&example.program, known, &mut ids));
    ids
}

/// Reads a file, or all files of a directory with their relative paths, the main file first. A directory with symbolic
/// links or special files is refused: a link may name any file of this machine, and the program would be incomplete
/// without it.
fn read_submission(path: &Path, known: &Registry, bounds: &Bounds) -> Result<BoxFiles, Failure> {
    let mut files = Vec::new();
    let meta = fs::metadata(path).with_context(|| format!("cannot read {}", path.display())).or_exit(Exit::Usage)?;
    if meta.is_dir() {
        read_directory(path, "", 0, bounds, &mut files)?;
    } else {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("source");
        files.push(read_file(path, name, bounds)?);
    }
    if files.is_empty() {
        return Err(anyhow!("{} has no files; name a file or a directory with the source", path.display()))
            .or_exit(Exit::Usage);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mode = |file: &BoxFile| fs::metadata(path.join(file.path.as_str())).map_or(0, |meta| meta.permissions().mode());
    let candidates = files.iter().map(|file| Candidate {
        path: file.path.as_str(),
        executable: mode(file) & 0o111 != 0,
        is_script: file.data.starts_with(b"#!"),
    });
    let candidates: Vec<Candidate<'_>> = candidates.collect();
    if let Some(main) = known.main_file(&candidates) {
        files[..=main].rotate_right(1);
    }
    Ok(BoxFiles::new(files))
}

/// Gives a single file the language's default name, if its name has no extension of the language or of its headers, as
/// `cupel run` and `cupel submit` do: compilers go by the extension.
fn named_for(files: BoxFiles, language: &Language) -> BoxFiles {
    let is_header = |path: &Path| language.headers.iter().any(|header| path.extension() == Some(header.as_ref()));
    match files.iter().as_slice() {
        [only] => {
            let path = Path::new(only.path.as_str());
            if file_in_box(path, language).is_some() || is_header(path) {
                return files;
            }
            BoxFiles::new(vec![BoxFile { path: language.source.clone(), ..only.clone() }])
        }
        _ => files,
    }
}

fn read_directory(
    directory: &Path,
    below: &str,
    depth: usize,
    bounds: &Bounds,
    files: &mut Vec<BoxFile>,
) -> Result<(), Failure> {
    let failed = || format!("cannot read {}", directory.display());
    if depth > DEPTH_MAX {
        let path = directory.display();
        return Err(anyhow!("{path} is nested too deep; at most {DEPTH_MAX} levels are read")).or_exit(Exit::Usage);
    }
    for entry in fs::read_dir(directory).with_context(failed).or_exit(Exit::Usage)? {
        let entry = entry.with_context(failed).or_exit(Exit::Usage)?;
        let kind = entry.file_type().with_context(failed).or_exit(Exit::Usage)?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            return Err(anyhow!("a file in {} has a name that is not UTF-8", directory.display())).or_exit(Exit::Usage);
        };
        if name.starts_with('.') {
            continue;
        }
        let inside = if below.is_empty() { name } else { format!("{below}/{name}") };
        if kind.is_dir() {
            read_directory(&entry.path(), &inside, depth + 1, bounds, files)?;
        } else if kind.is_file() {
            if files.len() == bounds.files_max {
                let error = anyhow!("the submission's files: at most {} files; there are more", bounds.files_max);
                return Err(error).or_exit(Exit::Usage);
            }
            files.push(read_file(&entry.path(), &inside, bounds)?);
        } else {
            let what = if kind.is_symlink() { "a symbolic link" } else { "a special file" };
            let error =
                anyhow!("{} is {what}; the files of a submission must be regular files", entry.path().display());
            return Err(error).or_exit(Exit::Usage);
        }
    }
    Ok(())
}

fn read_file(path: &Path, name: &str, bounds: &Bounds) -> Result<BoxFile, Failure> {
    let data = allowed::read_file(path, bounds.source_bytes_max)?;
    let name = BoxPath::new(name).with_context(|| format!("{} cannot be a file of a submission", path.display()));
    Ok(BoxFile { path: name.or_exit(Exit::Usage)?, data: data.into(), executable: false })
}

/// Refuses a submission that the API refuses. The API expects a main source with content as the first file. The files
/// of a directory have no order, so a file with content is put first.
fn allow(files: &BoxFiles, language: &Language, bounds: &Bounds) -> Result<(), Failure> {
    let mut sent: Vec<_> = files.iter().map(|file| (file.path.to_string(), file.data.clone())).collect();
    sent.sort_by_key(|(_, data)| data.is_empty());
    let paths: Vec<String> = sent.iter().map(|(path, _)| path.clone()).collect();
    let source = NewSource { language: language.id.as_str().to_owned(), files: sent };
    allowed::allow(NewProgram { source, ..NewProgram::default() }, language, bounds, &paths)
}

/// Observer that ignores all events, because only the result is printed.
struct Quiet;

impl JudgeObserver for Quiet {
    fn event(&mut self, _: JudgeEvent<'_>) {}
}

fn show(language: &Language, report: &ProblemReport) {
    if let Some(compile) = report.compile.as_ref().filter(|compile| !compile.ok) {
        out!("{}", harmless(&String::from_utf8_lossy(&compile.output.data)));
    }
    if !report.cases.is_empty() {
        let scored = report.max_score.is_some();
        let mut table = Table::new(if scored {
            &["test", "verdict", "score", "time", "memory", ""]
        } else {
            &["test", "verdict", "time", "memory", ""]
        });
        for case in &report.cases {
            let ran = case.step.is_some();
            let mut cells = vec![case.id.to_string(), colour(case.verdict)];
            if scored {
                cells.push(case.score.map(|score| score.to_string()).unwrap_or_default());
            }
            cells.push(if ran { format!("{} ms", case.usage.cpu_time.as_millis()) } else { String::new() });
            cells.push(if ran {
                format!("{:.1} MiB", case.usage.memory.as_kib() as f64 / 1024.0)
            } else {
                String::new()
            });
            let message = case.judge_message.as_deref().and_then(|message| message.lines().next());
            cells.push(dim(&harmless(&shortened(message.unwrap_or_default(), CELL_BYTES))));
            table.row(cells);
        }
        table.print();
        stderr_of_cases(report).for_each(|stderr| outln!("\n{stderr}"));
    }
    if report.groups.iter().any(|group| group.max.is_some()) {
        let mut table = Table::new(&["group", "verdict", "score", "of", ""]);
        for group in report.groups.iter().filter(|group| group.max.is_some()) {
            let score = group.score.map(|score| score.to_string()).unwrap_or_default();
            let reason = dim(&harmless(&shortened(group.reason.as_deref().unwrap_or_default(), CELL_BYTES)));
            table.row(vec![
                group.name.to_string(),
                colour(group.verdict),
                score,
                group.max.map(max).unwrap_or_default(),
                reason,
            ]);
        }
        outln!();
        table.print();
    }
    let verdict = shown_verdict(report);
    let mark = match verdict {
        Verdict::Accepted => good("✓"),
        Verdict::PartialScore => dim("~"),
        _ => bad("✗"),
    };
    let mut facts = Vec::new();
    if let (Some(score), Some(most)) = (report.score, report.max_score) {
        facts.push(format!("{score} of {}", max(most)));
    }
    facts.push(format!("cpu {} ms of {} ms", report.cpu_time().as_millis(), report.cpu_time_max.as_millis()));
    facts.push(format!("mem {:.1} MiB", report.memory().as_kib() as f64 / 1024.0));
    facts.push(format!("{} ({})", language.name, report.language_version));
    let why = report.message.as_ref().map(|message| format!(": {}", harmless(&shortened(message, MESSAGE_BYTES))));
    let title = if verdict == Verdict::InternalError { "the package is at fault" } else { verdict.title() };
    outln!("{mark} {title}{} {}", why.unwrap_or_default(), dim(&format!("· {}", facts.join(" · "))));
}

/// Returns the beginning of the program's standard error, for the first failed tests.
fn stderr_of_cases(report: &ProblemReport) -> impl Iterator<Item = String> {
    let failed = report.cases.iter().filter(|case| !matches!(case.verdict, Verdict::Accepted | Verdict::Skipped));
    let stderr = failed.filter_map(|case| {
        let data = &case.step.as_ref()?.stderr.data;
        let text = String::from_utf8_lossy(&data[..data.len().min(STDERR_BYTES)]).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines[..lines.len().min(STDERR_LINES)].join("\n");
        let more = if shown.len() < text.trim_end().len() || data.len() > STDERR_BYTES { "\n…" } else { "" };
        let title = dim(&format!("{}, standard error:", case.id));
        (!shown.trim().is_empty()).then(|| format!("{title}\n{}{more}", harmless(&shown)))
    });
    stderr.take(STDERR_CASES)
}

pub(super) fn colour(verdict: Verdict) -> String {
    match verdict {
        Verdict::Accepted | Verdict::PartialScore => good(verdict.code()),
        Verdict::Skipped => dim(verdict.code()),
        other => bad(other.code()),
    }
}

pub(super) fn max(max: MaxScore) -> String {
    match max {
        MaxScore::Bounded(score) => score.to_string(),
        MaxScore::Unbounded => "any".to_owned(),
    }
}
