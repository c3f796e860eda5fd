//! Faults in language files. All faults are reported together.

use std::fmt;

use crate::place;

/// One fault in one language file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{place}: `{key}`: {detail}", place = line.map_or_else(String::new, |line| format!(":{line}")))]
pub struct LanguageFault {
    /// The name of a shipped file, or the path of an operator's file.
    pub file: String,
    /// One-based line number, if known.
    pub line: Option<usize>,
    /// The key, such as `limits.memory_mb` or `samples[2].verdict`.
    pub key: String,
    /// The problem and the expected value.
    pub detail: String,
}

impl LanguageFault {
    /// A fault of a key in a file with this text.
    pub fn in_text(file: &str, text: &str, key: &str, detail: String) -> LanguageFault {
        LanguageFault { file: file.to_owned(), line: place::line_of_key(text, key), key: key.to_owned(), detail }
    }
}

/// The languages cannot be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The directory cannot be read.
    Read {
        /// The path.
        path: std::path::PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// At least one file has a fault; never empty.
    Faults(Vec<LanguageFault>),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Read { path, .. } => write!(f, "cannot read {}", path.display()),
            LoadError::Faults(faults) => {
                for (i, fault) in faults.iter().enumerate() {
                    if i > 0 {
                        f.write_str("\n")?;
                    }
                    write!(f, "{fault}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LoadError::Read { source, .. } => Some(source),
            LoadError::Faults(_) => None,
        }
    }
}
