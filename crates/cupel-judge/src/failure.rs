//! Why a program failed, in its language's own words, from the end of what it wrote to standard error.
//!
//! The program can write what it likes there. So the words are only ever shown; and where they say that the heap is full, the
//! outcome becomes the memory limit, which is a failure as well and one that any program can have.

use cupel_languages::{Language, STDERR_END};
use cupel_types::{BoxFiles, Outcome, StepReport};

/// The end of a stream, up to a bound.
#[derive(Clone, Debug, Default)]
pub(crate) struct End(Vec<u8>);

impl End {
    /// Appends to the stream.
    pub(crate) fn push(&mut self, data: &[u8]) {
        let data = &data[data.len().saturating_sub(STDERR_END)..];
        // Moved only now and then: twice the bound is kept in between.
        if self.0.len() + data.len() > 2 * STDERR_END {
            let kept = self.0.len().saturating_sub(STDERR_END);
            self.0.drain(..kept);
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

/// The exception that ended a program, if it failed by one. If that says that the language's heap was full, the step ended by the
/// memory limit. A line is told of the program's `sources`, with the file's name if `names_file`.
pub(crate) fn exception(
    language: &Language,
    step: &mut StepReport,
    stderr: &End,
    sources: &BoxFiles,
    names_file: bool,
) -> Option<String> {
    if !matches!(step.outcome, Outcome::Exited(1..) | Outcome::Signalled(_)) {
        return None;
    }
    let exception = language.exception(stderr.as_bytes(), sources, names_file)?;
    if exception.is_memory_limit {
        match step.outcome {
            Outcome::Exited(code) => step.exit_code = Some(code),
            Outcome::Signalled(signal) => step.signal = Some(signal.0),
            _ => {}
        }
        step.outcome = Outcome::MemoryLimit;
        return None;
    }
    Some(exception.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_stream_is_kept_however_it_comes() {
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
