//! Records on their way into events. No I/O.

use contracts::events::connectors::RawRecord;
use sha2::{Digest, Sha256};

/// Most records of one event.
const MOST_RECORDS: usize = 100;
/// Most bytes of records in one event; a record that is larger has an event of its own.
const MOST_BYTES: usize = 1 << 20;

/// The records in their order, cut into what one event each carries.
pub(crate) fn parts(records: Vec<RawRecord>) -> Vec<Vec<RawRecord>> {
    let mut parts: Vec<Vec<RawRecord>> = Vec::new();
    let mut bytes = 0;
    for record in records {
        let size = size(&record);
        match parts.last_mut() {
            Some(part) if part.len() < MOST_RECORDS && bytes + size <= MOST_BYTES => {
                bytes += size;
                part.push(record);
            }
            _ => {
                bytes = size;
                parts.push(vec![record]);
            }
        }
    }
    parts
}

/// About how many bytes a record has.
fn size(record: &RawRecord) -> usize {
    let revision = record.revision.as_ref().map_or(0, String::len);
    record.kind.len()
        + record.external_id.len()
        + revision
        + record.media_type.len()
        + record.payload.len()
}

/// What tells these records from others; none where there are none.
pub(crate) fn digest(records: &[RawRecord]) -> Option<Vec<u8>> {
    if records.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    for record in records {
        let revision = record.revision.as_deref().unwrap_or_default();
        let operation = format!("{:?}", record.operation);
        for part in [&*record.kind, &record.external_id, revision, &operation, &record.payload] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    Some(hash.finalize().to_vec())
}

#[cfg(test)]
mod tests {
    use contracts::model::Operation;

    use super::*;

    fn record(id: usize, bytes: usize) -> RawRecord {
        RawRecord {
            kind: "feed.entry/1".to_owned(),
            external_id: id.to_string(),
            revision: None,
            operation: Operation::Upsert,
            source_time: None,
            media_type: "text/plain".to_owned(),
            payload: "x".repeat(bytes),
        }
    }

    #[test]
    fn an_event_has_a_hundred_records_or_a_mebibyte_at_most() {
        let sizes = |records: Vec<RawRecord>| -> Vec<usize> {
            parts(records).iter().map(Vec::len).collect()
        };
        assert_eq!(sizes((0..205).map(|id| record(id, 10)).collect()), [100, 100, 5]);
        assert_eq!(sizes((0..4).map(|id| record(id, 400_000)).collect()), [2, 2]);
        let large = vec![record(0, 10), record(1, 2 << 20), record(2, 10)];
        assert_eq!(sizes(large), [1, 1, 1]);
        assert!(sizes(Vec::new()).is_empty());
        let order: Vec<String> = parts((0..205).map(|id| record(id, 10)).collect())
            .into_iter()
            .flatten()
            .map(|record| record.external_id)
            .collect();
        assert_eq!(order, (0..205).map(|id| id.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn the_digest_tells_records_apart_and_nothing_from_something() {
        assert_eq!(digest(&[]), None);
        assert_eq!(digest(&[record(1, 5)]), digest(&[record(1, 5)]));
        assert_ne!(digest(&[record(1, 5)]), digest(&[record(2, 5)]));
        let gone = RawRecord { operation: Operation::Delete, ..record(1, 5) };
        assert_ne!(digest(&[record(1, 5)]), digest(&[gone]));
    }
}
