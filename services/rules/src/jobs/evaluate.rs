//! Asks the rules that an event triggers, and does what they say.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{EventId, Job, JobError, JobRun, Lane, ledger};

use crate::assess::{self, Asking, Unanswered};
use crate::audience::{Place, Sight, about, sight};
use crate::engine::{EventDocument, Lookups, Rule, Verdict};
use crate::handler::triggered;
use crate::outcome::Occasion;
use crate::{Rules, RulesError};

/// So often what is away is waited for, before the lookup counts as failed.
pub(super) const PATIENCE: u16 = 5;

/// Asks the rules that an event triggers, and does what they say. Keyed by the event. Which rules those are is found
/// when it runs: one that was changed since the event is newer than it, and is not among them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EvaluateEvent {
    /// The event.
    pub(crate) event: EventId,
}

#[async_trait]
impl Job for EvaluateEvent {
    type Context = Rules;
    const KIND: &'static str = "rules.evaluate";
    const LANE: Lane = Lane::Interactive;
    const TIMEOUT: Duration = Duration::from_secs(900);

    async fn run(&self, rules: &Rules, run: &mut JobRun) -> Result<(), JobError> {
        let recorded = ledger::by_id(&rules.0.spine, self.event).await?;
        let Some(event) = recorded.map(|recorded| recorded.event) else { return Ok(()) };
        // Erased meanwhile: nobody may act on it any more.
        let Some(document) = EventDocument::of(&event).map(Arc::new) else { return Ok(()) };
        let give_up = run.attempt() >= PATIENCE;
        let set = rules.current().await.map_err(retry)?;
        let place = Place::of(&document);
        let mut asked = triggered(&set, &event, &document);
        // Everybody sees it, or only those in a circle do.
        if asked.iter().any(|rule| sight(rule, &document, &place) != Sight::Yes) {
            let mut seeing = Vec::with_capacity(asked.len());
            for rule in asked {
                if rules.may_see(&rule, &document, &place, give_up).await? {
                    seeing.push(rule);
                }
            }
            asked = seeing;
        }
        let asking = Asking::in_earnest(rules.0.spine.clock().now(), give_up);
        let mut lookups = Lookups::default();
        let assessed = rules.assess(asked, &document, &mut lookups, asking).await;
        let assessed = match assessed {
            Ok(assessed) => assessed,
            Err(error) => return Err(rules.unanswered(error).await?),
        };
        // First, so that none runs again, whatever becomes of this run.
        for made in assessed.iter().filter(|made| made.evaluation.verdict == Verdict::Cut) {
            let rule = made.rule.identity.rule;
            rules.stop(rule, "an evaluation went beyond its limits").await.map_err(retry)?;
        }
        let holds =
            assessed.iter().any(|made| matches!(made.evaluation.verdict, Verdict::Holds(_)));
        let depth = if holds { rules.depth(&event).await.map_err(retry)? } else { 0 };
        let mut about = about(&document);
        about.extend(assess::about(&lookups));
        let occasion = Occasion { event: &event, now: asking.now, depth, about: &about };
        let mut tx = run.begin().await?;
        rules.conclude(&mut tx, &occasion, assessed).await.map_err(retry)?;
        tx.commit().await?;
        Ok(())
    }
}

pub(super) fn retry(error: RulesError) -> JobError {
    JobError::retry(error)
}

impl Rules {
    /// Whether a rule may see an event: where it is a circle's, the policy says whether its owner is in it.
    pub(crate) async fn may_see(
        &self,
        rule: &Rule,
        event: &EventDocument,
        place: &Place,
        give_up: bool,
    ) -> Result<bool, JobError> {
        match self.sees(rule.identity.owner, sight(rule, event, place)).await {
            Ok(sees) => Ok(sees),
            // Not known is no.
            Err(error) if give_up => {
                tracing::warn!(rule.id = %rule.identity.rule, %error, "nobody says who is in a circle");
                Ok(false)
            }
            Err(error) => Err(JobError::retry(error)),
        }
    }

    /// What to do where rules could not be asked: one that does not end is stopped, and the others are asked again.
    pub(crate) async fn unanswered(&self, error: Unanswered) -> Result<JobError, JobError> {
        if let Unanswered::Stuck(rule) = &error {
            self.stop(rule.identity.rule, "an evaluation did not end").await.map_err(retry)?;
        }
        Ok(JobError::retry(error))
    }
}
