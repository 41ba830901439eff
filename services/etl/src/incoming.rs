//! What the service does about events: records that come in, and what is to be forgotten.
//!
//! One handler for all of it, so that their order is the ledger's: what was erased is not kept a moment later, and
//! what rests on a withdrawn consent is not mapped.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use contracts::events::connectors::DataReceived;
use contracts::events::data::EntityErased;
use contracts::events::policy::ConsentWithdrawn;
use spine::event::SubjectErased;
use spine::{Event, EventData, Filter, Handler, HandlerError, JobOptions, Tx};
use uuid::Uuid;

use crate::arrival::{Arrival, Arrivals};
use crate::jobs::{FollowAccount, ProcessIncomingData};
use crate::processing::WITHDRAWN;
use crate::store::accounts::{self, Circumstances};
use crate::store::erase::{self, Erased};
use crate::store::{incoming, mappings};
use crate::{Etl, EtlError};

/// Keeps what comes in, and schedules what is new in it.
pub(crate) struct Incoming(pub(crate) Etl);

#[async_trait]
impl Handler for Incoming {
    fn name(&self) -> &'static str {
        "etl.incoming"
    }

    fn filter(&self) -> Filter {
        Filter::Types(&[
            DataReceived::TYPE,
            EntityErased::TYPE,
            SubjectErased::TYPE,
            ConsentWithdrawn::TYPE,
        ])
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        let unreadable = |error: serde_json::Error| match events.len() {
            // It is put away alone, when it comes alone.
            1 => HandlerError::Reject(Box::new(error)),
            _ => HandlerError::Retry(Box::new(error)),
        };
        // Records that are being mapped are done with before a consent ends. Turns come before rows.
        if events.iter().any(|event| &*event.kind == ConsentWithdrawn::TYPE) {
            mappings::take_turns(tx.conn()).await?;
        }
        let mut received = Vec::new();
        let mut erased = Erasures::default();
        for event in events {
            if let Some(one) = event.read::<EntityErased>().map_err(unreadable)? {
                self.keep(std::mem::take(&mut received), tx).await?;
                erased.add(&one);
                continue;
            }
            erased.carry_out(tx).await?;
            if &*event.kind == DataReceived::TYPE {
                // Without a payload it was erased meanwhile.
                if let Some(data) = event.read::<DataReceived>().map_err(unreadable)? {
                    received.push((event, data));
                }
                continue;
            }
            self.keep(std::mem::take(&mut received), tx).await?;
            if let Some(withdrawn) = event.read::<ConsentWithdrawn>().map_err(unreadable)? {
                let now = tx.spine().clock().now();
                erase::withdraw(tx.conn(), &[withdrawn.consent], WITHDRAWN, now).await?;
            }
            let account = event.subject.strip_prefix("connector:").map(str::parse::<Uuid>);
            if &*event.kind == SubjectErased::TYPE
                && let Some(Ok(account)) = account
            {
                erase::account(tx.conn(), account).await?;
            }
        }
        erased.carry_out(tx).await?;
        Ok(self.keep(received, tx).await?)
    }
}

/// Entities that were erased one after the other, by the accounts that had brought them.
#[derive(Default)]
struct Erasures(BTreeMap<Vec<Uuid>, Erased>);

impl Erasures {
    /// Adds what of it can be here: other sources than accounts of connectors have no raw records.
    fn add(&mut self, event: &EntityErased) {
        let mut accounts: Vec<Uuid> = event
            .sources
            .iter()
            .filter_map(|source| source.strip_prefix("connector:")?.parse().ok())
            .collect();
        if accounts.is_empty() && !event.sources.is_empty() {
            return;
        }
        accounts.sort_unstable();
        let all = self.0.entry(accounts).or_default();
        all.keys.extend(digests(&event.keys));
        all.contents.extend(digests(&event.records));
    }

    async fn carry_out(&mut self, tx: &mut Tx) -> Result<(), EtlError> {
        let now = tx.spine().clock().now();
        for (accounts, erased) in std::mem::take(&mut self.0) {
            erase::entities(tx.conn(), &accounts, &erased, now).await?;
        }
        Ok(())
    }
}

