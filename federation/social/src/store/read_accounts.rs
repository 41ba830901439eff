//! Accounts, many at a time.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// An account's row.
#[derive(Clone, Debug)]
pub struct AccountRow {
    pub id: i64,
    pub uri: String,
    pub url: String,
    pub username: String,
    pub domain: Option<String>,
    pub kind: String,
    pub display_name: String,
    pub note_html: String,
    pub fields: serde_json::Value,
    pub emojis: serde_json::Value,
    pub avatar_url: Option<String>,
    pub header_url: Option<String>,
    pub locked: bool,
    pub bot: bool,
    pub discoverable: bool,
    pub indexable: bool,
    pub hide_collections: bool,
    pub moved_to: Option<i64>,
    pub created_at: DateTime<Utc>,
    pub suspended_at: Option<DateTime<Utc>>,
    pub followers_count: i64,
    pub following_count: i64,
    pub statuses_count: i64,
    pub last_status_at: Option<DateTime<Utc>>,
}

/// These accounts, in no order, without deleted ones.
pub async fn accounts(pool: &PgPool, ids: &[i64]) -> sqlx::Result<Vec<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT id, uri, url, username, domain, kind, display_name, note_html, fields, emojis,
                  avatar_url, header_url, locked, bot, discoverable, indexable, hide_collections,
                  moved_to, created_at, suspended_at, followers_count, following_count,
                  statuses_count, last_status_at
             FROM social.account WHERE id = ANY($1) AND deleted_at IS NULL"#,
        ids
    )
    .fetch_all(pool)
    .await
}

/// The account of this name, in lower case; `domain` none for ours.
pub async fn by_handle(
    pool: &PgPool,
    username: &str,
    domain: Option<&str>,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM social.account
            WHERE lower(username) = $1 AND coalesce(domain, '') = coalesce($2, '')
              AND deleted_at IS NULL"#,
        username,
        domain
    )
    .fetch_optional(pool)
    .await
}

/// What only an account's owner sees.
#[derive(Clone, Debug)]
pub struct OwnRow {
    pub note_text: String,
    pub fields: serde_json::Value,
    pub default_visibility: i16,
    pub default_sensitive: bool,
    pub default_language: Option<String>,
    pub follow_requests: i64,
}

/// What only this account's owner sees; none for accounts that are not ours.
pub async fn own(pool: &PgPool, account: i64) -> sqlx::Result<Option<OwnRow>> {
    sqlx::query_as!(
        OwnRow,
        r#"SELECT a.note_text, a.fields, l.default_visibility, l.default_sensitive, l.default_language,
                  (SELECT count(*) FROM social.follow f
                    WHERE f.target_id = a.id AND NOT f.accepted) AS "follow_requests!"
             FROM social.account a JOIN social.local_account l ON l.account_id = a.id
            WHERE a.id = $1"#,
        account
    )
    .fetch_optional(pool)
    .await
}

/// Both directions between a viewer and an account.
#[derive(Clone, Debug)]
pub struct RelationshipRow {
    pub id: i64,
    pub following: bool,
    pub requested: bool,
    pub show_boosts: Option<bool>,
    pub notify: Option<bool>,
    pub languages: Option<Vec<String>>,
    pub followed_by: bool,
    pub requested_by: bool,
    pub blocking: bool,
    pub blocked_by: bool,
    pub muting: bool,
    pub muting_notifications: Option<bool>,
    pub mute_expires_at: Option<DateTime<Utc>>,
    pub domain_blocking: bool,
    pub note: Option<String>,
}

/// What the viewer has to do with each of these accounts, in no order.
pub async fn relationships(
    pool: &PgPool,
    viewer: i64,
    ids: &[i64],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<RelationshipRow>> {
    sqlx::query_as!(
        RelationshipRow,
        r#"SELECT a.id,
                  coalesce(f.accepted, false) AS "following!",
                  coalesce(NOT f.accepted, false) AS "requested!",
                  f.show_boosts AS "show_boosts?", f.notify AS "notify?",
                  f.languages AS "languages?: Vec<String>",
                  coalesce(r.accepted, false) AS "followed_by!",
                  coalesce(NOT r.accepted, false) AS "requested_by!",
                  EXISTS (SELECT FROM social.block b
                           WHERE b.account_id = $1 AND b.target_id = a.id) AS "blocking!",
                  EXISTS (SELECT FROM social.block c
                           WHERE c.account_id = a.id AND c.target_id = $1) AS "blocked_by!",
                  m.id IS NOT NULL AS "muting!", m.notifications AS "muting_notifications?",
                  m.expires_at AS "mute_expires_at?",
                  EXISTS (SELECT FROM social.domain_block d
                           WHERE d.account_id = $1
                             AND (d.domain = a.domain
                                  OR right(a.domain, length(d.domain) + 1)
                                     = '.' || d.domain)) AS "domain_blocking!",
                  n.comment AS "note?"
             FROM social.account a
             LEFT JOIN social.follow f ON f.follower_id = $1 AND f.target_id = a.id
             LEFT JOIN social.follow r ON r.follower_id = a.id AND r.target_id = $1
             LEFT JOIN social.mute m ON m.account_id = $1 AND m.target_id = a.id
                                    AND (m.expires_at IS NULL OR m.expires_at > $3)
             LEFT JOIN social.account_note n ON n.account_id = $1 AND n.target_id = a.id
            WHERE a.id = ANY($2)"#,
        viewer,
        ids,
        now
    )
    .fetch_all(pool)
    .await
}
