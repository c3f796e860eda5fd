//! Access tokens and the values of session cookies: JWTs that name a user and a session, and have no other data about
//! the user. An access token is short-lived; a cookie lives as long as its session. They have different audiences, so
//! that neither is accepted as the other.
//!
//! Invariants: only the algorithm HS256 is accepted, regardless of the token's header. A token contains no permissions,
//! so a demotion or a logout takes effect before the token expires (`identity.rs`). Only core's clock decides whether a
//! token has expired. Source: RFC 7519; RFC 8725 (best practices), sections 3.1 and 3.9.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use cupel_types::{SessionId, UserId};
use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::hs256;
use crate::state::Secret;

const AUDIENCE: &str = "cupel-api";
const COOKIE_AUDIENCE: &str = "cupel-site";
const ISSUER: &str = "cupel";
/// Maximum length of a token; Cupel issues much shorter ones.
const TOKEN_BYTES_MAX: usize = 2048;
const SECRET_BYTES_MIN: usize = 32;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    iat: i64,
    exp: i64,
}

/// Claims of a valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The user.
    pub user: UserId,
    /// The user's session.
    pub session: SessionId,
}

/// Issues and verifies access tokens and the values of session cookies.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    cookie_validation: Validation,
    lifetime: Duration,
}

impl Tokens {
    pub(crate) fn new(secret: &Secret, lifetime: Duration) -> Tokens {
        hs256::install();
        let secret = signing_key(secret);
        Tokens {
            encoding: EncodingKey::from_secret(&secret),
            decoding: DecodingKey::from_secret(&secret),
            validation: validation_for(AUDIENCE),
            cookie_validation: validation_for(COOKIE_AUDIENCE),
            lifetime,
        }
    }

    /// Lifetime of a token, in whole seconds.
    pub fn lifetime_seconds(&self) -> u64 {
        self.lifetime.as_secs()
    }

    /// Token for a session.
    pub fn issue(&self, named: Named, now: Timestamp) -> Result<String, jsonwebtoken::errors::Error> {
        let exp = now.as_second().saturating_add_unsigned(self.lifetime.as_secs());
        self.sign(AUDIENCE, named, now, exp)
    }

    /// Value of a session's cookie, valid until `expires_at`.
    pub fn issue_cookie(
        &self,
        named: Named,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        self.sign(COOKIE_AUDIENCE, named, now, expires_at.as_second())
    }

    fn sign(
        &self,
        audience: &str,
        named: Named,
        now: Timestamp,
        exp: i64,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            iss: ISSUER.into(),
            aud: audience.into(),
            sub: named.user.to_string(),
            sid: named.session.to_string(),
            iat: now.as_second(),
            exp,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// Claims of a token. The error is a sentence that tells the client why the token is invalid.
    pub fn read(&self, text: &str, now: Timestamp) -> Result<Named, String> {
        self.verify(text, now, &self.validation)
    }

    /// Claims of a valid session cookie, or why it is invalid, as a sentence for the client.
    pub fn read_cookie(&self, text: &str, now: Timestamp) -> Result<Named, String> {
        self.verify(text, now, &self.cookie_validation).map_err(|_| "The session has ended. Sign in again.".to_owned())
    }

    fn verify(&self, text: &str, now: Timestamp, validation: &Validation) -> Result<Named, String> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err("The token is too long for a token of this server.".to_owned());
        }
        let claims = match jsonwebtoken::decode::<Claims>(text, &self.decoding, validation) {
            Ok(data) => data.claims,
            Err(error) => return Err(refusal(text, error.kind())),
        };
        if claims.exp <= now.as_second() {
            return Err("The token has expired. Refresh it or log in again.".to_owned());
        }
        match (claims.sub.parse(), claims.sid.parse()) {
            (Ok(user), Ok(session)) => Ok(Named { user, session }),
            _ => Err("The token names no user or no session.".to_owned()),
        }
    }
}

fn validation_for(audience: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // `verify` checks the expiry, against core's clock instead of the library's.
    validation.validate_exp = false;
    validation
}

/// The secret, or a random secret if it is so short that an attacker could guess it. Tokens signed with a random secret
/// become invalid when the process ends, but cannot be forged. Source: RFC 7518, section 3.2: a key for HS256 has at
/// least 256 bits.
fn signing_key(secret: &Secret) -> Vec<u8> {
    if secret.0.len() >= SECRET_BYTES_MIN {
        return secret.0.clone();
    }
    tracing::warn!(
        "the secret for access tokens has fewer than {SECRET_BYTES_MIN} bytes; a random one is used until the restart"
    );
    (0..4).flat_map(|_| uuid::Uuid::new_v4().into_bytes()).collect()
}

fn refusal(text: &str, kind: &ErrorKind) -> String {
    match algorithm(text) {
        Some(name) if name != "HS256" => return format!("The token is signed with `{name}`; only HS256 is accepted."),
        _ => {}
    }
    match kind {
        ErrorKind::InvalidSignature => "The token was not signed by this server.".to_owned(),
        ErrorKind::InvalidAudience => "The token was made for another audience.".to_owned(),
        ErrorKind::InvalidIssuer => "The token was made by another issuer.".to_owned(),
        ErrorKind::MissingRequiredClaim(claim) => format!("The token has no `{claim}`."),
        _ => "The token is malformed.".to_owned(),
    }
}

