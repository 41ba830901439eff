//! One delivery: events to a handler, in a transaction that also moves a cursor.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Handler, HandlerError};
use crate::database::in_time;
use crate::error::is_nobodys_fault;
use crate::ledger::{Position, Recorded};
use crate::{Cause, Event, Spine, SpineError, Tx};

/// One run of a handler may take this long.
const DEADLINE: Duration = Duration::from_secs(120);
/// One attempt, or putting an event away, may take this long, from its first statement to its
/// commit. Statements that run too long are ended by the server before; what is longer waits for a
/// server that has vanished.
pub(super) const ATTEMPT: Duration = Duration::from_secs(150);
/// A failing batch is tried this often before its events are delivered one by one.
const BATCH_ATTEMPTS: u16 = 2;
/// Noting a failure may take this long.
const NOTE: Duration = Duration::from_secs(30);
/// The pause where it was nobody's fault.
const AWAY: Duration = Duration::from_millis(500);

/// Whose place in the ledger a delivery moves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cursor {
    /// The consumer's own.
    Live,
    /// That of a replay, beside the live flow.
    Replay(Uuid),
}

impl Cursor {
    /// Where it is; `None` where it is gone or done.
    pub(super) async fn load(
        self,
        pool: &PgPool,
        consumer: &str,
    ) -> Result<Option<Position>, SpineError> {
        let position = match self {
            Self::Live => {
                sqlx::query_as!(
                    Position,
                    "SELECT transaction_order, sequence FROM spine.consumer WHERE name = $1",
                    consumer
                )
                .fetch_optional(pool)
                .await?
            }
            Self::Replay(id) => {
                sqlx::query_as!(
                    Position,
                    "SELECT transaction_order, sequence FROM spine.replay
                      WHERE id = $1 AND finished_at IS NULL",
                    id
                )
                .fetch_optional(pool)
                .await?
            }
        };
        Ok(position)
    }

    /// Moves it, unless it is not where it is thought to be or somebody else is moving it. What
    /// else this transaction does takes effect only together with the move.
    async fn advance(
        self,
        conn: &mut PgConnection,
        consumer: &str,
        steps: &Steps<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool, SpineError> {
        let (from, to) = (steps.from, steps.to);
        let moved = match self {
            Self::Live => {
                sqlx::query!(
                    "UPDATE spine.consumer
                        SET transaction_order = $4, sequence = $5, moved_at = $6,
                            failing_event = NULL, failing_attempts = 0, failing_error = NULL
                      WHERE name = (SELECT name FROM spine.consumer
                                     WHERE name = $1 AND transaction_order = $2 AND sequence = $3
                                       FOR NO KEY UPDATE SKIP LOCKED)",
                    consumer,
                    from.transaction_order,
                    from.sequence,
                    to.transaction_order,
                    to.sequence,
                    now
                )
                .execute(conn)
                .await?
            }
            Self::Replay(id) => {
                sqlx::query!(
                    "UPDATE spine.replay
                        SET transaction_order = $4, sequence = $5, delivered = delivered + $6
                      WHERE id = (SELECT id FROM spine.replay
                                   WHERE id = $1 AND transaction_order = $2 AND sequence = $3
                                     AND finished_at IS NULL
                                     FOR NO KEY UPDATE SKIP LOCKED)",
                    id,
                    from.transaction_order,
                    from.sequence,
                    to.transaction_order,
                    to.sequence,
                    i64::try_from(steps.events.len()).unwrap_or(i64::MAX)
                )
                .execute(conn)
                .await?
            }
        };
        Ok(moved.rows_affected() == 1)
    }
}

/// What a delivery delivers, and how far its cursor then moves.
struct Steps<'a> {
    from: Position,
    to: Position,
    events: &'a [Recorded],
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// Everything was handled or put away as dead.
    Done,
    /// The cursor is not where it was thought to be: another process moves it.
    Elsewhere,
    /// Asked to stop in between.
    Stopped,
}

/// Delivers to one handler.
pub(super) struct Delivery<'a> {
    pub(super) spine: &'a Spine,
    pub(super) handler: &'a dyn Handler,
    pub(super) cursor: Cursor,
    pub(super) stop: &'a CancellationToken,
}

/// Why an attempt came to nothing.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: String,
    /// The handler wants no further attempt.
    pub(super) rejected: bool,
    /// The database is away, or another transaction was in the way: nobody's fault, not counted.
    pub(super) away: bool,
}

