//! Votes: a Create of a Note with nothing but the chosen option's name, one for each choice.

use activitypub::builders;
use spine::Tx;

use crate::outbound::{Audience, Outgoing, address, send};
use crate::store::write_commands::{ActorRow, PostRow};
use crate::{AccountId, Social, SocialError};

/// Sends votes in a remote poll to its author: (uri, option) each.
///
/// # Errors
/// The store failed.
pub(crate) async fn vote(
    social: &Social,
    tx: &mut Tx,
    actor: &ActorRow,
    question: &PostRow,
    choices: &[(String, String)],
) -> Result<(), SocialError> {
    let me = address(&actor.uri)?;
    let mut outgoing = Vec::with_capacity(choices.len());
    for (uri, option) in choices {
        let note = builders::vote(
            &address(uri)?,
            &me,
            &address(&question.uri)?,
            &address(&question.author_uri)?,
            option,
        );
        outgoing.push(Outgoing {
            sender: AccountId::from_number(actor.id),
            about: question.uri.clone(),
            body: builders::create(&address(&format!("{uri}/activity"))?, &me, &note),
            audience: Audience::one(AccountId::from_number(question.author_id)),
            urgent: true,
            takes_back: false,
        });
    }
    send(social, tx, &outgoing).await
}
