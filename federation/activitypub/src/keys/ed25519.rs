//! Ed25519 signing keys, published as Multikeys (FEP-521a) and used for integrity proofs.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::{KeyError, PublicKey, multikey};

/// An Ed25519 key pair.
pub struct Ed25519SigningKey(Ed25519KeyPair);

impl Ed25519SigningKey {
    /// Makes a key.
    pub fn generate() -> Result<Self, KeyError> {
        Ed25519KeyPair::generate().map(Self).map_err(|_| KeyError::Failed)
    }

    /// Reads an unencrypted PKCS#8 document in DER, version 1 or 2.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8(der).map(Self).map_err(|_| KeyError::Rejected)
    }

    /// The key pair as an unencrypted PKCS#8 document: seal it before it is stored.
    pub fn to_pkcs8_der(&self) -> Result<Vec<u8>, KeyError> {
        let der: Pkcs8V1Der = self.0.as_der().map_err(|_| KeyError::Failed)?;
        Ok(der.as_ref().to_vec())
    }

    /// The public half as a Multikey: `z6Mk…`.
    pub fn public_multibase(&self) -> String {
        multikey::encode(multikey::ED25519, self.0.public_key().as_ref())
    }

    /// The public half, ready to verify.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_ed25519_bytes(self.0.public_key().as_ref())
    }

    /// Signs `message`: 64 bytes (RFC 8032).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.0.try_sign(message).map_err(|_| KeyError::Failed)?;
        Ok(signature.as_ref().to_vec())
    }
}

impl fmt::Debug for Ed25519SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Ed25519SigningKey").field(&self.public_multibase()).finish()
    }
}
