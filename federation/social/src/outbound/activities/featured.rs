//! Add and Remove: what an account shows first on its page.

use activitypub::builders;
use spine::Tx;

use super::{addressing, followers_url};
use crate::outbound::{Audience, Outgoing, address, send_later};
use crate::store::write_commands::{ActorRow, PostRow};
use crate::store::write_outbound;
use crate::{AccountId, Social, SocialError, Visibility};

/// Tells followers that a post was pinned (`add`) or unpinned.
///
/// # Errors
/// The store failed.
pub(crate) async fn featured(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
    post: &PostRow,
    add: bool,
) -> Result<(), SocialError> {
    if write_outbound::followed_elsewhere(tx.conn(), &[actor.id]).await?.is_empty() {
        return Ok(());
    }
    let me = address(&actor.uri)?;
    let object = address(&post.uri)?;
    let target = match &actor.featured_url {
        Some(url) => address(url)?,
        None => address(&format!("{}/collections/featured", actor.uri))?,
    };
    let to = addressing(Visibility::Public, &followers_url(actor)?, &[]);
    let number = social.spine().snowflakes().next();
    let body = if add {
        let id = address(&format!("{me}#adds/{number}"))?;
        builders::add(&id, &me, &object, &target, &to)
    } else {
        let id = address(&format!("{me}#removes/{number}"))?;
        builders::remove(&id, &me, &object, &target, &to)
    };
    let sender = AccountId::from_number(actor.id);
    let outgoing = Outgoing {
        sender,
        about: post.uri.clone(),
        body,
        audience: Audience::followers(sender, Vec::new()),
        urgent: false,
        takes_back: false,
    };
    send_later(social, tx, outgoing).await
}
