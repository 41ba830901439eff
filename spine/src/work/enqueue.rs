//! Enqueueing: jobs become durable with whatever else their transaction does.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};
use uuid::{Builder, Uuid, Variant};

use super::{BatchJob, Concurrency, Job, JobOptions, Lane};
use crate::group::GroupWrite;
use crate::wake::{JobWake, Wakes};
use crate::{Cause, EventId, JobId, Spine, SpineError};

/// A job about to be enqueued.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Made from event, kind and part where an event triggers the job, so that a repeat has the
    /// same id; else new.
    pub id: JobId,
    /// The job's stable name.
    pub kind: &'static str,
    /// Where it waits.
    pub lane: Lane,
    /// The job as JSON.
    pub payload: String,
    /// Why it is scheduled; its event is the idempotency key.
    pub cause: Cause,
    /// When it was enqueued.
    pub enqueued_at: DateTime<Utc>,
    /// Not before this time.
    pub run_at: Option<DateTime<Utc>>,
    /// Higher goes first within the lane.
    pub priority: i16,
    /// Of which key only so many run at a time.
    pub concurrency: Option<Concurrency>,
    /// After this many failed attempts it is a dead letter.
    pub max_attempts: u16,
    /// How long after its worker fell silent another may claim it.
    pub lease: Duration,
}

impl NewJob {
    /// A job as it is enqueued at `now` because of `cause`.
    ///
    /// # Errors
    /// The job cannot be written as JSON.
    pub fn of<J: Job>(
        job: &J,
        cause: &Cause,
        options: JobOptions,
        now: DateTime<Utc>,
    ) -> Result<Self, SpineError> {
        let fixed = Fixed {
            kind: J::KIND,
            lane: J::LANE,
            max_attempts: J::MAX_ATTEMPTS,
            lease: J::LEASE,
            concurrency: job.concurrency(),
        };
        Self::new(job, fixed, cause, options, now)
    }

    /// An item of a batch job as it is enqueued at `now` because of `cause`.
    ///
    /// # Errors
    /// The job cannot be written as JSON.
    pub fn of_item<J: BatchJob>(
        job: &J,
        cause: &Cause,
        options: JobOptions,
        now: DateTime<Utc>,
    ) -> Result<Self, SpineError> {
        let fixed = Fixed {
            kind: J::KIND,
            lane: J::LANE,
            max_attempts: J::MAX_ATTEMPTS,
            lease: J::LEASE,
            concurrency: None,
        };
        Self::new(job, fixed, cause, options, now)
    }

    fn new(
        job: &impl Serialize,
        fixed: Fixed,
        cause: &Cause,
        options: JobOptions,
        now: DateTime<Utc>,
    ) -> Result<Self, SpineError> {
        let mut cause = cause.clone();
        if let Some(event) = options.because_of {
            cause.correlation = cause.correlation.or(cause.event).or(Some(event));
            cause.event = Some(event);
        }
        let id = match cause.event {
            Some(event) => derive_id(event, fixed.kind, options.part.as_deref()),
            None => JobId::new(),
        };
        Ok(Self {
            id,
            kind: fixed.kind,
            lane: fixed.lane,
            payload: serde_json::to_string(job)?,
            cause,
            enqueued_at: now,
            run_at: options.run_at.filter(|time| *time > now),
            priority: options.priority,
            concurrency: fixed.concurrency,
            max_attempts: fixed.max_attempts,
            lease: fixed.lease,
        })
    }
}

/// What a type of job says about each of its jobs.
struct Fixed {
    kind: &'static str,
    lane: Lane,
    max_attempts: u16,
    lease: Duration,
    concurrency: Option<Concurrency>,
}

/// The id of the job that this event triggers: the event's time, then a hash of event, kind and
/// part. A UUIDv8 (RFC 9562, section 5.8), sortable by time like the event's own.
fn derive_id(event: EventId, kind: &str, part: Option<&str>) -> JobId {
    let mut hash = Sha256::new();
    hash.update(event.0.as_bytes());
    hash.update(kind.as_bytes());
    if let Some(part) = part {
        hash.update([0]);
        hash.update(part.as_bytes());
    }
    let mut bytes = *event.0.as_bytes();
    bytes[8..].copy_from_slice(&hash.finalize()[..8]);
    let id = Builder::from_custom_bytes(bytes).with_variant(Variant::RFC4122).into_uuid();
    JobId(id)
}

impl Spine {
    /// Schedules one job that belongs to no other change; durable when this returns. Jobs that are
    /// scheduled at the same moment share a transaction. A job that belongs to other changes goes
    /// through their [`crate::Tx`].
    ///
    /// # Errors
    /// The job cannot be written as JSON; the database failed; too many wait.
    pub async fn schedule<J: Job>(
        &self,
        job: &J,
        cause: &Cause,
        options: JobOptions,
    ) -> Result<JobId, SpineError> {
        let job = NewJob::of(job, cause, options, self.clock().now())?;
        let id = job.id;
        self.0.scheduling.submit(job).await?;
        Ok(id)
    }
}

