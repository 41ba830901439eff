//! Writing into the graph: what sources, people and rules say becomes versions, edges and events, in the
//! caller's transaction and in a number of statements that does not depend on how many entities there are.
//!
//! Each source's word is kept by itself (a contribution); an entity is what its sources say together. So
//! the same key is always the same entity, saying the same again changes nothing, and a merge is only a
//! matter of whose contributions are taken together, which can be undone.

mod edges;
mod effects;
mod erased;
mod intent;
mod outcome;
mod session;
mod state;

use contracts::model::{Alias, Operation, Target};
use spine::Tx;

use crate::DataError;
use crate::graph::{fingerprint, in_form};
use crate::store::turns;

pub(crate) use effects::{publish, recompute, retell};
pub(crate) use intent::{Amendment, Intent, Patch};
pub(crate) use outcome::{Outcome, Written};

/// Does it, in the given order; an outcome an intent. All are checked already
/// ([`contracts::model::EntityDraft::check`]).
///
/// # Errors
/// The database failed; nothing of it must be committed then.
pub(crate) async fn apply(tx: &mut Tx, intents: Vec<Intent>) -> Result<Vec<Written>, DataError> {
    let intents: Vec<Intent> = intents
        .into_iter()
        .map(|intent| match intent {
            Intent::Say { draft, id, .. } => {
                let draft = Box::new(in_form(*draft));
                let hash = fingerprint(&draft);
                Intent::Say { draft, id, hash }
            }
            other => other,
        })
        .collect();
    turns::hold_back_merges(tx.conn()).await?;
    let names = turns_of(&intents);
    if !names.is_empty() {
        turns::about_aliases(tx.conn(), &names).await?;
    }
    session::Session::open(tx, &intents).await?.run(intents).await
}

/// The aliases that these make known or wait for.
fn turns_of(intents: &[Intent]) -> Vec<String> {
    let name = |space: &str, alias: &Alias| format!("{space} {} {}", alias.scheme, alias.value);
    let mut names = Vec::new();
    for intent in intents {
        match intent {
            Intent::Say { draft, .. } if draft.operation == Operation::Upsert => {
                let space = draft.space.as_str();
                names.extend(draft.aliases.iter().map(|alias| name(space, alias)));
                names.extend(draft.edges.iter().filter_map(|edge| match &edge.to {
                    Target::Alias(alias) => Some(name(space, alias)),
                    Target::Entity(_) | Target::Key(_) => None,
                }));
            }
            Intent::Amend(amendment) => {
                let space = amendment.patch.space.as_ref().unwrap_or(&amendment.space).as_str();
                names.extend(amendment.aliases.iter().map(|alias| name(space, alias)));
            }
            Intent::Say { .. } | Intent::Close { .. } => {}
        }
    }
    names
}
