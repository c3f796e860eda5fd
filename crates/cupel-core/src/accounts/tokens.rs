//! The text forms of secrets, and their comparison.
//!
//! An API key is `cup_<32 hex digits of its id>_<43 characters of secret>_<6 hex digits>`. The other tokens differ in
//! prefix and id: a refresh token is `cur_` with a session's id, a one-time link `cul_` with a user's id, a ticket
//! `cut_` with its own id. The secret is 32 random bytes in base64url without padding. The last part is a checksum: the
//! first three bytes of the SHA-256 of everything before it. With the checksum, Cupel and scanners for leaked keys can
//! recognise a key without a query to the store. Only the SHA-256 of the secret is stored. A slow hash is not needed,
//! because 256 random bits cannot be guessed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

pub(super) const API_KEY: &str = "cup";
pub(super) const REFRESH: &str = "cur";
pub(super) const LINK: &str = "cul";
pub(super) const TICKET: &str = "cut";

/// A secret with the id under which its hash is stored.
pub(super) struct Token {
    pub(super) id: Uuid,
    secret: [u8; 32],
}

impl Token {
    /// A new secret for `id`.
    pub(super) fn new(id: Uuid) -> Token {
        Token { id, secret: crate::ids::secret() }
    }

    /// The text for its owner, shown once.
    pub(super) fn text(&self, prefix: &str) -> String {
        let body = format!("{prefix}_{}_{}", self.id.as_simple(), URL_SAFE_NO_PAD.encode(self.secret));
        let check = checksum(&body);
        format!("{body}_{check}")
    }

    /// Parses the text form. `None`: the text is not valid.
    pub(super) fn parse(prefix: &str, text: &str) -> Option<Token> {
        if text.len() > 128 || !text.is_ascii() {
            return None;
        }
        let (body, check) = text.rsplit_once('_')?;
        if checksum(body) != check {
            return None;
        }
        let (id, secret) = body.strip_prefix(prefix)?.strip_prefix('_')?.split_once('_')?;
        if id.len() != 32 || id.bytes().any(|c| c.is_ascii_uppercase()) {
            return None;
        }
        let id = Uuid::try_parse(id).ok()?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        Some(Token { id, secret })
    }

    /// The stored hash.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }

    /// Whether this secret has this hash, in constant time.
    pub(super) fn matches(&self, hash: &[u8; 32]) -> bool {
        self.hash().ct_eq(hash).into()
    }
}

fn checksum(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    digest[..3].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_parses_back_and_any_changed_character_is_refused() {
        for _ in 0..50 {
            let token = Token::new(Uuid::new_v4());
            let text = token.text(API_KEY);
            let back = Token::parse(API_KEY, &text).unwrap();
            assert_eq!(back.id, token.id);
            assert!(back.matches(&token.hash()));
            assert!(!Token::new(token.id).matches(&token.hash()));
            assert!(Token::parse(REFRESH, &text).is_none());
            for i in 0..text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[i] = if bytes[i] == b'a' { b'b' } else { b'a' };
                assert!(Token::parse(API_KEY, std::str::from_utf8(&bytes).unwrap()).is_none(), "position {i}");
            }
        }
    }

    #[test]
    fn malformed_text_is_not_a_token() {
        for noise in ["", "_", "cup_", "cup___", "cup_x_y_z", "é_é_é_é", &"cup_".repeat(100)] {
            assert!(Token::parse(API_KEY, noise).is_none(), "{noise:?}");
        }
    }
}
