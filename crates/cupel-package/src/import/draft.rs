//! A problem under construction: the values that an importer has found so far, and defaults for the others.

use std::collections::BTreeMap;
use std::time::Duration;

use cupel_types::{Bytes, Limits};

use super::Context;
use crate::finding::{Code, PackageFinding, Position};
use cupel_problem::{
    Author, Calibration, CaseGroup, Difficulty, ExampleSubmission, ExpectedVerdict, FileRef, Include, InputValidator,
    Licence, Passes, Problem, ProblemLimits, ProgramIo, Scoring, Signature, Slug, Statement, Tag, Tests, Titles,
    Trials, Visibility,
};

/// Maximum number of characters of a title, and of the name and the address of an author.
const NAME_CHARACTERS_MAX: usize = 200;
const TAGS_MAX: usize = 30;
const AUTHORS_MAX: usize = 100;
/// A package may set at least this time for compilation and for validation, even if the maximum for submissions is
/// lower.
const JUDGE_PROGRAM_TIME_MIN: Duration = Duration::from_secs(60);
/// Maximum of `validation_output`. A worker keeps the files of each program of a package in memory. The format's
/// default is 8 MiB; every such program may write 64 MiB. Source: Kattis problem package format, `limits`.
const VALIDATION_OUTPUT_MAX: Bytes = Bytes::mib(64);

/// A format's keys for limits and for the values that problem lists show. Findings name these keys.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    pub(crate) title: &'static str,
    pub(crate) tags: &'static str,
    pub(crate) authors: &'static str,
    pub(crate) time_limit: &'static str,
    /// The unit of the time limit.
    pub(crate) time_unit: &'static str,
    pub(crate) memory: &'static str,
}

pub(crate) struct Draft {
    keys: Keys,
    pub(crate) slug: Option<Slug>,
    /// Language and title; the first is the main one.
    pub(crate) titles: Vec<(String, String)>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) editorials: Vec<Statement>,
    pub(crate) difficulty: Option<Difficulty>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) authors: Vec<Author>,
    pub(crate) source: Option<String>,
    pub(crate) licence: Licence,
    pub(crate) limits: ProblemLimits,
    pub(crate) scoring: Scoring,
    pub(crate) forbids_packages: bool,
    pub(crate) passes: Passes,
    pub(crate) io: ProgramIo,
    pub(crate) validators: Vec<InputValidator>,
    pub(crate) trials: Trials,
    pub(crate) submissions: Vec<ExampleSubmission>,
    pub(crate) generators: Vec<FileRef>,
    pub(crate) includes: Vec<Include>,
    pub(crate) conversations: Vec<FileRef>,
    pub(crate) attachments: Vec<FileRef>,
    pub(crate) signature: Option<Signature>,
    /// The file that contains the limits, for findings.
    pub(crate) limits_file: String,
    /// Position of the memory limit in that file.
    pub(crate) memory_at: Option<Position>,
    /// The fault because of which an accepted submission has no expected result.
    pub(crate) set_aside: Option<PackageFinding>,
}

impl Draft {
    pub(crate) fn new(calibration: Calibration, limits_file: &str, keys: Keys) -> Draft {
        Draft {
            keys,
            slug: None,
            titles: Vec::new(),
            statements: Vec::new(),
            editorials: Vec::new(),
            difficulty: None,
            tags: Vec::new(),
            authors: Vec::new(),
            source: None,
            licence: Licence { name: None, rights_owner: None },
            limits: ProblemLimits::unset(calibration),
            scoring: Scoring::PassFail,
            forbids_packages: false,
            passes: Passes::One,
            io: ProgramIo::default(),
            validators: Vec::new(),
            trials: Trials::default(),
            submissions: Vec::new(),
            generators: Vec::new(),
            includes: Vec::new(),
            conversations: Vec::new(),
            attachments: Vec::new(),
            signature: None,
            limits_file: limits_file.to_owned(),
            memory_at: None,
            set_aside: None,
        }
    }

    /// Adds a tag if the text is a valid tag.
    pub(crate) fn add_tag(&mut self, text: &str) {
        if let Ok(tag) = text.trim().parse::<Tag>() {
            self.tags.push(tag);
        }
    }

