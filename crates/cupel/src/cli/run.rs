//! `cupel run`: runs one program like `docker run`, on this machine or on a server (`remote.rs`).
//!
//! The program reads standard input through a pipe or a terminal created for it, never through the inherited
//! descriptor, which may be a terminal or a writable file.

pub(super) mod args;
mod artifacts;
mod interactive;
mod remote;

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, anyhow};
use cupel_core::{NewProgram, NewSource};
use cupel_judge::{JudgeEvent, JudgeObserver, JudgeRequest, NoCache, StdinSource, judge};
use cupel_languages::{Language, Registry};
use cupel_runner::prepared::{self, Check, PreparedStore};
use cupel_runner::{CompilerSharing, Directories, LocalRunner, Runner};
use cupel_types::{
    BoxPath, Bytes, Instructions, LimitsRequest, Outcome, PathPattern, RunReport, StepReport, UserId, Verdict,
};
use cupel_worker::{ArtifactBounds, Artifacts};

use self::args::Run;
use self::artifacts::Destination;
use self::interactive::Interactive;
use super::{CommandResult, Exit, Failure, OrExit, allowed};
use crate::data_dir;
use crate::images;
use crate::local::{self, Program};
use crate::owner;
use crate::prepared_store;
use crate::terminal::{self, bad, dim, good, harmless};

/// Bounds of the cache of compiled programs.
const CACHE: ArtifactBounds = ArtifactBounds { memory: Bytes::ZERO, disk: Bytes::mib(512) };

/// Wall-clock and idle limit if standard input is a terminal, or with `--interactive`.
const INTERACTIVE: Duration = Duration::from_secs(3600);

pub(super) fn run(args: &Run) -> CommandResult {
    if args.interactive && args.file == Path::new("-") {
        return Err(anyhow!("--interactive: standard input is the program's, so name a source file"))
            .or_exit(Exit::Usage);
    }
    let Some(url) = &args.server else {
        if args.credentials.key_file.is_some() || args.credentials.ca_file.is_some() {
            return Err(anyhow!("--key-file and --ca-file are for a server: add --server URL")).or_exit(Exit::Usage);
        }
        return run_here(args);
    };
    remote::run(args, url)
}

/// The limits that have flags. The others default to the language's limits.
fn requested_limits(args: &Run) -> LimitsRequest {
    LimitsRequest {
        cpu_time: args.time,
        wall_time: None,
        idle_time: None,
        instructions: args.instructions.map(Instructions::new),
        memory: args.memory,
        address_space: None,
        processes: None,
        open_files: None,
        file_size: None,
        disk: None,
        inodes: None,
        output: args.output,
        stack: None,
    }
}