/// Jobs of their own, as [`Spine::schedule`] takes them.
pub(crate) struct Scheduling {
    pub(crate) pool: PgPool,
    pub(crate) wakes: Arc<Wakes>,
}

#[async_trait]
impl GroupWrite for Scheduling {
    type Item = NewJob;
    type Done = ();
    type Error = SpineError;
    const MOST: usize = 500;

    async fn write(&self, jobs: &[NewJob]) -> Result<Vec<()>, SpineError> {
        let enqueued = if one_statement_suffices(jobs) {
            enqueue(&mut *self.pool.acquire().await?, jobs).await?
        } else {
            let mut transaction = self.pool.begin().await?;
            let enqueued = enqueue(&mut transaction, jobs).await?;
            transaction.commit().await?;
            enqueued
        };
        self.wakes.committed(None, enqueued.wake());
        Ok(vec![(); jobs.len()])
    }

    fn is_unavailable(error: &SpineError) -> bool {
        error.is_unavailable()
    }
}

/// What [`enqueue`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// How many jobs are new; the others were enqueued before.
    pub new: u64,
    /// Which lanes have jobs that can start at once: wake their workers after the commit.
    pub ready: [bool; 3],
    /// Whether any waits for its time: wake those who watch the clock after the commit.
    pub deferred: bool,
}

impl Enqueued {
    /// Whom to wake after the commit.
    pub(crate) fn wake(self) -> JobWake {
        let ready: JobWake =
            Lane::ALL.into_iter().filter(|lane| self.ready[lane.index()]).collect();
        match self {
            Self { new: 0, .. } => JobWake::default(),
            Self { deferred: true, .. } => ready | JobWake::DEFERRED,
            _ => ready,
        }
    }
}

/// Enqueues jobs as part of the connection's transaction, in one statement for all jobs that differ
/// only in their payload, cause and concurrency key. A job whose id is known already, waiting or
/// done, is left as it is.
///
/// # Errors
/// The database failed.
pub async fn enqueue(conn: &mut PgConnection, jobs: &[NewJob]) -> Result<Enqueued, SpineError> {
    let mut enqueued = Enqueued::default();
    for job in jobs {
        match job.run_at {
            Some(_) => enqueued.deferred = true,
            None => enqueued.ready[job.lane.index()] = true,
        }
    }
    enqueued.new = match jobs {
        [] => 0,
        [job] => insert_one(conn, job).await?,
        _ => insert_many(conn, jobs).await?,
    };
    Ok(enqueued)
}

/// What all jobs of one statement have in common.
#[derive(PartialEq, Eq, Hash)]
struct Shape<'a> {
    kind: &'a str,
    lane: i16,
    state: i16,
    priority: i16,
    max_attempts: i16,
    lease_ms: i32,
    limit: Option<i16>,
    /// Triggered by an event, thus unique by more than its own id.
    keyed: bool,
}

impl<'a> Shape<'a> {
    fn of(job: &'a NewJob) -> Self {
        Self {
            kind: job.kind,
            lane: job.lane as i16,
            state: if job.run_at.is_some() { DEFERRED } else { READY },
            priority: job.priority,
            max_attempts: i16::try_from(job.max_attempts.max(1)).unwrap_or(i16::MAX),
            lease_ms: i32::try_from(job.lease.as_millis()).unwrap_or(i32::MAX),
            // A limit of none would never run: at least one may.
            limit: job
                .concurrency
                .as_ref()
                .map(|concurrency| i16::try_from(concurrency.limit.max(1)).unwrap_or(i16::MAX)),
            keyed: job.cause.event.is_some(),
        }
    }
}

/// Whether one statement, which is a transaction by itself, enqueues all of these.
fn one_statement_suffices(jobs: &[NewJob]) -> bool {
    let mut shapes = jobs.iter().map(Shape::of);
    let first = shapes.next();
    shapes.all(|shape| Some(&shape) == first.as_ref())
}

/// The cause as it is stored; most of a system's own jobs have none.
fn stored_cause(cause: &Cause) -> Result<Option<String>, SpineError> {
    let some = *cause != Cause::default();
    Ok(some.then(|| serde_json::to_string(cause)).transpose()?)
}

