//! Statements about local accounts: made with their keys, and their profiles.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A local account to create.
pub struct NewLocal<'a> {
    pub id: i64,
    pub uri: &'a str,
    pub url: &'a str,
    pub username: &'a str,
    pub kind: &'a str,
    pub display_name: &'a str,
    pub locked: bool,
    pub inbox_url: &'a str,
    pub shared_inbox_url: &'a str,
    pub outbox_url: &'a str,
    pub followers_url: &'a str,
    pub following_url: &'a str,
    pub featured_url: &'a str,
    pub created_at: DateTime<Utc>,
    pub rsa_key_sealed: &'a [u8],
    pub rsa_public_pem: &'a str,
    pub ed25519_key_sealed: &'a [u8],
    pub ed25519_multibase: &'a str,
}

/// Creates a local account with its keys; whether its handle and URI were free.
pub async fn insert_local(conn: &mut PgConnection, new: &NewLocal<'_>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "WITH account AS (
           INSERT INTO social.account
                  (id, uri, url, username, kind, display_name, locked, bot, inbox_url,
                   shared_inbox_url, outbox_url, followers_url, following_url, featured_url,
                   created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $5 = 'Application', $8, $9, $10, $11, $12, $13, $14)
           ON CONFLICT DO NOTHING
           RETURNING id
         )
         INSERT INTO social.local_account
                (account_id, rsa_key_sealed, rsa_public_pem, ed25519_key_sealed,
                 ed25519_multibase)
         SELECT id, $15, $16, $17, $18 FROM account",
        new.id,
        new.uri,
        new.url,
        new.username,
        new.kind,
        new.display_name,
        new.locked,
        new.inbox_url,
        new.shared_inbox_url,
        new.outbox_url,
        new.followers_url,
        new.following_url,
        new.featured_url,
        new.created_at,
        new.rsa_key_sealed,
        new.rsa_public_pem,
        new.ed25519_key_sealed,
        new.ed25519_multibase,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether a local account has this name, or had it before it was deleted.
pub async fn is_taken(conn: &mut PgConnection, username: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
             SELECT FROM social.account
              WHERE lower(username) = lower($1) AND coalesce(domain, '') = '') AS "is_taken!""#,
        username,
    )
    .fetch_one(conn)
    .await
}

/// What of a local account's profile changes; `None` leaves it.
#[derive(Default)]
pub struct Profile<'a> {
    pub display_name: Option<&'a str>,
    pub note_html: Option<&'a str>,
    pub note_text: Option<&'a str>,
    pub fields: Option<&'a serde_json::Value>,
    pub avatar_url: Option<&'a str>,
    pub header_url: Option<&'a str>,
    pub locked: Option<bool>,
    pub bot: Option<bool>,
    pub discoverable: Option<bool>,
    pub indexable: Option<bool>,
    pub hide_collections: Option<bool>,
    pub also_known_as: Option<&'a [String]>,
    pub default_visibility: Option<i16>,
    pub default_sensitive: Option<bool>,
    pub default_language: Option<&'a str>,
}

/// The pictures of a profile before and after a change.
pub struct Pictures {
    pub avatar_before: Option<String>,
    pub avatar_after: Option<String>,
    pub header_before: Option<String>,
    pub header_after: Option<String>,
}

impl Pictures {
    /// Those that the profile does not show any more.
    pub fn left_pictures(self) -> Vec<String> {
        let pairs =
            [(self.avatar_before, self.avatar_after), (self.header_before, self.header_after)];
        pairs
            .into_iter()
            .filter(|(before, after)| before != after)
            .filter_map(|pair| pair.0)
            .collect()
    }
}

/// Changes a local account's profile and defaults; an empty picture address removes the picture.
/// None: there is no such account.
pub async fn change_profile(
    conn: &mut PgConnection,
    account: i64,
    profile: &Profile<'_>,
) -> sqlx::Result<Option<Pictures>> {
    sqlx::query_as!(
        Pictures,
        "WITH before AS (
           SELECT id, avatar_url, header_url FROM social.account
            WHERE id = $1 AND domain IS NULL AND deleted_at IS NULL
              FOR NO KEY UPDATE
         ), defaults AS (
           UPDATE social.local_account
              SET default_visibility = coalesce($14, default_visibility),
                  default_sensitive = coalesce($15, default_sensitive),
                  default_language = CASE WHEN $16::text IS NULL THEN default_language
                                          ELSE nullif($16, '') END
            WHERE account_id = $1
         )
         UPDATE social.account a
            SET display_name = coalesce($2, display_name),
                note_html = coalesce($3, note_html),
                note_text = coalesce($4, note_text),
                fields = coalesce($5, fields),
                avatar_url = CASE WHEN $6::text IS NULL THEN before.avatar_url
                                  ELSE nullif($6, '') END,
                header_url = CASE WHEN $7::text IS NULL THEN before.header_url
                                  ELSE nullif($7, '') END,
                locked = coalesce($8, locked),
                kind = CASE WHEN $9::boolean IS NULL OR kind NOT IN ('Person', 'Service') THEN kind
                            WHEN $9 THEN 'Service' ELSE 'Person' END,
                bot = coalesce($9, bot),
                discoverable = coalesce($10, discoverable),
                indexable = coalesce($11, indexable),
                hide_collections = coalesce($12, hide_collections),
                also_known_as = coalesce($13, also_known_as)
           FROM before
          WHERE a.id = before.id
         RETURNING before.avatar_url AS avatar_before, a.avatar_url AS avatar_after,
                   before.header_url AS header_before, a.header_url AS header_after",
        account,
        profile.display_name,
        profile.note_html,
        profile.note_text,
        profile.fields,
        profile.avatar_url,
        profile.header_url,
        profile.locked,
        profile.bot,
        profile.discoverable,
        profile.indexable,
        profile.hide_collections,
        profile.also_known_as,
        profile.default_visibility,
        profile.default_sensitive,
        profile.default_language,
    )
    .fetch_optional(conn)
    .await
}
