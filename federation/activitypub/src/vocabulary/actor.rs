//! Somebody who acts.

use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use super::read::Document;
use super::tag::{Emoji, Tag};
use super::{ActorPublicKey, VocabularyError, limits};

/// What an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are ActivityStreams' own")]
pub enum ActorKind {
    Person,
    Service,
    Group,
    Organization,
    Application,
}

impl ActorKind {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Person" => Self::Person,
            "Service" => Self::Service,
            "Group" => Self::Group,
            "Organization" => Self::Organization,
            "Application" => Self::Application,
            _ => return None,
        })
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "Person",
            Self::Service => "Service",
            Self::Group => "Group",
            Self::Organization => "Organization",
            Self::Application => "Application",
        }
    }
}

/// A row of a profile's table: HTML on both sides, not yet cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileField {
    /// The label.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A remote actor. Texts are HTML from a stranger: clean them before they are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Actor {
    /// The actor's id.
    pub id: Url,
    /// What it is.
    pub kind: ActorKind,
    /// The local part of its handle, without meaning for identity.
    pub preferred_username: String,
    /// The handle it says it has (FEP-2c59), to be confirmed by WebFinger.
    pub webfinger: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Biography.
    pub summary: Option<String>,
    /// Its web page.
    pub url: Option<Url>,
    /// Avatar.
    pub icon: Option<Url>,
    /// Header picture.
    pub image: Option<Url>,
    /// Where activities for it go.
    pub inbox: Url,
    /// What it published.
    pub outbox: Option<Url>,
    /// Its followers.
    pub followers: Option<Url>,
    /// Whom it follows.
    pub following: Option<Url>,
    /// Its pinned posts.
    pub featured: Option<Url>,
    /// One inbox for all actors of its server.
    pub shared_inbox: Option<Url>,
    /// Its keys; those of other owners or origins are left out.
    pub public_keys: Vec<ActorPublicKey>,
    /// Whether it answers follow requests by hand.
    pub manually_approves_followers: bool,
    /// Whether it wants to be recommended; `None` where it does not say.
    pub discoverable: Option<bool>,
    /// Whether its posts may be searched; `None` where it does not say.
    pub indexable: Option<bool>,
    /// Other accounts it says are the same.
    pub also_known_as: Vec<Url>,
    /// Where it moved.
    pub moved_to: Option<Url>,
    /// Profile fields.
    pub fields: Vec<ProfileField>,
    /// Custom emoji in its texts.
    pub emojis: Vec<Emoji>,
    /// Since when it exists.
    pub published: Option<DateTime<Utc>>,
}

impl Actor {
    /// Whether a document claims to be an actor.
    pub fn is_actor(value: &Value) -> bool {
        Document::part(value)
            .is_some_and(|document| document.types().iter().any(|t| ActorKind::parse(t).is_some()))
    }

    /// Reads an actor.
    pub fn parse(value: &Value) -> Result<Self, VocabularyError> {
        let document = Document::root(value)?;
        let kind = document
            .types()
            .into_iter()
            .find_map(ActorKind::parse)
            .ok_or_else(|| VocabularyError::UnexpectedType(document.type_name()))?;
        let id = document.id()?;
        let preferred_username = document
            .text("preferredUsername", limits::USERNAME + 1)
            .ok_or(VocabularyError::Missing("preferredUsername"))?;
        if preferred_username.chars().count() > limits::USERNAME {
            return Err(VocabularyError::TooLong("preferredUsername"));
        }
        let endpoints = document.first("endpoints").and_then(Document::part);
        Ok(Self {
            kind,
            preferred_username,
            webfinger: document.text("webfinger", limits::NAME),
            name: document.text_in_language("name", limits::NAME).0,
            summary: document.text_in_language("summary", limits::BIOGRAPHY).0,
            url: web_page(document),
            icon: picture(document, "icon"),
            image: picture(document, "image"),
            inbox: document.url("inbox").ok_or(VocabularyError::Missing("inbox"))?,
            outbox: document.url("outbox"),
            followers: document.url("followers"),
            following: document.url("following"),
            featured: document.url("featured"),
            shared_inbox: endpoints
                .and_then(|endpoints| endpoints.url("sharedInbox"))
                .or_else(|| document.url("sharedInbox")),
            public_keys: ActorPublicKey::of_actor(document, &id),
            manually_approves_followers: document
                .boolean("manuallyApprovesFollowers")
                .unwrap_or(false),
            discoverable: document.boolean("discoverable"),
            indexable: document.boolean("indexable"),
            also_known_as: document.urls("alsoKnownAs", limits::ALIASES),
            moved_to: document.url("movedTo"),
            fields: fields(document),
            emojis: Tag::emojis(document),
            published: document.time("published"),
            id,
        })
    }

    /// The key with this id, if the actor lists it.
    pub fn key(&self, key_id: &Url) -> Option<&ActorPublicKey> {
        self.public_keys.iter().find(|key| key.id == *key_id)
    }
}

/// The link to a page for people: HTML where the type is said, else the first.
pub(super) fn web_page(document: Document<'_>) -> Option<Url> {
    let links = document.links("url");
    let html = links.iter().position(|link| link.media_type.as_deref() == Some("text/html"));
    let chosen = html.or_else(|| links.iter().position(|link| link.media_type.is_none()));
    links.into_iter().nth(chosen.unwrap_or(0)).map(|link| link.href)
}

