//! Reading the ledger.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::{Position, Stored};
use crate::seal::{Bucket, NodeKey, WrappedKey};
use crate::{Cause, Event, EventId, Filter, Spine, SpineError};

/// A page ends with the event that brings its payloads to this many bytes.
const PAGE_BYTES: usize = 8 << 20;

/// An event and its place in the ledger.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Where it is.
    pub position: Position,
    /// The event, opened.
    pub event: Event,
}

/// Some events in ledger order.
#[derive(Clone, Debug)]
pub struct Page {
    /// The events.
    pub events: Vec<Recorded>,
    /// Where to read on: the place of the last event, or where the reading began.
    pub end: Position,
    /// There may be more that could be read at once.
    pub full: bool,
}

/// What [`list`] looks for; every part narrows it down.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Exactly this type.
    pub kind: Option<String>,
    /// About exactly this subject.
    pub subject: Option<String>,
    /// Happened at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Happened before this time.
    pub to: Option<DateTime<Utc>>,
    /// Before this place: for the next page.
    pub before: Option<Position>,
}

/// The types of a filter, as the statements take them.
#[derive(Clone, Debug)]
pub(crate) struct Patterns {
    all: bool,
    exact: Vec<String>,
    like: Vec<String>,
}

impl From<&Filter> for Patterns {
    fn from(filter: &Filter) -> Self {
        let mut patterns = Self { all: false, exact: Vec::new(), like: Vec::new() };
        match filter {
            Filter::All => patterns.all = true,
            Filter::Types(types) => {
                for pattern in *types {
                    match pattern.strip_suffix('*') {
                        Some(prefix) => patterns.like.push(format!(
                            "{}%",
                            prefix.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
                        )),
                        None => patterns.exact.push((*pattern).to_owned()),
                    }
                }
            }
        }
        patterns
    }
}

struct Row {
    transaction_order: i64,
    sequence: i32,
    id: Uuid,
    kind: String,
    source: String,
    subject: String,
    time: DateTime<Utc>,
    actor: Option<String>,
    space: Option<String>,
    purpose: Option<String>,
    correlation_id: Option<Uuid>,
    causation_id: Option<Uuid>,
    traceparent: Option<String>,
    key_id: Option<Uuid>,
    data: Vec<u8>,
    key_subject: Option<String>,
    key_bucket: Option<String>,
    key_wrapped: Option<Vec<u8>>,
}

impl Row {
    fn into_stored(self) -> (Stored, Option<WrappedKey>) {
        let key = match (self.key_id, self.key_subject, self.key_bucket, self.key_wrapped) {
            (Some(id), Some(subject), Some(span), Some(wrapped)) => Some(WrappedKey {
                id,
                bucket: Bucket { subject: subject.into(), span: span.into() },
                wrapped,
            }),
            _ => None,
        };
        let stored = Stored {
            position: Position {
                transaction_order: self.transaction_order,
                sequence: self.sequence,
            },
            id: EventId(self.id),
            kind: self.kind,
            source: self.source,
            subject: self.subject,
            time: self.time,
            cause: Cause {
                event: self.causation_id.map(EventId),
                correlation: self.correlation_id.map(EventId),
                actor: self.actor,
                space: self.space,
                purpose: self.purpose,
                traceparent: self.traceparent,
            },
            key: self.key_id,
            data: self.data,
        };
        (stored, key)
    }

    fn into_recorded(self, node: &NodeKey) -> Recorded {
        let (stored, key) = self.into_stored();
        Recorded { position: stored.position, event: stored.open(node, key.as_ref()) }
    }
}

/// The events after `position` that pass the filter, at most `limit` and not many megabytes, opened,
/// in commit order. What is not there yet can only appear later in the order.
///
/// # Errors
/// The database failed.
pub async fn read_after(
    spine: &Spine,
    position: Position,
    filter: &Filter,
    limit: u32,
) -> Result<Page, SpineError> {
    let (pool, now) = (spine.worker_pool(), spine.clock().now());
    read_with(pool, spine.node_key(), now, position, &filter.into(), limit).await
}

/// [`read_after`] for those who have the parts only.
pub(crate) async fn read_with(
    executor: impl PgExecutor<'_>,
    node: &NodeKey,
    now: DateTime<Utc>,
    position: Position,
    patterns: &Patterns,
    limit: u32,
) -> Result<Page, SpineError> {
    let rows = rows_after(executor, now, position, patterns, limit).await?;
    let bytes: usize = rows.iter().map(|row| row.data.len()).sum();
    let full = rows.len() >= limit as usize || bytes >= PAGE_BYTES;
    let events: Vec<_> = rows.into_iter().map(|row| row.into_recorded(node)).collect();
    let end = events.last().map_or(position, |last| last.position);
    Ok(Page { events, end, full })
}

