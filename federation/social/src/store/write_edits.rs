//! Statements that edit and delete posts.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A post as it is before an edit; its row is locked.
pub struct Current {
    pub uri: String,
    pub author_id: i64,
    pub local: bool,
    pub visibility: i16,
    pub content_html: String,
    pub content_text: Option<String>,
    pub spoiler_text: String,
    pub sensitive: bool,
    pub language: Option<String>,
    pub edited_at: Option<DateTime<Utc>>,
    /// `[{id, remote_url, description, focus_x, focus_y}]` in order.
    pub media: serde_json::Value,
    pub poll_multiple: Option<bool>,
    pub poll_options: Option<Vec<String>>,
}

/// Locks a post and reads what an edit may change.
pub async fn lock(conn: &mut PgConnection, post: i64) -> sqlx::Result<Option<Current>> {
    sqlx::query_as!(
        Current,
        r#"SELECT p.uri, p.author_id, p.local, p.visibility, p.content_html, p.content_text,
                  p.spoiler_text, p.sensitive, p.language, p.edited_at,
                  coalesce((SELECT jsonb_agg(jsonb_build_object(
                                     'id', m.id, 'remote_url', m.remote_url,
                                     'description', m.description,
                                     'focus_x', m.focus_x, 'focus_y', m.focus_y)
                                   ORDER BY m.position, m.id)
                              FROM social.media m WHERE m.post_id = p.id), '[]') AS "media!",
                  poll.multiple AS "poll_multiple?",
                  (SELECT array_agg(o.title ORDER BY o.position)
                     FROM social.poll_option o WHERE o.poll_id = poll.id) AS poll_options
             FROM social.post p
             LEFT JOIN social.poll poll ON poll.post_id = p.id
            WHERE p.id = $1 AND p.boost_of_id IS NULL
              FOR NO KEY UPDATE OF p"#,
        post,
    )
    .fetch_optional(conn)
    .await
}

/// Keeps the current version of a post as its newest earlier one.
pub async fn keep_version(conn: &mut PgConnection, post: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.post_edit
                (post_id, version, content_html, content_text, spoiler_text, sensitive, media,
                 poll_options, created_at)
         SELECT p.id,
                (SELECT coalesce(max(e.version), 0) + 1
                   FROM social.post_edit e WHERE e.post_id = p.id),
                p.content_html, p.content_text, p.spoiler_text, p.sensitive,
                coalesce((SELECT jsonb_agg(to_jsonb(m) ORDER BY m.position, m.id)
                            FROM social.media m WHERE m.post_id = p.id), '[]'),
                (SELECT jsonb_agg(o.title ORDER BY o.position)
                   FROM social.poll_option o
                   JOIN social.poll poll ON poll.id = o.poll_id
                  WHERE poll.post_id = p.id),
                coalesce(p.edited_at, p.created_at)
           FROM social.post p
          WHERE p.id = $1",
        post,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A post's new text.
pub struct NewText<'a> {
    pub content_html: &'a str,
    pub content_text: Option<&'a str>,
    pub spoiler_text: &'a str,
    pub sensitive: bool,
    pub language: Option<&'a str>,
    pub emojis: &'a serde_json::Value,
    pub edited_at: DateTime<Utc>,
}

