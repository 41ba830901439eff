//! Enqueueing: jobs become durable with whatever else their transaction does.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::{Builder, Uuid, Variant};

use super::{BatchJob, Concurrency, Job, JobOptions, Lane};
use crate::wake::JobWake;
use crate::{Cause, EventId, JobId, SpineError};

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

/// Enqueues jobs as part of the connection's transaction, in one statement. A job whose id is
/// known already, waiting or done, is left as it is.
///
/// # Errors
/// The database failed.
pub async fn enqueue(conn: &mut PgConnection, jobs: &[NewJob]) -> Result<Enqueued, SpineError> {
    let mut enqueued = Enqueued::default();
    if jobs.is_empty() {
        return Ok(enqueued);
    }
    let mut rows = Columns::with_capacity(jobs.len());
    let mut seen = HashSet::new();
    for job in jobs {
        if jobs.len() == 1 || seen.insert(job.id) {
            rows.push(job)?;
            match job.run_at {
                Some(_) => enqueued.deferred = true,
                None => enqueued.ready[job.lane.index()] = true,
            }
        }
    }
    enqueued.new = rows.insert(conn).await?;
    Ok(enqueued)
}

/// The jobs of one statement, a column each.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    keyed: Vec<bool>,
    kinds: Vec<&'a str>,
    lanes: Vec<i16>,
    states: Vec<i16>,
    priorities: Vec<i16>,
    enqueued_at: Vec<DateTime<Utc>>,
    run_at: Vec<DateTime<Utc>>,
    max_attempts: Vec<i16>,
    leases: Vec<i32>,
    keys: Vec<Option<&'a str>>,
    limits: Vec<Option<i16>>,
    payloads: Vec<&'a str>,
    causes: Vec<Option<String>>,
}

impl<'a> Columns<'a> {
    fn with_capacity(count: usize) -> Self {
        Self {
            ids: Vec::with_capacity(count),
            payloads: Vec::with_capacity(count),
            causes: Vec::with_capacity(count),
            ..Self::default()
        }
    }

    fn push(&mut self, job: &'a NewJob) -> Result<(), SpineError> {
        self.ids.push(job.id.0);
        self.keyed.push(job.cause.event.is_some());
        self.kinds.push(job.kind);
        self.lanes.push(job.lane as i16);
        self.states.push(if job.run_at.is_some() { DEFERRED } else { READY });
        self.priorities.push(job.priority);
        self.enqueued_at.push(job.enqueued_at);
        self.run_at.push(job.run_at.unwrap_or(job.enqueued_at));
        self.max_attempts.push(i16::try_from(job.max_attempts.max(1)).unwrap_or(i16::MAX));
        self.leases.push(i32::try_from(job.lease.as_millis()).unwrap_or(i32::MAX));
        let concurrency = job.concurrency.as_ref();
        self.keys.push(concurrency.map(|concurrency| concurrency.key.as_str()));
        self.limits.push(concurrency.map(|concurrency| {
            // A limit of none would never run: at least one may.
            i16::try_from(concurrency.limit.max(1)).unwrap_or(i16::MAX)
        }));
        self.payloads.push(&job.payload);
        let cause = (job.cause != Cause::default()).then(|| serde_json::to_string(&job.cause));
        self.causes.push(cause.transpose()?);
        Ok(())
    }

    async fn insert(&self, conn: &mut PgConnection) -> Result<u64, SpineError> {
        let result = sqlx::query!(
            r#"WITH new AS (
                   SELECT *
                     FROM unnest($1::uuid[], $2::bool[], $3::text[], $4::smallint[],
                                 $5::smallint[], $6::smallint[], $7::timestamptz[],
                                 $8::timestamptz[], $9::smallint[], $10::integer[], $11::text[],
                                 $12::smallint[], $13::text[], $14::text[])
                          AS n (job_id, keyed, kind, lane, state, priority, enqueued_at, run_at,
                                max_attempts, lease_ms, concurrency_key, concurrency_limit,
                                payload, cause)
               ), first AS (
                   INSERT INTO spine.job_key (job_id)
                   SELECT job_id FROM new WHERE keyed
                       ON CONFLICT DO NOTHING
                   RETURNING job_id
               )
               INSERT INTO spine.job (job_id, kind, lane, state, priority, enqueued_at, run_at,
                                      max_attempts, lease_ms, concurrency_key, concurrency_limit,
                                      payload, cause)
               SELECT job_id, kind, lane, state, priority, enqueued_at, run_at, max_attempts,
                      lease_ms, concurrency_key, concurrency_limit, payload, cause
                 FROM new
                WHERE NOT keyed OR job_id IN (SELECT job_id FROM first)"#,
            &self.ids,
            &self.keyed,
            &self.kinds as &[&str],
            &self.lanes,
            &self.states,
            &self.priorities,
            &self.enqueued_at,
            &self.run_at,
            &self.max_attempts,
            &self.leases,
            &self.keys as &[Option<&str>],
            &self.limits as &[Option<i16>],
            &self.payloads as &[&str],
            &self.causes as &[Option<String>],
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
