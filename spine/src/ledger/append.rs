//! Writing events: all of a transaction's in one statement, together with the keys they need.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::seal::{Binding, Bucket, DataKey, SubjectKeys, WrappedKey};
use crate::{Cause, EventId, SpineError};

/// How often the keys are looked up anew when they are destroyed under our hands.
const ATTEMPTS: usize = 5;

/// An event that waits for its transaction's commit.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) id: EventId,
    pub(crate) kind: &'static str,
    pub(crate) source: &'static str,
    pub(crate) subject: String,
    pub(crate) time: DateTime<Utc>,
    pub(crate) cause: Arc<Cause>,
    /// JSON text.
    pub(crate) data: Vec<u8>,
    /// Which key seals it and when that key ends; `None`: it stays open.
    pub(crate) seal: Option<(Bucket, Option<DateTime<Utc>>)>,
}

/// What an append did.
pub(crate) struct Appended {
    /// The transaction's number in the ledger.
    pub(crate) transaction_order: i64,
    /// Keys made or met: worth remembering once the transaction is committed.
    pub(crate) keys: Vec<(Bucket, DataKey)>,
}

struct NewKey {
    key: DataKey,
    expires_at: Option<DateTime<Utc>>,
}

/// Writes the events, the first with the given place within the transaction.
///
/// One round trip where every key is either known to this process or new to everyone; where a key
/// turns out to exist already, or to be destroyed, two or three.
pub(crate) async fn append(
    conn: &mut PgConnection,
    keys: &SubjectKeys,
    events: &[Pending],
    first_sequence: i32,
) -> Result<Appended, SpineError> {
    // What is known is used, what is not is made: BTreeMap, so that everyone inserts keys in one
    // order and nobody waits in a circle.
    let mut used: HashMap<Bucket, DataKey> = HashMap::new();
    let mut wanted: BTreeMap<Bucket, NewKey> = BTreeMap::new();
    for (bucket, expires_at) in events.iter().filter_map(|event| event.seal.as_ref()) {
        if used.contains_key(bucket) || wanted.contains_key(bucket) {
            continue;
        }
        match keys.known(bucket) {
            Some(key) => {
                used.insert(bucket.clone(), key);
            }
            None => {
                let key = NewKey { key: DataKey::generate()?, expires_at: *expires_at };
                wanted.insert(bucket.clone(), key);
            }
        }
    }
    for _ in 0..ATTEMPTS {
        let outcome = write(conn, keys, events, first_sequence, &used, &wanted).await?;
        let made = wanted.into_iter().map(|(bucket, new)| (bucket, new.key));
        if let Some(transaction_order) = outcome {
            let keys = used.into_iter().chain(made).collect();
            return Ok(Appended { transaction_order, keys });
        }
        for bucket in used.keys() {
            keys.forget(bucket);
        }
        used = settle_keys(conn, keys, events).await?;
        wanted = BTreeMap::new();
    }
    Err(SpineError::Seal("the keys of a subject keep being destroyed"))
}

/// Writes keys and events, or, where a wanted key exists already or a used one is gone, no event.
async fn write(
    conn: &mut PgConnection,
    keys: &SubjectKeys,
    events: &[Pending],
    first_sequence: i32,
    used: &HashMap<Bucket, DataKey>,
    wanted: &BTreeMap<Bucket, NewKey>,
) -> Result<Option<i64>, SpineError> {
    let made = KeyColumns::of(keys, wanted.iter())?;
    let used_ids: Vec<Uuid> = used.values().map(|key| key.id).collect();
    let key_of = |bucket: &Bucket| {
        used.get(bucket)
            .or_else(|| wanted.get(bucket).map(|new| &new.key))
            .ok_or(SpineError::Seal("a payload has no key"))
    };
    let columns = EventColumns::of(events, first_sequence, key_of)?;
    let order = sqlx::query_scalar!(
        r#"WITH made AS (
               INSERT INTO spine.subject_key (id, subject, bucket, wrapped, expires_at)
               SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[],
                                    $5::timestamptz[])
               ON CONFLICT (subject, bucket) WHERE wrapped IS NOT NULL DO NOTHING
               RETURNING id
           ), written AS (
               INSERT INTO spine.event (sequence, id, type, source, subject, time, actor, space,
                                        purpose, correlation_id, causation_id, traceparent,
                                        key_id, data)
               SELECT * FROM unnest($7::integer[], $8::uuid[], $9::text[], $10::text[],
                                    $11::text[], $12::timestamptz[], $13::text[], $14::text[],
                                    $15::text[], $16::uuid[], $17::uuid[], $18::text[],
                                    $19::uuid[], $20::bytea[])
                WHERE (SELECT count(*) FROM made) = cardinality($1::uuid[])
                  AND (SELECT count(*) FROM spine.subject_key
                        WHERE id = ANY($6) AND wrapped IS NOT NULL) = cardinality($6::uuid[])
               RETURNING transaction_order
           )
           SELECT max(transaction_order) FROM written"#,
        &made.ids,
        &made.subjects,
        &made.spans,
        &made.wrapped,
        &made.expires as &[Option<DateTime<Utc>>],
        &used_ids,
        &columns.sequences,
        &columns.ids,
        &columns.kinds as &[&str],
        &columns.sources as &[&str],
        &columns.subjects as &[&str],
        &columns.times,
        &columns.actors as &[Option<&str>],
        &columns.spaces as &[Option<&str>],
        &columns.purposes as &[Option<&str>],
        &columns.correlations as &[Option<Uuid>],
        &columns.causations as &[Option<Uuid>],
        &columns.traces as &[Option<&str>],
        &columns.keys as &[Option<Uuid>],
        &columns.data
    )
    .fetch_one(conn)
    .await?;
    Ok(order)
}

