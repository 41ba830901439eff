//! The node's own actor: whoever signs what the node fetches.

use std::sync::Arc;

use activitypub::keys::{ActorKey, Ed25519SigningKey, RsaSigningKey};
use activitypub::vocabulary::parse_url;
use spine::{Cause, Spine};

use crate::store::documents_accounts;
use crate::store::write_local_accounts::{self, NewLocal};
use crate::{SocialError, SocialSettings};

/// The instance actor's key; makes the actor at first start. Its user name is the domain, as
/// Mastodon's is.
///
/// # Errors
/// The store or the randomness failed, or the key was sealed under another node's key.
pub(crate) async fn instance_key(
    spine: &Spine,
    settings: &SocialSettings,
) -> Result<ActorKey, SocialError> {
    loop {
        if let Some(actor) = documents_accounts::instance_actor(spine.pool()).await? {
            let der = spine.open_secret(&actor.rsa_key_sealed)?;
            let key = RsaSigningKey::from_pkcs8_der(&der).map_err(key_failed)?;
            let key_id = parse_url(&format!("{}#main-key", actor.uri))
                .ok_or_else(|| SocialError::Invalid("the origin is no web address".to_owned()))?;
            return Ok(ActorKey { key_id, key: Arc::new(key) });
        }
        make(spine, settings).await?;
    }
}

async fn make(spine: &Spine, settings: &SocialSettings) -> Result<(), SocialError> {
    let rsa = RsaSigningKey::generate().map_err(key_failed)?;
    let ed25519 = Ed25519SigningKey::generate().map_err(key_failed)?;
    let origin = settings.origin.as_str().trim_end_matches('/');
    let uri = format!("{origin}/actor");
    let mut tx = spine.begin(Cause::system()).await?;
    let new = NewLocal {
        id: spine.snowflakes().next().0,
        uri: &uri,
        url: &format!("{origin}/about"),
        username: &settings.domain(),
        kind: "Application",
        display_name: &settings.title,
        locked: true,
        inbox_url: &format!("{uri}/inbox"),
        shared_inbox_url: &format!("{origin}/inbox"),
        outbox_url: &format!("{uri}/outbox"),
        followers_url: &format!("{uri}/followers"),
        following_url: &format!("{uri}/following"),
        featured_url: &format!("{uri}/collections/featured"),
        created_at: spine.clock().now(),
        rsa_key_sealed: &spine.seal_secret(&rsa.to_pkcs8_der().map_err(key_failed)?)?,
        rsa_public_pem: &rsa.public_key_pem(),
        ed25519_key_sealed: &spine.seal_secret(&ed25519.to_pkcs8_der().map_err(key_failed)?)?,
        ed25519_multibase: &ed25519.public_multibase(),
    };
    write_local_accounts::insert_local(tx.conn(), &new).await?;
    tx.commit().await?;
    Ok(())
}

fn key_failed(error: activitypub::keys::KeyError) -> SocialError {
    SocialError::Invalid(format!("the instance key failed: {error}"))
}