/// The address of an `Image` object, or a bare address.
fn picture(document: Document<'_>, name: &str) -> Option<Url> {
    document.list(name, limits::LINKS).into_iter().find_map(|value| match Document::part(value) {
        Some(image) => image.links("url").into_iter().next().map(|link| link.href),
        None => super::read::url_of(value),
    })
}

fn fields(document: Document<'_>) -> Vec<ProfileField> {
    document
        .parts("attachment", limits::PROFILE_FIELDS)
        .into_iter()
        .filter(|part| part.is("PropertyValue"))
        .filter_map(|part| {
            let name = part.text("name", limits::PROFILE_FIELD)?;
            let value = part.text("value", limits::PROFILE_FIELD).unwrap_or_default();
            Some(ProfileField { name, value })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Value {
        json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": "https://a.example/users/x",
            "type": "Person",
            "preferredUsername": "x",
            "name": "X",
            "summary": "<p>bio</p>",
            "url": [
                {"type": "Link", "mediaType": "application/rss+xml", "href": "https://a.example/x.rss"},
                {"type": "Link", "mediaType": "text/html", "href": "https://a.example/@x"},
            ],
            "icon": {"type": "Image", "url": "https://a.example/x.png"},
            "image": [{"type": "Image", "url": {"type": "Link", "href": "https://a.example/h.png"}}],
            "inbox": "https://a.example/users/x/inbox",
            "outbox": "https://a.example/users/x/outbox",
            "followers": {"type": "Collection", "id": "https://a.example/users/x/followers"},
            "endpoints": {"sharedInbox": "https://a.example/inbox"},
            "publicKey": {
                "id": "https://a.example/users/x#main-key",
                "owner": "https://a.example/users/x",
                "publicKeyPem": "pem",
            },
            "assertionMethod": [{
                "id": "https://a.example/users/x#ed25519-key",
                "type": "Multikey",
                "controller": "https://a.example/users/x",
                "publicKeyMultibase": "z6Mk",
            }],
            "manuallyApprovesFollowers": true,
            "discoverable": null,
            "alsoKnownAs": "https://old.example/x",
            "attachment": [
                {"type": "PropertyValue", "name": "Web", "value": "<a>x</a>"},
                {"type": "Note", "name": "other"},
            ],
            "tag": [{
                "type": "Emoji", "name": ":cat:", "id": "https://a.example/e/1",
                "icon": {"type": "Image", "mediaType": "image/png", "url": "https://a.example/cat.png"},
            }],
            "published": "2020-01-01T00:00:00Z",
        })
    }

    #[test]
    fn an_actor_is_read_whole() {
        let actor = Actor::parse(&sample()).unwrap();
        assert_eq!(actor.kind, ActorKind::Person);
        assert_eq!(actor.url.unwrap().as_str(), "https://a.example/@x");
        assert_eq!(actor.icon.unwrap().as_str(), "https://a.example/x.png");
        assert_eq!(actor.image.unwrap().as_str(), "https://a.example/h.png");
        assert_eq!(actor.followers.unwrap().as_str(), "https://a.example/users/x/followers");
        assert_eq!(actor.shared_inbox.unwrap().as_str(), "https://a.example/inbox");
        assert_eq!(actor.public_keys.len(), 2);
        assert!(actor.manually_approves_followers);
        assert_eq!(actor.discoverable, None);
        assert_eq!(actor.also_known_as.len(), 1);
        assert_eq!(actor.fields.len(), 1);
        assert_eq!(actor.emojis[0].shortcode, "cat");
    }

    #[test]
    fn keys_of_others_are_left_out() {
        let mut value = sample();
        value["publicKey"] = json!([
            {"id": "https://a.example/users/x#k", "owner": "https://a.example/users/y", "publicKeyPem": "p"},
            {"id": "https://b.example/users/x#k", "owner": "https://a.example/users/x", "publicKeyPem": "p"},
            {"id": "https://a.example/users/x#k", "owner": "https://a.example/users/x", "publicKeyPem": "p"},
            "https://a.example/users/x#elsewhere",
        ]);
        value["assertionMethod"] = json!(null);
        let actor = Actor::parse(&value).unwrap();
        assert_eq!(actor.public_keys.len(), 1);
        assert!(actor.key(&Url::parse("https://a.example/users/x#k").unwrap()).is_some());
        assert!(actor.key(&Url::parse("https://a.example/users/x").unwrap()).is_none());
    }

    #[test]
    fn an_actor_without_inbox_or_with_a_monstrous_name_is_refused() {
        let mut value = sample();
        value["inbox"] = json!(null);
        assert_eq!(Actor::parse(&value), Err(VocabularyError::Missing("inbox")));
        let mut value = sample();
        value["preferredUsername"] = json!("x".repeat(2049));
        assert_eq!(Actor::parse(&value), Err(VocabularyError::TooLong("preferredUsername")));
        let mut value = sample();
        value["type"] = json!("Note");
        assert!(!Actor::is_actor(&value));
        assert!(matches!(Actor::parse(&value), Err(VocabularyError::UnexpectedType(_))));
    }
}
