//! `cupel problem`: creates, checks, converts and lists packages. The command runs no programs of packages.

pub(super) mod args;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use cupel_languages::Registry;
use cupel_package::{
    Container, ExportError, ImportError, ImportOptions, Imported, LimitsToWrite, PackageFinding, export,
    import as import_package, is_marker, limits_file, new_limits_file, open as open_package, with_limits,
};
use cupel_problem::{ProblemLimits, Slug};
use cupel_types::{Bytes, chain, counted};
use serde_json::{Value, json};

use self::args::{Problem, ProblemCommand};
use super::judge::json::{finding, findings_of};
use super::{CommandResult, Exit, Failure, OrExit, clean_up, package};
use crate::local;
use crate::terminal::{Table, bad, dim, good, harmless, in_line};

mod skeleton;

use skeleton::Shows;

/// Command that prints the description of Cupel's own format.
const FORM: &str = "cupel help formats";

pub(super) fn problem(args: &Problem) -> CommandResult {
    let config = args.settings.load()?;
    let known = local::registry(&config).or_exit(Exit::Usage)?;
    clean_up::listen().context("cannot listen for signals")?;
    match &args.command {
        ProblemCommand::New { slug, function, checker, into } => {
            let shows = match (function, checker) {
                (true, _) => Shows::Function,
                (false, true) => Shows::Checker,
                (false, false) => Shows::Program,
            };
            new(slug, shows, into)
        }
        ProblemCommand::Import { package, into, format, time_limit, memory_limit_kib } => {
            let options = ImportOptions {
                format: *format,
                time_limit: *time_limit,
                memory_limit: memory_limit_kib.map(Bytes::kib),
                ..ImportOptions::new(&known)
            };
            import(package, into, &options)
        }
        ProblemCommand::Export { package, output } => write(package, output, &known),
        ProblemCommand::List { directory, json } => list(directory, *json, &known),
    }
}

fn new(slug: &Slug, shows: Shows, into: &Path) -> CommandResult {
    let target = into.join(slug.as_str());
    if target.symlink_metadata().is_ok() {
        return Err(anyhow!("{} exists already; remove it, or choose another name", target.display()))
            .or_exit(Exit::Usage);
    }
    let beside = making(into)?;
    let package_directory = beside.path().join("package");
    for (path, text) in skeleton::files(slug, shows) {
        let path = package_directory.join(path);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
        written.with_context(|| format!("cannot create {}", target.display()))?;
    }
    fs::rename(&package_directory, &target).with_context(|| format!("cannot create {}", target.display()))?;
    outln!("{} {}", good("✓"), target.display());
    outln!("{}", dim(&format!("verify it with: cupel verify {}", target.display())));
    outln!("{}", dim(&format!("description of its files: {FORM}")));
    Ok(Exit::Ok)
}

fn import(source: &Path, into: &Path, options: &ImportOptions<'_>) -> CommandResult {
    let beside = making(into)?;
    let package_directory = beside.path().join("package");
    let imported =
        import_package(source, &package_directory, options).map_err(|error| package::failed(source, error))?;
    write_limits(source, &package_directory, &imported, options)?;
    imported.warnings.iter().for_each(print_finding);
    let target = into.join(imported.package.problem.slug.as_str());
    if target.symlink_metadata().is_ok() {
        return Err(anyhow!("{} exists already; remove it, or import elsewhere", target.display()))
            .or_exit(Exit::Usage);
    }
    fs::rename(&package_directory, &target).with_context(|| format!("cannot create {}", target.display()))?;
    let facts = facts(&imported);
    outln!("{} {} {}", good("✓"), target.display(), dim(&format!("· {facts}")));
    Ok(Exit::Ok)
}

