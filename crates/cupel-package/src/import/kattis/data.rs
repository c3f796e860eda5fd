//! `data/`: collects the files of each case.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::cases::Methods;
use super::super::{ByteOrderMark, Child, Draft};
use super::Kattis;
use super::checks::Judge;
use super::config::Version;
use crate::doc::{Reader, Source, Unknown, excess_of_arguments};
use crate::finding::{Code, ImportError};
use cupel_problem::{
    Case, CaseGroup, CaseId, CasePoints, Feedback, FileRef, Hints, InputTrial, Method, OutputTrial, OwnLimits, Shown,
    ValidatorArgs,
};

/// Keys of the arguments for a package's programs, for one case or for a group.
const ARGUMENTS: [&str; 5] =
    ["args", "input_validator_args", "output_validator_args", "input_visualizer_args", "output_visualizer_args"];

/// The file that configures a group: in 2025-09 and later drafts, and in legacy packages and earlier drafts.
const TEST_GROUP: &str = "test_group.yaml";
const TESTDATA: &str = "testdata.yaml";

/// File name endings of a case, the longest first.
const ENDINGS: &[&str] = &[
    ".in.statement",
    ".ans.statement",
    ".in.download",
    ".ans.download",
    ".interaction",
    ".files",
    ".yaml",
    ".hint",
    ".desc",
    ".in",
    ".ans",
    ".out",
    ".png",
    ".jpg",
    ".jpeg",
    ".svg",
];

/// The files of one case, by ending.
pub(super) struct RawCase {
    /// Path below `data/`, without the endings of its files.
    pub(super) id: String,
    files: BTreeMap<&'static str, String>,
}

impl RawCase {
    /// Whether there is an input to judge. A sample conversation may have no input.
    pub(super) fn has_input(&self) -> bool {
        self.files.contains_key(".in")
    }
}

/// Settings that a case inherits from its group.
#[derive(Clone)]
pub(super) struct Inherited {
    pub(super) args: Vec<String>,
    pub(super) validator_args: ValidatorArgs,
    pub(super) output_args: Vec<String>,
    /// The file that contains the output validator's arguments.
    pub(super) file: String,
    pub(super) feedback: Feedback,
    pub(super) sample: bool,
}

/// Creates cases from files.
pub(super) struct Maker<'k, 'a> {
    pub(super) kattis: &'k Kattis<'a>,
    /// Name of the files that configure groups: [`TEST_GROUP`] or [`TESTDATA`].
    group_file: &'static str,
    judge: Judge,
    methods: Methods<Vec<String>>,
    conversations: Vec<FileRef>,
    /// Trials: `.out` files beside the answers of cases.
    outputs: Vec<OutputTrial>,
}

