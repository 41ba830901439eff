//! A job on its way into the queue.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::{Builder, Variant};

use super::{BatchJob, Concurrency, Job, JobContract, JobOptions, Lane};
use crate::transaction::storable;
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
    /// Whom or what its payload is about, where that can be erased.
    pub subject: Option<String>,
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

    /// A job that another service performs, as it is enqueued at `now` because of `cause`.
    ///
    /// # Errors
    /// The job cannot be written as JSON.
    pub fn ordered<J: JobContract>(
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
            subject: options.subject.map(storable),
        })
    }

    /// How long ago the event happened that triggers it: its id begins with the event's time.
    pub(super) fn trigger_age(&self) -> TimeDelta {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.id.0.as_bytes()[..6]);
        let millis = i64::try_from(u64::from_be_bytes(millis)).ok();
        let time = millis.and_then(DateTime::from_timestamp_millis);
        time.map_or(TimeDelta::zero(), |time| self.enqueued_at - time)
    }

    /// About how many bytes it holds.
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.payload.len()
    }
}

#[cfg(test)]
impl NewJob {
    /// A job of its own with this payload, enqueued when its id was made.
    pub(super) fn sample(kind: &'static str, payload: String) -> Self {
        let mut job = Self {
            id: JobId::new(),
            kind,
            lane: Lane::Background,
            payload,
            cause: Cause::default(),
            enqueued_at: DateTime::default(),
            run_at: None,
            priority: 0,
            concurrency: None,
            max_attempts: 10,
            lease: Duration::from_secs(60),
            subject: None,
        };
        job.enqueued_at -= job.trigger_age();
        job
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
