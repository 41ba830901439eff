//! What commands read before they change anything, and the small things they keep.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

/// A local account that acts.
#[derive(Clone, Debug)]
pub struct ActorRow {
    pub id: i64,
    pub username: String,
    pub uri: String,
    pub url: String,
    pub followers_url: Option<String>,
    pub featured_url: Option<String>,
    pub is_gone: bool,
    pub default_visibility: i16,
    pub default_sensitive: bool,
    pub default_language: Option<String>,
}

/// A local account by its id, gone or not.
pub async fn actor(pool: &PgPool, account: i64) -> sqlx::Result<Option<ActorRow>> {
    sqlx::query_as!(
        ActorRow,
        r#"SELECT a.id, a.username, a.uri, a.url, a.followers_url, a.featured_url,
                  (a.suspended_at IS NOT NULL OR a.deleted_at IS NOT NULL) AS "is_gone!",
                  l.default_visibility, l.default_sensitive, l.default_language
             FROM social.account a
             JOIN social.local_account l ON l.account_id = a.id
            WHERE a.id = $1"#,
        account,
    )
    .fetch_optional(pool)
    .await
}

/// A post as a command sees it, with the actor's standing.
#[derive(Clone, Debug)]
pub struct PostRow {
    pub id: i64,
    pub uri: String,
    pub author_id: i64,
    pub author_uri: String,
    pub author_is_local: bool,
    pub visibility: i16,
    pub conversation_id: i64,
    pub boost_of_id: Option<i64>,
    pub in_reply_to_id: Option<i64>,
    pub is_author: bool,
    pub follows_author: bool,
    pub is_mentioned: bool,
    pub blocked_by_author: bool,
    pub author_is_gone: bool,
}

/// A post with the actor's standing towards it.
pub async fn post(
    conn: &mut PgConnection,
    post: i64,
    viewer: i64,
) -> sqlx::Result<Option<PostRow>> {
    sqlx::query_as!(
        PostRow,
        r#"SELECT p.id, p.uri, p.author_id, a.uri AS author_uri,
                  a.domain IS NULL AS "author_is_local!", p.visibility, p.conversation_id,
                  p.boost_of_id, p.in_reply_to_id,
                  p.author_id = $2 AS "is_author!",
                  EXISTS (SELECT FROM social.follow f
                           WHERE f.follower_id = $2 AND f.target_id = p.author_id AND f.accepted)
                    AS "follows_author!",
                  EXISTS (SELECT FROM social.post_mention m
                           WHERE m.post_id = p.id AND m.account_id = $2) AS "is_mentioned!",
                  EXISTS (SELECT FROM social.block b
                           WHERE b.account_id = p.author_id AND b.target_id = $2)
                    AS "blocked_by_author!",
                  (a.suspended_at IS NOT NULL OR a.deleted_at IS NOT NULL) AS "author_is_gone!"
             FROM social.post p
             JOIN social.account a ON a.id = p.author_id
            WHERE p.id = $1"#,
        post,
        viewer,
    )
    .fetch_optional(conn)
    .await
}

/// Another account as a command sees it, with its relations to the actor.
#[derive(Clone, Debug)]
pub struct TargetRow {
    pub id: i64,
    pub uri: String,
    pub is_local: bool,
    pub locked: bool,
    pub is_gone: bool,
    pub moved_to: Option<i64>,
    pub also_known_as: Vec<String>,
    pub blocks_actor: bool,
    pub blocked_by_actor: bool,
    /// `None`: the actor neither follows nor asked to.
    pub follow_accepted: Option<bool>,
    pub follow_uri: Option<String>,
    pub follow_shows_boosts: Option<bool>,
    pub follow_notifies: Option<bool>,
    pub follow_languages: Option<Vec<String>>,
}

/// Another account with its relations to the actor.
pub async fn target(
    conn: &mut PgConnection,
    actor: i64,
    target: i64,
) -> sqlx::Result<Option<TargetRow>> {
    sqlx::query_as!(
        TargetRow,
        r#"SELECT a.id, a.uri, a.domain IS NULL AS "is_local!", a.locked,
                  (a.suspended_at IS NOT NULL OR a.deleted_at IS NOT NULL) AS "is_gone!",
                  a.moved_to, a.also_known_as,
                  EXISTS (SELECT FROM social.block b
                           WHERE b.account_id = a.id AND b.target_id = $1) AS "blocks_actor!",
                  EXISTS (SELECT FROM social.block b
                           WHERE b.account_id = $1 AND b.target_id = a.id)
                    AS "blocked_by_actor!",
                  f.accepted AS "follow_accepted?", f.uri AS "follow_uri?",
                  f.show_boosts AS "follow_shows_boosts?", f.notify AS "follow_notifies?",
                  f.languages AS "follow_languages?"
             FROM social.account a
             LEFT JOIN social.follow f ON f.follower_id = $1 AND f.target_id = a.id
            WHERE a.id = $2"#,
        actor,
        target,
    )
    .fetch_optional(conn)
    .await
}

