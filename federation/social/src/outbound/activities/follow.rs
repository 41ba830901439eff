//! Follow: a local account wants to see what a remote one publishes.

use activitypub::builders;
use spine::Tx;

use crate::outbound::{Audience, Outgoing, address, relation, send_instead};
use crate::store::inbound_activities::take_turns;
use crate::store::write_commands::{ActorRow, TargetRow};
use crate::{AccountId, Social, SocialError};

/// What a Follow and its Undo are about.
pub(crate) fn follow_of(follower: AccountId, target: AccountId) -> String {
    relation("follow", follower, target)
}

/// Asks a remote account for its posts. `uri` names the request. Called once the follow is stored:
/// an Undo of an earlier one is made by a job, which takes turns with this and looks whether there
/// is a follow again.
///
/// # Errors
/// The store failed.
pub(crate) async fn follow(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
    target: &TargetRow,
    uri: &str,
) -> Result<(), SocialError> {
    let body = builders::follow(&address(uri)?, &address(&actor.uri)?, &address(&target.uri)?);
    let (sender, target) = (AccountId::from_number(actor.id), AccountId::from_number(target.id));
    let about = follow_of(sender, target);
    take_turns(tx.conn(), std::slice::from_ref(&about)).await?;
    let outgoing = Outgoing {
        sender,
        about,
        body,
        audience: Audience::one(target),
        urgent: true,
        takes_back: false,
    };
    send_instead(social, tx, outgoing).await
}
