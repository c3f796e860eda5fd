//! Codeforces Polygon, full package: `problem.xml`. Source: the public descriptions of Polygon's problem.xml.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cupel_types::{BoxPath, Bytes};
use roxmltree::{Document, Node as Xml, ParsingOptions};

use super::cases::most;
use super::kattis::nothing;
use super::{ByteOrderMark, Context, Draft};
use crate::finding::{Code, ImportError, Position};
use crate::{
    AfterInteraction, Aggregate, Calibration, Case, CaseGroup, CaseId, CasePoints, Checker, Comparison,
    ExampleSubmission, Expectation, ExpectedVerdict, Feedback, GroupName, GroupScoring, Hints, InputValidator,
    Interactor, JudgeProgram, MaxScore, Method, Node, Objective, Problem, Program, ProgramFile, ProgramShape, Protocol,
    Score, Scoring, ScoringDialect, Shown, Slug, Standard, Statement, StatementFormat, StopRule, VerdictRule,
};

/// Most nodes of a problem.xml.
const NODES_MAX: u32 = 200_000;
/// Most tests.
const TESTS_MAX: u64 = 10_000;

pub(super) fn read(context: &Context<'_>) -> Result<Option<Problem>, ImportError> {
    let file = if context.tree.has("problem.xml") { "problem.xml" } else { "problem.xml.polygon" };
    let Some(text) = context.tree.text(file, ByteOrderMark::Warned, context.findings)? else { return Ok(None) };
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = match Document::parse_with_options(&text, options) {
        Ok(document) => document,
        Err(error) => {
            let at = Position { line: error.pos().row, column: error.pos().col };
            let fault = format!("the file cannot be read: {error}");
            context.findings.at(Code::Xml, file, Some(at), None, fault, "Export the package again");
            return Ok(None);
        }
    };
    let reading = Reading { context, file, document: &document };
    Ok(reading.problem())
}

struct Reading<'c, 'd> {
    context: &'c Context<'c>,
    file: &'c str,
    document: &'d Document<'d>,
}

type Element<'d> = Xml<'d, 'd>;

/// The first element of this name below another, and all of them.
fn first<'d>(parent: Element<'d>, name: &str) -> Option<Element<'d>> {
    parent.children().find(|child| child.has_tag_name(name))
}

fn all<'d>(parent: Option<Element<'d>>, name: &'static str) -> impl Iterator<Item = Element<'d>> {
    parent.into_iter().flat_map(|parent| parent.children()).filter(move |child| child.has_tag_name(name))
}

