//! HMAC-SHA-256 for jsonwebtoken, built on the crates that also sign webhooks.
//!
//! The backends that jsonwebtoken ships contain every JOSE algorithm, including RSA with RUSTSEC-2023-0071. Invariant:
//! this process supports one algorithm; a token or key of another algorithm causes an error and never a panic.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use sha2::Sha256;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // Only needed for JWKs, which Cupel does not use.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Installs `PROVIDER` as jsonwebtoken's cryptography. Idempotent.
pub(super) fn install() {
    // Fails if an earlier call has already installed this provider.
    let _ = PROVIDER.install_default();
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(algorithm: Algorithm, family: AlgorithmFamily, key: &[u8]) -> Result<Hs256, Error> {
        if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Hmac::new_from_slice(key).map(Hs256).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }

    fn over(&self, message: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(message)
    }
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Ok(Box::new(Hs256::new(*algorithm, key.family(), key.as_bytes())?))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    Ok(Box::new(Hs256::new(*algorithm, key.family(), key.try_get_as_bytes()?)?))
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.over(message).finalize().into_bytes().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        // Constant-time comparison; a truncated signature is rejected.
        self.over(message).verify_slice(signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    use super::*;

    /// Source: RFC 7515, appendix A.1.
    const KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    const SIGNED: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    #[test]
    fn the_example_of_rfc_7515_gets_its_signature() {
        install();
        let key = BASE64_URL_SAFE_NO_PAD.decode(KEY).unwrap();
        let (ours, theirs) = (EncodingKey::from_secret(&key), DecodingKey::from_secret(&key));
        let sign = |algorithm| jsonwebtoken::crypto::sign(SIGNED.as_bytes(), &ours, algorithm);
        assert_eq!(sign(Algorithm::HS256).unwrap(), SIGNATURE);
        let verify = |signature: &str| {
            jsonwebtoken::crypto::verify(signature, SIGNED.as_bytes(), &theirs, Algorithm::HS256).unwrap()
        };
        assert!(verify(SIGNATURE));
        assert!(!verify(&SIGNATURE[..40]) && !verify("") && !verify(&SIGNATURE.replace('d', "e")));
    }

    #[test]
    fn any_other_algorithm_is_an_error() {
        install();
        let key = EncodingKey::from_secret(&[7; 64]);
        for other in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
            assert!(jsonwebtoken::crypto::sign(b"x", &key, other).is_err(), "{other:?}");
            let key = DecodingKey::from_secret(&[7; 64]);
            assert!(jsonwebtoken::crypto::verify("x", b"x", &key, other).is_err(), "{other:?}");
        }
        let rsa = EncodingKey::from_rsa_der(&[7; 64]);
        assert!(jsonwebtoken::crypto::sign(b"x", &rsa, Algorithm::HS256).is_err());
    }
}
