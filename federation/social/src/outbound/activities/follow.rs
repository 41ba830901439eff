//! Follow: a local account wants to see what a remote one publishes.

use activitypub::builders;
use spine::Tx;

use crate::outbound::{Audience, Outgoing, address, send};
use crate::store::write_commands::{ActorRow, TargetRow};
use crate::{AccountId, Social, SocialError};

/// Asks a remote account for its posts. `uri` names the request.
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
    let outgoing = Outgoing {
        sender: AccountId::from_number(actor.id),
        about: target.uri.clone(),
        body,
        audience: Audience::one(AccountId::from_number(target.id)),
        urgent: true,
    };
    send(social, tx, &[outgoing]).await
}