impl Kattis<'_> {
    /// Whether any secret case has an input.
    pub(super) fn has_secret(&self) -> bool {
        self.context.tree.below("data/secret").any(|(path, _)| path.as_str().ends_with(".in"))
    }

    /// Returns the root of all groups, and adds the trials. `None` if there is a fault, which has been reported.
    pub(super) fn tests(&self, draft: &mut Draft) -> Result<Option<CaseGroup>, ImportError> {
        let context = self.context;
        let samples_suffice = context.options.allow_no_secret && context.tree.has_directory("data/sample");
        if !(self.has_secret() || samples_suffice) {
            let remedy = match context.tree.has_directory("generators") {
                true => "The package has generators: build it first, so that data/secret contains the cases",
                false => {
                    "Add data/secret/NAME.in and NAME.ans; `cupel judge` and `cupel verify` take samples alone with --allow-no-secret"
                }
            };
            context.findings.file(Code::NoCases, "data/secret", "there are no secret cases", remedy);
            return Ok(None);
        }
        let Some(judge) = self.judge() else { return Ok(None) };
        let grouped_anew = context.tree.below("data").any(|(path, _)| path.name() == TEST_GROUP);
        let new = self.config.version == Version::V202509 || self.config.is_new() && grouped_anew;
        let group_file = if new { TEST_GROUP } else { TESTDATA };
        self.report_unread_groups(group_file);
        let (conversations, outputs) = (Vec::new(), Vec::new());
        let mut maker = Maker { kattis: self, group_file, judge, methods: Methods::new(), conversations, outputs };
        let root = if new { maker.modern()? } else { maker.legacy()? };
        if self.config.is_new() {
            maker.trials(draft)?;
        }
        draft.conversations = maker.conversations;
        draft.trials.valid_outputs.extend(maker.outputs);
        Ok(root)
    }

    /// Reports the files that configure groups only in other versions of the format. `read` is the name that counts.
    fn report_unread_groups(&self, read: &str) {
        let is_unread = |name: &str| matches!(name, TEST_GROUP | TESTDATA) && name != read;
        let is_of_case = |path: &str| path.split('/').any(|part| part.ends_with(".files"));
        for (path, _) in self.context.tree.below("data") {
            if is_unread(path.name()) && !is_of_case(path.as_str()) {
                let fault = format!("the file is not read: in this version of the format, `{read}` configures a group");
                let remedy = format!("Rename it to `{read}` and use the keys of this version, or remove it");
                self.context.findings.file(Code::UnusedFile, path.as_str(), fault, remedy);
            }
        }
    }

    /// Returns the cases directly in a directory below `data/`, in order. Files that belong to no case are reported.
    pub(super) fn raw_cases(&self, directory: &str, inputs_needed: bool) -> Vec<RawCase> {
        let findings = self.context.findings;
        let children = self.context.tree.children(&format!("data/{directory}"));
        let mut cases: BTreeMap<String, RawCase> = BTreeMap::new();
        for (name, child) in &children {
            let path = format!("data/{directory}/{name}");
            if matches!(name.as_str(), TESTDATA | TEST_GROUP) || name.starts_with('.') {
                continue;
            }
            let ending = ENDINGS.iter().find(|ending| name.len() > ending.len() && name.ends_with(**ending));
            let Some(ending) = ending.filter(|ending| (**ending == ".files") == (*child == Child::Directory)) else {
                if *child == Child::File {
                    let remedy = "Remove it, or give it a name ending in .in or .ans";
                    findings.file(Code::UnusedFile, &path, "the file belongs to no case", remedy);
                }
                continue;
            };
            let base = &name[..name.len() - ending.len()];
            let case = cases
                .entry(base.to_owned())
                .or_insert_with(|| RawCase { id: format!("{directory}/{base}"), files: BTreeMap::new() });
            case.files.insert(ending, path);
        }
        cases.retain(|base, case| {
            let clash = children.get(base) == Some(&Child::Directory) || base == "test_group";
            if clash && case.files.contains_key(".in") {
                let fault =
                    format!("the name `{base}` is not allowed for a case: a directory or a configuration file has it");
                findings.file(Code::CaseName, &format!("data/{}.in", case.id), fault, "Rename it");
            }
            case.files.contains_key(".in") || self.without_input(case, inputs_needed)
        });
        cases.into_values().collect()
    }

    /// Handles files without an `.in` file. Only a sample is valid without an input: a conversation, or an input that
    /// is only shown.
    fn without_input(&self, case: &RawCase, inputs_needed: bool) -> bool {
        let only = |ending: &str| case.files.contains_key(ending);
        if only(".interaction") || only(".in.statement") {
            return true;
        }
        // DOMjudge reads inputs only, and ignores other files.
        let is_fault = inputs_needed && !self.config.domjudge;
        if let Some(path) = case.files.get(".ans").or_else(|| case.files.get(".out")).filter(|_| is_fault) {
            let fault = "there is no input of the same name";
            self.context.findings.file(Code::CasePair, path, fault, "Add the .in file, or remove this file");
        } else if let Some(path) = case.files.values().next() {
            self.context.findings.file(Code::UnusedFile, path, "there is no case of this name", "Remove it");
        }
        false
    }
}

impl Maker<'_, '_> {
    /// Returns the numbers of conversations and of output trials that have been collected.
    pub(super) fn collected(&self) -> (usize, usize) {
        (self.conversations.len(), self.outputs.len())
    }

    /// Removes the conversations and output trials that were collected after [`Maker::collected`] was called.
    pub(super) fn truncate(&mut self, (conversations, outputs): (usize, usize)) {
        self.conversations.truncate(conversations);
        self.outputs.truncate(outputs);
    }

    pub(super) fn has_program(&self) -> bool {
        matches!(self.judge, Judge::Program(_))
    }

    fn method(&mut self, args: Vec<String>, file: &str) -> Option<Arc<Method>> {
        let (kattis, judge) = (self.kattis, &self.judge);
        self.methods.get(args, |args| kattis.method(judge, args, file))
    }

