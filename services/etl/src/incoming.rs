//! What the service does about events: records that come in, and what is to be forgotten.
//!
//! One handler for both, so that their order is the ledger's: what was erased is not kept a moment later.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use contracts::events::connectors::{DataReceived, RawRecord};
use contracts::events::data::EntityErased;
use contracts::model::Operation;
use spine::event::SubjectErased;
use spine::{Event, EventData, Filter, Handler, HandlerError, JobOptions, Tx};
use uuid::Uuid;

use crate::jobs::ProcessIncomingData;
use crate::store::incoming::{self, Key, Known, Write};
use crate::{Etl, EtlError, record, store};

/// Keeps what comes in, and schedules what is new in it.
pub(crate) struct Incoming(pub(crate) Etl);

#[async_trait]
impl Handler for Incoming {
    fn name(&self) -> &'static str {
        "etl.incoming"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[DataReceived::TYPE, EntityErased::TYPE, SubjectErased::TYPE])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        let unreadable = |error: serde_json::Error| match events.len() {
            // It is put away alone, when it comes alone.
            1 => HandlerError::Reject(Box::new(error)),
            _ => HandlerError::Retry(Box::new(error)),
        };
        let mut received = Vec::new();
        for event in events {
            if &*event.kind == DataReceived::TYPE {
                // Without a payload it was erased meanwhile.
                if let Some(data) = event.read::<DataReceived>().map_err(unreadable)? {
                    received.push((event, data));
                }
                continue;
            }
            self.keep(std::mem::take(&mut received), tx).await?;
            if let Some(erased) = event.read::<EntityErased>().map_err(unreadable)? {
                forget_contents(&erased.records, tx).await?;
            }
            let account = event.subject.strip_prefix("connector:").map(str::parse::<Uuid>);
            if &*event.kind == SubjectErased::TYPE
                && let Some(Ok(account)) = account
            {
                store::erase::account(tx.conn(), account).await?;
            }
        }
        Ok(self.keep(received, tx).await?)
    }
}

async fn forget_contents(hashes: &[String], tx: &mut Tx) -> Result<(), EtlError> {
    let hashes: Vec<Vec<u8>> =
        hashes.iter().filter_map(|hash| hex::decode(hash).ok()).filter(|h| h.len() == 32).collect();
    if hashes.is_empty() {
        return Ok(());
    }
    let now = tx.spine().clock().now();
    Ok(store::erase::contents(tx.conn(), &hashes, now).await?)
}

impl Incoming {
    async fn keep(
        &self,
        received: Vec<(&Event, DataReceived)>,
        tx: &mut Tx,
    ) -> Result<(), EtlError> {
        if received.is_empty() {
            return Ok(());
        }
        let arrivals: Vec<Arrival<'_>> = received
            .iter()
            .enumerate()
            .flat_map(|(place, (_, data))| {
                data.records.iter().map(move |record| Arrival::of(place, data, record))
            })
            .collect();
        let changed = changed(arrivals, tx).await?;
        let written = self.write(&changed, &received, tx).await?;
        let mut jobs: HashMap<usize, Vec<Uuid>> = HashMap::new();
        for arrival in changed.newest() {
            if arrival.unusable.is_none()
                && let Some(id) = written.get(&arrival.content())
            {
                jobs.entry(arrival.place).or_default().push(*id);
            }
        }
        let before = tx.cause().clone();
        for (place, (event, data)) in received.iter().enumerate() {
            let Some(mut records) = jobs.remove(&place) else { continue };
            records.sort_unstable();
            tx.set_cause(event.as_cause());
            let job = ProcessIncomingData { account: data.account, records };
            let about = format!("connector:{}", data.account);
            tx.schedule_with(&job, JobOptions::default().about(about))?;
        }
        tx.set_cause(before);
        Ok(())
    }

