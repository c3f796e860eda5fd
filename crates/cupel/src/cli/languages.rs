//! `cupel languages`: lists available and installable languages, installs and tests them.

pub(super) mod args;

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use cupel_judge::{Executor, JudgeEvent, JudgeObserver, JudgeRequest, NoCache, judge};
use cupel_languages::{
    InstallError, InstallPlan, Language, LanguageFault, LoadError, Prepare, Registry, Sample, Selection,
};
use cupel_runner::prepared::{self, ArtefactState, Check, PreparedStore};
use cupel_runner::{CompilerSharing, Directories, LocalRunner, Runner};
use cupel_types::{Bytes, RunReport, UserId, Verdict};
use serde_json::json;

use self::args::{Languages, LanguagesCommand};
use super::{CommandResult, Exit, Failure, OrExit, allowed};
use crate::config::Config;
use crate::images::{self, MachineProbe};
use crate::local::{self, Program};
use crate::terminal::{Table, bad, bold, good, harmless};
use crate::{owner, prepared_store};

pub(super) fn languages(args: &Languages) -> CommandResult {
    let config = args.settings.load()?;
    let mut registry = local::registry(&config).or_exit(Exit::Usage)?;
    registry.probe(&MachineProbe::of_commands(&config));
    let store = prepared_store::of_commands(&config);
    match &args.command {
        None => list(&registry, store.as_ref(), args.json),
        Some(LanguagesCommand::Add { file }) => add(file, &config, store.as_ref()),
        Some(LanguagesCommand::Install { ids, libraries, dry_run }) => {
            let plan = InstallPlan::new(&registry, &Selection::from_words(ids), *libraries);
            install(&config, &registry, plan, *dry_run, store.as_ref())
        }
        Some(LanguagesCommand::Prepare { ids }) => {
            let store = store.context("there is no directory for prepared artefacts: name one with --data")?;
            prepare(&select(&registry, ids)?, &store)
        }
        Some(LanguagesCommand::Test { ids }) => test(&config, &select(&registry, ids)?, store.as_ref(), None),
    }
}

fn list(registry: &Registry, store: Option<&PreparedStore>, as_json: bool) -> CommandResult {
    if as_json {
        let languages: Vec<_> = registry
            .iter()
            .map(|l| {
                let reason = Some(local::reason(l)).filter(|reason| !reason.is_empty());
                let prepared: Vec<_> = states(l, store)
                    .map(|(step, state)| match state {
                        ArtefactState::Ready => json!({ "name": step.name, "ready": true }),
                        ArtefactState::Missing => json!({ "name": step.name, "ready": false }),
                        ArtefactState::Failed(why) => json!({ "name": step.name, "ready": false, "failed": why }),
                    })
                    .collect();
                let libraries: BTreeMap<&str, Option<&str>> =
                    l.libraries.iter().map(|library| (library.name.as_str(), library.version.as_deref())).collect();
                json!({
                    "id": l.id.as_str(), "name": l.name, "version": l.installed_version(), "available": l.is_available(),
                    "reason": reason, "libraries": libraries, "prepared": prepared, "size_mb": l.packages.size_mb,
                })
            })
            .collect();
        outln!("{}", json!({ "languages": languages }));
        return Ok(Exit::Ok);
    }
    let mut failures = Vec::new();
    let mut table = Table::new(&["ID", "NAME", "VERSION", "PREPARED", "SIZE", "AVAILABLE"]);
    for language in registry.iter() {
        let available = match local::reason(language) {
            "" => good("yes"),
            reason => format!("{}: {reason}", bad("no")),
        };
        let version = local::short_version(language);
        let states: Vec<(&Prepare, ArtefactState)> = states(language, store).collect();
        let ready = states.iter().filter(|(_, state)| *state == ArtefactState::Ready).count();
        let prepared = if states.is_empty() { "-".to_owned() } else { format!("{ready} of {}", states.len()) };
        for (step, state) in states {
            if let ArtefactState::Failed(why) = state {
                failures.push(format!("{} {}: {}: {why}", language.id, step.name, bad("not prepared")));
            }
        }
        let size = match language.packages.size_mb {
            None => "-".to_owned(),
            Some(0) => "< 1 MB".to_owned(),
            Some(mb) => format!("{mb} MB"),
        };
        table.row(vec![language.id.to_string(), language.name.clone(), version, prepared, size, available]);
    }
    table.print();
    failures.iter().for_each(|failure| outln!("{failure}"));
    if registry.iter().any(|language| !language.is_available()) {
        errln!(
            "Install what is missing with `cupel languages install ID…` or `cupel languages install all`. SIZE is the disk space of a \
             language's packages on a machine that has none of them; languages share many packages."
        );
    }
    Ok(Exit::Ok)
}

