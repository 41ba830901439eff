//! Posts, looked up by what remote servers call them.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use crate::{AccountId, PostId, Visibility};

/// What the inbound side knows of a post.
#[derive(Debug, Clone)]
pub(crate) struct PostRow {
    pub(crate) id: PostId,
    pub(crate) uri: String,
    pub(crate) author_id: AccountId,
    pub(crate) author_is_local: bool,
    pub(crate) local: bool,
    /// As a number: see [`crate::Visibility::from_number`].
    pub(crate) visibility: i16,
    pub(crate) boost_of_id: Option<i64>,
    pub(crate) poll_id: Option<i64>,
}

impl PostRow {
    /// Whether everyone may see it.
    pub(crate) fn is_for_everyone(&self) -> bool {
        self.visibility <= Visibility::Unlisted as i16
    }
}

/// The posts with these ids (ActivityPub's).
pub(crate) async fn by_uris(
    conn: &mut PgConnection,
    uris: &[String],
) -> sqlx::Result<Vec<PostRow>> {
    if uris.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as!(
        PostRow,
        r#"SELECT post.id AS "id!: PostId", post.uri AS "uri!",
                  author_id AS "author_id!: AccountId",
                  author.domain IS NULL AS "author_is_local!", local AS "local!",
                  visibility AS "visibility!", boost_of_id, poll.id AS "poll_id?"
             FROM social.post
             JOIN social.account author ON author.id = author_id
             LEFT JOIN social.poll ON poll.post_id = post.id
            WHERE post.uri = ANY($1)"#,
        uris
    )
    .fetch_all(conn)
    .await
}

/// The post with this id.
pub(crate) async fn by_uri(pool: &PgPool, address: &str) -> sqlx::Result<Option<PostId>> {
    sqlx::query_scalar!(r#"SELECT id AS "id: PostId" FROM social.post WHERE uri = $1"#, address)
        .fetch_optional(pool)
        .await
}

/// The post with this id (ActivityPub's), if this is its page.
pub(crate) async fn by_page(pool: &PgPool, uri: &str, page: &str) -> sqlx::Result<Option<PostId>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: PostId" FROM social.post WHERE uri = $1 AND url = $2"#,
        uri,
        page
    )
    .fetch_optional(pool)
    .await
}

/// This post, if this account is its author.
pub(crate) async fn of_author(
    pool: &PgPool,
    post: PostId,
    author: AccountId,
) -> sqlx::Result<Option<PostId>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id: PostId" FROM social.post WHERE id = $1 AND author_id = $2"#,
        post.number(),
        author.number()
    )
    .fetch_optional(pool)
    .await
}

/// Adds people to those whom a post names. They are remote: nobody here is told.
pub(crate) async fn add_mentions(
    conn: &mut PgConnection,
    post: PostId,
    accounts: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.post_mention (post_id, account_id)
         SELECT post.id, account.id
           FROM social.post, social.account
          WHERE post.id = $1 AND account.id = ANY($2) AND account.domain IS NOT NULL
         ON CONFLICT DO NOTHING",
        post.number(),
        accounts
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A post that somebody more may see.
#[derive(Debug)]
pub(crate) struct AdmittedRow {
    /// As a number: see [`crate::Visibility::from_number`].
    pub(crate) visibility: i16,
    pub(crate) in_reply_to_id: Option<i64>,
    pub(crate) in_reply_to_account_id: Option<i64>,
}

/// Lets a local account see a post that is not for everyone; `None` where it could before, or the
/// post is not by this author.
pub(crate) async fn admit(
    conn: &mut PgConnection,
    post: PostId,
    author: AccountId,
    reader: AccountId,
) -> sqlx::Result<Option<AdmittedRow>> {
    sqlx::query_as!(
        AdmittedRow,
        r#"WITH admitted AS (
             INSERT INTO social.post_mention (post_id, account_id, silent)
             SELECT post.id, reader.account_id, true
               FROM social.post
               JOIN social.local_account reader ON reader.account_id = $3
              WHERE post.id = $1 AND post.author_id = $2 AND post.visibility >= 2
                AND NOT (post.visibility = 2
                         AND EXISTS (SELECT FROM social.follow
                                      WHERE follower_id = $3 AND target_id = $2 AND accepted))
             ON CONFLICT DO NOTHING
             RETURNING post_id
           )
           SELECT visibility AS "visibility!", in_reply_to_id, in_reply_to_account_id
             FROM admitted JOIN social.post ON post.id = admitted.post_id"#,
        post.number(),
        author.number(),
        reader.number()
    )
    .fetch_optional(conn)
    .await
}

/// A post of a thread whose surroundings may be missing.
#[derive(Debug)]
pub(crate) struct ThreadRow {
    pub(crate) uri: String,
    pub(crate) local: bool,
    pub(crate) in_reply_to_id: Option<i64>,
    pub(crate) in_reply_to_uri: Option<String>,
    pub(crate) replies_url: Option<String>,
    pub(crate) replies_fetched_at: Option<DateTime<Utc>>,
    pub(crate) visibility: i16,
}

/// A post, as far as its thread goes.
pub(crate) async fn in_thread(pool: &PgPool, post: PostId) -> sqlx::Result<Option<ThreadRow>> {
    sqlx::query_as!(
        ThreadRow,
        "SELECT uri, local, in_reply_to_id, in_reply_to_uri, replies_url, replies_fetched_at, visibility
           FROM social.post WHERE id = $1",
        post.number()
    )
    .fetch_optional(pool)
    .await
}

/// Marks that the replies of a post are read now, unless somebody did so after `not_since`;
/// whether they are the caller's to read.
pub(crate) async fn claim_replies(
    conn: &mut PgConnection,
    post: PostId,
    now: DateTime<Utc>,
    not_since: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE social.post SET replies_fetched_at = $2
          WHERE id = $1 AND (replies_fetched_at IS NULL OR replies_fetched_at < $3)",
        post.number(),
        now,
        not_since
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
