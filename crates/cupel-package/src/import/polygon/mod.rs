//! Codeforces Polygon, full package: `problem.xml`. Source: the public descriptions of Polygon's problem.xml.

mod testset;

use std::collections::HashMap;
use std::sync::Arc;

use cupel_types::BoxPath;
use roxmltree::{Document, Node as Xml, ParsingOptions};

use super::kattis::is_language_tag;
use super::programs::SUBMISSIONS_MAX;
use super::{ByteOrderMark, Context, Draft, Keys};
use crate::finding::{Code, Findings, ImportError, Position};
use cupel_problem::{
    AfterInteraction, Calibration, Checker, Comparison, ExampleSubmission, Expectation, ExpectedVerdict,
    InputValidator, Interactor, JudgeProgram, Method, PackagePath, Problem, Program, ProgramFile, ProgramShape,
    Protocol, Slug, Standard, Statement, StatementFormat,
};

/// Maximum number of XML nodes of a problem.xml.
const NODES_MAX: u32 = 200_000;
/// Maximum number of tests.
const TESTS_MAX: u64 = 10_000;
/// Maximum number of header files. Each program has a list of them.
const RESOURCES_MAX: usize = 100;

pub(super) fn read(context: &Context<'_>) -> Result<Option<Problem>, ImportError> {
    let file = if context.tree.has("problem.xml") { "problem.xml" } else { "problem.xml.polygon" };
    let Some(text) = context.tree.text(file, ByteOrderMark::Warned, context.findings)? else { return Ok(None) };
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = match Document::parse_with_options(&text, options) {
        Ok(document) => document,
        Err(error) => {
            let at = Position { line: error.pos().row, column: error.pos().col };
            let fault = format!("the file cannot be parsed: {error}");
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

/// Returns the first child element with this name.
fn first<'d>(parent: Element<'d>, name: &str) -> Option<Element<'d>> {
    parent.children().find(|child| child.has_tag_name(name))
}

fn all<'d>(parent: Option<Element<'d>>, name: &'static str) -> impl Iterator<Item = Element<'d>> {
    parent.into_iter().flat_map(|parent| parent.children()).filter(move |child| child.has_tag_name(name))
}

impl<'d> Reading<'_, 'd> {
    fn position(&self, of: Element<'_>) -> Position {
        let place = self.document.text_pos_at(of.range().start);
        Position { line: place.row, column: place.col }
    }

    fn fault(&self, at: Element<'_>, code: Code, fault: impl Into<String>, remedy: impl Into<String>) {
        // The lines before the element are counted for each position.
        let position = self.context.findings.has_room().then(|| self.position(at));
        self.context.findings.at(code, self.file, position, Some(at.tag_name().name()), fault, remedy);
    }

    fn problem(&self) -> Option<Problem> {
        let root = self.document.root_element();
        if !root.has_tag_name("problem") {
            self.fault(root, Code::Xml, "the root element is not <problem>", "Export the package again");
            return None;
        }
        let keys = Keys {
            title: "names",
            tags: "tags",
            authors: "",
            time_limit: "time-limit",
            time_unit: "milliseconds",
            memory: "memory-limit",
        };
        let mut draft = Draft::new(Calibration::NARROW, self.file, keys);
        draft.slug = root.attribute("short-name").and_then(Slug::from_text);
        for name in all(first(root, "names"), "name") {
            if let (Some(language), Some(value)) = (name.attribute("language"), name.attribute("value")) {
                match language_tag(language) {
                    Some(tag) => draft.titles.push((tag, value.to_owned())),
                    None => self.unknown_language(name, language, "title"),
                }
            }
        }
        for tag in all(first(root, "tags"), "tag") {
            draft.add_tag(tag.attribute("value").unwrap_or_default());
        }
        self.statements(root, &mut draft);
        self.tutorials(&mut draft);
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
            let word = statement.attribute("language").unwrap_or("english");
            let Some(language) = language_tag(word) else {
                self.unknown_language(statement, word, "statement");
                continue;
            };
            let Some(file) = self.context.tree.file(path) else {
                let remedy = "Export the full package, with statements";
                self.fault(statement, Code::NoStatement, format!("the file `{path}` does not exist"), remedy);
                continue;
            };
            // Each language has one statement: the first in the list. Polygon lists LaTeX before the formats that are
            // easier to display.
            if draft.statements.iter().any(|known| known.language == language)
                || !self.context.has_room(&draft.statements, path)
            {
                continue;
            }
            self.context.check_statement(&file, format);
            let directory = file.path.parent().map(|parent| parent.to_string()).unwrap_or_default();
            let assets = self.context.statement_assets(&directory, path);
            draft.statements.push(Statement { language, format, file, assets });
        }
    }

    /// Reads the tutorials. Polygon stores them beside the other parts of the statement.
    fn tutorials(&self, draft: &mut Draft) {
        const SECTIONS: &str = "statement-sections";
        const TUTORIAL: &str = "tutorial.tex";
        for language in self.context.tree.children(SECTIONS).into_keys() {
            let directory = format!("{SECTIONS}/{language}");
            let path = format!("{directory}/{TUTORIAL}");
            if !self.context.tree.has(&path) || !self.context.has_room(&draft.editorials, &path) {
                continue;
            }
            let Some(tag) = language_tag(&language) else {
                let fault = format!("{}, so the tutorial is left out", unknown_language(&language));
                self.context.findings.file(Code::LeftOut, &path, fault, LANGUAGES);
                continue;
            };
            draft.editorials.extend(self.context.editorial(tag, StatementFormat::Latex, &directory, TUTORIAL));
        }
    }

    fn unknown_language(&self, at: Element<'_>, word: &str, what: &str) {
        self.fault(at, Code::LeftOut, format!("{}, so the {what} is left out", unknown_language(word)), LANGUAGES);
    }

    fn files(&self, judging: Element<'d>, draft: &mut Draft) {
        let name =
            |key: &str| judging.attribute(key).filter(|name| !name.is_empty()).and_then(|name| BoxPath::new(name).ok());
        draft.io.input_file = name("input-file");
        draft.io.output_file = name("output-file");
        if let Some(runs) = judging.attribute("run-count").filter(|runs| *runs != "1") {
            let fault = format!("the package runs each submission {runs} times");
            self.fault(judging, Code::Unsupported, fault, "Set the run count to 1 in Polygon");
        }
    }

    /// Returns the header files among the resources, which are placed beside every program.
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
            if found.len() > RESOURCES_MAX {
                let fault = format!("there are more than {RESOURCES_MAX} header files among the resources");
                self.fault(resource, Code::Program, fault, "Remove those that no program includes");
                found.truncate(RESOURCES_MAX);
                break;
            }
        }
        found
    }

    /// Returns the program of a `<source path type>` child element, with the resources beside it. Judging needs this
    /// program, so a missing program is an error.
    fn source(&self, holder: Element<'d>, resources: &[ProgramFile]) -> Option<Program> {
        let program = self.source_or(Code::FileMissing, holder, resources)?;
        self.context.check_program(&program);
        Some(program)
    }

    /// Returns a program that judging does not need. If it is missing or in an unknown language, there is a warning
    /// with this code.
    fn source_unless(&self, code: Code, holder: Element<'d>, resources: &[ProgramFile]) -> Option<Program> {
        let program = self.source_or(code, holder, resources)?;
        if !self.context.can_be_built(&program) {
            let fault = format!("`{}` is not in a configured language", program.path);
            self.fault(holder, code, fault, "It is left out; configure its language");
            return None;
        }
        Some(program)
    }

    /// Returns the program of an element. If there is none, reports it with this code.
    fn source_or(&self, code: Code, holder: Element<'d>, resources: &[ProgramFile]) -> Option<Program> {
        let Some(source) = first(holder, "source") else {
            let code = if code.is_error() { Code::KeyMissing } else { code };
            self.fault(holder, code, "there is no <source>", "Export the package again");
            return None;
        };
        let path = source.attribute("path").unwrap_or_default();
        let program = self.context.tree.has(path).then(|| self.context.program(path)).flatten();
        let Some(mut program) = program else {
            self.fault(source, code, self.context.tree.missing(path), "Export the full package");
            return None;
        };
        program.shape = ProgramShape::Sources;
        program.language = source.attribute("type").and_then(|kind| self.language(kind));
        let own = program.files[0].name.clone();
        program.files.extend(resources.iter().filter(|file| file.name != own).cloned());
        Some(program)
    }

    fn language(&self, kind: &str) -> Option<cupel_types::LanguageId> {
        self.context.options.languages.known(language_name(kind)).map(|language| language.id.clone())
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
                    "Use a checker or an interactor",
                );
            }
        }
        let percent = judging.attribute("treat-points-from-checker-as-percent") == Some("true");
        let standard = element.attribute("name").and_then(|name| name.strip_prefix("std::"));
        let standard = standard.and_then(|name| Standard::from_name(name.strip_suffix(".cpp").unwrap_or(name)));
        let checker = match standard.filter(|_| !self.has_own_source(element, resources)) {
            Some(standard) => Checker::Builtin(Comparison::Standard(standard)),
            None => {
                let kind = element.attribute("type").unwrap_or("testlib");
                if kind != "testlib" {
                    let fault = format!("the checker is of the type `{kind}`");
                    self.fault(element, Code::Unsupported, fault, "Only testlib checkers are supported");
                }
                let program = self.source(element, resources)?;
                let protocol = Protocol::Testlib { percent };
                Checker::Program(JudgeProgram { program, protocol, args: Vec::new(), words: None })
            }
        };
        match assets.and_then(|assets| first(assets, "interactor")) {
            None => Some(Method::Check(checker)),
            Some(interactor) => {
                let program = self.source(interactor, resources)?;
                let program =
                    JudgeProgram { program, protocol: Protocol::Testlib { percent }, args: Vec::new(), words: None };
                Some(Method::Interact(Interactor { program, then: AfterInteraction::Check(checker) }))
            }
        }
    }

    /// Whether the package contains the source of a standard checker, which may have been changed, and the testlib.h
    /// that the source needs. Without testlib.h, the source cannot be compiled, and a warning says that it is not run.
    fn has_own_source(&self, checker: Element<'d>, resources: &[ProgramFile]) -> bool {
        let path = first(checker, "source").and_then(|source| source.attribute("path")).unwrap_or_default();
        let Some(program) = self.context.program(path).filter(|program| self.context.can_be_built(program)) else {
            return false;
        };
        let has_testlib = resources.iter().any(|file| file.name.as_str() == "testlib.h");
        if !has_testlib {
            let fault = format!("`{}` is not run, because the package has no testlib.h", program.path);
            let remedy = "Cupel's own implementation of this standard checker is used; export the full package";
            self.fault(checker, Code::LeftOut, fault, remedy);
        }
        has_testlib
    }

    fn validators(&self, root: Element<'d>, resources: &[ProgramFile], draft: &mut Draft) {
        let validators = first(root, "assets").and_then(|assets| first(assets, "validators"));
        for validator in all(validators, "validator") {
            let program = self.source_unless(Code::NotVerifiable, validator, resources);
            draft.validators.extend(program.map(InputValidator::ExitCode0));
        }
    }

    fn solutions(&self, root: Element<'d>, resources: &[ProgramFile], draft: &mut Draft) {
        let solutions = first(root, "assets").and_then(|assets| first(assets, "solutions"));
        let mut mentions = HashMap::new();
        for solution in all(solutions, "solution") {
            if draft.submissions.len() > SUBMISSIONS_MAX {
                break;
            }
            let tag = solution.attribute("tag").unwrap_or("accepted");
            let Some(verdict) = expected(tag) else {
                if tag != "failed" {
                    let remedy = "The solution is left out; use another tag";
                    self.fault(solution, Code::LeftOut, format!("the tag `{tag}` is not supported"), remedy);
                }
                continue;
            };
            if let Some(program) = self.source_unless(Code::LeftOut, solution, &[]) {
                let rule = Expectation { verdict: Some(verdict), ..Expectation::nothing(&format!("tag {tag}")) };
                let beside = self.named_in(&program, resources, &mut mentions);
                draft.submissions.push(ExampleSubmission { program, beside, expectations: vec![rule] });
            }
        }
        self.context.keep_some_submissions(&mut draft.submissions);
    }

    /// Returns the resources that a program's sources mention, and the resources that these resources mention. Every
    /// package contains testlib, but few solutions need it, so the directory of an exported solution contains only the
    /// files that the solution needs. `mentions` stores, for each file that has been read, the indices of the resources
    /// that it mentions.
    fn named_in(
        &self,
        program: &Program,
        resources: &[ProgramFile],
        mentions: &mut HashMap<PackagePath, Vec<usize>>,
    ) -> Vec<ProgramFile> {
        let mut pending: Vec<ProgramFile> = program.files.clone();
        let mut named: Vec<ProgramFile> = Vec::new();
        while let Some(file) = pending.pop() {
            let path = &file.file.path;
            for at in mentions.entry(path.clone()).or_insert_with(|| self.mentioned(path, resources)) {
                let resource = &resources[*at];
                if !program.files.iter().chain(&named).any(|file| file.name == resource.name) {
                    named.push(resource.clone());
                    pending.push(resource.clone());
                }
            }
        }
        named
    }

    /// Returns the indices of the resources that a file mentions. A file that is not in UTF-8 is assumed to mention
    /// every resource.
    fn mentioned(&self, path: &PackagePath, resources: &[ProgramFile]) -> Vec<usize> {
        let quiet = Findings::default();
        let text = self.context.tree.text(path.as_str(), ByteOrderMark::Warned, &quiet).ok().flatten();
        let is_named = |name: &str| text.as_ref().is_none_or(|text| text.contains(name));
        (0..resources.len()).filter(|at| is_named(resources[*at].name.as_str())).collect()
    }
}

