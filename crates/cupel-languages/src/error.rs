//! What can be wrong with language files. All faults are reported together.

use std::fmt;

/// One thing that is wrong in one language file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{place}: `{key}`: {detail}", place = line.map_or_else(String::new, |line| format!(":{line}")))]
pub struct Fault {
    /// The file: its name for a shipped one, its path for an operator's.
    pub file: String,
    /// The line, counted from 1, where the fault has one.
    pub line: Option<usize>,
    /// The key, such as `limits.memory_mb` or `samples[2].verdict`.
    pub key: String,
    /// What is wrong and what was expected.
    pub detail: String,
}

/// The languages cannot be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// A directory or file cannot be read.
    Read {
        /// Which one.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Files were read and are wrong; never empty.
    Faults(Vec<Fault>),
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
