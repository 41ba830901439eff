//! Records as they arrive: which of them say something new, and how they are kept.

use std::collections::{HashMap, HashSet};

use chrono::Datelike as _;
use contracts::events::connectors::{DataReceived, RawRecord};
use contracts::model::Operation;
use spine::{Event, Spine};
use uuid::Uuid;

use crate::EtlError;
use crate::mapping::record_key;
use crate::record::{self, UNUSABLE};
use crate::store::incoming::{Key, Known, Write};

/// What tells one content of one record from others.
pub(crate) type Content = (Key, bool, Vec<u8>);

/// A record as it arrives.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    /// In which of the events.
    pub(crate) place: usize,
    record: &'a RawRecord,
    pub(crate) key: Key,
    /// The digest of the key that its entity has.
    pub(crate) key_hash: [u8; 32],
    /// What it says and how it came, which counts as much.
    pub(crate) circumstances: Known,
    /// Why its key can be none.
    pub(crate) unusable: Option<&'static str>,
}

impl<'a> Arrival<'a> {
    pub(crate) fn of(place: usize, data: &'a DataReceived, record: &'a RawRecord) -> Self {
        let (kind, kind_fits) = usable(&record.kind, 100);
        let (external_id, id_fits) = usable(&record.external_id, 2_000);
        let unusable = match (kind_fits, id_fits) {
            (true, true) => None,
            (false, _) => Some("its kind must have 1 to 100 bytes, and no control characters"),
            (_, false) => Some("its id must have 1 to 2000 bytes, and no control characters"),
        };
        let key_hash = record_key(data.account, &kind, external_id.clone()).digest();
        let circumstances = Known {
            deleted: record.operation == Operation::Delete,
            hash: record::hash(payload(record)),
            space: data.space.to_string(),
            labels: data.labels.clone(),
            consent: data.consent,
        };
        let key = Key { account: data.account, kind, external_id };
        Self { place, record, key, key_hash, circumstances, unusable }
    }

    pub(crate) fn content(&self) -> Content {
        (self.key.clone(), self.circumstances.deleted, self.circumstances.hash.clone())
    }

    /// As it is kept under an event that brought it.
    fn write<'w>(
        &'w self,
        spine: &Spine,
        (event, data): &'w (&Event, DataReceived),
        newest: bool,
    ) -> Result<Write<'w>, EtlError> {
        let payload = payload(self.record);
        let revision = self.record.revision.as_ref();
        Ok(Write {
            id: Uuid::now_v7(),
            key: &self.key,
            key_hash: &self.key_hash,
            deleted: self.circumstances.deleted,
            hash: &self.circumstances.hash,
            payload: record::pack(spine, payload)?,
            size: i64::try_from(payload.len()).unwrap_or(i64::MAX),
            media_type: kept(&self.record.media_type, 200),
            newest,
            plugin: kept(&data.plugin, 200),
            owner: data.owner.0,
            space: data.space.as_str(),
            labels: &data.labels,
            consent: data.consent,
            revision: revision.map(|revision| kept(revision, 900)),
            // The graph keeps the years 1 to 9999.
            source_time: self.record.source_time.filter(|t| (1..=9_999).contains(&t.year())),
            event: event.id.0,
            state: match (self.unusable, newest) {
                (Some(_), _) => "refused",
                (None, true) => "waiting",
                (None, false) => "superseded",
            },
            reason: self.unusable,
        })
    }
}

/// What is kept of a record's payload. What says that it is gone has no content, whatever the plugin put there.
fn payload(record: &RawRecord) -> &str {
    match record.operation {
        Operation::Upsert => &record.payload,
        Operation::Delete => "",
    }
}

/// Text as part of a key; what cannot be one is named by its hash.
fn usable(text: &str, most: usize) -> (String, bool) {
    let fits = (1..=most).contains(&text.len())
        && !text.chars().any(char::is_control)
        && !text.starts_with(UNUSABLE);
    match fits {
        true => (text.to_owned(), true),
        false => (format!("{UNUSABLE}{}", hex::encode(record::hash(text))), false),
    }
}

/// Text that Postgres keeps, cut to so many characters.
fn kept(text: &str, longest: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(longest).collect()
}

/// The arrivals that say something new, in their order.
#[derive(Debug, Default)]
pub(crate) struct Arrivals<'a> {
    arrivals: Vec<Arrival<'a>>,
    /// For each key, the place of its last one among them.
    last: HashMap<Key, usize>,
    /// The records of which something was known before.
    known: HashSet<Key>,
}

impl<'a> Arrivals<'a> {
    /// None yet, of records of which these were known before.
    pub(crate) fn after(known: HashSet<Key>) -> Self {
        Self { known, ..Self::default() }
    }

    pub(crate) fn push(&mut self, arrival: Arrival<'a>) {
        self.last.insert(arrival.key.clone(), self.arrivals.len());
        self.arrivals.push(arrival);
    }

    /// The last words on their records.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &Arrival<'a>> {
        self.last.values().filter_map(|place| self.arrivals.get(*place))
    }

    /// The records whose last word they replace, in their order.
    pub(crate) fn replaced(&self) -> Vec<&Key> {
        let mut keys: Vec<&Key> =
            self.last.keys().filter(|key| self.known.contains(*key)).collect();
        keys.sort_unstable();
        keys
    }

    /// How they are kept: each content once, as it came last. In the order of their keys, so that no two
    /// transactions wait for each other.
    pub(crate) fn writes<'w>(
        &'w self,
        spine: &Spine,
        received: &'w [(&Event, DataReceived)],
    ) -> Result<Vec<Write<'w>>, EtlError> {
        let newest: HashSet<Content> = self.newest().map(Arrival::content).collect();
        let last: HashMap<Content, &Arrival<'_>> =
            self.arrivals.iter().map(|arrival| (arrival.content(), arrival)).collect();
        let mut writes = Vec::with_capacity(last.len());
        for (content, arrival) in last {
            if let Some(event) = received.get(arrival.place) {
                writes.push(arrival.write(spine, event, newest.contains(&content))?);
            }
        }
        writes.sort_unstable_by(|one, other| one.key.cmp(other.key));
        Ok(writes)
    }
}
