//! What other servers see of our posts.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};

use crate::{AccountId, PostId};

/// A post with its author and what belongs to it, in one row: lists come as JSON arrays.
#[derive(Debug)]
pub(crate) struct NoteRow {
    pub(crate) id: PostId,
    pub(crate) uri: String,
    pub(crate) url: String,
    pub(crate) author_id: AccountId,
    pub(crate) author_uri: String,
    pub(crate) author_username: String,
    pub(crate) author_followers_url: Option<String>,
    pub(crate) author_is_gone: bool,
    pub(crate) local: bool,
    pub(crate) boost_of_uri: Option<String>,
    pub(crate) boosted_author_uri: Option<String>,
    pub(crate) in_reply_to_uri: Option<String>,
    pub(crate) visibility: i16,
    pub(crate) content_html: String,
    pub(crate) spoiler_text: String,
    pub(crate) sensitive: bool,
    pub(crate) language: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) edited_at: Option<DateTime<Utc>>,
    /// `[{uri, username, domain, silent}]`
    pub(crate) mentions: Value,
    pub(crate) tags: Vec<String>,
    /// `[{path, remote_url, content_type, description, blurhash, focus_x, focus_y, width, height}]`
    pub(crate) media: Value,
    /// `{multiple, ends_at, closed_at, voters_count, options: [{title, votes_count}]}`
    pub(crate) poll: Option<Value>,
}

/// These posts, in no order.
pub(crate) async fn notes(
    executor: impl PgExecutor<'_>,
    ids: &[i64],
) -> sqlx::Result<Vec<NoteRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as!(
        NoteRow,
        r#"SELECT post.id AS "id!: PostId", post.uri AS "uri!", post.url AS "url!",
                  post.author_id AS "author_id!: AccountId", author.uri AS "author_uri!",
                  author.username AS "author_username!",
                  author.followers_url AS author_followers_url,
                  (author.suspended_at IS NOT NULL OR author.deleted_at IS NOT NULL)
                      AS "author_is_gone!",
                  post.local AS "local!", boosted.uri AS "boost_of_uri?",
                  boosted_author.uri AS "boosted_author_uri?",
                  coalesce(parent.uri, post.in_reply_to_uri) AS in_reply_to_uri,
                  post.visibility AS "visibility!", post.content_html AS "content_html!",
                  post.spoiler_text AS "spoiler_text!", post.sensitive AS "sensitive!",
                  post.language, post.created_at AS "created_at!", post.edited_at,
                  (SELECT coalesce(jsonb_agg(jsonb_build_object(
                              'uri', named.uri, 'username', named.username,
                              'domain', named.domain, 'silent', mention.silent)
                              ORDER BY named.id), '[]')
                     FROM social.post_mention mention
                     JOIN social.account named ON named.id = mention.account_id
                    WHERE mention.post_id = post.id) AS "mentions!",
                  array(SELECT name FROM social.post_tag tag
                         WHERE tag.post_id = post.id ORDER BY name) AS "tags!",
                  (SELECT coalesce(jsonb_agg(jsonb_build_object(
                              'path', media.path, 'remote_url', media.remote_url,
                              'content_type', media.content_type,
                              'description', media.description, 'blurhash', media.blurhash,
                              'focus_x', media.focus_x, 'focus_y', media.focus_y,
                              'width', media.width, 'height', media.height)
                              ORDER BY media.position, media.id), '[]')
                     FROM social.media WHERE media.post_id = post.id) AS "media!",
                  (SELECT jsonb_build_object(
                              'multiple', poll.multiple, 'ends_at', poll.ends_at,
                              'closed_at', poll.closed_at, 'voters_count', poll.voters_count,
                              'options', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                              'title', option.title,
                                              'votes_count', option.votes_count)
                                              ORDER BY option.position), '[]')
                                            FROM social.poll_option option
                                           WHERE option.poll_id = poll.id))
                     FROM social.poll WHERE poll.post_id = post.id) AS poll
             FROM social.post
             JOIN social.account author ON author.id = post.author_id
             LEFT JOIN social.post boosted ON boosted.id = post.boost_of_id
             LEFT JOIN social.account boosted_author ON boosted_author.id = boosted.author_id
             LEFT JOIN social.post parent ON parent.id = post.in_reply_to_id
            WHERE post.id = ANY($1)"#,
        ids
    )
    .fetch_all(executor)
    .await
}

