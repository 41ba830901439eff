//! Statements about accounts of all kinds and their keys.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Remote accounts as their documents say, one vector a column.
#[derive(Default)]
pub struct AccountColumns<'a> {
    pub id: Vec<i64>,
    pub uri: Vec<&'a str>,
    pub url: Vec<&'a str>,
    pub username: Vec<&'a str>,
    pub domain: Vec<&'a str>,
    pub kind: Vec<&'a str>,
    pub display_name: Vec<&'a str>,
    pub note_html: Vec<&'a str>,
    pub fields: Vec<&'a serde_json::Value>,
    pub emojis: Vec<&'a serde_json::Value>,
    pub avatar_url: Vec<Option<&'a str>>,
    pub header_url: Vec<Option<&'a str>>,
    pub locked: Vec<bool>,
    pub bot: Vec<bool>,
    pub discoverable: Vec<bool>,
    pub indexable: Vec<bool>,
    pub hide_collections: Vec<bool>,
    pub inbox_url: Vec<&'a str>,
    pub shared_inbox_url: Vec<Option<&'a str>>,
    pub outbox_url: Vec<Option<&'a str>>,
    pub followers_url: Vec<Option<&'a str>>,
    pub following_url: Vec<Option<&'a str>>,
    pub featured_url: Vec<Option<&'a str>>,
    /// URIs joined by blanks, which no URI holds.
    pub also_known_as: Vec<String>,
    pub created_at: Vec<DateTime<Utc>>,
    pub followers_count: Vec<Option<i64>>,
    pub following_count: Vec<Option<i64>>,
    pub statuses_count: Vec<Option<i64>>,
}

/// A remote account after [`upsert`].
pub struct Upserted {
    pub id: i64,
    pub uri: String,
    pub is_new: bool,
    pub is_changed: bool,
}