/// Someone whom a text names.
#[derive(Clone, Debug)]
pub struct HandleRow {
    pub id: i64,
    pub url: String,
    pub username: String,
    pub domain: Option<String>,
    /// Place in the arguments, from 1.
    pub index: i64,
}

/// The accounts with these handles; a host of `None` is ours.
pub async fn by_handles(
    pool: &PgPool,
    usernames: &[&str],
    hosts: &[Option<&str>],
) -> sqlx::Result<Vec<HandleRow>> {
    sqlx::query_as!(
        HandleRow,
        r#"SELECT a.id, a.url, a.username, a.domain, item.index AS "index!"
             FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS item(username, host, index)
             JOIN social.account a
               ON lower(a.username) = lower(item.username)
              AND coalesce(a.domain, '') = coalesce(item.host, '')
            WHERE a.suspended_at IS NULL AND a.deleted_at IS NULL"#,
        usernames as &[&str],
        hosts as &[Option<&str>],
    )
    .fetch_all(pool)
    .await
}

/// The account with this id, as [`by_handles`] gives it.
pub async fn by_id(pool: &PgPool, account: i64) -> sqlx::Result<Option<HandleRow>> {
    sqlx::query_as!(
        HandleRow,
        r#"SELECT id, url, username, domain, 1::bigint AS "index!"
             FROM social.account
            WHERE id = $1 AND suspended_at IS NULL AND deleted_at IS NULL"#,
        account,
    )
    .fetch_optional(pool)
    .await
}

/// Remembers which post a key made, or learns which one it made since `since`: (account, key,
/// post), in no order. A key that another transaction holds is waited for.
pub async fn remember_keys(
    conn: &mut PgConnection,
    accounts: &[i64],
    keys: &[&str],
    posts: &[i64],
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> sqlx::Result<Vec<(i64, String, i64)>> {
    let rows = sqlx::query!(
        "INSERT INTO social.idempotency AS i (account_id, key, post_id, created_at)
         SELECT item.account_id, item.key, item.post_id, $4
           FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS item(account_id, key, post_id)
          ORDER BY item.account_id, item.key
         ON CONFLICT (account_id, key) DO UPDATE
            SET post_id = CASE WHEN i.created_at < $5 THEN excluded.post_id ELSE i.post_id END,
                created_at = CASE WHEN i.created_at < $5 THEN excluded.created_at
                                  ELSE i.created_at END
         RETURNING account_id, key, post_id",
        accounts,
        keys as &[&str],
        posts,
        now,
        since,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.key, row.post_id)).collect())
}

/// The post that a key made since `since`.
pub async fn made_by_key(
    pool: &PgPool,
    account: i64,
    key: &str,
    since: DateTime<Utc>,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "SELECT post_id FROM social.idempotency
          WHERE account_id = $1 AND key = $2 AND created_at >= $3",
        account,
        key,
        since,
    )
    .fetch_optional(pool)
    .await
}

/// Forgets keys older than `before`.
pub async fn prune_keys(conn: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM social.idempotency WHERE created_at < $1", before)
        .execute(conn)
        .await?;
    Ok(())
}

/// Removes mutes that ended before `now`.
pub async fn prune_mutes(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM social.mute WHERE expires_at < $1", now).execute(conn).await?;
    Ok(())
}

/// The uploads of an account among these that are free or belong to `post`: id and kind.
pub async fn usable_media(
    conn: &mut PgConnection,
    account: i64,
    media: &[i64],
    post: Option<i64>,
) -> sqlx::Result<Vec<(i64, String)>> {
    let rows = sqlx::query!(
        "SELECT id, kind FROM social.media
          WHERE id = ANY($2::bigint[]) AND account_id = $1
            AND (post_id IS NULL OR post_id = $3)",
        account,
        media,
        post,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.kind)).collect())
}

/// A poll as a voter sees it.
pub struct PollRow {
    pub post_id: i64,
    pub multiple: bool,
    pub ends_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub has_voted: bool,
    pub titles: Vec<String>,
}

/// A poll as this account sees it.
pub async fn poll(conn: &mut PgConnection, poll: i64, voter: i64) -> sqlx::Result<Option<PollRow>> {
    sqlx::query_as!(
        PollRow,
        r#"SELECT poll.post_id, poll.multiple, poll.ends_at, poll.closed_at,
                  EXISTS (SELECT FROM social.poll_vote v
                           WHERE v.poll_id = poll.id AND v.account_id = $2) AS "has_voted!",
                  array(SELECT o.title FROM social.poll_option o WHERE o.poll_id = poll.id
                         ORDER BY o.position) AS "titles!"
             FROM social.poll poll WHERE poll.id = $1"#,
        poll,
        voter,
    )
    .fetch_optional(conn)
    .await
}

/// The account's own boost of a post.
pub async fn boost_of(
    conn: &mut PgConnection,
    account: i64,
    post: i64,
) -> sqlx::Result<Option<(i64, String, i16)>> {
    let row = sqlx::query!(
        "SELECT id, uri, visibility FROM social.post WHERE boost_of_id = $2 AND author_id = $1",
        account,
        post,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.id, row.uri, row.visibility)))
}

