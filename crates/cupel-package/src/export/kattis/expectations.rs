//! Submissions of an exported package: the folder implies the expected result, and `submissions.yaml` contains all
//! other rules. Cases of an exported package may have new names, so patterns of cases are translated.

use std::collections::{BTreeMap, BTreeSet};

use super::{Metadata, Plan};
use crate::export::Content;
use crate::export::yaml::{Yaml, document};
use crate::import::folder_rule;
use cupel_problem::{CaseId, ExampleSubmission, Expectation, ExpectedVerdict, ProgramFile, Scope, glob};
use cupel_types::LanguageId;

impl Plan<'_> {
    pub(super) fn submissions(&mut self, metadata: &Metadata) {
        let mut rules: Vec<(String, Yaml)> = Vec::new();
        for submission in &self.problem.submissions {
            let folder = folder(submission);
            let name = submission.program.path.name();
            let path = format!("{folder}/{}", self.free_name(&format!("submissions/{folder}"), name));
            match (&submission.program.files[..], &submission.beside[..]) {
                ([one], []) if one.name.as_str() == name => {
                    self.insert(format!("submissions/{path}"), Content::File(one.file.clone()), one.executable);
                }
                (files, beside) => {
                    self.program_files(&format!("submissions/{path}"), files);
                    self.program_files(&format!("submissions/{path}"), beside);
                }
            }
            let mut rule = self.rule(submission, folder);
            // Nested rules come last.
            let original = submission.program.path.below("submissions").unwrap_or_default();
            rule.splice(0..0, metadata.about_submission(original));
            if !rule.is_empty() {
                rules.push((path, Yaml::Map(rule)));
            }
        }
        if !rules.is_empty() {
            self.text("submissions/submissions.yaml", document(&rules));
        }
    }

    /// Returns the entries of `submissions.yaml` that the folder does not imply.
    fn rule(&self, submission: &ExampleSubmission, folder: &str) -> Vec<(String, Yaml)> {
        let mut entries: Vec<(String, Yaml)> = Vec::new();
        let mut put = |key: &str, value: Yaml| entries.push((key.to_owned(), value));
        // The importer gives C++23 to sources with an extension of C++.
        const CPP: &[&str] = &[".cpp", ".cc", ".cxx", ".c++", ".C"];
        let is_cpp = |file: &ProgramFile| CPP.iter().any(|ending| file.name.as_str().ends_with(ending));
        let is_implied = |id: &&LanguageId| id.as_str() == "cpp23" && submission.program.files.iter().any(is_cpp);
        if let Some(language) = submission.program.language.as_ref().filter(|id| !is_implied(id)) {
            // An id without a code has a meaning only for Cupel.
            put("language", Yaml::text(super::code_of(language).unwrap_or(language.as_str())));
        }
        if let Some(entry) = &submission.program.entry_point {
            put("entrypoint", Yaml::text(entry));
        }
        let mut nested: Vec<(String, Yaml)> = Vec::new();
        for expectation in &submission.expectations {
            if equals_folder_rule(folder, expectation) {
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
                Scope::Glob(glob) => {
                    // If the pattern changes, so do the groups that it names, and with them the scores to compare.
                    let new = self.renamed(glob).filter(|new| new == glob || expectation.score.is_none());
                    let Some(mut new) = new else {
                        let fault =
                            format!("cases have new names, and the rule for `{glob}` cannot name them; it is left out");
                        self.weaker(submission.program.path.as_str(), fault);
                        continue;
                    };
                    // Each key occurs once. Additional braces do not change a pattern.
                    while nested.iter().any(|(known, _)| *known == new) {
                        new = format!("{{{new}}}");
                    }
                    nested.push((new, Yaml::Map(checks)));
                }
            }
        }
        entries.extend(nested);
        entries
    }

    /// Returns the pattern that covers the new names of the cases that this pattern covers. `None` if there is no such
    /// pattern within the bounds of a pattern.
    fn renamed(&self, glob: &str) -> Option<String> {
        if self.names.iter().all(|(old, new)| old.as_str() == new) {
            return Some(glob.to_owned());
        }
        let of_old = |old: &CaseId| glob::matches(glob, old.as_str());
        let covered: BTreeSet<&str> =
            self.names.iter().filter(|(old, _)| of_old(old)).map(|(_, new)| new.as_str()).collect();
        if self.names.iter().all(|(_, new)| glob::matches(glob, new) == covered.contains(new.as_str())) {
            return Some(glob.to_owned());
        }
        // New names consist of a directory and a name without special characters. A directory of which all cases are
        // covered stands for them.
        let mut directories: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (_, new) in &self.names {
            let directory = new.rsplit_once('/').map_or("", |(directory, _)| directory);
            directories.entry(directory).or_default().push(new);
        }
        let mut choices: Vec<&str> = Vec::new();
        for (directory, cases) in directories {
            match cases.iter().all(|case| covered.contains(case)) {
                true => choices.push(directory),
                false => choices.extend(cases.into_iter().filter(|case| covered.contains(case))),
            }
        }
        let glob = match choices[..] {
            [] => return None,
            [one] => one.to_owned(),
            _ => format!("{{{}}}", choices.join(",")),
        };
        glob::is_readable(&glob).then_some(glob)
    }
}

/// Returns the folder that implies the expected result, or `mixed`, which implies no result.
fn folder(submission: &ExampleSubmission) -> &'static str {
    use ExpectedVerdict::{Accepted, RuntimeError, TimeLimit, WrongAnswer};
    let Some(rule) = submission.expectations.iter().find(|rule| rule.scope == Scope::All) else { return "mixed" };
    if let Some(known) = FOLDERS.iter().find(|folder| equals_folder_rule(folder, rule)) {
        return known;
    }
    // In some formats, a submission has one expected verdict instead of one for each case.
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

/// Whether the folder's default rule equals this rule.
fn equals_folder_rule(folder: &str, rule: &Expectation) -> bool {
    let default = folder_rule(folder);
    default.is_some_and(|default| Expectation { origin: rule.origin.clone(), ..default } == *rule)
}

fn checks(expectation: &Expectation, folder: &str) -> Vec<(String, Yaml)> {
    // The format has four verdicts. A more specific verdict is mapped to the verdict that includes it.
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
    if !expectation.bounds_time_limit {
        entries.push(("use_for_time_limit".to_owned(), Yaml::plain("false")));
    }
    entries
}
