//! Whether the stream carries what the ledger has.
//!
//! It always does until the database goes back in time: restored from a backup, or followed by a
//! standby that lacks the newest commits. Then the stream has events that, for the ledger, never
//! happened, and the ledger gives their places to others. Who went on then would hide events for
//! ever: the relay takes them for published, consumers have passed their places. So both look
//! first, each time they begin, and refuse until the stream is made anew
//! ([`super::rebuild_stream`]). A database that goes back ends all its connections, which makes
//! everybody begin again.

use std::ops::RangeInclusive;

use super::stream::{Bounds, LedgerStream};
use crate::ledger::{self, Position};
use crate::{EventId, Spine, SpineError};

/// How many of the newest messages are compared with the ledger.
///
/// The newest alone would not tell: transactions that run at the same time commit in another order
/// than that of their numbers, so a database that was cut off between two commits can have the
/// newest event and lack one before it.
const COMPARED: u64 = 64;

/// Where stream and ledger parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parting {
    /// The newest place up to which both have the same.
    pub last_shared: Position,
    /// How many messages the stream has after it.
    pub foreign: u64,
}

/// The end of a stream that carries this ledger.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// Everything up to here is in the stream.
    pub(super) position: Position,
    pub(super) bounds: Bounds,
}

/// Finds the stream's end.
///
/// # Errors
/// Stream and ledger parted, or one of them is away.
pub(super) async fn find_end(spine: &Spine, stream: &mut LedgerStream) -> Result<End, SpineError> {
    let bounds = stream.bounds().await?;
    if bounds.empty {
        return Ok(End { position: Position::START, bounds });
    }
    let newest = stream.mark_at(bounds.last).await?;
    if first_foreign(spine, stream, up_to(bounds.last, &bounds)).await?.is_some() {
        return Err(SpineError::Settings(format!(
            "the stream has events that this ledger does not have (it ends with event {} at {}): \
             was the database restored from an older backup? Nothing is published or handled until \
             the stream is made anew: see `sovereign events relay`, then `sovereign events \
             rebuild-stream`",
            newest.event, newest.position
        )));
    }
    Ok(End { position: newest.position, bounds })
}

/// Where stream and ledger parted; `None` where they did not.
///
/// # Errors
/// One of them is away.
pub(super) async fn find_parting(
    spine: &Spine,
    stream: &LedgerStream,
    bounds: &Bounds,
) -> Result<Option<Parting>, SpineError> {
    if bounds.empty {
        return Ok(None);
    }
    let Some(seen) = first_foreign(spine, stream, up_to(bounds.last, bounds)).await? else {
        return Ok(None);
    };
    // `high` is foreign; what is before `low` is not, as far as it was looked at.
    let (mut low, mut high) = (bounds.first, seen);
    while low < high {
        let middle = low + (high - low) / 2;
        match first_foreign(spine, stream, middle..=middle).await? {
            Some(_) => high = middle,
            None => low = middle + 1,
        }
    }
    // A few more may lie between shared ones: see [`COMPARED`].
    let mut first = low;
    while first > bounds.first
        && let Some(earlier) = first_foreign(spine, stream, up_to(first - 1, bounds)).await?
    {
        first = earlier;
    }
    let last_shared = match first == bounds.first {
        true => Position::START,
        false => stream.mark_at(first - 1).await?.position,
    };
    Ok(Some(Parting { last_shared, foreign: bounds.last - first + 1 }))
}

/// The messages to compare that end with this one.
fn up_to(last: u64, bounds: &Bounds) -> RangeInclusive<u64> {
    last.saturating_sub(COMPARED - 1).max(bounds.first)..=last
}

/// The number of the first of these messages whose event the ledger does not have at its place.
async fn first_foreign(
    spine: &Spine,
    stream: &LedgerStream,
    numbers: RangeInclusive<u64>,
) -> Result<Option<u64>, SpineError> {
    let first = *numbers.start();
    let marks: Vec<(Position, EventId)> = stream
        .marks_at(numbers)
        .await?
        .into_iter()
        .map(|mark| (mark.position, mark.event))
        .collect();
    let unknown = ledger::first_unknown(spine.worker_pool(), &marks).await?;
    Ok(unknown.map(|index| first + index))
}
