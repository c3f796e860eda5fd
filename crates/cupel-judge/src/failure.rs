//! Searches the end of a failed program's standard error for the exception that the language's runtime reported.
//!
//! The program controls this text, so Cupel only displays it, with one exception: a report of a full heap turns the
//! outcome into the memory limit. A program that forges this report gains nothing, because both outcomes are failures.

use cupel_languages::{Language, STDERR_END};
use cupel_types::{BoxFiles, Limits, Outcome, StepReport};

/// The text of `ENOSPC` in the C library. Runtimes that have their own texts, such as Go and Rust, differ only in case.
const DISK_FULL: &[u8] = b"no space left on device";

/// The end of a stream, up to a bound.
#[derive(Clone, Debug, Default)]
pub(crate) struct End(Vec<u8>);

impl End {
    /// Appends to the stream.
    pub(crate) fn push(&mut self, data: &[u8]) {
        let data = &data[data.len().saturating_sub(STDERR_END)..];
        // Bytes are moved only occasionally: between two moves, the buffer contains up to twice the bound.
        if self.0.len() + data.len() > 2 * STDERR_END {
            let excess = self.0.len().saturating_sub(STDERR_END);
            self.0.drain(..excess);
        }
        self.0.extend_from_slice(data);
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0[self.0.len().saturating_sub(STDERR_END)..]
    }
}

impl From<&[u8]> for End {
    fn from(data: &[u8]) -> End {
        let mut end = End::default();
        end.push(data);
        end
    }
}

/// Returns the text of the exception that ended a program. If the exception means that the language's heap was full,
/// sets the step's outcome to the memory limit, and the text begins with that limit. The text contains a line number of
/// the program's `sources` and, if `names_file` is true, the file name. If the program reports that its disk was full,
/// the text contains the disk limit, even if there was no exception.
pub(crate) fn exception(
    language: &Language,
    step: &mut StepReport,
    stderr: &End,
    sources: &BoxFiles,
    names_file: bool,
    limits: &Limits,
) -> Option<String> {
    if !matches!(step.outcome, Outcome::Exited(1..) | Outcome::Signalled(_)) {
        return None;
    }
    let is_disk_full = stderr.as_bytes().windows(DISK_FULL.len()).any(|text| text.eq_ignore_ascii_case(DISK_FULL));
    let disk = is_disk_full.then(|| limits.exceeded(Outcome::DiskLimit)).flatten();
    let Some(exception) = language.exception(stderr.as_bytes(), sources, names_file) else { return disk };
    if exception.is_memory_limit {
        match step.outcome {
            Outcome::Exited(code) => step.exit_code = Some(code),
            Outcome::Signalled(signal) => step.signal = Some(signal.0),
            _ => {}
        }
        step.outcome = Outcome::MemoryLimit;
        return limits.exceeded(Outcome::MemoryLimit).map(|limit| format!("{limit}: {}", exception.text));
    }
    Some(match disk {
        Some(disk) => format!("{}; {disk}", exception.text),
        None => exception.text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_stream_is_kept_regardless_of_its_pieces() {
        for piece in [1usize, 1000, STDERR_END - 1, STDERR_END, 5 * STDERR_END] {
            let all: Vec<u8> = (0..3 * STDERR_END + 17).map(|i| (i % 251) as u8).collect();
            let mut end = End::default();
            all.chunks(piece).for_each(|chunk| end.push(chunk));
            assert!(end.as_bytes() == &all[all.len() - STDERR_END..], "{piece}");
            assert!(end.0.len() <= 2 * STDERR_END);
        }
        assert_eq!(End::from(&b"short"[..]).as_bytes(), b"short");
    }
}