/// Makes a new version current.
pub async fn change(conn: &mut PgConnection, post: i64, text: &NewText<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.post
            SET content_html = $2, content_text = $3, spoiler_text = $4, sensitive = $5,
                language = $6, emojis = $7, edited_at = $8, card = NULL
          WHERE id = $1",
        post,
        text.content_html,
        text.content_text,
        text.spoiler_text,
        text.sensitive,
        text.language,
        text.emojis,
        text.edited_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets a post's hashtags.
pub async fn set_tags(conn: &mut PgConnection, post: i64, names: &[&str]) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH dropped AS (
           DELETE FROM social.post_tag WHERE post_id = $1 AND NOT (name = ANY($2::text[]))
         )
         INSERT INTO social.post_tag (post_id, name)
         SELECT $1, name FROM unnest($2::text[]) AS name
         ON CONFLICT DO NOTHING",
        post,
        names as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Those no longer named in the text stay addressed, silently; those named again are so marked.
pub async fn set_mentions_silent(
    conn: &mut PgConnection,
    post: i64,
    named: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.post_mention
            SET silent = NOT (account_id = ANY($2::bigint[]))
          WHERE post_id = $1 AND silent = (account_id = ANY($2::bigint[]))",
        post,
        named,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes a post's attachments that live elsewhere.
pub async fn drop_remote_media(conn: &mut PgConnection, post: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM social.media WHERE post_id = $1 AND path IS NULL", post)
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives uploads of posts free again, except those kept; they are removed with other unattached
/// uploads unless a post takes them meanwhile.
pub async fn detach_media(
    conn: &mut PgConnection,
    posts: &[i64],
    keep: &[i64],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.media SET post_id = NULL, position = 0, created_at = $3
          WHERE post_id = ANY($1::bigint[]) AND path IS NOT NULL
            AND NOT (id = ANY($2::bigint[]))",
        posts,
        keep,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes a post's poll with its votes.
pub async fn drop_poll(conn: &mut PgConnection, post: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM social.poll WHERE post_id = $1", post).execute(conn).await?;
    Ok(())
}

/// A post that is about to go, or a boost that goes with it.
pub struct Leaving {
    pub id: i64,
    pub uri: String,
    pub author_id: i64,
    pub author_uri: String,
    pub local: bool,
    pub visibility: i16,
    pub boost_of_id: Option<i64>,
    pub in_reply_to_id: Option<i64>,
}

/// The posts and their boosts, with the accounts of their authors locked in the order of their ids.
pub async fn find_leaving(conn: &mut PgConnection, posts: &[i64]) -> sqlx::Result<Vec<Leaving>> {
    sqlx::query_as!(
        Leaving,
        r#"WITH leaving AS (
             SELECT p.id FROM social.post p WHERE p.id = ANY($1::bigint[])
             UNION
             SELECT p.id FROM social.post p WHERE p.boost_of_id = ANY($1::bigint[])
           ), locked AS (
             SELECT a.id, a.uri FROM social.account a
              WHERE a.id IN (SELECT p.author_id FROM social.post p JOIN leaving USING (id))
              ORDER BY a.id
                FOR NO KEY UPDATE
           )
           SELECT p.id, p.uri, p.author_id, locked.uri AS author_uri, p.local, p.visibility,
                  p.boost_of_id, p.in_reply_to_id
             FROM leaving
             JOIN social.post p ON p.id = leaving.id
             JOIN locked ON locked.id = p.author_id
            ORDER BY p.id"#,
        posts,
    )
    .fetch_all(conn)
    .await
}

/// Removes posts; the ids of those that were there. Everything that hangs on them goes with them.
pub async fn delete(conn: &mut PgConnection, posts: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "WITH locked AS (
           SELECT p.id FROM social.post p WHERE p.id = ANY($1::bigint[]) ORDER BY p.id FOR UPDATE
         ), freed AS (
           UPDATE social.post child SET in_reply_to_id = NULL
            WHERE child.in_reply_to_id = ANY($1::bigint[])
              AND NOT (child.id = ANY($1::bigint[]))
         )
         DELETE FROM social.post p USING locked WHERE p.id = locked.id RETURNING p.id",
        posts,
    )
    .fetch_all(conn)
    .await
}

/// Takes posts off their authors' counters; the account rows are already locked.
pub async fn uncount_authors(
    conn: &mut PgConnection,
    authors: &[i64],
    posts: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.account a
            SET statuses_count = greatest(0, a.statuses_count - item.posts)
           FROM unnest($1::bigint[], $2::bigint[]) AS item(author_id, posts)
          WHERE a.id = item.author_id",
        authors,
        posts,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Remembers for ever which posts were deleted and by whom. Whoever said so before, when the post was
/// not here, may not have been its author.
pub async fn insert_tombstones(
    conn: &mut PgConnection,
    uris: &[&str],
    actors: &[&str],
    deleted_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.tombstone (uri, actor_uri, deleted_at)
         SELECT item.uri, item.actor_uri, $3
           FROM unnest($1::text[], $2::text[]) AS item(uri, actor_uri)
         ON CONFLICT (uri) DO UPDATE
            SET actor_uri = excluded.actor_uri, host = NULL, expires_at = NULL
          WHERE social.tombstone.expires_at IS NOT NULL",
        uris as &[&str],
        actors as &[&str],
        deleted_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}
