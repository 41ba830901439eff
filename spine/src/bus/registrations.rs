//! The consumers this process knows, and whether they are done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Begin, Handler};
use crate::ledger::{self, Patterns, Position};
use crate::{Spine, SpineError};

/// The consumers of one process, by name.
#[derive(Default)]
pub(crate) struct Registrations(Mutex<HashMap<&'static str, Patterns>>);

impl Registrations {
    /// Gives each handler its place in the ledger, where it is new.
    pub(crate) async fn add(
        &self,
        spine: &Spine,
        handlers: &[Arc<dyn Handler>],
    ) -> Result<(), SpineError> {
        for handler in handlers {
            let patterns = Patterns::from(&handler.filter());
            let known = {
                let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(handler.name(), patterns).is_some()
            };
            if known {
                let name = handler.name();
                return Err(SpineError::Settings(format!("two handlers are called {name}")));
            }
            let place = match handler.begin() {
                Begin::First => Position::START,
                Begin::Next => ledger::readable_end(spine).await?,
            };
            sqlx::query!(
                "INSERT INTO spine.consumer (name, transaction_order, sequence)
                 VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                handler.name(),
                place.transaction_order,
                place.sequence
            )
            .execute(spine.worker_pool())
            .await?;
        }
        Ok(())
    }

    pub(crate) async fn idle(&self, spine: &Spine) -> Result<bool, SpineError> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let names: Vec<String> = all.keys().map(|name| (*name).to_owned()).collect();
        let again = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM spine.replay
                               WHERE consumer = ANY($1) AND finished_at IS NULL)
                   OR EXISTS (SELECT FROM spine.dead_event
                               WHERE consumer = ANY($1) AND retry_wanted_at IS NOT NULL)
                      AS "again!""#,
            &names
        )
        .fetch_one(spine.worker_pool())
        .await?;
        if again {
            return Ok(false);
        }
        let places = sqlx::query!(
            "SELECT name, transaction_order, sequence FROM spine.consumer WHERE name = ANY($1)",
            &names
        )
        .fetch_all(spine.worker_pool())
        .await?;
        for place in places {
            let position =
                Position { transaction_order: place.transaction_order, sequence: place.sequence };
            if let Some(patterns) = all.get(place.name.as_str())
                && ledger::exists_after(spine.worker_pool(), position, patterns).await?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