/// SHA-256 from hex; what is none is left out.
fn digests(texts: &[String]) -> impl Iterator<Item = Vec<u8>> {
    let digests = texts.iter().filter_map(|text| hex::decode(text).ok());
    digests.filter(|digest| digest.len() == 32)
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
        let before = tx.cause().clone();
        follow_accounts(&received, tx).await?;
        let arrivals = received.iter().enumerate().flat_map(|(place, (_, data))| {
            data.records.iter().map(move |record| Arrival::of(place, data, record))
        });
        let changed = changed(arrivals.collect(), tx).await?;
        let now = tx.spine().clock().now();
        let writes = changed.writes(self.0.spine(), &received)?;
        if !writes.is_empty() {
            let replaced = changed.replaced();
            if !replaced.is_empty() {
                incoming::retire(tx.conn(), &replaced, now).await?;
            }
            let mut jobs: BTreeMap<usize, Vec<Uuid>> = BTreeMap::new();
            let written = incoming::write(tx.conn(), &writes, now).await?;
            let written: HashMap<_, _> =
                written.into_iter().map(|row| ((row.key, row.deleted, row.hash), row.id)).collect();
            for arrival in changed.newest().filter(|arrival| arrival.unusable.is_none()) {
                if let Some(id) = written.get(&arrival.content()) {
                    jobs.entry(arrival.place).or_default().push(*id);
                }
            }
            for (place, mut records) in jobs {
                let Some((event, data)) = received.get(place) else { continue };
                records.sort_unstable();
                tx.set_cause(event.as_cause());
                ProcessIncomingData { account: data.account, records, part: String::new() }
                    .schedule(tx)?;
            }
        }
        tx.set_cause(before);
        Ok(())
    }
}

/// Notes how the records of accounts come in, and where that changes has those that came before follow.
async fn follow_accounts(received: &[(&Event, DataReceived)], tx: &mut Tx) -> Result<(), EtlError> {
    let mut ids: Vec<Uuid> = received.iter().map(|(_, data)| data.account).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut known = accounts::known(tx.conn(), &ids).await?;
    for (event, data) in received {
        let now = Circumstances {
            owner: data.owner.0,
            space: data.space.to_string(),
            labels: data.labels.clone(),
            consent: data.consent,
        };
        if known.get(&data.account) == Some(&now) {
            continue;
        }
        accounts::note(tx.conn(), data.account, &now, event.id.0).await?;
        if known.insert(data.account, now).is_some() {
            tx.set_cause(event.as_cause());
            let job = FollowAccount { account: data.account, after: None };
            tx.schedule_with(&job, job.options())?;
        }
    }
    Ok(())
}

/// Leaves out what says the same as the last word before it, and what was erased.
async fn changed<'a>(arrivals: Vec<Arrival<'a>>, tx: &mut Tx) -> Result<Arrivals<'a>, EtlError> {
    let mut keys: Vec<_> = arrivals.iter().map(|arrival| &arrival.key).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut known = incoming::newest(tx.conn(), &keys).await?;
    let digests: Vec<Vec<u8>> = arrivals.iter().map(|a| a.key_hash.to_vec()).collect();
    let contents: Vec<Vec<u8>> = arrivals.iter().map(|a| a.circumstances.hash.clone()).collect();
    let barred = erase::among(tx.conn(), &digests, &contents).await?;
    let mut changed = Arrivals::after(known.keys().cloned().collect());
    for arrival in arrivals {
        let said = &arrival.circumstances;
        // What says that something is gone has no content: only its key can be barred.
        let content: &[u8] = if said.deleted { &[] } else { &said.hash };
        if barred.bars(&arrival.key_hash, content, arrival.key.account)
            || known.get(&arrival.key) == Some(said)
        {
            continue;
        }
        known.insert(arrival.key.clone(), said.clone());
        changed.push(arrival);
    }
    Ok(changed)
}

impl ProcessIncomingData {
    /// Schedules it, each time anew: whoever delivers an event again wants it done again.
    pub(crate) fn schedule(&self, tx: &mut Tx) -> Result<(), EtlError> {
        let options = JobOptions::default()
            .part(Uuid::now_v7().to_string())
            .about(format!("connector:{}", self.account));
        tx.schedule_with(self, options)?;
        Ok(())
    }
}
