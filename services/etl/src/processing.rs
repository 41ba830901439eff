//! From stored records to orders for the data service.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use contracts::events::etl::RecordsRefused;
use contracts::jobs::WriteEntities;
use contracts::model::EntityDraft;
use serde_json::Value;
use spine::{JobOptions, Tx};
use uuid::Uuid;

use crate::mapping::{Mapped, Mapping, Refused};
use crate::record::{LONGEST_PAYLOAD, StoredRecord, unpack};
use crate::store::processing::{Mark, mark};
use crate::{Etl, EtlError, mappings};

/// Entities of one order, and about how many bytes of them.
const ORDER_ENTITIES: usize = 100;
const ORDER_BYTES: usize = 1 << 20;

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

/// Maps records, each by the mapping of its kind.
///
/// # Errors
/// The store failed; what is wrong with a record is its outcome.
pub(crate) async fn map(etl: &Etl, records: Vec<StoredRecord>) -> Result<Vec<Outcome>, EtlError> {
    let mut kinds: Vec<String> = records.iter().map(|record| record.facts.kind.clone()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mappings = mappings::of_kinds(etl, &kinds).await?;
    let etl = etl.clone();
    // Opening, reading and mapping a hundred records keeps a processor busy for a while.
    let outcomes = tokio::task::spawn_blocking(move || {
        records.into_iter().map(|record| outcome(&etl, record, &mappings)).collect()
    });
    Ok(outcomes.await?)
}

fn outcome(
    etl: &Etl,
    record: StoredRecord,
    mappings: &HashMap<String, Result<Arc<Mapping>, Refused>>,
) -> Outcome {
    let (mapping, result) = match mappings.get(&record.facts.kind) {
        None => (None, Err(Refused::new("no mapping takes this kind of record"))),
        Some(Err(refused)) => (None, Err(refused.clone())),
        Some(Ok(mapping)) => (Some(mapping.label()), drafts(etl, &record, mapping)),
    };
    Outcome {
        id: record.id,
        account: record.facts.account,
        event: record.facts.event,
        mapping,
        result,
    }
}

fn drafts(
    etl: &Etl,
    record: &StoredRecord,
    mapping: &Mapping,
) -> Result<Vec<EntityDraft>, Refused> {
    if record.deleted {
        return Ok(vec![mapping.deletion(&record.facts)?]);
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
///
/// # Errors
/// The database failed.
pub(crate) async fn settle(
    tx: &mut Tx,
    outcomes: Vec<Outcome>,
    part: &str,
) -> Result<Tally, EtlError> {
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
        let size = serde_json::to_vec(&draft.data)?.len() + 500 * (1 + draft.edges.len());
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
