//! The keys that local accounts sign with: made, sealed, opened once and kept.

use std::sync::Arc;
use std::time::Duration;

use activitypub::keys::{ActorKey, Ed25519SigningKey, RsaSigningKey};
use moka::future::Cache;
use spine::Spine;
use url::Url;

use crate::store::write_outbound as store;
use crate::{AccountId, SocialError};

/// Keys kept open at a time.
const CAPACITY: u64 = 2_000;
/// A key that nobody used for so long is closed.
const IDLE: Duration = Duration::from_secs(3_600);

/// What a local account signs with.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    /// The key of its requests.
    pub(crate) key: ActorKey,
}

/// The open signing keys of one process.
pub(crate) struct SigningKeys(Cache<AccountId, Signer>);

impl SigningKeys {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_idle(IDLE).build())
    }

    /// The signer of a local account; `None` where the account has no keys.
    ///
    /// # Errors
    /// The store failed, or the key was sealed under another node's key.
    pub(crate) async fn of(
        &self,
        spine: &Spine,
        account: AccountId,
    ) -> Result<Option<Signer>, SocialError> {
        if let Some(signer) = self.0.get(&account).await {
            return Ok(Some(signer));
        }
        let Some(row) = store::sealed_key(spine.pool(), account.number()).await? else {
            return Ok(None);
        };
        let key_id = parse(&format!("{}#main-key", row.uri))?;
        let der = spine.open_secret(&row.rsa_key_sealed)?;
        let key = Arc::new(RsaSigningKey::from_pkcs8_der(&der)?);
        let signer = Signer { key: ActorKey { key_id, key } };
        self.0.insert(account, signer.clone()).await;
        Ok(Some(signer))
    }
}

fn parse(address: &str) -> Result<Url, SocialError> {
    Url::parse(address).map_err(|_| SocialError::Invalid("an actor's id is no URL".to_owned()))
}

/// A new account's keys, private halves sealed.
pub(crate) struct NewKeys {
    pub(crate) rsa_key_sealed: Vec<u8>,
    pub(crate) rsa_public_pem: String,
    pub(crate) ed25519_key_sealed: Vec<u8>,
    pub(crate) ed25519_multibase: String,
}

impl NewKeys {
    /// Makes keys, off the threads that serve: an RSA key takes tens of milliseconds.
    ///
    /// # Errors
    /// The randomness failed.
    pub(crate) async fn make(spine: &Spine) -> Result<Self, SocialError> {
        let spine = spine.clone();
        let made = tokio::task::spawn_blocking(move || Self::make_here(&spine)).await;
        made.unwrap_or(Err(SocialError::Key(activitypub::keys::KeyError::Failed)))
    }

    fn make_here(spine: &Spine) -> Result<Self, SocialError> {
        let rsa = RsaSigningKey::generate()?;
        let ed25519 = Ed25519SigningKey::generate()?;
        Ok(Self {
            rsa_key_sealed: spine.seal_secret(&rsa.to_pkcs8_der()?)?,
            rsa_public_pem: rsa.public_key_pem(),
            ed25519_key_sealed: spine.seal_secret(&ed25519.to_pkcs8_der()?)?,
            ed25519_multibase: ed25519.public_multibase(),
        })
    }
}
