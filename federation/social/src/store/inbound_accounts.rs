//! Accounts and keys, looked up by what remote servers call them.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use crate::AccountId;

/// What the inbound side knows of an account.
#[derive(Debug, Clone)]
pub(crate) struct AccountRow {
    pub(crate) id: AccountId,
    pub(crate) uri: String,
    pub(crate) username: String,
    /// `None`: ours.
    pub(crate) domain: Option<String>,
    pub(crate) locked: bool,
    pub(crate) suspended: bool,
    pub(crate) deleted: bool,
    pub(crate) followers_url: Option<String>,
    pub(crate) featured_url: Option<String>,
    pub(crate) also_known_as: Vec<String>,
    pub(crate) fetched_at: Option<DateTime<Utc>>,
}

impl AccountRow {
    /// Whether it is ours.
    pub(crate) fn is_local(&self) -> bool {
        self.domain.is_none()
    }

    /// Whether it takes part: neither suspended nor deleted.
    pub(crate) fn is_active(&self) -> bool {
        !self.suspended && !self.deleted
    }
}

/// The accounts with these ids (ActivityPub's), local and remote, gone ones too.
pub(crate) async fn by_uris(
    conn: &mut PgConnection,
    uris: &[String],
) -> sqlx::Result<Vec<AccountRow>> {
    if uris.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as!(
        AccountRow,
        r#"SELECT id AS "id: AccountId", uri, username, domain, locked,
                  suspended_at IS NOT NULL AS "suspended!", deleted_at IS NOT NULL AS "deleted!",
                  followers_url, featured_url, also_known_as, fetched_at
             FROM social.account WHERE uri = ANY($1)"#,
        uris
    )
    .fetch_all(conn)
    .await
}

/// The account with this id (ActivityPub's).
pub(crate) async fn by_uri(pool: &PgPool, uri: &str) -> sqlx::Result<Option<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT id AS "id: AccountId", uri, username, domain, locked,
                  suspended_at IS NOT NULL AS "suspended!", deleted_at IS NOT NULL AS "deleted!",
                  followers_url, featured_url, also_known_as, fetched_at
             FROM social.account WHERE uri = $1"#,
        uri
    )
    .fetch_optional(pool)
    .await
}

/// The account of this origin (with a slash at its end) whose page this is, where that is not its id.
pub(crate) async fn by_page(
    pool: &PgPool,
    page: &str,
    origin: &str,
) -> sqlx::Result<Option<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT id AS "id: AccountId", uri, username, domain, locked,
                  suspended_at IS NOT NULL AS "suspended!", deleted_at IS NOT NULL AS "deleted!",
                  followers_url, featured_url, also_known_as, fetched_at
             FROM social.account
            WHERE url = $1 AND url <> uri AND starts_with(uri, $2)
            ORDER BY id LIMIT 1"#,
        page,
        origin
    )
    .fetch_optional(pool)
    .await
}

/// The account with this handle; `domain` `None` asks for one of ours.
pub(crate) async fn by_handle(
    pool: &PgPool,
    username: &str,
    domain: Option<&str>,
) -> sqlx::Result<Option<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT id AS "id: AccountId", uri, username, domain, locked,
                  suspended_at IS NOT NULL AS "suspended!", deleted_at IS NOT NULL AS "deleted!",
                  followers_url, featured_url, also_known_as, fetched_at
             FROM social.account
            WHERE lower(username) = lower($1) AND coalesce(domain, '') = coalesce($2, '')"#,
        username,
        domain
    )
    .fetch_optional(pool)
    .await
}

/// An actor with its keys, as both were read.
#[derive(Debug)]
pub(crate) struct ActorKeysRow {
    pub(crate) suspended: bool,
    pub(crate) deleted: bool,
    pub(crate) domain: Option<String>,
    pub(crate) inbox_host: String,
    pub(crate) key_ids: Vec<String>,
    pub(crate) materials: Vec<String>,
}

/// The actor with this id and its keys.
pub(crate) async fn actor_keys(pool: &PgPool, uri: &str) -> sqlx::Result<Option<ActorKeysRow>> {
    sqlx::query_as!(
        ActorKeysRow,
        r#"SELECT suspended_at IS NOT NULL AS "suspended!", deleted_at IS NOT NULL AS "deleted!",
                  domain,
                  split_part(coalesce(shared_inbox_url, inbox_url), '/', 3) AS "inbox_host!",
                  array(SELECT key_id FROM social.public_key key
                         WHERE key.account_id = account.id ORDER BY key_id) AS "key_ids!",
                  array(SELECT material FROM social.public_key key
                         WHERE key.account_id = account.id ORDER BY key_id) AS "materials!"
             FROM social.account WHERE uri = $1"#,
        uri
    )
    .fetch_optional(pool)
    .await
}

/// The id of the actor that lists this key.
pub(crate) async fn owner_of_key(pool: &PgPool, key_id: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT account.uri FROM social.public_key JOIN social.account ON account.id = account_id
          WHERE key_id = $1",
        key_id
    )
    .fetch_optional(pool)
    .await
}

/// Which of these accounts somebody here follows.
pub(crate) async fn followed_here(
    conn: &mut PgConnection,
    accounts: &[i64],
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"SELECT wanted.id AS "id!" FROM unnest($1::bigint[]) AS wanted(id)
            WHERE EXISTS (SELECT FROM social.follow
                            JOIN social.account follower ON follower.id = follower_id
                           WHERE target_id = wanted.id AND accepted AND follower.domain IS NULL)"#,
        accounts
    )
    .fetch_all(conn)
    .await
}

/// Where a remote actor's collections are.
#[derive(Debug)]
pub(crate) struct Collections {
    pub(crate) uri: String,
    pub(crate) followers_url: Option<String>,
    pub(crate) following_url: Option<String>,
    pub(crate) outbox_url: Option<String>,
    pub(crate) featured_url: Option<String>,
}

/// The collections of a remote actor that takes part.
pub(crate) async fn collections(
    pool: &PgPool,
    account: AccountId,
) -> sqlx::Result<Option<Collections>> {
    sqlx::query_as!(
        Collections,
        "SELECT uri, followers_url, following_url, outbox_url, featured_url FROM social.account
          WHERE id = $1 AND domain IS NOT NULL AND suspended_at IS NULL AND deleted_at IS NULL",
        account.number()
    )
    .fetch_optional(pool)
    .await
}

/// What a remote actor's collections say how many they have; `None` where one was not read.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) followers: Option<i64>,
    pub(crate) following: Option<i64>,
    pub(crate) posts: Option<i64>,
}

/// Takes over the totals of a remote actor.
pub(crate) async fn set_totals(
    pool: &PgPool,
    account: AccountId,
    totals: &Totals,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.account
            SET followers_count = coalesce($2, followers_count),
                following_count = coalesce($3, following_count),
                statuses_count = coalesce($4, statuses_count)
          WHERE id = $1 AND domain IS NOT NULL",
        account.number(),
        totals.followers,
        totals.following,
        totals.posts
    )
    .execute(pool)
    .await?;
    Ok(())
}
