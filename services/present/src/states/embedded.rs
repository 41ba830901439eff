//! The default adapter: Postgres itself, in the transaction of the events. What it says is what every
//! process reads, and there is nothing to make anew after a start.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::access::Permitted;
use spine::Spine;
use sqlx::PgConnection;

use super::StateStore;
use crate::PresentError;
use crate::state::{Key, Measure, READINGS, Reading, State};
use crate::store::{readings, states};

/// Keeps everything in the schema `present`.
pub(crate) struct EmbeddedStates {
    pub(crate) spine: Spine,
}

#[async_trait]
impl StateStore for EmbeddedStates {
    fn is_in_postgres(&self) -> bool {
        true
    }

    async fn read(
        &self,
        conn: &mut PgConnection,
        keys: &[Key],
    ) -> Result<Vec<State>, PresentError> {
        Ok(states::read(conn, keys).await?)
    }

    async fn one(&self, key: &Key) -> Result<Option<State>, PresentError> {
        Ok(states::one(self.spine.pool(), key).await?)
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<State>, PresentError> {
        Ok(states::of_subject(self.spine.pool(), subject).await?)
    }

    async fn list(
        &self,
        permitted: &Permitted,
        after: &str,
        now: DateTime<Utc>,
        subjects: usize,
    ) -> Result<Vec<State>, PresentError> {
        let most = i64::try_from(subjects).unwrap_or(i64::MAX);
        Ok(states::list(self.spine.pool(), permitted, after, now, most).await?)
    }

    async fn write(
        &self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
        states: &[State],
        readings: &[Reading],
    ) -> Result<(), PresentError> {
        if !states.is_empty() {
            states::write(conn, now, &serde_json::to_value(states)?).await?;
        }
        let oldest = now - READINGS;
        let counting: Vec<&Reading> =
            readings.iter().filter(|reading| reading.at > oldest).collect();
        Ok(readings::add(conn, &counting).await?)
    }

    async fn remove(&self, _: &[Key]) -> Result<(), PresentError> {
        Ok(())
    }

    async fn forget(&self, _: &str) -> Result<(), PresentError> {
        Ok(())
    }

    async fn window(
        &self,
        key: &Key,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Measure>, PresentError> {
        Ok(readings::window(self.spine.pool(), key, from, to).await?)
    }

    async fn sweep(&self) -> Result<(), PresentError> {
        Ok(())
    }

    async fn is_whole(&self) -> Result<bool, PresentError> {
        Ok(true)
    }

    async fn begin_again(&self) -> Result<(), PresentError> {
        Ok(())
    }

    async fn end_again(&self) -> Result<(), PresentError> {
        Ok(())
    }
}
