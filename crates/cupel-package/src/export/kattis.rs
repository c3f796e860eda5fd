//! Layout of a package in the Kattis format 2025-09. Source: Kattis problem package format, 2025-09.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::yaml::{Yaml, document};
use super::{Content, Planned};
use crate::finding::{Code, Findings};
use crate::{PackageFinding, Refused};
use cupel_problem::{
    Case, CaseId, Feedback, FileRef, InputValidator, OnOutputLimit, Package, PackagePath, Passes, Problem,
    ProblemLimits, ProgramFile, Scoring, Statement, StatementFormat, ValidatorArgs, family_members, family_of,
};
use cupel_types::LanguageId;

mod checkers;
mod expectations;
mod groups;
mod metadata;

pub(super) use metadata::Metadata;

/// Directories of the format that Cupel does not read.
const UNREAD: &[&str] = &["input_visualizer", "output_visualizer"];
/// The format's keywords for licences, each with its SPDX identifiers. Source: 2025-09, "License"; spdx.org/licenses.
const LICENCES: &[(&str, &[&str])] = &[
    ("public domain", &[]),
    ("cc0", &["CC0-1.0"]),
    ("cc by", &["CC-BY-4.0"]),
    ("cc by-sa", &["CC-BY-SA-4.0"]),
    ("educational", &[]),
    ("permission", &[]),
];

/// The format's code of a language. The format does not distinguish the versions of a language. Source: the appendix
/// "Languages".
fn code_of(language: &LanguageId) -> Option<&str> {
    Some(match family_of(language.as_str()) {
        "python" => "python3",
        "modula-2" => "modula2",
        "objective-c" => "objectivec",
        same @ ("ada" | "algol68" | "bash" | "c" | "cobol" | "cpp" | "crystal" | "csharp" | "d" | "dart" | "elixir"
        | "erlang" | "forth" | "fortran" | "fsharp" | "go" | "haskell" | "java" | "javascript" | "julia"
        | "kotlin" | "lisp" | "lua" | "nim" | "ocaml" | "octave" | "pascal" | "perl" | "php" | "prolog"
        | "python2" | "racket" | "ruby" | "rust" | "scala" | "swift" | "typescript" | "zig") => same,
        _ => return None,
    })
}

/// Returns all files of the exported package, and the warnings.
pub(super) fn plan(package: &Package, metadata: &Metadata) -> Result<(Vec<Planned>, Vec<PackageFinding>), Refused> {
    let findings = Findings::default();
    let (files, validators, names) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut plan = Plan { problem: &package.problem, findings: &findings, files, validators, names };
    if package.problem.signature.is_some() {
        let fault = "function problems need drivers, which only Cupel generates";
        plan.cannot("function", fault, "Change it to a problem that reads standard input and writes standard output");
    }
    if package.problem.includes.iter().any(|include| include.grader.is_some()) {
        let fault = "the submission is compiled together with a grader that calls its functions";
        plan.cannot("signature_grader", fault, "Change it to a problem that reads standard input");
    }
    plan.configuration(package, metadata);
    for directory in UNREAD.iter().filter(|directory| package.root().join(directory).is_dir()) {
        plan.weaker(directory, "Cupel does not read this directory; it is left out");
    }
    plan.statements();
    plan.editorials(package);
    plan.judge();
    plan.validators();
    plan.tests();
    plan.trials();
    plan.submissions(metadata);
    plan.rest();
    let files = plan.planned();
    let warnings = findings.into_result()?;
    Ok((files, warnings))
}

struct Plan<'a> {
    problem: &'a Problem,
    findings: &'a Findings,
    files: BTreeMap<String, (Content, bool)>,
    /// The input validators of the exported package: original path, and new name in `input_validators/`.
    validators: Vec<(PackagePath, String)>,
    /// The cases of the exported package: original name, and new name. A sample that gives points occurs twice.
    names: Vec<(CaseId, String)>,
}

