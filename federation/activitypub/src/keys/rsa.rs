//! RSA signing keys: what every fediverse server can verify.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};

use super::{KeyError, PublicKey, pem};

/// An RSA key pair that signs with PKCS#1 v1.5 and SHA-256.
pub struct RsaSigningKey {
    pair: KeyPair,
    public_key_der: Vec<u8>,
}

impl RsaSigningKey {
    /// Makes a 2048-bit key, the size that every server accepts. Takes tens of milliseconds: run it
    /// where blocking is fine.
    pub fn generate() -> Result<Self, KeyError> {
        KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Failed).and_then(Self::new)
    }

    /// Reads an unencrypted PKCS#8 document in DER.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        KeyPair::from_pkcs8(der).map_err(|_| KeyError::Rejected).and_then(Self::new)
    }

    fn new(pair: KeyPair) -> Result<Self, KeyError> {
        let der: PublicKeyX509Der = pair.public_key().as_der().map_err(|_| KeyError::Failed)?;
        let public_key_der = der.as_ref().to_vec();
        Ok(Self { pair, public_key_der })
    }

    /// The key pair as an unencrypted PKCS#8 document: seal it before it is stored.
    pub fn to_pkcs8_der(&self) -> Result<Vec<u8>, KeyError> {
        let der: Pkcs8V1Der = self.pair.as_der().map_err(|_| KeyError::Failed)?;
        Ok(der.as_ref().to_vec())
    }

    /// The public half as SPKI PEM, the form of `publicKeyPem` in an actor document.
    pub fn public_key_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.public_key_der)
    }

    /// The public half, ready to verify.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_rsa_der(&self.public_key_der)
    }

    /// Signs `message`: RSASSA-PKCS1-v1_5 with SHA-256.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| KeyError::Failed)?;
        Ok(signature)
    }
}

impl fmt::Debug for RsaSigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RsaSigningKey").finish_non_exhaustive()
    }
}
