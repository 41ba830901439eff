//! What an operator sees of the bus and may ask of it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::ledger::{self, Position};
use crate::{EventId, Spine, SpineError};

/// A durable consumer as an operator sees it.
#[derive(Clone, Debug)]
pub struct ConsumerState {
    /// Its stable name.
    pub name: String,
    /// Everything up to here is handled.
    pub position: Position,
    /// When it last handled something.
    pub moved_at: DateTime<Utc>,
    /// The event it cannot get past at the moment, how often it tried, and why not.
    pub failing: Option<(EventId, u32, String)>,
    /// How many events of it are dead.
    pub dead: u64,
}

/// An event that a consumer could not handle.
#[derive(Clone, Debug)]
pub struct DeadEvent {
    /// Which consumer.
    pub consumer: String,
    /// Which event.
    pub event: EventId,
    /// The event's type.
    pub kind: String,
    /// Where it is in the ledger.
    pub position: Position,
    /// What the handler said last.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was put away.
    pub died_at: DateTime<Utc>,
    /// Whether it is about to be tried again.
    pub retry_wanted: bool,
}

/// A range of events that is delivered again to a consumer.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Its id.
    pub id: Uuid,
    /// Which consumer.
    pub consumer: String,
    /// Done up to here.
    pub position: Position,
    /// Up to and including here.
    pub until: Position,
    /// How many events were delivered.
    pub delivered: u64,
    /// When it was done.
    pub finished_at: Option<DateTime<Utc>>,
}

/// How far the ledger is published to NATS.
#[derive(Clone, Copy, Debug)]
pub struct RelayState {
    /// Everything up to here is in the stream (written down once a second).
    pub position: Position,
    /// The number of the stream's last message.
    pub stream_sequence: u64,
    /// When that was.
    pub moved_at: DateTime<Utc>,
}

/// Which events to replay.
#[derive(Clone, Copy, Debug)]
pub enum ReplayRange {
    /// From one place to another, both included.
    Positions(Position, Position),
    /// What happened from one time on and before another.
    Times(DateTime<Utc>, DateTime<Utc>),
    /// Everything there is now.
    All,
}

/// All consumers that ever registered, by name.
///
/// # Errors
/// The database failed.
pub async fn consumers(spine: &Spine) -> Result<Vec<ConsumerState>, SpineError> {
    let rows = sqlx::query!(
        r#"SELECT c.name, c.transaction_order, c.sequence, c.moved_at, c.failing_event,
                  c.failing_attempts, c.failing_error,
                  (SELECT count(*) FROM spine.dead_event d WHERE d.consumer = c.name) AS "dead!"
             FROM spine.consumer c ORDER BY c.name"#
    )
    .fetch_all(spine.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ConsumerState {
            name: row.name,
            position: Position { transaction_order: row.transaction_order, sequence: row.sequence },
            moved_at: row.moved_at,
            failing: row.failing_event.map(|id| {
                let attempts = u32::try_from(row.failing_attempts).unwrap_or(0);
                (EventId(id), attempts, row.failing_error.unwrap_or_default())
            }),
            dead: u64::try_from(row.dead).unwrap_or(0),
        })
        .collect())
}

/// Dead events, oldest first, of one consumer or of all, at most `limit`.
///
/// # Errors
/// The database failed.
pub async fn dead_events(
    spine: &Spine,
    consumer: Option<&str>,
    limit: u32,
) -> Result<Vec<DeadEvent>, SpineError> {
    let rows = sqlx::query!(
        r#"SELECT consumer, event_id, type AS kind, transaction_order, sequence, error, attempts,
                  died_at, retry_wanted_at
             FROM spine.dead_event
            WHERE $1::text IS NULL OR consumer = $1
            ORDER BY died_at, event_id LIMIT $2"#,
        consumer,
        i64::from(limit)
    )
    .fetch_all(spine.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DeadEvent {
            consumer: row.consumer,
            event: EventId(row.event_id),
            kind: row.kind,
            position: Position { transaction_order: row.transaction_order, sequence: row.sequence },
            error: row.error,
            attempts: u32::try_from(row.attempts).unwrap_or(0),
            died_at: row.died_at,
            retry_wanted: row.retry_wanted_at.is_some(),
        })
        .collect())
}

