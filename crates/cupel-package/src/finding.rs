//! Findings: errors and warnings about a package, with file, key, position, fault and remedy. The findings of a package
//! are reported together, up to a maximum number.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::path::PathBuf;

cupel_types::named! {
    /// Kind of a finding: a stable identifier for programs. A package with an `E_` finding is refused; a `W_` finding
    /// is a warning.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Code, as_str, from_name {
        /// No format was recognised.
        FormatUnknown = "E_FORMAT_UNKNOWN",
        /// Several formats were recognised, or the package is not in the requested format.
        FormatAmbiguous = "E_FORMAT_AMBIGUOUS",
        /// The archive cannot be read: truncated or corrupted.
        ArchiveDamaged = "E_ARCHIVE_DAMAGED",
        /// A name that is outside the package, too long or too deep.
        ArchivePath = "E_ARCHIVE_PATH",
        /// A link whose target is outside the package or not a file; a device, a pipe, or a socket.
        ArchiveLink = "E_ARCHIVE_LINK",
        /// Two entries whose names are equal on some file systems.
        ArchiveDuplicate = "E_ARCHIVE_DUPLICATE",
        /// More entries, bytes or compression than allowed.
        ArchiveBomb = "E_ARCHIVE_BOMB",
        /// An encrypted archive or entry.
        ArchiveEncrypted = "E_ARCHIVE_ENCRYPTED",
        /// A compression method other than store and deflate.
        ArchiveMethod = "E_ARCHIVE_METHOD",
        /// A YAML file that cannot be read.
        Yaml = "E_YAML",
        /// An XML file that cannot be read.
        Xml = "E_XML",
        /// A TOML file that cannot be read.
        Toml = "E_TOML",
        /// A text that is not UTF-8, is too long, or begins with a byte-order mark where none is allowed.
        Text = "E_TEXT",
        /// An unknown key.
        KeyUnknown = "E_KEY_UNKNOWN",
        /// A required key that is missing.
        KeyMissing = "E_KEY_MISSING",
        /// A value of the wrong type or outside its range, or contradictory values.
        KeyType = "E_KEY_TYPE",
        /// A missing file to which the package refers.
        FileMissing = "E_FILE_MISSING",
        /// There is no case to judge.
        NoCases = "E_NO_CASES",
        /// An input without an answer, or an answer without an input.
        CasePair = "E_CASE_PAIR",
        /// A name that is not allowed for a case.
        CaseName = "E_CASE_NAME",
        /// Violated rules of groups.
        Groups = "E_GROUPS",
        /// A required checker that is missing.
        NoValidator = "E_NO_VALIDATOR",
        /// Several checkers where one is allowed.
        ManyValidators = "E_MANY_VALIDATORS",
        /// A program without sources, or with invalid files.
        Program = "E_PROGRAM",
        /// A limit above the server's maximum, or a file that is too large to be judged.
        LimitUnsupported = "E_LIMIT_UNSUPPORTED",
        /// There is no time limit, and no submission from which it can be derived.
        NoTimeLimit = "E_NO_TIME_LIMIT",
        /// A feature that Cupel does not support.
        Unsupported = "E_UNSUPPORTED",
        /// A key whose value is Python code for DMOJ's judge.
        UnsupportedPython = "E_UNSUPPORTED_PYTHON",
        /// There are more findings than are reported.
        TooMany = "E_TOO_MANY_FINDINGS",
        /// An unknown key, in a format in which unknown keys are ignored.
        KeyIgnored = "W_KEY_UNKNOWN",
        /// Carriage returns in test data.
        CarriageReturn = "W_CR",
        /// A byte-order mark.
        ByteOrderMark = "W_BOM",
        /// Test data without a newline at the end.
        NoFinalNewline = "W_NO_FINAL_NEWLINE",
        /// A test data file larger than 100 MiB.
        LargeFile = "W_LARGE_FILE",
        /// A file that is not used.
        UnusedFile = "W_UNUSED_FILE",
        /// There is no statement.
        NoStatement = "W_NO_STATEMENT",
        /// A statement in HTML or SVG, which must be sanitised before it is displayed.
        ActiveContent = "W_ACTIVE_CONTENT",
        /// The two scoring dialects give different maximum scores.
        ScoringRules = "W_SCORING_DIALECT",
        /// A spelling from a draft of the format.
        DraftSpelling = "W_DRAFT_SPELLING",
        /// A part that verification needs is missing: an input validator, an accepted submission, or the language of a
        /// submission.
        NotVerifiable = "W_NOT_VERIFIABLE",
        /// An annotation of a submission, or a rule about submissions, that contradicts another or has no meaning. The
        /// submission then has no expectation; importing and judging do not need one.
        Expectation = "W_EXPECTATION",
        /// A text or a value that judging does not need is missing or invalid: a title, a statement, an editorial, the
        /// licence, the UUID.
        Metadata = "W_METADATA",
        /// A limit below the minimum, which is raised to it.
        LimitRaised = "W_LIMIT_RAISED",
        /// A part of the package that is left out, because it has no equivalent.
        LeftOut = "W_LEFT_OUT",
    }
}

