//! Accounts: those from elsewhere as their documents say, and what happens to any.

use chrono::{DateTime, Utc};
use spine::{Cause, Spine, Tx};

use crate::events::AccountChanged;
use crate::store::unused_files;
use crate::store::write_accounts::{self as store, AccountColumns, Changed, Deleted};
use crate::store::write_home;
use crate::{AccountId, Social, SocialError, outbound};

/// A remote actor as its document says. Strings and lists are already cleaned and capped; WebFinger
/// has confirmed that the handle leads to this actor.
#[derive(Clone, Debug)]
pub struct RemoteAccount {
    /// Its ActivityPub id.
    pub uri: String,
    /// Its page for people.
    pub url: String,
    /// The handle before the `@`.
    pub username: String,
    /// The handle's host, lower case, punycode.
    pub domain: String,
    /// `Person`, `Service`, `Group`, `Organization`, `Application`.
    pub kind: String,
    /// Its name for people, plain text.
    pub display_name: String,
    /// Its description, clean HTML.
    pub note_html: String,
    /// `[{name, value_html, value_text, verified_at}]`.
    pub fields: serde_json::Value,
    /// `[{shortcode, url}]`.
    pub emojis: serde_json::Value,
    /// Address of its picture.
    pub avatar_url: Option<String>,
    /// Address of its wide picture.
    pub header_url: Option<String>,
    /// Whether it approves followers by hand.
    pub locked: bool,
    /// Whether a program posts there.
    pub bot: bool,
    /// Whether it wants to be found.
    pub discoverable: bool,
    /// Whether its posts may be searched.
    pub indexable: bool,
    /// Whether its collections are not for others.
    pub hide_collections: bool,
    /// Where activities for it go.
    pub inbox_url: String,
    /// Where activities for everyone on its host go.
    pub shared_inbox_url: Option<String>,
    /// Its collections.
    pub outbox_url: Option<String>,
    /// See [`Self::outbox_url`].
    pub followers_url: Option<String>,
    /// See [`Self::outbox_url`].
    pub following_url: Option<String>,
    /// See [`Self::outbox_url`].
    pub featured_url: Option<String>,
    /// URIs of actors that are the same person.
    pub also_known_as: Vec<String>,
    /// When it was created, as far as it says.
    pub created_at: DateTime<Utc>,
    /// Totals of its collections, where they were read.
    pub followers_count: Option<i64>,
    /// See [`Self::followers_count`].
    pub following_count: Option<i64>,
    /// See [`Self::followers_count`].
    pub statuses_count: Option<i64>,
    /// Its public keys: (key id, PEM or multibase).
    pub keys: Vec<(String, String)>,
    /// Why: carried by its event.
    pub cause: Cause,
}

/// Stores remote accounts, or takes over what their documents say now, keys included. An account
/// that is deleted stays so; a handle that another actor held goes to the one that is named now.
/// The id of each, in order.
///
/// # Errors
/// [`SocialError::Forbidden`] where a document claims one of our own URIs; the store failed.
pub async fn upsert_remote(
    social: &Social,
    tx: &mut Tx,
    accounts: &[RemoteAccount],
) -> Result<Vec<AccountId>, SocialError> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let now = social.spine().clock().now();
    let columns = columns(social, accounts);
    store::free_handles(tx.conn(), &columns.username, &columns.domain, &columns.uri).await?;
    let stored = store::upsert(tx.conn(), &columns, now).await?;

    let before = tx.cause().clone();
    let mut ids = Vec::with_capacity(accounts.len());
    let mut keys: (Vec<i64>, Vec<&str>, Vec<&str>) = Default::default();
    for (index, account) in accounts.iter().enumerate() {
        let row = stored.iter().find(|row| row.uri == account.uri).ok_or(
            // Another transaction stored it at this moment, under the conflict.
            SocialError::Raced,
        )?;
        ids.push(AccountId::from_number(row.id));
        if accounts[..index].iter().any(|earlier| earlier.uri == account.uri) {
            continue;
        }
        for (key_id, material) in &account.keys {
            keys.0.push(row.id);
            keys.1.push(key_id);
            keys.2.push(material);
        }
        if row.is_new || row.is_changed {
            tx.set_cause(account.cause.clone());
            tx.record(&AccountChanged {
                account: AccountId::from_number(row.id),
                uri: account.uri.clone(),
                local: false,
                change: if row.is_new { "created" } else { "updated" }.to_owned(),
            })?;
        }
    }
    tx.set_cause(before);
    let owners: Vec<i64> = ids.iter().map(|id| id.number()).collect();
    store::set_keys(tx.conn(), &owners, &keys.0, &keys.1, &keys.2, now).await?;
    Ok(ids)
}

