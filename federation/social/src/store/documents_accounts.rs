//! What other servers see of our accounts.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;

use crate::AccountId;

/// One of our accounts with its public keys.
#[derive(Debug)]
pub(crate) struct LocalActorRow {
    pub(crate) id: AccountId,
    pub(crate) uri: String,
    pub(crate) url: String,
    pub(crate) username: String,
    pub(crate) kind: String,
    pub(crate) display_name: String,
    pub(crate) note_html: String,
    pub(crate) fields: Value,
    pub(crate) avatar_url: Option<String>,
    pub(crate) header_url: Option<String>,
    pub(crate) locked: bool,
    pub(crate) discoverable: bool,
    pub(crate) indexable: bool,
    pub(crate) hide_collections: bool,
    pub(crate) inbox_url: String,
    pub(crate) shared_inbox_url: Option<String>,
    pub(crate) outbox_url: Option<String>,
    pub(crate) followers_url: Option<String>,
    pub(crate) following_url: Option<String>,
    pub(crate) featured_url: Option<String>,
    pub(crate) also_known_as: Vec<String>,
    pub(crate) moved_to_uri: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) suspended: bool,
    pub(crate) deleted: bool,
    pub(crate) followers_count: i64,
    pub(crate) following_count: i64,
    pub(crate) rsa_public_pem: Option<String>,
    pub(crate) ed25519_multibase: Option<String>,
}

/// One of our accounts, by its user name in any case; gone ones too.
pub(crate) async fn local_actor(
    pool: &PgPool,
    username: &str,
) -> sqlx::Result<Option<LocalActorRow>> {
    sqlx::query_as!(
        LocalActorRow,
        r#"SELECT account.id AS "id: AccountId", account.uri, account.url, account.username,
                  account.kind, account.display_name, account.note_html, account.fields,
                  account.avatar_url, account.header_url, account.locked, account.discoverable,
                  account.indexable, account.hide_collections, account.inbox_url,
                  account.shared_inbox_url, account.outbox_url, account.followers_url,
                  account.following_url, account.featured_url, account.also_known_as,
                  target.uri AS "moved_to_uri?", account.created_at,
                  account.suspended_at IS NOT NULL AS "suspended!",
                  account.deleted_at IS NOT NULL AS "deleted!",
                  account.followers_count, account.following_count,
                  local.rsa_public_pem AS "rsa_public_pem?",
                  local.ed25519_multibase AS "ed25519_multibase?"
             FROM social.account
             LEFT JOIN social.local_account local ON local.account_id = account.id
             LEFT JOIN social.account target ON target.id = account.moved_to
            WHERE lower(account.username) = lower($1) AND coalesce(account.domain, '') = ''"#,
        username
    )
    .fetch_optional(pool)
    .await
}

/// The user name of one of our accounts, by its id or its page.
pub(crate) async fn username_by_address(
    pool: &PgPool,
    address: &str,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT username FROM social.account
          WHERE domain IS NULL AND deleted_at IS NULL AND (uri = $1 OR url = $1)
          LIMIT 1",
        address
    )
    .fetch_optional(pool)
    .await
}

/// An entry of a followers or following collection.
#[derive(Debug)]
pub(crate) struct FollowEntry {
    pub(crate) follow_id: i64,
    pub(crate) uri: String,
}

/// Accepted followers, newest first, below a follow's id.
pub(crate) async fn followers(
    pool: &PgPool,
    account: AccountId,
    below: i64,
    limit: i64,
) -> sqlx::Result<Vec<FollowEntry>> {
    sqlx::query_as!(
        FollowEntry,
        "SELECT follow.id AS follow_id, follower.uri
           FROM social.follow JOIN social.account follower ON follower.id = follower_id
          WHERE target_id = $1 AND accepted AND follow.id < $2
            AND follower.suspended_at IS NULL AND follower.deleted_at IS NULL
          ORDER BY follow.id DESC LIMIT $3",
        account.number(),
        below,
        limit
    )
    .fetch_all(pool)
    .await
}

/// Accepted follows of others, newest first, below a follow's id.
pub(crate) async fn following(
    pool: &PgPool,
    account: AccountId,
    below: i64,
    limit: i64,
) -> sqlx::Result<Vec<FollowEntry>> {
    sqlx::query_as!(
        FollowEntry,
        "SELECT follow.id AS follow_id, target.uri
           FROM social.follow JOIN social.account target ON target.id = target_id
          WHERE follower_id = $1 AND accepted AND follow.id < $2
            AND target.suspended_at IS NULL AND target.deleted_at IS NULL
          ORDER BY follow.id DESC LIMIT $3",
        account.number(),
        below,
        limit
    )
    .fetch_all(pool)
    .await
}

/// The node in numbers.
#[derive(Debug)]
pub(crate) struct UsageRow {
    pub(crate) users: i64,
    pub(crate) active_month: i64,
    pub(crate) active_half_year: i64,
    pub(crate) posts: i64,
}

/// Counts people and posts of this node. Somebody is active who posted.
pub(crate) async fn usage(pool: &PgPool, now: DateTime<Utc>) -> sqlx::Result<UsageRow> {
    sqlx::query_as!(
        UsageRow,
        r#"SELECT count(*) AS "users!",
                  count(*) FILTER (WHERE last_status_at > $1::timestamptz - interval '30 days')
                      AS "active_month!",
                  count(*) FILTER (WHERE last_status_at > $1::timestamptz - interval '180 days')
                      AS "active_half_year!",
                  coalesce(sum(statuses_count), 0)::bigint AS "posts!"
             FROM social.account
            WHERE domain IS NULL AND kind <> 'Application'
              AND suspended_at IS NULL AND deleted_at IS NULL"#,
        now
    )
    .fetch_one(pool)
    .await
}

/// The node's own actor.
#[derive(Debug)]
pub(crate) struct InstanceRow {
    pub(crate) id: i64,
    pub(crate) uri: String,
    pub(crate) username: String,
    pub(crate) rsa_key_sealed: Vec<u8>,
}

/// The node's own actor, with its key.
pub(crate) async fn instance_actor(pool: &PgPool) -> sqlx::Result<Option<InstanceRow>> {
    sqlx::query_as!(
        InstanceRow,
        "SELECT id, uri, username, rsa_key_sealed
           FROM social.account JOIN social.local_account ON account_id = id
          WHERE domain IS NULL AND kind = 'Application' ORDER BY id LIMIT 1"
    )
    .fetch_optional(pool)
    .await
}
