//! Comparison that ignores order: both sides must have the same lines, words or characters, each the same number of
//! times.
//!
//! Memory is constant: each side is a count and a product over keyed hashes (see [`hash`](super::hash)). The author of
//! an output does not know the key, and so cannot construct a collision. The result does not show which element
//! differs.

use std::io::{self, BufRead};

use super::hash::{Hash, Key, Product};
use super::{CompareResult, Difference, Differs, fill, is_space};

/// The unit that is counted on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Lines, as sequences of words. The amount of white space between words is ignored, and so are lines without
    /// words.
    Lines,
    /// Words.
    Words,
    /// Bytes other than white space, ignoring case.
    Characters,
}

/// A comparison that ignores order.
pub(super) struct Bags<A> {
    key: Key,
    answer: A,
    actual: Bag,
}

impl<A: BufRead> Bags<A> {
    pub(super) fn new(unit: Unit, answer: A) -> Bags<A> {
        Bags { key: Key::random(), answer, actual: Bag::new(unit) }
    }

    pub(super) fn output(&mut self, piece: &[u8]) {
        self.actual.fill(&self.key, piece);
    }

    pub(super) fn finish(mut self) -> io::Result<CompareResult> {
        let mut expected = Bag::new(self.actual.unit);
        loop {
            let piece = fill(&mut self.answer)?;
            if piece.is_empty() {
                break;
            }
            expected.fill(&self.key, piece);
            let length = piece.len();
            self.answer.consume(length);
        }
        let unit = match self.actual.unit {
            Unit::Lines => "lines",
            Unit::Words => "words",
            Unit::Characters => "characters",
        };
        let (expected, actual) = (expected.close(&self.key), self.actual.close(&self.key));
        let differs = |what| {
            let counted = |count: u64| format!("{count} {unit}").into_bytes();
            let (expected, actual) = (counted(expected.0), counted(actual.0));
            CompareResult::Different(Difference::without_place(what, expected, actual))
        };
        Ok(match (expected == actual, expected.0 == actual.0) {
            (true, _) => CompareResult::Same,
            (false, true) => differs(Differs::Others),
            (false, false) => differs(Differs::Count),
        })
    }
}

/// One side of the comparison.
struct Bag {
    unit: Unit,
    count: u64,
    product: Product,
    current: Hash,
    in_word: bool,
    /// Number of occurrences of each byte. Used only for [`Unit::Characters`].
    bytes: Box<[u64; 256]>,
}

impl Bag {
    fn new(unit: Unit) -> Bag {
        Bag {
            unit,
            count: 0,
            product: Product::default(),
            current: Hash::default(),
            in_word: false,
            bytes: Box::new([0; 256]),
        }
    }

    fn fill(&mut self, key: &Key, mut piece: &[u8]) {
        if self.unit == Unit::Characters {
            let bytes = piece.iter().filter(|b| !is_space(**b));
            bytes.for_each(|b| self.bytes[usize::from(b.to_ascii_lowercase())] += 1);
            return;
        }
        while let Some(first) = piece.first() {
            let is_word = !is_space(*first);
            let length = piece.iter().position(|b| is_space(*b) == is_word).unwrap_or(piece.len());
            let (part, rest) = piece.split_at(length);
            piece = rest;
            if is_word {
                if !self.in_word && !self.current.is_empty() {
                    self.current.push(key, b" ");
                }
                self.in_word = true;
                self.current.push(key, part);
            } else {
                self.in_word = false;
                if self.unit != Unit::Lines || part.contains(&b'\n') {
                    self.end_of_unit(key);
                }
            }
        }
    }

    fn end_of_unit(&mut self, key: &Key) {
        if !self.current.is_empty() {
            self.count += 1;
            self.product.insert(key, std::mem::take(&mut self.current));
        }
    }

    fn close(mut self, key: &Key) -> (u64, Product) {
        self.end_of_unit(key);
        if self.unit == Unit::Characters {
            self.count = self.bytes.iter().sum();
            for count in self.bytes.iter() {
                self.current.push(key, &count.to_be_bytes());
            }
            self.product.insert(key, self.current);
        }
        (self.count, self.product)
    }
}