/// Writes the limits of the options into the package, so that every later use of the package has them.
fn write_limits(source: &Path, made: &Path, imported: &Imported, options: &ImportOptions<'_>) -> Result<(), Failure> {
    let limits = LimitsToWrite { time: options.time_limit, memory: options.memory_limit };
    if limits == LimitsToWrite::default() {
        return Ok(());
    }
    let file = limits_file(imported.format).or_exit(Exit::Usage)?;
    let path = made.join(file);
    let problem = &imported.package.problem;
    // Packages of some formats may lack the file.
    let text = match path.exists() {
        true => fs::read_to_string(&path),
        false => Ok(new_limits_file(imported.format, problem).to_owned()),
    };
    let text = text.with_context(|| format!("cannot read {file} of {}", source.display())).or_exit(Exit::Usage)?;
    let changed = with_limits(imported.format, &text, limits).or_exit(Exit::Usage)?;
    fs::write(&path, changed).with_context(|| format!("cannot write {}", path.display()))?;
    // The temporary directory has another name than the package.
    let slug = Some(problem.slug.clone());
    let without =
        ImportOptions { format: Some(imported.format), slug, time_limit: None, memory_limit: None, ..options.clone() };
    let written = open_package(made, &without).map_err(|error| package::failed(source, error))?.package.problem;
    let both = |limits: &ProblemLimits| (limits.time.limit, limits.memory);
    if both(&written.limits) != both(&problem.limits) {
        let error = anyhow!("{}: another file of the package sets other limits than {file} would", source.display());
        return Err(error).or_exit(Exit::Usage);
    }
    if written != *problem {
        let error = anyhow!(
            "{}: with the limits in {file}, the package would be judged by other rules; write them into it by hand",
            source.display()
        );
        return Err(error).or_exit(Exit::Usage);
    }
    Ok(())
}

/// Temporary directory on the file system of the target.
fn making(into: &Path) -> Result<tempfile::TempDir, Failure> {
    fs::create_dir_all(into).with_context(|| format!("cannot create {}", into.display())).or_exit(Exit::Usage)?;
    let package_directory = tempfile::Builder::new().prefix(".making-").tempdir_in(into);
    // The error of `tempfile` contains the random name, which is useless to the user.
    let package_directory = package_directory
        .map_err(|error| anyhow!("cannot create a directory in {}: {}", into.display(), error.kind()))
        .or_exit(Exit::Usage)?;
    clean_up::remove_at_a_signal(package_directory.path());
    Ok(package_directory)
}

fn facts(imported: &Imported) -> String {
    let problem = &imported.package.problem;
    format!(
        "{} · {} · {} · {}",
        in_line(problem.titles.main()),
        imported.format.as_str(),
        counted(problem.tests.cases().count(), "test"),
        counted(problem.submissions.len(), "submission")
    )
}

fn print_finding(finding: &PackageFinding) {
    errln!("{}", dim(&harmless(&finding.to_string())));
}

fn write(source: &Path, output: &Path, known: &Registry) -> CommandResult {
    let folder = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(anyhow!("{}: the directory {} does not exist", output.display(), folder.display()))
            .or_exit(Exit::Usage);
    }
    let failed = |error: ExportError| {
        let exit = match &error {
            ExportError::Inexpressible(_) | ExportError::TargetExists(_) => Exit::Usage,
            ExportError::Io(_) => Exit::System,
        };
        Failure { exit, error: error.into() }
    };
    if output.symlink_metadata().is_ok() {
        return Err(failed(ExportError::TargetExists(output.to_owned())));
    }
    let unpacked = package::unpack(source, &ImportOptions::new(known))?;
    unpacked.imported.warnings.iter().for_each(print_finding);
    let is_zip = output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    let container = if is_zip { Container::Zip } else { Container::Directory };
    // A signal removes this directory with everything in it.
    let beside = making(folder)?;
    let made = beside.path().join("package");
    let warnings = export(&unpacked.imported.package, &made, container).map_err(failed)?;
    fs::rename(&made, output).with_context(|| format!("cannot create {}", output.display()))?;
    warnings.iter().for_each(print_finding);
    outln!("{} {} {}", good("✓"), output.display(), dim(&format!("· {}", facts(&unpacked.imported))));
    Ok(Exit::Ok)
}

