//! Block, and its Undo. Mastodon sends them, so that the blocked side stops showing the blocker.

use activitypub::builders;
use serde_json::Value;
use spine::Tx;

use crate::outbound::{Audience, Outgoing, address, relation, send_instead};
use crate::store::write_commands::{ActorRow, TargetRow};
use crate::{AccountId, Social, SocialError};

/// Tells a remote account's server that the account is blocked. `uri` names the Block.
///
/// # Errors
/// The store failed.
pub(crate) async fn block(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
    target: &TargetRow,
    uri: &str,
) -> Result<(), SocialError> {
    let body = build(actor, target, uri)?;
    send_instead(social, tx, outgoing(actor, target, body, false)).await
}

/// Takes a Block back.
///
/// # Errors
/// The store failed.
pub(crate) async fn undo_block(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
    target: &TargetRow,
    uri: &str,
) -> Result<(), SocialError> {
    let block = build(actor, target, uri)?;
    let body = builders::undo(&address(&format!("{uri}/undo"))?, &address(&actor.uri)?, &block);
    send_instead(social, tx, outgoing(actor, target, body, true)).await
}

fn build(actor: &ActorRow, target: &TargetRow, uri: &str) -> Result<Value, SocialError> {
    Ok(builders::block(&address(uri)?, &address(&actor.uri)?, &address(&target.uri)?))
}

fn outgoing(actor: &ActorRow, target: &TargetRow, body: Value, takes_back: bool) -> Outgoing {
    let sender = AccountId::from_number(actor.id);
    Outgoing {
        sender,
        about: relation("block", sender, target.id),
        body,
        audience: Audience::one(AccountId::from_number(target.id)),
        urgent: true,
        takes_back,
    }
}