impl Code {
    /// Whether a package with such a finding is refused.
    pub fn is_error(self) -> bool {
        self.as_str().starts_with("E_")
    }
}

/// A position in a text; both numbers are one-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

/// An error or a warning about a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFinding {
    /// The kind.
    pub code: Code,
    /// The file or directory of the package; empty if the finding concerns the whole package.
    pub file: String,
    /// The position in the file.
    pub position: Option<Position>,
    /// The key, such as `limits.memory` or `test_cases[2].in`.
    pub key: Option<String>,
    /// The fault.
    pub fault: String,
    /// The correction.
    pub remedy: String,
}

impl fmt::Display for PackageFinding {
    /// Example: ``E_KEY_TYPE problem.yaml:3:11, limits.memory: expected a number of MiB, found `lots`. Write 512``
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}. {}", self.code.as_str(), self.place(), Shown(&self.fault), Shown(&self.remedy))
    }
}

impl PackageFinding {
    /// Returns file, position and key.
    pub(crate) fn place(&self) -> String {
        let mut place = match self.file.as_str() {
            "" => "(the package)".to_owned(),
            file => Shown(file).to_string(),
        };
        if let Some(Position { line, column }) = self.position {
            place.push_str(&format!(":{line}:{column}"));
        }
        if let Some(key) = &self.key {
            place.push_str(&format!(", {}", Shown(key)));
        }
        place
    }

    /// Shortens the texts, which may contain names and values of any length from the package.
    fn shortened(mut self) -> PackageFinding {
        let texts = [&mut self.file, &mut self.fault, &mut self.remedy];
        texts.into_iter().chain(&mut self.key).for_each(shorten);
        self
    }
}

/// Truncates a text of more than 1,024 characters, the maximum length of a path.
fn shorten(text: &mut String) {
    const CHARACTERS_MAX: usize = 1_024;
    if let Some((end, _)) = text.char_indices().nth(CHARACTERS_MAX) {
        *text = format!("{}…", &text[..end]);
    }
}

