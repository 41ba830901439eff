//! What somebody did.

use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use super::audience::recipients;
use super::read::Document;
use super::{Reference, VocabularyError, limits};

/// The verb of an activity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are ActivityStreams' own")]
pub enum ActivityKind {
    Follow,
    Accept,
    Reject,
    Undo,
    Create,
    Update,
    Delete,
    /// Also `EmojiReact`: the emoji is in [`Activity::content`], and servers that know only likes
    /// count it as one.
    Like,
    Announce,
    Block,
    Move,
    Flag,
    Add,
    Remove,
    Other(String),
}

impl ActivityKind {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Follow" => Self::Follow,
            "Accept" => Self::Accept,
            "Reject" => Self::Reject,
            "Undo" => Self::Undo,
            "Create" => Self::Create,
            "Update" => Self::Update,
            "Delete" => Self::Delete,
            "Like" | "EmojiReact" => Self::Like,
            "Announce" => Self::Announce,
            "Block" => Self::Block,
            "Move" => Self::Move,
            "Flag" => Self::Flag,
            "Add" => Self::Add,
            "Remove" => Self::Remove,
            _ => return None,
        })
    }
}

/// One activity.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Its id: what a repeated delivery is recognised by.
    pub id: Url,
    /// The verb.
    pub kind: ActivityKind,
    /// Who says they did it. True only if the signature's key is theirs.
    pub actor: Url,
    /// What was done it to; the first, where there are several.
    pub object: Reference,
    /// The other objects (a report names an account and its posts).
    pub more_objects: Vec<Reference>,
    /// The collection of an Add or Remove, the new home of a Move.
    pub target: Option<Reference>,
    /// Recipients. Everyone is always spelled [`super::PUBLIC`].
    pub to: Vec<Url>,
    /// More recipients.
    pub cc: Vec<Url>,
    /// When, as the sender says.
    pub published: Option<DateTime<Utc>>,
    /// A report's comment, a reaction's emoji.
    pub content: Option<String>,
    /// The document as it came.
    pub raw: Value,
}

impl Activity {
    /// Reads an activity.
    pub fn parse(raw: Value) -> Result<Self, VocabularyError> {
        let document = Document::root(&raw)?;
        let types = document.types();
        let first = types.first().ok_or(VocabularyError::Missing("type"))?;
        let kind = types
            .iter()
            .find_map(|name| ActivityKind::parse(name))
            .unwrap_or_else(|| ActivityKind::Other(super::read::cut(first, limits::TOKEN)));
        let mut objects =
            document.list("object", limits::OBJECTS).into_iter().filter_map(Reference::parse);
        Ok(Self {
            id: document.id()?,
            kind,
            actor: document.url("actor").ok_or(VocabularyError::Missing("actor"))?,
            object: objects.next().ok_or(VocabularyError::Missing("object"))?,
            more_objects: objects.collect(),
            target: document.first("target").and_then(Reference::parse),
            to: recipients(document, "to"),
            cc: recipients(document, "cc"),
            published: document.time("published"),
            content: document
                .text("content", limits::SUMMARY)
                .or_else(|| document.text("_misskey_reaction", limits::SUMMARY)),
            raw,
        })
    }

    /// All objects, the first one included.
    pub fn objects(&self) -> impl Iterator<Item = &Reference> {
        std::iter::once(&self.object).chain(&self.more_objects)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_follow_is_read() {
        let activity = Activity::parse(json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": "https://a.example/follows/1",
            "type": "Follow",
            "actor": "https://a.example/users/x",
            "object": "https://b.example/users/y",
            "to": null,
        }))
        .unwrap();
        assert_eq!(activity.kind, ActivityKind::Follow);
        assert_eq!(activity.actor.as_str(), "https://a.example/users/x");
        assert_eq!(activity.object.id().unwrap().as_str(), "https://b.example/users/y");
        assert!(activity.to.is_empty());
    }

    #[test]
    fn embedded_actor_and_several_objects_are_read() {
        let activity = Activity::parse(json!({
            "id": "https://a.example/flags/1",
            "type": ["Flag", "https://x.example/Report"],
            "actor": {"id": "https://a.example/actor", "type": "Application"},
            "object": ["https://b.example/users/y", {"id": "https://b.example/posts/1"}, 7],
            "content": "spam",
        }))
        .unwrap();
        assert_eq!(activity.kind, ActivityKind::Flag);
        assert_eq!(activity.actor.as_str(), "https://a.example/actor");
        let ids: Vec<_> = activity.objects().filter_map(Reference::id).collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(activity.content.as_deref(), Some("spam"));
    }

    #[test]
    fn a_reaction_counts_as_a_like() {
        let activity = Activity::parse(json!({
            "id": "https://a.example/r/1", "type": "EmojiReact", "content": "🐈",
            "actor": "https://a.example/users/x", "object": "https://b.example/posts/1",
        }))
        .unwrap();
        assert_eq!(activity.kind, ActivityKind::Like);
        assert_eq!(activity.content.as_deref(), Some("🐈"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let whole = json!({
            "id": "https://a.example/1", "type": "Like",
            "actor": "https://a.example/x", "object": "https://b.example/y",
        });
        for name in ["id", "type", "actor", "object"] {
            let mut value = whole.clone();
            value[name] = json!(null);
            let error = Activity::parse(value).unwrap_err();
            assert_eq!(error, VocabularyError::Missing(name));
        }
        let mut value = whole;
        value["type"] = json!("QuoteRequest");
        let kind = Activity::parse(value).unwrap().kind;
        assert_eq!(kind, ActivityKind::Other("QuoteRequest".to_owned()));
    }
}
