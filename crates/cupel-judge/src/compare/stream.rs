//! Comparison in order: compares words, and the properties of the space between them that the rules select.
//!
//! ```text
//!            equal bytes                      both at a word, spaces agree
//!           ┌───────────┐                  ┌─────────────────────────────────┐
//!           ▼           │   space differs  │                                 │
//!  start ─► Same ───────┴─────────────────►Gap ── one side ends ──► decided ◄┼── too far, or no number
//!           ▲  └──────── word differs ───────────────────────────►Words ─────┘
//!           └────────── numbers near enough ────────────────────────┘
//! ```
//!
//! In `Same`, both sides are at the same position of the same word or of the same run of space. Invariants: at most
//! [`NUMBER_BYTES_MAX`] bytes of each word are stored; every byte is read a bounded number of times; the result does
//! not depend on how the output is split into pieces.
//!
//! Two words with the same bytes are always equal, also if they are numbers with a tolerance.

use std::io::{self, BufRead};

use super::hash::{Hash, Key};
use super::number::{self, Tolerance};
use super::{CompareResult, Difference, Differs, SHOWN_BYTES_MAX, fill, is_space};

/// Maximum length of a number in an answer. A longer word is compared as text.
const ANSWER_NUMBER_BYTES_MAX: usize = 1024;
/// Maximum length of a number in an output. A longer word is compared as text.
const NUMBER_BYTES_MAX: usize = 64 << 10;

/// Rules that decide whether an output equals an answer.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) folds_case: bool,
    pub(super) tolerance: Option<Tolerance>,
    pub(super) spaces: Spaces,
    /// Whether a difference in white space alone is reported separately.
    pub(super) reports_presentation: bool,
}

/// The property of a run of white space that is compared. The beginning and the end of the text also count as runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spaces {
    /// Only that the run exists.
    Ignored,
    /// Whether the run contains a line end. Runs at the beginning and the end of the text are ignored.
    Lines,
    /// The number of line ends. The run at the end of the text is ignored.
    LineCount,
    /// The line ends, and the space after the last of them. The run at the end of the text is ignored.
    Trimmed,
    /// Every byte. The run at the end of the text is ignored.
    BytesButEnd {
        /// Whether CR LF and CR count as LF.
        normalized: bool,
    },
    /// Every byte.
    Bytes {
        /// Whether CR LF and CR count as LF.
        normalized: bool,
    },
}

/// Summary of a run of white space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Run {
    line_ends: u64,
    hash: Hash,
    after_return: bool,
}

impl Run {
    fn feed(&mut self, spaces: Spaces, key: &Key, bytes: &[u8]) {
        match spaces {
            Spaces::Ignored => {}
            Spaces::Lines | Spaces::LineCount => self.line_ends += count_line_ends(bytes),
            Spaces::Trimmed => {
                self.line_ends += count_line_ends(bytes);
                let after = bytes.iter().rposition(|b| *b == b'\n').map(|at| at + 1);
                if after.is_some() {
                    self.hash = Hash::default();
                }
                self.hash.push(key, &bytes[after.unwrap_or(0)..]);
            }
            Spaces::Bytes { normalized: false } | Spaces::BytesButEnd { normalized: false } => {
                self.hash.push(key, bytes)
            }
            Spaces::Bytes { normalized: true } | Spaces::BytesButEnd { normalized: true } => {
                for byte in bytes {
                    match byte {
                        b'\n' if self.after_return => {}
                        b'\r' => self.hash.push(key, b"\n"),
                        other => self.hash.push(key, &[*other]),
                    }
                    self.after_return = *byte == b'\r';
                }
            }
        }
    }

    /// Whether two runs are equal in the compared property.
    fn agrees(&self, other: &Run, spaces: Spaces, at_start: bool, at_end: bool) -> bool {
        match spaces {
            Spaces::Ignored => true,
            Spaces::Lines => at_start || at_end || (self.line_ends > 0) == (other.line_ends > 0),
            Spaces::LineCount => at_end || self.line_ends == other.line_ends,
            Spaces::Trimmed => at_end || (self.line_ends == other.line_ends && self.hash == other.hash),
            Spaces::BytesButEnd { .. } => at_end || self.hash == other.hash,
            Spaces::Bytes { .. } => self.hash == other.hash,
        }
    }
}

enum State {
    Same,
    Gap { answer: Run, output: Run },
    Words { answer_ended: bool, output_ended: bool },
    Decided(CompareResult),
}