/// The algorithm in the token's header, if it is alphanumeric. Only for the error message.
fn algorithm(text: &str) -> Option<String> {
    let header = BASE64_URL_SAFE_NO_PAD.decode(text.split('.').next()?).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    let name = header.get("alg")?.as_str()?;
    (name.len() <= 16 && name.bytes().all(|c| c.is_ascii_alphanumeric())).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};
    use serde_json::json;
    use sha2::Sha512;
    use uuid::Uuid;

    const NOW: i64 = 1_800_000_000;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    fn tokens() -> Tokens {
        Tokens::new(&Secret(vec![7; 32]), Duration::from_secs(3600))
    }

    fn named() -> Named {
        Named { user: UserId::from_uuid(Uuid::from_u128(1)), session: SessionId::from_uuid(Uuid::from_u128(2)) }
    }

    fn signed(header: &Header, claims: serde_json::Value, secret: &[u8]) -> String {
        // Whichever test signs first in this process decides which cryptography jsonwebtoken uses.
        hs256::install();
        jsonwebtoken::encode(header, &claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    fn claims() -> serde_json::Value {
        json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": named().user.to_string(), "sid": named().session.to_string(), "iat": NOW, "exp": NOW + 60 })
    }

    fn with(key: &str, value: serde_json::Value) -> serde_json::Value {
        let mut claims = claims();
        claims[key] = value;
        claims
    }

    fn without(key: &str) -> serde_json::Value {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(key);
        claims
    }

    #[test]
    fn a_token_names_its_user_until_it_expires() {
        let token = tokens().issue(named(), now()).unwrap();
        assert_eq!(tokens().read(&token, now()), Ok(named()));
        let at = |seconds| Timestamp::from_second(NOW + seconds).unwrap();
        assert!(tokens().read(&token, at(3599)).is_ok());
        assert!(tokens().read(&token, at(3600)).unwrap_err().contains("expired"));
    }

    #[test]
    fn neither_a_cookie_nor_an_access_token_is_accepted_in_place_of_the_other() {
        let at = |seconds| Timestamp::from_second(NOW + seconds).unwrap();
        let cookie = tokens().issue_cookie(named(), now(), at(60)).unwrap();
        let token = tokens().issue(named(), now()).unwrap();
        assert!(tokens().read(&cookie, now()).is_err() && tokens().read_cookie(&token, now()).is_err());
        assert_eq!(tokens().read_cookie(&cookie, at(59)), Ok(named()));
        assert!(tokens().read_cookie(&cookie, at(60)).unwrap_err().contains("Sign in"));
    }

    #[test]
    fn a_short_secret_is_never_used() {
        for weak in [vec![], b"secret".to_vec(), vec![7; 31]] {
            let ours = Tokens::new(&Secret(weak.clone()), Duration::from_secs(3600));
            let forged = signed(&Header::new(Algorithm::HS256), claims(), &weak);
            assert!(ours.read(&forged, now()).is_err());
            assert_eq!(ours.read(&ours.issue(named(), now()).unwrap(), now()), Ok(named()));
        }
    }

    #[test]
    fn a_malformed_or_foreign_token_is_refused_with_the_reason() {
        let hs256 = Header::new(Algorithm::HS256);
        let ours = [7u8; 32];
        let encode = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let none = format!("{}.{}.", encode(&json!({ "alg": "none", "typ": "JWT" })), encode(&claims()));
        let none_signed = format!("{}.{}.AAAA", encode(&json!({ "alg": "none" })), encode(&claims()));
        let hs512 = format!("{}.{}", encode(&json!({ "alg": "HS512", "typ": "JWT" })), encode(&claims()));
        let mac = Hmac::<Sha512>::new_from_slice(&ours).unwrap().chain_update(&hs512).finalize().into_bytes();
        let hs512 = format!("{hs512}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac));
        let good = signed(&hs256, claims(), &ours);
        assert!(tokens().read(&good, now()).is_ok());
        let (head, rest) = good.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let swapped = format!("{head}.{}.{signature}", encode(&with("sub", json!(Uuid::from_u128(9).to_string()))));
        for (token, reason) in [
            (none, "signed with `none`"),
            (none_signed, "signed with `none`"),
            (hs512, "signed with `HS512`"),
            (signed(&hs256, claims(), &[8; 32]), "not signed by this server"),
            (signed(&hs256, claims(), b""), "not signed by this server"),
            (swapped, "not signed by this server"),
            (signed(&hs256, with("aud", json!("other")), &ours), "another audience"),
            (signed(&hs256, with("iss", json!("other")), &ours), "another issuer"),
            (signed(&hs256, with("exp", json!(NOW - 1)), &ours), "expired"),
            (signed(&hs256, without("exp"), &ours), "malformed"),
            (signed(&hs256, without("sid"), &ours), "malformed"),
            (signed(&hs256, with("sub", json!("root")), &ours), "no user"),
            (good[..good.len() - 2].to_owned(), "malformed"),
            (good[..good.len() - 4].to_owned(), "malformed"),
            ("a.b.c".to_owned(), "malformed"),
            (String::new(), "malformed"),
            ("x".repeat(100_000), "too long"),
        ] {
            let refusal = tokens().read(&token, now()).unwrap_err();
            assert!(refusal.contains(reason), "{refusal} (wanted {reason}) for {token:.80}");
        }
    }
}