    /// Writes what changed, each content once: their ids.
    async fn write(
        &self,
        changed: &Changed<'_>,
        received: &[(&Event, DataReceived)],
        tx: &mut Tx,
    ) -> Result<HashMap<Content, Uuid>, EtlError> {
        if changed.arrivals.is_empty() {
            return Ok(HashMap::new());
        }
        let newest: HashSet<Content> = changed.newest().map(Arrival::content).collect();
        // The last of equal ones says how it came.
        let last: HashMap<Content, &Arrival<'_>> =
            changed.arrivals.iter().map(|arrival| (arrival.content(), arrival)).collect();
        let now = tx.spine().clock().now();
        let mut writes = Vec::with_capacity(last.len());
        for (content, arrival) in &last {
            let Some((event, data)) = received.get(arrival.place) else { continue };
            let newest = newest.contains(content);
            let state = match (&arrival.unusable, newest) {
                (Some(_), _) => "refused",
                (None, true) => "waiting",
                (None, false) => "superseded",
            };
            writes.push(Write {
                id: Uuid::now_v7(),
                key: &arrival.key,
                deleted: arrival.deleted,
                hash: &arrival.hash,
                payload: record::pack(&self.0.0.spine, &arrival.record.payload)?,
                size: i64::try_from(arrival.record.payload.len()).unwrap_or(i64::MAX),
                media_type: kept(&arrival.record.media_type, 200),
                newest,
                plugin: kept(&data.plugin, 200),
                owner: data.owner.0,
                space: data.space.as_str(),
                labels: &data.labels,
                consent: data.consent,
                revision: arrival.record.revision.as_ref().map(|revision| kept(revision, 900)),
                source_time: arrival.record.source_time,
                event: event.id.0,
                state,
                reason: arrival.unusable,
            });
        }
        // One order for all, so that no two transactions wait for each other.
        writes.sort_unstable_by(|one, other| one.key.cmp(other.key));
        let mut keys: Vec<&Key> = changed.last.keys().collect();
        keys.sort_unstable();
        incoming::retire(tx.conn(), &keys).await?;
        let ids = incoming::write(tx.conn(), &writes, now).await?;
        Ok(ids.into_iter().map(|row| ((row.key, row.deleted, row.hash), row.id)).collect())
    }
}

/// What tells one content of one record from others.
type Content = (Key, bool, Vec<u8>);

/// A record as it arrives.
struct Arrival<'a> {
    /// In which of the events.
    place: usize,
    record: &'a RawRecord,
    key: Key,
    deleted: bool,
    hash: Vec<u8>,
    /// How it came, which counts as much as its content.
    circumstances: Known,
    /// Why its key can be none.
    unusable: Option<&'static str>,
}

impl<'a> Arrival<'a> {
    fn of(place: usize, data: &'a DataReceived, record: &'a RawRecord) -> Self {
        let (kind, kind_fits) = usable(&record.kind, 100);
        let (external_id, id_fits) = usable(&record.external_id, 2_000);
        let unusable = match (kind_fits, id_fits) {
            (true, true) => None,
            (false, _) => Some("its kind must have 1 to 100 bytes, and no control characters"),
            (_, false) => Some("its id must have 1 to 2000 bytes, and no control characters"),
        };
        let deleted = record.operation == Operation::Delete;
        let hash = record::hash(&record.payload);
        let circumstances = Known {
            deleted,
            hash: hash.clone(),
            space: data.space.to_string(),
            labels: data.labels.clone(),
            consent: data.consent,
        };
        let key = Key { account: data.account, kind, external_id };
        Self { place, record, key, deleted, hash, circumstances, unusable }
    }

    fn content(&self) -> Content {
        (self.key.clone(), self.deleted, self.hash.clone())
    }
}

/// Text as part of a key; what cannot be one is named by its hash.
fn usable(text: &str, most: usize) -> (String, bool) {
    let fits = (1..=most).contains(&text.len()) && !text.chars().any(char::is_control);
    match fits {
        true => (text.to_owned(), true),
        false => (format!("unusable:{}", hex::encode(record::hash(text))), false),
    }
}

/// Text that Postgres keeps, cut to so many characters.
fn kept(text: &str, longest: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(longest).collect()
}

/// The arrivals that say something new, in their order.
struct Changed<'a> {
    arrivals: Vec<Arrival<'a>>,
    /// For each key, the place of its last one among them.
    last: HashMap<Key, usize>,
}

impl<'a> Changed<'a> {
    fn newest(&self) -> impl Iterator<Item = &Arrival<'a>> {
        self.last.values().filter_map(|place| self.arrivals.get(*place))
    }
}

/// Leaves out what says the same as the last word before it, and contents that were erased.
async fn changed<'a>(arrivals: Vec<Arrival<'a>>, tx: &mut Tx) -> Result<Changed<'a>, EtlError> {
    let keys: HashSet<&Key> = arrivals.iter().map(|arrival| &arrival.key).collect();
    let keys: Vec<&Key> = keys.into_iter().collect();
    let mut known = incoming::newest(tx.conn(), &keys).await?;
    let contents: HashSet<&Vec<u8>> =
        arrivals.iter().filter(|arrival| !arrival.deleted).map(|arrival| &arrival.hash).collect();
    let contents: Vec<Vec<u8>> = contents.into_iter().cloned().collect();
    let erased = store::erase::among(tx.conn(), &contents).await?;
    let mut changed = Changed { arrivals: Vec::new(), last: HashMap::new() };
    for arrival in arrivals {
        let is_erased = !arrival.deleted && erased.contains(&arrival.hash);
        if is_erased || known.get(&arrival.key) == Some(&arrival.circumstances) {
            continue;
        }
        known.insert(arrival.key.clone(), arrival.circumstances.clone());
        changed.last.insert(arrival.key.clone(), changed.arrivals.len());
        changed.arrivals.push(arrival);
    }
    Ok(changed)
}
