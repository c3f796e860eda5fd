//! What goes where in a package of the Kattis form 2025-09. Source: Kattis problem package format, 2025-09.

use std::collections::{BTreeMap, BTreeSet};

use super::yaml::{Yaml, document};
use super::{Content, Planned};
use crate::finding::{Code, Findings};
use crate::import::folder_rule;
use crate::{
    AfterInteraction, Case, Checker, Comparison, ExampleSubmission, Expectation, ExpectedVerdict, FileRef, Finding,
    InputValidator, Interactor, Method, Package, Passes, Problem, Program, ProgramFile, Protocol, Refused, Scope,
    Scoring, Standard, StatementFormat, TimeLimitRole,
};

mod groups;

/// Words that the format has for licences.
const LICENCES: &[&str] = &["public domain", "cc0", "cc by", "cc by-sa", "educational", "permission"];

/// All files, and the warnings.
pub(super) fn plan(package: &Package) -> Result<(Vec<Planned>, Vec<Finding>), Refused> {
    let findings = Findings::default();
    let mut plan = Plan { problem: &package.problem, findings: &findings, files: BTreeMap::new() };
    if package.problem.signature.is_some() {
        let fault = "a function problem has drivers that only Cupel makes";
        plan.cannot("function", fault, "Make it a problem that reads and writes");
    }
    plan.configuration(package);
    plan.statements();
    plan.judge();
    plan.validators();
    plan.tests();
    plan.trials();
    plan.submissions();
    plan.rest();
    let files = plan.files;
    let warnings = findings.into_result()?;
    Ok((
        files.into_iter().map(|(path, (content, executable))| Planned { path, content, executable }).collect(),
        warnings,
    ))
}

struct Plan<'a> {
    problem: &'a Problem,
    findings: &'a Findings,
    files: BTreeMap<String, (Content, bool)>,
}

