//! Statements about blocks, mutes, blocked hosts and notes on people.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Blocks to store, one vector a column.
#[derive(Default)]
pub struct BlockColumns<'a> {
    pub id: Vec<i64>,
    pub account_id: Vec<i64>,
    pub target_id: Vec<i64>,
    pub uri: Vec<&'a str>,
}

/// Stores blocks; (account, target) of those that were new.
pub async fn insert_blocks(
    conn: &mut PgConnection,
    columns: &BlockColumns<'_>,
    created_at: DateTime<Utc>,
) -> sqlx::Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        "INSERT INTO social.block (id, account_id, target_id, uri, created_at)
         SELECT item.id, item.account_id, item.target_id, item.uri, $5
           FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[])
                AS item(id, account_id, target_id, uri)
         ON CONFLICT DO NOTHING
         RETURNING account_id, target_id",
        &columns.id,
        &columns.account_id,
        &columns.target_id,
        &columns.uri as &[&str],
        created_at,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.target_id)).collect())
}

/// A block that ended.
pub struct Block {
    pub account_id: i64,
    pub target_id: i64,
    pub uri: String,
}

/// Removes blocks; those that were there.
pub async fn delete_blocks(
    conn: &mut PgConnection,
    accounts: &[i64],
    targets: &[i64],
) -> sqlx::Result<Vec<Block>> {
    sqlx::query_as!(
        Block,
        "DELETE FROM social.block b
          USING unnest($1::bigint[], $2::bigint[]) AS pair(account_id, target_id)
          WHERE b.account_id = pair.account_id AND b.target_id = pair.target_id
         RETURNING b.account_id, b.target_id, b.uri",
        accounts,
        targets,
    )
    .fetch_all(conn)
    .await
}

/// Takes targets out of the lists of these accounts, pair by pair.
pub async fn unlist(conn: &mut PgConnection, owners: &[i64], members: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.list_member m
          USING unnest($1::bigint[], $2::bigint[]) AS pair(owner_id, member_id)
           JOIN social.list l ON l.account_id = pair.owner_id
          WHERE m.list_id = l.id AND m.account_id = pair.member_id",
        owners,
        members,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores or renews a mute; whether it is new.
pub async fn upsert_mute(
    conn: &mut PgConnection,
    id: i64,
    account: i64,
    target: i64,
    notifications: bool,
    expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"INSERT INTO social.mute AS m
                  (id, account_id, target_id, notifications, expires_at, created_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (account_id, target_id) DO UPDATE
              SET notifications = excluded.notifications, expires_at = excluded.expires_at
           RETURNING (m.xmax = 0) AS "is_new!""#,
        id,
        account,
        target,
        notifications,
        expires_at,
        created_at,
    )
    .fetch_one(conn)
    .await
}

/// Removes a mute; whether it was there.
pub async fn delete_mute(conn: &mut PgConnection, account: i64, target: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM social.mute WHERE account_id = $1 AND target_id = $2",
        account,
        target,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Blocks a host for one account; whether that is new.
pub async fn insert_domain_block(
    conn: &mut PgConnection,
    id: i64,
    account: i64,
    domain: &str,
    created_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO social.domain_block (id, account_id, domain, reason, created_at)
         VALUES ($1, $2, $3, '', $4)
         ON CONFLICT DO NOTHING",
        id,
        account,
        domain,
        created_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Unblocks a host for one account; whether it was blocked.
pub async fn delete_domain_block(
    conn: &mut PgConnection,
    account: i64,
    domain: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "DELETE FROM social.domain_block
          WHERE account_id = $1 AND domain = $2",
        account,
        domain,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes what a local account has of the people of a host: home entries and notifications.
pub async fn clear_domain(conn: &mut PgConnection, account: i64, domain: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH stranger AS (
           SELECT id FROM social.account WHERE domain = $2 OR right(domain, length($2) + 1) = '.' || $2
         ), silenced AS (
           DELETE FROM social.notification n USING stranger
            WHERE n.account_id = $1 AND n.from_id = stranger.id
         )
         DELETE FROM social.home_entry h USING stranger
          WHERE h.account_id = $1 AND h.author_id = stranger.id",
        account,
        domain,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets (or, when empty, removes) a person's note on another.
pub async fn set_account_note(
    conn: &mut PgConnection,
    account: i64,
    target: i64,
    comment: &str,
) -> sqlx::Result<()> {
    if comment.is_empty() {
        sqlx::query!(
            "DELETE FROM social.account_note WHERE account_id = $1 AND target_id = $2",
            account,
            target,
        )
        .execute(conn)
        .await?;
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO social.account_note (account_id, target_id, comment) VALUES ($1, $2, $3)
         ON CONFLICT (account_id, target_id) DO UPDATE SET comment = excluded.comment",
        account,
        target,
        comment,
    )
    .execute(conn)
    .await?;
    Ok(())
}