/// A package found in a directory.
enum Found {
    Package(Box<Imported>),
    Refused(ImportError),
}

fn list(directory: &Path, as_json: bool, known: &Registry) -> CommandResult {
    let mut found: Vec<(PathBuf, Found)> = Vec::new();
    let failed = || format!("cannot read {}", directory.display());
    for entry in fs::read_dir(directory).with_context(failed).or_exit(Exit::Usage)? {
        let path = entry.with_context(failed)?.path();
        if !is_package(&path) {
            continue;
        }
        let options = ImportOptions { allow_no_secret: true, ..ImportOptions::new(known) };
        match package::unpack(&path, &options) {
            Ok(unpacked) => found.push((path, Found::Package(Box::new(unpacked.imported)))),
            Err(failure) => found.push((path, Found::Refused(failure.error.downcast().map_err(Failure::from)?))),
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let refused = found.iter().any(|(_, found)| matches!(found, Found::Refused(_)));
    if as_json {
        let objects: Vec<Value> = found.iter().map(|(path, found)| object(path, found)).collect();
        outln!("{}", json!({ "packages": objects }));
    } else {
        show(&found);
    }
    Ok(if refused { Exit::Failed } else { Exit::Ok })
}

/// Whether a path looks like a package: a directory with a typical file of a package, or an archive.
fn is_package(path: &Path) -> bool {
    const ARCHIVES: [&str; 4] = [".zip", ".tar", ".tar.gz", ".tgz"];
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match path.is_dir() {
        true => path.read_dir().is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(is_marker) && entry.path().is_file())
        }),
        false => ARCHIVES.iter().any(|ending| name.ends_with(ending)),
    }
}

fn object(path: &Path, found: &Found) -> Value {
    let path = path.display().to_string();
    match found {
        Found::Refused(error) => json!({
            "path": path,
            "ok": false,
            "message": error.to_string(),
            "findings": findings_of(error),
        }),
        Found::Package(imported) => {
            let problem = &imported.package.problem;
            json!({
                "path": path,
                "ok": true,
                "slug": problem.slug.as_str(),
                "title": problem.titles.main(),
                "format": imported.format.as_str(),
                "difficulty": problem.difficulty.map(|difficulty| difficulty.as_str()),
                "tags": problem.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(),
                "time_limit_ms": problem.limits.time.limit.map(super::json::ms),
                "tests": problem.tests.cases().count(),
                "submissions": problem.submissions.len(),
                "interactive": problem.is_interactive(),
                "function": problem.signature.is_some(),
                "hash": imported.package.hash.to_string(),
                "findings": imported.warnings.iter().map(finding).collect::<Vec<_>>(),
            })
        }
    }
}

fn show(found: &[(PathBuf, Found)]) {
    let mut table = Table::new(&["package", "title", "format", "difficulty", "tests", "submissions"]);
    for (path, found) in found {
        let name = path.file_name().map(|name| in_line(&name.to_string_lossy())).unwrap_or_default();
        match found {
            Found::Refused(error) => table.row(vec![name, bad(&refusal(error))]),
            Found::Package(imported) => {
                let problem = &imported.package.problem;
                table.row(vec![
                    name,
                    in_line(problem.titles.main()),
                    imported.format.as_str().to_owned(),
                    problem.difficulty.map(|difficulty| difficulty.as_str().to_owned()).unwrap_or_default(),
                    problem.tests.cases().count().to_string(),
                    problem.submissions.len().to_string(),
                ]);
            }
        }
    }
    table.print();
}

/// Returns why a package is refused, in one line: the first finding, and the number of the others.
fn refusal(error: &ImportError) -> String {
    let (first, others) = match error {
        ImportError::Refused(refused) => {
            (refused.findings.first().map(ToString::to_string), refused.findings.len().saturating_sub(1))
        }
        _ => (None, 0),
    };
    let more = if others > 0 { format!(" (and {})", counted(others, "other finding")) } else { String::new() };
    format!("{}{more}", in_line(&first.unwrap_or_else(|| chain(error))))
}
