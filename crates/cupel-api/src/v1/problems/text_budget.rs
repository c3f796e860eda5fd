//! Limit on the text from a package in one response. The limit is necessary because a small archive may contain large
//! texts, and a character may take six bytes in JSON.

use std::io::Read as _;

use cupel_problem::{FileRef, Package};

/// Remaining space for texts of files in a response, in bytes of JSON.
pub(super) struct JsonTextBudget {
    bytes: usize,
}

impl JsonTextBudget {
    pub(super) fn of(bytes: usize) -> JsonTextBudget {
        JsonTextBudget { bytes }
    }

    /// Whether there is no space left.
    pub(super) fn is_used_up(&self) -> bool {
        self.bytes == 0
    }

    /// Reads the beginning of a file as text: at most `bytes_max` bytes, and within the remaining space. Also returns
    /// whether the text was truncated.
    pub(super) fn text_of(
        &mut self,
        package: &Package,
        file: &FileRef,
        bytes_max: u64,
    ) -> std::io::Result<(String, bool)> {
        let mut bytes = Vec::new();
        // A character takes at least as many bytes in JSON as in its file.
        let readable = bytes_max.min(self.bytes as u64);
        package.open(file)?.take(readable).read_to_end(&mut bytes)?;
        let (text, is_cut) = self.fitting(&String::from_utf8_lossy(&bytes));
        Ok((text, is_cut || file.size.get() > readable))
    }

    fn fitting(&mut self, text: &str) -> (String, bool) {
        for (at, c) in text.char_indices() {
            match self.bytes.checked_sub(bytes_in_json(c)) {
                Some(left) => self.bytes = left,
                None => {
                    self.bytes = 0;
                    return (text[..at].to_owned(), true);
                }
            }
        }
        (text.to_owned(), false)
    }
}

/// Length of a character in JSON. Source: RFC 8259, section 7.
fn bytes_in_json(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_counts_with_its_length_in_json() {
        for c in ('\0'..='\u{ff}').chain(['é', '€', '😀', '\u{fffd}']) {
            let quoted = serde_json::to_string(&c).unwrap();
            assert_eq!(bytes_in_json(c), quoted.len() - 2, "{c:?}");
        }
    }

    #[test]
    fn text_is_truncated_between_characters_and_later_texts_are_empty() {
        let mut room = JsonTextBudget::of(10);
        assert_eq!(room.fitting("a\u{1}"), ("a\u{1}".to_owned(), false));
        assert_eq!(room.fitting("é€€"), ("é".to_owned(), true));
        assert_eq!(room.fitting("a"), (String::new(), true));
        assert_eq!(room.fitting(""), (String::new(), false));
    }
}
