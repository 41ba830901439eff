//! Keys that an actor publishes: `publicKey`, one or many, and `assertionMethod` (FEP-521a).

use serde_json::Value;
use url::Url;

use super::limits;
use super::read::Document;
use crate::keys::{KeyError, PublicKey};
use crate::origin::same_origin;

/// Longer than the PEM of any key in use.
const MATERIAL: usize = 16 * 1024;

/// A published key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorPublicKey {
    /// Its id, the `keyId` of signatures made with it.
    pub id: Url,
    /// Whose key it is.
    pub owner: Url,
    /// The key in its published form.
    pub material: KeyMaterial,
}

/// The two forms of publishing a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// `publicKeyPem`.
    Pem(String),
    /// `publicKeyMultibase` of a Multikey.
    Multibase(String),
}

impl ActorPublicKey {
    /// Reads a key that is a document of its own. Whether it is its owner's, the owner says.
    pub fn from_document(value: &Value) -> Option<Self> {
        Document::root(value).ok().and_then(Self::parse)
    }

    /// Reads a key object.
    pub(super) fn parse(part: Document<'_>) -> Option<Self> {
        let material = match part.text("publicKeyPem", MATERIAL) {
            Some(pem) => KeyMaterial::Pem(pem),
            None => KeyMaterial::Multibase(part.text("publicKeyMultibase", MATERIAL)?),
        };
        let owner = part.url("owner").or_else(|| part.url("controller"))?;
        Some(Self { id: part.url("id")?, owner, material })
    }

    /// The keys that an actor document lists and that may be the actor's: it owns them and they
    /// live on its origin.
    pub(super) fn of_actor(document: Document<'_>, actor: &Url) -> Vec<Self> {
        ["publicKey", "assertionMethod"]
            .into_iter()
            .flat_map(|name| document.parts(name, limits::KEYS))
            .filter_map(Self::parse)
            .filter(|key| key.owner == *actor && same_origin(&key.id, actor))
            .take(limits::KEYS)
            .collect()
    }

    /// The key, ready to verify.
    pub fn parse_key(&self) -> Result<PublicKey, KeyError> {
        match &self.material {
            KeyMaterial::Pem(pem) => PublicKey::from_pem(pem),
            KeyMaterial::Multibase(multibase) => PublicKey::from_multibase(multibase),
        }
    }
}
