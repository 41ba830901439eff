//! Statements that store posts and what belongs to them, many at a time.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::write::posts::{RemoteMedia, StoredPoll};

/// What is already known about the URIs of a batch.
pub enum Found {
    /// A post is stored under the URI.
    Post { uri: String, id: i64, author_id: i64, conversation_id: i64 },
    /// Its author deleted it before: it must not come back.
    Gone { uri: String },
    /// Earlier posts reply to this URI and wait for it.
    Awaited { uri: String },
    /// Another post has this id.
    Taken { id: i64 },
}

/// Looks up posts (`uris`: of the batch and of its parents), tombstones, orphans and ids
/// (`new_uris` with their authors and ids) in one statement.
pub async fn find(
    conn: &mut PgConnection,
    uris: &[&str],
    new_uris: &[&str],
    new_authors: &[i64],
    new_ids: &[i64],
) -> sqlx::Result<Vec<Found>> {
    let rows = sqlx::query!(
        r#"SELECT 'post' AS "what!", p.uri AS "uri!", p.id AS "id?", p.author_id AS "author_id?",
                  p.conversation_id AS "conversation_id?"
             FROM social.post p
            WHERE p.uri = ANY($1::text[])
           UNION ALL
           SELECT 'gone', t.uri, NULL, NULL, NULL
             FROM unnest($2::text[], $3::bigint[]) AS item(uri, author_id)
             JOIN social.tombstone t ON t.uri = item.uri
             JOIN social.account a ON a.id = item.author_id AND a.uri = t.actor_uri
           UNION ALL
           SELECT DISTINCT 'awaited', o.in_reply_to_uri, NULL::bigint, NULL::bigint, NULL::bigint
             FROM social.post o
            WHERE o.in_reply_to_uri = ANY($2::text[])
              AND o.in_reply_to_uri IS NOT NULL
              AND o.in_reply_to_id IS NULL
           UNION ALL
           SELECT 'taken', '', p.id, NULL, NULL FROM social.post p WHERE p.id = ANY($4)"#,
        uris as &[&str],
        new_uris as &[&str],
        new_authors,
        new_ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| match (row.what.as_str(), row.id, row.author_id, row.conversation_id) {
            ("post", Some(id), Some(author_id), Some(conversation_id)) => {
                Some(Found::Post { uri: row.uri, id, author_id, conversation_id })
            }
            ("gone", ..) => Some(Found::Gone { uri: row.uri }),
            ("awaited", ..) => Some(Found::Awaited { uri: row.uri }),
            ("taken", Some(id), ..) => Some(Found::Taken { id }),
            _ => None,
        })
        .collect())
}

/// Columns of new posts, one vector a column.
#[derive(Default)]
pub struct PostColumns<'a> {
    pub id: Vec<i64>,
    pub uri: Vec<&'a str>,
    pub url: Vec<&'a str>,
    pub author_id: Vec<i64>,
    pub local: Vec<bool>,
    pub kind: Vec<&'a str>,
    pub boost_of_id: Vec<Option<i64>>,
    pub in_reply_to_id: Vec<Option<i64>>,
    pub in_reply_to_account_id: Vec<Option<i64>>,
    pub in_reply_to_uri: Vec<Option<&'a str>>,
    pub conversation_id: Vec<i64>,
    pub visibility: Vec<i16>,
    pub content_html: Vec<&'a str>,
    pub content_text: Vec<Option<&'a str>>,
    pub spoiler_text: Vec<&'a str>,
    pub sensitive: Vec<bool>,
    pub language: Vec<Option<&'a str>>,
    pub emojis: Vec<&'a serde_json::Value>,
    pub application_name: Vec<Option<&'a str>>,
    pub application_website: Vec<Option<&'a str>>,
    pub created_at: Vec<DateTime<Utc>>,
    pub edited_at: Vec<Option<DateTime<Utc>>>,
    pub replies_url: Vec<Option<&'a str>>,
}