enum Attempt {
    Done,
    Elsewhere,
    Failed(Failure),
}

impl Delivery<'_> {
    /// Delivers events and moves the cursor from `from` to `to`, whatever it takes: as a batch,
    /// then one by one, and what cannot be handled is put away as dead. Returns where the cursor
    /// is.
    pub(super) async fn deliver(
        &self,
        from: Position,
        events: &[Recorded],
        to: Position,
    ) -> (Delivered, Position) {
        let mut attempts = 0;
        loop {
            match self.attempt(&Steps { from, to, events }).await {
                Attempt::Done => return (Delivered::Done, to),
                Attempt::Elsewhere => return (Delivered::Elsewhere, from),
                Attempt::Failed(failure) if failure.away => {
                    self.report(&failure, events, 0);
                    if self.pause(AWAY).await {
                        return (Delivered::Stopped, from);
                    }
                }
                Attempt::Failed(failure) if events.len() > 1 => {
                    attempts += 1;
                    self.report(&failure, events, attempts);
                    if failure.rejected || attempts >= BATCH_ATTEMPTS {
                        return self.one_by_one(from, events, to).await;
                    }
                    if self.pause(self.handler.patience().pause(attempts)).await {
                        return (Delivered::Stopped, from);
                    }
                }
                Attempt::Failed(failure) => {
                    return self.insist(from, events, to, failure).await;
                }
            }
        }
    }

    async fn one_by_one(
        &self,
        from: Position,
        events: &[Recorded],
        to: Position,
    ) -> (Delivered, Position) {
        let mut place = from;
        for (index, event) in events.iter().enumerate() {
            let last = index + 1 == events.len();
            let next = if last { to } else { event.position };
            let one = std::slice::from_ref(event);
            let outcome = match self.attempt(&Steps { from: place, to: next, events: one }).await {
                Attempt::Done => (Delivered::Done, next),
                Attempt::Elsewhere => (Delivered::Elsewhere, place),
                Attempt::Failed(failure) => self.insist(place, one, next, failure).await,
            };
            match outcome {
                (Delivered::Done, moved) => place = moved,
                other => return other,
            }
        }
        (Delivered::Done, place)
    }

    /// Tries a single event that failed again and again, then puts it away.
    async fn insist(
        &self,
        from: Position,
        event: &[Recorded],
        to: Position,
        first: Failure,
    ) -> (Delivered, Position) {
        let patience = self.handler.patience();
        let mut failure = first;
        let mut attempts = 0;
        loop {
            if !failure.away {
                attempts += 1;
            }
            self.report(&failure, event, attempts);
            let given_up = failure.rejected || attempts >= patience.attempts;
            if !failure.away {
                self.note(event, attempts, &failure).await;
                if given_up {
                    let steps = Steps { from, to, events: event };
                    match in_time(ATTEMPT, self.bury(&steps, attempts, &failure)).await {
                        Ok(true) => return (Delivered::Done, to),
                        Ok(false) => return (Delivered::Elsewhere, from),
                        Err(error) => failure = Failure::from_spine(&error),
                    }
                }
            }
            let pause = if failure.away { AWAY } else { patience.pause(attempts) };
            if self.pause(pause).await {
                return (Delivered::Stopped, from);
            }
            match self.attempt(&Steps { from, to, events: event }).await {
                Attempt::Done => return (Delivered::Done, to),
                Attempt::Elsewhere => return (Delivered::Elsewhere, from),
                Attempt::Failed(next) => failure = next,
            }
        }
    }

    /// Tries once. An attempt that was cut off may have been committed or not: the cursor of the
    /// next one tells.
    async fn attempt(&self, steps: &Steps<'_>) -> Attempt {
        match in_time(ATTEMPT, self.attempt_inner(steps)).await {
            Ok(attempt) => attempt,
            Err(error) => Attempt::Failed(Failure::from_spine(&error)),
        }
    }

    async fn attempt_inner(&self, steps: &Steps<'_>) -> Result<Attempt, SpineError> {
        let mut tx = self.spine.begin_worker(cause_of(steps.events)).await?;
        let now = self.spine.clock().now();
        if !self.cursor.advance(tx.conn(), self.handler.name(), steps, now).await? {
            tx.rollback().await?;
            return Ok(Attempt::Elsewhere);
        }
        let events: Vec<Event> = steps.events.iter().map(|one| one.event.clone()).collect();
        match run_handler(self.handler, &events, &mut tx).await {
            Ok(()) => {
                tx.commit().await?;
                Ok(Attempt::Done)
            }
            Err(failure) => {
                if let Err(error) = tx.rollback().await {
                    tracing::debug!(%error, "a rollback failed; the server rolls back by itself");
                }
                Ok(Attempt::Failed(failure))
            }
        }
    }

    /// Puts the event away as dead and moves on, in one transaction.
    async fn bury(
        &self,
        steps: &Steps<'_>,
        attempts: u16,
        failure: &Failure,
    ) -> Result<bool, SpineError> {
        let mut tx = self.spine.begin_worker(Cause::system()).await?;
        let now = self.spine.clock().now();
        if !self.cursor.advance(tx.conn(), self.handler.name(), steps, now).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        for recorded in steps.events {
            sqlx::query!(
                "INSERT INTO spine.dead_event (consumer, event_id, transaction_order, sequence,
                                               type, error, attempts, died_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (consumer, event_id) DO UPDATE
                 SET error = excluded.error, attempts = spine.dead_event.attempts + excluded.attempts,
                     died_at = excluded.died_at",
                self.handler.name(),
                recorded.event.id.0,
                recorded.position.transaction_order,
                recorded.position.sequence,
                &*recorded.event.kind,
                failure.error,
                i32::from(attempts),
                now
            )
            .execute(tx.conn())
            .await?;
            tracing::error!(
                consumer = self.handler.name(),
                event.id = %recorded.event.id,
                event.kind = %recorded.event.kind,
                attempts,
                error = failure.error,
                "an event could not be handled: put away as dead"
            );
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Makes it visible that the consumer is stuck.
    async fn note(&self, event: &[Recorded], attempts: u16, failure: &Failure) {
        if !matches!(self.cursor, Cursor::Live) {
            return;
        }
        let noting = async {
            sqlx::query!(
                "UPDATE spine.consumer
                    SET failing_event = $2, failing_attempts = $3, failing_error = $4
                  WHERE name = $1",
                self.handler.name(),
                event.first().map(|recorded| recorded.event.id.0),
                i32::from(attempts),
                failure.error
            )
            .execute(self.spine.worker_pool())
            .await?;
            Ok(())
        };
        if let Err(error) = in_time(NOTE, noting).await {
            tracing::debug!(%error, "a consumer's failure could not be noted");
        }
    }

    fn report(&self, failure: &Failure, events: &[Recorded], attempt: u16) {
        tracing::warn!(
            consumer = self.handler.name(),
            event.id = events.first().map(|recorded| recorded.event.id.to_string()),
            events = events.len(),
            attempt,
            error = failure.error,
            "events were not handled"
        );
    }

    /// Waits; true where the work is to stop instead.
    async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => true,
            () = tokio::time::sleep(time) => false,
        }
    }
}

