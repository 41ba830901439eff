//! The relay: publishes the ledger to the stream, in order, one process at a time.
//!
//! What it has published it learns from the stream's last message, every time it begins. So a tail
//! that the server lost, a stream that is gone, a relay that died between publishing and writing
//! down how far it was: all end the same way, with the ledger published from where the stream ends.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::publish::{Published, publish, publish_carefully};
use super::stream::{LedgerStream, subject_prefix};
use super::{agreement, message};
use crate::bus::BATCH_BYTES;
use crate::bus::election::Elected;
use crate::bus::impatience::Impatience;
use crate::ledger::{self, Position};
use crate::nats::Nats;
use crate::{Spine, SpineError};

/// How many events one batch has at most (the server takes 1,000).
const BATCH: u32 = 500;
/// How often it is written down how far the relay is. Only for those who watch: the stream itself
/// knows it.
const WRITE_DOWN: Duration = Duration::from_secs(1);
/// How long a batch may take to be stored.
const PUBLISH: Duration = Duration::from_secs(15);
/// How often a relay without work looks whether the stream is still what it was.
const LOOK: Duration = Duration::from_secs(5);

/// The relay as something one process at a time does.
pub(in crate::bus) fn relay(spine: &Spine, nats: &Nats) -> Elected {
    let (spine, nats) = (spine.clone(), nats.clone());
    Elected {
        name: "relay".to_owned(),
        begin: std::sync::Arc::new(move |stop| {
            let (spine, nats) = (spine.clone(), nats.clone());
            Box::pin(async move { run(&spine, &nats, &stop).await })
        }),
    }
}

async fn run(spine: &Spine, nats: &Nats, stop: &CancellationToken) {
    let mut failures = 0_u32;
    while !stop.is_cancelled() {
        let started = Instant::now();
        if let Err(error) = relay_until_stopped(spine, nats, stop).await {
            failures = if started.elapsed() > Duration::from_secs(30) { 1 } else { failures + 1 };
            nats.set_trouble(Some(error.to_string()));
            if failures.is_power_of_two() {
                tracing::warn!(%error, failures, "the relay failed; the ledger keeps what it has");
            }
            let pause = Duration::from_millis(100 << failures.min(5));
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
    nats.set_trouble(None);
}

async fn relay_until_stopped(
    spine: &Spine,
    nats: &Nats,
    stop: &CancellationToken,
) -> Result<(), SpineError> {
    let mut stream = LedgerStream::open(spine, nats).await?;
    let (mut position, mut last) = find_end(spine, &mut stream).await?;
    let prefix = subject_prefix(spine.namespace());
    let mut impatience = Impatience::new(spine.wakes().events());
    let mut written = None;
    let mut looked = Instant::now();
    nats.set_trouble(None);
    while !stop.is_cancelled() {
        impatience.about_to_read();
        let mut events = ledger::read_stored(spine.worker_pool(), position, BATCH).await?;
        let mut bytes = 0;
        let fitting = events.iter().take_while(|event| {
            bytes += event.data.len();
            bytes <= BATCH_BYTES
        });
        let fitting = fitting.count().max(1);
        events.truncate(fitting);
        if let Some(newest) = events.last() {
            position = newest.position;
            let messages: Vec<_> =
                events.into_iter().map(|event| message::write(&prefix, event)).collect();
            last = match in_time(publish(&stream, last, &messages)).await? {
                Published::UpTo(last) => last,
                Published::Repeated => {
                    // Where the stream ends is not known well enough: the careful way finds it.
                    let (_, last) = find_end(spine, &mut stream).await?;
                    in_time(publish_carefully(&stream, last, &messages)).await?
                }
            };
            impatience.progressed();
            if written.is_none_or(|at: Instant| at.elapsed() > WRITE_DOWN) {
                write_down(spine, position, last).await?;
                written = Some(Instant::now());
            }
            continue;
        }
        if written.is_some() {
            write_down(spine, position, last).await?;
            written = None;
        }
        if looked.elapsed() > LOOK {
            looked = Instant::now();
            let found = stream.bounds().await?.last;
            if found != last {
                return Err(SpineError::Bus(format!(
                    "the stream should end with message {last} and ends with {found}"
                )));
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = impatience.wait(position.transaction_order) => {}
        }
    }
    write_down(spine, position, last).await
}

/// While NATS is away, messages wait for it without an end.
async fn in_time<T>(work: impl Future<Output = Result<T, SpineError>>) -> Result<T, SpineError> {
    tokio::time::timeout(PUBLISH, work)
        .await
        .map_err(|_| SpineError::Bus("NATS took too long to store events".to_owned()))?
}

/// Where the stream ends, in the ledger and by its own number.
async fn find_end(spine: &Spine, stream: &mut LedgerStream) -> Result<(Position, u64), SpineError> {
    let found = agreement::find_end(spine, stream).await?;
    let end = found.position;
    let known = sqlx::query_as!(
        Position,
        "SELECT transaction_order, sequence FROM spine.relay WHERE stream = $1",
        spine.namespace()
    )
    .fetch_optional(spine.worker_pool())
    .await?;
    if let Some(known) = known
        && known > end
    {
        tracing::warn!(%known, %end, "the stream lost its tail: publishing it again");
    }
    Ok((end, found.bounds.last))
}

async fn write_down(spine: &Spine, position: Position, last: u64) -> Result<(), SpineError> {
    sqlx::query!(
        "INSERT INTO spine.relay AS known (stream, transaction_order, sequence, stream_sequence)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (stream) DO UPDATE
         SET transaction_order = excluded.transaction_order, sequence = excluded.sequence,
             stream_sequence = excluded.stream_sequence, moved_at = now()
         WHERE (known.transaction_order, known.sequence)
               IS DISTINCT FROM (excluded.transaction_order, excluded.sequence)",
        spine.namespace(),
        position.transaction_order,
        position.sequence,
        i64::try_from(last).unwrap_or(i64::MAX)
    )
    .execute(spine.worker_pool())
    .await?;
    Ok(())
}