/// What an asker has to do with a post and its author.
#[derive(Debug)]
pub(crate) struct StandingRow {
    pub(crate) is_author: bool,
    pub(crate) follows_author: bool,
    pub(crate) is_mentioned: bool,
    pub(crate) blocked_by_author: bool,
}

/// The standing of the actor with this id towards a post; `None` where the actor is unknown, or
/// takes no part.
pub(crate) async fn standing(
    pool: &PgPool,
    post: PostId,
    author: AccountId,
    asker: &str,
) -> sqlx::Result<Option<StandingRow>> {
    sqlx::query_as!(
        StandingRow,
        r#"SELECT asker.id = $2 AS "is_author!",
                  EXISTS (SELECT FROM social.follow
                           WHERE follower_id = asker.id AND target_id = $2 AND accepted)
                      AS "follows_author!",
                  EXISTS (SELECT FROM social.post_mention
                           WHERE post_id = $1 AND account_id = asker.id) AS "is_mentioned!",
                  EXISTS (SELECT FROM social.block
                           WHERE account_id = $2 AND target_id = asker.id)
                  OR EXISTS (SELECT FROM social.domain_block hidden
                              WHERE hidden.account_id = $2
                                AND (asker.domain = hidden.domain
                                     OR right(asker.domain, length(hidden.domain) + 1)
                                        = '.' || hidden.domain)) AS "blocked_by_author!"
             FROM social.account asker
            WHERE asker.uri = $3 AND asker.suspended_at IS NULL AND asker.deleted_at IS NULL"#,
        post.number(),
        author.number(),
        asker
    )
    .fetch_optional(pool)
    .await
}

/// Whether this id was deleted here: its tombstone's time.
pub(crate) async fn buried_at(pool: &PgPool, uri: &str) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!("SELECT deleted_at FROM social.tombstone WHERE uri = $1", uri)
        .fetch_optional(pool)
        .await
}

/// Public posts and boosts of one of our accounts, newest first, below an id. A boost of what is
/// not for everyone is left out.
pub(crate) async fn outbox(
    pool: &PgPool,
    account: AccountId,
    below: i64,
    limit: i64,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT post.id
           FROM social.post LEFT JOIN social.post boosted ON boosted.id = post.boost_of_id
          WHERE post.author_id = $1 AND post.id < $2 AND post.visibility <= 1
            AND (post.boost_of_id IS NULL OR boosted.visibility <= 1)
          ORDER BY post.id DESC LIMIT $3",
        account.number(),
        below,
        limit
    )
    .fetch_all(pool)
    .await
}

/// How many public posts and boosts one of our accounts has.
pub(crate) async fn outbox_count(pool: &PgPool, account: AccountId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM social.post
            WHERE author_id = $1 AND visibility <= 1"#,
        account.number()
    )
    .fetch_one(pool)
    .await
}

/// Pinned posts that everyone may see, newest pin first.
pub(crate) async fn featured(pool: &PgPool, account: AccountId) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT post_id FROM social.pin JOIN social.post ON post.id = post_id
          WHERE account_id = $1 AND post.author_id = $1 AND visibility <= 1
          ORDER BY pin.id DESC LIMIT 50",
        account.number()
    )
    .fetch_all(pool)
    .await
}

/// An answer to a post.
#[derive(Debug)]
pub(crate) struct ReplyRow {
    pub(crate) id: i64,
    pub(crate) uri: String,
}

/// Answers to a post that everyone may see, oldest first, above an id.
pub(crate) async fn replies(
    pool: &PgPool,
    post: PostId,
    above: i64,
    limit: i64,
) -> sqlx::Result<Vec<ReplyRow>> {
    sqlx::query_as!(
        ReplyRow,
        "SELECT post.id, post.uri
           FROM social.post JOIN social.account author ON author.id = author_id
          WHERE in_reply_to_id = $1 AND post.id > $2 AND visibility <= 1
            AND boost_of_id IS NULL
            AND author.suspended_at IS NULL AND author.deleted_at IS NULL
          ORDER BY post.id LIMIT $3",
        post.number(),
        above,
        limit
    )
    .fetch_all(pool)
    .await
}