/// The comparison.
pub(super) struct Stream<A> {
    rules: Rules,
    key: Key,
    answer: A,
    state: State,
    /// In `Same`: whether the current position is inside a word.
    in_word: bool,
    /// The beginning of the current word, as many bytes as a number or a message needs, and the word's length.
    word: Vec<u8>,
    word_length: u64,
    /// In `Words`: both words so far.
    expected: Vec<u8>,
    actual: Vec<u8>,
    /// The current run of white space.
    run: Run,
    /// Number of words and of line ends in the output up to this position.
    words: u64,
    line_ends: u64,
    answer_at: u64,
    output_at: u64,
    presentation: Option<Difference>,
}

impl<A: BufRead> Stream<A> {
    pub(super) fn new(rules: Rules, answer: A) -> Stream<A> {
        Stream {
            rules,
            key: Key::random(),
            answer,
            state: State::Same,
            in_word: false,
            word: Vec::new(),
            word_length: 0,
            expected: Vec::new(),
            actual: Vec::new(),
            run: Run::default(),
            words: 0,
            line_ends: 0,
            answer_at: 0,
            output_at: 0,
            presentation: None,
        }
    }

    pub(super) fn output(&mut self, mut piece: &[u8]) -> io::Result<()> {
        self.advance(&mut piece, false)
    }

    pub(super) fn finish(mut self) -> io::Result<CompareResult> {
        self.advance(&mut &b""[..], true)?;
        match (self.state, self.presentation) {
            (State::Decided(CompareResult::Same), Some(difference)) => Ok(CompareResult::Presentation(difference)),
            (State::Decided(finding), _) => Ok(finding),
            // At the end of both texts, `advance` always decides.
            _ => Err(io::Error::other("the comparison did not reach a decision")),
        }
    }