/// Inserts posts and counts them at their authors; the ids of those that were new. What is known
/// by its URI, a second boost of one post, and posts of authors who are gone are left out.
///
/// Account rows are locked in the order of their ids, as everywhere.
pub async fn insert(
    conn: &mut PgConnection,
    columns: &PostColumns<'_>,
    received_at: DateTime<Utc>,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"WITH inserted AS (
             INSERT INTO social.post
                    (id, uri, url, author_id, local, kind, boost_of_id, in_reply_to_id,
                     in_reply_to_account_id, in_reply_to_uri, conversation_id, visibility,
                     content_html, content_text, spoiler_text, sensitive, language, emojis,
                     application_name, application_website, created_at, edited_at, replies_url,
                     received_at)
             SELECT item.*, $24
               FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::boolean[],
                           $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[],
                           $11::bigint[], $12::smallint[], $13::text[], $14::text[], $15::text[],
                           $16::boolean[], $17::text[], $18::jsonb[], $19::text[], $20::text[],
                           $21::timestamptz[], $22::timestamptz[], $23::text[])
                    AS item(id, uri, url, author_id, local, kind, boost_of_id, in_reply_to_id,
                            in_reply_to_account_id, in_reply_to_uri, conversation_id, visibility,
                            content_html, content_text, spoiler_text, sensitive, language, emojis,
                            application_name, application_website, created_at, edited_at,
                            replies_url)
               JOIN social.account author ON author.id = item.author_id
                AND author.suspended_at IS NULL AND author.deleted_at IS NULL
             ON CONFLICT DO NOTHING
             RETURNING id, author_id, visibility, created_at
           ), locked AS (
             SELECT a.id FROM social.account a
              WHERE a.id IN (SELECT i.author_id FROM inserted i WHERE i.visibility <> 3)
              ORDER BY a.id
                FOR NO KEY UPDATE
           ), counted AS (
             UPDATE social.account a
                SET statuses_count = a.statuses_count + n.posts,
                    last_status_at = greatest(a.last_status_at, n.newest)
               FROM locked
               JOIN (SELECT i.author_id, count(*) AS posts, max(i.created_at) AS newest
                       FROM inserted i WHERE i.visibility <> 3 GROUP BY i.author_id) n
                 ON n.author_id = locked.id
              WHERE a.id = locked.id
           )
           SELECT i.id AS "id!" FROM inserted i"#,
        &columns.id,
        &columns.uri as &[&str],
        &columns.url as &[&str],
        &columns.author_id,
        &columns.local,
        &columns.kind as &[&str],
        &columns.boost_of_id as &[Option<i64>],
        &columns.in_reply_to_id as &[Option<i64>],
        &columns.in_reply_to_account_id as &[Option<i64>],
        &columns.in_reply_to_uri as &[Option<&str>],
        &columns.conversation_id,
        &columns.visibility,
        &columns.content_html as &[&str],
        &columns.content_text as &[Option<&str>],
        &columns.spoiler_text as &[&str],
        &columns.sensitive,
        &columns.language as &[Option<&str>],
        &columns.emojis as &[&serde_json::Value],
        &columns.application_name as &[Option<&str>],
        &columns.application_website as &[Option<&str>],
        &columns.created_at,
        &columns.edited_at as &[Option<DateTime<Utc>>],
        &columns.replies_url as &[Option<&str>],
        received_at,
    )
    .fetch_all(conn)
    .await
}

/// Why a post was left out by [`insert`].
pub struct LeftOut {
    /// Its place in the arguments.
    pub index: i64,
    /// The post that is stored under its URI, or its author's earlier boost of the same post.
    pub known_id: Option<i64>,
    /// Its author is suspended or deleted, or not stored.
    pub author_is_gone: bool,
}

