//! Move: followers are asked to follow another account.

use activitypub::builders;
use spine::Tx;

use super::followers_url;
use crate::outbound::{Audience, Outgoing, address, send_later};
use crate::store::write_commands::{ActorRow, TargetRow};
use crate::{AccountId, Social, SocialError};

/// Tells followers elsewhere where a local account moved to.
///
/// # Errors
/// The store failed.
pub(crate) async fn move_account(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
    target: &TargetRow,
) -> Result<(), SocialError> {
    let me = address(&actor.uri)?;
    let id = address(&format!("{me}#moves/{}", social.spine().snowflakes().next()))?;
    let body = builders::move_account(&id, &me, &address(&target.uri)?, &followers_url(actor)?);
    let sender = AccountId::from_number(actor.id);
    let outgoing = Outgoing {
        sender,
        about: actor.uri.clone(),
        body,
        audience: Audience::followers(sender, vec![AccountId::from_number(target.id)]),
        urgent: false,
        takes_back: false,
    };
    send_later(social, tx, outgoing).await
}