/// Runs the program on this machine.
fn run_here(args: &Run) -> CommandResult {
    let config = args.settings.load()?;
    let registry = local::registry(&config).or_exit(Exit::Usage)?;
    let registry = local::versions_of(registry, args.language.as_deref(), &config);
    let language = local::available(choose(&registry, args)?, &config)?;
    let bounds = allowed::bounds(&config);
    let source = read_source(&args.file, bounds.source_bytes_max)?;
    let from_terminal = args.stdin.is_none() && args.file != Path::new("-") && io::stdin().is_terminal();
    let stdin = stdin(args, bounds.stdin_bytes_max)?;

    let mut limits = requested_limits(args);
    let arguments = args.args.iter().map(|arg| arg.to_str().map(str::to_owned));
    let arguments: Option<Vec<String>> = arguments.collect();
    let arguments = arguments.ok_or_else(|| anyhow!("an argument of the program is not UTF-8")).or_exit(Exit::Usage)?;
    let file = file_in_box(&args.file, &language);
    let new = NewProgram {
        source: NewSource {
            language: language.id.as_str().to_owned(),
            files: vec![(file.as_ref().map(ToString::to_string).unwrap_or_default(), source.as_slice().into())],
        },
        args: arguments.clone(),
        artifacts: args.artifact.clone(),
        limits,
        ..NewProgram::default()
    };
    allowed::allow(new, &language, &bounds, &[&args.file])?;
    // A person may type more slowly than the limits of a submission allow.
    let mut time_max = config.worker.run_time_max;
    if from_terminal || args.interactive {
        limits.wall_time = Some(INTERACTIVE);
        limits.idle_time = Some(INTERACTIVE);
        time_max = Duration::MAX;
    }
    let program = Program { source, file, args: arguments, stdin: Vec::new() };
    // `allow` has refused invalid patterns.
    let artifacts = args.artifact.iter().filter_map(|pattern| PathPattern::new(pattern).ok()).collect();
    let program = cupel_types::Program { artifacts, ..program.judged_as(&language) };
    let destination = Destination::of(args)?;

    // Only prepared artefacts that exist are used, because creating one would delay the run.
    let store = prepared_store::of_commands(&config).filter(|_| !language.prepare.is_empty());
    if let Some(store) = &store {
        prepared::use_existing(store, &language, Check::Sizes);
    }
    // The program is started in the same way as on a server, so that the figures are comparable. A cold start would
    // make a small Python program three times as fast (70 ms instead of 200 ms), but its memory could differ by 5 %.
    let roots = images::store(&config).map(|store| store.roots());
    let directories = Directories { prepared: store.as_ref().map(PreparedStore::root), images: roots.as_deref() };
    let starts_warm = config.worker.warm_interpreters && !(args.interactive && interactive::is_at_terminal());
    let launched = LocalRunner::launch_once(&language, directories, starts_warm)
        .context("cannot start the sandbox; `cupel doctor` shows details")?;
    let cache_dir = data_dir::user_cache().filter(|cache| std::fs::create_dir_all(cache).is_ok());
    let writable: Vec<&Path> =
        cache_dir.as_deref().into_iter().chain(destination.as_ref().map(Destination::path)).collect();
    owner::drop_privileges_keep_user(&writable)?;
    let fault = Arc::new(OnceLock::new());
    let interactive = args.interactive.then(|| Interactive::start(true)).transpose();
    let interactive = interactive.context("cannot start a thread for standard input")?;
    let stdin = match &interactive {
        Some(interactive) => interactive.stdin(),
        None => stdin.open(bounds.stdin_bytes_max, &fault)?,
    };
    let runner = launched.start(CompilerSharing::Off, images::containers_on_demand(&config, &language)?);
    if let (Some(_), Some(reason)) = (args.instructions, runner.uncounted()) {
        let error = anyhow!(
            "--instructions (limits.instructions): this machine cannot count instructions, so it cannot limit \
             them either: {reason}"
        );
        return Err(error).or_exit(Exit::Usage);
    }
    let mut executor = runner.executor(0)?;
    let request = JudgeRequest {
        owner: UserId::NOBODY,
        program: &program,
        limits,
        language: &language,
        stdin: Some(stdin),
        output_kept_max: bounds.output_kept_max,
        time_max,
    };
    let mut observer = Stream { silent: args.json, broken: false, fault: Arc::clone(&fault), interactive };
    let cache = if language.compile.is_empty() { None } else { cache() };
    let judged = match &cache {
        Some(cache) => judge(&request, &mut *executor, cache, &mut observer),
        None => judge(&request, &mut *executor, &NoCache, &mut observer),
    };
    if let Some(cache) = cache {
        cache.settle();
    }
    let stopped_by = observer.interactive.as_ref().and_then(Interactive::stopped_by);
    let unreadable = observer.interactive.as_ref().and_then(Interactive::read_error);
    // Restores the terminal, even if the run failed.
    drop(observer);
    let report = match judged {
        Ok(report) => report,
        Err(error) if args.json => {
            outln!("{}", json::failure(&language, &limits.over(language.limits)));
            return Err(Failure { exit: Exit::Program(125), error: error.into() });
        }
        Err(error) => return Err(error.into()),
    };
    let fault = fault.get().cloned().or(unreadable.map(StdinFault::Unreadable));
    if let Some(fault) = fault {
        return Err(match fault {
            StdinFault::TooLong => anyhow!("standard input: the maximum is {}; there is more", bounds.stdin_bytes_max),
            StdinFault::Unreadable(why) => cannot_read_stdin(&why),
        })
        .or_exit(Exit::Usage);
    }
    if args.json {
        outln!("{}", json::report(&language, &report));
    } else {
        show(&language, &report);
    }
    if let Some(destination) = destination {
        destination.write_all(&report.artifacts)?;
    }
    Ok(Exit::Program(exit_code(&report, stopped_by)))
}