impl Plan<'_> {
    fn cannot(&self, what: &str, fault: impl Into<String>, remedy: &str) {
        self.findings.file(Code::Unsupported, what, fault, remedy);
    }

    fn weaker(&self, what: &str, fault: impl Into<String>) {
        self.findings.file(Code::LeftOut, what, fault, "Check the difference before using the package elsewhere");
    }

    /// Returns the files. Their paths consist of names and languages of the package, so a path may be invalid. Refuses
    /// the export in this case.
    fn planned(mut self) -> Vec<Planned> {
        let mut planned = Vec::new();
        for (path, (content, executable)) in std::mem::take(&mut self.files) {
            match PackagePath::new(&path) {
                Ok(path) => planned.push(Planned { path, content, executable }),
                Err(error) => {
                    let fault = format!("the exported package cannot have a file of this name: {error}");
                    self.cannot(&path, fault, "Shorten or rename the file or its directory");
                }
            }
        }
        planned
    }

    /// Whether the exported package has a file at this path, or files below it.
    fn is_taken(&self, path: &str) -> bool {
        let directory = format!("{path}/");
        let mut below = self.files.range::<str, _>((Bound::Included(directory.as_str()), Bound::Unbounded));
        self.files.contains_key(path) || below.next().is_some_and(|(path, _)| path.starts_with(&directory))
    }

    /// Returns the name, with a number before it if the directory already has a file or directory of this name.
    fn free_name(&self, directory: &str, name: &str) -> String {
        let mut free = name.to_owned();
        let mut number = 2;
        while self.is_taken(&format!("{directory}/{free}")) {
            free = format!("{number}-{name}");
            number += 1;
        }
        free
    }

    /// Whether the exported package has a file with other content at this path.
    fn has_other(&self, path: &str, content: &Content) -> bool {
        self.files.get(path).is_some_and(|(known, _)| !known.is_equal(content))
    }

    /// Plans a file. Refuses the export if another file has the same path.
    fn insert(&mut self, path: String, content: Content, executable: bool) {
        if self.has_other(&path, &content) {
            let fault = "two different files would have this path in the exported package";
            self.cannot(&path, fault, "Rename one of them");
        } else {
            self.files.insert(path, (content, executable));
        }
    }

    fn text(&mut self, path: &str, text: String) {
        self.insert(path.to_owned(), Content::Text(text), false);
    }

    fn copy(&mut self, path: String, file: &FileRef) {
        self.insert(path, Content::File(file.clone()), false);
    }

    fn program_files(&mut self, directory: &str, files: &[ProgramFile]) {
        for file in files {
            let path = format!("{directory}/{}", file.name);
            self.insert(path, Content::File(file.file.clone()), file.executable);
        }
    }

    fn configuration(&mut self, package: &Package, metadata: &Metadata) {
        let problem = self.problem;
        let mut entries: Vec<(String, Yaml)> = Vec::new();
        let mut put = |key: &str, value: Yaml| entries.push((key.to_owned(), value));
        put("problem_format_version", Yaml::plain("2025-09"));
        let mut kinds = vec![if problem.scoring == Scoring::PassFail { "pass-fail" } else { "scoring" }];
        kinds.extend(problem.is_interactive().then_some("interactive"));
        kinds.extend((problem.passes != Passes::One).then_some("multi-pass"));
        put("type", Yaml::List(kinds.into_iter().map(Yaml::plain).collect()));
        let names = self.names().into_iter().map(|(language, name)| (language, Yaml::Text(name))).collect();
        put("name", Yaml::Map(names));
        put("uuid", metadata.uuid().unwrap_or_else(|| Yaml::plain(uuid_of(package))));
        for key in ["version", "embargo_until", "allow_file_writing"] {
            if let Some(value) = metadata.kept(key) {
                put(key, value);
            }
        }
        let authors = problem.authors.iter().map(|author| match &author.email {
            Some(email) => {
                Yaml::Map(vec![("name".to_owned(), Yaml::text(&author.name)), ("email".to_owned(), Yaml::text(email))])
            }
            None => Yaml::text(&author.name),
        });
        let authors = Some(Yaml::List(authors.collect())).filter(|_| !problem.authors.is_empty());
        if let Some(credits) = metadata.credits(authors) {
            put("credits", credits);
        }
        if let Some(source) = metadata.source().or_else(|| problem.source.as_deref().map(Yaml::text)) {
            put("source", source);
        }
        if metadata.get("constants").is_some() {
            let fault = "all files contain the values of the constants; the key `constants` is left out";
            self.weaker("problem.yaml", fault);
        }
        match problem.licence.name.as_deref() {
            None => {}
            Some(name) => match LICENCES.iter().find(|(keyword, ids)| *keyword == name || ids.contains(&name)) {
                Some((keyword, _)) => put("license", Yaml::text(keyword)),
                None => self.weaker("problem.yaml", format!("the format has no keyword for the licence `{name}`")),
            },
        }
        if let Some(difficulty) = problem.difficulty {
            self.weaker("problem.yaml", format!("the format has no difficulty; `{}` is left out", difficulty.as_str()));
        }
        for (language, title) in problem.titles.iter() {
            let is_main = title == problem.titles.main();
            if !is_main && problem.statements.iter().all(|statement| statement.language.as_str() != language) {
                let fault =
                    format!("the format allows titles only in the languages of the statements; `{title}` is left out");
                self.weaker("problem.yaml", fault);
            }
        }
        if let Some(owner) = &problem.licence.rights_owner {
            put("rights_owner", Yaml::text(owner));
        }
        if !problem.tags.is_empty() {
            put("keywords", Yaml::texts(problem.tags.iter().map(|tag| tag.as_str())));
        }
        if let Some(languages) = &problem.limits.languages {
            let mut codes = Vec::new();
            for language in languages {
                match code_of(language) {
                    Some(code) if codes.contains(&code) => {}
                    Some(code) => codes.push(code),
                    None => {
                        self.weaker("problem.yaml", format!("the format has no code for the language `{language}`"))
                    }
                }
            }
            for family in languages.iter().map(|language| family_of(language.as_str())).collect::<BTreeSet<_>>() {
                let is_listed = |id: &&str| languages.iter().any(|language| language.as_str() == *id);
                if !family_members(family).iter().all(is_listed) {
                    let fault =
                        format!("the format does not distinguish versions of `{family}`; it permits all of them");
                    self.weaker("problem.yaml", fault);
                }
            }
            if !codes.is_empty() {
                put("languages", Yaml::texts(codes));
            }
        }
        put("limits", self.limits());
        self.text("problem.yaml", document(&entries));
    }

    fn limits(&self) -> Yaml {
        let ProblemLimits {
            time,
            wall_time,
            memory,
            output,
            on_output_limit,
            code,
            compile,
            validation,
            per_language,
            // `problem.yaml` lists the languages outside of `limits`.
            languages: _,
            // The format has no verdict for idleness.
            on_waiting: _,
        } = &self.problem.limits;
        let mut entries: Vec<(String, Yaml)> = Vec::new();
        let mut put = |key: &str, value: Yaml| entries.push((key.to_owned(), value));
        let mut resolution = time.calibration.resolution;
        if let Some(limit) = time.limit {
            put("time_limit", Yaml::plain(limit.as_secs_f64()));
            // Earlier versions of Cupel accept only a multiple of the resolution, which the format does not require. If
            // the limit is none, the limit itself becomes the resolution.
            if !limit.as_nanos().is_multiple_of(resolution.as_nanos().max(1)) {
                resolution = limit;
            }
        }
        put("time_resolution", Yaml::plain(resolution.as_secs_f64()));
        let calibration = time.calibration;
        put(
            "time_multipliers",
            Yaml::Map(vec![
                ("ac_to_time_limit".to_owned(), Yaml::plain(calibration.accepted_to_limit)),
                ("time_limit_to_tle".to_owned(), Yaml::plain(calibration.limit_to_time_limit_exceeded)),
            ]),
        );
        let mib = |bytes: cupel_types::Bytes| Yaml::plain(bytes.get().div_ceil(1 << 20));
        put("memory", mib(*memory));
        put("output", mib(*output));
        put("code", Yaml::plain(code.as_kib()));
        put("compilation_time", Yaml::plain(compile.time.as_secs_f64()));
        put("compilation_memory", mib(compile.memory));
        put("validation_time", Yaml::plain(validation.time.as_secs_f64()));
        put("validation_memory", mib(validation.memory));
        put("validation_output", mib(validation.output));
        if let Passes::UpTo(most) = self.problem.passes {
            put("validation_passes", Yaml::plain(most));
        }
        if *on_output_limit == OnOutputLimit::Discard {
            self.weaker(
                "problem.yaml",
                "in the format, a program that exceeds the output limit is killed; it is not truncated",
            );
        }
        if wall_time.is_some() {
            self.weaker("problem.yaml", "the format has no limit on wall-clock time; it is left out");
        }
        if !per_language.is_empty() {
            self.weaker("problem.yaml", "the format has no limits per language; they are left out");
        }
        if self.problem.io != cupel_problem::ProgramIo::default() {
            self.weaker("problem.yaml", "the format has no input and output files; the standard streams are used");
        }
        Yaml::Map(entries)
    }

    /// Returns titles in exactly the languages of the statements.
    fn names(&self) -> Vec<(String, String)> {
        let problem = self.problem;
        let languages: BTreeSet<&str> =
            problem.statements.iter().map(|statement| statement.language.as_str()).collect();
        let languages = if languages.is_empty() { BTreeSet::from(["en"]) } else { languages };
        let name = |language: &str| problem.titles.get(language).unwrap_or(problem.titles.main()).to_owned();
        languages.into_iter().map(|language| (language.to_owned(), name(language))).collect()
    }

    fn statements(&mut self) {
        if self.problem.statements.is_empty() {
            self.weaker("statement", "there is no statement; one with only the title is written");
            let text = format!("# {}\n", self.problem.titles.main());
            self.text("statement/problem.en.md", text);
        }
        self.texts("statement", "problem", &self.problem.statements);
    }

    fn editorials(&mut self, package: &Package) {
        const DIRECTORY: &str = "solution";
        if self.problem.editorials.is_empty() && package.root().join(DIRECTORY).is_dir() {
            self.weaker(DIRECTORY, "the directory has no editorial, such as solution.en.md; it is left out");
        }
        self.texts(DIRECTORY, "solution", &self.problem.editorials);
    }

    /// Copies the texts to `DIRECTORY/STEM.LANG.EXTENSION`, and their images to the same directory.
    fn texts(&mut self, directory: &str, stem: &str, texts: &[Statement]) {
        // A text in Markdown precedes one in HTML that would have the same name.
        let (html, others): (Vec<_>, Vec<_>) = texts.iter().partition(|text| text.format == StatementFormat::Html);
        for text in others.into_iter().chain(html) {
            let extension = match text.format {
                StatementFormat::Latex => "tex",
                StatementFormat::Pdf => "pdf",
                StatementFormat::Markdown | StatementFormat::Text => "md",
                StatementFormat::Html => {
                    self.weaker(
                        text.file.path.as_str(),
                        "the format has no HTML; the text is written as Markdown, which may contain HTML",
                    );
                    "md"
                }
            };
            let path = format!("{directory}/{stem}.{}.{extension}", text.language);
            if self.is_taken(&path) {
                self.weaker(
                    text.file.path.as_str(),
                    format!("another text is written to {path}; this one is left out"),
                );
                continue;
            }
            self.copy(path, &text.file);
            let parent = text.file.path.parent().map(|parent| parent.to_string()).unwrap_or_default();
            for asset in &text.assets {
                let below = asset.path.below(&parent).unwrap_or(asset.path.as_str());
                let (path, content) = (format!("{directory}/{below}"), Content::File(asset.clone()));
                if self.has_other(&path, &content) {
                    self.weaker(
                        asset.path.as_str(),
                        format!("another file is written to {path}; this one is left out"),
                    );
                } else {
                    self.insert(path, content, false);
                }
            }
        }
    }

    fn validators(&mut self) {
        const DIRECTORY: &str = "input_validators";
        for validator in &self.problem.validators {
            match validator {
                InputValidator::ExitCode42(program) => {
                    let name = program.path.name();
                    match &program.files[..] {
                        [one] if one.name.as_str() == name => {
                            let new = self.free_name(DIRECTORY, name);
                            let content = Content::File(one.file.clone());
                            self.insert(format!("{DIRECTORY}/{new}"), content, one.executable);
                            self.validators.push((program.path.clone(), new));
                        }
                        files => {
                            let new = self.free_name(DIRECTORY, stem(name));
                            self.program_files(&format!("{DIRECTORY}/{new}"), files);
                            self.validators.push((program.path.clone(), new));
                        }
                    }
                }
                InputValidator::Checktestdata(file) => {
                    let new = self.free_name(DIRECTORY, file.path.name());
                    self.copy(format!("{DIRECTORY}/{new}"), file);
                    self.validators.push((file.path.clone(), new));
                }
                InputValidator::ExitCode0(program) => {
                    self.weaker(
                        program.path.as_str(),
                        "a testlib validator does not use the exit codes 42 and 43; it is left out",
                    );
                }
            }
        }
        if self.validators.is_empty() {
            self.weaker(DIRECTORY, "there is no input validator; the format requires one");
        }
    }

    fn trials(&mut self) {
        let trials = &self.problem.trials;
        for trial in &trials.invalid_inputs {
            let path = self.trial_path(&trial.name, "invalid_input");
            self.copy(format!("{path}.in"), &trial.input);
            if let Some(entry) = self.validator_args(&trial.validator_args) {
                self.text(&format!("{path}.yaml"), document(&[entry]));
            }
        }
        for (directory, list) in [("invalid_output", &trials.invalid_outputs), ("valid_output", &trials.valid_outputs)]
        {
            for trial in list {
                let path = self.trial_path(&trial.name, directory);
                for (ending, file) in [("in", &trial.input), ("ans", &trial.answer), ("out", &trial.output)] {
                    self.copy(format!("{path}.{ending}"), file);
                }
                let args = self.arguments(&trial.method, &path);
                if !args.is_empty() {
                    let args = Yaml::texts(args.iter().map(String::as_str));
                    self.text(&format!("{path}.yaml"), document(&[("output_validator_args".to_owned(), args)]));
                }
            }
        }
    }

    /// Returns a path without extension for a trial, directly in its directory. No two trials get the same path.
    fn trial_path(&self, name: &str, directory: &str) -> String {
        let below = name.split_once(&format!("{directory}/")).map_or(name, |(_, below)| below).replace('/', "-");
        let mut path = format!("data/{directory}/{below}");
        let mut number = 2;
        while self.files.contains_key(&format!("{path}.in")) {
            path = format!("data/{directory}/{number}-{below}");
            number += 1;
        }
        path
    }

    /// Returns the arguments and texts of the case itself, in the form of its `<case>.yaml`. `feedback` is what the
    /// case's directory gives.
    fn case_document(&self, case: &Case, output_args: &[String], feedback: Feedback) -> Option<String> {
        let mut entries: Vec<(String, Yaml)> = Vec::new();
        let mut args = |key: &str, args: &[String]| {
            if !args.is_empty() {
                entries.push((key.to_owned(), Yaml::texts(args.iter().map(String::as_str))));
            }
        };
        args("args", &case.args);
        args("output_validator_args", output_args);
        entries.extend(self.validator_args(&case.validator_args));
        if case.feedback == Feedback::Full && feedback != Feedback::Full {
            entries.push(("full_feedback".to_owned(), Yaml::plain(true)));
        }
        for (key, text) in [("description", &case.hints.description), ("hint", &case.hints.hint)] {
            if let Some(text) = text {
                entries.push((key.to_owned(), Yaml::text(text)));
            }
        }
        (!entries.is_empty()).then(|| document(&entries))
    }

    /// Returns the configuration entry with the arguments for input validators, if there are any. Validators that have
    /// been renamed are named by their new names.
    fn validator_args(&self, args: &ValidatorArgs) -> Option<(String, Yaml)> {
        let list = |args: &[String]| Yaml::texts(args.iter().map(String::as_str));
        args.all().next()?;
        let value = match args {
            ValidatorArgs::Every(args) => list(args),
            ValidatorArgs::Named(by_name) => {
                let mut renamed: BTreeMap<String, Yaml> = BTreeMap::new();
                for (path, new) in &self.validators {
                    let name = path.name();
                    // A validator's name is that of its file or directory, with or without extension.
                    let without_extension = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
                    let known = [name, without_extension].into_iter().find_map(|name| by_name.get_key_value(name));
                    let Some((key, args)) = known else { continue };
                    let key = if new == name { key } else { new };
                    renamed.insert(key.clone(), list(args));
                }
                if renamed.is_empty() {
                    return None;
                }
                Yaml::Map(renamed.into_iter().collect())
            }
        };
        Some(("input_validator_args".to_owned(), value))
    }

    fn includes(&mut self) {
        // The format does not distinguish the versions of a language, so the files for all of them come first.
        let of_version = |language: &LanguageId| family_of(language.as_str()) != language.as_str();
        let (versions, others): (Vec<_>, Vec<_>) =
            self.problem.includes.iter().partition(|include| include.language.as_ref().is_some_and(of_version));
        for include in others.into_iter().chain(versions) {
            let directory = match &include.language {
                None => "include/default".to_owned(),
                Some(language) => {
                    let code = code_of(language).unwrap_or(language.as_str());
                    let (own, directory) = (format!("include/{language}"), format!("include/{code}"));
                    if code_of(language).is_none() {
                        let fault = format!("the format has no code for the language `{language}`");
                        self.weaker(&own, format!("{fault}; other judges ignore these files"));
                    } else if of_version(language) {
                        let fault = format!("the format does not distinguish versions of `{code}`");
                        let effect = match self.is_taken(&directory) {
                            true => "the files for this version are left out",
                            false => "all of them get the files for this version",
                        };
                        self.weaker(&own, format!("{fault}; {effect}"));
                    }
                    directory
                }
            };
            // Only the first files for a language are used.
            if !self.is_taken(&directory) {
                self.program_files(&directory, &include.files);
            }
        }
    }

    fn rest(&mut self) {
        self.includes();
        for generator in &self.problem.generators {
            let below = generator.path.below("generators").unwrap_or(generator.path.name()).to_owned();
            self.copy(format!("generators/{below}"), generator);
        }
        for attachment in &self.problem.attachments {
            let below = attachment.path.below("attachments").unwrap_or(attachment.path.name()).to_owned();
            self.copy(format!("attachments/{below}"), attachment);
        }
        for (number, conversation) in self.problem.conversations.iter().enumerate() {
            self.copy(format!("data/sample/conversation-{}.interaction", number + 1), conversation);
        }
    }
}

fn stem(name: &str) -> &str {
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

/// Returns a UUID derived from the content, so every export of the same package has the same UUID. Source: RFC 9562,
/// version 8.
fn uuid_of(package: &Package) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&package.hash.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