/// Explains what [`insert`] left out: neither known nor gone means that the id was taken.
pub async fn explain(
    conn: &mut PgConnection,
    uris: &[&str],
    authors: &[i64],
    boosts: &[Option<i64>],
) -> sqlx::Result<Vec<LeftOut>> {
    sqlx::query_as!(
        LeftOut,
        r#"SELECT item.index AS "index!",
                  coalesce(p.id, b.id) AS "known_id?",
                  a.id IS NULL AS "author_is_gone!"
             FROM unnest($1::text[], $2::bigint[], $3::bigint[])
                  WITH ORDINALITY AS item(uri, author_id, boost_of_id, index)
             LEFT JOIN social.post p ON p.uri = item.uri
             LEFT JOIN social.post b
               ON b.boost_of_id = item.boost_of_id AND b.author_id = item.author_id
             LEFT JOIN social.account a ON a.id = item.author_id
              AND a.suspended_at IS NULL AND a.deleted_at IS NULL"#,
        uris as &[&str],
        authors,
        boosts as &[Option<i64>],
    )
    .fetch_all(conn)
    .await
}

/// Changes of the counters of posts, one vector a column.
#[derive(Default)]
pub struct CountChanges {
    pub post: Vec<i64>,
    pub replies: Vec<i64>,
    pub boosts: Vec<i64>,
    pub favourites: Vec<i64>,
}

impl CountChanges {
    /// Adds to a post's counters; changes of one post are summed.
    pub fn add(&mut self, post: i64, replies: i64, boosts: i64, favourites: i64) {
        let index = self.post.iter().position(|known| *known == post).unwrap_or_else(|| {
            self.post.push(post);
            self.replies.push(0);
            self.boosts.push(0);
            self.favourites.push(0);
            self.post.len() - 1
        });
        self.replies[index] += replies;
        self.boosts[index] += boosts;
        self.favourites[index] += favourites;
    }
}

/// A post whose counters changed.
pub struct Counted {
    pub id: i64,
    pub uri: String,
    pub author_id: i64,
}

/// Changes counters of posts, their rows locked in the order of their ids.
pub async fn change_counts(
    conn: &mut PgConnection,
    changes: &CountChanges,
) -> sqlx::Result<Vec<Counted>> {
    if changes.post.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as!(
        Counted,
        r#"WITH locked AS (
             SELECT p.id FROM social.post p WHERE p.id = ANY($1::bigint[])
              ORDER BY p.id FOR NO KEY UPDATE
           )
           UPDATE social.post p
              SET replies_count = greatest(0, p.replies_count + change.replies),
                  boosts_count = greatest(0, p.boosts_count + change.boosts),
                  favourites_count = greatest(0, p.favourites_count + change.favourites)
             FROM locked
             JOIN unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
                  AS change(id, replies, boosts, favourites) ON change.id = locked.id
            WHERE p.id = locked.id
           RETURNING p.id, p.uri, p.author_id"#,
        &changes.post,
        &changes.replies,
        &changes.boosts,
        &changes.favourites,
    )
    .fetch_all(conn)
    .await
}

/// A local account that a post names or addresses.
pub struct LocalMention {
    pub post_id: i64,
    pub account_id: i64,
    pub silent: bool,
}

/// Stores mentions; those of local accounts that were new.
pub async fn insert_mentions(
    conn: &mut PgConnection,
    posts: &[i64],
    accounts: &[i64],
    silent: &[bool],
) -> sqlx::Result<Vec<LocalMention>> {
    sqlx::query_as!(
        LocalMention,
        r#"WITH inserted AS (
             INSERT INTO social.post_mention (post_id, account_id, silent)
             SELECT item.post_id, item.account_id, item.silent
               FROM unnest($1::bigint[], $2::bigint[], $3::boolean[])
                    AS item(post_id, account_id, silent)
             ON CONFLICT DO NOTHING
             RETURNING post_id, account_id, silent
           )
           SELECT i.post_id AS "post_id!", i.account_id AS "account_id!", i.silent AS "silent!"
             FROM inserted i
             JOIN social.local_account l ON l.account_id = i.account_id"#,
        posts,
        accounts,
        silent,
    )
    .fetch_all(conn)
    .await
}

