//! Actor documents.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use url::Url;

use super::note::TagDocument;
use super::{actor_context, put, texts, time};
use crate::vocabulary::{ActorKind, ProfileField};

/// A picture beside an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Where it is.
    pub url: Url,
    /// Its media type.
    pub media_type: String,
    /// Description for those who cannot see it.
    pub description: Option<String>,
}

/// An Ed25519 key in its published form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ed25519KeyDocument {
    /// Its id: the actor's with a fragment of its own.
    pub id: Url,
    /// `z6Mk…`
    pub multibase: String,
}

/// A local actor as others see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ActorDocument {
    /// Its id.
    pub id: Url,
    /// What it is.
    pub kind: ActorKind,
    /// The local part of its handle.
    pub preferred_username: String,
    /// Display name.
    pub name: String,
    /// Biography, rendered HTML.
    pub summary: String,
    /// Its web page.
    pub url: Url,
    /// Where activities for it go.
    pub inbox: Url,
    /// What it published.
    pub outbox: Url,
    /// Its followers.
    pub followers: Url,
    /// Whom it follows.
    pub following: Url,
    /// Its pinned posts.
    pub featured: Option<Url>,
    /// The node's one inbox.
    pub shared_inbox: Url,
    /// The RSA key's id.
    pub key_id: Url,
    /// The RSA key as SPKI PEM.
    pub public_key_pem: String,
    /// The key of integrity proofs.
    pub ed25519_key: Option<Ed25519KeyDocument>,
    /// Whether it answers follow requests by hand.
    pub manually_approves_followers: bool,
    /// Whether it wants to be recommended.
    pub discoverable: bool,
    /// Whether its posts may be searched.
    pub indexable: bool,
    /// Since when it exists; Mastodon writes the day only.
    pub published: DateTime<Utc>,
    /// Avatar.
    pub icon: Option<Picture>,
    /// Header picture.
    pub image: Option<Picture>,
    /// Profile fields, rendered HTML.
    pub fields: Vec<ProfileField>,
    /// Custom emoji in the texts.
    pub tags: Vec<TagDocument>,
    /// Other accounts that are the same person.
    pub also_known_as: Vec<Url>,
    /// Where it moved.
    pub moved_to: Option<Url>,
}

/// The document of a local actor.
pub fn actor(actor: &ActorDocument) -> Value {
    let mut object = Map::new();
    put(&mut object, "@context", Some(actor_context()));
    put(&mut object, "id", Some(actor.id.as_str()));
    put(&mut object, "type", Some(actor.kind.as_str()));
    put(&mut object, "preferredUsername", Some(actor.preferred_username.as_str()));
    put(&mut object, "name", Some(actor.name.as_str()));
    put(&mut object, "summary", Some(actor.summary.as_str()));
    put(&mut object, "url", Some(actor.url.as_str()));
    put(&mut object, "inbox", Some(actor.inbox.as_str()));
    put(&mut object, "outbox", Some(actor.outbox.as_str()));
    put(&mut object, "followers", Some(actor.followers.as_str()));
    put(&mut object, "following", Some(actor.following.as_str()));
    put(&mut object, "featured", actor.featured.as_ref().map(Url::as_str));
    put(&mut object, "endpoints", Some(json!({"sharedInbox": actor.shared_inbox.as_str()})));
    let key = rsa_key(&actor.id, &actor.key_id, &actor.public_key_pem);
    put(&mut object, "publicKey", Some(key));
    put(
        &mut object,
        "assertionMethod",
        actor.ed25519_key.as_ref().map(|key| json!([multikey(&actor.id, key)])),
    );
    put(&mut object, "manuallyApprovesFollowers", Some(actor.manually_approves_followers));
    put(&mut object, "discoverable", Some(actor.discoverable));
    put(&mut object, "indexable", Some(actor.indexable));
    put(&mut object, "published", Some(time(actor.published)));
    put(&mut object, "icon", actor.icon.as_ref().map(picture));
    put(&mut object, "image", actor.image.as_ref().map(picture));
    put(&mut object, "attachment", Some(actor.fields.iter().map(field).collect::<Value>()));
    put(&mut object, "tag", Some(actor.tags.iter().map(TagDocument::build).collect::<Value>()));
    if !actor.also_known_as.is_empty() {
        put(&mut object, "alsoKnownAs", Some(texts(&actor.also_known_as)));
    }
    put(&mut object, "movedTo", actor.moved_to.as_ref().map(Url::as_str));
    Value::Object(object)
}

/// The document of the node's own actor, which signs fetches and reports. It follows nobody and
/// publishes nothing, but its document must stand unsigned, since everyone reads it to check us.
pub fn instance_actor(
    id: &Url,
    preferred_username: &str,
    url: &Url,
    shared_inbox: &Url,
    key_id: &Url,
    public_key_pem: &str,
) -> Value {
    json!({
        "@context": super::context(),
        "id": id.as_str(),
        "type": "Application",
        "preferredUsername": preferred_username,
        "name": preferred_username,
        "url": url.as_str(),
        "inbox": format!("{id}/inbox"),
        "outbox": format!("{id}/outbox"),
        "endpoints": {"sharedInbox": shared_inbox.as_str()},
        "publicKey": rsa_key(id, key_id, public_key_pem),
        "manuallyApprovesFollowers": true,
    })
}

fn rsa_key(owner: &Url, id: &Url, pem: &str) -> Value {
    json!({"id": id.as_str(), "owner": owner.as_str(), "publicKeyPem": pem})
}

fn multikey(controller: &Url, key: &Ed25519KeyDocument) -> Value {
    json!({
        "id": key.id.as_str(),
        "type": "Multikey",
        "controller": controller.as_str(),
        "publicKeyMultibase": key.multibase,
    })
}

fn picture(picture: &Picture) -> Value {
    let mut object = Map::new();
    put(&mut object, "type", Some("Image"));
    put(&mut object, "mediaType", Some(picture.media_type.as_str()));
    put(&mut object, "url", Some(picture.url.as_str()));
    put(&mut object, "summary", picture.description.as_deref());
    Value::Object(object)
}

fn field(field: &ProfileField) -> Value {
    json!({"type": "PropertyValue", "name": field.name, "value": field.value})
}