/// Opens the cache of compiled programs, if the user has a cache directory.
pub(super) fn cache() -> Option<Artifacts> {
    // The cache affects only speed, so a failure to open it is ignored.
    Artifacts::open(&data_dir::user_cache()?.join("artifacts"), CACHE).ok()
}

fn choose<'r>(registry: &'r Registry, args: &Run) -> Result<&'r Language, Failure> {
    if args.file.is_dir() {
        let hint = "`cupel judge --submission` and the API (`files`) take several files";
        return Err(anyhow!("{} is a directory, and `cupel run` takes one source file; {hint}", args.file.display()))
            .or_exit(Exit::Usage);
    }
    let Some(name) = &args.language else { return by_extension(registry, &args.file) };
    registry.find(name).ok_or_else(|| anyhow!(registry.unknown(name, "`cupel languages`"))).or_exit(Exit::Usage)
}

/// The language of a file, by its extension. If no language has the extension and the file cannot be opened, the error
/// says the latter, because the path may be misspelt.
pub(super) fn by_extension<'r>(registry: &'r Registry, file: &Path) -> Result<&'r Language, Failure> {
    let found = match file.extension().and_then(|extension| extension.to_str()) {
        Some(extension) => registry
            .by_extension(extension)
            .ok_or_else(|| anyhow!("no language has files that end in `.{extension}`; name it with --language")),
        None => Err(anyhow!("cannot determine the language of {}; name it with --language", file.display())),
    };
    if found.is_err() && file != Path::new("-") {
        File::open(file).with_context(|| format!("cannot open {}", file.display())).or_exit(Exit::Usage)?;
    }
    found.or_exit(Exit::Usage)
}

fn read_source(path: &Path, max: Bytes) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        let read = allowed::read(io::stdin(), max);
        return read.context("cannot read the source from standard input").or_exit(Exit::Usage);
    }
    allowed::read_file(path, max)
}

/// Returns the file's name, if it has an extension of the language and is a valid name in the box.
pub(super) fn file_in_box(path: &Path, language: &Language) -> Option<BoxPath> {
    let extension = path.extension()?.to_str()?;
    language.extensions.iter().find(|e| *e == extension)?;
    BoxPath::new(path.file_name()?.to_str()?).ok()
}

/// Input of the program. If the source is read from standard input, the program has no input, unless `--stdin` names a
/// file.
enum Input {
    Nothing,
    File(File),
    OurOwn,
}

/// Why the program did not get the whole input. The run is then cancelled.
#[derive(Clone)]
enum StdinFault {
    /// The input exceeds the maximum for a submission's input.
    TooLong,
    /// The input cannot be read, for this reason.
    Unreadable(String),
}

/// Returns the error that standard input cannot be read.
fn cannot_read_stdin(why: &str) -> anyhow::Error {
    anyhow!("cannot read standard input: {why}")
}