impl<'d> Reading<'_, 'd> {
    fn fault(&self, at: Element<'_>, code: Code, fault: impl Into<String>, remedy: impl Into<String>) {
        let place = self.document.text_pos_at(at.range().start);
        let place = Position { line: place.row, column: place.col };
        self.context.findings.at(code, self.file, Some(place), Some(at.tag_name().name()), fault, remedy);
    }

    fn problem(&self) -> Option<Problem> {
        let root = self.document.root_element();
        if !root.has_tag_name("problem") {
            self.fault(root, Code::Xml, "the root is not <problem>", "Export the package again");
            return None;
        }
        let mut draft = Draft::new(Calibration::KATTIS_2025_09, self.file);
        draft.slug = root.attribute("short-name").and_then(Slug::from_text);
        for name in all(first(root, "names"), "name") {
            if let (Some(language), Some(value)) = (name.attribute("language"), name.attribute("value")) {
                draft.titles.push((language_tag(language), value.to_owned()));
            }
        }
        for tag in all(first(root, "tags"), "tag") {
            draft.add_tag(tag.attribute("value").unwrap_or_default());
        }
        self.statements(root, &mut draft);
        let Some(judging) = first(root, "judging") else {
            self.fault(root, Code::KeyMissing, "there is no <judging>", "Export the package again");
            return draft.finish(None, self.context);
        };
        self.files(judging, &mut draft);
        let resources = self.resources(root);
        let method = self.method(root, judging, &resources);
        self.validators(root, &resources, &mut draft);
        self.solutions(root, &resources, &mut draft);
        let tests = method.and_then(|method| self.tests(judging, &Arc::new(method), &mut draft));
        draft.finish(tests, self.context)
    }

    fn statements(&self, root: Element<'d>, draft: &mut Draft) {
        for statement in all(first(root, "statements"), "statement") {
            let format = match statement.attribute("type") {
                Some("application/x-tex") => StatementFormat::Latex,
                Some("text/html") => StatementFormat::Html,
                Some("application/pdf") => StatementFormat::Pdf,
                _ => continue,
            };
            let path = statement.attribute("path").unwrap_or_default();
            let language = language_tag(statement.attribute("language").unwrap_or("english"));
            let Some(file) = self.context.tree.file(path) else {
                let remedy = "Export the full package, with statements";
                self.fault(statement, Code::NoStatement, format!("there is no file `{path}`"), remedy);
                continue;
            };
            // One for each language; the form that is easiest to show comes last in Polygon and is not wanted first.
            if draft.statements.iter().any(|known| known.language == language) {
                continue;
            }
            self.context.check_statement(&file, format);
            let directory = file.path.parent().map(|parent| parent.to_string()).unwrap_or_default();
            let assets = self.context.statement_assets(&directory, path);
            draft.statements.push(Statement { language, format, file, assets });
        }
    }

    fn files(&self, judging: Element<'d>, draft: &mut Draft) {
        let name =
            |key: &str| judging.attribute(key).filter(|name| !name.is_empty()).and_then(|name| BoxPath::new(name).ok());
        draft.io.input_file = name("input-file");
        draft.io.output_file = name("output-file");
        if let Some(runs) = judging.attribute("run-count").filter(|runs| *runs != "1") {
            let fault = format!("submissions are to be run {runs} times");
            self.fault(judging, Code::Unsupported, fault, "Only one run is supported");
        }
    }

    /// Headers and other resources: they lie beside every program.
    fn resources(&self, root: Element<'d>) -> Vec<ProgramFile> {
        let files = first(root, "files").and_then(|files| first(files, "resources"));
        let mut found: Vec<ProgramFile> = Vec::new();
        for resource in all(files, "file") {
            let path = resource.attribute("path").unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            let header = name.ends_with(".h") || name.ends_with(".hpp");
            if let Some(file) = self.context.program_file(name, path).filter(|_| header) {
                found.push(file);
            }
        }
        found
    }

    /// A `<source path type>` below an element, as a program with the resources beside it.
    fn source(&self, holder: Element<'d>, resources: &[ProgramFile]) -> Option<Program> {
        let Some(source) = first(holder, "source") else {
            self.fault(holder, Code::KeyMissing, "there is no <source>", "Export the package again");
            return None;
        };
        let path = source.attribute("path").unwrap_or_default();
        let Some(mut program) = self.context.program(path).filter(|_| self.context.tree.has(path)) else {
            self.fault(source, Code::FileMissing, format!("there is no file `{path}`"), "Export the full package");
            return None;
        };
        program.shape = ProgramShape::Sources;
        program.language = source.attribute("type").and_then(|kind| self.language(kind));
        let own = program.files[0].name.clone();
        program.files.extend(resources.iter().filter(|file| file.name != own).cloned());
        self.context.check_program(&program);
        Some(program)
    }

    /// `cpp.g++17`, `java21`, `python.3`, `kotlin19`: the word before the version.
    fn language(&self, kind: &str) -> Option<cupel_types::LanguageId> {
        let word: String = kind.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
        self.context.options.languages.find(&word).map(|language| language.id.clone())
    }

    fn method(&self, root: Element<'d>, judging: Element<'d>, resources: &[ProgramFile]) -> Option<Method> {
        let assets = first(root, "assets");
        let Some(element) = assets.and_then(|assets| first(assets, "checker")) else {
            self.fault(root, Code::NoValidator, "there is no <checker>", "Choose one in Polygon and export again");
            return None;
        };
        for kind in ["scorer", "strategy", "arbiter"] {
            if let Some(other) = assets.and_then(|assets| first(assets, kind)) {
                self.fault(
                    other,
                    Code::Unsupported,
                    format!("a {kind} is not supported"),
                    "Only checker and interactor are",
                );
            }
        }
        let percent = judging.attribute("treat-points-from-checker-as-percent") == Some("true");
        let standard = element.attribute("name").and_then(|name| name.strip_prefix("std::"));
        let standard = standard.and_then(|name| Standard::from_name(name.strip_suffix(".cpp").unwrap_or(name)));
        let checker = match standard {
            Some(standard) => Checker::Builtin(Comparison::Standard(standard)),
            None => {
                let kind = element.attribute("type").unwrap_or("testlib");
                if kind != "testlib" {
                    let fault = format!("the checker is of the type `{kind}`");
                    self.fault(element, Code::Unsupported, fault, "Only testlib checkers are supported");
                }
                let program = self.source(element, resources)?;
                let protocol = Protocol::Testlib { percent };
                Checker::Program(JudgeProgram { program, protocol, args: Vec::new() })
            }
        };
        match assets.and_then(|assets| first(assets, "interactor")) {
            None => Some(Method::Check(checker)),
            Some(interactor) => {
                let program = self.source(interactor, resources)?;
                let program = JudgeProgram { program, protocol: Protocol::Testlib { percent }, args: Vec::new() };
                Some(Method::Interact(Interactor { program, then: AfterInteraction::Check(checker) }))
            }
        }
    }

    fn validators(&self, root: Element<'d>, resources: &[ProgramFile], draft: &mut Draft) {
        let validators = first(root, "assets").and_then(|assets| first(assets, "validators"));
        for validator in all(validators, "validator") {
            draft.validators.extend(self.source(validator, resources).map(InputValidator::Testlib));
        }
    }

    fn solutions(&self, root: Element<'d>, resources: &[ProgramFile], draft: &mut Draft) {
        let solutions = first(root, "assets").and_then(|assets| first(assets, "solutions"));
        for solution in all(solutions, "solution") {
            let tag = solution.attribute("tag").unwrap_or("accepted");
            let Some(verdict) = expected(tag) else {
                if tag != "failed" {
                    let remedy = "It is run, and nothing is expected of it";
                    self.fault(solution, Code::LeftOut, format!("the tag `{tag}` is not known"), remedy);
                }
                continue;
            };
            if let Some(program) = self.source(solution, resources) {
                let rule = Expectation { verdict: Some(verdict), ..nothing(&format!("tag {tag}")) };
                draft.submissions.push(ExampleSubmission { program, expectations: vec![rule], for_time_limit: None });
            }
        }
    }

    fn tests(&self, judging: Element<'d>, method: &Arc<Method>, draft: &mut Draft) -> Option<CaseGroup> {
        let sets: Vec<Element<'d>> = all(Some(judging), "testset").collect();
        let set = sets.iter().find(|set| set.attribute("name") == Some("tests")).or(match sets[..] {
            [ref only] => Some(only),
            _ => None,
        });
        let Some(set) = set.copied() else {
            self.fault(
                judging,
                Code::NoCases,
                "there is no testset `tests`",
                "Name the testset `tests` and export again",
            );
            return None;
        };
        for other in sets.iter().filter(|other| **other != set) {
            let name = other.attribute("name").unwrap_or_default();
            self.fault(*other, Code::LeftOut, format!("the testset `{name}` is left out"), "Only `tests` is judged");
        }
        self.limits(set, draft);
        let tests: Vec<Element<'d>> = all(first(set, "tests"), "test").collect();
        let count =
            first(set, "test-count").and_then(|count| count.text()).and_then(|text| text.trim().parse::<u64>().ok());
        if let Some(count) = count.filter(|count| *count != tests.len() as u64) {
            let fault = format!("<test-count> is {count}, and there are {} tests", tests.len());
            self.fault(set, Code::KeyType, fault, "Export the package again");
            return None;
        }
        if tests.is_empty() || tests.len() as u64 > TESTS_MAX {
            let fault = format!("there are {} tests, and 1 to {TESTS_MAX} are expected", tests.len());
            self.fault(set, Code::NoCases, fault, "Correct the testset and export again");
            return None;
        }
        let pattern = |name: &str| -> Option<String> {
            let element = first(set, name);
            let text = element.and_then(|element| element.text()).map(str::trim).map(str::to_owned);
            if text.as_deref().is_none_or(|text| numbered(text, 1).is_none()) {
                let fault = format!("<{name}> is not a path with one `%d` in it");
                self.fault(element.unwrap_or(set), Code::KeyType, fault, "It is usually tests/%02d");
                return None;
            }
            text
        };
        let (inputs, answers) = (pattern("input-path-pattern")?, pattern("answer-path-pattern")?);
        let scored = tests.iter().any(|test| test.attribute("points").is_some());
        if scored {
            draft.scoring = Scoring::Points { dialect: ScoringDialect::Polygon, objective: Objective::Max };
        }
        let mut cases = Vec::new();
        for (at, test) in tests.iter().enumerate() {
            let number = at as u64 + 1;
            let paths = (numbered(&inputs, number)?, numbered(&answers, number)?);
            let case = self.case(*test, number, paths, method, scored);
            cases.extend(case.map(|case| (test.attribute("group").unwrap_or_default().to_owned(), case)));
        }
        if cases.len() < tests.len() {
            return None; // told for each
        }
        self.grouped(set, cases, scored)
    }

    fn limits(&self, set: Element<'d>, draft: &mut Draft) {
        let number = |name: &str, most: u64| -> Option<u64> {
            let element = first(set, name)?;
            let value =
                element.text().and_then(|text| text.trim().parse::<u64>().ok()).filter(|n| (1..=most).contains(n));
            if value.is_none() {
                let fault =
                    format!("a whole number from 1 is expected, not `{}`", element.text().unwrap_or_default().trim());
                self.fault(element, Code::KeyType, fault, "Correct the limit and export again");
            }
            value
        };
        draft.limits.time.limit = number("time-limit", 86_400_000).map(Duration::from_millis);
        if let Some(bytes) = number("memory-limit", 1 << 44) {
            draft.limits.memory = Bytes::new(bytes);
        }
        // Codeforces bounds outputs by the size of a file there; source: its blog, "output limit" (64 MB).
        draft.limits.output = Bytes::mib(64);
    }

    fn case(
        &self,
        test: Element<'d>,
        number: u64,
        (input, answer): (String, String),
        method: &Arc<Method>,
        scored: bool,
    ) -> Option<Case> {
        let file = |path: &str| {
            let found = self.context.tree.file(path);
            if found.is_none() {
                let remedy = "Download the full package: the standard one has no generated tests";
                self.fault(test, Code::FileMissing, format!("test {number}: there is no file `{path}`"), remedy);
            }
            found
        };
        let (input, answer) = (file(&input), file(&answer));
        let (input, answer) = (input?, answer?);
        self.context.check_data(&input);
        self.context.check_data(&answer);
        let sample = test.attribute("sample") == Some("true");
        let points = test.attribute("points").map(str::parse::<Score>);
        if let Some(Err(_)) = points {
            self.fault(
                test,
                Code::KeyType,
                format!("test {number}: its points are no number"),
                "Correct them in Polygon",
            );
            return None;
        }
        let points = points.and_then(Result::ok).unwrap_or_default();
        Some(Case {
            id: CaseId::new(&format!("tests/{number:03}")),
            answer: Some(answer.clone()),
            args: Vec::new(),
            files: Vec::new(),
            method: Arc::clone(method),
            points: match (scored, &**method) {
                (false, _) => CasePoints::None,
                (true, Method::Check(Checker::Builtin(_))) => {
                    CasePoints::Fixed { accepted: points, rejected: Score::ZERO }
                }
                (true, _) => CasePoints::FromChecker {
                    max: MaxScore::Bounded(points),
                    unnamed: Some(points),
                    rejected: Score::ZERO,
                    also_rejecting: false,
                },
            },
            feedback: if sample { Feedback::Full } else { Feedback::Verdict },
            validator_args: Vec::new(),
            hints: Hints { description: test.attribute("description").map(str::to_owned), hint: None },
            shown: sample.then(|| Shown::Pair { input: input.clone(), answer: Some(answer) }),
            input,
        })
    }

    /// Cases by the groups of the testset; those without one stay at the top, in the order of the tests.
    fn grouped(&self, set: Element<'d>, cases: Vec<(String, Case)>, scored: bool) -> Option<CaseGroup> {
        let declared: BTreeMap<&str, Element<'d>> =
            all(first(set, "groups"), "group").filter_map(|group| Some((group.attribute("name")?, group))).collect();
        let mut order: Vec<String> = Vec::new();
        let mut members: BTreeMap<String, Vec<Case>> = BTreeMap::new();
        for (group, case) in cases {
            if !order.contains(&group) {
                order.push(group.clone());
            }
            members.entry(group).or_default().push(case);
        }
        for (name, group) in declared.iter().filter(|(name, _)| !members.contains_key(**name)) {
            self.fault(*group, Code::Groups, format!("the group `{name}` has no tests"), "Remove it in Polygon");
        }
        let requires = |name: &str| -> Vec<String> {
            let dependencies = declared.get(name).and_then(|group| first(*group, "dependencies"));
            all(dependencies, "dependency").filter_map(|one| one.attribute("group").map(str::to_owned)).collect()
        };
        let order = self.in_order(set, order, &requires)?;
        let mut children = Vec::new();
        for name in order {
            let cases: Vec<Node> =
                members.remove(&name).unwrap_or_default().into_iter().map(|case| Node::Case(Box::new(case))).collect();
            if name.is_empty() {
                children.extend(cases);
                continue;
            }
            let policy = declared.get(name.as_str()).and_then(|group| group.attribute("points-policy"));
            let mut group = plain(&format!("tests/{name}"), scored, cases);
            let required = requires(&name).into_iter().filter_map(|name| GroupName::new(&format!("tests/{name}")).ok());
            group.requires = required.collect();
            if scored && policy.unwrap_or("complete-group") == "complete-group" {
                self.complete_group(&mut group);
            }
            children.push(Node::Group(group));
        }
        Some(plain("", scored, children))
    }

    /// All points or none.
    fn complete_group(&self, group: &mut CaseGroup) {
        if let MaxScore::Bounded(max) = group.max {
            group.scoring = GroupScoring::AllOrNothing(max);
            group.stop = StopRule::Break;
        }
    }

    /// The groups such that each comes after those it depends on, otherwise in the order of their tests.
    fn in_order(
        &self,
        set: Element<'d>,
        names: Vec<String>,
        requires: &dyn Fn(&str) -> Vec<String>,
    ) -> Option<Vec<String>> {
        for name in &names {
            if let Some(unknown) = requires(name).iter().find(|required| !names.contains(required)) {
                let fault = format!("the group `{name}` depends on `{unknown}`, which has no tests");
                self.fault(set, Code::Groups, fault, "Correct the dependency in Polygon");
                return None;
            }
        }
        let mut left = names;
        let mut ordered: Vec<String> = Vec::new();
        while !left.is_empty() {
            let ready = left.iter().position(|name| requires(name).iter().all(|required| ordered.contains(required)));
            let Some(ready) = ready else {
                let fault = format!("the groups {} depend on each other in a circle", left.join(", "));
                self.fault(set, Code::Groups, fault, "Break the circle in Polygon");
                return None;
            };
            ordered.push(left.remove(ready));
        }
        Some(ordered)
    }
}