/// Returns the artefacts of a language with their states; none for an unavailable language.
fn states<'l>(
    language: &'l Language,
    store: Option<&PreparedStore>,
) -> impl Iterator<Item = (&'l Prepare, ArtefactState)> {
    let states = match store.filter(|_| language.is_available()) {
        Some(store) => prepared::use_existing(store, language, Check::Sizes),
        None => Vec::new(),
    };
    language.prepare.iter().zip(states)
}

fn install(
    config: &Config,
    registry: &Registry,
    plan: Result<InstallPlan, InstallError>,
    dry_run: bool,
    store: Option<&PreparedStore>,
) -> CommandResult {
    let exit = |error: &InstallError| match error {
        InstallError::UnknownLanguage { .. } => Exit::Usage,
        _ => Exit::System,
    };
    let plan = plan.map_err(|e| match &e {
        InstallError::UnknownLanguage { name, .. } => {
            Failure { exit: exit(&e), error: anyhow!(registry.unknown(name, "`cupel languages`")) }
        }
        _ => Failure { exit: exit(&e), error: e.into() },
    })?;
    if plan.is_empty() {
        if plan.languages.is_empty() {
            outln!("all requested languages are installed");
            return Ok(Exit::Ok);
        }
        let left: Vec<&str> = plan.languages.iter().map(|id| id.as_str()).collect();
        outln!(
            "the packages are installed, but not available yet: {}; `cupel languages` shows the reasons",
            left.join(", ")
        );
        return Ok(if dry_run { Exit::Ok } else { Exit::Failed });
    }
    if dry_run {
        plan.commands().iter().for_each(|command| outln!("{}", command.join(" ")));
        return Ok(Exit::Ok);
    }
    plan.run(&mut |line| errln!("{line}")).map_err(|e| Failure { exit: exit(&e), error: e.into() })?;
    let mut after = Registry::new(registry.iter().cloned().collect())?;
    after.probe(&MachineProbe::of_commands(config));
    let still: Vec<&Language> =
        plan.languages.iter().filter_map(|id| after.get(id)).filter(|l| !l.is_available()).collect();
    for language in &still {
        errln!("{}: {} is still not available: {}", bad("error"), language.id, local::reason(language));
    }
    if let Some(store) = store {
        let ready: Vec<&Language> =
            plan.languages.iter().filter_map(|id| after.get(id)).filter(|l| l.is_available()).collect();
        // A failed preparation does not fail the installation.
        if let Err(failure) = prepare(&ready, store) {
            errln!("{}: {:#}", bad("not prepared"), failure.error);
        }
    }
    errln!("A running server offers them after its next start.");
    Ok(if still.is_empty() { Exit::Ok } else { Exit::Failed })
}

