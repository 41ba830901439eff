//! Enqueueing: jobs become durable with whatever else their transaction does.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::new_job::NewJob;
use super::{Job, JobOptions, Lane};
use crate::group::GroupWrite;
use crate::wake::{JobWake, Wakes};
use crate::{Cause, JobId, Spine, SpineError, is_away};

/// The keys of events that are no older than this are remembered for sure: housekeeping keeps at
/// least a day. To look for the job itself, or to have it conflict, would make every insert dearer.
const KEYS_ARE_SURE: TimeDelta = TimeDelta::hours(12);
/// One statement enqueues about this many bytes of jobs; the server holds several copies of them.
const STATEMENT_BYTES: usize = 8 << 20;

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
    const MOST_BYTES: usize = STATEMENT_BYTES;

    fn weight(job: &NewJob) -> usize {
        job.weight()
    }

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
        is_away(error)
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

/// Enqueues jobs as part of the connection's transaction, in one statement (or, where they are heavy,
/// some) for all jobs that differ only in their payload, cause, subject and concurrency key. A job whose id is known already, waiting or
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
    /// Its key may be forgotten while the job itself is still there: it is looked for. Whoever else
    /// enqueues it at this moment waits for the key that we then make anew.
    forgotten: bool,
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
            forgotten: job.cause.event.is_some() && job.trigger_age() > KEYS_ARE_SURE,
        }
    }
}

/// Whether one statement, which is a transaction by itself, enqueues all of these.
fn one_statement_suffices(jobs: &[NewJob]) -> bool {
    let mut shapes = jobs.iter().map(Shape::of);
    let first = shapes.next();
    shapes.all(|shape| Some(&shape) == first.as_ref())
        && jobs.iter().map(NewJob::weight).sum::<usize>() <= STATEMENT_BYTES
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
                                  payload, cause, subject)
           SELECT $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
            WHERE (NOT $2 OR EXISTS (SELECT FROM first))
              AND NOT ($16 AND EXISTS (SELECT FROM spine.job WHERE job_id = $1))"#,
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
        job.subject,
        shape.forgotten,
    )
    .execute(conn)
    .await?;
    Ok(result.rows_affected())
}

async fn insert_many(conn: &mut PgConnection, jobs: &[NewJob]) -> Result<u64, SpineError> {
    let mut new = 0;
    for (shape, columns) in statements(jobs)? {
        new += columns.insert(conn, &shape).await?;
    }
    Ok(new)
}

/// The statements that enqueue these, each job once.
fn statements(jobs: &[NewJob]) -> Result<Vec<(Shape<'_>, Columns<'_>)>, SpineError> {
    let mut statements: Vec<(Shape<'_>, Columns<'_>)> = Vec::new();
    // Of each shape, the last one.
    let mut last: HashMap<Shape<'_>, usize> = HashMap::new();
    let mut seen = HashSet::with_capacity(jobs.len());
    for job in jobs.iter().filter(|job| seen.insert(job.id)) {
        let place = match last.get(&Shape::of(job)) {
            Some(place) if statements[*place].1.has_room_for(job) => *place,
            _ => {
                statements.push((Shape::of(job), Columns::default()));
                last.insert(Shape::of(job), statements.len() - 1);
                statements.len() - 1
            }
        };
        statements[place].1.push(job)?;
    }
    Ok(statements)
}

/// What differs among the jobs of one statement.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    payloads: Vec<&'a str>,
    causes: Vec<Option<String>>,
    keys: Vec<Option<&'a str>>,
    subjects: Vec<Option<&'a str>>,
    run_at: Vec<DateTime<Utc>>,
    enqueued_at: DateTime<Utc>,
    bytes: usize,
}

impl<'a> Columns<'a> {
    fn has_room_for(&self, job: &NewJob) -> bool {
        self.bytes + job.weight() <= STATEMENT_BYTES
    }

    fn push(&mut self, job: &'a NewJob) -> Result<(), SpineError> {
        self.bytes += job.weight();
        self.ids.push(job.id.0);
        self.enqueued_at = job.enqueued_at;
        self.run_at.push(job.run_at.unwrap_or(job.enqueued_at));
        self.payloads.push(&job.payload);
        self.causes.push(stored_cause(&job.cause)?);
        self.keys.push(job.concurrency.as_ref().map(|concurrency| concurrency.key.as_str()));
        self.subjects.push(job.subject.as_deref());
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
                                      payload, cause, subject)
               SELECT job_id, $6, $7, $8, $9, $10, run_at, $11, $12, concurrency_key, $13, payload,
                      cause, subject
                 FROM unnest($1, $2::text[], $3::text[], $4::text[], $14::timestamptz[],
                             $15::text[])
                      AS n (job_id, payload, cause, concurrency_key, run_at, subject)
                WHERE (NOT $5 OR job_id IN (SELECT job_id FROM first))
                  AND NOT ($16 AND EXISTS (SELECT FROM spine.job AS known
                                            WHERE known.job_id = n.job_id))"#,
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
            &self.subjects as &[Option<&str>],
            shape.forgotten,
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
    use serde_json::Value;

    use super::*;

    fn job(kind: &'static str, bytes: usize) -> NewJob {
        let payload = Value::String("x".repeat(bytes)).to_string();
        NewJob::sample(kind, payload)
    }

    #[test]
    fn a_statement_has_one_shape_and_ends_where_it_would_be_too_heavy() {
        let mut jobs: Vec<_> = (0..20).map(|_| job("a.heavy", 1 << 20)).collect();
        jobs.insert(1, job("a.light", 1));
        jobs.push(job("a.light", 1));
        jobs.push(jobs[0].clone());
        let statements = statements(&jobs).expect("JSON");
        let sizes: Vec<_> =
            statements.iter().map(|(shape, columns)| (shape.kind, columns.ids.len())).collect();
        assert_eq!(sizes, [("a.heavy", 7), ("a.light", 2), ("a.heavy", 7), ("a.heavy", 6)]);
        let heavy: Vec<Uuid> =
            jobs[..21].iter().filter(|job| job.kind == "a.heavy").map(|job| job.id.0).collect();
        let ids: Vec<Uuid> = statements
            .iter()
            .filter(|(shape, _)| shape.kind == "a.heavy")
            .flat_map(|(_, columns)| columns.ids.iter().copied())
            .collect();
        assert_eq!(ids, heavy, "in the order they were scheduled");
        assert!(!one_statement_suffices(&jobs[2..12]));
        assert!(one_statement_suffices(&jobs[2..7]));
    }

    #[test]
    fn keys_of_old_events_are_not_relied_on() {
        let mut job = job("a.light", 1);
        assert!(!Shape::of(&job).forgotten, "no event, no key");
        job.cause.event = Some(crate::EventId::new());
        assert!(!Shape::of(&job).forgotten);
        job.enqueued_at += TimeDelta::days(2);
        assert!(Shape::of(&job).forgotten);
    }
}