impl Plan<'_> {
    fn cannot(&self, what: &str, fault: impl Into<String>, remedy: &str) {
        self.findings.file(Code::Unsupported, what, fault, remedy);
    }

    fn weaker(&self, what: &str, fault: impl Into<String>) {
        self.findings.file(Code::LeftOut, what, fault, "Look at it before the package is used elsewhere");
    }

    fn text(&mut self, path: &str, text: String) {
        self.files.insert(path.to_owned(), (Content::Text(text), false));
    }

    fn copy(&mut self, path: String, file: &FileRef) {
        self.files.insert(path, (Content::File(file.clone()), false));
    }

    fn program_files(&mut self, directory: &str, files: &[ProgramFile]) {
        for file in files {
            let path = format!("{directory}/{}", file.name);
            self.files.insert(path, (Content::File(file.file.clone()), file.executable));
        }
    }

    fn configuration(&mut self, package: &Package) {
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
        put("uuid", Yaml::plain(uuid_of(package)));
        if !problem.authors.is_empty() {
            let authors = problem.authors.iter().map(|author| match &author.email {
                Some(email) => Yaml::Map(vec![
                    ("name".to_owned(), Yaml::text(&author.name)),
                    ("email".to_owned(), Yaml::text(email)),
                ]),
                None => Yaml::text(&author.name),
            });
            put("credits", Yaml::Map(vec![("authors".to_owned(), Yaml::List(authors.collect()))]));
        }
        if let Some(source) = &problem.source {
            put("source", Yaml::text(source));
        }
        match problem.licence.name.as_deref() {
            Some(name) if LICENCES.contains(&name) => put("license", Yaml::text(name)),
            Some(name) => self.weaker("problem.yaml", format!("the format has no word for the licence `{name}`")),
            None => {}
        }
        if let Some(owner) = &problem.licence.rights_owner {
            put("rights_owner", Yaml::text(owner));
        }
        if !problem.tags.is_empty() {
            put("keywords", Yaml::texts(problem.tags.iter().map(|tag| tag.as_str())));
        }
        if let Some(languages) = &problem.limits.languages {
            put("languages", Yaml::texts(languages.iter().map(|language| language.as_str())));
        }
        put("limits", self.limits());
        self.text("problem.yaml", document(&entries));
    }

    fn limits(&self) -> Yaml {
        let limits = &self.problem.limits;
        let mut entries: Vec<(String, Yaml)> = Vec::new();
        let mut put = |key: &str, value: Yaml| entries.push((key.to_owned(), value));
        let mut resolution = limits.time.calibration.resolution;
        if let Some(limit) = limits.time.limit {
            put("time_limit", Yaml::plain(limit.as_secs_f64()));
            // A limit must be a multiple of the resolution; the limit itself is one that it is a multiple of.
            if !limit.as_nanos().is_multiple_of(resolution.as_nanos().max(1)) {
                resolution = limit;
            }
        }
        put("time_resolution", Yaml::plain(resolution.as_secs_f64()));
        let calibration = limits.time.calibration;
        put(
            "time_multipliers",
            Yaml::Map(vec![
                ("ac_to_time_limit".to_owned(), Yaml::plain(calibration.accepted_to_limit)),
                ("time_limit_to_tle".to_owned(), Yaml::plain(calibration.limit_to_time_limit_exceeded)),
            ]),
        );
        let mib = |bytes: cupel_types::Bytes| Yaml::plain(bytes.get().div_ceil(1 << 20));
        put("memory", mib(limits.memory));
        put("output", mib(limits.output));
        put("code", Yaml::plain(limits.code.as_kib()));
        put("compilation_time", Yaml::plain(limits.compile.time.as_secs_f64()));
        put("compilation_memory", mib(limits.compile.memory));
        put("validation_time", Yaml::plain(limits.validation.time.as_secs_f64()));
        put("validation_memory", mib(limits.validation.memory));
        put("validation_output", mib(limits.validation.output));
        if let Passes::UpTo(most) = self.problem.passes {
            put("validation_passes", Yaml::plain(most));
        }
        if !limits.per_language.is_empty() {
            self.weaker("problem.yaml", "the format has no limits of their own for languages; they are left out");
        }
        if self.problem.io != crate::ProgramIo::default() {
            self.weaker("problem.yaml", "the format has no files in place of the standard streams; they are left out");
        }
        Yaml::Map(entries)
    }

    /// Names in exactly the languages of the statements.
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
            self.weaker("statement", "there is no statement; one that has only the name is written");
            let text = format!("# {}\n", self.problem.titles.main());
            self.text("statement/problem.en.md", text);
        }
        for statement in &self.problem.statements {
            let extension = match statement.format {
                StatementFormat::Latex => "tex",
                StatementFormat::Pdf => "pdf",
                StatementFormat::Markdown | StatementFormat::Text => "md",
                StatementFormat::Html => {
                    self.weaker(
                        statement.file.path.as_str(),
                        "the format has no HTML; it is written as Markdown, which it is part of",
                    );
                    "md"
                }
            };
            self.copy(format!("statement/problem.{}.{extension}", statement.language), &statement.file);
            let directory = statement.file.path.parent().map(|parent| parent.to_string()).unwrap_or_default();
            for asset in &statement.assets {
                let below = asset.path.below(&directory).unwrap_or(asset.path.as_str());
                self.copy(format!("statement/{below}"), asset);
            }
        }
    }

    /// The program that decides, which is one for the whole package.
    fn judge(&mut self) {
        let mut programs: Vec<&Program> = Vec::new();
        for case in self.problem.tests.cases() {
            if let Some(program) = self.program_of(&case.method)
                && !programs.contains(&program)
            {
                programs.push(program);
            }
        }
        match programs[..] {
            [] => {}
            [program] => {
                let files = program.files.clone();
                self.program_files("output_validator", &files);
            }
            _ => self.cannot("output_validator", "several programs decide, and the format has one", "Make one of them"),
        }
    }

    fn program_of<'m>(&self, method: &'m Method) -> Option<&'m Program> {
        let (Method::Check(Checker::Program(program)) | Method::Interact(Interactor { program, .. })) = method else {
            return None;
        };
        Some(&program.program)
    }

    /// The arguments of a method; tells what cannot be said.
    fn arguments(&self, method: &Method, place: &str) -> Vec<String> {
        let program = match method {
            Method::Check(Checker::Builtin(comparison)) => return self.flags(comparison, place),
            Method::Check(Checker::Program(program)) => program,
            Method::Interact(Interactor { program, then: AfterInteraction::Verdict }) => program,
            Method::Interact(_) => {
                self.cannot(
                    place,
                    "interactor and checker are two programs, and the format has one",
                    "Let the interactor decide",
                );
                return Vec::new();
            }
        };
        if program.protocol != Protocol::Kattis {
            let fault = format!("`{}` does not answer as an output validator does, by 42 and 43", program.program.path);
            self.cannot(
                program.program.path.as_str(),
                fault,
                "Rewrite its ending, or put a program around it that translates",
            );
        }
        program.args.clone()
    }

    fn flags(&self, comparison: &Comparison, place: &str) -> Vec<String> {
        let fixed = |flags: &[&str]| flags.iter().map(|flag| (*flag).to_owned()).collect();
        match comparison {
            Comparison::Tokens(rules) => {
                let mut flags = Vec::new();
                flags.extend(rules.case_sensitive.then(|| "case_sensitive".to_owned()));
                flags.extend(rules.space_sensitive.then(|| "space_change_sensitive".to_owned()));
                for (flag, tolerance) in [
                    ("float_absolute_tolerance", rules.absolute_tolerance),
                    ("float_relative_tolerance", rules.relative_tolerance),
                ] {
                    flags.extend(
                        tolerance.map(|tolerance| [flag.to_owned(), tolerance.get().to_string()]).into_iter().flatten(),
                    );
                }
                flags
            }
            Comparison::Exact { normalize_newlines: false } => fixed(&["case_sensitive", "space_change_sensitive"]),
            Comparison::Exact { .. } | Comparison::TrimmedLines | Comparison::TrimmedEnd | Comparison::TokensByLine => {
                self.weaker(place, "white space is compared more strictly here than the default validator does");
                fixed(&["case_sensitive"])
            }
            Comparison::Standard(Standard::Wcmp | Standard::Ncmp | Standard::Icmp | Standard::Hcmp) => {
                fixed(&["case_sensitive"])
            }
            Comparison::Standard(Standard::Lcmp | Standard::Fcmp) => {
                self.weaker(place, "lines are compared here, and tokens by the default validator");
                fixed(&["case_sensitive"])
            }
            Comparison::Standard(Standard::Yesno | Standard::Nyesno) => Vec::new(),
            Comparison::Standard(Standard::Rcmp4) => fixed(&["float_tolerance", "1e-4"]),
            Comparison::Standard(Standard::Rcmp6 | Standard::Dcmp) => fixed(&["float_tolerance", "1e-6"]),
            Comparison::Standard(Standard::Rcmp9) => fixed(&["float_tolerance", "1e-9"]),
            Comparison::Standard(Standard::Acmp) => fixed(&["float_tolerance", "1.5e-6"]),
            Comparison::Standard(Standard::Rcmp | Standard::Rncmp) => fixed(&["float_absolute_tolerance", "1.5e-6"]),
            Comparison::Floats { precision, .. } => {
                self.weaker(
                    place,
                    "numbers are compared line by line here, and token by token by the default validator",
                );
                vec!["float_tolerance".to_owned(), format!("1e-{precision}")]
            }
            Comparison::Unordered(_)
            | Comparison::Characters
            | Comparison::LineCount { .. }
            | Comparison::Standard(_) => {
                self.cannot(
                    place,
                    "the default validator has no such comparison",
                    "Add a checker that answers by 42 and 43",
                );
                Vec::new()
            }
        }
    }

    fn validators(&mut self) {
        for validator in &self.problem.validators {
            match validator {
                InputValidator::Kattis(program) => {
                    let name = program.path.name().to_owned();
                    match &program.files[..] {
                        [one] if one.name.as_str() == name => self.program_files("input_validators", &program.files),
                        files => self.program_files(&format!("input_validators/{}", stem(&name)), files),
                    }
                }
                InputValidator::Checktestdata(file) => {
                    self.copy(format!("input_validators/{}", file.path.name()), file)
                }
                InputValidator::Testlib(program) => {
                    self.weaker(
                        program.path.as_str(),
                        "a testlib validator answers by other codes than 42 and 43; it is left out",
                    );
                }
            }
        }
        if !self.files.keys().any(|path| path.starts_with("input_validators/")) {
            self.weaker("input_validators", "there is none, and the format asks for one");
        }
    }

    fn trials(&mut self) {
        let trials = &self.problem.trials;
        for trial in &trials.invalid_inputs {
            let path = format!("data/invalid_input/{}", base(&trial.name));
            self.copy(format!("{path}.in"), &trial.input);
            if !trial.validator_args.is_empty() {
                let args = Yaml::texts(trial.validator_args.iter().map(String::as_str));
                self.text(&format!("{path}.yaml"), document(&[("input_validator_args".to_owned(), args)]));
            }
        }
        for (directory, list) in [("invalid_output", &trials.invalid_outputs), ("valid_output", &trials.valid_outputs)]
        {
            for trial in list {
                let path = format!("data/{directory}/{}", base(&trial.name));
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

    fn submissions(&mut self) {
        let mut rules: Vec<(String, Yaml)> = Vec::new();
        for submission in &self.problem.submissions {
            let folder = folder(submission);
            let name = submission.program.path.name();
            let mut path = format!("{folder}/{name}");
            let mut number = 2;
            while self.files.keys().any(|known| known.starts_with(&format!("submissions/{path}"))) {
                path = format!("{folder}/{number}-{name}");
                number += 1;
            }
            match &submission.program.files[..] {
                [one] if one.name.as_str() == name => {
                    self.files.insert(format!("submissions/{path}"), (Content::File(one.file.clone()), one.executable));
                }
                files => self.program_files(&format!("submissions/{path}"), files),
            }
            let rule = rule(submission, folder);
            if !rule.is_empty() {
                rules.push((path, Yaml::Map(rule)));
            }
        }
        if !rules.is_empty() {
            self.text("submissions/submissions.yaml", document(&rules));
        }
    }

    fn rest(&mut self) {
        for include in &self.problem.includes {
            let language = include.language.as_ref().map_or("default", |language| language.as_str());
            self.program_files(&format!("include/{language}"), &include.files);
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

/// The last part of a case's name.
fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn stem(name: &str) -> &str {
    name.split_once('.').map_or(name, |(stem, _)| stem)
}

/// The folder that says what is expected, or `mixed`, which says nothing.
fn folder(submission: &ExampleSubmission) -> &'static str {
    use ExpectedVerdict::{Accepted, RuntimeError, TimeLimit, WrongAnswer};
    let Some(rule) = submission.expectations.iter().find(|rule| rule.scope == Scope::All) else { return "mixed" };
    if let Some(known) = FOLDERS.iter().find(|folder| says_the_same(folder, rule)) {
        return known;
    }
    // Formats in which a submission has one verdict, not one for each case.
    match (rule.verdict.as_deref(), rule.full_score) {
        (_, Some(false)) => "partially_accepted",
        (Some([Accepted]), _) => "accepted",
        (Some([WrongAnswer]), _) => "wrong_answer",
        (Some([TimeLimit]), _) => "time_limit_exceeded",
        (Some([RuntimeError]), _) => "run_time_error",
        _ => "mixed",
    }
}

const FOLDERS: &[&str] = &[
    "accepted",
    "rejected",
    "wrong_answer",
    "time_limit_exceeded",
    "run_time_error",
    "brute_force",
    "partially_accepted",
];

/// Whether a folder's own rule is this one.
fn says_the_same(folder: &str, rule: &Expectation) -> bool {
    let default = folder_rule(folder);
    default.is_some_and(|default| Expectation { origin: rule.origin.clone(), ..default } == *rule)
}

/// What `submissions.yaml` has to say beside the folder.
fn rule(submission: &ExampleSubmission, folder: &str) -> Vec<(String, Yaml)> {
    let mut entries: Vec<(String, Yaml)> = Vec::new();
    let mut put = |key: &str, value: Yaml| entries.push((key.to_owned(), value));
    if let Some(language) = &submission.program.language {
        put("language", Yaml::text(language.as_str()));
    }
    if let Some(entry) = &submission.program.entry_point {
        put("entrypoint", Yaml::text(entry));
    }
    match submission.for_time_limit {
        None => {}
        Some(TimeLimitRole::Neither) => put("use_for_time_limit", Yaml::plain("false")),
        Some(TimeLimitRole::Below) => put("use_for_time_limit", Yaml::plain("lower")),
        Some(TimeLimitRole::Above) => put("use_for_time_limit", Yaml::plain("upper")),
    }
    let mut nested: Vec<(String, Yaml)> = Vec::new();
    for expectation in &submission.expectations {
        if says_the_same(folder, expectation) {
            continue;
        }
        let checks = checks(expectation, folder);
        match &expectation.scope {
            _ if checks.is_empty() => {}
            Scope::All => checks.into_iter().for_each(|(key, value)| {
                if !entries.iter().any(|(known, _)| *known == key) {
                    entries.push((key, value));
                }
            }),
            Scope::Glob(glob) => nested.push((glob.clone(), Yaml::Map(checks))),
        }
    }
    entries.extend(nested);
    entries
}

fn checks(expectation: &Expectation, folder: &str) -> Vec<(String, Yaml)> {
    // The format's four; finer ones are told by what they are part of.
    let codes = |verdicts: &[ExpectedVerdict]| {
        let coarse = verdicts.iter().map(|verdict| match verdict {
            ExpectedVerdict::Accepted => "AC",
            ExpectedVerdict::WrongAnswer | ExpectedVerdict::PresentationError => "WA",
            ExpectedVerdict::TimeLimit => "TLE",
            ExpectedVerdict::RuntimeError
            | ExpectedVerdict::MemoryLimit
            | ExpectedVerdict::OutputLimit
            | ExpectedVerdict::CompileError => "RTE",
        });
        let coarse: BTreeSet<&str> = coarse.collect();
        Yaml::List(coarse.into_iter().map(Yaml::plain).collect())
    };
    let mut entries: Vec<(String, Yaml)> = Vec::new();
    if let Some(permitted) = &expectation.permitted {
        entries.push(("permitted".to_owned(), codes(permitted)));
    }
    if let Some(required) = &expectation.required {
        entries.push(("required".to_owned(), codes(required)));
    }
    if let (Some(verdict), "mixed") = (&expectation.verdict, folder) {
        let accepted = verdict.contains(&ExpectedVerdict::Accepted);
        let mut permitted = verdict.clone();
        permitted.push(ExpectedVerdict::Accepted);
        entries.push(("permitted".to_owned(), codes(&permitted)));
        if !accepted {
            entries.push(("required".to_owned(), codes(verdict)));
        }
    }
    if let Some(score) = expectation.score {
        let bounds = [score.low(), score.high()].map(|bound| Yaml::plain(bound.unwrap_or_default()));
        if score.low().is_some() && score.high().is_some() {
            entries.push(("score".to_owned(), Yaml::List(bounds.to_vec())));
        }
    }
    if let Some(message) = &expectation.message {
        entries.push(("message".to_owned(), Yaml::text(message)));
    }
    entries
}

/// A UUID that follows from the content: the same package is exported with the same one. Source: RFC 9562, version 8.
fn uuid_of(package: &Package) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&package.hash.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A case's own arguments and texts, as its `<case>.yaml` says them.
fn case_document(case: &Case, output_args: &[String]) -> Option<String> {
    let mut entries: Vec<(String, Yaml)> = Vec::new();
    let mut args = |key: &str, args: &[String]| {
        if !args.is_empty() {
            entries.push((key.to_owned(), Yaml::texts(args.iter().map(String::as_str))));
        }
    };
    args("args", &case.args);
    args("input_validator_args", &case.validator_args);
    args("output_validator_args", output_args);
    for (key, text) in [("description", &case.hints.description), ("hint", &case.hints.hint)] {
        if let Some(text) = text {
            entries.push((key.to_owned(), Yaml::text(text)));
        }
    }
    (!entries.is_empty()).then(|| document(&entries))
}