/// Adds a language file to the operator's directory, if all its samples pass.
fn add(file: &Path, config: &Config, store: Option<&PreparedStore>) -> CommandResult {
    let name = file.file_name().context("the path names no file").or_exit(Exit::Usage)?;
    // Another file in the directory is never read, so its samples would be those of a language that exists already.
    if file.extension().is_none_or(|extension| extension != "toml") {
        let rule = "the name of a language file is the language's id and `.toml`, such as python-3.13.toml";
        return Err(anyhow!("{}: {rule}", file.display())).or_exit(Exit::Usage);
    }
    let directory = local::language_files(config)
        .context("there is no directory of language files: name the server's data directory with --data, or its configuration with --config")
        .or_exit(Exit::Usage)?;
    let candidates = tempfile::tempdir().context("cannot create a temporary directory")?;
    // The other files of the operator are also loaded, because names must not collide.
    if directory.is_dir() {
        for entry in std::fs::read_dir(&directory).context("cannot read the directory of language files")? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                std::fs::copy(&path, candidates.path().join(path.file_name().unwrap_or_default()))?;
            }
        }
    }
    let text = allowed::read_file(file, Bytes::mib(1))?;
    std::fs::write(candidates.path().join(name), &text)?;
    let load = || -> Result<Registry, LoadError> {
        let mut registry = Registry::load(Some(candidates.path()))?;
        registry.run_images_in(config.images.executor);
        images::check_sources(&registry, Some(candidates.path()), config)?;
        Ok(registry)
    };
    let loaded = load().map_err(|error| match error {
        LoadError::Faults(faults) => LoadError::Faults(
            faults.into_iter().map(|fault| of_original(fault, candidates.path(), file, &directory)).collect(),
        ),
        error => error,
    });
    let mut registry = loaded.or_exit(Exit::Usage)?;
    registry.probe(&MachineProbe::of_commands(config));
    let id = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let languages = select(&registry, &[id.into_owned()])?;
    let languages: Vec<Language> = languages.into_iter().cloned().collect();
    // The copies are removed now: once the tests start, this process can write only to the operator's directory.
    drop(candidates);
    std::fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    // The tests change the working directory of this process.
    let directory =
        std::fs::canonicalize(&directory).with_context(|| format!("cannot find {}", directory.display()))?;
    match test(config, &languages.iter().collect::<Vec<_>>(), store, Some(&directory))? {
        Exit::Ok => {}
        failed => {
            errln!("{} was not added, because a sample failed.", languages[0].name);
            return Ok(failed);
        }
    }
    let added = directory.join(name);
    replace(&added, &text).with_context(|| format!("cannot write {}", added.display()))?;
    let when = when_offered(&languages[0], &registry);
    errln!("{} is in {}; a running server offers it {when}.", languages[0].name, directory.display());
    Ok(Exit::Ok)
}

/// Creates or replaces a file. A running server, and a command that starts after an interruption, read the old file or
/// the new file, never a part.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    // Does not end in `.toml`, so it is not read as a language file.
    let mut part = tempfile::Builder::new().prefix(".cupel-language-").suffix(".part").tempfile_in(directory)?;
    part.write_all(content)?;
    // All users may read a new file, regardless of the umask: a server may run as another user.
    let earlier = std::fs::metadata(path).map(|earlier| earlier.permissions());
    part.as_file().set_permissions(earlier.unwrap_or(Permissions::from_mode(0o644)))?;
    part.as_file().sync_all()?;
    part.persist(path)?;
    File::open(directory)?.sync_all()
}

/// When a running server offers a language that was added to the others of `registry`.
fn when_offered(language: &Language, registry: &Registry) -> &'static str {
    let mut others = registry.iter().filter(|other| other.id != language.id);
    match (&language.image, images::is_in_engine(language)) {
        (None, _) => "after its next start",
        // A server connects to the engine at its start, if a language needs it.
        (Some(_), true) if !others.any(images::is_in_engine) => {
            "after its next start, because it is the first language in Docker Engine: restart the server"
        }
        (Some(_), _) => "within ten seconds",
    }
}

/// Replaces the path of a copy in `candidates`, which an error names, by the path of the operator's file. `file` is the
/// file to add; the other files are in `directory`.
fn of_original(fault: LanguageFault, candidates: &Path, file: &Path, directory: &Path) -> LanguageFault {
    let original = match Path::new(&fault.file).strip_prefix(candidates) {
        Ok(name) if Some(name.as_os_str()) == file.file_name() => file.display().to_string(),
        Ok(name) => directory.join(name).display().to_string(),
        Err(_) => fault.file,
    };
    LanguageFault { file: original, ..fault }
}