/// Frees handles that other actors held before: the actor that WebFinger names now has it.
pub async fn free_handles(
    conn: &mut PgConnection,
    usernames: &[&str],
    domains: &[&str],
    uris: &[&str],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.account a
            SET username = a.username || '~' || a.id::text
           FROM unnest($1::text[], $2::text[], $3::text[]) AS item(username, domain, uri)
          WHERE lower(a.username) = lower(item.username)
            AND coalesce(a.domain, '') = item.domain
            AND a.uri <> item.uri",
        usernames as &[&str],
        domains as &[&str],
        uris as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores remote accounts, or takes over what their documents say now. Deleted ones stay as they
/// are. The ids of all.
pub async fn upsert(
    conn: &mut PgConnection,
    columns: &AccountColumns<'_>,
    fetched_at: DateTime<Utc>,
) -> sqlx::Result<Vec<Upserted>> {
    sqlx::query_as!(
        Upserted,
        r#"WITH item AS (
             SELECT * FROM unnest(
                    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                    $7::text[], $8::text[], $9::jsonb[], $10::jsonb[], $11::text[], $12::text[],
                    $13::boolean[], $14::boolean[], $15::boolean[], $16::boolean[],
                    $17::boolean[], $18::text[], $19::text[], $20::text[], $21::text[],
                    $22::text[], $23::text[], $24::text[], $25::timestamptz[], $26::bigint[],
                    $27::bigint[], $28::bigint[])
                    AS item(id, uri, url, username, domain, kind, display_name, note_html, fields,
                            emojis, avatar_url, header_url, locked, bot, discoverable, indexable,
                            hide_collections, inbox_url, shared_inbox_url, outbox_url,
                            followers_url, following_url, featured_url, also_known_as, created_at,
                            followers_count, following_count, statuses_count)
           ), before AS (
             SELECT a.id, a.uri,
                    (a.url, a.username, a.domain, a.kind, a.display_name, a.note_html, a.fields,
                     a.emojis, a.avatar_url, a.header_url, a.locked, a.bot, a.discoverable,
                     a.indexable, a.hide_collections, a.inbox_url, a.shared_inbox_url,
                     a.outbox_url, a.followers_url, a.following_url, a.featured_url,
                     a.also_known_as)::text AS facts
               FROM social.account a
               JOIN item USING (uri)
           ), stored AS (
             INSERT INTO social.account AS a
                    (id, uri, url, username, domain, kind, display_name, note_html, fields,
                     emojis, avatar_url, header_url, locked, bot, discoverable, indexable,
                     hide_collections, inbox_url, shared_inbox_url, outbox_url, followers_url,
                     following_url, featured_url, also_known_as, created_at, followers_count,
                     following_count, statuses_count, fetched_at)
             SELECT item.id, item.uri, item.url, item.username, item.domain, item.kind,
                    item.display_name, item.note_html, item.fields, item.emojis, item.avatar_url,
                    item.header_url, item.locked, item.bot, item.discoverable, item.indexable,
                    item.hide_collections, item.inbox_url, item.shared_inbox_url, item.outbox_url,
                    item.followers_url, item.following_url, item.featured_url,
                    coalesce(string_to_array(nullif(item.also_known_as, ''), ' '), '{}'),
                    item.created_at, coalesce(item.followers_count, 0),
                    coalesce(item.following_count, 0), coalesce(item.statuses_count, 0), $29
               FROM item
             ON CONFLICT (uri) DO UPDATE
                SET url = excluded.url, username = excluded.username, domain = excluded.domain,
                    kind = excluded.kind, display_name = excluded.display_name,
                    note_html = excluded.note_html, fields = excluded.fields,
                    emojis = excluded.emojis, avatar_url = excluded.avatar_url,
                    header_url = excluded.header_url, locked = excluded.locked,
                    bot = excluded.bot, discoverable = excluded.discoverable,
                    indexable = excluded.indexable,
                    hide_collections = excluded.hide_collections,
                    inbox_url = excluded.inbox_url,
                    shared_inbox_url = excluded.shared_inbox_url,
                    outbox_url = excluded.outbox_url, followers_url = excluded.followers_url,
                    following_url = excluded.following_url, featured_url = excluded.featured_url,
                    also_known_as = excluded.also_known_as, fetched_at = excluded.fetched_at,
                    followers_count = coalesce(
                      (SELECT i.followers_count FROM item i WHERE i.uri = a.uri),
                      a.followers_count),
                    following_count = coalesce(
                      (SELECT i.following_count FROM item i WHERE i.uri = a.uri),
                      a.following_count),
                    statuses_count = coalesce(
                      (SELECT i.statuses_count FROM item i WHERE i.uri = a.uri), a.statuses_count)
              WHERE a.deleted_at IS NULL AND a.domain IS NOT NULL
             RETURNING a.id, a.uri, (a.xmax = 0) AS is_new,
                    (a.url, a.username, a.domain, a.kind, a.display_name, a.note_html, a.fields,
                     a.emojis, a.avatar_url, a.header_url, a.locked, a.bot, a.discoverable,
                     a.indexable, a.hide_collections, a.inbox_url, a.shared_inbox_url,
                     a.outbox_url, a.followers_url, a.following_url, a.featured_url,
                     a.also_known_as)::text AS facts
           )
           SELECT coalesce(stored.id, before.id) AS "id!", item.uri AS "uri!",
                  coalesce(stored.is_new, false) AS "is_new!",
                  stored.id IS NOT NULL AND stored.facts IS DISTINCT FROM before.facts
                    AS "is_changed!"
             FROM item
             LEFT JOIN stored ON stored.uri = item.uri
             LEFT JOIN before ON before.uri = item.uri
            WHERE coalesce(stored.id, before.id) IS NOT NULL"#,
        &columns.id,
        &columns.uri as &[&str],
        &columns.url as &[&str],
        &columns.username as &[&str],
        &columns.domain as &[&str],
        &columns.kind as &[&str],
        &columns.display_name as &[&str],
        &columns.note_html as &[&str],
        &columns.fields as &[&serde_json::Value],
        &columns.emojis as &[&serde_json::Value],
        &columns.avatar_url as &[Option<&str>],
        &columns.header_url as &[Option<&str>],
        &columns.locked,
        &columns.bot,
        &columns.discoverable,
        &columns.indexable,
        &columns.hide_collections,
        &columns.inbox_url as &[&str],
        &columns.shared_inbox_url as &[Option<&str>],
        &columns.outbox_url as &[Option<&str>],
        &columns.followers_url as &[Option<&str>],
        &columns.following_url as &[Option<&str>],
        &columns.featured_url as &[Option<&str>],
        &columns.also_known_as,
        &columns.created_at,
        &columns.followers_count as &[Option<i64>],
        &columns.following_count as &[Option<i64>],
        &columns.statuses_count as &[Option<i64>],
        fetched_at,
    )
    .fetch_all(conn)
    .await
}

