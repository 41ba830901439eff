//! What a channel leaves behind when it is erased, and what need not be remembered.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Deletes some of a channel's messages; which, and where they were.
pub(crate) async fn delete_messages(
    conn: &mut PgConnection,
    channel: Uuid,
    most: i64,
) -> sqlx::Result<Vec<(Uuid, SpaceId)>> {
    let rows = sqlx::query!(
        r#"DELETE FROM communication.message
            WHERE id IN (SELECT id FROM communication.message WHERE channel = $1 LIMIT $2)
           RETURNING id, space"#,
        channel,
        most
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.id, super::space(&row.space)?))).collect()
}

/// Deletes some of a channel's calls; which, and where they were.
pub(crate) async fn delete_calls(
    conn: &mut PgConnection,
    channel: Uuid,
    most: i64,
) -> sqlx::Result<Vec<(Uuid, SpaceId)>> {
    let rows = sqlx::query!(
        r#"DELETE FROM communication.call
            WHERE id IN (SELECT id FROM communication.call WHERE channel = $1 LIMIT $2)
           RETURNING id, space"#,
        channel,
        most
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.id, super::space(&row.space)?))).collect()
}

/// Deletes some of a channel's conversations, once they are empty; which, and where they were.
pub(crate) async fn delete_conversations(
    conn: &mut PgConnection,
    channel: Uuid,
    most: i64,
) -> sqlx::Result<Vec<(Uuid, SpaceId)>> {
    let rows = sqlx::query!(
        r#"DELETE FROM communication.conversation
            WHERE id IN (SELECT id FROM communication.conversation AS known
                          WHERE channel = $1
                            AND NOT EXISTS (SELECT FROM communication.message
                                             WHERE conversation = known.id)
                          LIMIT $2)
           RETURNING id, space"#,
        channel,
        most
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.id, super::space(&row.space)?))).collect()
}

/// Forgets words about messages that never became known.
pub(crate) async fn forget_early(pool: &PgPool, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let done =
        sqlx::query!("DELETE FROM communication.early_status WHERE received_at < $1", before)
            .execute(pool)
            .await?;
    Ok(done.rows_affected())
}