fn plain(name: &str, scored: bool, children: Vec<Node>) -> CaseGroup {
    let scoring = if scored { GroupScoring::Aggregate(Aggregate::Sum) } else { GroupScoring::None };
    let max = most(&scoring, &children);
    CaseGroup {
        name: GroupName::new(name).unwrap_or_else(|_| GroupName::root()),
        scoring,
        verdict: VerdictRule::FirstError,
        stop: if scored { StopRule::Continue } else { StopRule::Break },
        max,
        range: None,
        requires: Vec::new(),
        counts: true,
        decides: true,
        children,
    }
}

/// A path with its one `%d` or `%0Nd` replaced; `None` if there is not exactly one.
fn numbered(pattern: &str, number: u64) -> Option<String> {
    let (before, rest) = pattern.split_once('%')?;
    let (width, after) = rest.split_once('d')?;
    if after.contains('%') || width.len() > 2 {
        return None;
    }
    let filled = match width.strip_prefix('0') {
        Some(width) if !width.is_empty() => format!("{number:0width$}", width = width.parse::<usize>().ok()?),
        _ if width.is_empty() => number.to_string(),
        _ => return None,
    };
    Some(format!("{before}{filled}{after}"))
}

/// What a solution's tag says of its verdict; `None`: nothing.
fn expected(tag: &str) -> Option<Vec<ExpectedVerdict>> {
    use ExpectedVerdict::{
        Accepted, MemoryLimit, OutputLimit, PresentationError, RuntimeError, TimeLimit, WrongAnswer,
    };
    Some(match tag {
        "main" | "accepted" => vec![Accepted],
        "wrong-answer" => vec![WrongAnswer],
        "presentation-error" => vec![PresentationError, WrongAnswer],
        "time-limit-exceeded" => vec![TimeLimit],
        "time-limit-exceeded-or-accepted" => vec![TimeLimit, Accepted],
        "time-limit-exceeded-or-memory-limit-exceeded" => vec![TimeLimit, MemoryLimit],
        "memory-limit-exceeded" => vec![MemoryLimit],
        "rejected" => vec![WrongAnswer, TimeLimit, MemoryLimit, RuntimeError, OutputLimit],
        _ => return None,
    })
}

