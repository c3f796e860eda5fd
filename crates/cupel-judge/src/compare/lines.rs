//! Comparison line by line: determines which share of the answer's lines the output has at the same position.
//!
//! White space at both ends of a line is ignored, unless the comparison is exact, and so are lines without words. If
//! the output has more lines than the answer, no line is right. Source: DMOJ, checker `linecount`.

use std::io::{self, BufRead};

use super::hash::{Hash, Key};
use super::{CompareResult, Difference, Differs, fill, is_space};

/// A comparison line by line.
pub(super) struct Lines<A> {
    key: Key,
    exact: bool,
    answer: A,
    line: Line,
    actual: u64,
    right: u64,
    of: u64,
}

/// An unfinished line.
#[derive(Clone, Copy, Default)]
struct Line {
    /// Hash from the first to the last byte that is not white space.
    trimmed: Hash,
    /// Hash from the first byte that is not white space.
    from_word: Hash,
    /// Hash of the whole line.
    whole: Hash,
}

impl Line {
    fn feed(&mut self, key: &Key, bytes: &[u8]) {
        self.whole.push(key, bytes);
        let after_word = bytes.iter().rposition(|b| !is_space(*b)).map(|at| at + 1);
        let (words, space) = bytes.split_at(after_word.unwrap_or(0));
        let is_first = self.trimmed.is_empty();
        if after_word.is_some() {
            let blanks = if is_first { words.iter().take_while(|b| is_space(**b)).count() } else { 0 };
            self.from_word.push(key, &words[blanks..]);
            self.trimmed = self.from_word;
        }
        if !self.trimmed.is_empty() {
            self.from_word.push(key, space);
        }
    }

    /// Ends the line and returns its hash; `None` if the line is ignored.
    fn end(&mut self, exact: bool) -> Option<Hash> {
        let line = std::mem::take(self);
        (!line.trimmed.is_empty()).then_some(if exact { line.whole } else { line.trimmed })
    }
}

impl<A: BufRead> Lines<A> {
    pub(super) fn new(exact: bool, answer: A) -> Lines<A> {
        Lines { key: Key::random(), exact, answer, line: Line::default(), actual: 0, right: 0, of: 0 }
    }

    pub(super) fn output(&mut self, piece: &[u8]) -> io::Result<()> {
        for part in piece.split_inclusive(|b| *b == b'\n') {
            let (text, ends) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            self.line.feed(&self.key, text);
            if ends {
                self.end_of_line()?;
            }
        }
        Ok(())
    }

    fn end_of_line(&mut self) -> io::Result<()> {
        let Some(actual) = self.line.end(self.exact) else { return Ok(()) };
        self.actual += 1;
        if let Some(expected) = self.expected()? {
            self.of += 1;
            self.right += u64::from(expected == actual);
        }
        Ok(())
    }

    /// Reads the answer's next line that is not ignored.
    fn expected(&mut self) -> io::Result<Option<Hash>> {
        let mut line = Line::default();
        loop {
            let piece = fill(&mut self.answer)?;
            if piece.is_empty() {
                return Ok(line.end(self.exact));
            }
            let end = piece.iter().position(|b| *b == b'\n');
            line.feed(&self.key, &piece[..end.unwrap_or(piece.len())]);
            let length = end.map_or(piece.len(), |at| at + 1);
            self.answer.consume(length);
            if end.is_some()
                && let Some(hash) = line.end(self.exact)
            {
                return Ok(Some(hash));
            }
        }
    }

    pub(super) fn finish(mut self) -> io::Result<CompareResult> {
        self.end_of_line()?;
        while self.expected()?.is_some() {
            self.of += 1;
        }
        let counted = |count: u64| format!("{count} line{}", if count == 1 { "" } else { "s" }).into_bytes();
        let none = |what| {
            let (expected, actual) = (counted(self.of), counted(self.actual));
            CompareResult::Different(Difference::without_place(what, expected, actual))
        };
        Ok(match self.right {
            _ if self.actual > self.of => none(Differs::Count),
            right if right == self.of => CompareResult::Same,
            0 => none(Differs::NoLine),
            right => CompareResult::Share { right, of: self.of },
        })
    }
}
