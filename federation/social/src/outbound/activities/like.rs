//! Like, and its Undo.

use activitypub::builders;
use serde_json::Value;
use spine::Tx;

use crate::outbound::{Audience, Outgoing, address, relation, send_instead};
use crate::store::write_commands::{ActorRow, PostRow};
use crate::{AccountId, Social, SocialError};

/// Tells a remote author that a local account likes his post. `uri` names the Like.
///
/// # Errors
/// The store failed.
pub(crate) async fn like(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
    post: &PostRow,
    uri: &str,
) -> Result<(), SocialError> {
    let body = build(actor, post, uri)?;
    send_instead(social, tx, outgoing(actor, post, body, false)).await
}

/// Takes a Like back.
///
/// # Errors
/// The store failed.
pub(crate) async fn undo_like(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
    post: &PostRow,
    uri: &str,
) -> Result<(), SocialError> {
    let like = build(actor, post, uri)?;
    let body = builders::undo(&address(&format!("{uri}/undo"))?, &address(&actor.uri)?, &like);
    send_instead(social, tx, outgoing(actor, post, body, true)).await
}

fn build(actor: &ActorRow, post: &PostRow, uri: &str) -> Result<Value, SocialError> {
    Ok(builders::like(
        &address(uri)?,
        &address(&actor.uri)?,
        &address(&post.uri)?,
        &address(&post.author_uri)?,
    ))
}

fn outgoing(actor: &ActorRow, post: &PostRow, body: Value, takes_back: bool) -> Outgoing {
    let sender = AccountId::from_number(actor.id);
    Outgoing {
        sender,
        about: relation("like", sender, post.id),
        body,
        audience: Audience::one(AccountId::from_number(post.author_id)),
        urgent: false,
        takes_back,
    }
}
