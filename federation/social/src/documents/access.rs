//! Who fetches a document.

use activitypub::origin::same_origin;
use activitypub::signature::{self, SignedRequest};
use http::{HeaderMap, Method};
use url::{Position, Url};

use crate::{Social, SocialError};

/// A GET of one of our documents.
#[derive(Debug, Clone)]
pub struct FetchRequest<'a> {
    /// The method, as it was signed.
    pub method: &'a Method,
    /// The public address that was asked for.
    pub target_uri: &'a Url,
    /// All headers.
    pub headers: &'a HeaderMap,
}

const NOT_WITH_THAT_HOST: SocialError =
    SocialError::Forbidden("this node does not federate with that host");

impl Social {
    /// The actor that signed a fetch: to be handed to the document's function. `None` where nobody
    /// did, or the signature does not hold: such a caller sees what everyone sees. Only known
    /// actors are recognised, since only they can have been given more than everyone; a key that
    /// changed is read once.
    ///
    /// # Errors
    /// [`SocialError::Forbidden`] where the signer's host is blocked; the store failed.
    pub async fn verify_fetch(
        &self,
        request: &FetchRequest<'_>,
    ) -> Result<Option<String>, SocialError> {
        let target = request.target_uri;
        let signed = SignedRequest {
            method: request.method,
            target_uri: target,
            path_and_query: &target[Position::BeforePath..Position::AfterQuery],
            headers: request.headers,
            body: &[],
        };
        let Ok(parsed) = signature::parse(&signed, self.0.spine.clock().now()) else {
            return Ok(None);
        };
        let pool = self.0.spine.pool();
        let remote = &self.0.remote;
        let blocked = remote.blocked.load(pool).await?;
        if blocked.blocks(parsed.key_id()) {
            return Err(NOT_WITH_THAT_HOST);
        }
        let key_id = parsed.key_id().as_str();
        let Some(owner) = remote.keys.owner(pool, key_id).await? else { return Ok(None) };
        let Some(id) = activitypub::vocabulary::parse_url(&owner) else { return Ok(None) };
        if !same_origin(&id, parsed.key_id()) {
            return Ok(None);
        }
        for is_second_try in [false, true] {
            if is_second_try {
                match self.read_signer(&id, true, None).await {
                    Ok(reading) => reading.forgive(),
                    Err(_) => break,
                }
            }
            let Some(actor) = remote.keys.of_actor(pool, &owner).await? else { break };
            if actor.suspended || actor.deleted {
                break;
            }
            if actor.domain.as_deref().is_some_and(|domain| blocked.blocks_domain(domain)) {
                return Err(NOT_WITH_THAT_HOST);
            }
            if actor.find(key_id).is_some_and(|key| parsed.verify(key).is_ok()) {
                return Ok(Some(owner.as_ref().to_owned()));
            }
        }
        Ok(None)
    }
}
