//! What lets somebody into a contest that is not public: a code that whoever arranges it gives to whom they want to have in it.

use subtle::ConstantTimeEq as _;

/// Letters and digits that nobody takes for one another; 32, so five random bits are one of them. Source: Douglas Crockford, "Base 32".
const LETTERS: [u8; 32] = *b"0123456789abcdefghjkmnpqrstvwxyz";

/// Ten letters and digits, 50 random bits: nothing to guess at the rate at which the API lets anybody try.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinCode(String);

const LENGTH: usize = 10;

impl JoinCode {
    /// One that nobody can guess.
    pub fn random() -> JoinCode {
        let secret = crate::ids::secret();
        JoinCode(secret[..LENGTH].iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
    }

    /// A code as it was kept. `None`: it is none.
    pub fn from_text(text: &str) -> Option<JoinCode> {
        let is_one = text.len() == LENGTH && text.bytes().all(|letter| LETTERS.contains(&letter));
        is_one.then(|| JoinCode(text.to_owned()))
    }

    /// The code itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code that somebody has written, as [`JoinCode::is`] reads it. `None`: it is none.
    pub(crate) fn read(written: &str) -> Option<JoinCode> {
        let read: Vec<u8> = written.trim().bytes().take(LENGTH + 1).map(as_meant).collect();
        JoinCode::from_text(std::str::from_utf8(&read).ok()?)
    }

    /// Whether somebody has written this code, be it in capitals or with letters that look like digits; of a text of its length in
    /// the same time whatever the answer.
    pub(super) fn is(&self, written: &str) -> bool {
        let read: Vec<u8> = written.trim().bytes().map(as_meant).collect();
        self.0.as_bytes().ct_eq(&read).into()
    }
}

fn as_meant(letter: u8) -> u8 {
    match letter.to_ascii_lowercase() {
        b'o' => b'0',
        b'i' | b'l' => b'1',
        letter => letter,
    }
}

/// What lets somebody in is not for logs.
impl std::fmt::Debug for JoinCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JoinCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_and_is_no_other() {
        for _ in 0..100 {
            let code = JoinCode::random();
            assert_eq!(JoinCode::from_text(code.as_str()), Some(code.clone()));
            assert!(code.is(code.as_str()));
            assert!(!code.is(JoinCode::random().as_str()));
        }
        for none in ["", "abc", "0123456789a", "012345678u", "012345678A", "01234567é"] {
            assert_eq!(JoinCode::from_text(none), None, "{none}");
        }
        assert_eq!(format!("{:?}", JoinCode::random()), "JoinCode(..)");
    }

    #[test]
    fn a_code_is_read_as_people_write_it() {
        let code = JoinCode::from_text("01abcdefgh").unwrap();
        for written in ["01abcdefgh", "O1ABCDEFGH", "oIabcdefgh", " 0labcdefgh\n"] {
            assert!(code.is(written), "{written}");
        }
        for other in ["", "01abcdefg", "01abcdefghh", "01abcdefgj", "01abc defgh"] {
            assert!(!code.is(other), "{other}");
        }
    }
}