/// A text from a package, displayed truncated and without control characters.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CHARACTERS_MAX: usize = 600;
        for (i, c) in self.0.chars().enumerate() {
            match c {
                _ if i == CHARACTERS_MAX => return f.write_str("…"),
                c if c.is_control() => write!(f, "{}", c.escape_default())?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// The findings of a refused package. At least one of them is an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the package was refused:{}", .findings.iter().map(|finding| format!("\n  {finding}")).collect::<String>())]
pub struct Refused {
    /// Errors first, then warnings.
    pub findings: Vec<PackageFinding>,
}

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", .path.display())]
pub struct FileError {
    /// The attempted action.
    pub action: &'static str,
    /// The path to which the action applied.
    pub path: PathBuf,
    /// The cause.
    pub source: io::Error,
}

impl FileError {
    /// Adds the action and the path to an I/O error, for `map_err`: `at("write", &path)`.
    pub(crate) fn at(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> FileError {
        let path = path.into();
        move |source| FileError { action, path, source }
    }
}

/// The reason why a package was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The package is at fault.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// An internal failure: a file could not be read or written.
    #[error(transparent)]
    Io(#[from] FileError),
    /// The target already exists.
    #[error("{} already exists", .0.display())]
    TargetExists(PathBuf),
}

impl ImportError {
    /// Adds the action and the path to an internal failure, for `map_err`: `io("write", &path)`.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ImportError {
        let at = FileError::at(action, path);
        move |source| ImportError::Io(at(source))
    }
}

/// Collects findings. All readers of a package share one collector.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: RefCell<Vec<PackageFinding>>,
}

impl Findings {
    /// Maximum number of findings. If an error exceeds it, one further finding reports that there are more.
    const MAX: usize = 200;

    pub(crate) fn push(&self, finding: PackageFinding) {
        let mut list = self.list.borrow_mut();
        // A package with an error beyond the bound must still be refused. A warning may be dropped.
        let is_full = list.len() >= Findings::MAX;
        if is_full && (list.len() > Findings::MAX || !finding.code.is_error()) {
            return;
        }
        let finding = finding.shortened();
        // If a file is read twice, each of its findings occurs twice, but is reported only once.
        if list.contains(&finding) {
            return;
        }
        list.push(match is_full {
            false => finding,
            true => PackageFinding {
                code: Code::TooMany,
                file: String::new(),
                position: None,
                key: None,
                fault: format!("there are more than {} findings", Findings::MAX),
                remedy: "Correct these findings first".to_owned(),
            },
        });
    }

    /// Whether there is room for another finding. If not, its position need not be computed.
    pub(crate) fn has_room(&self) -> bool {
        self.list.borrow().len() < Findings::MAX
    }

    /// Adds a finding about a whole file.
    pub(crate) fn file(&self, code: Code, file: &str, fault: impl Into<String>, remedy: impl Into<String>) {
        self.at(code, file, None, None, fault, remedy);
    }

    /// Adds a finding with position and key.
    pub(crate) fn at(
        &self,
        code: Code,
        file: &str,
        position: Option<Position>,
        key: Option<&str>,
        fault: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(PackageFinding {
            code,
            file: file.to_owned(),
            position,
            key: key.map(str::to_owned),
            fault: fault.into(),
            remedy: remedy.into(),
        });
    }

    /// Returns the first finding for which `is_wanted` is true.
    pub(crate) fn find(&self, is_wanted: impl Fn(&PackageFinding) -> bool) -> Option<PackageFinding> {
        self.list.borrow().iter().find(|finding| is_wanted(finding)).cloned()
    }

    pub(crate) fn any_error(&self) -> bool {
        self.list.borrow().iter().any(|finding| finding.code.is_error())
    }

    /// Returns the findings, errors first.
    pub(crate) fn into_list(self) -> Vec<PackageFinding> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|finding| !finding.code.is_error());
        list
    }

    /// Returns the warnings, or the refusal if there is an error.
    pub(crate) fn into_result(self) -> Result<Vec<PackageFinding>, Refused> {
        if self.any_error() { Err(Refused { findings: self.into_list() }) } else { Ok(self.into_list()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented() {
        let document = include_str!("../../../docs/packages.md");
        for code in Code::ALL {
            let row = format!("`{}`", code.as_str());
            let is_row = |line: &str| line.starts_with("| `") && line.contains(&row);
            assert!(document.lines().any(is_row), "docs/packages.md has no row with {row}");
        }
    }

    #[test]
    fn a_finding_displays_file_position_key_fault_and_remedy() {
        let finding = PackageFinding {
            code: Code::KeyType,
            file: "problem.yaml".to_owned(),
            position: Some(Position { line: 3, column: 11 }),
            key: Some("limits.memory".to_owned()),
            fault: "expected a number, found `a\u{1b}[31m`".to_owned(),
            remedy: "Write 512".to_owned(),
        };
        let text = "E_KEY_TYPE problem.yaml:3:11, limits.memory: expected a number, found `a\\u{1b}[31m`. Write 512";
        assert_eq!(finding.to_string(), text);
    }

    #[test]
    fn the_texts_of_a_finding_are_shortened() {
        let findings = Findings::default();
        let long = "ä".repeat(1 << 20);
        findings.at(Code::ArchivePath, &long, None, Some(&long), long.as_str(), long.as_str());
        let list = findings.into_list();
        let PackageFinding { file, key, fault, remedy, .. } = &list[0];
        let short = format!("{}…", "ä".repeat(1_024));
        for text in [file, key.as_ref().unwrap(), fault, remedy] {
            assert_eq!(*text, short);
        }
    }

    #[test]
    fn an_error_after_any_number_of_warnings_still_refuses_the_package() {
        let findings = Findings::default();
        for n in 0..1000 {
            findings.file(Code::CarriageReturn, "x", n.to_string(), "");
            findings.file(Code::CarriageReturn, "x", "the same", "");
        }
        findings.file(Code::NoCases, "y", "", "");
        let refused = findings.into_result().unwrap_err();
        assert_eq!((refused.findings.len(), refused.findings[0].code), (Findings::MAX + 1, Code::TooMany));
    }
}
