//! At the end of a rule's `for`: whether its conditions hold still.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{EventId, Job, JobError, JobRun, Lane, ledger};
use uuid::Uuid;

use super::evaluate::{PATIENCE, retry};
use crate::assess::{self, Asking};
use crate::audience::{Place, about};
use crate::engine::{EventDocument, Lookups, Verdict};
use crate::outcome::Occasion;
use crate::{Rules, store};

/// Asks a rule that waited again, with what is known now. Keyed by the event and the rule.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Recheck {
    /// The rule.
    pub(crate) rule: Uuid,
    /// Its version when the wait began.
    pub(crate) version: i32,
    /// The event that began it.
    pub(crate) event: EventId,
}

#[async_trait]
impl Job for Recheck {
    type Context = Rules;
    const KIND: &'static str = "rules.recheck";
    const LANE: Lane = Lane::Interactive;

    async fn run(&self, rules: &Rules, run: &mut JobRun) -> Result<(), JobError> {
        // Ended before its time, by another event or a change.
        if !store::waiting::waits(rules.0.spine.worker_pool(), self.rule, self.event.0).await? {
            return Ok(());
        }
        let recorded = ledger::by_id(&rules.0.spine, self.event).await?;
        let Some(event) = recorded.map(|recorded| recorded.event) else { return Ok(()) };
        let give_up = run.attempt() >= PATIENCE;
        let asking = Asking::in_earnest(rules.0.spine.clock().now(), give_up);
        rules.current().await.map_err(retry)?;
        let rule = rules.running(self.rule, self.version);
        let document = EventDocument::of(&event).map(Arc::new);
        let mut lookups = Lookups::default();
        let (mut made, mut names) = (None, Vec::new());
        // Erased, changed or out of sight meanwhile: the wait ends without a word.
        if let (Some(rule), Some(document)) = (rule, document)
            && rules.may_see(&rule, &document, &Place::of(&document), give_up).await?
        {
            names = about(&document);
            let answer = rules.assess(vec![rule], &document, &mut lookups, asking).await;
            match answer {
                Ok(answer) => made = answer.into_iter().next(),
                Err(error) => return Err(rules.unanswered(error).await?),
            }
        }
        names.extend(assess::about(&lookups));
        if made.as_ref().is_some_and(|made| made.evaluation.verdict == Verdict::Cut) {
            rules.stop(self.rule, "an evaluation went beyond its limits").await.map_err(retry)?;
        }
        let depth = rules.depth(&event).await.map_err(retry)?;
        let occasion = Occasion { event: &event, now: asking.now, depth, about: &names };
        let mut tx = run.begin().await?;
        rules.conclude_wait(&mut tx, &occasion, made, self.rule).await.map_err(retry)?;
        tx.commit().await?;
        Ok(())
    }
}