/// The same, still sealed, of every type: for the relay.
pub(crate) async fn read_stored(
    executor: impl PgExecutor<'_>,
    position: Position,
    limit: u32,
) -> Result<Vec<Stored>, SpineError> {
    let all = Patterns::from(&Filter::All);
    let rows = rows_after(executor, DateTime::UNIX_EPOCH, position, &all, limit).await?;
    Ok(rows.into_iter().map(|row| row.into_stored().0).collect())
}

async fn rows_after(
    executor: impl PgExecutor<'_>,
    now: DateTime<Utc>,
    position: Position,
    patterns: &Patterns,
    limit: u32,
) -> Result<Vec<Row>, SpineError> {
    // `transaction_order >= $1` says nothing new, but it is what leaves out old partitions.
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT e.transaction_order, e.sequence, e.id, e.kind, e.source, e.subject,
                  e.time, e.actor, e.space, e.purpose, e.correlation_id, e.causation_id,
                  e.traceparent, e.key_id, e.data, k.subject AS "key_subject?",
                  k.bucket AS "key_bucket?", k.wrapped AS "key_wrapped?"
             FROM (SELECT page.*,
                          sum(octet_length(data)) OVER (ORDER BY transaction_order, sequence)
                          - octet_length(data) AS bytes_before
                     FROM (SELECT transaction_order, sequence, id, type AS kind, source, subject,
                                  time, actor, space, purpose, correlation_id, causation_id,
                                  traceparent, key_id, data
                             FROM spine.event
                            WHERE (transaction_order, sequence) > ($1, $2)
                              AND transaction_order >= $1
                              AND transaction_order < spine.transaction_horizon()
                              AND ($3 OR type = ANY($4) OR type LIKE ANY($5))
                            ORDER BY transaction_order, sequence
                            LIMIT $6) AS page) AS e
             LEFT JOIN spine.subject_key k
               ON k.id = e.key_id AND (k.expires_at IS NULL OR k.expires_at > $7)
            WHERE e.bytes_before < $8
            ORDER BY e.transaction_order, e.sequence"#,
        position.transaction_order,
        position.sequence,
        patterns.all,
        &patterns.exact,
        &patterns.like,
        i64::from(limit),
        now,
        i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX)
    )
    .fetch_all(executor)
    .await?;
    Ok(rows)
}

/// Whether the ledger has an event after `position` that passes the filter,
/// readable already or not.
pub(crate) async fn exists_after(
    executor: impl PgExecutor<'_>,
    position: Position,
    patterns: &Patterns,
) -> Result<bool, SpineError> {
    let exists = sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM spine.event
                WHERE (transaction_order, sequence) > ($1, $2) AND transaction_order >= $1
                  AND ($3 OR type = ANY($4) OR type LIKE ANY($5))
           ) AS "exists!""#,
        position.transaction_order,
        position.sequence,
        patterns.all,
        &patterns.exact,
        &patterns.like
    )
    .fetch_one(executor)
    .await?;
    Ok(exists)
}

/// One event, opened.
///
/// # Errors
/// The database failed.
pub async fn by_id(spine: &Spine, id: EventId) -> Result<Option<Recorded>, SpineError> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT e.transaction_order, e.sequence, e.id, e.type AS kind, e.source, e.subject,
                  e.time, e.actor, e.space, e.purpose, e.correlation_id, e.causation_id,
                  e.traceparent, e.key_id, e.data, k.subject AS "key_subject?",
                  k.bucket AS "key_bucket?", k.wrapped AS "key_wrapped?"
             FROM spine.event e
             LEFT JOIN spine.subject_key k
               ON k.id = e.key_id AND (k.expires_at IS NULL OR k.expires_at > $2)
            WHERE e.id = $1"#,
        id.0,
        spine.clock().now()
    )
    .fetch_optional(spine.worker_pool())
    .await?;
    Ok(row.map(|row| row.into_recorded(spine.node_key())))
}

/// Which of these events the ledger does not have at their places: the first one's index.
pub(crate) async fn first_unknown(
    executor: impl PgExecutor<'_>,
    events: &[(Position, EventId)],
) -> Result<Option<u64>, SpineError> {
    let orders: Vec<i64> = events.iter().map(|(place, _)| place.transaction_order).collect();
    let sequences: Vec<i32> = events.iter().map(|(place, _)| place.sequence).collect();
    let ids: Vec<Uuid> = events.iter().map(|(_, id)| id.0).collect();
    // A subquery for each: always a look into the primary key of one partition, whatever the
    // planner thinks of the array's length.
    let number = sqlx::query_scalar!(
        r#"SELECT wanted.number AS "number!"
             FROM unnest($1::bigint[], $2::integer[], $3::uuid[]) WITH ORDINALITY
                  AS wanted (transaction_order, sequence, id, number)
            WHERE (SELECT e.id FROM spine.event e
                    WHERE e.transaction_order = wanted.transaction_order
                      AND e.sequence = wanted.sequence) IS DISTINCT FROM wanted.id
            ORDER BY wanted.number LIMIT 1"#,
        &orders,
        &sequences,
        &ids
    )
    .fetch_optional(executor)
    .await?;
    Ok(number.and_then(|number| u64::try_from(number - 1).ok()))
}