    /// Creates a case from its files. `None` if there is nothing to judge, or if there is a fault, which has been
    /// reported.
    pub(super) fn case(
        &mut self,
        raw: &RawCase,
        inherited: &Inherited,
        points: CasePoints,
    ) -> Result<Option<Case>, ImportError> {
        let context = self.kattis.context;
        let file = |ending: &str| raw.files.get(ending).and_then(|path| context.tree.file(path));
        let Some(input) = file(".in") else {
            if inherited.sample {
                self.conversations.extend(file(".interaction"));
            }
            return Ok(None);
        };
        let Some(answer) = file(".ans") else {
            let fault = "the input has no answer";
            let remedy = format!("Add data/{}.ans; it may be empty if the validator does not need it", raw.id);
            context.findings.file(Code::CasePair, input.path.as_str(), fault, remedy);
            return Ok(None);
        };
        context.check_data(&input);
        context.check_data(&answer);
        let mut own = inherited.clone();
        let mut hints = Hints::default();
        for (ending, to) in [(".desc", &mut hints.description), (".hint", &mut hints.hint)] {
            if let Some(path) = raw.files.get(ending) {
                *to = context.tree.text(path, ByteOrderMark::Warned, context.findings)?;
            }
        }
        if let Some(path) = raw.files.get(".yaml").filter(|_| self.kattis.config.is_new()) {
            self.case_file(path, &mut own, &mut hints)?;
        }
        let Some(method) = self.method(own.output_args, &own.file) else { return Ok(None) };
        if let (Some(output), Method::Check(_)) = (file(".out"), &*method) {
            let (input, answer, method) = (input.clone(), answer.clone(), Arc::clone(&method));
            self.outputs.push(OutputTrial { name: raw.id.clone(), input, answer, output, method });
        }
        let shown = inherited.sample.then(|| match file(".interaction") {
            Some(conversation) => Shown::Conversation(conversation),
            None => Shown::Pair {
                input: file(".in.statement").or_else(|| file(".in.download")).unwrap_or_else(|| input.clone()),
                answer: file(".ans.statement").or_else(|| file(".out")).or_else(|| Some(answer.clone())),
            },
        });
        Ok(Some(Case {
            id: CaseId::new(&raw.id),
            files: raw.files.get(".files").map(|directory| context.files_in(directory)).unwrap_or_default(),
            input,
            answer: Some(answer),
            args: own.args,
            method,
            points,
            feedback: own.feedback,
            validator_args: own.validator_args,
            hints,
            shown,
            limits: OwnLimits::default(),
            made: None,
            unifies_newlines: false,
        }))
    }

    /// Reads settings for all of `data/`, which only the drafts define. BAPCtools also writes the file in packages of
    /// 2025-09. `file` is the file that a fault of the arguments names if `data/` has no settings.
    pub(super) fn everywhere(&self, file: &str) -> Result<Inherited, ImportError> {
        let context = self.kattis.context;
        let path = format!("data/{}", self.group_file);
        let mut inherited = Inherited::root(file);
        if !context.tree.has(&path) {
            return Ok(inherited);
        }
        if self.group_file == TESTDATA {
            self.legacy_arguments(&path, &mut inherited)?;
        } else if let Some(node) = context.yaml(&path, ByteOrderMark::Refused)? {
            let reader = Reader::new(Source { file: &path, findings: context.findings }, &node);
            if self.kattis.config.version == Version::V202509 {
                let fault = "the format has no configuration for all of data/";
                reader.fault(Code::DraftSpelling, fault, "Move it to `sample` and `secret`");
                reader.only(&ARGUMENTS, Unknown::Error);
            } else {
                reader.only(&[&ARGUMENTS[..], &["full_feedback"]].concat(), Unknown::Warning);
            }
            inherited.read_arguments(&reader, &path);
        }
        Ok(inherited)
    }

    /// Reads `<case>.yaml` of 2025-09.
    fn case_file(&self, path: &str, own: &mut Inherited, hints: &mut Hints) -> Result<(), ImportError> {
        let context = self.kattis.context;
        let Some(node) = context.yaml(path, ByteOrderMark::Refused)? else { return Ok(()) };
        let reader = Reader::new(Source { file: path, findings: context.findings }, &node);
        reader.map();
        let others = ["full_feedback", "hint", "description"];
        reader.only(&[&ARGUMENTS[..], &others].concat(), Unknown::Error);
        own.read_arguments(&reader, path);
        if let Some(hint) = reader.get("hint").text() {
            hints.hint = Some(hint.to_owned());
        }
        if let Some(description) = reader.get("description").text() {
            hints.description = Some(description.to_owned());
        }
        Ok(())
    }