/// Polygon's words for languages.
fn language_tag(word: &str) -> String {
    let known = [
        ("english", "en"),
        ("russian", "ru"),
        ("ukrainian", "uk"),
        ("spanish", "es"),
        ("german", "de"),
        ("french", "fr"),
        ("polish", "pl"),
        ("portuguese", "pt"),
        ("chinese", "zh"),
        ("japanese", "ja"),
        ("korean", "ko"),
        ("italian", "it"),
        ("turkish", "tr"),
        ("armenian", "hy"),
        ("azerbaijani", "az"),
        ("belarusian", "be"),
        ("georgian", "ka"),
        ("kazakh", "kk"),
        ("romanian", "ro"),
        ("uzbek", "uz"),
        ("vietnamese", "vi"),
        ("arabic", "ar"),
    ];
    known.iter().find(|(name, _)| *name == word).map_or_else(|| "x-".to_owned() + word, |(_, tag)| (*tag).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_one_number() {
        assert_eq!(numbered("tests/%02d", 7).as_deref(), Some("tests/07"));
        assert_eq!(numbered("tests/%d.a", 123).as_deref(), Some("tests/123.a"));
        for bad in ["tests/", "%d%d", "%s", "%99999d", "%-3d", "%"] {
            assert_eq!(numbered(bad, 1), None, "{bad}");
        }
    }
}