/// Creates the missing prepared artefacts of the languages and prints them.
fn prepare(languages: &[&Language], store: &PreparedStore) -> CommandResult {
    let lacking =
        |l: &&&Language| prepared::use_existing(store, l, Check::Contents).iter().any(|s| *s != ArtefactState::Ready);
    let languages: Vec<&Language> = languages.iter().filter(lacking).copied().collect();
    if languages.is_empty() {
        return Ok(Exit::Ok);
    }
    let directories = Directories { prepared: Some(store.root()), images: None };
    let launched = LocalRunner::launch(1, languages.iter().copied(), directories)
        .context("cannot start the sandbox; `cupel doctor` shows details")?;
    // The server must be able to remove the artefacts.
    owner::become_owner_of(store.root())?;
    let runner = launched.start(CompilerSharing::Off, None);
    let mut executor = || runner.executor(0);
    let mut all_made = true;
    for language in languages {
        prepared::make_all(store, language, &mut executor, &|| false, &mut |step, made| match made {
            Ok(took) => errln!("{} {}: prepared in {} ms", language.id, step.name, took.as_millis()),
            Err(error) => {
                all_made = false;
                errln!("{} {}: {}: {:#}", language.id, step.name, bad("not prepared"), anyhow!(error));
            }
        });
    }
    Ok(if all_made { Exit::Ok } else { Exit::Failed })
}

/// Returns the named languages, or all available languages if none is named.
pub(super) fn select<'r>(registry: &'r Registry, ids: &[String]) -> Result<Vec<&'r Language>, Failure> {
    if ids.is_empty() {
        return Ok(registry.iter().filter(|language| language.is_available()).collect());
    }
    ids.iter()
        .map(|id| match registry.find(id) {
            Some(language) if language.is_available() => Ok(language),
            Some(language) => {
                Err(anyhow!("{} is not available: {}", language.id, local::reason(language))).or_exit(Exit::Failed)
            }
            None => Err(anyhow!(registry.unknown(id, "`cupel languages`"))).or_exit(Exit::Usage),
        })
        .collect()
}

/// A sample and its result.
struct Tested<'r> {
    language: &'r Language,
    sample: &'r Sample,
    /// `Err`: how the result differs from the expected result.
    result: Result<RunReport, String>,
}

/// Runs the samples of these languages. Afterwards, the process can write only to `writable`.
fn test(
    config: &Config,
    languages: &[&Language],
    store: Option<&PreparedStore>,
    writable: Option<&Path>,
) -> CommandResult {
    for language in languages {
        store.iter().for_each(|store| drop(prepared::use_existing(store, language, Check::Sizes)));
    }
    let work: Vec<(&Language, &Sample)> =
        languages.iter().flat_map(|l| l.usable_samples().map(move |s| (*l, s))).collect();
    let slots = std::thread::available_parallelism().map_or(1, usize::from);
    let roots = images::store(config).map(|store| store.roots());
    let directories = Directories { prepared: store.map(PreparedStore::root), images: roots.as_deref() };
    let launched = LocalRunner::launch_warm(slots, languages.iter().copied(), directories)
        .context("cannot start the sandbox; `cupel doctor` shows details")?;
    match writable {
        Some(directory) => {
            let group = images::engine_group(config, languages.iter().copied());
            owner::become_owner_of_part(directory.parent().unwrap_or(directory), directory, group)?;
        }
        None => owner::drop_privileges_keep_user(&[])?,
    }
    let runner = launched.start(CompilerSharing::Off, images::containers(config, languages.iter().copied())?);
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..slots)
            .map(|slot| {
                let (next, results, work, runner) = (&next, &results, &work, &runner);
                scope.spawn(move || -> anyhow::Result<()> {
                    let mut executor = runner.executor(slot)?;
                    while let Some((language, sample)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let tested = Tested { language, sample, result: try_sample(language, sample, &mut *executor) };
                        results.lock().map_err(|_| anyhow!("a thread that runs the samples panicked"))?.push(tested);
                    }
                    Ok(())
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow!("a thread that runs the samples panicked"))?)
    })?;
    let results = results.into_inner().map_err(|_| anyhow!("a thread that runs the samples panicked"))?;
    Ok(print_results(languages, &results))
}

