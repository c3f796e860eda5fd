//! `submissions/`: the expected result of each submission. The submission's folder, `submissions.yaml` or an annotation
//! in the source determines the result.

use std::fs::File;
use std::io::Read;

use cupel_types::LanguageId;

use super::super::{ByteOrderMark, Child, Context, Draft};
use super::Kattis;
use super::config::Version;
use crate::doc::{Reader, Source, TEXT_BYTES_MAX, Unknown};
use crate::finding::{Code, Findings, ImportError, PackageFinding};
use ExpectedVerdict::{
    Accepted as Ac, CompileError as Ce, MemoryLimit as Mle, OutputLimit as Ole, RuntimeError as Rte, TimeLimit as Tle,
    WrongAnswer as Wa,
};
use cupel_problem::{ExampleSubmission, Expectation, ExpectedVerdict, Program, ProgramFile, Scope, Score, ScoreRange};

/// Number of bytes of a source that are read to determine its language.
const START_BYTES_MAX: u64 = 64 << 10;
/// Maximum number of rules and of patterns of cases in them, summed over all submissions: each submission stores those
/// that apply to it.
const NESTED_MAX: usize = 10_000;
/// Maximum length of a message that a rule requires, in bytes.
const MESSAGE_BYTES_MAX: usize = 1_000;

/// Returns the rule that a folder of 2025-09 implies for each case.
pub(crate) fn folder_rule(folder: &str) -> Option<Expectation> {
    let rule = Expectation::nothing(&format!("submissions/{folder}"));
    let per_case = |permitted: Option<&[ExpectedVerdict]>, required: Option<&[ExpectedVerdict]>| Expectation {
        permitted: permitted.map(<[_]>::to_vec),
        required: required.map(<[_]>::to_vec),
        ..rule.clone()
    };
    Some(match folder {
        "accepted" => per_case(Some(&[Ac]), None),
        "rejected" => per_case(None, Some(&[Rte, Tle, Wa])),
        "wrong_answer" => per_case(Some(&[Ac, Wa]), Some(&[Wa])),
        "time_limit_exceeded" => per_case(Some(&[Ac, Tle]), Some(&[Tle])),
        "run_time_error" => per_case(Some(&[Ac, Rte]), Some(&[Rte])),
        "brute_force" => per_case(Some(&[Ac, Rte, Tle]), Some(&[Rte, Tle])),
        "partially_accepted" => Expectation { full_score: Some(false), ..rule },
        _ => return None,
    })
}

/// Returns the rule that a folder's name implies for its submissions, if there is no more specific rule.
pub(crate) fn by_folder(folder: &str, scoring: bool) -> Option<Expectation> {
    let rule = Expectation::nothing(&format!("submissions/{folder}"));
    let verdict = |verdicts: &[ExpectedVerdict]| Some(verdicts.to_vec());
    Some(match folder {
        "accepted" => Expectation { verdict: verdict(&[Ac]), full_score: scoring.then_some(true), ..rule },
        // Judges have different names for a score below the full one, so the rule only requires that the score is
        // lower.
        "partially_accepted" => Expectation { full_score: Some(false), ..rule },
        "wrong_answer" => Expectation { verdict: verdict(&[Wa]), ..rule },
        "time_limit_exceeded" => Expectation { verdict: verdict(&[Tle]), ..rule },
        "run_time_error" => Expectation { verdict: verdict(&[Rte]), ..rule },
        "rejected" => Expectation { verdict: verdict(&[Wa, Tle, Rte, Mle, Ole, Ce]), ..rule },
        // In DOMjudge, any other folder name may be the name of a result.
        other => Expectation { verdict: Some(vec![result(other)?]), ..rule },
    })
}

