//! Delete: of a post, or of an account with everything.

use activitypub::builders;
use spine::Tx;

use super::{addressing, followers_url};
use crate::outbound::{Audience, Outgoing, address, send_later};
use crate::store::write_commands::{ActorRow, PostRow};
use crate::store::{write_federate, write_outbound};
use crate::{AccountId, Social, SocialError, Visibility};

/// Most accounts, beside followers, that are told of a post's change or end.
pub(crate) const MOST_INVOLVED: i64 = 5_000;

/// Tells everyone who may have a local post that it is gone. Called before the post is deleted: then
/// nobody knows any more who they are.
///
/// # Errors
/// The store failed.
pub(crate) async fn delete_post(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
    post: &PostRow,
) -> Result<(), SocialError> {
    let me = AccountId::from_number(actor.id);
    let visibility = Visibility::from_number(post.visibility).unwrap_or(Visibility::Direct);
    let posts = [post.id];
    let mut accounts: Vec<i64> = if visibility <= Visibility::Unlisted {
        write_outbound::involved(tx.conn(), &posts, MOST_INVOLVED).await?
    } else {
        Vec::new()
    };
    let named = write_federate::recipients(tx.conn(), &posts).await?;
    accounts.extend(named.into_iter().map(|(_, account)| account));
    accounts.sort_unstable();
    accounts.dedup();
    let followed = visibility != Visibility::Direct;
    if accounts.is_empty()
        && (!followed
            || write_outbound::followed_elsewhere(tx.conn(), &[actor.id]).await?.is_empty())
    {
        return Ok(());
    }
    // A direct post's deletion names nobody: its recipients are told one by one anyway.
    let to = match visibility {
        Visibility::Direct => builders::Addressing::default(),
        other => addressing(other, &followers_url(actor)?, &[]),
    };
    let id = address(&format!("{}#delete", post.uri))?;
    let body = builders::delete(&id, &address(&actor.uri)?, &address(&post.uri)?, &to);
    let accounts = accounts.into_iter().map(AccountId::from_number).collect();
    let outgoing = Outgoing {
        sender: me,
        // The tombstone, so to speak: the deletion itself is not withdrawn with the post.
        about: id.into(),
        body,
        audience: Audience { followers_of: followed.then_some(me), accounts },
        urgent: false,
        takes_back: true,
    };
    send_later(social, tx, outgoing).await
}

/// Tells every server that knows a local account that it is gone. Called before its follows are.
///
/// # Errors
/// The store failed.
pub(crate) async fn delete_account(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
) -> Result<(), SocialError> {
    let me = AccountId::from_number(actor.id);
    let id = address(&format!("{}#delete", actor.uri))?;
    let known = write_federate::acquaintances(tx.conn(), actor.id, MOST_INVOLVED).await?;
    let accounts = known.into_iter().map(AccountId::from_number).collect();
    let outgoing = Outgoing {
        sender: me,
        about: id.to_string(),
        body: builders::delete_actor(&id, &address(&actor.uri)?),
        audience: Audience { followers_of: None, accounts },
        urgent: false,
        takes_back: true,
    };
    send_later(social, tx, outgoing).await
}