fn try_sample(language: &Language, sample: &Sample, executor: &mut dyn Executor) -> Result<RunReport, String> {
    let program = Program::of_sample(sample).judged_as(language);
    let request = JudgeRequest {
        owner: UserId::NOBODY,
        program: &program,
        limits: sample.limits,
        language,
        stdin: None,
        output_kept_max: Bytes::mib(1),
        time_max: Duration::MAX,
    };
    let report = judge(&request, executor, &NoCache, &mut Nobody).map_err(|error| format!("{:#}", anyhow!(error)))?;
    if report.verdict != sample.verdict {
        let compile =
            report.compile.as_ref().filter(|c| !c.ok).map(|c| String::from_utf8_lossy(&c.output.data).into_owned());
        let stderr = report.execution.as_ref().map(|s| String::from_utf8_lossy(&s.stderr.data).into_owned());
        let output = compile.or(stderr).unwrap_or_default();
        let message = report.message.clone().unwrap_or_default();
        let (message, output) = (harmless(&message), harmless(&first_lines(&output)));
        return Err(format!("expected {}, got {} {message} {output}", sample.verdict, report.verdict));
    }
    let stdout = report
        .execution
        .as_ref()
        .map(|step| String::from_utf8_lossy(&step.stdout.data).into_owned())
        .unwrap_or_default();
    if let (Some(expected), message) = (&sample.message, report.message.as_deref().unwrap_or_default())
        && expected != message
    {
        let stderr = report.execution.as_ref().map(|s| String::from_utf8_lossy(&s.stderr.data).into_owned());
        let output = first_lines(&stderr.unwrap_or_default());
        return Err(format!("expected the message {expected:?}, got {message:?}; standard error was {output:?}"));
    }
    match &sample.stdout {
        Some(expected) if *expected != stdout => Err(format!("expected {expected:?}, got {:?}", first_lines(&stdout))),
        _ => Ok(report),
    }
}

/// Returns the first 600 characters of a text, enough to show the error.
fn first_lines(text: &str) -> String {
    text.chars().take(600).collect()
}

fn print_results(languages: &[&Language], results: &[Tested<'_>]) -> Exit {
    let mut table = Table::new(&["LANGUAGE", "VERSION", "SAMPLES", "COMPILE", "RUN", "MEMORY"]);
    let mut failures = Vec::new();
    for language in languages {
        let own: Vec<_> = results.iter().filter(|t| t.language.id == language.id).collect();
        let failed: Vec<_> = own.iter().filter_map(|t| Some((t.sample, t.result.as_ref().err()?))).collect();
        let samples = match failed.len() {
            0 => good(&format!("{} ✓", own.len())),
            n => bad(&format!("{n} of {} failed", own.len())),
        };
        // The first accepted sample is a small program, so its figures show the overhead of the language.
        let hello = own.iter().find(|t| t.sample.verdict == Verdict::Accepted).and_then(|t| t.result.as_ref().ok());
        let compile =
            hello.and_then(|r| r.compile.as_ref()).map_or("-".into(), |c| format!("{} ms", c.wall_time.as_millis()));
        let usage = hello.and_then(|r| r.execution.as_ref()).map(|step| step.usage);
        let run = usage.map_or("-".into(), |u| format!("{} ms", u.wall_time.as_millis()));
        let memory = usage.map_or("-".into(), |u| format!("{:.1} MiB", u.memory.as_kib() as f64 / 1024.0));
        let version = local::short_version(language);
        table.row(vec![language.id.to_string(), version, samples, compile, run, memory]);
        failures.extend(
            failed.into_iter().map(|(sample, why)| format!("{} {}: {why}", bold(language.id.as_str()), sample.name)),
        );
    }
    table.print();
    failures.iter().for_each(|failure| outln!("{failure}"));
    if failures.is_empty() { Exit::Ok } else { Exit::Failed }
}

/// Observer that ignores all events.
struct Nobody;

impl JudgeObserver for Nobody {
    fn event(&mut self, _: JudgeEvent<'_>) {}
}
