//! Events that are delivered again because somebody asked: dead ones and replays.
//!
//! Both run beside the live flow and read the ledger, whichever adapter carries the live events.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::delivery::{ATTEMPT, Cursor, Delivered, Delivery, run_handler};
use super::{BATCH_EVENTS, Handler};
use crate::database::in_time;
use crate::ledger::{self, Position, Recorded};
use crate::{EventId, Spine, SpineError};

/// How often it is looked whether somebody asked.
const TICK: Duration = Duration::from_secs(1);

/// Does what is asked for these handlers, until `cancel`.
pub(super) async fn run(spine: Spine, handlers: Vec<Arc<dyn Handler>>, cancel: CancellationToken) {
    let names: Vec<String> = handlers.iter().map(|handler| handler.name().to_owned()).collect();
    let mut failures = 0_u32;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(TICK * failures.clamp(1, 10)) => {}
        }
        match work(&spine, &handlers, &names, &cancel).await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                if failures.is_power_of_two() {
                    tracing::warn!(%error, failures, "events could not be delivered again");
                }
            }
        }
    }
}

async fn work(
    spine: &Spine,
    handlers: &[Arc<dyn Handler>],
    names: &[String],
    cancel: &CancellationToken,
) -> Result<(), SpineError> {
    let asked = sqlx::query!(
        r#"SELECT consumer AS "consumer!", id, replay AS "replay!" FROM (
               (SELECT consumer, event_id AS id, false AS replay, transaction_order, sequence
                  FROM spine.dead_event
                 WHERE consumer = ANY($1) AND retry_wanted_at IS NOT NULL
                 ORDER BY consumer, transaction_order, sequence LIMIT 100)
               UNION ALL
               (SELECT consumer, id, true, 0, 0 FROM spine.replay
                 WHERE consumer = ANY($1) AND finished_at IS NULL ORDER BY wanted_at)
           ) AS asked ORDER BY replay, transaction_order, sequence"#,
        names
    )
    .fetch_all(spine.worker_pool())
    .await?;
    for one in asked {
        let Some(handler) = handlers.iter().find(|handler| handler.name() == one.consumer) else {
            continue;
        };
        let Some(id) = one.id else { continue };
        if cancel.is_cancelled() {
            return Ok(());
        }
        if one.replay {
            replay(spine, &**handler, id, cancel).await?;
        } else {
            in_time(ATTEMPT, retry(spine, &**handler, EventId(id))).await?;
        }
    }
    Ok(())
}

/// Delivers one dead event again; it leaves the dead ones in the transaction of its effects.
async fn retry(spine: &Spine, handler: &dyn Handler, id: EventId) -> Result<(), SpineError> {
    let Some(recorded) = ledger::by_id(spine, id).await? else {
        // The database was restored from before it: for the ledger it never happened.
        let gone = super::drop_dead(spine, handler.name(), Some(&[id])).await?;
        tracing::warn!(consumer = handler.name(), event.id = %id, gone, "no such event any more");
        return Ok(());
    };
    let mut tx = spine.begin_worker(recorded.event.as_cause()).await?;
    let taken = sqlx::query!(
        "DELETE FROM spine.dead_event
          WHERE (consumer, event_id) IN (
                SELECT consumer, event_id FROM spine.dead_event
                 WHERE consumer = $1 AND event_id = $2 AND retry_wanted_at IS NOT NULL
                   FOR UPDATE SKIP LOCKED)",
        handler.name(),
        id.0
    )
    .execute(tx.conn())
    .await?;
    if taken.rows_affected() == 0 {
        return tx.rollback().await;
    }
    let error = match run_handler(handler, &[recorded.event], &mut tx).await {
        Ok(()) => match tx.commit().await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => super::delivery::Failure::from_spine(&error).error,
        },
        Err(failure) => {
            tx.rollback().await?;
            if failure.away {
                return Ok(());
            }
            failure.error
        }
    };
    sqlx::query!(
        "UPDATE spine.dead_event
            SET retry_wanted_at = NULL, attempts = attempts + 1, error = $3, died_at = $4
          WHERE consumer = $1 AND event_id = $2",
        handler.name(),
        id.0,
        error,
        spine.clock().now()
    )
    .execute(spine.worker_pool())
    .await?;
    Ok(())
}

/// Goes on with a replay until it is done or somebody else does it.
async fn replay(
    spine: &Spine,
    handler: &dyn Handler,
    id: Uuid,
    cancel: &CancellationToken,
) -> Result<(), SpineError> {
    let cursor = Cursor::Replay(id);
    let Some(mut place) = cursor.load(spine.worker_pool(), handler.name()).await? else {
        return Ok(());
    };
    let until =
        sqlx::query!("SELECT until_order, until_sequence FROM spine.replay WHERE id = $1", id)
            .fetch_one(spine.worker_pool())
            .await?;
    let until = Position { transaction_order: until.until_order, sequence: until.until_sequence };
    let delivery = Delivery { spine, handler, cursor, stop: cancel };
    let filter = handler.filter();
    let limit = u32::try_from(BATCH_EVENTS).unwrap_or(u32::MAX);
    loop {
        let page = ledger::read_after(spine, place, &filter, limit).await?;
        let events: Vec<Recorded> =
            page.events.iter().filter(|one| one.position <= until).cloned().collect();
        let Some(last) = events.last() else {
            sqlx::query!(
                "UPDATE spine.replay SET finished_at = $2 WHERE id = $1 AND finished_at IS NULL",
                id,
                spine.clock().now()
            )
            .execute(spine.worker_pool())
            .await?;
            return Ok(());
        };
        match delivery.deliver(place, &events, last.position).await {
            (Delivered::Done, moved) => place = moved,
            (Delivered::Elsewhere | Delivered::Stopped, _) => return Ok(()),
        }
    }
}
