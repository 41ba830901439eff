//! The port to what keeps states and windows of readings, with two adapters.

pub(crate) mod embedded;
pub(crate) mod redis;
mod sums;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use sqlx::PgConnection;

use crate::PresentError;
use crate::state::{Key, Measure, Reading, State};

/// Keeps states and readings. What writes gets the connection of the transaction that handles the events;
/// an adapter that keeps its data elsewhere may be told the same twice.
#[async_trait]
pub(crate) trait StateStore: Send + Sync {
    /// Whether it keeps all in the tables of this service. Otherwise those hold the states that matter as
    /// well, for decisions.
    fn is_in_postgres(&self) -> bool;

    /// The states of these keys that are known, expired or not.
    async fn read(&self, conn: &mut PgConnection, keys: &[Key])
    -> Result<Vec<State>, PresentError>;

    /// The state of this key, expired or not.
    async fn one(&self, key: &Key) -> Result<Option<State>, PresentError>;

    /// All states of a subject, expired or not.
    async fn of_subject(&self, subject: &str) -> Result<Vec<State>, PresentError>;

    /// The states that hold and are permitted of the next so many subjects after the given one, in the
    /// subjects' order.
    async fn list(
        &self,
        permitted: &Permitted,
        after: &str,
        now: DateTime<Utc>,
        subjects: usize,
    ) -> Result<Vec<State>, PresentError>;

    /// Writes states, one a key, and readings. A state that is older than the one that is there changes
    /// nothing; a reading counts all the same.
    async fn write(
        &self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
        states: &[State],
        readings: &[Reading],
    ) -> Result<(), PresentError>;

    /// Removes states that it keeps outside of the tables.
    async fn remove(&self, keys: &[Key]) -> Result<(), PresentError>;

    /// Forgets what it keeps outside of the tables of this subject, or was reported by it, with its
    /// readings.
    async fn forget(&self, who: &str) -> Result<(), PresentError>;

    /// What the readings of a state amount to, between two times.
    async fn window(
        &self,
        key: &Key,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Measure>, PresentError>;

    /// Removes what expired outside of the tables.
    async fn sweep(&self) -> Result<(), PresentError>;

    /// Whether it has all that it was told, or lost some of it and must be told again.
    async fn is_whole(&self) -> Result<bool, PresentError>;

    /// Begins to tell it all again, from nothing: what it still has may be old.
    async fn begin_again(&self) -> Result<(), PresentError>;

    /// It has been told all again: it is whole, unless it lost that as well meanwhile.
    async fn end_again(&self) -> Result<(), PresentError>;
}