async fn insert_one(conn: &mut PgConnection, job: &NewJob) -> Result<u64, SpineError> {
    let shape = Shape::of(job);
    let cause = stored_cause(&job.cause)?;
    let result = sqlx::query!(
        r#"WITH first AS (
               INSERT INTO spine.job_key (job_id)
               SELECT $1 WHERE $2::boolean
                   ON CONFLICT DO NOTHING
               RETURNING job_id
           )
           INSERT INTO spine.job (job_id, kind, lane, state, priority, enqueued_at, run_at,
                                  max_attempts, lease_ms, concurrency_key, concurrency_limit,
                                  payload, cause)
           SELECT $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
            WHERE NOT $2 OR EXISTS (SELECT FROM first)"#,
        job.id.0,
        shape.keyed,
        shape.kind,
        shape.lane,
        shape.state,
        shape.priority,
        job.enqueued_at,
        job.run_at.unwrap_or(job.enqueued_at),
        shape.max_attempts,
        shape.lease_ms,
        job.concurrency.as_ref().map(|concurrency| concurrency.key.as_str()),
        shape.limit,
        job.payload,
        cause,
    )
    .execute(conn)
    .await?;
    Ok(result.rows_affected())
}

async fn insert_many(conn: &mut PgConnection, jobs: &[NewJob]) -> Result<u64, SpineError> {
    let mut groups: Vec<Columns<'_>> = Vec::new();
    let mut places: HashMap<Shape<'_>, usize> = HashMap::new();
    let mut seen = HashSet::with_capacity(jobs.len());
    for job in jobs.iter().filter(|job| seen.insert(job.id)) {
        let place = *places.entry(Shape::of(job)).or_insert_with(|| {
            groups.push(Columns::default());
            groups.len() - 1
        });
        groups[place].push(job)?;
    }
    let mut new = 0;
    let mut shapes: Vec<_> = places.into_iter().collect();
    shapes.sort_unstable_by_key(|(_, place)| *place);
    for (shape, place) in shapes {
        new += groups[place].insert(conn, &shape).await?;
    }
    Ok(new)
}

/// What differs among the jobs of one statement.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    payloads: Vec<&'a str>,
    causes: Vec<Option<String>>,
    keys: Vec<Option<&'a str>>,
    run_at: Vec<DateTime<Utc>>,
    enqueued_at: DateTime<Utc>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, job: &'a NewJob) -> Result<(), SpineError> {
        self.ids.push(job.id.0);
        self.enqueued_at = job.enqueued_at;
        self.run_at.push(job.run_at.unwrap_or(job.enqueued_at));
        self.payloads.push(&job.payload);
        self.causes.push(stored_cause(&job.cause)?);
        self.keys.push(job.concurrency.as_ref().map(|concurrency| concurrency.key.as_str()));
        Ok(())
    }

    async fn insert(&self, conn: &mut PgConnection, shape: &Shape<'_>) -> Result<u64, SpineError> {
        // Keys go in by their order: two transactions with the same ones must not wait for each
        // other in a circle.
        let result = sqlx::query!(
            r#"WITH first AS (
                   INSERT INTO spine.job_key (job_id)
                   SELECT id FROM unnest($1::uuid[]) AS id WHERE $5::boolean ORDER BY id
                       ON CONFLICT DO NOTHING
                   RETURNING job_id
               )
               INSERT INTO spine.job (job_id, kind, lane, state, priority, enqueued_at, run_at,
                                      max_attempts, lease_ms, concurrency_key, concurrency_limit,
                                      payload, cause)
               SELECT job_id, $6, $7, $8, $9, $10, run_at, $11, $12, concurrency_key, $13, payload,
                      cause
                 FROM unnest($1, $2::text[], $3::text[], $4::text[], $14::timestamptz[])
                      AS n (job_id, payload, cause, concurrency_key, run_at)
                WHERE NOT $5 OR job_id IN (SELECT job_id FROM first)"#,
            &self.ids,
            &self.payloads as &[&str],
            &self.causes as &[Option<String>],
            &self.keys as &[Option<&str>],
            shape.keyed,
            shape.kind,
            shape.lane,
            shape.state,
            shape.priority,
            self.enqueued_at,
            shape.max_attempts,
            shape.lease_ms,
            shape.limit,
            &self.run_at,
        )
        .execute(conn)
        .await?;
        Ok(result.rows_affected())
    }
}

/// `spine.job.state` of a job that may be claimed.
const READY: i16 = 0;
/// `spine.job.state` of a job that waits for `run_at`.
const DEFERRED: i16 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_triggered_job_depends_on_event_kind_and_part_only() {
        let event = EventId::new();
        let id = derive_id(event, "a.do", Some("x"));
        assert_eq!(id, derive_id(event, "a.do", Some("x")));
        assert_ne!(id, derive_id(event, "a.do", None));
        assert_ne!(id, derive_id(event, "a.do", Some("y")));
        assert_ne!(id, derive_id(event, "a.other", Some("x")));
        assert_ne!(id, derive_id(EventId::new(), "a.do", Some("x")));
        assert_eq!(id.0.get_version_num(), 8);
        assert_eq!(id.0.as_bytes()[..6], event.0.as_bytes()[..6], "sorts by the event's time");
    }
}
