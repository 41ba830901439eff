//! The inbox: from a stranger's request to an event on disk.
//!
//! The order matters: what costs nothing comes first, and nothing is fetched before the hosts are
//! checked. See `docs` of the fediverse's security rules: facts 3.6.

use std::net::IpAddr;
use std::sync::Arc;

use activitypub::origin::same_origin;
use activitypub::signature::{self, ParsedSignature, SignedRequest};
use bytes::Bytes;
use http::{HeaderMap, Method};
use sha2::{Digest, Sha256};
use tracing::instrument;
use url::{Position, Url};

use super::envelope::{Envelope, kind_name};
use super::forwarded::Rumour;
use super::intake::Arrival;
use super::{InboxRefusal, Receipt};
use crate::Social;
use crate::events::ActivityReceived;
use crate::remote::hosts::BlockList;
use crate::remote::keys::ActorKeys;

/// Largest body of an inbox request, in bytes. Mastodon drops larger ones too.
pub const MAX_BODY: usize = 1024 * 1024;

/// A POST to an inbox.
#[derive(Debug, Clone)]
pub struct InboxRequest {
    /// The method, as it was signed.
    pub method: Method,
    /// The public address that was posted to: scheme, host and port of this node, the path and
    /// query of the request.
    pub target_uri: Url,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Bytes,
    /// Which inbox.
    pub to: InboxTarget,
    /// Who posts, as far as what it costs is concerned: an address, or a household's. `None`:
    /// somebody who may cost what he wants.
    pub client: Option<IpAddr>,
}

/// Which inbox was posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxTarget {
    /// The one for everybody.
    Shared,
    /// That of one local account, by its user name.
    Personal(String),
}

impl Social {
    /// Takes what another server posts to an inbox. When this returns `Ok`, the activity is on
    /// disk, or there was nothing to keep of it: answer 202.
    ///
    /// # Errors
    /// [`InboxRefusal`] says which answer the sender gets; nothing was kept.
    #[instrument(name = "api.inbox", skip_all, fields(activity.id, activity.kind))]
    pub async fn receive(&self, request: InboxRequest) -> Result<Receipt, InboxRefusal> {
        if request.body.len() > MAX_BODY {
            return Err(InboxRefusal::TooLarge { limit: MAX_BODY });
        }
        let delivered_to = match &request.to {
            InboxTarget::Shared => None,
            InboxTarget::Personal(name) => {
                let owner = self.0.inbound.owner_of_inbox(self, name).await?;
                Some(owner.ok_or(InboxRefusal::NoSuchInbox)?.as_ref().to_owned())
            }
        };
        let envelope = Envelope::parse(&request.body)?;
        let span = tracing::Span::current();
        span.record("activity.id", envelope.activity.id.as_str());
        span.record("activity.kind", kind_name(&envelope.activity.kind));

        self.listen();
        let pool = self.0.spine.pool();
        let blocked = self.0.remote.blocked.load(pool).await?;
        if envelope.involved.iter().any(|url| blocked.blocks(url)) {
            return Err(InboxRefusal::Blocked);
        }
        if same_origin(&envelope.activity.actor, &self.0.settings.origin) {
            return Err(InboxRefusal::Malformed("its actor is one of this node's own".to_owned()));
        }
        // Servers tell everyone they know that an account is gone, or changed. Whoever never knew it
        // would fetch it to check the signature, and find it gone, or not care.
        let is_about_its_actor = envelope.is_about_its_actor();
        let rumour = Rumour::of(&envelope.activity);
        let for_receiver =
            delivered_to.as_deref().is_some_and(|receiver| envelope.is_for_receiver(receiver));
        // Nothing below needs the document, and some of it waits: for the database, for other servers.
        let names = envelope.into_names(&self.0.settings.origin);
        if is_about_its_actor
            && self.0.remote.keys.of_actor(pool, names.actor.as_str()).await?.is_none()
        {
            return Ok(Receipt::Ignored);
        }

        let target = &request.target_uri;
        let signed = SignedRequest {
            method: &request.method,
            target_uri: target,
            path_and_query: &target[Position::BeforePath..Position::AfterQuery],
            headers: &request.headers,
            body: &request.body,
        };
        let parsed = signature::parse(&signed, self.0.spine.clock().now())?;
        if blocked.blocks(parsed.key_id()) {
            return Err(InboxRefusal::Blocked);
        }
        // Who forwards what another said signs it himself.
        if !same_origin(parsed.key_id(), &names.actor) {
            return self.receive_forwarded(&parsed, rumour, &blocked, request.client).await;
        }
        let signer = self.check_signer(&parsed, &names.actor, &blocked, request.client).await?;
        self.0.hosts.wrote(&self.0.spine, &signer.inbox_host).await?;

        let signed = names.may_recur.then(|| {
            let hash = Sha256::digest(parsed.signature());
            hex::encode(&hash[..16])
        });
        let body = String::from_utf8(request.body.into())
            .map_err(|_| InboxRefusal::Malformed("it is not UTF-8".to_owned()))?;
        let received = ActivityReceived {
            activity: names.activity.into(),
            kind: names.kind,
            actor: names.actor.into(),
            about: names.about.into(),
            body,
        };
        let arrival = Arrival { received, delivered_to, for_receiver, request: signed };
        Ok(self.0.inbound.intake.take(&self.0.spine, arrival).await?)
    }

    /// Whether this actor made the signature. The known key is tried first; where it is unknown or
    /// does not fit, the actor is read once. A blocked domain counts also where only the actor's
    /// handle is of it.
    pub(super) async fn check_signer(
        &self,
        parsed: &ParsedSignature,
        actor: &Url,
        blocked: &BlockList,
        client: Option<IpAddr>,
    ) -> Result<Arc<ActorKeys>, InboxRefusal> {
        if !same_origin(parsed.key_id(), actor) {
            return Err(InboxRefusal::Key("the key is not of the actor's host"));
        }
        let pool = self.0.spine.pool();
        let keys = &self.0.remote.keys;
        let key_id = parsed.key_id().as_str();
        let known = keys.of_actor(pool, actor.as_str()).await?;
        let is_unwanted = |signer: &ActorKeys| {
            let domain = signer.domain.as_deref();
            signer.suspended || domain.is_some_and(|domain| blocked.blocks_domain(domain))
        };
        let is_known = known.is_some();
        if let Some(signer) = known {
            if is_unwanted(&signer) {
                return Err(InboxRefusal::Blocked);
            }
            if signer.find(key_id).is_some_and(|key| parsed.verify(key).is_ok()) {
                return Ok(signer);
            }
            if signer.deleted {
                return Err(InboxRefusal::Key("the actor was deleted"));
            }
        }
        let reading = self.read_signer(actor, is_known, client).await?;
        let signer = keys
            .of_actor(pool, actor.as_str())
            .await?
            .ok_or(InboxRefusal::Key("the actor could not be read"))?;
        if is_unwanted(&signer) {
            return Err(InboxRefusal::Blocked);
        }
        let key =
            signer.find(key_id).ok_or(InboxRefusal::Key("the actor does not list the key"))?;
        parsed.verify(key)?;
        reading.forgive();
        Ok(signer)
    }
}
