//! The data of a case: files of the package, or what a generator made.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use cupel_problem::{Case, FileRef, Package};

use super::{ProblemError, program};
use crate::executor::StdinSource;

/// Maximum size in bytes of an input that is read into memory. Larger inputs are streamed from their file.
const INPUT_IN_MEMORY_MAX: u64 = 1 << 20;

/// The data that a generator made for a case. `None` means that the file of the package is the data.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) input: Option<Arc<[u8]>>,
    pub(super) answer: Option<Arc<[u8]>>,
}

impl Made {
    /// Returns data with LF as the only line end, and with a newline at the end.
    pub(super) fn with_unified_newlines(self, package: &Package, case: &Case) -> Result<Made, ProblemError> {
        let input = match self.input {
            Some(input) => input,
            None => program::read(package, &case.input)?,
        };
        let answer = match (self.answer, &case.answer) {
            (None, Some(answer)) => Some(program::read(package, answer)?),
            (made, _) => made,
        };
        Ok(Made { input: Some(unified(input)), answer: answer.map(unified) })
    }
}

fn unified(data: Arc<[u8]>) -> Arc<[u8]> {
    let ends = data.last().is_none_or(|last| *last == b'\n');
    if ends && !data.contains(&b'\r') {
        return data;
    }
    let mut text = Vec::with_capacity(data.len() + 1);
    let mut rest = data.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte == b'\r' {
            rest.next_if_eq(&b'\n');
        }
        text.push(if byte == b'\r' { b'\n' } else { byte });
    }
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    text.into()
}

/// Opens a file of the package as standard input.
pub(super) fn stdin(package: &Package, file: &FileRef) -> Result<StdinSource, ProblemError> {
    if file.size.get() <= INPUT_IN_MEMORY_MAX {
        return program::read(package, file).map(StdinSource::Bytes);
    }
    let opened: File =
        package.open(file).map_err(|source| ProblemError::Package { path: file.path.clone(), source })?;
    Ok(StdinSource::Descriptor(Arc::new(OwnedFd::from(opened))))
}