/// Runs the handler: a panic or a run without end fails like an error.
pub(super) async fn run_handler(
    handler: &dyn Handler,
    events: &[Event],
    tx: &mut Tx,
) -> Result<(), Failure> {
    let run = AssertUnwindSafe(handler.handle(events, tx)).catch_unwind();
    match tokio::time::timeout(DEADLINE, run).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(Failure::from_handler(&error)),
        Ok(Err(_)) => Err(Failure::plain("the handler panicked")),
        Err(_) => Err(Failure::plain("the handler took too long")),
    }
}

impl Failure {
    fn plain(error: &str) -> Self {
        Self { error: error.to_owned(), rejected: false, away: false }
    }

    pub(super) fn from_spine(error: &SpineError) -> Self {
        Self { error: chain(error), rejected: false, away: is_nobodys_fault(error) }
    }

    fn from_handler(error: &HandlerError) -> Self {
        Self {
            error: chain(error),
            rejected: matches!(error, HandlerError::Reject(_)),
            away: matches!(error, HandlerError::Retry(_)) && is_nobodys_fault(error),
        }
    }
}

/// The error and its sources, as Postgres can keep it.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let part = source.to_string();
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        next = source.source();
    }
    let mut text = text.replace('\0', "\u{fffd}");
    if let Some((cut, _)) = text.char_indices().nth(4_000) {
        text.truncate(cut);
    }
    text
}

fn cause_of(events: &[Recorded]) -> Cause {
    match events {
        [one] => one.event.as_cause(),
        _ => Cause::system(),
    }
}