    /// Reads `invalid_input`, `invalid_output` and `valid_output` of 2025-09.
    fn trials(&mut self, draft: &mut Draft) -> Result<(), ImportError> {
        let context = self.kattis.context;
        let inherited = self.everywhere("problem.yaml")?;
        for directory in directories_with_cases(context, "invalid_input") {
            let inherited = inherited.clone().at(&directory, self)?;
            for raw in self.kattis.raw_cases(&directory, false) {
                if let Some(input) = raw.files.get(".in").and_then(|path| context.tree.file(path)) {
                    let validator_args = inherited.validator_args.clone();
                    draft.trials.invalid_inputs.push(InputTrial { name: raw.id, input, validator_args });
                }
            }
        }
        for (top, to) in
            [("invalid_output", &mut draft.trials.invalid_outputs), ("valid_output", &mut draft.trials.valid_outputs)]
        {
            for directory in directories_with_cases(context, top) {
                let inherited = inherited.clone().at(&directory, self)?;
                for raw in self.kattis.raw_cases(&directory, true) {
                    let file = |ending: &str| raw.files.get(ending).and_then(|path| context.tree.file(path));
                    let (Some(input), Some(answer), Some(output)) = (file(".in"), file(".ans"), file(".out")) else {
                        let path = format!("data/{}", raw.id);
                        let fault = "an output trial needs .in, .ans and .out";
                        context.findings.file(Code::NotVerifiable, &path, fault, "Add the missing files");
                        continue;
                    };
                    let mut own = inherited.clone();
                    if let Some(path) = raw.files.get(".yaml") {
                        self.case_file(path, &mut own, &mut Hints::default())?;
                    }
                    if let Some(method) = self.method(own.output_args, &own.file) {
                        to.push(OutputTrial { name: raw.id, input, answer, output, method });
                    }
                }
            }
        }
        Ok(())
    }
}

/// Returns a directory below `data/` and its subdirectories, except those without files and those named `*.files*`.
fn directories_with_cases(context: &super::super::Context<'_>, top: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, _) in context.tree.below(&format!("data/{top}")) {
        let parent = path.parent().and_then(|parent| parent.below("data").map(str::to_owned)).unwrap_or_default();
        if !parent.contains(".files") {
            found.insert(parent);
        }
    }
    found
}

impl Inherited {
    pub(super) fn root(file: &str) -> Inherited {
        Inherited {
            args: Vec::new(),
            validator_args: ValidatorArgs::default(),
            output_args: Vec::new(),
            file: file.to_owned(),
            feedback: Feedback::Verdict,
            sample: false,
        }
    }

    /// Applies the file that configures a directory, if there is one.
    fn at(mut self, directory: &str, maker: &Maker<'_, '_>) -> Result<Inherited, ImportError> {
        let context = maker.kattis.context;
        let path = format!("data/{directory}/{}", maker.group_file);
        if !context.tree.has(&path) {
            return Ok(self);
        }
        if maker.group_file == TESTDATA {
            maker.legacy_arguments(&path, &mut self)?;
        } else if let Some(node) = context.yaml(&path, ByteOrderMark::Refused)? {
            self.read_arguments(&Reader::new(Source { file: &path, findings: context.findings }, &node), &path);
        }
        Ok(self)
    }

    /// Applies the arguments and the feedback setting of a configuration file.
    pub(super) fn read_arguments(&mut self, reader: &Reader<'_>, file: &str) {
        let arguments = |key: &str| {
            let reader = reader.get(key);
            if reader.is_some() && !reader.is_seq() {
                reader.fault(Code::DraftSpelling, "the arguments are written as one string", "Write them as a list");
            }
            reader.arguments()
        };
        if let Some(args) = arguments("args") {
            self.args = args;
        }
        let for_validators = reader.get("input_validator_args");
        if for_validators.is_map() {
            self.validator_args = by_validator(&for_validators);
        } else if let Some(args) = arguments("input_validator_args") {
            self.validator_args = ValidatorArgs::Every(args);
        }
        if let Some(args) = arguments("output_validator_args") {
            self.output_args = args;
            self.file = file.to_owned();
        }
        if let Some(full) = reader.get("full_feedback").bool() {
            self.feedback = if full { Feedback::Full } else { Feedback::Verdict };
        }
    }
}

/// Reads arguments by the name of the validator.
pub(super) fn by_validator(reader: &Reader<'_>) -> ValidatorArgs {
    let each = reader.entries().into_iter().map(|(name, args)| (name.to_owned(), args.arguments().unwrap_or_default()));
    let by_name: BTreeMap<String, Vec<String>> = each.collect();
    let all = by_name.iter().flat_map(|(name, args)| std::iter::once(name).chain(args));
    if let Some(excess) = excess_of_arguments(all.map(String::as_str)) {
        reader.fault(Code::KeyType, format!("with the names of the validators, {excess}"), "Pass fewer arguments");
        return ValidatorArgs::default();
    }
    ValidatorArgs::Named(by_name)
}