impl Kattis<'_> {
    pub(super) fn submissions(&self, draft: &mut Draft) -> Result<(), ImportError> {
        let mut found = Vec::new();
        for (folder, child) in self.context.tree.children("submissions") {
            if self.context.is_disabled(&format!("submissions/{folder}")) {
                continue;
            }
            if child == Child::File || folder.starts_with('.') {
                if !matches!(folder.as_str(), "submissions.yaml") {
                    let path = format!("submissions/{folder}");
                    self.context.findings.file(
                        Code::UnusedFile,
                        &path,
                        "submissions must be in folders",
                        "Move it into a folder",
                    );
                }
                continue;
            }
            for name in self.context.tree.children(&format!("submissions/{folder}")).into_keys() {
                found.extend(self.submission(&folder, &name)?);
            }
        }
        self.context.keep_some_submissions(&mut found);
        if self.reads_annotations() && self.context.tree.has("submissions.json") {
            self.entry_points(&mut found)?;
        }
        if self.config.is_new() && self.context.tree.has("submissions/submissions.yaml") {
            draft.set_aside = self.rules(&mut found)?;
        }
        if self.config.version == Version::V202509 && !self.context.tree.has_directory("submissions/accepted") {
            let remedy = "Add one in submissions/accepted/";
            self.context.findings.file(Code::NotVerifiable, "submissions", "there is no accepted submission", remedy);
        }
        found.iter_mut().for_each(|submission| self.set_standard(&mut submission.program));
        draft.submissions = found;
        Ok(())
    }

    /// Returns the language of a submission whose file extension belongs to several languages: Python 2 and Prolog.
    /// Source: problemtools, `languages.yaml`: `.py` is Python 2 depending on its first line, and `.pl` is Prolog.
    fn language_by_content(&self, program: &Program) -> Result<Option<LanguageId>, ImportError> {
        let ending = |file: &&ProgramFile, ending: &str| file.name.as_str().ends_with(ending);
        let of = |extension: &'static str| program.files.iter().filter(move |file| ending(file, extension));
        let (mut python, mut prolog) = (of(".py").count() > 0, false);
        for file in of(".py") {
            let text = self.start_of(file)?;
            python &= text.lines().next().is_some_and(|line| line.starts_with("#!") && line.contains("python2"));
        }
        for file in of(".pl") {
            let text = self.start_of(file)?;
            let is_perl = text.lines().next().is_some_and(|line| line.starts_with("#!") && line.contains("perl"));
            if is_perl || !text.lines().any(is_clause) {
                continue;
            }
            if text.lines().any(is_perl_line) {
                let remedy = "If it is Perl, begin it with `#!/usr/bin/perl`";
                let detail = "the submission has lines of Perl and of Prolog; it is judged as Perl";
                self.context.findings.file(Code::NotVerifiable, program.path.as_str(), detail, remedy);
                continue;
            }
            prolog = true;
        }
        Ok(match (python, prolog) {
            (true, _) => "python2".parse().ok(),
            (false, true) => "prolog".parse().ok(),
            (false, false) => None,
        })
    }

    /// Returns the beginning of a source.
    fn start_of(&self, file: &ProgramFile) -> Result<String, ImportError> {
        let place = self.context.tree.root().join(file.file.path.as_str());
        let mut bytes = Vec::new();
        let opened = File::open(&place).map_err(ImportError::io("open", &place))?;
        opened.take(START_BYTES_MAX).read_to_end(&mut bytes).map_err(ImportError::io("read", &place))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn submission(&self, folder: &str, name: &str) -> Result<Option<ExampleSubmission>, ImportError> {
        let path = format!("submissions/{folder}/{name}");
        let Some(mut program) = self.context.submission_at(&path) else { return Ok(None) };
        program.language = self.language_by_content(&program)?;
        let mut expectations: Vec<Expectation> = self.by_folder(folder).into_iter().collect();
        // A folder of 2025-09 determines the result by itself.
        if self.reads_annotations() && (!self.config.is_new() || folder_rule(folder).is_none()) {
            self.annotation(folder, &program, &mut expectations)?;
        }
        Ok(Some(ExampleSubmission { program, beside: Vec::new(), expectations }))
    }

    fn by_folder(&self, folder: &str) -> Option<Expectation> {
        if !self.config.is_new() {
            return by_folder(folder, self.config.scoring);
        }
        folder_rule(folder).or_else(|| by_folder(folder, self.config.scoring).filter(|_| self.config.domjudge))
    }

    /// Whether DOMjudge's annotations and its `submissions.json` count.
    fn reads_annotations(&self) -> bool {
        !self.config.is_new() || self.config.domjudge
    }

    /// Reads DOMjudge's `@EXPECTED_RESULTS@` and `@EXPECTED_SCORE@`, each of which names results or a score, as in
    /// DOMjudge's own importer. After a faulty annotation, the submission has no expectation.
    fn annotation(&self, folder: &str, program: &Program, rules: &mut Vec<Expectation>) -> Result<(), ImportError> {
        let mut results: Option<Vec<ExpectedVerdict>> = None;
        let mut is_faulty = false;
        for file in program.files.iter().filter(|file| file.file.size.get() <= TEXT_BYTES_MAX) {
            let path = file.file.path.as_str();
            // A source that is not in UTF-8 is a submission too, but cannot have annotations.
            let quiet = Findings::default();
            let Some(text) = self.context.tree.text(path, ByteOrderMark::Warned, &quiet)? else { continue };
            for (number, line) in text.lines().enumerate() {
                let Some((tag, value)) = annotation(line) else { continue };
                let mut report = |fault: String| {
                    is_faulty = true;
                    let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
                    let at = Some(crate::finding::Position { line, column: 1 });
                    let remedy = "Correct the annotation; until then, the result of the submission is not checked";
                    self.context.findings.at(Code::Expectation, path, at, Some(tag), fault, remedy);
                };
                if let Ok(score) = value.parse::<Score>() {
                    rules.push(Expectation {
                        score: ScoreRange::new(Some(score), Some(score)),
                        ..Expectation::nothing(tag)
                    });
                    continue;
                }
                let named: Vec<Option<ExpectedVerdict>> = value.split(',').map(|word| result(word.trim())).collect();
                if let Some(at) = named.iter().position(Option::is_none) {
                    let word = value.split(',').nth(at).unwrap_or_default().trim();
                    // In DOMjudge, users judge such submissions manually, so there is no expectation.
                    if !word.eq_ignore_ascii_case("CHECK-MANUALLY") {
                        let expected =
                            if tag == "@EXPECTED_SCORE@" { "neither a score nor a result" } else { "not a result" };
                        report(format!("`{word}` is {expected}"));
                    }
                } else if results.replace(named.into_iter().flatten().collect()).is_some() {
                    report("the results are given twice".to_owned());
                }
            }
        }
        if is_faulty {
            rules.clear();
            return Ok(());
        }
        let Some(results) = results else { return Ok(()) };
        let official = matches!(folder, "accepted" | "wrong_answer" | "time_limit_exceeded" | "run_time_error");
        match rules.iter_mut().find(|rule| rule.verdict.is_some()) {
            Some(rule) if official => {
                if let Some(verdict) = rule.verdict.as_ref().filter(|verdict| !results.contains(&verdict[0])) {
                    let fault = format!("the annotation excludes {}, which the folder requires", verdict[0].code());
                    let remedy = "Correct one of the two; until then, the result of the submission is not checked";
                    self.context.findings.file(Code::Expectation, program.path.as_str(), fault, remedy);
                    rules.clear();
                }
            }
            Some(rule) => *rule = Expectation { verdict: Some(results), ..Expectation::nothing("@EXPECTED_RESULTS@") },
            None => rules.push(Expectation { verdict: Some(results), ..Expectation::nothing("@EXPECTED_RESULTS@") }),
        }
        Ok(())
    }

    /// Reads DOMjudge's `submissions.json`: entry point and language by path. Paths of directories end with a slash.
    /// JSON is parsed as YAML. Faults are warnings.
    fn entry_points(&self, submissions: &mut [ExampleSubmission]) -> Result<(), ImportError> {
        const FILE: &str = "submissions.json";
        let findings = Findings::default();
        let quiet = Context { findings: &findings, ..*self.context };
        if let Some(node) = quiet.yaml(FILE, ByteOrderMark::Warned)? {
            let reader = Reader::new(Source { file: FILE, findings: &findings }, &node);
            for (path, entry) in reader.map() {
                let path = path.trim_start_matches('/').trim_end_matches('/');
                let Some(submission) = submissions.iter_mut().find(|one| one.program.path.as_str() == path) else {
                    entry.fault(Code::UnusedFile, "this submission does not exist", "Correct or remove the entry");
                    continue;
                };
                entry.map();
                if let Some(name) = entry.get("entry_point").words() {
                    submission.program.entry_point = Some(name.to_owned());
                }
                if let Some(language) = entry.get("langid").words() {
                    submission.program.language = self.context.language(language);
                }
            }
        }
        self.as_warnings(findings);
        Ok(())
    }

    /// Reads `submissions.yaml` of 2025-09. If a rule is faulty, the submissions that it matches have no expectation;
    /// if the file cannot be read, no submission has one. Returns the fault because of which a submission in the folder
    /// `accepted` has none.
    fn rules(&self, submissions: &mut [ExampleSubmission]) -> Result<Option<PackageFinding>, ImportError> {
        const FILE: &str = "submissions/submissions.yaml";
        let findings = Findings::default();
        let quiet = Context { findings: &findings, ..*self.context };
        let node = quiet.yaml(FILE, ByteOrderMark::Refused)?;
        let unreadable = findings.any_error();
        let is_accepted =
            |submission: &ExampleSubmission| submission.program.path.below("submissions/accepted").is_some();
        let first_error = |findings: &Findings| findings.find(|finding| finding.code.is_error());
        let mut set_aside = first_error(&findings);
        let mut has_fault = vec![unreadable; submissions.len()];
        if let Some(node) = node {
            let reader = Reader::new(Source { file: FILE, findings: &findings }, &node);
            let rules = reader.map();
            has_fault.fill(unreadable || findings.any_error());
            set_aside = set_aside.or_else(|| first_error(&findings));
            let mut nested = 0;
            for (glob, _) in rules {
                // Each rule has its own collector, which shows whether the rule has a fault.
                let own = Findings::default();
                let rule = Reader::new(Source { file: FILE, findings: &own }, &node).get(glob);
                readable(glob, &rule);
                let patterns = rule.entries().iter().filter(|(_, value)| value.is_map()).count();
                let mut matched = Vec::new();
                for (at, submission) in submissions.iter_mut().enumerate() {
                    let path = submission.program.path.below("submissions").unwrap_or_default().to_owned();
                    if !cupel_problem::glob::matches(glob, &path) {
                        continue;
                    }
                    matched.push(at);
                    let folder = format!("submissions/{glob}");
                    let base = submission.expectations.iter().position(|known| known.origin == folder);
                    nested += 1 + patterns;
                    if nested > NESTED_MAX {
                        let fault = format!(
                            "for all submissions together, there are more than {NESTED_MAX} patterns of cases, or rules"
                        );
                        rule.fault(Code::Unsupported, fault, "Use fewer patterns");
                        has_fault.fill(true);
                        break;
                    }
                    self.rule(&rule, glob, submission, base);
                }
                if matched.is_empty() && !own.any_error() {
                    rule.fault(Code::UnusedFile, "this matches no submission", "Correct or remove it");
                }
                if own.any_error() {
                    matched.iter().for_each(|at| has_fault[*at] = true);
                    if matched.iter().any(|at| is_accepted(&submissions[*at])) {
                        set_aside = set_aside.or_else(|| first_error(&own));
                    }
                }
                own.into_list().into_iter().for_each(|finding| findings.push(finding));
            }
        }
        self.as_warnings(findings);
        for (submission, _) in submissions.iter_mut().zip(has_fault).filter(|(_, has_fault)| *has_fault) {
            submission.expectations.clear();
        }
        let set_aside = set_aside.filter(|_| submissions.iter().any(is_accepted));
        Ok(set_aside.map(|finding| PackageFinding { code: Code::Expectation, ..finding }))
    }

    /// Reports findings about the submissions. Errors become warnings, because judging does not need the submissions.
    fn as_warnings(&self, findings: Findings) {
        for finding in findings.into_list() {
            let code = if finding.code.is_error() { Code::Expectation } else { finding.code };
            self.context.findings.push(PackageFinding { code, ..finding });
        }
    }

    /// Applies one rule to one submission. If the key is a default folder, the rule replaces that folder's rule
    /// (`base`).
    fn rule(&self, reader: &Reader<'_>, glob: &str, submission: &mut ExampleSubmission, base: Option<usize>) {
        const KEYS: &[&str] = &["permitted", "required", "score", "message", "use_for_time_limit"];
        const ABOUT: &[&str] = &["language", "entrypoint", "authors", "model_solution"];
        reader.map();
        let program = &mut submission.program;
        if let Some(language) = reader.get("language").words() {
            program.language = self.context.language(language);
        }
        if let Some(entry) = reader.get("entrypoint").words() {
            program.entry_point = Some(entry.to_owned());
        }
        let has_own = KEYS.iter().any(|key| reader.get(key).is_some());
        if let Some(base) = base {
            read_rule(reader, &mut submission.expectations[base]);
        } else if has_own {
            let mut rule = Expectation::nothing(&format!("submissions.yaml: {glob}"));
            read_rule(reader, &mut rule);
            submission.expectations.push(rule);
        }
        for (key, nested) in reader.entries() {
            if KEYS.contains(&key) || ABOUT.contains(&key) {
                continue;
            }
            if !nested.is_map() {
                let remedy = "Supported are permitted, required, score, message, use_for_time_limit, language, entrypoint, authors, model_solution, or a glob of cases";
                nested.fault(Code::KeyUnknown, "the format has no such key", remedy);
                continue;
            }
            nested.only(KEYS, Unknown::Error);
            readable(key, &nested);
            let mut rule = Expectation::nothing(&format!("submissions.yaml: {glob}: {key}"));
            rule.scope = Scope::Glob(key.to_owned());
            read_rule(&nested, &mut rule);
            submission.expectations.push(rule);
        }
    }
}