    /// Adds an author from `Name <address>` or from a name.
    pub(crate) fn add_author(&mut self, text: &str) {
        let (name, email) = match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, email)) => (name.trim(), Some(email.trim().to_owned())),
            None => (text.trim(), None),
        };
        // One author more than the maximum is stored, so that the excess is reported.
        let has_room = self.authors.len() <= AUTHORS_MAX;
        if has_room && !name.is_empty() && !self.authors.iter().any(|known| known.name == name) {
            self.authors.push(Author { name: name.to_owned(), email });
        }
    }

    /// Builds the problem. `None` if there are faults, which have been reported.
    pub(crate) fn finish(mut self, root: Option<CaseGroup>, context: &Context<'_>) -> Option<Problem> {
        self.apply_options(context);
        self.raise_memory(context);
        self.tags.sort();
        self.tags.dedup();
        self.check_words(context);
        self.check_limits(context);
        self.check_completeness(context);
        let tests = root.and_then(|root| {
            let report = |error: cupel_problem::TestsError| {
                context.findings.file(Code::Groups, "", error.to_string(), "Correct the groups");
            };
            Tests::new(root).map_err(report).ok()
        });
        let slug = self.slug.take().or_else(|| context.default_slug());
        if slug.is_none() {
            let remedy =
                "Name the package's directory or archive with letters and digits, or pass a name to the import";
            context.findings.file(Code::KeyMissing, "", "no short name can be derived for the problem", remedy);
        }
        let mut titles = self.titles.into_iter();
        let main = titles.next().or_else(|| slug.as_ref().map(|slug| ("en".to_owned(), slug.to_string())));
        if context.findings.any_error() {
            return None;
        }
        let (language, title) = main?;
        let problem = Problem {
            slug: slug?,
            titles: Titles::new(language, title, titles.collect::<BTreeMap<_, _>>()),
            statements: self.statements,
            editorials: self.editorials,
            difficulty: self.difficulty,
            tags: self.tags,
            authors: self.authors,
            source: self.source,
            licence: self.licence,
            visibility: Visibility::Draft,
            limits: self.limits,
            scoring: self.scoring,
            forbids_packages: self.forbids_packages,
            passes: self.passes,
            io: self.io,
            tests: tests?,
            validators: self.validators,
            trials: self.trials,
            submissions: self.submissions,
            generators: self.generators,
            includes: self.includes,
            conversations: self.conversations,
            attachments: self.attachments,
            signature: self.signature,
        };
        if !context.is_stored {
            context.check_sizes(&problem);
        }
        (!context.findings.any_error()).then_some(problem)
    }

    fn apply_options(&mut self, context: &Context<'_>) {
        let options = context.options;
        if let Some(slug) = &options.slug {
            self.slug = Some(slug.clone());
        }
        if let Some(limit) = options.time_limit {
            self.limits.time.limit = Some(limit);
        }
        if let Some(memory) = options.memory_limit {
            self.limits.memory = memory;
            self.memory_at = None;
        }
    }

    /// Raises a memory limit that is below the minimum, because no program can start with such a limit.
    fn raise_memory(&mut self, context: &Context<'_>) {
        if self.limits.memory < Limits::MEMORY_MIN {
            let fault = format!("the memory limit is {}; it is raised to the minimum", self.limits.memory);
            let remedy = format!("Require at least {}", Limits::MEMORY_MIN);
            let (file, at, key) = (&self.limits_file, self.memory_at, Some(self.keys.memory));
            context.findings.at(Code::LimitRaised, file, at, key, fault, remedy);
            self.limits.memory = Limits::MEMORY_MIN;
        }
    }

    /// Checks the lengths of the values that problem lists show.
    fn check_words(&self, context: &Context<'_>) {
        let report = |key: &str, fault: String| {
            let remedy = "Shorten it, because problem lists show it";
            context.findings.at(Code::KeyType, &self.limits_file, None, Some(key), fault, remedy);
        };
        let titles = self.titles.iter().map(|(_, title)| (self.keys.title, title));
        let people = self.authors.iter().flat_map(|author| std::iter::once(&author.name).chain(&author.email));
        for (key, text) in titles.chain(people.map(|text| (self.keys.authors, text))) {
            if let Some(fault) = too_long(text) {
                report(key, fault);
            }
        }
        if self.tags.len() > TAGS_MAX {
            report(self.keys.tags, format!("{} words; the maximum is {TAGS_MAX}", self.tags.len()));
        }
        if self.authors.len() > AUTHORS_MAX {
            report(self.keys.authors, format!("more than {AUTHORS_MAX} people"));
        }
    }

    fn check_limits(&self, context: &Context<'_>) {
        let maxima = &context.options.maxima;
        let report = |key: &str, asked: String, most: String| {
            let fault = format!("the problem requires {asked}; this server allows at most {most}");
            let remedy = "Lower it, or ask the operator to raise the maximum";
            context.findings.at(Code::LimitUnsupported, &self.limits_file, None, Some(key), fault, remedy);
        };
        let seconds = |time: Duration| format!("{} s", time.as_secs_f64());
        let longest = self.limits.time.limit.map(|limit| {
            let factors = self.limits.per_language.values().map(|factors| factors.time.times(limit));
            factors.fold(limit, Duration::max)
        });
        if let Some(limit) = longest.filter(|limit| *limit > maxima.time) {
            report(self.keys.time_limit, seconds(limit), seconds(maxima.time));
        }
        let factors = self.limits.per_language.values().map(|factors| factors.memory.times_bytes(self.limits.memory));
        let memory = factors.fold(self.limits.memory, Bytes::max);
        if memory > maxima.memory {
            report(self.keys.memory, memory.to_string(), maxima.memory.to_string());
        }
        if self.limits.output > maxima.output {
            report("limits.output", self.limits.output.to_string(), maxima.output.to_string());
        }
        for (key, bounds) in [("compilation", self.limits.compile), ("validation", self.limits.validation)] {
            let time_max = maxima.time.max(JUDGE_PROGRAM_TIME_MIN);
            if bounds.time > time_max {
                report(&format!("limits.{key}_time"), seconds(bounds.time), seconds(time_max));
            }
            if bounds.memory > maxima.memory {
                report(&format!("limits.{key}_memory"), bounds.memory.to_string(), maxima.memory.to_string());
            }
        }
        let output = self.limits.validation.output;
        if output > VALIDATION_OUTPUT_MAX {
            let fault = format!("the problem requires {output}; the maximum is {VALIDATION_OUTPUT_MAX}");
            let (file, key) = (&self.limits_file, Some("limits.validation_output"));
            let remedy = "Lower it; this maximum has no setting";
            context.findings.at(Code::LimitUnsupported, file, None, key, fault, remedy);
        }
    }

    fn check_completeness(&self, context: &Context<'_>) {
        let accepted = self.submissions.iter().any(|submission| {
            submission.expectations.iter().any(|expectation| {
                expectation.verdict.as_deref().or(expectation.permitted.as_deref())
                    == Some(&[ExpectedVerdict::Accepted])
            })
        });
        if self.limits.time.limit.is_none() && !accepted {
            let Keys { time_limit: key, time_unit: unit, .. } = self.keys;
            let file = &self.limits_file;
            let set = format!("et `{key}` (in {unit}) in {file}, or pass --time-limit on the command line");
            // The submissions of this folder are accepted, unless a fault has set them aside.
            let about_accepted = |finding: &PackageFinding| {
                matches!(finding.code, Code::Expectation | Code::LeftOut)
                    && finding.file.starts_with("submissions/accepted/")
            };
            let set_aside = self.set_aside.clone().or_else(|| context.findings.find(about_accepted));
            let fault = "there is neither a time limit nor an accepted submission to derive one from";
            let (fault, remedy) = match set_aside {
                None => (fault.to_owned(), format!("S{set}, or add an accepted submission")),
                Some(why) => {
                    let (place, why) = (why.place(), why.fault);
                    let why = format!("{fault}; submissions in submissions/accepted were set aside: {place}: {why}");
                    (why, format!("Correct that, or s{set}"))
                }
            };
            context.findings.file(Code::NoTimeLimit, &self.limits_file, fault, remedy);
        } else if !accepted {
            let remedy = "Add one: without it, verification cannot show that the problem is solvable";
            context.findings.file(
                Code::NotVerifiable,
                "",
                "there is no submission that is expected to be accepted",
                remedy,
            );
        }
        if self.validators.is_empty() {
            let remedy = "Add one: without it, verification cannot check the inputs";
            let is_unknown = |finding: &PackageFinding| {
                finding.code == Code::UnusedFile && finding.fault.contains("not run as a validator")
            };
            let fault = match context.findings.find(is_unknown) {
                Some(unknown) => format!("the only input validator, `{}`, is in no known language", unknown.file),
                None => "there is no input validator".to_owned(),
            };
            context.findings.file(Code::NotVerifiable, "", fault, remedy);
        }
        if self.statements.is_empty() {
            context.findings.file(
                Code::NoStatement,
                "",
                "there is no statement",
                "Add one: without it, the page of the problem shows only the title and the limits",
            );
        }
    }
}

/// Returns the fault of a name that is too long.
pub(crate) fn too_long(name: &str) -> Option<String> {
    let characters = name.chars().count();
    (characters > NAME_CHARACTERS_MAX).then(|| format!("{characters} characters; the maximum is {NAME_CHARACTERS_MAX}"))
}
