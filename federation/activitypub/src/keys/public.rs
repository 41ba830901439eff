//! Verification keys of remote actors.

use std::fmt;
use std::sync::OnceLock;

use aws_lc_rs::signature::{
    ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
};

use super::{KeyError, multikey, pem};

/// How a signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaSha512,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// A public key, parsed once. RSA keys below 2048 bits never verify anything.
pub enum PublicKey {
    /// RSA, with a parsed form for each digest.
    Rsa(Box<RsaPublicKey>),
    /// Ed25519.
    Ed25519(Box<ParsedPublicKey>),
}

/// The parsed forms of one RSA key.
pub struct RsaPublicKey {
    sha256: ParsedPublicKey,
    /// Hardly any server signs with SHA-512: parsed upon first use.
    sha512: OnceLock<Option<ParsedPublicKey>>,
}

impl PublicKey {
    /// Reads the `publicKeyPem` of an actor: RSA as SPKI or PKCS#1, or Ed25519 as SPKI.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = pem::decode_public_key(text)?;
        Self::from_rsa_der(&der).or_else(|_| Self::from_ed25519_bytes(&der))
    }

    /// Reads the `publicKeyMultibase` of a Multikey: Ed25519 or RSA.
    pub fn from_multibase(text: &str) -> Result<Self, KeyError> {
        match multikey::decode(text)? {
            (multikey::ED25519, key) if key.len() == 32 => Self::from_ed25519_bytes(&key),
            (multikey::RSA, key) => Self::from_rsa_der(&key),
            _ => Err(KeyError::Rejected),
        }
    }

    pub(super) fn from_rsa_der(der: &[u8]) -> Result<Self, KeyError> {
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)
            .map(|sha256| Self::Rsa(Box::new(RsaPublicKey { sha256, sha512: OnceLock::new() })))
            .map_err(|_| KeyError::Rejected)
    }

    /// The raw 32 bytes or an SPKI document.
    pub(super) fn from_ed25519_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        ParsedPublicKey::new(&ED25519, bytes)
            .map(|key| Self::Ed25519(Box::new(key)))
            .map_err(|_| KeyError::Rejected)
    }

    /// Whether `signature` is this key's signature of `message`. An algorithm of another kind of key
    /// never verifies.
    pub fn verifies(
        &self,
        algorithm: VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let key = match (self, algorithm) {
            (Self::Rsa(key), VerificationAlgorithm::RsaSha256) => Some(&key.sha256),
            (Self::Rsa(key), VerificationAlgorithm::RsaSha512) => key.sha512(),
            (Self::Ed25519(key), VerificationAlgorithm::Ed25519) => Some(&**key),
            _ => None,
        };
        key.is_some_and(|key| key.verify_sig(message, signature).is_ok())
    }
}

impl RsaPublicKey {
    fn sha512(&self) -> Option<&ParsedPublicKey> {
        let parse = || ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, self.sha256.as_ref()).ok();
        self.sha512.get_or_init(parse).as_ref()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rsa(_) => "PublicKey::Rsa",
            Self::Ed25519(_) => "PublicKey::Ed25519",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Ed25519SigningKey, RsaSigningKey};
    use VerificationAlgorithm::{Ed25519, RsaSha256, RsaSha512};

    #[test]
    fn an_rsa_key_survives_storage_and_verifies() {
        let key = RsaSigningKey::generate().unwrap();
        let restored = RsaSigningKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
        let signature = restored.sign(b"message").unwrap();
        let public = PublicKey::from_pem(&key.public_key_pem()).unwrap();
        assert!(public.verifies(RsaSha256, b"message", &signature));
        assert!(!public.verifies(RsaSha256, b"massage", &signature));
        assert!(!public.verifies(RsaSha512, b"message", &signature));
        assert!(!public.verifies(Ed25519, b"message", &signature));
    }

    #[test]
    fn an_ed25519_key_survives_storage_and_verifies() {
        let key = Ed25519SigningKey::generate().unwrap();
        let restored = Ed25519SigningKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
        let signature = restored.sign(b"message").unwrap();
        assert!(key.public_multibase().starts_with("z6Mk"));
        let public = PublicKey::from_multibase(&key.public_multibase()).unwrap();
        assert!(public.verifies(Ed25519, b"message", &signature));
        assert!(!public.verifies(Ed25519, b"massage", &signature));
        assert!(!public.verifies(RsaSha256, b"message", &signature));
    }

    /// The key of RFC 9421, appendix B.1.1, which signed the example of B.2 with SHA-512.
    const RFC_9421_RSA_PKCS1: &str = "-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAhAKYdtoeoy8zcAcR874L8cnZxKzAGwd7v36APp7Pv6Q2jdsPBRrw
WEBnez6d0UDKDwGbc6nxfEXAy5mbhgajzrw3MOEt8uA5txSKobBpKDeBLOsdJKFq
MGmXCQvEG7YemcxDTRPxAleIAgYYRjTSd/QBwVW9OwNFhekro3RtlinV0a75jfZg
kne/YiktSvLG34lw2zqXBDTC5NHROUqGTlML4PlNZS5Ri2U4aCNx2rUPRcKIlE0P
uKxI4T+HIaFpv8+rdV6eUgOrB2xeI1dSFFn/nnv5OoZJEIB+VmuKn3DCUcCZSFlQ
PSXSfBDiUGhwOw76WuSSsf1D4b/vLoJ10wIDAQAB
-----END RSA PUBLIC KEY-----
";

    #[test]
    fn a_pkcs1_key_is_read() {
        assert!(matches!(PublicKey::from_pem(RFC_9421_RSA_PKCS1), Ok(PublicKey::Rsa(_))));
    }

    #[test]
    fn an_ed25519_key_in_pem_is_read() {
        // RFC 9421, appendix B.1.4.
        let text = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----";
        assert!(matches!(PublicKey::from_pem(text), Ok(PublicKey::Ed25519(_))));
    }

    #[test]
    fn rubbish_is_refused() {
        for text in ["", "z", "zz", "m6Mk", "z6Mk0", "z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8x"] {
            assert!(PublicKey::from_multibase(text).is_err(), "{text}");
        }
        let empty = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
        assert!(matches!(PublicKey::from_pem(empty), Err(KeyError::Rejected)));
    }
}