/// How many posts an account has pinned.
pub async fn count_pins(conn: &mut PgConnection, account: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM social.pin WHERE account_id = $1"#,
        account,
    )
    .fetch_one(conn)
    .await
}

/// A list of accounts.
pub struct ListRow {
    pub id: i64,
    pub title: String,
    pub replies_policy: String,
    pub exclusive: bool,
}

/// Creates a list.
pub async fn insert_list(
    conn: &mut PgConnection,
    account: i64,
    list: &ListRow,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.list (id, account_id, title, replies_policy, exclusive)
         VALUES ($1, $2, $3, $4, $5)",
        list.id,
        account,
        list.title,
        list.replies_policy,
        list.exclusive,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes a list, what is `None` stays; whether the account has it.
pub async fn update_list(
    conn: &mut PgConnection,
    account: i64,
    list: i64,
    title: Option<&str>,
    replies_policy: Option<&str>,
    exclusive: Option<bool>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE social.list
            SET title = coalesce($3, title), replies_policy = coalesce($4, replies_policy),
                exclusive = coalesce($5, exclusive)
          WHERE id = $2 AND account_id = $1",
        account,
        list,
        title,
        replies_policy,
        exclusive,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a list; whether the account had it.
pub async fn delete_list(conn: &mut PgConnection, account: i64, list: i64) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("DELETE FROM social.list WHERE id = $2 AND account_id = $1", account, list)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether the account has this list.
pub async fn has_list(conn: &mut PgConnection, account: i64, list: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM social.list WHERE id = $2 AND account_id = $1)
             AS "has!""#,
        account,
        list,
    )
    .fetch_one(conn)
    .await
}

/// Puts people whom the account follows (or itself) into a list; how many of them it may.
pub async fn insert_members(
    conn: &mut PgConnection,
    account: i64,
    list: i64,
    members: &[i64],
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"WITH allowed AS (
             SELECT f.target_id AS id FROM social.follow f
              WHERE f.follower_id = $1 AND f.target_id = ANY($3::bigint[])
             UNION
             SELECT $1 WHERE $1 = ANY($3::bigint[])
           ), inserted AS (
             INSERT INTO social.list_member (list_id, account_id)
             SELECT $2, id FROM allowed
             ON CONFLICT DO NOTHING
           )
           SELECT count(*) AS "count!" FROM allowed"#,
        account,
        list,
        members,
    )
    .fetch_one(conn)
    .await
}

/// Takes people out of a list.
pub async fn delete_members(
    conn: &mut PgConnection,
    list: i64,
    members: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.list_member WHERE list_id = $1 AND account_id = ANY($2::bigint[])",
        list,
        members,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Follows a hashtag.
pub async fn insert_followed_tag(
    conn: &mut PgConnection,
    id: i64,
    account: i64,
    name: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.followed_tag (id, account_id, name) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING",
        id,
        account,
        name,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stops following a hashtag.
pub async fn delete_followed_tag(
    conn: &mut PgConnection,
    account: i64,
    name: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.followed_tag WHERE account_id = $1 AND name = $2",
        account,
        name,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets how far a timeline was read.
pub async fn set_marker(
    conn: &mut PgConnection,
    account: i64,
    timeline: &str,
    last_read: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.marker AS m (account_id, timeline, last_read_id, version, updated_at)
         VALUES ($1, $2, $3, 1, $4)
         ON CONFLICT (account_id, timeline) DO UPDATE
            SET last_read_id = excluded.last_read_id, version = m.version + 1,
                updated_at = excluded.updated_at",
        account,
        timeline,
        last_read,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets how far notifications were read, never back.
pub async fn set_notifications_read(
    conn: &mut PgConnection,
    account: i64,
    last_read: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE social.local_account
            SET last_notification_read = greatest(last_notification_read, $2)
          WHERE account_id = $1",
        account,
        last_read,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The source of a post, for an edit.
pub struct SourceRow {
    pub uri: String,
    pub visibility: i16,
    pub local: bool,
    pub author_id: i64,
    pub content_text: Option<String>,
    pub sensitive: bool,
    pub language: Option<String>,
}

/// What an edit needs to know of a post.
pub async fn source(conn: &mut PgConnection, post: i64) -> sqlx::Result<Option<SourceRow>> {
    sqlx::query_as!(
        SourceRow,
        "SELECT uri, visibility, local, author_id, content_text, sensitive, language
           FROM social.post WHERE id = $1 AND boost_of_id IS NULL",
        post,
    )
    .fetch_optional(conn)
    .await
}

/// The URIs of posts of one author among these.
pub async fn uris_of(
    conn: &mut PgConnection,
    author: i64,
    posts: &[i64],
) -> sqlx::Result<Vec<(i64, String)>> {
    let rows = sqlx::query!(
        "SELECT id, uri FROM social.post WHERE author_id = $1 AND id = ANY($2::bigint[])",
        author,
        posts,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.uri)).collect())
}
