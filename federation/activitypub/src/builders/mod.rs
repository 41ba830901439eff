//! What we say: JSON documents in the compact shape that every server reads.
//!
//! Inputs are plain structs with ids and HTML that is already rendered; nothing here decides who
//! may see what beyond putting [`Addressing`] where it belongs. Absent values are left out rather
//! than written as `null`, except where Mastodon itself writes `null`.

mod activity;
mod actor;
mod addressing;
mod collection;
mod context;
mod discovery;
mod nodeinfo;
mod note;
#[cfg(test)]
mod tests;

pub use activity::{
    accept, add, announce, block, create, delete, delete_actor, flag, follow, like, move_account,
    reject, remove, undo, update,
};
pub use actor::{ActorDocument, Ed25519KeyDocument, Picture, actor, instance_actor};
pub use addressing::Addressing;
pub use collection::{CollectionDocument, CollectionOrder, CollectionPageDocument};
pub use context::{actor_context, context};
pub use discovery::{WebFingerDocument, host_meta};
pub use nodeinfo::{NodeInfo, NodeInfoVersion, nodeinfo_discovery};
pub use note::{
    AttachmentDocument, NoteDocument, PollDocument, PollOptionDocument, RepliesDocument,
    TagDocument, vote,
};

use serde_json::{Map, Value};

/// Puts a member in, if there is a value.
fn put(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// URLs as JSON strings.
fn texts<'a>(urls: impl IntoIterator<Item = &'a url::Url>) -> Value {
    urls.into_iter().map(|url| Value::from(url.as_str())).collect()
}

/// Times as everyone writes them: UTC, whole seconds, `Z`.
fn time(time: chrono::DateTime<chrono::Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
