//! `cupel verify`: checks problem packages on this machine.
//!
//! Packages are unpacked and writable files are opened before privileges are given up.

pub(super) mod args;

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use cupel_judge::{Claim, Subject, VerifiedGroup, VerifiedSubmission, VerifyEvent, VerifyObserver, VerifyReport};
use cupel_judge::{DerivedTimeLimit, VerifiedTimeLimit, VerifyRequest, verify as verify_package};
use cupel_languages::Registry;
use cupel_package::{ImportError, LimitsToWrite, PackageFormat, limits_file, with_limits};
use cupel_problem::{MaxScore, Problem, Score};
use cupel_types::{Bytes, LanguageId, UserId, Verdict, counted};
use rustix::fs::{AtFlags, FallocateFlags};
use rustix::io::Errno;
use uuid::Uuid;

use self::args::Verify;
use super::judge::{colour, max, measured};
use super::package::{self, Bench, Unpacked};
use super::{CommandResult, Exit, Failure, OrExit, clean_up};
use crate::calibrations::{Calibrated, Calibrations};
use crate::local;
use crate::terminal::{Table, bad, bold, dim, good, harmless};

mod json;

pub(super) fn verify(args: &Verify) -> CommandResult {
    let config = args.settings.load()?;
    let known = local::registry(&config).or_exit(Exit::Usage)?;
    let (mut exit, mut ready) = (Exit::Ok, Vec::new());
    for path in &args.packages {
        match Ready::open(path, args, &known) {
            Ok(one) => ready.push(one),
            Err(Failure { exit: Exit::Usage, error }) => {
                if args.json
                    && let Some(refused) = error.downcast_ref::<ImportError>()
                {
                    outln!("{}", json::refused(path, refused));
                }
                errln!("{}: {}", bad("error"), harmless(&format!("{}: {error:#}", path.display())));
                exit = Exit::Usage;
            }
            Err(failure) => return Err(failure),
        }
    }
    if ready.is_empty() {
        return Ok(exit);
    }
    let mut needed = BTreeSet::new();
    for one in &ready {
        needed_languages(&one.unpacked.imported.package.problem, &known, &mut needed);
    }
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut bench = Bench::start(&config, &known, &needed, args.jobs.get().min(processors).min(ready.len()))?;
    let held = verify_all(&ready, args, config.worker.warm_interpreters, &mut bench)?;
    bench.end();
    Ok(if held || exit != Exit::Ok { exit } else { Exit::Failed })
}

