//! The Kattis problem package format: legacy, legacy-icpc, 2025-09 and its drafts, and DOMjudge's zip, which is a
//! legacy package with an ini file. Source: the specification of the format. Deviations that occur in existing packages
//! are accepted with a warning.

mod checks;
mod config;
mod constants;
mod data;
mod domjudge;
mod expectations;
mod legacy;
mod modern;
mod statements;

pub(super) use constants::fill_in_constants;
pub(super) use expectations::by_folder;
pub(crate) use expectations::folder_rule;
pub(super) use statements::{is_language_tag, is_picture, language_and_format};

use super::{Context, PackageFormat};
use crate::finding::{Code, ImportError};
use config::Config;
use cupel_problem::{Include, InputValidator, OnWaiting, Passes, Problem, Program};

/// The language of programs in C++. Source: problemtools and BAPCtools, `languages.yaml`: `-std=gnu++23`. DOMjudge's
/// default is that of its compiler, an earlier standard.
const CPP: &str = "cpp23";

/// State that all parts of this importer share.
pub(super) struct Kattis<'a> {
    context: &'a Context<'a>,
    config: Config,
}

pub(super) fn read(context: &Context<'_>, format: PackageFormat) -> Result<Option<Problem>, ImportError> {
    let Some((config, mut draft)) = config::read(context, format)? else { return Ok(None) };
    draft.limits.on_waiting = OnWaiting::TimeLimit;
    let kattis = Kattis { context, config };
    if kattis.config.domjudge {
        domjudge::overlay(context, &kattis.config, &mut draft)?;
    } else {
        domjudge::report_unread(context);
    }
    kattis.statements(&mut draft);
    draft.editorials = context.editorials();
    draft.validators = kattis.input_validators();
    draft.includes = kattis.includes();
    draft.attachments = context.refs_in("attachments");
    draft.generators = context.refs_in("generators");
    let root = kattis.tests(&mut draft)?;
    kattis.submissions(&mut draft)?;
    kattis.refuse_static_validator();
    draft.passes = kattis.config.passes.map_or(Passes::One, Passes::UpTo);
    Ok(draft.finish(root, context))
}

impl Kattis<'_> {
    /// Refuses a static validator, which could reject a submission because of its source.
    fn refuse_static_validator(&self) {
        const DIRECTORY: &str = "static_validator";
        let mut files = self.context.tree.below(DIRECTORY);
        if self.config.is_new() && files.any(|(path, _)| !path.name().starts_with('.')) {
            let fault = "static validation is not supported, and this program could reject submissions";
            let remedy = "Remove the directory and `static_validation_score`; check the output instead";
            self.context.findings.file(Code::Unsupported, DIRECTORY, fault, remedy);
        }
    }

    fn input_validators(&self) -> Vec<InputValidator> {
        let mut found = Vec::new();
        for directory in ["input_validators", "input_format_validators", "input_validator"] {
            self.context.report_unknown_validators(directory);
            let described = self.context.tree.below(directory).filter(|(path, _)| path.as_str().ends_with(".ctd"));
            found.extend(
                described
                    .filter_map(|(path, _)| self.context.tree.file(path.as_str()))
                    .map(InputValidator::Checktestdata),
            );
            let programs = self.context.programs_in(directory);
            let is_description = |p: &Program| p.files.iter().all(|file| file.name.as_str().ends_with(".ctd"));
            for mut program in programs.into_iter().filter(|program| !is_description(program)) {
                if self.context.can_be_built(&program) {
                    self.set_standard(&mut program);
                    found.push(InputValidator::ExitCode42(program));
                    continue;
                }
                let fault = "the directory is not run as a validator, because it has no file in a known language";
                let remedy = "Add its source in a language that `cupel languages` lists, or remove it";
                self.context.findings.file(Code::UnusedFile, program.path.as_str(), fault, remedy);
            }
        }
        found
    }

    /// Sets the language of a program in C++ to [`CPP`]. The format has one C++, without a standard.
    fn set_standard(&self, program: &mut Program) {
        let languages = self.context.options.languages;
        let language = match &program.language {
            Some(id) => languages.known(id.as_str()),
            None => languages.of_files(program.files.iter().map(|file| &file.name)).ok(),
        };
        let is_cpp = language.is_some_and(|language| language.id.as_str() == "cpp");
        if is_cpp && let Some(language) = languages.find(CPP) {
            program.language = Some(language.id.clone());
        }
    }

    fn includes(&self) -> Vec<Include> {
        let mut includes = Vec::new();
        for name in self.context.tree.children("include").into_keys() {
            let files = self.context.files_in(&format!("include/{name}"));
            let language = match name.as_str() {
                "default" => None,
                name => match self.context.language(name) {
                    Some(language) => Some(language),
                    None => {
                        let path = format!("include/{name}");
                        self.context.findings.file(
                            Code::LeftOut,
                            &path,
                            "this is not a language",
                            "Rename or remove it",
                        );
                        continue;
                    }
                },
            };
            if !files.is_empty() {
                includes.push(Include { language, files, entry_point: None, grader: None });
            }
        }
        includes
    }
}