/// Opens the input before privileges are given up. A thread reads it afterwards.
fn stdin(args: &Run, max: Bytes) -> Result<Input, Failure> {
    match &args.stdin {
        Some(path) => {
            let cannot = |what: &str| format!("cannot {what} {}", path.display());
            let file = File::open(path).with_context(|| cannot("open")).or_exit(Exit::Usage)?;
            let about = file.metadata().with_context(|| cannot("read")).or_exit(Exit::Usage)?;
            if about.is_dir() {
                return Err(anyhow!("{}: it is a directory", cannot("read"))).or_exit(Exit::Usage);
            }
            if about.len() > max.get() {
                let there = Bytes::new(about.len());
                let error = anyhow!("{}: standard input must have at most {max}, not {there}", path.display());
                return Err(error).or_exit(Exit::Usage);
            }
            Ok(Input::File(file))
        }
        None if args.file == Path::new("-") => Ok(Input::Nothing),
        None => Ok(Input::OurOwn),
    }
}

impl Input {
    /// Reads the whole input.
    fn read(self, max: Bytes) -> anyhow::Result<Vec<u8>> {
        let read = match self {
            Input::Nothing => Ok(Vec::new()),
            Input::File(file) => allowed::read(file, max),
            Input::OurOwn => allowed::read(io::stdin(), max),
        };
        read.context("cannot read standard input")
    }

    fn open(self, max: Bytes, fault: &Arc<OnceLock<StdinFault>>) -> Result<StdinSource, Failure> {
        match self {
            Input::Nothing => Ok(StdinSource::Bytes(Arc::from([]))),
            Input::File(file) => pump(file, max, fault),
            Input::OurOwn => pump(io::stdin(), max, fault),
        }
    }
}

/// Copies a stream into a pipe in a thread. Ends and sets `fault` after more than `max` bytes, and if the stream cannot
/// be read.
fn pump(
    mut from: impl Read + Send + 'static,
    max: Bytes,
    fault: &Arc<OnceLock<StdinFault>>,
) -> Result<StdinSource, Failure> {
    let (reader, mut writer) = io::pipe().context("cannot create a pipe")?;
    let (fault, mut left) = (Arc::clone(fault), max.get());
    // The thread ends at the end of the stream or, if the program does not read all of it, with the process.
    std::thread::Builder::new()
        .name("stdin".into())
        .spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            // The fault is set before the pipe is closed, because the program may end at the end of its input.
            let found = loop {
                let count = match from.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => break StdinFault::Unreadable(error.to_string()),
                };
                match left.checked_sub(count as u64) {
                    Some(rest) => left = rest,
                    None => break StdinFault::TooLong,
                }
                if writer.write_all(&buffer[..count]).is_err() {
                    return;
                }
            };
            let _ = fault.set(found);
        })
        .context("cannot start a thread")?;
    Ok(StdinSource::Descriptor(Arc::new(OwnedFd::from(reader))))
}

/// Observer that forwards the program's output immediately.
struct Stream {
    silent: bool,
    /// A write of the program's output failed, for example because its reader has closed it. The run is then cancelled.
    broken: bool,
    /// Why the program does not get the whole input.
    fault: Arc<OnceLock<StdinFault>>,
    interactive: Option<Interactive>,
}

impl Stream {
    fn pass(&mut self, to: &mut dyn Write, data: &[u8]) {
        if !self.silent
            && let Err(error) = to.write_all(data).and_then(|()| to.flush())
        {
            terminal::failed(error);
            self.broken = true;
        }
    }
}

impl JudgeObserver for Stream {
    fn event(&mut self, event: JudgeEvent<'_>) {
        match event {
            JudgeEvent::Stdout { data, .. } => self.pass(&mut io::stdout(), data),
            JudgeEvent::Stderr { data, .. } => self.pass(&mut io::stderr(), data),
            JudgeEvent::ExecutionStarted { .. } => {
                if let Some(interactive) = &mut self.interactive {
                    interactive.begin();
                }
            }
            JudgeEvent::ExecutionEnded { .. } => {
                if let Some(interactive) = &mut self.interactive {
                    interactive.end();
                }
            }
            JudgeEvent::CompileStarted | JudgeEvent::CompileEnded { .. } => {}
        }
    }

