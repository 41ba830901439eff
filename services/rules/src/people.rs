//! With a person go their rules.

use contracts::access::SpaceId;
use contracts::events::rules::RuleChanged;
use spine::{Snowflake, Tx};

use crate::store::changes::Change;
use crate::{Rules, RulesError, store};

impl Rules {
    /// Removes the rules of a person who is erased, with their versions and traces. Those that they made for the
    /// household are the household's: they stay to be read, and are stopped, because nobody is left for whom they act.
    pub(crate) async fn erase_person(
        &self,
        tx: &mut Tx,
        person: Snowflake,
    ) -> Result<(), RulesError> {
        let theirs = store::changes::of_owner(tx.conn(), person).await?;
        if theirs.is_empty() {
            return Ok(());
        }
        let now = self.0.spine.clock().now();
        let generation = store::changes::next_generation(tx.conn()).await?;
        for (rule, space) in theirs {
            let Some(locked) = store::changes::lock(tx.conn(), rule).await? else { continue };
            store::outcomes::hold(tx.conn(), &[rule]).await?;
            let change = if space == SpaceId::household().as_str() {
                let why = "its owner is gone";
                let stop = Change {
                    rule,
                    version: locked.version,
                    name: None,
                    enabled: locked.enabled,
                    stopped: Some(why),
                    generation,
                    now,
                };
                store::changes::update(tx.conn(), &stop).await?;
                store::waiting::end_all(tx.conn(), &[rule], None, why).await?;
                store::schedules::set(tx.conn(), rule, None).await?;
                "stopped"
            } else {
                store::changes::remove(tx.conn(), rule, generation, now).await?;
                "removed"
            };
            tx.record(&RuleChanged {
                rule,
                version: u32::try_from(locked.version).unwrap_or_default(),
                owner: person,
                change: change.to_owned(),
            })?;
        }
        Ok(())
    }
}
