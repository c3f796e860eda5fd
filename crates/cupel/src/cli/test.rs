//! `cupel test`: runs a program on a problem's samples on this machine.

pub(super) mod args;

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use cupel_core::{Bounds, NewProgram, NewSource};
use cupel_judge::{JudgeEvent, JudgeObserver, JudgeRequest, NoCache, judge};
use cupel_runner::{CompilerSharing, Directories, LocalRunner, Runner};
use cupel_types::{LimitsRequest, RunReport, TestCase, UserId, Verdict};

use self::args::Test;
use super::run::{by_extension, cache, file_in_box};
use super::{CommandResult, Exit, Failure, OrExit, allowed};
use crate::data_dir;
use crate::images;
use crate::local::{self, Program};
use crate::owner;
use crate::terminal::{bad, dim, good, harmless};

pub(super) fn test(args: &Test) -> CommandResult {
    let config = args.settings.load()?;
    let registry = local::registry(&config).or_exit(Exit::Usage)?;
    let registry = local::versions_of(registry, args.language.as_deref(), &config);
    let language = match &args.language {
        Some(name) => {
            let unknown = || anyhow!(registry.unknown(name, "`cupel languages`"));
            registry.find(name).ok_or_else(unknown).or_exit(Exit::Usage)?
        }
        None => by_extension(&registry, &args.file)?,
    };
    // As in a submission to the problem, a syntax error is a compile error.
    let language = local::available(language, &config)?.with_check();
    let bounds = allowed::bounds(&config);
    let source = allowed::read_file(&args.file, bounds.source_bytes_max)?;
    let tests = samples(&directory(args)?, &bounds)?;
    // Limits without a flag default to the language's limits.
    let limits = LimitsRequest {
        cpu_time: args.time,
        wall_time: None,
        idle_time: None,
        instructions: None,
        memory: args.memory,
        address_space: None,
        processes: None,
        open_files: None,
        file_size: None,
        disk: None,
        inodes: None,
        output: None,
        stack: None,
    };
    let file = file_in_box(&args.file, &language);
    let new = NewProgram {
        source: NewSource {
            language: language.id.as_str().to_owned(),
            files: vec![(file.as_ref().map(ToString::to_string).unwrap_or_default(), source.as_slice().into())],
        },
        tests: tests.clone(),
        limits,
        ..NewProgram::default()
    };
    allowed::allow(new, &language, &bounds, &[&args.file])?;
    let mut program = Program { source, file, args: Vec::new(), stdin: Vec::new() }.judged_as(&language);
    program.tests = tests;

    let roots = images::store(&config).map(|store| store.roots());
    let directories = Directories { prepared: None, images: roots.as_deref() };
    let launched = LocalRunner::launch_once(&language, directories, config.worker.warm_interpreters)
        .context("cannot start the sandbox; `cupel doctor` shows details")?;
    let cache_dir = data_dir::user_cache().filter(|cache| std::fs::create_dir_all(cache).is_ok());
    owner::drop_privileges_keep_user(cache_dir.as_deref().as_slice())?;
    let runner = launched.start(CompilerSharing::Off, images::containers_on_demand(&config, &language)?);
    let mut executor = runner.executor(0)?;
    let request = JudgeRequest {
        owner: UserId::NOBODY,
        program: &program,
        limits,
        language: &language,
        stdin: None,
        output_kept_max: bounds.output_kept_max,
        time_max: config.worker.run_time_max,
    };
    let cache = if language.compile.is_empty() { None } else { cache() };
    let report = match &cache {
        Some(cache) => judge(&request, &mut *executor, cache, &mut Unwatched)?,
        None => judge(&request, &mut *executor, &NoCache, &mut Unwatched)?,
    };
    if let Some(cache) = cache {
        cache.settle();
    }
    show(&report, program.tests.len());
    Ok(if report.verdict == Verdict::Accepted { Exit::Ok } else { Exit::Failed })
}

struct Unwatched;

impl JudgeObserver for Unwatched {
    fn event(&mut self, _: JudgeEvent<'_>) {}

    fn cancelled(&mut self) -> bool {
        false
    }
}

/// The directory of the samples.
fn directory(args: &Test) -> Result<PathBuf, Failure> {
    if let Some(named) = &args.samples {
        return Ok(named.clone());
    }
    let beside = args.file.parent().unwrap_or(Path::new("")).join("samples");
    let named = args.file.with_extension("").join("samples");
    let found = [&beside, &named].into_iter().find(|directory| directory.is_dir()).cloned();
    let nothing = || {
        let (beside, named) = (beside.display(), named.display());
        anyhow!("there is no directory {beside} or {named}; `cupel get` downloads samples, --samples names a directory")
    };
    found.ok_or_else(nothing).or_exit(Exit::Usage)
}

/// Reads the samples, ordered by name; numbers in names are compared as numbers.
fn samples(directory: &Path, bounds: &Bounds) -> Result<Vec<TestCase>, Failure> {
    let cannot = || format!("cannot read the directory {}", directory.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(cannot).or_exit(Exit::Usage)? {
        let name = entry.with_context(cannot).or_exit(Exit::Usage)?.file_name();
        if let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".in")) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() {
        let error = anyhow!("{} has no samples: no file ends with .in", directory.display());
        return Err(error).or_exit(Exit::Usage);
    }
    if names.len() > bounds.tests_max {
        let error = anyhow!("{} has {} samples; the maximum is {}", directory.display(), names.len(), bounds.tests_max);
        return Err(error).or_exit(Exit::Usage);
    }
    names.sort_by_cached_key(|name| (name.parse::<u64>().ok().unwrap_or(u64::MAX), name.clone()));
    let read = |name: &str, extension: &str| {
        allowed::read_file(&directory.join(format!("{name}.{extension}")), bounds.stdin_bytes_max)
    };
    let each = names.into_iter().map(|name| {
        let stdin = read(&name, "in")?.into();
        let has = |extension: &&&str| directory.join(format!("{name}.{extension}")).is_file();
        let expected = ["ans", "out"].iter().find(has).map(|extension| read(&name, extension)).transpose()?;
        Ok(TestCase { name, stdin, expected: expected.map(Into::into) })
    });
    each.collect()
}

/// Printed if an output differs, because samples do not specify how the problem compares outputs.
const COMPARED: &str =
    "Compared word by word. The server uses the problem's own checker, which may accept other answers.";

/// Prints one line per sample, or why the program did not compile.
fn show(report: &RunReport, count: usize) {
    if let Some(compile) = report.compile.as_ref().filter(|compile| !compile.ok) {
        outln!("{}", harmless(String::from_utf8_lossy(&compile.output.data).trim_end()));
    }
    for case in &report.cases {
        let time = dim(&format!("{} ms", case.step.usage.cpu_time.as_millis()));
        let name = harmless(&case.name);
        if case.verdict == Verdict::Accepted {
            outln!("{name} {} {time}", good("✓"));
            continue;
        }
        let why = case.message.as_deref().map(|message| format!("  {}", harmless(message))).unwrap_or_default();
        outln!("{name} {} {} {time}{why}", bad("✗"), case.verdict.code());
    }
    let accepted = report.cases.iter().filter(|case| case.verdict == Verdict::Accepted).count();
    let summary = format!("{accepted}/{count} samples");
    outln!(
        "{}",
        if accepted == count { good(&summary) } else { bad(&format!("{summary}: {}", report.verdict.title())) }
    );
    if report.cases.iter().any(|case| case.verdict == Verdict::WrongAnswer) {
        outln!("{}", dim(COMPARED));
    }
}