    /// Compares until the whole output is processed or the result is decided.
    fn advance(&mut self, output: &mut &[u8], at_end: bool) -> io::Result<()> {
        while !output.is_empty() || at_end {
            match self.state {
                State::Same => self.same(output)?,
                State::Gap { .. } => {
                    if !self.gap(output, at_end)? {
                        return Ok(());
                    }
                }
                State::Words { .. } => {
                    if !self.differing_words(output, at_end)? {
                        return Ok(());
                    }
                }
                State::Decided(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Processes one stretch of equal bytes, or one difference.
    fn same(&mut self, output: &mut &[u8]) -> io::Result<()> {
        let answer = fill(&mut self.answer)?;
        let (in_answer, in_output) = if self.rules.spaces == Spaces::Ignored {
            same_words(answer, output, self.in_word, &self.rules)
        } else {
            let length = common_prefix(answer, output, self.rules.folds_case);
            (length, length)
        };
        if in_answer > 0 || in_output > 0 {
            let (stretch, rest) = output.split_at(in_output);
            *output = rest;
            self.answer.consume(in_answer);
            self.answer_at += in_answer as u64;
            self.pass(stretch);
            return Ok(());
        }
        let is_word = |byte: Option<&u8>| byte.is_some_and(|b| !is_space(*b));
        let (a, o) = (answer.first(), output.first());
        if a.is_none() && o.is_none() {
            self.state = State::Decided(CompareResult::Same);
            return Ok(());
        }
        match (is_word(a), is_word(o)) {
            (false, false) => self.begin_gap(),
            (true, false) | (false, true) if !self.in_word => self.begin_gap(),
            _ => {
                if !self.in_word {
                    self.begin_word();
                }
                // The position of a difference is the beginning of its word.
                self.answer_at -= self.word_length;
                self.output_at -= self.word_length;
                for word in [&mut self.expected, &mut self.actual] {
                    word.clear();
                    word.extend_from_slice(&self.word);
                }
                self.state = State::Words { answer_ended: false, output_ended: false };
            }
        }
        Ok(())
    }

    /// Records a stretch of output that equals the answer.
    fn pass(&mut self, stretch: &[u8]) {
        if stretch.is_empty() {
            return;
        }
        let (words, line_ends) = count(stretch, self.in_word);
        self.words += words;
        self.line_ends += line_ends;
        self.output_at += stretch.len() as u64;
        let ends_in_word = stretch.last().is_some_and(|b| !is_space(*b));
        if ends_in_word {
            if words > 0 {
                let begin = stretch.iter().rposition(|b| is_space(*b)).map_or(0, |at| at + 1);
                self.begin_word();
                self.add_to_word(&stretch[begin..]);
            } else {
                self.add_to_word(stretch);
            }
            self.in_word = true;
        } else {
            if self.rules.spaces != Spaces::Ignored {
                let begin = stretch.iter().rposition(|b| !is_space(*b)).map(|at| at + 1);
                if begin.is_some() || self.in_word {
                    self.run = Run::default();
                }
                self.run.feed(self.rules.spaces, &self.key, &stretch[begin.unwrap_or(0)..]);
            }
            self.in_word = false;
        }
    }

    fn begin_word(&mut self) {
        self.word.clear();
        self.word_length = 0;
    }

    fn add_to_word(&mut self, bytes: &[u8]) {
        self.word_length += bytes.len() as u64;
        // One byte more than the longest number, so that a longer word is recognized as text.
        let room = (ANSWER_NUMBER_BYTES_MAX + 1).saturating_sub(self.word.len());
        self.word.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn begin_gap(&mut self) {
        if self.in_word {
            self.run = Run::default();
        }
        self.state = State::Gap { answer: self.run, output: self.run };
    }

    /// Skips white space on both sides. Returns `false` if more output is needed.
    fn gap(&mut self, output: &mut &[u8], at_end: bool) -> io::Result<bool> {
        let State::Gap { answer: ref mut answer_run, output: ref mut output_run } = self.state else { return Ok(true) };
        let spaces = self.rules.spaces;
        let length = leading_space(output);
        let (space, rest) = output.split_at(length);
        output_run.feed(spaces, &self.key, space);
        self.line_ends += count_line_ends(space);
        self.output_at += length as u64;
        *output = rest;
        if rest.is_empty() && !at_end {
            return Ok(false);
        }
        let expected = loop {
            let answer = fill(&mut self.answer)?;
            let length = leading_space(answer);
            answer_run.feed(spaces, &self.key, &answer[..length]);
            self.answer_at += length as u64;
            let (ends_here, is_end) = (length < answer.len() || answer.is_empty(), answer.is_empty());
            self.answer.consume(length);
            if ends_here {
                break !is_end;
            }
        };
        let actual = !output.is_empty();
        let agrees = answer_run.agrees(output_run, spaces, self.words == 0, !expected);
        self.state = match (expected, actual) {
            (true, false) => {
                let word = beginning_of_word(fill(&mut self.answer)?);
                self.differs_next(Differs::Missing, word, Vec::new())
            }
            (false, true) => self.differs_next(Differs::Trailing, Vec::new(), beginning_of_word(output)),
            _ if !agrees && !self.rules.reports_presentation => {
                self.differs_next(Differs::Space, Vec::new(), Vec::new())
            }
            (has_more, _) => {
                if !agrees && self.presentation.is_none() {
                    self.presentation = Some(self.differs(Differs::Space, self.words + 1, Vec::new(), Vec::new()));
                }
                if has_more { State::Same } else { State::Decided(CompareResult::Same) }
            }
        };
        self.in_word = false;
        self.run = Run::default();
        Ok(true)
    }

    /// Reads to the ends of two differing words. Returns `false` if more output is needed.
    fn differing_words(&mut self, output: &mut &[u8], at_end: bool) -> io::Result<bool> {
        let needed = if self.rules.tolerance.is_some() { NUMBER_BYTES_MAX + 1 } else { SHOWN_BYTES_MAX };
        let State::Words { mut answer_ended, mut output_ended } = self.state else { return Ok(true) };
        let (expected, actual) = (&mut self.expected, &mut self.actual);
        if !output_ended {
            let length = word_length(output).min(needed.saturating_sub(actual.len()));
            actual.extend_from_slice(&output[..length]);
            *output = &output[length..];
            output_ended = actual.len() >= needed || !output.is_empty() || at_end;
        }
        while !answer_ended {
            let answer = fill(&mut self.answer)?;
            let length = word_length(answer).min(needed.saturating_sub(expected.len()));
            expected.extend_from_slice(&answer[..length]);
            answer_ended = answer.is_empty() || length < answer.len() || expected.len() >= needed;
            self.answer.consume(length);
        }
        if !output_ended {
            self.state = State::Words { answer_ended, output_ended };
            return Ok(false);
        }
        let is_number_wanted = expected.len() <= ANSWER_NUMBER_BYTES_MAX;
        let wanted = self.rules.tolerance.filter(|_| is_number_wanted).zip(number::parse(expected));
        let what = match wanted {
            Some((tolerance, a)) => {
                let o = if actual.len() <= NUMBER_BYTES_MAX { number::parse(actual) } else { None };
                if o.is_some_and(|o| tolerance.accepts(a, o)) {
                    self.state = State::Same;
                    self.answer_at += expected.len() as u64;
                    self.output_at += actual.len() as u64;
                    self.words += u64::from(!self.in_word);
                    self.in_word = true;
                    self.begin_word();
                    return Ok(true);
                }
                Differs::Number
            }
            None => Differs::Word,
        };
        let word = self.words + u64::from(!self.in_word);
        let (expected, actual) = (std::mem::take(expected), std::mem::take(actual));
        self.state = State::Decided(CompareResult::Different(self.differs(what, word, expected, actual)));
        Ok(true)
    }

    /// Returns a difference at the position of the next word.
    fn differs_next(&self, what: Differs, expected: Vec<u8>, actual: Vec<u8>) -> State {
        State::Decided(CompareResult::Different(self.differs(what, self.words + 1, expected, actual)))
    }

    fn differs(&self, what: Differs, word: u64, mut expected: Vec<u8>, mut actual: Vec<u8>) -> Difference {
        expected.truncate(SHOWN_BYTES_MAX);
        actual.truncate(SHOWN_BYTES_MAX);
        let line = self.line_ends + 1;
        Difference { what, word, line, answer_at: self.answer_at, output_at: self.output_at, expected, actual }
    }
}

/// Returns the lengths, in both texts, of the common sequence of words with any space between them. The sequence ends
/// where these bytes alone do not determine the result.
fn same_words(a: &[u8], o: &[u8], mut in_word: bool, rules: &Rules) -> (usize, usize) {
    let (mut at, mut to) = (0, 0);
    // The positions at which the current words begin on both sides, if they begin in these bytes.
    let mut begin = (!in_word).then_some((0, 0));
    loop {
        let length = common_prefix(&a[at..], &o[to..], rules.folds_case);
        if length > 0 {
            (at, to) = (at + length, to + length);
            in_word = !is_space(o[to - 1]);
            if let Some(back) = o[to - length..to].iter().rposition(|b| is_space(*b)) {
                let back = length - 1 - back;
                begin = Some((at - back, to - back));
            }
        }
        let (Some(x), Some(y)) = (a.get(at), o.get(to)) else { return (at, to) };
        let (x, y) = (is_space(*x), is_space(*y));
        if !(x && y || (x || y) && !in_word) {
            match begin.zip(rules.tolerance).and_then(|(begin, near)| near_words(a, o, begin, near)) {
                Some(ends) => ((at, to), in_word, begin) = (ends, true, None),
                None => return (at, to),
            }
            continue;
        }
        let (x, y) = (at + leading_space(&a[at..]), to + leading_space(&o[to..]));
        if x == a.len() || y == o.len() {
            return (at, to);
        }
        (at, to, in_word, begin) = (x, y, false, Some((x, y)));
    }
}

/// Returns the ends of two words that begin here, if both are plain numbers within the tolerance.
fn near_words(a: &[u8], o: &[u8], (at, to): (usize, usize), tolerance: Tolerance) -> Option<(usize, usize)> {
    let (expected, a_length) = number::parse_plain(&a[at..])?;
    let (actual, o_length) = number::parse_plain(&o[to..])?;
    tolerance.accepts(expected, actual).then_some((at + a_length, to + o_length))
}

/// Returns the length of the common prefix.
fn common_prefix(a: &[u8], b: &[u8], folds_case: bool) -> usize {
    const BLOCK: usize = 64;
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    let mut at = 0;
    // Usually, either one of the next few bytes differs, or very many bytes are equal.
    while at < length {
        let stop = length.min(at + 16);
        while at < stop && (a[at] == b[at] || folds_case && a[at].eq_ignore_ascii_case(&b[at])) {
            at += 1;
        }
        if at < stop {
            break;
        }
        let (a_blocks, b_blocks) = (a[at..].as_chunks::<BLOCK>().0, b[at..].as_chunks::<BLOCK>().0);
        at += BLOCK * a_blocks.iter().zip(b_blocks).take_while(|(a, b)| a == b).count();
    }
    at
}

fn leading_space(text: &[u8]) -> usize {
    text.iter().position(|b| !is_space(*b)).unwrap_or(text.len())
}

fn word_length(text: &[u8]) -> usize {
    text.iter().position(|b| is_space(*b)).unwrap_or(text.len())
}

fn beginning_of_word(text: &[u8]) -> Vec<u8> {
    text[..word_length(&text[..text.len().min(SHOWN_BYTES_MAX)])].to_vec()
}

fn count_line_ends(text: &[u8]) -> u64 {
    text.chunks(255).map(|part| u64::from(part.iter().map(|b| u8::from(*b == b'\n')).sum::<u8>())).sum()
}

/// Counts the words that begin in a text, and its line ends. Each sum covers at most 255 bytes and fits in a byte, so
/// that the compiler can vectorize the loop.
fn count(text: &[u8], in_word: bool) -> (u64, u64) {
    let [first, rest @ ..] = text else { return (0, 0) };
    let begins = |before: u8, byte: u8| u8::from(is_space(before) & !is_space(byte));
    let mut words = u64::from(!in_word && !is_space(*first));
    for (before, bytes) in text[..text.len() - 1].chunks(255).zip(rest.chunks(255)) {
        words += u64::from(before.iter().zip(bytes).map(|(a, b)| begins(*a, *b)).sum::<u8>());
    }
    (words, count_line_ends(text))
}
