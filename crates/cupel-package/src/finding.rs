//! What is wrong, or odd, in a package: file, key, place, fault and remedy. All findings of a package are told together.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::path::PathBuf;

cupel_types::named! {
    /// What kind of finding it is; stable, for programs. `E_` refuses the package, `W_` does not.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Code, as_str, from_name {
        /// No format was recognised.
        FormatUnknown = "E_FORMAT_UNKNOWN",
        /// Several formats were recognised, or the one asked for is not there.
        FormatAmbiguous = "E_FORMAT_AMBIGUOUS",
        /// The archive cannot be read: truncated or damaged.
        ArchiveDamaged = "E_ARCHIVE_DAMAGED",
        /// A name that leads out of the package, or is too long or too deep.
        ArchivePath = "E_ARCHIVE_PATH",
        /// A link that leaves the package or leads to no file, a device, a pipe, a socket.
        ArchiveLink = "E_ARCHIVE_LINK",
        /// Two entries that are one on some file systems.
        ArchiveDuplicate = "E_ARCHIVE_DUPLICATE",
        /// More entries, bytes or compression than is let in.
        ArchiveBomb = "E_ARCHIVE_BOMB",
        /// Encrypted.
        ArchiveEncrypted = "E_ARCHIVE_ENCRYPTED",
        /// A compression method other than store and deflate.
        ArchiveMethod = "E_ARCHIVE_METHOD",
        /// A YAML file that cannot be read.
        Yaml = "E_YAML",
        /// An XML file that cannot be read.
        Xml = "E_XML",
        /// A TOML file that cannot be read.
        Toml = "E_TOML",
        /// A text that is not UTF-8, is too long, or begins with a byte-order mark where there may be none.
        Text = "E_TEXT",
        /// A key that the format does not have.
        KeyUnknown = "E_KEY_UNKNOWN",
        /// A key that must be there.
        KeyMissing = "E_KEY_MISSING",
        /// A value of the wrong type or range, or values that contradict each other.
        KeyType = "E_KEY_TYPE",
        /// A file that is named and not there.
        FileMissing = "E_FILE_MISSING",
        /// No case to judge with.
        NoCases = "E_NO_CASES",
        /// An input without answer, or the reverse.
        CasePair = "E_CASE_PAIR",
        /// A name that a case may not have.
        CaseName = "E_CASE_NAME",
        /// Rules of groups are broken.
        Groups = "E_GROUPS",
        /// A checker is asked for and not there.
        NoValidator = "E_NO_VALIDATOR",
        /// Several checkers where there can be one.
        ManyValidators = "E_MANY_VALIDATORS",
        /// A program without sources, or with files that are none.
        Program = "E_PROGRAM",
        /// A limit beyond what this server allows.
        LimitUnsupported = "E_LIMIT_UNSUPPORTED",
        /// No time limit, and none can be derived.
        NoTimeLimit = "E_NO_TIME_LIMIT",
        /// An expectation of a submission that contradicts another, or means nothing.
        Expectation = "E_EXPECTATION",
        /// Something that Cupel does not do.
        Unsupported = "E_UNSUPPORTED",
        /// A grader, checker or key in Python that runs inside DMOJ.
        UnsupportedPython = "E_UNSUPPORTED_PYTHON",
        /// More findings than are told.
        TooMany = "E_TOO_MANY_FINDINGS",
        /// A key that the format does not have, in one that is read leniently.
        KeyIgnored = "W_KEY_UNKNOWN",
        /// Carriage returns in test data.
        CarriageReturn = "W_CR",
        /// A byte-order mark.
        ByteOrderMark = "W_BOM",
        /// Test data that does not end with a newline.
        NoFinalNewline = "W_NO_FINAL_NEWLINE",
        /// A file of test data of more than 100 MiB.
        LargeFile = "W_LARGE_FILE",
        /// A file that nothing reads.
        UnusedFile = "W_UNUSED_FILE",
        /// No statement.
        NoStatement = "W_NO_STATEMENT",
        /// A statement in HTML or SVG: to be sanitised before it is shown.
        ActiveContent = "W_ACTIVE_CONTENT",
        /// The two dialects of scoring disagree on the highest score.
        ScoringDialect = "W_SCORING_DIALECT",
        /// Spelled as in a draft of the format.
        DraftSpelling = "W_DRAFT_SPELLING",
        /// Without it something cannot be verified: no input validator, no accepted submission.
        NotVerifiable = "W_NOT_VERIFIABLE",
        /// Part of the package has no meaning here and is left out.
        LeftOut = "W_LEFT_OUT",
    }
}

