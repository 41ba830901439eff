//! Fetching the key that a signature names.

use url::Url;

use super::{FetchError, Fetcher};
use crate::keys::PublicKey;
use crate::origin::same_origin;
use crate::vocabulary::{Actor, ActorPublicKey, VocabularyError};

/// A key and whose it is.
#[derive(Debug)]
pub struct FetchedKey {
    /// The key's id.
    pub id: Url,
    /// Its owner, who lists it.
    pub actor: Actor,
    /// The key, ready to verify.
    pub key: PublicKey,
}

impl Fetcher {
    /// Fetches a key by its id: a fragment of the actor, or a document of its own. Either way its
    /// owner lives on the same origin and lists it (FEP-fe34), so nobody borrows another's key.
    pub async fn fetch_key(&self, key_id: &Url) -> Result<FetchedKey, FetchError> {
        let fetched = self.fetch_object(key_id).await?;
        let actor = if Actor::is_actor(&fetched.value) {
            Actor::parse(&fetched.value)?
        } else {
            let published = ActorPublicKey::from_document(&fetched.value)
                .ok_or(VocabularyError::Missing("publicKeyPem"))?;
            if published.id != *key_id || !same_origin(&published.owner, key_id) {
                return Err(FetchError::KeyNotListed);
            }
            self.fetch_actor(&published.owner).await?
        };
        let listed = actor.key(key_id).ok_or(FetchError::KeyNotListed)?;
        let key = listed.parse_key()?;
        Ok(FetchedKey { id: key_id.clone(), actor, key })
    }
}
