//! From stored records to orders for the data service.

use std::collections::{BTreeMap, HashMap};
use std::io;

use contracts::events::etl::RecordsRefused;
use contracts::jobs::WriteEntities;
use contracts::model::EntityDraft;
use serde::Serialize;
use serde_json::Value;
use spine::{JobOptions, JobRun, Tx};
use uuid::Uuid;

use crate::mapping::{Mapped, Mapping, Refused, deletion};
use crate::mappings::Using;
use crate::record::{LONGEST_PAYLOAD, StoredRecord, UNUSABLE, unpack};
use crate::store::processing::{Mark, load, mark};
use crate::{Etl, EtlError, mappings, store};

/// Entities of one order, and about how many bytes of them.
const ORDER_ENTITIES: usize = 100;
const ORDER_BYTES: usize = 1 << 20;

/// Why records are refused that rest on a consent that is none any more.
pub(crate) const WITHDRAWN: &str = "the consent that it rests on was withdrawn";

/// What became of one record.
#[derive(Debug)]
pub(crate) struct Outcome {
    id: Uuid,
    account: Uuid,
    event: Option<Uuid>,
    mapping: Option<String>,
    result: Result<Vec<EntityDraft>, Refused>,
}

/// Numbers of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: i64,
    pub(crate) refused: i64,
}

/// Maps records, each by the mapping of its kind, and settles what became of them in the transaction that
/// completes the job. Whoever changes a mapping comes before that or after: nothing is mapped by a version that
/// is not in use any more, so that a run over the history has the last word.
///
/// # Errors
/// The store failed.
pub(crate) async fn process(
    etl: &Etl,
    run: &mut JobRun,
    ids: &[Uuid],
    part: &str,
) -> Result<(Tx, Tally), EtlError> {
    let records = load(etl.spine().worker_pool(), ids).await?;
    let kinds = kinds_of(&records);
    let using = mappings::of_kinds(etl, &kinds).await?;
    let mut outcomes = map(etl, records, using.clone()).await?;
    let mut tx = run.begin().await?;
    store::mappings::hold_back_changes(tx.conn()).await?;
    if !mappings::are_in_use(tx.conn(), &kinds, &using).await? {
        let using = mappings::of_kinds(etl, &kinds).await?;
        outcomes = map(etl, load(tx.conn(), ids).await?, using).await?;
    }
    let tally = settle(&mut tx, outcomes, part).await?;
    Ok((tx, tally))
}

