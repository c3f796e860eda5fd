//! Statements: `statement/` or `problem_statement/`, `problem.LANG.{md,tex,html,txt,pdf}`. Editorials: `solution/`,
//! `solution.LANG.{md,tex,html,txt,pdf}`.

use super::super::{Child, Draft};
use super::Kattis;
use crate::finding::{Code, Findings, ImportError, PackageFinding};
use cupel_problem::{FileRef, Statement, StatementFormat};

impl Kattis<'_> {
    pub(super) fn statements(&self, draft: &mut Draft) {
        for directory in ["statement", "problem_statement", ""] {
            for (name, child) in self.context.tree.children(directory) {
                // At the top level, only a DOMjudge package has statements, such as `problem.pdf`. In other packages,
                // such files belong to other formats.
                if child == Child::File && (!directory.is_empty() || self.config.domjudge) {
                    self.statement(directory, &name, draft);
                }
            }
        }
        self.check_languages(draft);
    }

    fn statement(&self, directory: &str, name: &str, draft: &mut Draft) {
        let Some((language, format)) = language_and_format(name, "problem") else { return };
        let path = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
        if !self.context.has_room(&draft.statements, &path) {
            return;
        }
        let Some(file) = self.context.tree.file(&path) else { return };
        let assets = self.context.statement_assets(directory, &path);
        self.context.check_statement(&file, format);
        draft.statements.push(Statement { language, format, file, assets });
    }

    /// 2025-09 requires titles in exactly the languages of the statements.
    fn check_languages(&self, draft: &Draft) {
        if self.config.version != super::config::Version::V202509 || draft.statements.is_empty() {
            return;
        }
        for (language, _) in &draft.titles {
            if !draft.statements.iter().any(|statement| statement.language == *language) {
                let fault = format!("there is a title in `{language}`, but no statement");
                let remedy = format!("Add statement/problem.{language}.md, or remove the title");
                self.context.findings.at(Code::Metadata, "problem.yaml", None, Some("name"), fault, remedy);
            }
        }
        for statement in &draft.statements {
            if !draft.titles.iter().any(|(language, _)| statement.language == *language) {
                let fault = format!(
                    "the statement is in `{}`, but the problem has no title in this language",
                    statement.language
                );
                let remedy = "Add the title to `name` in problem.yaml";
                self.context.findings.file(Code::Metadata, statement.file.path.as_str(), fault, remedy);
            }
        }
    }
}

/// Directory of the editorials, in the Kattis format and in Cupel's own. Source: Kattis problem package format,
/// 2025-09.
const EDITORIALS: &str = "solution";

/// Names, without language and extension, of statements (Kattis) and editorials (Kattis, Polygon).
const TEXTS: [&str; 3] = ["problem", "solution", "tutorial"];

