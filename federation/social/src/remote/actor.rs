//! A remote actor on its way into our tables: cleaned and capped.

use activitypub::origin::same_origin;
use activitypub::vocabulary::{Actor, ActorKind, KeyMaterial};
use chrono::{DateTime, Utc};
use serde_json::json;
use spine::{Cause, Tx};
use url::Url;

use super::limits::{self, cut};
use super::post::emojis;
use crate::text;
use crate::write::accounts::{self, RemoteAccount};
use crate::{AccountId, Social, SocialError};

/// Reads an actor whose document came from its own id, or under its own signature. `username` and
/// `domain` are its confirmed handle.
pub(crate) fn read(
    actor: &Actor,
    username: String,
    domain: String,
    now: DateTime<Utc>,
    cause: Cause,
) -> RemoteAccount {
    let name = actor.name.as_deref().unwrap_or_default();
    let fields: Vec<_> = actor
        .fields
        .iter()
        .map(|field| {
            json!({
                "name": text::plain_text(&field.name),
                "value_html": text::clean_html(&field.value),
                "value_text": "",
                "verified_at": null,
            })
        })
        .collect();
    RemoteAccount {
        uri: actor.id.as_str().to_owned(),
        url: actor.url.as_ref().unwrap_or(&actor.id).as_str().to_owned(),
        username,
        domain,
        kind: actor.kind.as_str().to_owned(),
        display_name: cut(name, limits::DISPLAY_NAME),
        note_html: actor.summary.as_deref().map(text::clean_html).unwrap_or_default(),
        fields: fields.into(),
        emojis: emojis(actor.emojis.iter()),
        avatar_url: address(&actor.icon),
        header_url: address(&actor.image),
        locked: actor.manually_approves_followers,
        bot: matches!(actor.kind, ActorKind::Service | ActorKind::Application),
        discoverable: actor.discoverable.unwrap_or(false),
        indexable: actor.indexable.unwrap_or(false),
        hide_collections: false,
        inbox_url: actor.inbox.as_str().to_owned(),
        // Everyone's deliveries go there: nobody may name another's.
        shared_inbox_url: address(&actor.shared_inbox).filter(|_| {
            actor.shared_inbox.as_ref().is_some_and(|url| same_origin(url, &actor.inbox))
        }),
        outbox_url: address(&actor.outbox),
        followers_url: address(&actor.followers),
        following_url: address(&actor.following),
        featured_url: address(&actor.featured),
        also_known_as: actor
            .also_known_as
            .iter()
            .take(limits::ALIASES)
            .map(|alias| alias.as_str().to_owned())
            .collect(),
        created_at: actor.published.map_or(now, |published| published.min(now)),
        followers_count: None,
        following_count: None,
        statuses_count: None,
        keys: actor
            .public_keys
            .iter()
            .map(|key| {
                let (KeyMaterial::Pem(material) | KeyMaterial::Multibase(material)) = &key.material;
                (key.id.as_str().to_owned(), material.clone())
            })
            .collect(),
        cause,
    }
}

/// Stores an actor; once that is committed, this process sees its new keys.
pub(crate) async fn store(
    social: &Social,
    tx: &mut Tx,
    account: RemoteAccount,
) -> Result<AccountId, SocialError> {
    let uri = account.uri.clone();
    let ids = accounts::upsert_remote(social, tx, &[account]).await?;
    let keys = social.0.remote.keys.clone();
    tx.on_commit(move || keys.forget(&uri));
    ids.first().copied().ok_or(SocialError::NotFound)
}

fn address(url: &Option<Url>) -> Option<String> {
    url.as_ref().map(|url| url.as_str().to_owned())
}
