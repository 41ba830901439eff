//! Calls of connectors.

use contracts::events::connectors::RawRecord;
use contracts::model::Operation;
use contracts::plugins::{ConnectorBatch, WebhookOutcome};
use wasmtime::Store;

use super::{
    Scale, accept, config, description, failure, hook_request, not_of_this_world, refused,
};
use crate::engine::bindings::connector::ConnectorPlugin;
use crate::engine::bindings::connector::exports::sovereign::plugin::connector as guest;
use crate::engine::{Answer, Bounds, Call, Context};
use crate::host::Guest;

/// The most records of one answer.
const RECORDS: usize = 10_000;
/// The longest cursor, in bytes.
const CURSOR: usize = 64 * 1_024;

pub(super) async fn perform(
    instance: &ConnectorPlugin,
    store: &mut Store<Guest>,
    bounds: &Bounds,
    call: Call,
) -> wasmtime::Result<Answer> {
    let connector = instance.sovereign_plugin_connector();
    match call {
        Call::Describe => {
            let told = instance.sovereign_plugin_meta().call_describe(store).await?;
            description(bounds, &told.config_schema, told.kinds)
        }
        Call::Sync { context, cursor } => {
            let answer = connector.call_sync(store, &of(context), cursor.as_deref()).await?;
            Ok(Answer::Batch(match answer {
                Ok(batch) => Ok(page(bounds, batch)?),
                Err(error) => Err(failure(error)),
            }))
        }
        Call::Webhook { context, request } => {
            let answer =
                connector.call_webhook(store, &of(context), &hook_request(request)).await?;
            Ok(Answer::Webhook(match answer {
                Ok(result) => {
                    let mut scale = Scale::new(bounds);
                    Ok(WebhookOutcome {
                        records: records(bounds, &mut scale, result.records)?,
                        answer: scale.hook_answer(result.response)?,
                        sync_soon: result.sync_soon,
                        plugin_version: String::new(),
                    })
                }
                Err(error) => Err(failure(error)),
            }))
        }
        other => not_of_this_world(&other),
    }
}

fn of(context: Context) -> guest::Context {
    guest::Context {
        account: context.account,
        config: config(&context.config),
        hook_url: context.hook_url,
    }
}

fn page(bounds: &Bounds, batch: guest::Batch) -> wasmtime::Result<ConnectorBatch> {
    let mut scale = Scale::new(bounds);
    if let Some(cursor) = &batch.next_cursor {
        scale.weigh(cursor.len())?;
        if cursor.len() > CURSOR {
            return refused("the cursor has more than 64 KiB");
        }
    }
    Ok(ConnectorBatch {
        records: records(bounds, &mut scale, batch.records)?,
        next_cursor: batch.next_cursor,
        more: batch.more,
        next_sync_after: batch
            .next_sync_after
            .map(|time| accept::time("next-sync-after", time))
            .transpose()?,
        plugin_version: String::new(),
    })
}

fn records(
    bounds: &Bounds,
    scale: &mut Scale,
    records: Vec<guest::RawRecord>,
) -> wasmtime::Result<Vec<RawRecord>> {
    if records.len() > RECORDS {
        return refused(format!("it answered more than {RECORDS} records at once"));
    }
    records.into_iter().map(|raw| record(bounds, scale, raw)).collect()
}

fn record(
    bounds: &Bounds,
    scale: &mut Scale,
    raw: guest::RawRecord,
) -> wasmtime::Result<RawRecord> {
    if !bounds.kinds.contains(&raw.kind) {
        let kind: String = raw.kind.chars().take(80).collect();
        return refused(format!(
            "a record is of the kind {kind:?}, which `describe` does not name"
        ));
    }
    let media_type = scale.media_type(raw.media_type)?;
    Ok(RawRecord {
        kind: scale.name("the kind of a record", raw.kind, 100)?,
        external_id: scale.name("the id of a record", raw.external_id, 1_024)?,
        revision: scale.maybe("the revision of a record", raw.revision, 1_024)?,
        operation: match raw.operation {
            guest::Operation::Upsert => Operation::Upsert,
            guest::Operation::Delete => Operation::Delete,
        },
        source_time: raw
            .source_time
            .map(|time| accept::time("the time of a record", time))
            .transpose()?,
        payload: scale.payload(&media_type, raw.payload)?,
        media_type,
    })
}
