//! Accounts.

use serde::Deserialize;

use super::{Addresses, read_json};
use crate::AccountId;
use crate::read::entities::{Account, CustomEmoji, Field, Shared, Timestamp};
use crate::store::read_accounts::AccountRow;

/// A profile field as it is stored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StoredField {
    name: String,
    value_html: String,
    value_text: String,
    verified_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// A custom emoji as it is stored.
#[derive(Debug, Deserialize)]
struct StoredEmoji {
    shortcode: String,
    url: String,
}

pub(super) fn emojis(value: serde_json::Value, what: &'static str, id: i64) -> Vec<CustomEmoji> {
    let stored: Vec<StoredEmoji> = read_json(value, what, id);
    stored
        .into_iter()
        .map(|emoji| CustomEmoji {
            shortcode: emoji.shortcode,
            static_url: emoji.url.clone(),
            url: emoji.url,
            visible_in_picker: true,
        })
        .collect()
}

/// A profile's fields: as shown (HTML), and as their owner typed them.
fn fields(value: serde_json::Value, as_typed: bool, id: i64) -> Vec<Field> {
    let stored: Vec<StoredField> = read_json(value, "account.fields", id);
    stored
        .into_iter()
        .map(|field| Field {
            name: field.name,
            value: if as_typed { field.value_text } else { field.value_html },
            verified_at: field.verified_at.map(Timestamp),
        })
        .collect()
}

/// A profile's fields as their owner typed them.
pub(crate) fn credential_fields(value: serde_json::Value, id: i64) -> Vec<Field> {
    fields(value, true, id)
}

/// A name as it is mentioned here.
pub(crate) fn display_acct(username: &str, domain: Option<&str>) -> String {
    match domain {
        Some(domain) => format!("{username}@{domain}"),
        None => username.to_owned(),
    }
}

/// What an account is made of beside its row.
pub(crate) struct AccountParts<'a> {
    pub addresses: &'a Addresses,
    pub moved: Option<Shared<Account>>,
}

/// The account of a row. Of suspended accounts only the name is left.
pub(crate) fn account_view(row: AccountRow, parts: AccountParts<'_>) -> Account {
    let suspended = row.suspended_at.is_some();
    let addresses = parts.addresses;
    let picture = |stored: Option<String>, fixed: &str| match stored {
        Some(path) if !suspended && !path.is_empty() => addresses.media(&path),
        _ => addresses.fixed(fixed),
    };
    let avatar = picture(row.avatar_url, "avatar.png");
    let header = picture(row.header_url, "header.png");
    let (display_name, note, fields, emojis) = if suspended {
        Default::default()
    } else {
        (
            row.display_name,
            row.note_html,
            fields(row.fields, false, row.id),
            emojis(row.emojis, "account.emojis", row.id),
        )
    };
    Account {
        id: AccountId::from_number(row.id),
        acct: display_acct(&row.username, row.domain.as_deref()),
        username: row.username,
        display_name,
        locked: row.locked,
        bot: row.bot || matches!(row.kind.as_str(), "Service" | "Application"),
        discoverable: row.discoverable,
        indexable: row.indexable,
        group: row.kind == "Group",
        created_at: Timestamp::midnight(row.created_at),
        note,
        url: row.url,
        uri: row.uri,
        avatar_static: avatar.clone(),
        avatar,
        header_static: header.clone(),
        header,
        followers_count: row.followers_count,
        following_count: row.following_count,
        statuses_count: row.statuses_count,
        last_status_at: row.last_status_at.map(Into::into),
        hide_collections: row.hide_collections,
        noindex: !row.indexable,
        emojis,
        roles: Vec::new(),
        fields,
        moved: parts.moved,
        suspended,
    }
}
