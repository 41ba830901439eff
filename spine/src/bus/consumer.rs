//! A durable consumer at work: the loop between a flow of events and a handler.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::delivery::{Cursor, Delivered, Delivery};
use super::election::Elected;
use super::{EventBus, Handler};
use crate::ledger::Position;
use crate::{Spine, SpineError};

/// A consumer that only passes over events which are none of its business writes down how far it
/// is this often.
const SAVE: Duration = Duration::from_secs(30);

/// The consumer as something one process at a time does.
pub(super) fn task(spine: &Spine, bus: &Arc<dyn EventBus>, handler: &Arc<dyn Handler>) -> Elected {
    let (spine, bus, handler) = (spine.clone(), Arc::clone(bus), Arc::clone(handler));
    Elected {
        name: format!("consumer:{}", handler.name()),
        begin: Arc::new(move |stop| {
            let (spine, bus, handler) = (spine.clone(), Arc::clone(&bus), Arc::clone(&handler));
            Box::pin(async move { run(&spine, &*bus, &*handler, &stop).await })
        }),
    }
}

async fn run(spine: &Spine, bus: &dyn EventBus, handler: &dyn Handler, stop: &CancellationToken) {
    let mut failures = 0_u32;
    while !stop.is_cancelled() {
        let started = Instant::now();
        if let Err(error) = consume(spine, bus, handler, stop).await {
            failures = if started.elapsed() > Duration::from_secs(30) { 1 } else { failures + 1 };
            if failures.is_power_of_two() {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(
                    consumer = handler.name(), %error, source, failures, "the flow of events broke"
                );
            }
            let pause = Duration::from_millis(100 << failures.min(5));
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// Consumes until asked to stop, until the flow breaks, or until another process turns out to do
/// the same: then it looks anew where the consumer is.
async fn consume(
    spine: &Spine,
    bus: &dyn EventBus,
    handler: &dyn Handler,
    stop: &CancellationToken,
) -> Result<(), SpineError> {
    let cursor = Cursor::Live;
    let Some(mut saved) = cursor.load(spine.worker_pool(), handler.name()).await? else {
        return Err(SpineError::Bus(format!("the consumer {} was removed", handler.name())));
    };
    let mut source = bus.subscribe(&handler.filter(), saved).await?;
    let mut position = saved;
    let mut saved_at = Instant::now();
    let delivery = Delivery { spine, handler, cursor, stop };
    loop {
        let batch = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            batch = source.next(position) => batch?,
        };
        if batch.events.is_empty() {
            position = batch.end.max(position);
            if saved_at.elapsed() > SAVE && position > saved {
                if !save(spine, handler.name(), saved, position).await? {
                    return Ok(());
                }
                (saved, saved_at) = (position, Instant::now());
            }
            continue;
        }
        match delivery.deliver(saved, &batch.events, batch.end).await {
            (Delivered::Done, place) => {
                (saved, position, saved_at) = (place, place, Instant::now());
            }
            (Delivered::Elsewhere, _) => {
                // Another process has the row or moved it. The election settles that shortly.
                tokio::time::sleep(Duration::from_millis(200)).await;
                return Ok(());
            }
            (Delivered::Stopped, _) => return Ok(()),
        }
    }
    if position > saved {
        save(spine, handler.name(), saved, position).await?;
    }
    Ok(())
}

/// Writes down that there is nothing for the consumer up to `to`.
async fn save(
    spine: &Spine,
    consumer: &str,
    from: Position,
    to: Position,
) -> Result<bool, SpineError> {
    let saved = sqlx::query!(
        "UPDATE spine.consumer SET transaction_order = $4, sequence = $5
          WHERE name = $1 AND transaction_order = $2 AND sequence = $3",
        consumer,
        from.transaction_order,
        from.sequence,
        to.transaction_order,
        to.sequence
    )
    .execute(spine.worker_pool())
    .await?;
    Ok(saved.rows_affected() == 1)
}