/// Returns the verdicts that a solution's tag stands for. `None`: no expectation.
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

/// Returns the name of the language of a source type such as `cpp.gcc13-64-winlibs-g++20`, `java21`, `python.3` or
/// `kotlin19`: the word before the version; for C++, the language with the standard. Python 2 and PyPy 2 (`python.2`,
/// `pypy.2`, `python.pypy2`) are a language of their own, as is PyPy 3 (`python.pypy3-64`).
fn language_name(kind: &str) -> &str {
    let end = kind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(kind.len());
    match &kind[..end] {
        "python" | "pypy" if kind.chars().find(char::is_ascii_digit) == Some('2') => "python2",
        "python" if kind.contains("pypy") => "pypy",
        "cpp" => cpp_name(kind),
        word => word,
    }
}

/// Returns the name of C++ with the standard of a source type: the number after the last `++`, as in `cpp.g++20` and
/// `cpp.clang++-c++20-diagnose`. A standard that Cupel lacks becomes the next one. Without a number (`cpp.ms2017`), it
/// is C++17.
fn cpp_name(kind: &str) -> &'static str {
    let standard = kind.rsplit_once("++").and_then(|(_, number)| number.get(..2)?.parse::<u32>().ok());
    match standard {
        Some(98 | 3 | 11) => "cpp11",
        Some(14) => "cpp14",
        Some(18..=20) => "cpp20",
        Some(21..) => "cpp23",
        Some(_) | None => "cpp",
    }
}