/// Reports a glob that is too long or expands to too many alternatives.
fn readable(glob: &str, rule: &Reader<'_>) {
    if !cupel_problem::glob::is_readable(glob) {
        rule.fault(
            Code::KeyType,
            "the glob is too long, or its braces expand to too many alternatives",
            "Split it into several globs",
        );
    }
}

fn read_rule(reader: &Reader<'_>, rule: &mut Expectation) {
    let verdicts = |key: &str| {
        let reader = reader.get(key);
        reader.is_some().then(|| {
            let each = reader.one_or_more();
            each.iter()
                .filter_map(|one| {
                    let verdict = one.text().and_then(ExpectedVerdict::from_code);
                    if verdict.is_none() {
                        one.expected("one of AC, WA, TLE, RTE");
                    }
                    verdict
                })
                .collect::<Vec<_>>()
        })
    };
    if let Some(permitted) = verdicts("permitted") {
        rule.permitted = Some(permitted);
    }
    if let Some(required) = verdicts("required") {
        rule.required = Some(required);
    }
    let scores: Vec<Option<Score>> =
        reader.get("score").one_or_more().iter().map(|one| one.parsed("a score")).collect();
    match scores[..] {
        [] => {}
        [Some(score)] => rule.score = ScoreRange::new(Some(score), Some(score)),
        [Some(low), Some(high)] if low <= high => rule.score = ScoreRange::new(Some(low), Some(high)),
        _ => reader.get("score").expected("a score, or a minimum and a maximum"),
    }
    match reader.get("message").text() {
        Some(message) if message.len() > MESSAGE_BYTES_MAX => {
            reader.get("message").expected(&format!("a text of at most {MESSAGE_BYTES_MAX} bytes"));
        }
        message => rule.message = message.map(str::to_owned).or(rule.message.take()),
    }
    let role = reader.get("use_for_time_limit");
    match role.text() {
        None if !role.is_some() => {}
        // The verdicts of the rule determine whether the time is used.
        Some("true") => {}
        Some("false") => rule.bounds_time_limit = false,
        // `lower` and `upper` restrict the verdicts, because the times of these submissions bound the limit.
        Some("lower") => {
            let permitted = rule.permitted.get_or_insert_with(|| vec![Ac, Wa, Rte]);
            permitted.retain(|verdict| *verdict != Tle);
        }
        Some("upper") => rule.required = Some(vec![Tle]),
        _ => role.expected("`true`, `false`, `lower` or `upper`"),
    }
}

