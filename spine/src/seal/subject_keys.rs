//! The data keys of subjects: which one seals what, and the ones this process made or met lately.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use chrono::{DateTime, Utc};
use moka::sync::Cache;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{NodeKey, node_key};
use crate::{EventId, Retention, SpineError};

/// Which of a subject's keys seals a payload. Payloads that are kept for ever share one key; those
/// that are kept for some days share one for each span of time, so that it can be destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Bucket {
    pub(crate) subject: Arc<str>,
    /// Empty for keys without an end.
    pub(crate) span: Arc<str>,
}

impl Bucket {
    /// The bucket of a payload of this time, and when its key is to be destroyed. A span is a tenth
    /// of the retention (at least a day), so a payload outlives its time by at most that much.
    pub(crate) fn of(
        subject: &str,
        retention: Retention,
        time: DateTime<Utc>,
    ) -> (Self, Option<DateTime<Utc>>) {
        let Retention::Days(days) = retention else {
            return (Self { subject: subject.into(), span: "".into() }, None);
        };
        let span_days = i64::from((days / 10).max(1));
        let index = time.timestamp().div_euclid(86_400 * span_days);
        let ends = (index + 1) * span_days + i64::from(days);
        let expires = DateTime::from_timestamp(ends * 86_400, 0);
        (Self { subject: subject.into(), span: format!("{days}d-{index}").into() }, expires)
    }

    fn context(&self) -> Vec<u8> {
        let mut context = Vec::with_capacity(self.subject.len() + self.span.len() + 1);
        context.extend_from_slice(self.span.as_bytes());
        context.push(0);
        context.extend_from_slice(self.subject.as_bytes());
        context
    }
}

/// What a payload is bound to: it opens only as the payload of this event.
pub(crate) struct Binding<'a> {
    pub(crate) id: EventId,
    pub(crate) kind: &'a str,
    pub(crate) subject: &'a str,
}

impl Binding<'_> {
    fn context(&self) -> Vec<u8> {
        let mut context = Vec::with_capacity(17 + self.kind.len() + self.subject.len());
        context.extend_from_slice(self.id.0.as_bytes());
        context.extend_from_slice(self.kind.as_bytes());
        context.push(0);
        context.extend_from_slice(self.subject.as_bytes());
        context
    }
}

/// A data key, ready to use. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DataKey {
    pub(crate) id: Uuid,
    bytes: Arc<Zeroizing<[u8; 32]>>,
}

impl DataKey {
    /// A new key.
    pub(crate) fn generate() -> Result<Self, SpineError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rand::fill(&mut *bytes).map_err(|_| SpineError::Seal("the system's randomness failed"))?;
        Ok(Self { id: Uuid::now_v7(), bytes: Arc::new(bytes) })
    }

    /// The key as it is kept in the database.
    pub(crate) fn wrapped(&self, node: &NodeKey, bucket: &Bucket) -> Result<Vec<u8>, SpineError> {
        node.wrap(self.id, &bucket.context(), &self.bytes)
    }

    /// Seals a payload.
    pub(crate) fn seal(&self, binding: &Binding<'_>, plain: &[u8]) -> Result<Vec<u8>, SpineError> {
        node_key::seal(&self.bytes, &binding.context(), plain)
    }

    /// Opens a payload.
    pub(crate) fn open(&self, binding: &Binding<'_>, sealed: &[u8]) -> Result<Vec<u8>, SpineError> {
        node_key::open(&self.bytes, &binding.context(), sealed)
    }
}

/// A data key as the database holds it.
#[derive(Clone, Debug)]
pub(crate) struct WrappedKey {
    pub(crate) id: Uuid,
    pub(crate) bucket: Bucket,
    pub(crate) wrapped: Vec<u8>,
}

impl WrappedKey {
    pub(crate) fn unwrap_with(&self, node: &NodeKey) -> Result<DataKey, SpineError> {
        let bytes = node.unwrap_key(self.id, &self.bucket.context(), &self.wrapped)?;
        Ok(DataKey { id: self.id, bytes: Arc::new(bytes) })
    }
}

/// The keys this process seals with. Opening never looks here: it reads the key from the database
/// each time, so that an erasure takes effect at once, everywhere. A key from here that was
/// destroyed meanwhile is noticed by the statement that writes the events.
pub(crate) struct SubjectKeys {
    node: Arc<NodeKey>,
    known: Cache<Bucket, DataKey>,
}

impl SubjectKeys {
    pub(crate) fn new(node: NodeKey) -> Self {
        let known = Cache::builder()
            .max_capacity(50_000)
            .time_to_live(Duration::from_secs(600))
            .support_invalidation_closures()
            .build();
        Self { node: Arc::new(node), known }
    }

    pub(crate) fn node(&self) -> &Arc<NodeKey> {
        &self.node
    }

    pub(crate) fn known(&self, bucket: &Bucket) -> Option<DataKey> {
        self.known.get(bucket)
    }

    pub(crate) fn remember(&self, bucket: Bucket, key: DataKey) {
        self.known.insert(bucket, key);
    }

    /// Forgets one key.
    pub(crate) fn forget(&self, bucket: &Bucket) {
        self.known.invalidate(bucket);
    }

    /// Forgets every key of subjects that were erased. One look over what is known, however many they are.
    pub(crate) fn forget_subjects(&self, subjects: &[String]) {
        let subjects: HashSet<Arc<str>> = subjects.iter().map(|one| one.as_str().into()).collect();
        if subjects.is_empty() {
            return;
        }
        for subject in &subjects {
            self.known.invalidate(&Bucket { subject: subject.clone(), span: "".into() });
        }
        let spans =
            self.known.invalidate_entries_if(move |bucket, _| subjects.contains(&bucket.subject));
        if let Err(error) = spans {
            tracing::warn!(%error, "keys of an erased subject stay known until they age out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retention_limited_key_outlives_its_payloads_by_at_most_a_tenth() {
        let time = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let (bucket, expires) = Bucket::of("alice", Retention::Days(30), time);
        let kept = expires.unwrap() - time;
        assert!(kept.num_days() >= 30 && kept.num_days() <= 33, "{kept}");
        assert_eq!(bucket, Bucket::of("alice", Retention::Days(30), time).0);
        let later = Bucket::of("alice", Retention::Days(30), time + chrono::Duration::days(4)).0;
        assert_ne!(bucket, later);
        assert_eq!(Bucket::of("alice", Retention::Forever, time).1, None);
    }

    #[test]
    fn a_payload_opens_only_as_the_event_it_was_sealed_for() {
        let key = DataKey::generate().unwrap();
        let id = EventId::new();
        let sealed = key.seal(&Binding { id, kind: "a.B.v1", subject: "s" }, b"{}").unwrap();
        assert!(key.open(&Binding { id, kind: "a.B.v1", subject: "s" }, &sealed).is_ok());
        assert!(key.open(&Binding { id, kind: "a.B.v1", subject: "t" }, &sealed).is_err());
        let other = EventId::new();
        assert!(key.open(&Binding { id: other, kind: "a.B.v1", subject: "s" }, &sealed).is_err());
    }
}
