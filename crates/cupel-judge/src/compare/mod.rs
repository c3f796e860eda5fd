//! Comparison of a program's output with the expected answer, in constant memory.
//!
//! The output comes in pieces, as the program writes it; the answer is read beside it. Neither is ever held as a whole: one word
//! may be a hundred megabytes long. What is equal byte for byte (almost always all of it) is passed over without being taken
//! apart.
//!
//! ```text
//!  program ──pieces──► output() ─┐
//!                                ├─► streams: words and the space between them ─► finish() ─► Finding
//!  answer  ──BufRead─────────────┘   bags: a product over keyed hashes, where order does not matter
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

/// What is kept of a word that differs, for the message.
const SHOWN_BYTES_MAX: usize = 64;

/// A comparison that is going on.
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

    /// The next piece of the output.
    ///
    /// # Errors
    /// When the answer cannot be read.
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

    /// The output has ended.
    ///
    /// # Errors
    /// When the answer cannot be read.
    pub fn finish(self) -> io::Result<Finding> {
        match self.0 {
            Kind::Stream(stream) => stream.finish(),
            Kind::Bags(bags) => bags.finish(),
            Kind::Lines(lines) => lines.finish(),
        }
    }
}

impl<A> fmt::Debug for Comparer<A> {
    /// Nothing: what is compared belongs to a tenant and an author.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Comparer")
    }
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The output is right.
    Same,
    /// The words are right, the space between them is not; only where somebody asked for the difference.
    Presentation(Difference),
    /// Some of the answer's lines are right; at least one is wrong.
    Share {
        /// How many.
        right: u64,
        /// Of how many; never 0.
        of: u64,
    },
    /// The output is wrong.
    Different(Difference),
}

/// Where output and answer first differ. Everything counts from 1 but the offsets.
#[derive(Clone, PartialEq, Eq)]
pub struct Difference {
    /// In what.
    pub what: Differs,
    /// Number of the word in the output; 0 where order does not matter.
    pub word: u64,
    /// Line of the output; 0 where order does not matter.
    pub line: u64,
    /// Offset in the answer, of the word or space that differs.
    pub answer_at: u64,
    /// Offset in the output.
    pub output_at: u64,
    /// How the answer's word begins, as far as it had been read.
    pub expected: Vec<u8>,
    /// How the output's word begins, as far as it had come.
    pub came: Vec<u8>,
}

impl fmt::Debug for Difference {
    /// The place only: contents belong to an author and a tenant and are never logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Difference({:?}, word {}, line {})", self.what, self.word, self.line)
    }
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differs {
    /// A word is another one.
    Word,
    /// A number is too far from the expected one.
    Number,
    /// White space is not the same.
    Space,
    /// The output ends before the answer does.
    Missing,
    /// The output goes on after the answer has ended.
    Trailing,
    /// Without regard to order: there are as many as there should be, but others.
    Others,
    /// Line by line: no line of the answer is right. How many it has is in the difference's words.
    NoLine,
    /// Without regard to order: there are more or fewer. Both numbers are in the difference's words.
    Count,
}

impl Difference {
    /// For the author of a problem: quotes both sides, so nothing for those who must not see them.
    pub fn for_author(&self) -> String {
        let (expected, came) = (quoted(&self.expected), quoted(&self.came));
        let place = format!("word {}, line {} of the output", self.word, self.line);
        match self.what {
            Differs::Word => format!("{place}: expected {expected}, got {came}"),
            Differs::Number => format!("{place}: expected {expected}, got {came}, which is not near enough"),
            Differs::Space => format!("{place}: white space differs"),
            Differs::Missing => format!("{place}: the output ends, expected {expected}"),
            Differs::Trailing => format!("{place}: trailing output {came}"),
            Differs::Others => "as many as expected, but not the same ones".to_owned(),
            Differs::NoLine => format!("none of {} is right", text(&self.expected)),
            Differs::Count => format!("expected {}, got {}", text(&self.expected), text(&self.came)),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Bytes in quotes, with everything escaped that does not print.
fn quoted(bytes: &[u8]) -> String {
    let more = if bytes.len() >= SHOWN_BYTES_MAX { "…" } else { "" };
    format!("\"{}\"{more}", bytes.escape_ascii())
}

/// What is left in the reader's buffer, or the next of it; empty at the end.
fn fill(answer: &mut impl BufRead) -> io::Result<&[u8]> {
    loop {
        match answer.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // Again, because a borrow that is returned from a loop would last through all of it; nothing is read twice.
    answer.fill_buf()
}

/// `u8::is_ascii_whitespace` leaves out the vertical tab.
#[inline]
fn is_space(byte: u8) -> bool {
    byte == b' ' || byte.wrapping_sub(b'\t') < 5
}

#[cfg(test)]
mod tests;