impl Code {
    /// Whether it refuses the package.
    pub fn is_error(self) -> bool {
        self.as_str().starts_with("E_")
    }
}

/// Where in a text: both begin at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

/// One thing that is wrong or odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub code: Code,
    /// In which file or directory of the package; empty for the package as a whole.
    pub file: String,
    /// Where in that file.
    pub position: Option<Position>,
    /// At which key, such as `limits.memory` or `test_cases[2].in`.
    pub key: Option<String>,
    /// What is wrong.
    pub fault: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Finding {
    /// `E_KEY_TYPE problem.yaml:3:11, limits.memory: a number of MiB is expected, not "lots". Write, for example, 512.`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        match self.file.as_str() {
            "" => f.write_str(" (the package)")?,
            file => write!(f, " {}", Shown(file))?,
        }
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ", {}", Shown(key))?;
        }
        write!(f, ": {}. {}", Shown(&self.fault), Shown(&self.remedy))
    }
}

/// A text from a package, without control characters and not without end.
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

/// Why a package was refused: everything that is wrong with it. Never without an error among the findings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the package was refused:{}", .findings.iter().map(|finding| format!("\n  {finding}")).collect::<String>())]
pub struct Refused {
    /// Errors first, then warnings.
    pub findings: Vec<Finding>,
}

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", .path.display())]
pub struct FileError {
    /// What was being done.
    pub action: &'static str,
    /// With what.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl FileError {
    /// Says where an error happened: `at("write", &path)` is for `map_err`.
    pub(crate) fn at(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> FileError {
        let path = path.into();
        move |source| FileError { action, path, source }
    }
}

/// Why a package was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is at fault.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// We are: a file could not be read or written.
    #[error(transparent)]
    Io(#[from] FileError),
    /// There is something already where the package was to go.
    #[error("{} exists already", .0.display())]
    TargetExists(PathBuf),
}

impl ImportError {
    /// Wraps a failure of ours: `io("write", &path)` is for `map_err`.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ImportError {
        let at = FileError::at(action, path);
        move |source| ImportError::Io(at(source))
    }
}

/// Collects findings; shared by everything that reads one package.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: RefCell<Vec<Finding>>,
}

impl Findings {
    /// So many are told; then one says that there are more.
    const MAX: usize = 200;

    pub(crate) fn push(&self, finding: Finding) {
        let mut list = self.list.borrow_mut();
        // What is read twice is told once.
        if list.contains(&finding) {
            return;
        }
        match list.len() {
            n if n < Findings::MAX => list.push(finding),
            // An error beyond the bound must still refuse; a warning may be lost.
            n if n == Findings::MAX && finding.code.is_error() => list.push(Finding {
                code: Code::TooMany,
                file: String::new(),
                position: None,
                key: None,
                fault: format!("there are more than {} findings", Findings::MAX),
                remedy: "Correct these first".to_owned(),
            }),
            _ => {}
        }
    }

    /// A finding about a file as a whole.
    pub(crate) fn file(&self, code: Code, file: &str, fault: impl Into<String>, remedy: impl Into<String>) {
        self.at(code, file, None, None, fault, remedy);
    }

    /// A finding at a key.
    pub(crate) fn at(
        &self,
        code: Code,
        file: &str,
        position: Option<Position>,
        key: Option<&str>,
        fault: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Finding {
            code,
            file: file.to_owned(),
            position,
            key: key.map(str::to_owned),
            fault: fault.into(),
            remedy: remedy.into(),
        });
    }

    pub(crate) fn any_error(&self) -> bool {
        self.list.borrow().iter().any(|finding| finding.code.is_error())
    }

    /// The findings, errors first.
    pub(crate) fn into_list(self) -> Vec<Finding> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|finding| !finding.code.is_error());
        list
    }

    /// The warnings, or the refusal if there is an error.
    pub(crate) fn into_result(self) -> Result<Vec<Finding>, Refused> {
        if self.any_error() { Err(Refused { findings: self.into_list() }) } else { Ok(self.into_list()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_file_place_key_fault_and_remedy() {
        let finding = Finding {
            code: Code::KeyType,
            file: "problem.yaml".to_owned(),
            position: Some(Position { line: 3, column: 11 }),
            key: Some("limits.memory".to_owned()),
            fault: "a number is expected, not `a\u{1b}[31m`".to_owned(),
            remedy: "Write 512".to_owned(),
        };
        let text = "E_KEY_TYPE problem.yaml:3:11, limits.memory: a number is expected, not `a\\u{1b}[31m`. Write 512";
        assert_eq!(finding.to_string(), text);
    }

    #[test]
    fn an_error_behind_any_number_of_warnings_still_refuses() {
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