/// Makes the keys of accounts exactly these. A key id that belongs to another account stays there.
pub async fn set_keys(
    conn: &mut PgConnection,
    owners: &[i64],
    accounts: &[i64],
    key_ids: &[&str],
    materials: &[&str],
    fetched_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH dropped AS (
           DELETE FROM social.public_key k
            WHERE k.account_id = ANY($1::bigint[])
              AND NOT (k.key_id = ANY($3::text[]))
         )
         INSERT INTO social.public_key AS k (key_id, account_id, material, fetched_at)
         SELECT item.key_id, item.account_id, item.material, $5
           FROM unnest($2::bigint[], $3::text[], $4::text[]) AS item(account_id, key_id, material)
         ON CONFLICT (key_id) DO UPDATE
            SET material = excluded.material, fetched_at = excluded.fetched_at
          WHERE k.account_id = excluded.account_id",
        owners,
        accounts,
        key_ids as &[&str],
        materials as &[&str],
        fetched_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Who changed.
pub struct Changed {
    pub id: i64,
    pub uri: String,
    pub is_local: bool,
}

/// Says where an account moved to; `None` where it already did.
pub async fn set_moved(
    conn: &mut PgConnection,
    account: i64,
    target: i64,
) -> sqlx::Result<Option<Changed>> {
    sqlx::query_as!(
        Changed,
        r#"UPDATE social.account SET moved_to = $2
            WHERE id = $1 AND id <> $2 AND moved_to IS DISTINCT FROM $2
           RETURNING id, uri, domain IS NULL AS "is_local!""#,
        account,
        target,
    )
    .fetch_optional(conn)
    .await
}

/// Suspends an account or lets it back; `None` where it was already so.
pub async fn set_suspended(
    conn: &mut PgConnection,
    account: i64,
    suspended_at: Option<DateTime<Utc>>,
) -> sqlx::Result<Option<Changed>> {
    sqlx::query_as!(
        Changed,
        r#"UPDATE social.account SET suspended_at = $2
            WHERE id = $1 AND (suspended_at IS NULL) <> ($2::timestamptz IS NULL)
              AND deleted_at IS NULL
           RETURNING id, uri, domain IS NULL AS "is_local!""#,
        account,
        suspended_at,
    )
    .fetch_optional(conn)
    .await
}

/// Who was deleted, and the pictures that they leave behind.
pub struct Deleted {
    pub id: i64,
    pub uri: String,
    pub is_local: bool,
    pub avatar_url: Option<String>,
    pub header_url: Option<String>,
}

/// Marks an account as deleted and removes everything personal from its row; the handle stays
/// taken. `None` where it was already so.
pub async fn delete(
    conn: &mut PgConnection,
    account: i64,
    deleted_at: DateTime<Utc>,
) -> sqlx::Result<Option<Deleted>> {
    sqlx::query_as!(
        Deleted,
        r#"WITH keys AS (
             DELETE FROM social.public_key WHERE account_id = $1
           ), before AS (
             SELECT id, avatar_url, header_url FROM social.account
              WHERE id = $1 AND deleted_at IS NULL
                FOR NO KEY UPDATE
           )
           UPDATE social.account a
              SET deleted_at = $2, display_name = '', note_html = '', note_text = '',
                  fields = '[]', emojis = '[]', avatar_url = NULL, header_url = NULL,
                  also_known_as = '{}', discoverable = false, indexable = false
             FROM before
            WHERE a.id = before.id
           RETURNING a.id, a.uri, a.domain IS NULL AS "is_local!", before.avatar_url,
                     before.header_url"#,
        account,
        deleted_at,
    )
    .fetch_optional(conn)
    .await
}

/// Removes what a deleted account leaves behind, once its posts, follows and favourites are gone.
pub async fn purge(conn: &mut PgConnection, account: i64) -> sqlx::Result<Option<Changed>> {
    sqlx::query_as!(
        Changed,
        r#"WITH a AS (DELETE FROM social.block WHERE account_id = $1 OR target_id = $1),
              b AS (DELETE FROM social.mute WHERE account_id = $1 OR target_id = $1),
              c AS (DELETE FROM social.domain_block WHERE account_id = $1),
              d AS (DELETE FROM social.account_note WHERE account_id = $1 OR target_id = $1),
              e AS (DELETE FROM social.home_entry WHERE account_id = $1),
              f AS (DELETE FROM social.notification WHERE account_id = $1 OR from_id = $1),
              g AS (DELETE FROM social.marker WHERE account_id = $1),
              h AS (DELETE FROM social.list WHERE account_id = $1),
              i AS (DELETE FROM social.list_member WHERE account_id = $1),
              j AS (DELETE FROM social.followed_tag WHERE account_id = $1),
              k AS (DELETE FROM social.bookmark WHERE account_id = $1),
              l AS (DELETE FROM social.conversation_mute WHERE account_id = $1),
              m AS (DELETE FROM social.post_mention WHERE account_id = $1),
              n AS (DELETE FROM social.idempotency WHERE account_id = $1),
              o AS (DELETE FROM social.poll_vote WHERE account_id = $1),
              p AS (DELETE FROM social.filter WHERE account_id = $1)
         UPDATE social.account
            SET followers_count = 0, following_count = 0, statuses_count = 0
          WHERE id = $1
         RETURNING id, uri, domain IS NULL AS "is_local!""#,
        account,
    )
    .fetch_optional(conn)
    .await
}

/// Some posts of an account, boosts too, at most `limit`.
pub async fn posts_of(conn: &mut PgConnection, account: i64, limit: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM social.post WHERE author_id = $1 ORDER BY id DESC LIMIT $2",
        account,
        limit,
    )
    .fetch_all(conn)
    .await
}
