//! What was erased before it happened, so that it does not happen any more.

use chrono::{DateTime, Utc};
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// These messages are not sent any more.
pub(crate) async fn messages(
    conn: &mut PgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"INSERT INTO communication.erased_message (id, erased_at)
           SELECT id, $2 FROM unnest($1::uuid[]) AS id
           ON CONFLICT (id) DO NOTHING"#,
        ids,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Nothing is written down for this person any more.
pub(crate) async fn person(
    conn: &mut PgConnection,
    person: Snowflake,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"INSERT INTO communication.erased_person (id, erased_at) VALUES ($1, $2)
           ON CONFLICT (id) DO NOTHING"#,
        person.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("DELETE FROM communication.reading WHERE person = $1", person.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether a message, or whoever sends it, was erased.
pub(crate) async fn is_erased(
    pool: &PgPool,
    message: Uuid,
    owner: Snowflake,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM communication.erased_message WHERE id = $1)
               OR EXISTS (SELECT FROM communication.erased_person WHERE id = $2) AS "is_erased!""#,
        message,
        owner.0
    )
    .fetch_one(pool)
    .await
}

/// Forgets which messages were erased, once no job can have them any more.
pub(crate) async fn forget(pool: &PgPool, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let done =
        sqlx::query!("DELETE FROM communication.erased_message WHERE erased_at < $1", before)
            .execute(pool)
            .await?;
    Ok(done.rows_affected())
}