/// Stores hashtags.
pub async fn insert_tags(
    conn: &mut PgConnection,
    posts: &[i64],
    names: &[&str],
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.post_tag (post_id, name)
         SELECT item.post_id, item.name FROM unnest($1::bigint[], $2::text[]) AS item(post_id, name)
         ON CONFLICT DO NOTHING",
        posts,
        names as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Columns of new attachments, one vector a column.
#[derive(Default)]
pub struct MediaColumns<'a> {
    pub id: Vec<i64>,
    pub account_id: Vec<i64>,
    pub post_id: Vec<i64>,
    pub position: Vec<i16>,
    pub kind: Vec<&'a str>,
    pub content_type: Vec<&'a str>,
    pub remote_url: Vec<&'a str>,
    pub preview_remote_url: Vec<Option<&'a str>>,
    pub description: Vec<Option<&'a str>>,
    pub blurhash: Vec<Option<&'a str>>,
    pub focus_x: Vec<Option<f32>>,
    pub focus_y: Vec<Option<f32>>,
    pub width: Vec<Option<i32>>,
    pub height: Vec<Option<i32>>,
}

impl<'a> MediaColumns<'a> {
    /// Adds an attachment.
    pub fn push(
        &mut self,
        id: i64,
        account: i64,
        post: i64,
        position: i16,
        media: &'a RemoteMedia,
    ) {
        self.id.push(id);
        self.account_id.push(account);
        self.post_id.push(post);
        self.position.push(position);
        self.kind.push(&media.kind);
        self.content_type.push(&media.content_type);
        self.remote_url.push(&media.url);
        self.preview_remote_url.push(media.preview_url.as_deref());
        self.description.push(media.description.as_deref());
        self.blurhash.push(media.blurhash.as_deref());
        self.focus_x.push(media.focus.map(|focus| focus.0));
        self.focus_y.push(media.focus.map(|focus| focus.1));
        self.width.push(media.width);
        self.height.push(media.height);
    }
}

/// Stores attachments that live elsewhere.
pub async fn insert_media(
    conn: &mut PgConnection,
    columns: &MediaColumns<'_>,
    created_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.media
                (id, account_id, post_id, position, kind, content_type, remote_url,
                 preview_remote_url, description, blurhash, focus_x, focus_y, width, height,
                 created_at)
         SELECT item.*, $15
           FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::text[],
                       $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::real[],
                       $12::real[], $13::integer[], $14::integer[]) AS item",
        &columns.id,
        &columns.account_id,
        &columns.post_id,
        &columns.position,
        &columns.kind as &[&str],
        &columns.content_type as &[&str],
        &columns.remote_url as &[&str],
        &columns.preview_remote_url as &[Option<&str>],
        &columns.description as &[Option<&str>],
        &columns.blurhash as &[Option<&str>],
        &columns.focus_x as &[Option<f32>],
        &columns.focus_y as &[Option<f32>],
        &columns.width as &[Option<i32>],
        &columns.height as &[Option<i32>],
        created_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives uploads to the posts they were made for; how many were there and free. The uploader must
/// be the post's author.
pub async fn attach_media(
    conn: &mut PgConnection,
    media: &[i64],
    posts: &[i64],
    positions: &[i16],
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "UPDATE social.media m
            SET post_id = item.post_id, position = item.position
           FROM unnest($1::bigint[], $2::bigint[], $3::smallint[])
                AS item(media_id, post_id, position)
           JOIN social.post p ON p.id = item.post_id
          WHERE m.id = item.media_id
            AND m.account_id = p.author_id
            AND (m.post_id IS NULL OR m.post_id = item.post_id)",
        media,
        posts,
        positions,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Columns of new polls and their options.
#[derive(Default)]
pub struct PollColumns<'a> {
    pub id: Vec<i64>,
    pub post_id: Vec<i64>,
    pub multiple: Vec<bool>,
    pub hide_totals: Vec<bool>,
    pub ends_at: Vec<Option<DateTime<Utc>>>,
    pub voters_count: Vec<i64>,
    pub option_poll: Vec<i64>,
    pub option_position: Vec<i16>,
    pub option_title: Vec<&'a str>,
    pub option_votes: Vec<i64>,
}