fn columns<'a>(social: &Social, accounts: &'a [RemoteAccount]) -> AccountColumns<'a> {
    let mut columns = AccountColumns::default();
    for (index, account) in accounts.iter().enumerate() {
        if accounts[..index].iter().any(|earlier| earlier.uri == account.uri) {
            continue;
        }
        columns.id.push(social.spine().snowflakes().next().0);
        columns.uri.push(&account.uri);
        columns.url.push(&account.url);
        columns.username.push(&account.username);
        columns.domain.push(&account.domain);
        columns.kind.push(&account.kind);
        columns.display_name.push(&account.display_name);
        columns.note_html.push(&account.note_html);
        columns.fields.push(&account.fields);
        columns.emojis.push(&account.emojis);
        columns.avatar_url.push(account.avatar_url.as_deref());
        columns.header_url.push(account.header_url.as_deref());
        columns.locked.push(account.locked);
        columns.bot.push(account.bot);
        columns.discoverable.push(account.discoverable);
        columns.indexable.push(account.indexable);
        columns.hide_collections.push(account.hide_collections);
        columns.inbox_url.push(&account.inbox_url);
        columns.shared_inbox_url.push(account.shared_inbox_url.as_deref());
        columns.outbox_url.push(account.outbox_url.as_deref());
        columns.followers_url.push(account.followers_url.as_deref());
        columns.following_url.push(account.following_url.as_deref());
        columns.featured_url.push(account.featured_url.as_deref());
        columns.also_known_as.push(account.also_known_as.join(" "));
        columns.created_at.push(account.created_at);
        columns.followers_count.push(account.followers_count);
        columns.following_count.push(account.following_count);
        columns.statuses_count.push(account.statuses_count);
    }
    columns
}

/// Says that an account moved; whether that is new. Its followers are moved by whoever checked
/// that the target knows the old account.
///
/// # Errors
/// The store failed.
pub async fn set_moved(
    tx: &mut Tx,
    account: AccountId,
    target: AccountId,
) -> Result<bool, SocialError> {
    let changed = store::set_moved(tx.conn(), account.number(), target.number()).await?;
    record(tx, changed, "moved").map(|changed| changed.is_some())
}

/// Suspends an account: nothing of it is shown or taken in any more, and it leaves every home
/// timeline. Whether that is new.
///
/// # Errors
/// The store failed.
pub async fn suspend(
    social: &Social,
    tx: &mut Tx,
    account: AccountId,
) -> Result<bool, SocialError> {
    let now = social.spine().clock().now();
    let changed = store::set_suspended(tx.conn(), account.number(), Some(now)).await?;
    if changed.is_some() {
        write_home::clear_everywhere(tx.conn(), &[account.number()]).await?;
    }
    record(tx, changed, "suspended").map(|changed| changed.is_some())
}

/// Ends a suspension. Whether there was one.
///
/// # Errors
/// The store failed.
pub async fn unsuspend(tx: &mut Tx, account: AccountId) -> Result<bool, SocialError> {
    let changed = store::set_suspended(tx.conn(), account.number(), None).await?;
    record(tx, changed, "updated").map(|changed| changed.is_some())
}

/// Deletes an account: from now on nothing of it is shown, taken in or sent (but for what takes
/// something back); what is personal in its row goes now, the rest piece by piece in the job
/// [`PurgeAccount`]. Whether it was there.
///
/// # Errors
/// The store failed.
pub async fn delete(social: &Social, tx: &mut Tx, account: AccountId) -> Result<bool, SocialError> {
    let now = social.spine().clock().now();
    let Some(deleted) = store::delete(tx.conn(), account.number(), now).await? else {
        return Ok(false);
    };
    let Deleted { id, uri, is_local, avatar_url, header_url } = deleted;
    let pictures: Vec<&str> =
        [&avatar_url, &header_url].into_iter().flatten().map(String::as_str).collect();
    if is_local && !pictures.is_empty() {
        unused_files::insert(tx.conn(), &pictures, now).await?;
    }
    let Some(changed) = record(tx, Some(Changed { id, uri, is_local }), "deleted")? else {
        return Ok(false);
    };
    forget(social, tx, &changed).await?;
    tx.schedule(&super::PurgeAccount { account })?;
    Ok(true)
}

/// Makes unreadable what the ledger has of a deleted account, and withdraws what it was about to
/// send. Done when it is deleted, and again when nothing of it is left: until then others may still
/// record something about it.
///
/// # Errors
/// The store failed.
pub(super) async fn forget(
    social: &Social,
    tx: &mut Tx,
    account: &Changed,
) -> Result<(), SocialError> {
    if account.is_local {
        outbound::withdraw_all_of(social, tx, AccountId::from_number(account.id)).await?;
    }
    let subjects = [format!("account:{}", account.id), account.uri.clone()];
    let cause = tx.cause().clone();
    Ok(Spine::erase_all(tx, &subjects.map(|subject| (subject, cause.clone()))).await?)
}

fn record(
    tx: &mut Tx,
    changed: Option<Changed>,
    change: &str,
) -> Result<Option<Changed>, SocialError> {
    if let Some(changed) = &changed {
        tx.record(&AccountChanged {
            account: AccountId::from_number(changed.id),
            uri: changed.uri.clone(),
            local: changed.is_local,
            change: change.to_owned(),
        })?;
    }
    Ok(changed)
}