/// Remedy for a language that has no tag.
const LANGUAGES: &str = "Name the language with at most 14 letters, digits, `-` and `_`";

/// Returns the fault of a language that has no tag.
fn unknown_language(word: &str) -> String {
    let shown: String = word.chars().take(40).collect();
    format!("`{shown}` is not the name of a language")
}

/// Returns the language tag for Polygon's name of a language. `None` if the word cannot be part of a tag: tags are used
/// in file names.
fn language_tag(word: &str) -> Option<String> {
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
    let tag = match known.iter().find(|(name, _)| *name == word) {
        Some((_, tag)) => (*tag).to_owned(),
        // Packages of other tools contain language tags instead of names.
        None if matches!(word.len(), 2 | 3) => word.to_lowercase(),
        None if word.is_empty() => return None,
        None => format!("x-{}", word.to_lowercase().replace('_', "-")),
    };
    is_language_tag(&tag).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_source_determines_the_language_and_the_standard_of_cpp() {
        let registry = cupel_languages::Registry::load(None).unwrap();
        for (kind, expected) in [
            ("cpp.g++", Some("cpp")),
            ("cpp.g++98", Some("cpp11")),
            ("cpp.g++11", Some("cpp11")),
            ("cpp.g++14", Some("cpp14")),
            ("cpp.g++17", Some("cpp")),
            ("cpp.msys2-mingw64-9-g++17", Some("cpp")),
            ("cpp.ms2017", Some("cpp")),
            ("cpp.visual", Some("cpp")),
            ("cpp.clang++-diagnose", Some("cpp")),
            ("cpp.clang++-c++20-diagnose", Some("cpp20")),
            ("cpp.g++20", Some("cpp20")),
            ("cpp.gcc11-64-winlibs-g++20", Some("cpp20")),
            ("cpp.gcc13-64-winlibs-g++20", Some("cpp20")),
            ("cpp.gcc14-64-msys2-g++23", Some("cpp23")),
            ("cpp.g++26", Some("cpp23")),
            ("c.gcc", Some("c")),
            ("c.gcc11", Some("c")),
            ("python.2", Some("python2")),
            ("python.pypy2", Some("python2")),
            ("pypy.2", Some("python2")),
            ("python.3", Some("python")),
            ("python.pypy3", Some("pypy")),
            ("python.pypy3-64", Some("pypy")),
            ("pypy.3", Some("pypy")),
            ("java8", Some("java")),
            ("java21", Some("java")),
            ("kotlin19", Some("kotlin")),
            ("pas.fpc", Some("pascal")),
            ("rust.2021", Some("rust")),
            ("v8.nodejs", None),
            ("", None),
        ] {
            let found = registry.known(language_name(kind)).map(|language| language.id.as_str());
            assert_eq!(found, expected, "{kind}");
        }
    }

    #[test]
    fn a_language_tag_has_only_letters_digits_and_hyphens() {
        let long = "a".repeat(15);
        for (word, tag) in [
            ("english", Some("en")),
            ("EN", Some("en")),
            ("czech", Some("x-czech")),
            ("pt_BR", Some("x-pt-br")),
            ("", None),
            ("../", None),
            ("/../../x", None),
            ("a\\b", None),
            ("été", None),
            ("a b", None),
            (long.as_str(), None),
        ] {
            assert_eq!(language_tag(word).as_deref(), tag, "{word}");
        }
    }
}