/// Verifies packages, one at a time in each slot, and prints the results in the order of the packages. Returns whether
/// all claims hold. `warm`: whether interpreters are kept warm.
fn verify_all(ready: &[Ready], args: &Verify, warm: bool, bench: &mut Bench) -> Result<bool, Failure> {
    let (languages, executors, cache) = bench.parts();
    let are_many = executors.len() > 1;
    let requests: Vec<VerifyRequest<'_>> = ready.iter().map(|one| one.request(args, languages)).collect();
    let begun = AtomicUsize::new(0);
    let (ended, ends) = mpsc::channel();
    std::thread::scope(|scope| {
        for executor in executors {
            let (ended, requests, begun) = (ended.clone(), &requests, &begun);
            scope.spawn(move || {
                let next = || ready.iter().zip(requests).nth(begun.fetch_add(1, Ordering::Relaxed));
                while let Some((one, request)) = next() {
                    let package = if are_many { format!("{}: ", one.path.display()) } else { String::new() };
                    let mut progress = Progress { watched: !args.json, package };
                    let report = verify_package(request, &mut **executor, cache, &mut progress);
                    // If Cupel itself failed, the receiver no longer exists.
                    if ended.send((request.package.root(), report)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(ended);
        let (mut reports, mut held, mut printed) = (HashMap::new(), true, 0);
        for (root, report) in ends {
            reports.insert(root, report?);
            while let Some((one, report)) =
                ready.get(printed).and_then(|one| Some((one, reports.remove(one.unpacked.imported.package.root())?)))
            {
                one.cache_limit(args, warm, languages, &report);
                held &= one.print(args, &report)?;
                printed += 1;
            }
        }
        Ok(held)
    })
}

/// Collects the languages of all programs of a package that verification runs.
fn needed_languages(problem: &Problem, known: &Registry, into: &mut BTreeSet<LanguageId>) {
    let examples = problem.submissions.iter().map(|example| &example.program);
    let programs = examples.chain(cupel_judge::judging_programs(problem));
    programs.for_each(|program| package::languages_of(program, known, into));
    package::languages_of_validators(problem, known, into);
}

/// A package ready for verification.
struct Ready {
    path: PathBuf,
    unpacked: Unpacked,
    /// The file that contains the package's time limit, if the limit may be changed.
    limit_file: Option<LimitFile>,
}

impl Ready {
    fn open(path: &Path, args: &Verify, known: &Registry) -> Result<Ready, Failure> {
        let unpacked = package::unpack(path, &package::options(&args.reading, known))?;
        let format = unpacked.imported.format;
        let limit_file = args.update_time_limit.then(|| LimitFile::open(path, format)).transpose()?;
        Ok(Ready { path: path.to_owned(), unpacked, limit_file })
    }

    fn request<'a>(&'a self, args: &Verify, languages: &'a Registry) -> VerifyRequest<'a> {
        let imported = &self.unpacked.imported;
        VerifyRequest {
            package: &imported.package,
            languages,
            derive_time_limit: args.update_time_limit,
            margins_bind: imported.format.margins_bind() && args.reading.time_limit.is_none(),
            all_cases: args.all_cases,
            owner: UserId::from_uuid(Uuid::nil()),
        }
    }

    /// If the package has no time limit, caches the derived limit for `cupel judge`.
    fn cache_limit(&self, args: &Verify, warm: bool, languages: &Registry, report: &VerifyReport) {
        let problem = &self.unpacked.imported.package.problem;
        let has_none = problem.limits.time.limit.is_none() && report.holds();
        let VerifiedTimeLimit { limit: Some(limit), slowest_in_time: Some(slowest), .. } = &report.time_limit else {
            return;
        };
        let Some(kept) = Calibrations::of_user().filter(|_| has_none) else { return };
        let measured = measured(problem, languages);
        let with = languages.iter().filter(|language| measured.contains(&language.id));
        let memory = args.reading.memory_limit_kib.map(Bytes::kib);
        let of = Calibrated::of(&self.unpacked.imported.package.hash, memory, warm, with);
        // If the limit cannot be stored, `cupel judge` measures it again.
        let _ = kept.keep(&of, &DerivedTimeLimit { limit: *limit, slowest: slowest.clone() });
    }

    /// Prints the result. Writes the time limit if requested and all claims hold. Returns whether all claims hold.
    fn print(&self, args: &Verify, report: &VerifyReport) -> Result<bool, Failure> {
        let imported = &self.unpacked.imported;
        let limit = report.time_limit.limit.filter(|_| report.holds());
        let updated = match (&self.limit_file, limit) {
            (Some(file), Some(limit)) => Some(file.write(limit)?),
            _ => None,
        };
        if args.json {
            outln!("{}", json::report(&self.path, imported, report, updated));
            return Ok(report.holds());
        }
        if args.packages.len() > 1 {
            outln!("{}", bold(&self.path.display().to_string()));
        }
        for warning in &imported.warnings {
            errln!("{}", dim(&harmless(&warning.to_string())));
        }
        show(&self.path, report);
        match updated {
            Some(true) => outln!("the time limit was written into the package"),
            Some(false) => outln!("{}", dim("the package has this time limit already")),
            None if args.update_time_limit => {
                outln!("{}", bad("the time limit was not written: a claim does not hold with it"));
            }
            None => {}
        }
        Ok(report.holds())
    }
}

/// The package's file that contains the time limit, open for writing.
struct LimitFile {
    format: PackageFormat,
    path: PathBuf,
    file: File,
    /// The directory of the file. `path` may be relative, and this process changes its working directory.
    directory: File,
}

impl LimitFile {
    fn open(package: &Path, format: PackageFormat) -> Result<LimitFile, Failure> {
        let name = limits_file(format).or_exit(Exit::Usage)?;
        if !package.is_dir() {
            let error = anyhow!("it is an archive; --update-time-limit changes a package that is a directory");
            return Err(error).or_exit(Exit::Usage);
        }
        let path = package.join(name);
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.with_context(|| format!("cannot write to {}", path.display())).or_exit(Exit::Usage)?;
        let directory = path.parent().unwrap_or(package);
        let directory = File::open(directory).with_context(|| format!("cannot open {}", directory.display()))?;
        Ok(LimitFile { format, path, file, directory })
    }

    /// Refuses a file that an editor has replaced by another one with its name, because the limit would be written to
    /// the old file, which no name leads to.
    fn must_be_current(&self) -> Result<(), Failure> {
        let failed = || format!("cannot read {}", self.path.display());
        let open = self.file.metadata().with_context(failed)?;
        let name = self.path.file_name().unwrap_or_default();
        let is_current = match rustix::fs::statat(&self.directory, name, AtFlags::empty()) {
            Ok(named) => (named.st_dev, named.st_ino) == (open.dev(), open.ino()),
            // Without its privileges, this process may not be able to look into the directory.
            Err(Errno::ACCESS) => open.nlink() > 0,
            Err(_) => false,
        };
        if is_current {
            return Ok(());
        }
        let path = self.path.display();
        Err(anyhow!(
            "{path} was replaced during the verification, so the time limit was not written; repeat the command"
        ))
        .or_exit(Exit::System)
    }

    /// Writes the limit. Returns whether the file changed.
    fn write(&self, limit: Duration) -> Result<bool, Failure> {
        let failed = || format!("cannot write to {}", self.path.display());
        let (mut file, mut text) = (&self.file, String::new());
        self.must_be_current()?;
        file.rewind().and_then(|()| file.read_to_string(&mut text)).with_context(failed)?;
        let limits = LimitsToWrite { time: Some(limit), memory: None };
        let changed = with_limits(self.format, &text, limits).or_exit(Exit::Failed)?;
        if changed == text {
            return Ok(false);
        }
        // The file is changed in place, because this process can no longer create files beside it.
        let written = clean_up::uninterrupted(|| {
            reserve(file, changed.len() as u64)?;
            file.rewind()?;
            file.write_all(changed.as_bytes())?;
            file.set_len(changed.len() as u64)?;
            file.sync_all()
        });
        written.with_context(failed)?;
        self.must_be_current()?;
        Ok(true)
    }
}

/// Reserves disk space for a file of this length, so that a full disk is noticed before the file is changed. Does
/// nothing on a file system that cannot do this.
fn reserve(file: &File, length: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, length) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        reserved => Ok(reserved?),
    }
}

/// Prints progress to standard error.
struct Progress {
    watched: bool,
    /// Prefix of each line if several packages are verified at the same time.
    package: String,
}

impl VerifyObserver for Progress {
    fn event(&mut self, event: VerifyEvent<'_>) {
        if !self.watched {
            return;
        }
        match event {
            VerifyEvent::Inputs => self.say("input validators"),
            VerifyEvent::Outputs => self.say("checkers"),
            VerifyEvent::Submission { path, number, of } => self.say(&format!("{number}/{of} {path}")),
        }
    }
}

impl Progress {
    fn say(&self, what: &str) {
        errln!("{}", dim(&format!("{}{what} …", self.package)));
    }
}

fn show(path: &Path, report: &VerifyReport) {
    table(report);
    for note in &report.notes {
        outln!("{} {}", dim("note:"), harmless(note));
    }
    for claim in report.broken() {
        outln!("{} {}", bad("✗"), harmless(&line_of(claim)));
    }
    for submission in &report.submissions {
        if let (Some(hint), false) = (&submission.hint, submission.holds) {
            outln!("  {} {}: {hint}", dim("hint:"), submission.path);
        }
    }
    let (mark, broken) = (if report.holds() { good("✓") } else { bad("✗") }, report.broken().count());
    let count = report.claims.len();
    let untried =
        report.submissions.iter().filter(|submission| submission.holds && submission.language.is_none()).count();
    let untried = if untried == 0 { String::new() } else { format!("; submissions not tried here: {untried}") };
    let summary = match broken {
        0 if count == 0 => format!("nothing was checked{untried}"),
        0 if count == 1 => format!("the only claim holds{untried}"),
        0 => format!("all {count} claims hold{untried}"),
        1 => format!("1 of {} does not hold{untried}", counted(count, "claim")),
        _ => format!("{broken} of {count} claims do not hold{untried}"),
    };
    outln!("{mark} {}: {summary} {}", path.display(), dim(&format!("· {}", limit(report))));
}

fn limit(report: &VerifyReport) -> String {
    let limit = &report.time_limit;
    let mut facts = vec![match limit.limit {
        Some(found) if limit.derived => format!("time limit {} (derived)", seconds(found)),
        Some(found) => format!("time limit {}", seconds(found)),
        None => "no time limit".to_owned(),
    }];
    if let Some(slowest) = &limit.slowest_in_time {
        let started = slowest.start.map(|start| format!(", started {}", start.name())).unwrap_or_default();
        facts.push(format!("slowest in time {}{started}", seconds(slowest.time)));
    }
    if let Some(fastest) = &limit.fastest_too_slow {
        let more = if fastest.unfinished { "more than " } else { "" };
        facts.push(format!("fastest too slow {more}{}", seconds(fastest.time)));
    }
    facts.join(" · ")
}

/// Prints a table of the submissions with their results by group.
fn table(report: &VerifyReport) {
    let mut names: Vec<&str> = Vec::new();
    for group in report.submissions.iter().flat_map(|submission| &submission.groups) {
        if !names.contains(&group.name.as_str()) {
            names.push(group.name.as_str());
        }
    }
    if report.submissions.is_empty() {
        return;
    }
    let scored = report.submissions.iter().any(|submission| submission.max_score.is_some());
    let mut head = vec!["submission", "verdict"];
    if scored {
        head.push("score");
    }
    head.extend(names.iter().map(|name| if name.is_empty() { "tests" } else { name }));
    head.extend(["slowest", "of limit"]);
    let mut table = Table::new(&head);
    for submission in &report.submissions {
        let path = submission.path.below("submissions").unwrap_or(submission.path.as_str());
        let mark = match (submission.holds, submission.language.is_some()) {
            (true, true) => good("✓"),
            (true, false) => dim("–"),
            (false, _) => bad("✗"),
        };
        let mut cells = vec![format!("{mark} {path}"), submission.verdict.code().to_owned()];
        if scored {
            cells.push(points(submission.score, submission.max_score));
        }
        for name in &names {
            let group = submission.groups.iter().find(|group| group.name.as_str() == *name);
            cells.push(group.map(cell).unwrap_or_default());
        }
        cells.push(submission.slowest().map(seconds).unwrap_or_default());
        cells.push(share(submission));
        table.row(cells);
    }
    table.print();
}

fn cell(group: &VerifiedGroup) -> String {
    let mut parts = vec![colour(group.verdict)];
    if group.score.is_some() {
        parts.push(points(group.score, group.max));
    }
    parts.extend(group.slowest.map(seconds));
    if group.idle {
        parts.push("idle".to_owned());
    }
    if group.verdict == Verdict::Skipped {
        parts.truncate(1);
    }
    parts.join(" ")
}

fn points(score: Option<Score>, of: Option<MaxScore>) -> String {
    match (score, of) {
        (Some(score), Some(of)) => format!("{score}/{}", max(of)),
        (Some(score), None) => score.to_string(),
        (None, _) => String::new(),
    }
}

/// Returns the share of the time limit that the slowest case takes; `idle` for an idle submission.
fn share(submission: &VerifiedSubmission) -> String {
    if submission.is_idle() {
        return "idle".to_owned();
    }
    let share = submission.slowest().map(|time| time.as_secs_f64() / submission.time_limit.as_secs_f64() * 100.0);
    share.map(|share| format!("{share:.0} %")).unwrap_or_default()
}

/// Formats a claim as a line of text.
fn line_of(claim: &Claim) -> String {
    let subject = match &claim.subject {
        Subject::Validator(path) | Subject::Generator(path) | Subject::Submission(path) => path.to_string(),
        Subject::Checker(name) => name.clone(),
        Subject::TimeLimit => "time limit".to_owned(),
    };
    let case = claim.case.as_ref().map(|case| format!(" {case}:")).unwrap_or_default();
    let Claim { rule, expected, got, .. } = claim;
    format!("{subject}:{case} expected {expected} ({rule}), got {got}")
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