/// Events that match, newest first, at most `limit`: for people who look at the ledger.
///
/// # Errors
/// The database failed.
pub async fn list(spine: &Spine, query: &Query, limit: u32) -> Result<Vec<Recorded>, SpineError> {
    let before = query.before.unwrap_or(Position::END);
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT e.transaction_order, e.sequence, e.id, e.type AS kind, e.source, e.subject,
                  e.time, e.actor, e.space, e.purpose, e.correlation_id, e.causation_id,
                  e.traceparent, e.key_id, e.data, k.subject AS "key_subject?",
                  k.bucket AS "key_bucket?", k.wrapped AS "key_wrapped?"
             FROM spine.event e
             LEFT JOIN spine.subject_key k
               ON k.id = e.key_id AND (k.expires_at IS NULL OR k.expires_at > $8)
            WHERE (e.transaction_order, e.sequence) < ($1, $2) AND e.transaction_order <= $1
              AND ($3::text IS NULL OR e.type = $3)
              AND ($4::text IS NULL OR e.subject = $4)
              AND ($5::timestamptz IS NULL OR e.time >= $5)
              AND ($6::timestamptz IS NULL OR e.time < $6)
            ORDER BY e.transaction_order DESC, e.sequence DESC
            LIMIT $7"#,
        before.transaction_order,
        before.sequence,
        query.kind.as_deref(),
        query.subject.as_deref(),
        query.from,
        query.to,
        i64::from(limit),
        spine.clock().now()
    )
    .fetch_all(spine.pool())
    .await?;
    Ok(rows.into_iter().map(|row| row.into_recorded(spine.node_key())).collect())
}

/// The place of the newest committed event; the start where there is none.
///
/// # Errors
/// The database failed.
pub async fn head(spine: &Spine) -> Result<Position, SpineError> {
    let position = sqlx::query_as!(
        Position,
        "SELECT transaction_order, sequence FROM spine.event
          ORDER BY transaction_order DESC, sequence DESC LIMIT 1"
    )
    .fetch_optional(spine.worker_pool())
    .await?;
    Ok(position.unwrap_or(Position::START))
}

/// The place before which nothing can appear any more: what is committed later is after it. So may
/// be a few events that were committed just now, while an older transaction runs.
pub(crate) async fn readable_end(spine: &Spine) -> Result<Position, SpineError> {
    let horizon = sqlx::query_scalar!(r#"SELECT spine.transaction_horizon() AS "horizon!""#)
        .fetch_one(spine.worker_pool())
        .await?;
    Ok(Position { transaction_order: horizon, sequence: 0 }.before())
}

/// The place of the first event that happened at `time` or later; `None` where there is none yet.
///
/// # Errors
/// The database failed.
pub async fn position_at(
    spine: &Spine,
    time: DateTime<Utc>,
) -> Result<Option<Position>, SpineError> {
    let position = sqlx::query_as!(
        Position,
        "SELECT transaction_order, sequence FROM spine.event WHERE time >= $1
          ORDER BY transaction_order, sequence LIMIT 1",
        time
    )
    .fetch_optional(spine.worker_pool())
    .await?;
    Ok(position)
}

/// The place of the last readable event with a smaller id; the start where there is none.
pub(crate) async fn last_before(
    executor: impl PgExecutor<'_>,
    id: Uuid,
) -> Result<Position, SpineError> {
    let position = sqlx::query_as!(
        Position,
        "SELECT transaction_order, sequence FROM spine.event
          WHERE id < $1 AND transaction_order < spine.transaction_horizon()
          ORDER BY id DESC LIMIT 1",
        id
    )
    .fetch_optional(executor)
    .await?;
    Ok(position.unwrap_or(Position::START))
}

/// The keys with these ids that still exist.
pub(crate) async fn wrapped_keys(
    executor: impl PgExecutor<'_>,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, WrappedKey>, SpineError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"SELECT id, subject, bucket, wrapped AS "wrapped!"
             FROM spine.subject_key
            WHERE id = ANY($1) AND wrapped IS NOT NULL
              AND (expires_at IS NULL OR expires_at > $2)"#,
        ids,
        now
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let bucket = Bucket { subject: row.subject.into(), span: row.bucket.into() };
            (row.id, WrappedKey { id: row.id, bucket, wrapped: row.wrapped })
        })
        .collect())
}