/// Finds `@EXPECTED_RESULTS@: A, B` or `@EXPECTED_SCORE@: N` in a line, and removes a comment terminator at the end.
fn annotation(line: &str) -> Option<(&'static str, &str)> {
    ["@EXPECTED_RESULTS@", "@EXPECTED_SCORE@"].into_iter().find_map(|tag| {
        let upper = line.to_ascii_uppercase();
        let at = upper.find(tag)? + tag.len();
        let value = line[at..].strip_prefix(':')?.trim();
        let value = value.strip_suffix("*/").or_else(|| value.strip_suffix("-->")).unwrap_or(value);
        Some((tag, value.trim()))
    })
}

/// Maps DOMjudge's names of results.
fn result(word: &str) -> Option<ExpectedVerdict> {
    Some(match word.to_ascii_uppercase().replace('_', "-").as_str() {
        "CORRECT" | "ACCEPTED" => Ac,
        "WRONG-ANSWER" | "NO-OUTPUT" => Wa,
        "TIMELIMIT" | "TIME-LIMIT-EXCEEDED" => Tle,
        "RUN-ERROR" | "RUN-TIME-ERROR" => Rte,
        "OUTPUT-LIMIT" => Ole,
        "MEMORY-LIMIT" | "MEMORY-LIMIT-EXCEEDED" => Mle,
        "COMPILER-ERROR" | "COMPILE-ERROR" => Ce,
        _ => return None,
    })
}