    fn cancelled(&mut self) -> bool {
        let is_stopped = self.interactive.as_ref().is_some_and(Interactive::is_stopped);
        self.broken || is_stopped || self.fault.get().is_some()
    }
}

/// Exit code of the process; see the help of the command. `stopped_by` is the signal that ended the run.
fn exit_code(report: &RunReport, stopped_by: Option<i32>) -> u8 {
    let is_cancelled = report.verdict == Verdict::Cancelled;
    if let Some(signal) = stopped_by.filter(|_| is_cancelled) {
        return u8::try_from(128 + signal).unwrap_or(1);
    }
    let Some(step) = &report.execution else { return 1 };
    let code = match step.outcome {
        Outcome::Exited(code) => code,
        Outcome::Signalled(signal) => 128 + signal.0,
        Outcome::TimeLimit | Outcome::WallLimit | Outcome::IdleLimit | Outcome::InstructionLimit => 124,
        Outcome::MemoryLimit => 137,
        Outcome::OutputLimit | Outcome::DiskLimit => 1,
        // Without a signal, a run is cancelled only because its output was closed. The exit code is that of SIGPIPE.
        Outcome::Cancelled => 128 + 13,
    };
    u8::try_from(code).unwrap_or(1)
}

/// Prints the compiler's output if compilation failed. Prints a summary line at a terminal, if a signal ended the
/// program, or if there is a message that the program has not printed.
fn show(language: &Language, report: &RunReport) {
    if let Some(compile) = report.compile.as_ref().filter(|compile| !compile.ok) {
        err!("{}", harmless(&String::from_utf8_lossy(&compile.output.data)));
    }
    // The exit code does not identify the exceeded limit, so the summary names it. The message of a runtime error is an
    // exception, which the program has already printed.
    let is_printed = report.verdict == Verdict::RuntimeError;
    // A program that a signal ends can print no reason. A shell prints one, such as "Segmentation fault".
    let is_killed = report.execution.as_ref().is_some_and(|step| matches!(step.outcome, Outcome::Signalled(_)));
    if io::stderr().is_terminal() || is_killed || report.message.is_some() && !is_printed {
        errln!("{}", summary(language, report));
    }
}

fn summary(language: &Language, report: &RunReport) -> String {
    let mark = if report.verdict == Verdict::Accepted { good("✓") } else { bad("✗") };
    let what = match (&report.execution, &report.message) {
        (Some(StepReport { outcome: Outcome::Exited(code), .. }), _) => format!("exit code {code}"),
        (Some(StepReport { outcome: Outcome::Signalled(signal), .. }), _) => format!("killed by {signal}"),
        // A message that names the limit is more precise than the verdict.
        (Some(_), Some(message)) => message.clone(),
        (None, Some(message)) => format!("{}: {message}", report.verdict.title()),
        (_, None) => report.verdict.title().to_owned(),
    };
    let mut facts = Vec::new();
    if let Some(step) = &report.execution {
        facts.push(format!("cpu {} ms", step.usage.cpu_time.as_millis()));
        if let Some(instructions) = step.usage.instructions {
            facts.push(instructions.to_string());
        }
        facts.push(format!("wall {} ms", step.usage.wall_time.as_millis()));
        facts.push(format!("mem {:.1} MiB", step.usage.memory.as_kib() as f64 / 1024.0));
    }
    if let Some(compile) = &report.compile {
        facts.push(if compile.cached {
            "compiled before".to_owned()
        } else {
            format!("compile {} ms", compile.wall_time.as_millis())
        });
    }
    facts.push(format!("{} ({})", language.name, report.language_version));
    format!("{mark} {what} {}", dim(&format!("· {}", facts.join(" · "))))
}

mod json;
