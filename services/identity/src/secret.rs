//! Random secrets and their hashes.

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::IdentityError;

/// A new secret: 256 random bits, 43 URL-safe characters.
pub(crate) fn new_secret() -> Result<String, IdentityError> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| IdentityError::Crypto("no randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a secret. SHA-256 is enough where the secret itself is 256 random bits.
pub(crate) fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// Whether a hash is that of this secret, in constant time.
pub(crate) fn matches(secret: &str, stored: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(&hash(secret), stored).is_ok()
}

/// The S256 challenge of a PKCE verifier (RFC 7636, section 4.2).
pub(crate) fn pkce_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// A code that a person can type: four groups of four, without look-alikes; 80 bits.
pub(crate) fn new_typed_code() -> Result<String, IdentityError> {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz234567892";
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).map_err(|_| IdentityError::Crypto("no randomness"))?;
    let mut code = String::with_capacity(19);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(LETTERS[usize::from(byte & 31)]));
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        assert_eq!(
            pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn a_secret_matches_its_own_hash_only() {
        let secret = new_secret().unwrap();
        assert!(matches(&secret, &hash(&secret)));
        assert!(!matches("another", &hash(&secret)));
    }
}
