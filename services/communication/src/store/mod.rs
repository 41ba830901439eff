//! Every SQL statement of the service.

pub(crate) mod calls;
pub(crate) mod channels;
pub(crate) mod conversations;
pub(crate) mod erased;
pub(crate) mod files;
pub(crate) mod leftovers;
pub(crate) mod messages;
pub(crate) mod opt_outs;
pub(crate) mod outgoing;

use contracts::events::communication::{AttachedFile, Party};
use serde_json::Value;

/// What was stored as JSON, read again.
fn read<T: serde::de::DeserializeOwned>(value: Value) -> sqlx::Result<T> {
    serde_json::from_value(value).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// A party as JSON that Postgres keeps.
fn party(party: &Party) -> Value {
    let kept = |text: &str| contracts::input::kept(text, 1_000);
    serde_json::json!({
        "address": kept(&party.address),
        "entity": party.entity,
        "space": party.space,
        "name": party.name.as_deref().map(kept),
        "roles": party.roles.iter().map(|role| kept(role)).collect::<Vec<_>>(),
    })
}

fn parties(parties: &[Party]) -> Value {
    Value::Array(parties.iter().map(party).collect())
}

fn files(files: &[AttachedFile]) -> Value {
    let file = |file: &AttachedFile| {
        serde_json::json!({
            "name": file.name,
            "media_type": file.media_type,
            "bytes": file.bytes,
            "url": file.url,
        })
    };
    files.iter().map(file).collect()
}

fn space(text: &str) -> sqlx::Result<contracts::access::SpaceId> {
    text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
