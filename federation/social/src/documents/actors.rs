//! Actor documents.

use std::sync::Arc;

use activitypub::builders::{self, ActorDocument, Ed25519KeyDocument, Picture};
use activitypub::vocabulary::{ActorKind, ProfileField, parse_url};
use serde_json::{Value, json};
use url::Url;

use super::Document;
use crate::store::documents_accounts::{self, LocalActorRow};
use crate::{Social, SocialError};

/// Fragment of the key that signs requests.
const MAIN_KEY: &str = "main-key";
/// Fragment of the key of integrity proofs.
const PROOF_KEY: &str = "ed25519-key";

impl Social {
    /// The actor document of one of our accounts. Everyone may have it, signed or not: others need
    /// it to check us.
    ///
    /// # Errors
    /// The store failed.
    pub async fn actor_document(&self, username: &str) -> Result<Option<Document>, SocialError> {
        self.listen();
        let name = username.to_lowercase();
        if let Some(document) = self.0.documents.actors.get(&name) {
            return Ok(Some(Document::Here(document.as_ref().clone())));
        }
        let pool = self.0.spine.pool();
        let Some(row) = documents_accounts::local_actor(pool, username).await? else {
            return Ok(None);
        };
        if row.deleted {
            return Ok(Some(Document::Gone(json!({
                "@context": builders::context(),
                "id": row.uri,
                "type": "Tombstone",
            }))));
        }
        if row.suspended {
            return Ok(None);
        }
        let Some(document) = self.render_actor(&row) else { return Ok(None) };
        let document = Arc::new(document);
        self.0.documents.actors.insert(name, document.clone());
        Ok(Some(Document::Here(document.as_ref().clone())))
    }

    /// The document of the node's own actor, which signs what the node fetches.
    ///
    /// # Errors
    /// The store failed.
    pub async fn instance_actor(&self) -> Result<Option<Value>, SocialError> {
        let pool = self.0.spine.pool();
        let Some(row) = documents_accounts::instance_actor(pool).await? else { return Ok(None) };
        let document = self.actor_document(&row.username).await?;
        Ok(document.map(Document::into_value))
    }

    pub(crate) fn render_actor(&self, row: &LocalActorRow) -> Option<Value> {
        let id = parse_url(&row.uri)?;
        let pem = row.rsa_public_pem.clone()?;
        let shared_inbox = row.shared_inbox_url.as_deref().unwrap_or(&row.inbox_url);
        let kind = actor_kind(&row.kind);
        if kind == ActorKind::Application {
            return Some(builders::instance_actor(
                &id,
                &row.username,
                &self.own_url(&row.url),
                &self.own_url(shared_inbox),
                &key(&id, MAIN_KEY),
                &pem,
            ));
        }
        let address = |stored: &Option<String>, last: &str| match stored {
            Some(stored) => self.own_url(stored),
            None => self.own_url(&format!("{}/{last}", row.uri)),
        };
        Some(builders::actor(&ActorDocument {
            kind,
            preferred_username: row.username.clone(),
            name: row.display_name.clone(),
            summary: row.note_html.clone(),
            url: self.own_url(&row.url),
            inbox: self.own_url(&row.inbox_url),
            outbox: address(&row.outbox_url, "outbox"),
            followers: address(&row.followers_url, "followers"),
            following: address(&row.following_url, "following"),
            featured: Some(address(&row.featured_url, "collections/featured")),
            shared_inbox: self.own_url(shared_inbox),
            key_id: key(&id, MAIN_KEY),
            public_key_pem: pem,
            ed25519_key: row
                .ed25519_multibase
                .clone()
                .map(|multibase| Ed25519KeyDocument { id: key(&id, PROOF_KEY), multibase }),
            manually_approves_followers: row.locked,
            discoverable: row.discoverable,
            indexable: row.indexable,
            published: row.created_at,
            icon: self.picture(row.avatar_url.as_deref()),
            image: self.picture(row.header_url.as_deref()),
            fields: fields(&row.fields),
            tags: Vec::new(),
            also_known_as: row.also_known_as.iter().filter_map(|alias| parse_url(alias)).collect(),
            moved_to: row.moved_to_uri.as_deref().and_then(parse_url),
            id,
        }))
    }

    pub(super) fn picture(&self, path: Option<&str>) -> Option<Picture> {
        let url = parse_url(&self.0.addresses.media(path?))?;
        let media_type = match url.path().rsplit_once('.').map(|(_, ending)| ending) {
            Some("png") => "image/png",
            Some("gif") => "image/gif",
            Some("webp") => "image/webp",
            _ => "image/jpeg",
        };
        Some(Picture { url, media_type: media_type.to_owned(), description: None })
    }
}

fn key(actor: &Url, name: &str) -> Url {
    let mut key = actor.clone();
    key.set_fragment(Some(name));
    key
}

fn actor_kind(name: &str) -> ActorKind {
    match name {
        "Service" => ActorKind::Service,
        "Group" => ActorKind::Group,
        "Organization" => ActorKind::Organization,
        "Application" => ActorKind::Application,
        _ => ActorKind::Person,
    }
}

fn fields(stored: &Value) -> Vec<ProfileField> {
    let text = |field: &Value, key: &str| {
        field.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    stored
        .as_array()
        .into_iter()
        .flatten()
        .map(|field| ProfileField { name: text(field, "name"), value: text(field, "value_html") })
        .filter(|field| !field.name.is_empty())
        .collect()
}