impl super::super::Context<'_> {
    /// Returns the files beside a statement, to which the statement may refer. Other statements are not among them, nor
    /// are editorials, because everyone who sees the problem may download these files.
    pub(crate) fn statement_assets(&self, directory: &str, statement: &str) -> Vec<FileRef> {
        if directory.is_empty() {
            return Vec::new();
        }
        let is_asset = |name: &str| is_picture(name) || matches!(&*extension_of(name), "pdf" | "eps" | "tex" | "sty");
        let is_text = |name: &str| TEXTS.iter().any(|text| language_and_format(name, text).is_some());
        let files = self.tree.below(directory).filter(|(path, _)| path.as_str() != statement && is_asset(path.name()));
        let files = files.filter(|(path, _)| !is_text(path.name()));
        self.some_assets(statement, files.filter_map(|(path, _)| self.tree.file(path.as_str())))
    }

    /// Returns the first files of those to which a statement may refer. Reports that there are more.
    pub(crate) fn some_assets(&self, statement: &str, mut files: impl Iterator<Item = FileRef>) -> Vec<FileRef> {
        let assets = files.by_ref().take(ASSETS_MAX).collect();
        if files.next().is_some() {
            let fault = format!("there are more than {ASSETS_MAX} files beside the text; only the first can be shown");
            self.findings.file(Code::LeftOut, statement, fault, "Remove those that the text does not need");
        }
        assets
    }

    /// Whether another text may be added to these. If not, reports that it is left out.
    pub(crate) fn has_room(&self, texts: &[Statement], path: &str) -> bool {
        let has_room = texts.len() < STATEMENTS_MAX;
        if !has_room {
            let fault = format!("there are more than {STATEMENTS_MAX} statements or editorials; this one is left out");
            self.findings.file(Code::LeftOut, path, fault, "Remove those that are not needed");
        }
        has_room
    }

    /// Returns the editorials `solution/solution.LANG.{md,tex,html,txt,pdf}`, with the images beside them.
    pub(crate) fn editorials(&self) -> Vec<Statement> {
        let mut found = Vec::new();
        for (name, child) in self.tree.children(EDITORIALS) {
            let text = language_and_format(&name, "solution").filter(|_| child == Child::File);
            let Some((language, format)) = text else { continue };
            if self.has_room(&found, &format!("{EDITORIALS}/{name}")) {
                found.extend(self.editorial(language, format, EDITORIALS, &name));
            }
        }
        found
    }

    /// Returns one editorial. `None`: it is empty, which is reported.
    pub(crate) fn editorial(
        &self,
        language: String,
        format: StatementFormat,
        directory: &str,
        name: &str,
    ) -> Option<Statement> {
        let path = format!("{directory}/{name}");
        let file = self.tree.file(&path)?;
        if self.check_prose(&file, format, "editorial") {
            let remedy = "Write it, or remove the file";
            self.findings.file(Code::Metadata, &path, "the editorial is empty", remedy);
            return None;
        }
        let assets = self.statement_assets(directory, &path);
        Some(Statement { language, format, file, assets })
    }

    /// Reports statements that cannot be read, are empty, or are not safe to display as they are.
    pub(crate) fn check_statement(&self, file: &FileRef, format: StatementFormat) {
        if self.check_prose(file, format, "statement") {
            let remedy = "Write it before the problem is published";
            self.findings.file(Code::NoStatement, file.path.as_str(), "the statement is empty", remedy);
        }
    }

    /// Reports a text that cannot be read, or is not safe to display as it is. Returns whether it is empty.
    fn check_prose(&self, file: &FileRef, format: StatementFormat, what: &str) -> bool {
        let path = file.path.as_str();
        if format == StatementFormat::Pdf {
            return false;
        }
        // Judging does not need the text, so its faults are warnings. An internal failure is ignored here, because it
        // occurs again when the file is used.
        let own = Findings::default();
        let read: Result<_, ImportError> = self.tree.text(path, super::super::ByteOrderMark::Warned, &own);
        for finding in own.into_list() {
            let code = if finding.code.is_error() { Code::Metadata } else { finding.code };
            self.findings.push(PackageFinding { code, ..finding });
        }
        if format == StatementFormat::Html {
            let remedy = "It is sanitised before it is displayed; Markdown is not";
            self.findings.file(Code::ActiveContent, path, format!("the {what} is HTML"), remedy);
        }
        matches!(read, Ok(Some(text)) if text.trim().is_empty())
    }
}

/// Maximum number of statements of a problem, and of its editorials, in all languages and formats.
const STATEMENTS_MAX: usize = 200;
/// Maximum number of files beside a statement. Each statement has a list of them.
const ASSETS_MAX: usize = 1_000;

/// Whether browsers show files with this name as pictures.
pub(crate) fn is_picture(name: &str) -> bool {
    matches!(&*extension_of(name), "png" | "jpg" | "jpeg" | "gif" | "svg" | "webp")
}

/// The part of a file name after the last dot, in lower case.
fn extension_of(name: &str) -> String {
    name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

/// Whether a text may be a language tag. It becomes a part of file names, so it must not contain a slash. Source: RFC
/// 5646, section 2.1.
pub(crate) fn is_language_tag(text: &str) -> bool {
    (2..=16).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
}

/// Returns language and format of a text in a file named `STEM[.LANG].EXTENSION`. Examples with the stem `problem`:
/// `problem.sv.md` is Markdown in Swedish; `problem.tex` is LaTeX in English.
pub(crate) fn language_and_format(name: &str, stem: &str) -> Option<(String, StatementFormat)> {
    let rest = name.strip_prefix(stem)?.strip_prefix('.')?;
    let (language, extension) = rest.rsplit_once('.').unwrap_or(("en", rest));
    let format = match extension {
        "md" => StatementFormat::Markdown,
        "tex" => StatementFormat::Latex,
        "html" => StatementFormat::Html,
        "txt" => StatementFormat::Text,
        "pdf" => StatementFormat::Pdf,
        _ => return None,
    };
    is_language_tag(language).then(|| (language.to_owned(), format))
}
