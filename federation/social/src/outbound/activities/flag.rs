//! Flag: a remote account is reported to its server, by the node and not by the person.

use activitypub::builders;
use spine::Tx;
use url::Url;

use crate::outbound::{Audience, Outgoing, address, send};
use crate::store::write_commands::{ActorRow, TargetRow};
use crate::{AccountId, Social, SocialError};

/// Forwards a report to the reported account's server, signed by the instance actor.
///
/// # Errors
/// The store failed.
pub(crate) async fn flag(
    social: &Social,
    tx: &mut Tx,
    instance: &ActorRow,
    target: &TargetRow,
    posts: &[String],
    comment: &str,
    uri: &str,
) -> Result<(), SocialError> {
    let account = address(&target.uri)?;
    let mut objects: Vec<Url> = vec![account.clone()];
    for post in posts {
        objects.push(address(post)?);
    }
    let id = address(uri)?;
    let outgoing = Outgoing {
        sender: AccountId::from_number(instance.id),
        about: uri.to_owned(),
        body: builders::flag(&id, &address(&instance.uri)?, &objects, comment, &account),
        audience: Audience::one(AccountId::from_number(target.id)),
        urgent: false,
        takes_back: false,
    };
    send(social, tx, &[outgoing]).await
}