/// Has dead events tried again: these of a consumer, or all of it. A process that runs the
/// consumer does so within about a second. Returns how many there are.
///
/// # Errors
/// The database failed.
pub async fn retry_dead(
    spine: &Spine,
    consumer: &str,
    events: Option<&[EventId]>,
) -> Result<u64, SpineError> {
    let ids: Option<Vec<Uuid>> = events.map(|events| events.iter().map(|id| id.0).collect());
    let result = sqlx::query!(
        "UPDATE spine.dead_event SET retry_wanted_at = $3
          WHERE consumer = $1 AND ($2::uuid[] IS NULL OR event_id = ANY($2))",
        consumer,
        ids.as_deref(),
        spine.clock().now()
    )
    .execute(spine.pool())
    .await?;
    Ok(result.rows_affected())
}

/// Gives dead events up for good: these of a consumer, or all of it. The events stay in the ledger.
///
/// # Errors
/// The database failed.
pub async fn drop_dead(
    spine: &Spine,
    consumer: &str,
    events: Option<&[EventId]>,
) -> Result<u64, SpineError> {
    let ids: Option<Vec<Uuid>> = events.map(|events| events.iter().map(|id| id.0).collect());
    let result = sqlx::query!(
        "DELETE FROM spine.dead_event
          WHERE consumer = $1 AND ($2::uuid[] IS NULL OR event_id = ANY($2))",
        consumer,
        ids.as_deref()
    )
    .execute(spine.pool())
    .await?;
    Ok(result.rows_affected())
}

/// Has a range of events delivered again to a consumer's handler, in order, beside its live flow
/// and whether it saw them before or not. A process that runs the consumer begins within about a
/// second; the answer names the replay.
///
/// # Errors
/// The database failed, or there is no such consumer.
pub async fn replay(spine: &Spine, consumer: &str, range: ReplayRange) -> Result<Uuid, SpineError> {
    let (first, last) = match range {
        ReplayRange::Positions(first, last) => (first, last),
        ReplayRange::Times(from, to) => {
            let end = ledger::position_at(spine, to).await?;
            let head = ledger::head(spine).await?;
            match ledger::position_at(spine, from).await? {
                Some(first) => (first, end.map_or(head, Position::before)),
                None => (head, Position::START),
            }
        }
        ReplayRange::All => (Position::START, ledger::head(spine).await?),
    };
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM spine.consumer WHERE name = $1) AS "known!""#,
        consumer
    )
    .fetch_one(spine.pool())
    .await?;
    if !known {
        let names: Vec<String> = consumers(spine).await?.into_iter().map(|one| one.name).collect();
        return Err(SpineError::Settings(match names.is_empty() {
            true => format!("there is no consumer {consumer}: none ever registered"),
            false => format!("there is no consumer {consumer}; there are: {}", names.join(", ")),
        }));
    }
    let id = Uuid::now_v7();
    let start = first.before();
    sqlx::query!(
        "INSERT INTO spine.replay (id, consumer, transaction_order, sequence, until_order,
                                   until_sequence, wanted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        consumer,
        start.transaction_order,
        start.sequence,
        last.transaction_order,
        last.sequence,
        spine.clock().now()
    )
    .execute(spine.pool())
    .await?;
    Ok(id)
}

/// Replays, newest first, at most `limit`.
///
/// # Errors
/// The database failed.
pub async fn replays(spine: &Spine, limit: u32) -> Result<Vec<Replay>, SpineError> {
    let rows = sqlx::query!(
        "SELECT id, consumer, transaction_order, sequence, until_order, until_sequence, delivered,
                finished_at
           FROM spine.replay ORDER BY wanted_at DESC LIMIT $1",
        i64::from(limit)
    )
    .fetch_all(spine.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Replay {
            id: row.id,
            consumer: row.consumer,
            position: Position { transaction_order: row.transaction_order, sequence: row.sequence },
            until: Position { transaction_order: row.until_order, sequence: row.until_sequence },
            delivered: u64::try_from(row.delivered).unwrap_or(0),
            finished_at: row.finished_at,
        })
        .collect())
}

/// How far the relay is; `None` where it never published anything.
///
/// # Errors
/// The database failed.
pub async fn relay_state(spine: &Spine) -> Result<Option<RelayState>, SpineError> {
    let row = sqlx::query!(
        "SELECT transaction_order, sequence, stream_sequence, moved_at
           FROM spine.relay WHERE stream = $1",
        spine.namespace()
    )
    .fetch_optional(spine.pool())
    .await?;
    Ok(row.map(|row| RelayState {
        position: Position { transaction_order: row.transaction_order, sequence: row.sequence },
        stream_sequence: u64::try_from(row.stream_sequence).unwrap_or(0),
        moved_at: row.moved_at,
    }))
}
