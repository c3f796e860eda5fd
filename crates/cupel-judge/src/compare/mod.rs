//! Comparison of a program's output with the expected answer, in constant memory.
//!
//! The output arrives in pieces, as the program writes it; the answer is read in parallel. Neither is ever stored as a
//! whole. Of a word, only a bounded part is stored, because one word may be a hundred megabytes long. Bytes that are
//! equal (almost always all of them) are skipped without being parsed.
//!
//! ```text
//!  program ──pieces──► output() ─┐
//!                                ├─► streams: words and the space between them ─► finish() ─► CompareResult
//!  answer  ──BufRead─────────────┘   bags: a product over keyed hashes, if order does not matter
//! ```
//!
//! White space is the six bytes of C's `isspace`; NUL and 0xA0 are part of words.

mod bag;
mod builtin;
mod hash;
mod lines;
mod number;
mod stream;

use std::fmt;
use std::io::{self, BufRead};

pub use builtin::{BuiltIn, BuiltInError};

use bag::Bags;
use lines::Lines;
use stream::Stream;

/// Maximum number of bytes of a differing word that a message shows.
const SHOWN_BYTES_MAX: usize = 64;

/// A comparison in progress.
pub struct Comparer<A>(Kind<A>);

enum Kind<A> {
    Stream(Box<Stream<A>>),
    Bags(Box<Bags<A>>),
    Lines(Box<Lines<A>>),
}

impl<A: BufRead> Comparer<A> {
    fn stream(stream: Stream<A>) -> Comparer<A> {
        Comparer(Kind::Stream(Box::new(stream)))
    }

    fn bags(bags: Bags<A>) -> Comparer<A> {
        Comparer(Kind::Bags(Box::new(bags)))
    }

    fn lines(lines: Lines<A>) -> Comparer<A> {
        Comparer(Kind::Lines(Box::new(lines)))
    }

    /// Whether the output of a program that failed is compared, too. Source: DMOJ judge-server, `linecount.py`,
    /// `run_on_error`.
    pub(crate) fn is_for_failed_runs(&self) -> bool {
        matches!(self.0, Kind::Lines(_))
    }

    /// Compares the next piece of the output.
    ///
    /// # Errors
    /// If the answer cannot be read.
    pub fn output(&mut self, piece: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            Kind::Stream(stream) => stream.output(piece),
            Kind::Bags(bags) => {
                bags.output(piece);
                Ok(())
            }
            Kind::Lines(lines) => lines.output(piece),
        }
    }

    /// Ends the output and returns the result.
    ///
    /// # Errors
    /// If the answer cannot be read.
    pub fn finish(self) -> io::Result<CompareResult> {
        match self.0 {
            Kind::Stream(stream) => stream.finish(),
            Kind::Bags(bags) => bags.finish(),
            Kind::Lines(lines) => lines.finish(),
        }
    }
}

impl<A> fmt::Debug for Comparer<A> {
    /// Prints no contents, because the output belongs to a tenant and the answer to an author.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Comparer")
    }
}

/// Result of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompareResult {
    /// The output is right.
    Same,
    /// The words are right, but the space between them is wrong; only if the comparison distinguishes presentation
    /// errors.
    Presentation(Difference),
    /// At least one of the answer's lines is right, and at least one is wrong.
    Share {
        /// Number of right lines.
        right: u64,
        /// Number of lines; never 0.
        of: u64,
    },
    /// The output is wrong.
    Different(Difference),
}

/// The first difference between output and answer. Numbers of words and lines are one-based; offsets are zero-based.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// Kind of difference.
    pub what: Differs,
    /// Number of the word in the output; 0 if the comparison ignores order or compares line by line.
    pub word: u64,
    /// Line of the output; 0 if the comparison ignores order or compares line by line.
    pub line: u64,
    /// Offset of the differing word or space in the answer.
    pub answer_at: u64,
    /// Offset of the differing word or space in the output.
    pub output_at: u64,
    /// The part of the answer's word that has been read.
    pub expected: Vec<u8>,
    /// The part of the output's word that has arrived.
    pub actual: Vec<u8>,
}

impl fmt::Debug for Difference {
    /// Prints only the position: the words belong to an author and a tenant, and are never logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Difference({:?}, word {}, line {})", self.what, self.word, self.line)
    }
}

/// Kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differs {
    /// The words differ.
    Word,
    /// A number is too far from the expected one.
    Number,
    /// White space differs.
    Space,
    /// The output ends before the answer does.
    Missing,
    /// The output continues after the end of the answer.
    Trailing,
    /// In a comparison that ignores order: the counts are equal, but the contents differ.
    Others,
    /// In a comparison line by line: no line is right. `expected` contains the number of lines in the answer.
    NoLine,
    /// In a comparison that ignores order: the counts differ. In a comparison line by line: the output has more lines
    /// than the answer. `expected` and `actual` contain the counts.
    Count,
}

impl Difference {
    /// A difference without a position.
    fn without_place(what: Differs, expected: Vec<u8>, actual: Vec<u8>) -> Difference {
        Difference { what, word: 0, line: 0, answer_at: 0, output_at: 0, expected, actual }
    }

    /// Returns a message for the author of a problem. The message quotes output and answer, so show it only to users
    /// who may see both.
    pub fn for_author(&self) -> String {
        let (expected, actual) = (quoted(&self.expected), quoted(&self.actual));
        let place = format!("word {}, line {} of the output", self.word, self.line);
        match self.what {
            Differs::Word => format!("{place}: expected {expected}, got {actual}"),
            Differs::Number => format!("{place}: expected {expected}, got {actual}, which is outside the tolerance"),
            Differs::Space => format!("{place}: white space differs"),
            Differs::Missing => format!("{place}: the output ends; expected {expected}"),
            Differs::Trailing => format!("{place}: trailing output {actual}"),
            Differs::Others => "the number of elements is as expected, but the elements differ".to_owned(),
            Differs::NoLine => format!("none of {} is correct", text(&self.expected)),
            Differs::Count => format!("expected {}, got {}", text(&self.expected), text(&self.actual)),
        }
    }
}

/// Message for the author about a comparison line by line with some right lines.
pub(crate) fn share_message(right: u64, of: u64) -> String {
    format!("{right} of {of} lines are right")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns bytes in quotes, with every unprintable byte escaped.
fn quoted(bytes: &[u8]) -> String {
    let more = if bytes.len() >= SHOWN_BYTES_MAX { "…" } else { "" };
    format!("\"{}\"{more}", bytes.escape_ascii())
}

/// Returns the rest of the reader's buffer, or the next block; empty at the end.
fn fill(answer: &mut impl BufRead) -> io::Result<&[u8]> {
    loop {
        match answer.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // `fill_buf` is called twice, because a borrow that the loop returns would last for the whole loop. This call reads
    // nothing.
    answer.fill_buf()
}

/// Whether a byte is white space. `u8::is_ascii_whitespace` omits the vertical tab.
#[inline]
fn is_space(byte: u8) -> bool {
    byte == b' ' || byte.wrapping_sub(b'\t') < 5
}

#[cfg(test)]
mod tests;