/// Whether a line of Prolog is a directive, a query or a rule, or ends with the neck (`:-`) of a rule.
fn is_clause(line: &str) -> bool {
    let line = line.trim();
    // Checks for the head of a rule: an atom, with or without arguments.
    let is_head = |head: &str| {
        let (name, rest) =
            head.split_at(head.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(head.len()));
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && (rest.is_empty() || rest.starts_with('(') && rest.ends_with(')'))
    };
    line.starts_with(":-")
        || line.starts_with("?-")
        || line.ends_with(":-")
        || line.split_once(":-").is_some_and(|(head, _)| is_head(head.trim_end()))
}

/// Whether a line has syntax of Perl that Prolog does not have: a declaration or a scalar.
fn is_perl_line(line: &str) -> bool {
    let line = line.trim_start();
    let is_declaration = ["use ", "my ", "our ", "sub ", "package "].iter().any(|word| line.starts_with(word));
    let mut scalars = line.split('$').skip(1);
    is_declaration || scalars.any(|after| after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_ends_at_the_end_of_the_line_or_comment() {
        assert_eq!(
            annotation("// @EXPECTED_RESULTS@: TIMELIMIT, CORRECT"),
            Some(("@EXPECTED_RESULTS@", "TIMELIMIT, CORRECT"))
        );
        assert_eq!(annotation("/* @expected_results@: WRONG-ANSWER */"), Some(("@EXPECTED_RESULTS@", "WRONG-ANSWER")));
        assert_eq!(annotation("<!-- @EXPECTED_SCORE@: 12.5 -->"), Some(("@EXPECTED_SCORE@", "12.5")));
        assert_eq!(annotation("@EXPECTED_RESULTS@ x"), None);
    }
}