/// The slow way to the keys: make those that are missing, then read what is there. A concurrent
/// creator of the same key is waited for by the insert and seen by the read.
async fn settle_keys(
    conn: &mut PgConnection,
    keys: &SubjectKeys,
    events: &[Pending],
) -> Result<HashMap<Bucket, DataKey>, SpineError> {
    let mut buckets: BTreeMap<Bucket, NewKey> = BTreeMap::new();
    for (bucket, expires_at) in events.iter().filter_map(|event| event.seal.as_ref()) {
        if !buckets.contains_key(bucket) {
            let key = NewKey { key: DataKey::generate()?, expires_at: *expires_at };
            buckets.insert(bucket.clone(), key);
        }
    }
    let columns = KeyColumns::of(keys, buckets.iter())?;
    for _ in 0..ATTEMPTS {
        sqlx::query!(
            "INSERT INTO spine.subject_key (id, subject, bucket, wrapped, expires_at)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[],
                                  $5::timestamptz[])
             ON CONFLICT DO NOTHING",
            &columns.ids,
            &columns.subjects,
            &columns.spans,
            &columns.wrapped,
            &columns.expires as &[Option<DateTime<Utc>>]
        )
        .execute(&mut *conn)
        .await?;
        let rows = sqlx::query!(
            r#"SELECT k.id, k.subject, k.bucket, k.wrapped AS "wrapped!"
                 FROM unnest($1::text[], $2::text[]) AS wanted (subject, bucket)
                 JOIN spine.subject_key k
                   ON k.subject = wanted.subject COLLATE "C"
                  AND k.bucket = wanted.bucket COLLATE "C" AND k.wrapped IS NOT NULL"#,
            &columns.subjects,
            &columns.spans
        )
        .fetch_all(&mut *conn)
        .await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in rows {
            let bucket = Bucket { subject: row.subject.into(), span: row.bucket.into() };
            let wrapped = WrappedKey { id: row.id, bucket: bucket.clone(), wrapped: row.wrapped };
            found.insert(bucket, wrapped.unwrap_with(keys.node())?);
        }
        if buckets.keys().all(|bucket| found.contains_key(bucket)) {
            return Ok(found);
        }
    }
    Err(SpineError::Seal("the keys of a subject keep being destroyed"))
}

#[derive(Default)]
struct KeyColumns {
    ids: Vec<Uuid>,
    subjects: Vec<String>,
    spans: Vec<String>,
    wrapped: Vec<Vec<u8>>,
    expires: Vec<Option<DateTime<Utc>>>,
}

impl KeyColumns {
    fn of<'a>(
        keys: &SubjectKeys,
        wanted: impl Iterator<Item = (&'a Bucket, &'a NewKey)>,
    ) -> Result<Self, SpineError> {
        let mut columns = Self::default();
        for (bucket, new) in wanted {
            columns.ids.push(new.key.id);
            columns.subjects.push(bucket.subject.to_string());
            columns.spans.push(bucket.span.to_string());
            columns.wrapped.push(new.key.wrapped(keys.node(), bucket)?);
            columns.expires.push(new.expires_at);
        }
        Ok(columns)
    }
}

#[derive(Default)]
struct EventColumns<'a> {
    sequences: Vec<i32>,
    ids: Vec<Uuid>,
    kinds: Vec<&'a str>,
    sources: Vec<&'a str>,
    subjects: Vec<&'a str>,
    times: Vec<DateTime<Utc>>,
    actors: Vec<Option<&'a str>>,
    spaces: Vec<Option<&'a str>>,
    purposes: Vec<Option<&'a str>>,
    correlations: Vec<Option<Uuid>>,
    causations: Vec<Option<Uuid>>,
    traces: Vec<Option<&'a str>>,
    keys: Vec<Option<Uuid>>,
    data: Vec<Vec<u8>>,
}

impl<'a> EventColumns<'a> {
    fn of<'k>(
        events: &'a [Pending],
        first_sequence: i32,
        key_of: impl Fn(&Bucket) -> Result<&'k DataKey, SpineError>,
    ) -> Result<Self, SpineError> {
        let mut columns = Self::default();
        for (event, sequence) in events.iter().zip(first_sequence..) {
            columns.sequences.push(sequence);
            columns.ids.push(event.id.0);
            columns.kinds.push(event.kind);
            columns.sources.push(event.source);
            columns.subjects.push(&event.subject);
            columns.times.push(event.time);
            columns.actors.push(event.cause.actor.as_deref());
            columns.spaces.push(event.cause.space.as_deref());
            columns.purposes.push(event.cause.purpose.as_deref());
            columns.correlations.push(event.cause.correlation.or(event.cause.event).map(|id| id.0));
            columns.causations.push(event.cause.event.map(|id| id.0));
            columns.traces.push(event.cause.traceparent.as_deref());
            match &event.seal {
                None => {
                    columns.keys.push(None);
                    columns.data.push(event.data.clone());
                }
                Some((bucket, _)) => {
                    let key = key_of(bucket)?;
                    let binding =
                        Binding { id: event.id, kind: event.kind, subject: &event.subject };
                    columns.keys.push(Some(key.id));
                    columns.data.push(key.seal(&binding, &event.data)?);
                }
            }
        }
        Ok(columns)
    }
}
