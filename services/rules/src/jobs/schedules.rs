//! Once a minute: the schedules whose time has come.

use async_trait::async_trait;
use contracts::events::rules::ScheduleReached;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use crate::document::RuleDocument;
use crate::{Rules, store};

/// So many at a time; the next minute takes the rest.
const MOST: i64 = 1_000;

/// Records that the time of schedules has come: an event each, which triggers its rule like any other. Times that
/// passed while no process was up are caught up once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RunSchedules {}

#[async_trait]
impl Job for RunSchedules {
    type Context = Rules;
    const KIND: &'static str = "rules.run_schedules";
    const LANE: Lane = Lane::Interactive;

    async fn run(&self, rules: &Rules, run: &mut JobRun) -> Result<(), JobError> {
        let now = rules.0.spine.clock().now();
        let mut tx = run.begin().await?;
        for due in store::schedules::due(tx.conn(), now, MOST).await? {
            let rule = store::rules::find(tx.conn(), due.rule_id).await?;
            let runs = rule.filter(|rule| rule.enabled && rule.stopped.is_none());
            let mut next = None;
            if let Some(rule) = runs {
                // It was read when the rule was saved; one that never comes again ends.
                match serde_json::from_value::<RuleDocument>(rule.document.clone()) {
                    Ok(document) => {
                        next = document.schedule.and_then(|schedule| schedule.next_after(now).ok());
                    }
                    // The others go on.
                    Err(error) => {
                        tracing::error!(rule.id = %rule.id, %error, "a stored rule cannot be read");
                    }
                }
                tx.record(&ScheduleReached {
                    rule: rule.id,
                    owner: rule.owner(),
                    at: due.next_at,
                })?;
            }
            store::schedules::set(tx.conn(), due.rule_id, next).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
