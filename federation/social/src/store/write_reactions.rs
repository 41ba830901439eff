//! Statements about favourites, bookmarks, pins and muted conversations.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Favourites to store, one vector a column.
#[derive(Default)]
pub struct FavouriteColumns<'a> {
    pub id: Vec<i64>,
    pub account_id: Vec<i64>,
    pub post_id: Vec<i64>,
    pub uri: Vec<&'a str>,
}

/// Stores favourites of posts that are there; (account, post) of those that were new.
pub async fn insert_favourites(
    conn: &mut PgConnection,
    columns: &FavouriteColumns<'_>,
    created_at: DateTime<Utc>,
) -> sqlx::Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        "INSERT INTO social.favourite (id, account_id, post_id, uri, created_at)
         SELECT item.id, item.account_id, item.post_id, item.uri, $5
           FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])
                AS item(id, account_id, post_id, uri)
           JOIN social.post p ON p.id = item.post_id
         ON CONFLICT DO NOTHING
         RETURNING account_id, post_id",
        &columns.id,
        &columns.account_id,
        &columns.post_id,
        &columns.uri as &[&str],
        created_at,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.post_id)).collect())
}

/// A favourite that was taken back.
pub struct Favourite {
    pub account_id: i64,
    pub post_id: i64,
    pub uri: String,
}

/// Removes favourites; those that were there.
pub async fn delete_favourites(
    conn: &mut PgConnection,
    accounts: &[i64],
    posts: &[i64],
) -> sqlx::Result<Vec<Favourite>> {
    sqlx::query_as!(
        Favourite,
        "DELETE FROM social.favourite f
          USING unnest($1::bigint[], $2::bigint[]) AS item(account_id, post_id)
          WHERE f.account_id = item.account_id AND f.post_id = item.post_id
         RETURNING f.account_id, f.post_id, f.uri",
        accounts,
        posts,
    )
    .fetch_all(conn)
    .await
}

/// Some favourites of an account, at most `limit`.
pub async fn favourites_of(
    conn: &mut PgConnection,
    account: i64,
    limit: i64,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT post_id FROM social.favourite WHERE account_id = $1 LIMIT $2",
        account,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Bookmarks a post; whether that is new.
pub async fn insert_bookmark(
    conn: &mut PgConnection,
    id: i64,
    account: i64,
    post: i64,
    created_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO social.bookmark (id, account_id, post_id, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        id,
        account,
        post,
        created_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes a bookmark; whether it was there.
pub async fn delete_bookmark(
    conn: &mut PgConnection,
    account: i64,
    post: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM social.bookmark WHERE account_id = $1 AND post_id = $2",
        account,
        post,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Pins an account's own posts; those that were not pinned. At most `most` stay pinned: beyond that
/// nothing is added.
pub async fn insert_pins(
    conn: &mut PgConnection,
    ids: &[i64],
    account: i64,
    posts: &[i64],
    most: i64,
    created_at: DateTime<Utc>,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "INSERT INTO social.pin (id, account_id, post_id, created_at)
         SELECT item.id, $2, item.post_id, $5
           FROM unnest($1::bigint[], $3::bigint[]) AS item(id, post_id)
           JOIN social.post p ON p.id = item.post_id AND p.author_id = $2
            AND p.boost_of_id IS NULL
          WHERE (SELECT count(*) FROM social.pin WHERE account_id = $2) < $4
         ON CONFLICT DO NOTHING
         RETURNING post_id",
        ids,
        account,
        posts,
        most,
        created_at,
    )
    .fetch_all(conn)
    .await
}

/// Unpins posts; those that were pinned.
pub async fn delete_pins(
    conn: &mut PgConnection,
    account: i64,
    posts: &[i64],
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "DELETE FROM social.pin WHERE account_id = $1 AND post_id = ANY($2::bigint[])
         RETURNING post_id",
        account,
        posts,
    )
    .fetch_all(conn)
    .await
}

/// The posts that an account has pinned.
pub async fn pins_of(conn: &mut PgConnection, account: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!("SELECT post_id FROM social.pin WHERE account_id = $1", account)
        .fetch_all(conn)
        .await
}

/// URIs of posts.
pub async fn uris(conn: &mut PgConnection, posts: &[i64]) -> sqlx::Result<Vec<(i64, String)>> {
    let rows = sqlx::query!("SELECT id, uri FROM social.post WHERE id = ANY($1::bigint[])", posts)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.uri)).collect())
}

/// Mutes a conversation; whether that is new.
pub async fn insert_conversation_mute(
    conn: &mut PgConnection,
    account: i64,
    conversation: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO social.conversation_mute (account_id, conversation_id) VALUES ($1, $2)
         ON CONFLICT DO NOTHING",
        account,
        conversation,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends the mute of a conversation; whether there was one.
pub async fn delete_conversation_mute(
    conn: &mut PgConnection,
    account: i64,
    conversation: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM social.conversation_mute WHERE account_id = $1 AND conversation_id = $2",
        account,
        conversation,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
