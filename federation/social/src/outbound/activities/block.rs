//! Block, and its Undo. Mastodon sends them, so that the blocked side stops showing the blocker.

use activitypub::builders;
use serde_json::Value;
use spine::Tx;

use crate::outbound::{Audience, Outgoing, address, send};
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
    send(social, tx, &[outgoing(actor, target, body)]).await
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
    send(social, tx, &[outgoing(actor, target, body)]).await
}

fn build(actor: &ActorRow, target: &TargetRow, uri: &str) -> Result<Value, SocialError> {
    Ok(builders::block(&address(uri)?, &address(&actor.uri)?, &address(&target.uri)?))
}

fn outgoing(actor: &ActorRow, target: &TargetRow, body: Value) -> Outgoing {
    Outgoing {
        sender: AccountId::from_number(actor.id),
        about: target.uri.clone(),
        body,
        audience: Audience::one(AccountId::from_number(target.id)),
        urgent: true,
    }
}
