//! Undo of an Announce.

use activitypub::builders;
use spine::Tx;

use super::{addressing, followers_url};
use crate::outbound::{Audience, Outgoing, address, send_later};
use crate::store::write_commands::{ActorRow, PostRow};
use crate::store::write_outbound;
use crate::{AccountId, Social, SocialError, Visibility};

/// A boost that is taken back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boost<'a> {
    /// The Announce's ActivityPub id.
    pub(crate) uri: &'a str,
    /// Who it was for.
    pub(crate) visibility: Visibility,
}

/// Tells followers and the boosted author that a boost is taken back. What is on its way of the boost
/// is withdrawn where it is deleted.
///
/// # Errors
/// The store failed.
pub(crate) async fn take_back_boost(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
    boosted: &PostRow,
    boost: Boost<'_>,
) -> Result<(), SocialError> {
    let is_followed = !write_outbound::followed_elsewhere(tx.conn(), &[actor.id]).await?.is_empty();
    if boosted.author_is_local && !is_followed {
        return Ok(());
    }
    let me = AccountId::from_number(actor.id);
    let author = address(&boosted.author_uri)?;
    let to = addressing(boost.visibility, &followers_url(actor)?, std::slice::from_ref(&author));
    let announce = builders::announce(
        &address(boost.uri)?,
        &address(&actor.uri)?,
        &address(&boosted.uri)?,
        social.spine().clock().now(),
        &to,
    );
    let undo = address(&format!("{}/undo", boost.uri))?;
    let outgoing = Outgoing {
        sender: me,
        about: undo.to_string(),
        body: builders::undo(&undo, &address(&actor.uri)?, &announce),
        audience: Audience::followers(me, vec![AccountId::from_number(boosted.author_id)]),
        urgent: false,
        takes_back: true,
    };
    send_later(social, tx, outgoing).await
}
