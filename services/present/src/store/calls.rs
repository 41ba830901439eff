//! Calls that are under way.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use serde_json::Value;
use spine::Snowflake;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::call::Call;

struct Row {
    call: Uuid,
    owner: i64,
    channel: Uuid,
    space: String,
    value: Option<Value>,
    started_at: DateTime<Utc>,
}

impl Row {
    fn into_call(self) -> Option<Call> {
        Some(Call {
            call: self.call,
            owner: Snowflake(self.owner),
            channel: self.channel,
            space: self.space.parse::<SpaceId>().ok()?,
            value: self.value?,
            started_at: self.started_at,
        })
    }
}

/// A call begins; whether it was not known.
pub(crate) async fn begin(conn: &mut PgConnection, call: &Call) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO present.call (call, owner, channel, space, value, started_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        call.call,
        call.owner.0,
        call.channel,
        call.space.as_str(),
        call.value,
        call.started_at
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A call that is under way.
pub(crate) async fn active(conn: &mut PgConnection, call: Uuid) -> sqlx::Result<Option<Call>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT call, owner, channel, space, value, started_at FROM present.call
          WHERE call = $1 AND ended_at IS NULL",
        call
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.and_then(Row::into_call))
}

/// The newest call that is under way of a person, and of a channel.
pub(crate) async fn newest(
    conn: &mut PgConnection,
    owner: Snowflake,
    channel: Uuid,
) -> sqlx::Result<(Option<Call>, Option<Call>)> {
    let of_owner = sqlx::query_as!(
        Row,
        "SELECT call, owner, channel, space, value, started_at FROM present.call
          WHERE owner = $1 AND ended_at IS NULL ORDER BY started_at DESC LIMIT 1",
        owner.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let of_channel = sqlx::query_as!(
        Row,
        "SELECT call, owner, channel, space, value, started_at FROM present.call
          WHERE channel = $1 AND ended_at IS NULL ORDER BY started_at DESC LIMIT 1",
        channel
    )
    .fetch_optional(conn)
    .await?;
    Ok((of_owner.and_then(Row::into_call), of_channel.and_then(Row::into_call)))
}

/// A call has another value.
pub(crate) async fn change(conn: &mut PgConnection, call: &Call) -> sqlx::Result<()> {
    sqlx::query!("UPDATE present.call SET value = $2 WHERE call = $1", call.call, call.value)
        .execute(conn)
        .await?;
    Ok(())
}

/// A call ends; who called is forgotten.
pub(crate) async fn end(
    conn: &mut PgConnection,
    call: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("UPDATE present.call SET ended_at = $2, value = NULL WHERE call = $1", call, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Calls of which no end was told, and those that ended long ago.
pub(crate) async fn sweep(
    conn: &mut PgConnection,
    begun_before: DateTime<Utc>,
    ended_before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE present.call SET ended_at = $2, value = NULL
          WHERE ended_at IS NULL AND started_at <= $1",
        begun_before,
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("DELETE FROM present.call WHERE ended_at < $1", ended_before)
        .execute(conn)
        .await?;
    Ok(())
}

/// A caller was erased.
pub(crate) async fn unname(conn: &mut PgConnection, entity: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        r#"UPDATE present.call
              SET value = jsonb_set(value, '{from}',
                            '{"address": null, "entity": null, "name": null, "roles": []}')
            WHERE value #>> '{from,entity}' = $1::uuid::text"#,
        entity
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A person was erased: all their calls are forgotten.
pub(crate) async fn erase_of_person(
    conn: &mut PgConnection,
    person: Snowflake,
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM present.call WHERE owner = $1", person.0).execute(conn).await?;
    Ok(())
}

/// A channel was erased: all its calls are forgotten.
pub(crate) async fn erase_of_channel(conn: &mut PgConnection, channel: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM present.call WHERE channel = $1", channel).execute(conn).await?;
    Ok(())
}

/// A call was erased.
pub(crate) async fn erase(conn: &mut PgConnection, call: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM present.call WHERE call = $1", call).execute(conn).await?;
    Ok(())
}
