//! Join codes of contests, and of accounts (`accounts/codes.rs`). The organizer of a contest that is not public gives
//! the contest's code to the people who may take part.

use subtle::ConstantTimeEq as _;

/// The 32 letters and digits that are not easily confused with each other. Each encodes five random bits. Source:
/// Douglas Crockford, "Base 32".
const LETTERS: [u8; 32] = *b"0123456789abcdefghjkmnpqrstvwxyz";

/// Ten letters and digits, 50 random bits: not guessable at the rate that the API allows for attempts.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinCode(String);

const LENGTH: usize = 10;

impl JoinCode {
    /// A new random code.
    pub fn random() -> JoinCode {
        let secret = crate::ids::secret();
        JoinCode(secret[..LENGTH].iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
    }

    /// A stored code. `None`: the text is not a valid code.
    pub fn from_text(text: &str) -> Option<JoinCode> {
        let is_one = text.len() == LENGTH && text.bytes().all(|letter| LETTERS.contains(&letter));
        is_one.then(|| JoinCode(text.to_owned()))
    }

    /// The text of the code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code that a person entered, with the same tolerance as [`JoinCode::is`]. `None`: the text is not a valid
    /// code.
    pub(crate) fn read(written: &str) -> Option<JoinCode> {
        let read: Vec<u8> = written.trim().bytes().take(LENGTH + 1).map(as_meant).collect();
        JoinCode::from_text(std::str::from_utf8(&read).ok()?)
    }

    /// Whether a person entered this code; capitals and letters that look like digits are accepted. Constant-time for
    /// texts of the code's length.
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

/// Codes are credentials, so they are not logged.
impl std::fmt::Debug for JoinCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JoinCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_parses_back_and_matches_no_other() {
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
    fn a_code_is_accepted_as_people_write_it() {
        let code = JoinCode::from_text("01abcdefgh").unwrap();
        for written in ["01abcdefgh", "O1ABCDEFGH", "oIabcdefgh", " 0labcdefgh\n"] {
            assert!(code.is(written), "{written}");
        }
        for other in ["", "01abcdefg", "01abcdefghh", "01abcdefgj", "01abc defgh"] {
            assert!(!code.is(other), "{other}");
        }
    }
}
