//! Several tests in one process: the frames that a driver writes.
//!
//! ```text
//!  judge   signature ⏎ nonce₁ length ⏎ values                               nonce₂ length ⏎ values … end of input
//!  driver                                     nonce₁ ready ⏎ nonce₁ ok length ⏎ values               … exit 0
//! ```
//!
//! The argument [`BATCH_ARGUMENT`] of the command selects this form of input. The judge sends a test only after it has
//! received the whole answer to the previous test. So a driver may treat all data that it has received since then as
//! one test, and the submission cannot know a nonce before the judge expects an answer with it. `ready` means that the
//! submission is loaded; the driver writes it before its first call. A driver writes any answer except `ok` in the
//! same way as for a single test, and then exits.

use cupel_types::Bytes;

use super::case::{Answer, FunctionCase};
use super::value::Value;

/// The last argument of the command of a driver that calls the submission for several tests.
pub const BATCH_ARGUMENT: &str = "--cupel-batch";

/// Maximum length of the first line of a frame: a nonce, a word and a number.
const LINE_MAX: usize = 128;

/// The result channel of a driver that calls the submission for several tests.
#[derive(Debug)]
pub struct BatchChannel {
    received: Vec<u8>,
    /// Maximum length of an answer, in bytes.
    answer_max: u64,
}

/// A frame on the channel.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchFrame {
    /// The submission is loaded.
    Ready,
    /// The value that the submission returned, and the number of bytes that the driver would have written for a single
    /// test.
    Returned(Value, u64),
    /// Anything else: an answer that is not `ok`, data that no driver writes, or more data than the judge has
    /// requested.
    Other,
}

impl BatchChannel {
    /// A channel on which the driver writes at most `output_max` bytes, so that no answer is longer.
    pub fn new(output_max: Bytes) -> BatchChannel {
        BatchChannel { received: Vec::new(), answer_max: output_max.get() }
    }

    /// Adds data that the driver wrote.
    pub fn push(&mut self, data: &[u8]) {
        self.received.extend_from_slice(data);
    }

    /// Whether all data has been taken.
    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    /// Takes the next frame, if it is complete. `case` is the test that was sent last.
    pub fn take(&mut self, case: &FunctionCase<'_>, nonce: &str) -> Option<BatchFrame> {
        let Some(end) = self.received.iter().take(LINE_MAX).position(|c| *c == b'\n') else {
            return (self.received.len() >= LINE_MAX).then_some(BatchFrame::Other);
        };
        let (line, rest) = (&self.received[..end], &self.received[end + 1..]);
        let Some(words) = line.strip_prefix(nonce.as_bytes()) else { return Some(BatchFrame::Other) };
        if words == b" ready" {
            self.received.drain(..=end);
            return Some(BatchFrame::Ready);
        }
        let length = words.strip_prefix(b" ok ").and_then(|length| std::str::from_utf8(length).ok()?.parse().ok());
        let Some(length): Option<usize> = length else { return Some(BatchFrame::Other) };
        // The rest of this answer could not arrive, and the program would wait for its next test until a limit ends it.
        if length as u64 > self.answer_max {
            return Some(BatchFrame::Other);
        }
        if rest.len() < length {
            return None;
        }
        let frame = match case.returned(&rest[..length]) {
            Answer::Returned(value) if rest.len() == length => {
                BatchFrame::Returned(value, (nonce.len() + " ok\n".len() + length) as u64)
            }
            _ => BatchFrame::Other,
        };
        self.received.clear();
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cupel_problem::{CompareResult, Interface, MethodSignature, Parameter, Signature, Type};

    fn half() -> Signature {
        let n = Parameter { name: "n".parse().unwrap(), kind: Type::Int };
        let function = MethodSignature { name: "half".parse().unwrap(), parameters: vec![n], returns: Type::Int };
        Signature { interface: Interface::Function { function, mutates: None }, compare: CompareResult::Exact }
    }

    /// The frames in data that arrives in pieces of this size.
    fn frames(data: &str, piece: usize) -> Vec<BatchFrame> {
        let signature = half();
        let case = FunctionCase::read(&signature, b"84\n").unwrap();
        let mut channel = BatchChannel::new(Bytes::new(1000));
        let mut found = Vec::new();
        for piece in data.as_bytes().chunks(piece) {
            channel.push(piece);
            while let Some(frame) = channel.take(&case, "n0nce") {
                let is_other = frame == BatchFrame::Other;
                found.push(frame);
                if is_other {
                    return found;
                }
            }
        }
        found
    }

    #[test]
    fn a_test_of_a_batch_has_a_nonce_and_a_length() {
        let signature = half();
        let case = FunctionCase::read(&signature, b"84\n").unwrap();
        assert_eq!(case.batch_begin(), b"function - half int 1 int\n");
        assert_eq!(case.batch_lines("n0nce"), b"n0nce 3\n84\n");
    }

    #[test]
    fn frames_are_found_in_pieces_of_any_size() {
        let returned = |n| BatchFrame::Returned(Value::Int(n), 12);
        for piece in [1, 2, 7, 1000] {
            let found = frames("n0nce ready\nn0nce ok 3\n42\n", piece);
            assert_eq!(found, [BatchFrame::Ready, returned(42)], "{piece}");
        }
        assert_eq!(frames("n0nce ok 3\n4", 1000), []);
        assert_eq!(frames("n0nce ok 1000\n4", 1000), []);
    }

    #[test]
    fn anything_else_is_no_answer() {
        for data in [
            "x ok 3\n42\n",
            "n0nce ok\n42\n",
            "n0nce ok -3\n42\n",
            "n0nce ok 99999999999999999999\n42\n",
            // Longer than all output.
            "n0nce ok 1001\n42\n",
            "n0nce wrong\nexpected int, got string\n",
            "n0nce missing\nnot found\n",
            // The value does not have the type, a second value follows it, or more data follows the frame.
            "n0nce ok 3\nab\n",
            "n0nce ok 5\n42\n1\n",
            "n0nce ok 3\n42\nn0nce ok 3\n42\n",
            "n0nce ok 3\n42\nx",
        ] {
            assert_eq!(frames(data, 1000).last(), Some(&BatchFrame::Other), "{data:?}");
        }
        assert_eq!(frames(&"x".repeat(1000), 1000), [BatchFrame::Other]);
    }
}