impl<'a> PollColumns<'a> {
    /// Adds a post's poll.
    pub fn push(&mut self, post: i64, poll: &'a StoredPoll) {
        self.id.push(poll.id.number());
        self.post_id.push(post);
        self.multiple.push(poll.multiple);
        self.hide_totals.push(poll.hide_totals);
        self.ends_at.push(poll.ends_at);
        self.voters_count.push(poll.voters_count);
        for (position, option) in (0_i16..).zip(&poll.options) {
            self.option_poll.push(poll.id.number());
            self.option_position.push(position);
            self.option_title.push(&option.title);
            self.option_votes.push(option.votes_count);
        }
    }
}

/// Stores polls with their options.
pub async fn insert_polls(
    conn: &mut PgConnection,
    columns: &PollColumns<'_>,
    fetched_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH inserted AS (
           INSERT INTO social.poll
                  (id, post_id, multiple, hide_totals, ends_at, voters_count, fetched_at)
           SELECT item.*, $11
             FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::boolean[],
                         $5::timestamptz[], $6::bigint[]) AS item
         )
         INSERT INTO social.poll_option (poll_id, position, title, votes_count)
         SELECT option.*
           FROM unnest($7::bigint[], $8::smallint[], $9::text[], $10::bigint[]) AS option",
        &columns.id,
        &columns.post_id,
        &columns.multiple,
        &columns.hide_totals,
        &columns.ends_at as &[Option<DateTime<Utc>>],
        &columns.voters_count,
        &columns.option_poll,
        &columns.option_position,
        &columns.option_title as &[&str],
        &columns.option_votes,
        fetched_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives replies whose parents were unknown to the parents that are here now: sets parent and
/// conversation, carries conversation mutes over, and counts them at the parents.
pub async fn adopt_orphans(conn: &mut PgConnection, parent_uris: &[&str]) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH adopted AS (
           SELECT child.id, child.conversation_id AS old_conversation, child.visibility,
                  parent.id AS parent_id, parent.author_id, parent.conversation_id
             FROM social.post child
             JOIN social.post parent ON parent.uri = child.in_reply_to_uri
              AND parent.id <> child.id
            WHERE child.in_reply_to_uri = ANY($1::text[])
              AND child.in_reply_to_uri IS NOT NULL
              AND child.in_reply_to_id IS NULL
            ORDER BY child.id
              FOR NO KEY UPDATE OF child
         ), linked AS (
           UPDATE social.post p
              SET in_reply_to_id = adopted.parent_id,
                  in_reply_to_account_id = adopted.author_id,
                  in_reply_to_uri = NULL,
                  conversation_id = adopted.conversation_id
             FROM adopted
            WHERE p.id = adopted.id
         ), moved AS (
           UPDATE social.post p
              SET conversation_id = adopted.conversation_id
             FROM adopted
            WHERE p.conversation_id = adopted.old_conversation
              AND adopted.old_conversation <> adopted.conversation_id
              AND NOT EXISTS (SELECT FROM adopted other WHERE other.id = p.id)
         ), muted AS (
           INSERT INTO social.conversation_mute (account_id, conversation_id)
           SELECT DISTINCT m.account_id, adopted.conversation_id
             FROM adopted
             JOIN social.conversation_mute m ON m.conversation_id = adopted.old_conversation
           ON CONFLICT DO NOTHING
         )
         UPDATE social.post p
            SET replies_count = p.replies_count + n.replies
           FROM (SELECT adopted.parent_id, count(*) AS replies
                   FROM adopted WHERE adopted.visibility <= 1 GROUP BY adopted.parent_id) n
          WHERE p.id = n.parent_id
            AND NOT EXISTS (SELECT FROM adopted other WHERE other.id = p.id)",
        parent_uris as &[&str],
    )
    .execute(conn)
    .await?;
    Ok(())
}