fn kinds_of(records: &[StoredRecord]) -> Vec<String> {
    let mut kinds: Vec<String> = records.iter().map(|record| record.facts.kind.clone()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

async fn map(
    etl: &Etl,
    records: Vec<StoredRecord>,
    using: HashMap<String, Using>,
) -> Result<Vec<Outcome>, EtlError> {
    let etl = etl.clone();
    // Opening, reading and mapping a hundred records keeps a processor busy for a while.
    let outcomes = tokio::task::spawn_blocking(move || {
        records.into_iter().map(|record| outcome(&etl, record, &using)).collect()
    });
    Ok(outcomes.await?)
}

fn outcome(etl: &Etl, record: StoredRecord, using: &HashMap<String, Using>) -> Outcome {
    let using = using.get(&record.facts.kind).map(|using| &using.mapping);
    let mapping = using.and_then(|mapping| mapping.as_ref().ok());
    let result = if record.deleted {
        // That something is gone needs no mapping to be understood.
        deletion(&record.facts, mapping.map(|mapping| &**mapping)).map(|end| vec![end])
    } else {
        match using {
            None => Err(Refused::new("no mapping takes this kind of record")),
            Some(Err(refused)) => Err(refused.clone()),
            Some(Ok(mapping)) => drafts(etl, &record, mapping),
        }
    };
    Outcome {
        id: record.id,
        account: record.facts.account,
        event: record.facts.event,
        mapping: mapping.map(|mapping| mapping.label()),
        result,
    }
}

fn drafts(
    etl: &Etl,
    record: &StoredRecord,
    mapping: &Mapping,
) -> Result<Vec<EntityDraft>, Refused> {
    if record.is_withdrawn {
        return Err(Refused::new(WITHDRAWN));
    }
    if record.facts.external_id.starts_with(UNUSABLE) {
        return Err(Refused::new("its id can be none"));
    }
    if usize::try_from(record.size).is_ok_and(|size| size > LONGEST_PAYLOAD) {
        let most = LONGEST_PAYLOAD >> 20;
        return Err(Refused::new(format!("the payload is longer than {most} MiB")));
    }
    let payload = unpack(&etl.0.spine, &record.payload, record.size).map_err(|error| {
        tracing::error!(record = %record.id, %error, "a kept record cannot be opened");
        Refused::new("the kept payload cannot be opened")
    })?;
    let payload = parse(&payload)?;
    let Mapped { drafts, .. } = mapping.drafts(&record.facts, &payload, &etl.0.phones)?;
    Ok(drafts)
}

/// A payload as JSON. The reasons hold nothing of it.
pub(crate) fn parse(payload: &str) -> Result<Value, Refused> {
    if payload.starts_with("base64:") {
        return Err(Refused::new("the payload is not text"));
    }
    serde_json::from_str(payload).map_err(|error| {
        Refused::new(format!(
            "the payload is no JSON that can be read (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

/// Writes down what became of the records, and orders their entities: of those that are still their sources' last
/// word.
async fn settle(tx: &mut Tx, outcomes: Vec<Outcome>, part: &str) -> Result<Tally, EtlError> {
    let marks: Vec<Mark> = outcomes.iter().map(mark_of).collect();
    let now = tx.spine().clock().now();
    let marked = mark(tx.conn(), &marks, now).await?;
    let mut tally = Tally { done: i64::try_from(outcomes.len()).unwrap_or(i64::MAX), refused: 0 };
    let mut drafts: BTreeMap<Uuid, Vec<EntityDraft>> = BTreeMap::new();
    let mut refused: BTreeMap<(Uuid, Option<String>), (u32, String)> = BTreeMap::new();
    for outcome in outcomes.into_iter().filter(|outcome| marked.contains(&outcome.id)) {
        match outcome.result {
            Ok(made) => drafts.entry(outcome.account).or_default().extend(made),
            Err(reason) => {
                tally.refused += 1;
                let entry = refused.entry((outcome.account, outcome.mapping));
                entry.or_insert_with(|| (0, reason.to_string())).0 += 1;
            }
        }
    }
    for ((account, mapping), (count, reason)) in refused {
        tx.record(&RecordsRefused { account, count, mapping, reason })?;
    }
    let mut number = 0_usize;
    for (account, drafts) in drafts {
        let source = format!("connector:{account}");
        for entities in orders(drafts)? {
            let options =
                JobOptions::default().part(format!("{part}{number}")).about(source.clone());
            tx.order(&WriteEntities { source: source.clone(), entities }, options)?;
            number += 1;
        }
    }
    Ok(tally)
}

fn mark_of(outcome: &Outcome) -> Mark {
    let (state, reason, drafts) = match &outcome.result {
        Ok(drafts) => ("mapped", None, i32::try_from(drafts.len()).unwrap_or(i32::MAX)),
        Err(refused) => ("refused", Some(refused.to_string()), 0),
    };
    Mark {
        id: outcome.id,
        state,
        mapping: outcome.mapping.clone(),
        reason,
        drafts,
        event: outcome.event,
    }
}

/// Entities in their order, cut into what one order each carries.
fn orders(drafts: Vec<EntityDraft>) -> Result<Vec<Vec<EntityDraft>>, EtlError> {
    let mut orders: Vec<Vec<EntityDraft>> = Vec::new();
    let mut bytes = 0;
    for draft in drafts {
        let size = size(&draft)?;
        match orders.last_mut() {
            Some(order) if order.len() < ORDER_ENTITIES && bytes + size <= ORDER_BYTES => {
                bytes += size;
                order.push(draft);
            }
            _ => {
                bytes = size;
                orders.push(vec![draft]);
            }
        }
    }
    Ok(orders)
}

/// How many bytes something has as JSON.
fn size(value: &impl Serialize) -> Result<usize, EtlError> {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value)?;
    Ok(count.0)
}
