//! The node's own key and what is derived from it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::rand;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::SpineError;

/// What sealed bytes begin with, so that another form can follow one day.
const VERSION: u8 = 1;
/// What sealing adds: version, nonce and tag.
const OVERHEAD: usize = 1 + NONCE_LEN + 16;

/// The node's own key. It never seals anything itself: each purpose has a key derived from it.
pub(crate) struct NodeKey(Prk);

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl NodeKey {
    pub(crate) fn new(bytes: &[u8; 32]) -> Self {
        Self(Salt::new(HKDF_SHA256, b"sovereign node key").extract(bytes))
    }

    /// Tells keys apart without telling anything about them.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        self.derive(&[b"fingerprint"]).map(|key| key[..16].to_vec()).unwrap_or_default()
    }

    /// Wraps a data key. Each wrapping key is derived from the data key's id and used once, so that
    /// no number of data keys wears the node's key out.
    pub(crate) fn wrap(
        &self,
        id: Uuid,
        context: &[u8],
        key: &[u8; 32],
    ) -> Result<Vec<u8>, SpineError> {
        seal(&*self.derive(&[b"subject key", id.as_bytes()])?, context, key)
    }

    /// Opens what [`NodeKey::wrap`] wrapped.
    pub(crate) fn unwrap_key(
        &self,
        id: Uuid,
        context: &[u8],
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, SpineError> {
        let plain = Zeroizing::new(open(
            &*self.derive(&[b"subject key", id.as_bytes()])?,
            context,
            wrapped,
        )?);
        let mut key = Zeroizing::new([0_u8; 32]);
        if plain.len() != key.len() {
            return Err(SpineError::Seal("a wrapped key has the wrong length"));
        }
        key.copy_from_slice(&plain);
        Ok(key)
    }

    /// Seals a secret of the node (a private key, a token).
    pub(crate) fn seal_secret(&self, plain: &[u8]) -> Result<Vec<u8>, SpineError> {
        seal(&*self.derive(&[b"secret"])?, b"", plain)
    }

    /// Opens what [`NodeKey::seal_secret`] sealed.
    pub(crate) fn open_secret(&self, sealed: &[u8]) -> Result<Vec<u8>, SpineError> {
        open(&*self.derive(&[b"secret"])?, b"", sealed)
    }

    fn derive(&self, purpose: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, SpineError> {
        let mut key = Zeroizing::new([0_u8; 32]);
        self.0
            .expand(purpose, Length(32))
            .and_then(|okm| okm.fill(&mut *key))
            .map_err(|_| SpineError::Seal("a key could not be derived"))?;
        Ok(key)
    }
}

/// Seals with a fresh random nonce: version, nonce, ciphertext, tag.
pub(super) fn seal(key: &[u8; 32], context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SpineError> {
    let failed = |_| SpineError::Seal("sealing failed");
    let mut nonce = [0_u8; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| SpineError::Seal("the system's randomness failed"))?;
    let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(failed)?);
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(context),
            &mut sealed[1 + NONCE_LEN..],
        )
        .map_err(failed)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens what [`seal`] sealed.
pub(super) fn open(key: &[u8; 32], context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SpineError> {
    let failed = |_| SpineError::Seal("sealed under another key, or changed");
    if sealed.len() < OVERHEAD || sealed[0] != VERSION {
        return Err(SpineError::Seal("not sealed in a form this version knows"));
    }
    let nonce = Nonce::try_assume_unique_for_key(&sealed[1..=NONCE_LEN]).map_err(failed)?;
    let mut plain = sealed[1 + NONCE_LEN..].to_vec();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(failed)?);
    let length = key.open_in_place(nonce, Aad::from(context), &mut plain).map_err(failed)?.len();
    plain.truncate(length);
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_and_what_is_changed_does_not() {
        let node = NodeKey::new(&[7; 32]);
        let mut sealed = node.seal_secret(b"a private key").unwrap();
        assert_eq!(node.open_secret(&sealed).unwrap(), b"a private key");
        assert!(NodeKey::new(&[8; 32]).open_secret(&sealed).is_err());
        *sealed.last_mut().unwrap() ^= 1;
        assert!(node.open_secret(&sealed).is_err());
        assert!(node.open_secret(b"").is_err());
    }

    #[test]
    fn a_wrapped_key_belongs_to_its_id_and_its_subject() {
        let node = NodeKey::new(&[7; 32]);
        let id = Uuid::new_v4();
        let wrapped = node.wrap(id, b"alice", &[3; 32]).unwrap();
        assert_eq!(*node.unwrap_key(id, b"alice", &wrapped).unwrap(), [3; 32]);
        assert!(node.unwrap_key(id, b"bob", &wrapped).is_err());
        assert!(node.unwrap_key(Uuid::new_v4(), b"alice", &wrapped).is_err());
    }
}
