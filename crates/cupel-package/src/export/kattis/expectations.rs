//! Submissions of an exported package: the folder implies the expected result, and `submissions.yaml` contains all
//! other rules. Cases of an exported package may have new names, so patterns of cases are translated.
//!
//! In other formats, a submission may have an expected verdict as a whole: that of one of its cases. The other cases
//! may then have any verdict, but the folders of 2025-09 permit only one besides AC. So the rules of these folders are
//! replaced if such a submission is in them. Source: Kattis problem package format 2025-09, "Submissions".

use std::collections::{BTreeMap, BTreeSet};

use super::{Metadata, Plan};
use crate::export::Content;
use crate::export::yaml::{Yaml, document};
use crate::import::folder_rule;
use cupel_problem::{CaseId, ExampleSubmission, Expectation, ExpectedVerdict, ProgramFile, Scope, glob};
use cupel_types::LanguageId;

impl Plan<'_> {
    pub(super) fn submissions(&mut self, metadata: &Metadata) {
        let replaced: BTreeSet<&str> = self.problem.submissions.iter().filter_map(replaced_folder).collect();
        let mut rules: Vec<(String, Yaml)> =
            replaced.iter().map(|folder| ((*folder).to_owned(), Yaml::Map(vec![permitted(ANY)]))).collect();
        self.report_weaker_verdicts();
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
            let mut rule = self.rule(submission, folder, replaced.contains(folder));
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

    /// Reports the expected verdicts of whole submissions that become weaker.
    fn report_weaker_verdicts(&self) {
        let mut has_weaker = false;
        for submission in &self.problem.submissions {
            for verdicts in submission.expectations.iter().filter_map(|rule| rule.verdict.as_deref()) {
                if verdicts == [ExpectedVerdict::CompileError] {
                    let fault = "the format has no expected verdict for submissions that do not compile; the result of \
                                 this submission is not checked";
                    self.weaker(submission.program.path.as_str(), fault);
                } else {
                    has_weaker |= verdicts != [ExpectedVerdict::Accepted];
                }
            }
        }
        if has_weaker {
            let fault = "the format has no expected verdict of a whole submission; instead, some case must have it, unless \
                         AC is allowed, too";
            self.weaker("submissions", fault);
        }
    }

    /// Returns the entries of `submissions.yaml` that the folder does not imply. `is_replaced`: the rule of the folder
    /// is replaced by one that permits any verdict.
    fn rule(&self, submission: &ExampleSubmission, folder: &str, is_replaced: bool) -> Vec<(String, Yaml)> {
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
            if is_replaced && equals(replacement(folder), expectation) {
                continue;
            }
            if equals_folder_rule(folder, expectation) {
                entries.extend(expectation.permitted.as_deref().filter(|_| is_replaced).map(permitted));
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
    let implies = |folder: &&&str| equals_folder_rule(folder, rule) || equals(replacement(folder), rule);
    if let Some(known) = FOLDERS.iter().find(implies) {
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

/// All verdicts of the format.
const ANY: &[ExpectedVerdict] = &[
    ExpectedVerdict::Accepted,
    ExpectedVerdict::RuntimeError,
    ExpectedVerdict::TimeLimit,
    ExpectedVerdict::WrongAnswer,
];

/// Whether the folder's default rule equals this rule.
fn equals_folder_rule(folder: &str, rule: &Expectation) -> bool {
    equals(folder_rule(folder), rule)
}

fn equals(known: Option<Expectation>, rule: &Expectation) -> bool {
    known.is_some_and(|known| Expectation { origin: rule.origin.clone(), ..known } == *rule)
}

/// Returns the rule of the folder that requires its verdict on some case, and permits any verdict on the others.
fn replacement(folder: &str) -> Option<Expectation> {
    let of_verdict = matches!(folder, "wrong_answer" | "time_limit_exceeded" | "run_time_error");
    let rule = folder_rule(folder).filter(|_| of_verdict)?;
    Some(Expectation { permitted: Some(ANY.to_vec()), ..rule })
}

/// Returns the folder whose rule must be replaced, because it is stricter than that of this submission in it.
fn replaced_folder(submission: &ExampleSubmission) -> Option<&'static str> {
    let folder = folder(submission);
    let rule = submission.expectations.iter().find(|rule| rule.scope == Scope::All)?;
    (replacement(folder).is_some() && !equals_folder_rule(folder, rule)).then_some(folder)
}

/// Returns the format's codes of verdicts. The format has four. A more specific verdict is mapped to the verdict that
/// includes it. A submission that does not compile has no verdicts of cases.
fn codes(verdicts: &[ExpectedVerdict]) -> Yaml {
    let coarse = verdicts.iter().filter_map(|verdict| match verdict {
        ExpectedVerdict::Accepted => Some("AC"),
        ExpectedVerdict::WrongAnswer | ExpectedVerdict::PresentationError => Some("WA"),
        ExpectedVerdict::TimeLimit => Some("TLE"),
        ExpectedVerdict::RuntimeError | ExpectedVerdict::MemoryLimit | ExpectedVerdict::OutputLimit => Some("RTE"),
        ExpectedVerdict::CompileError => None,
    });
    let coarse: BTreeSet<&str> = coarse.collect();
    Yaml::List(coarse.into_iter().map(Yaml::plain).collect())
}

fn permitted(verdicts: &[ExpectedVerdict]) -> (String, Yaml) {
    ("permitted".to_owned(), codes(verdicts))
}

fn checks(expectation: &Expectation, folder: &str) -> Vec<(String, Yaml)> {
    let mut entries: Vec<(String, Yaml)> = Vec::new();
    entries.extend(expectation.permitted.as_deref().map(permitted));
    if let Some(required) = &expectation.required {
        entries.push(("required".to_owned(), codes(required)));
    }
    match &expectation.verdict {
        // The rule of the folder is this one, or has been replaced by it.
        Some(_) if folder != "mixed" => {}
        Some(verdicts) if *verdicts != [ExpectedVerdict::CompileError] => {
            entries.push(permitted(ANY));
            if !verdicts.contains(&ExpectedVerdict::Accepted) {
                entries.push(("required".to_owned(), codes(verdicts)));
            }
        }
        Some(_) | None => {}
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
