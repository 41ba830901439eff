//! Calls.

use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use serde_json::Value;
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{Call, CallStatus};

struct Row {
    id: Uuid,
    channel: Uuid,
    owner: i64,
    space: String,
    labels: Vec<String>,
    external_id: String,
    caller: Value,
    callee: Value,
    status: String,
    seconds: Option<i32>,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Call {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            channel: row.channel,
            owner: Snowflake(row.owner),
            space: super::space(&row.space)?,
            labels: row.labels,
            external_id: row.external_id,
            from: super::read(row.caller)?,
            to: super::read(row.callee)?,
            // An unknown state in the database is over.
            status: CallStatus::parse(&row.status).unwrap_or(CallStatus::Failed),
            seconds: row.seconds.and_then(|seconds| u32::try_from(seconds).ok()),
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
    }
}

/// Writes a call down; `false`: it is known.
pub(crate) async fn begin(conn: &mut PgConnection, call: &Call) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO communication.call
               (id, channel, owner, space, labels, external_id, caller, callee, status, started_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'ringing', $9)
           ON CONFLICT (channel, external_id) DO NOTHING"#,
        call.id,
        call.channel,
        call.owner.0,
        call.space.as_str(),
        &call.labels,
        call.external_id,
        super::party(&call.from),
        super::party(&call.to),
        call.started_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Moves a call forward; the call as it is now, where it moved.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    channel: Uuid,
    external_id: &str,
    status: CallStatus,
    seconds: Option<u32>,
    at: DateTime<Utc>,
) -> sqlx::Result<Option<Call>> {
    let row = sqlx::query_as!(
        Row,
        r#"UPDATE communication.call
              SET status = $3, seconds = coalesce($4, seconds),
                  ended_at = CASE WHEN $5 THEN greatest($6, started_at) ELSE ended_at END
            WHERE channel = $1 AND external_id = $2 AND status = ANY ($7)
           RETURNING id, channel, owner, space, labels, external_id, caller, callee, status, seconds,
                     started_at, ended_at"#,
        channel,
        external_id,
        status.name(),
        seconds.and_then(|seconds| i32::try_from(seconds).ok()),
        status.is_over(),
        at,
        &status.may_follow(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(Call::try_from).transpose()
}

/// One call.
pub(crate) async fn find(pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Call>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, channel, owner, space, labels, external_id, caller, callee, status, seconds,
                  started_at, ended_at
             FROM communication.call WHERE id = $1"#,
        id
    )
    .fetch_optional(pool)
    .await?;
    row.map(Call::try_from).transpose()
}

/// Calls that may be seen, the latest first.
pub(crate) async fn list(
    pool: &PgPool,
    permitted: &Permitted,
    channel: Option<Uuid>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<Call>> {
    let (whole, partial, hidden) = permitted.parameters();
    let (time, id) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, channel, owner, space, labels, external_id, caller, callee, status, seconds,
                  started_at, ended_at
             FROM communication.call
            WHERE (space = ANY ($1) OR (space = ANY ($2) AND NOT labels && $3))
              AND ($4::uuid IS NULL OR channel = $4)
              AND ($5::timestamptz IS NULL OR (started_at, id) < ($5, $6))
            ORDER BY started_at DESC, id DESC
            LIMIT $7"#,
        &whole,
        &partial,
        &hidden,
        channel,
        time,
        id,
        limit,
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Call::try_from).collect()
}
