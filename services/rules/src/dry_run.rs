//! What a rule would do: asked about an event that is given, or about the last ones of its types. Nothing happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spine::ledger;

use crate::assess::{Asking, Unanswered};
use crate::audience::{Place, sight};
use crate::engine::worker::NoResult;
use crate::engine::{EventDocument, Lookups, Planned, Rule, Trace, Verdict};
use crate::{Rules, RulesError};

/// Events that are looked through for those that a rule may see and that are of its types.
const SCANNED: usize = 5_000;
const PAGE: u32 = 500;
/// How long somebody waits for what a rule would have done.
const LONGEST: Duration = Duration::from_secs(20);

/// What a rule would do about one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DryRun {
    /// The event's id.
    pub event: String,
    /// Its type.
    pub event_type: String,
    /// When it happened.
    pub time: Option<DateTime<Utc>>,
    /// `fired`, `waiting`, `refused` or `failed`, as far as it can be told: throttles and what waits already are left out.
    #[schema(pattern = "^(fired|waiting|refused|failed)$")]
    pub outcome: String,
    /// Why.
    pub trace: Trace,
    /// What it would do.
    pub actions: Vec<Planned>,
}

impl Rules {
    /// Asks a rule about an event. What it looks up is as it is now.
    pub(crate) async fn dry_run(
        &self,
        rule: &Arc<Rule>,
        event: EventDocument,
        lookups: &mut Lookups,
    ) -> Result<DryRun, RulesError> {
        let event = Arc::new(event);
        let mut run = DryRun {
            event: event.id.clone(),
            event_type: event.r#type.clone(),
            time: event.time,
            outcome: "refused".to_owned(),
            trace: Trace::default(),
            actions: Vec::new(),
        };
        if let Err(why) = rule.admits(&event) {
            run.trace.stop = Some(why);
            return Ok(run);
        }
        let now = self.0.spine.clock().now();
        let asking = Asking { now, give_up: true, trial: true };
        let assessed = self.assess(vec![Arc::clone(rule)], &event, lookups, asking).await;
        let made = match assessed {
            Ok(assessed) => assessed.into_iter().next(),
            Err(Unanswered::Stuck(_)) => None,
            Err(Unanswered::NoThread) => return Err(NoResult::NoThread.into()),
            Err(Unanswered::Away(away)) => return Err(away.into()),
        };
        let Some(made) = made else {
            run.outcome = "failed".to_owned();
            run.trace.stop = Some("the evaluation does not end".to_owned());
            return Ok(run);
        };
        run.trace = made.evaluation.trace;
        match made.evaluation.verdict {
            Verdict::Holds(held) => {
                run.outcome = if rule.hold.is_some() { "waiting" } else { "fired" }.to_owned();
                run.actions = held.actions;
            }
            Verdict::Refused => {}
            Verdict::Failed | Verdict::Cut | Verdict::Needs(_) => run.outcome = "failed".to_owned(),
        }
        Ok(run)
    }

    /// Asks a rule about the last events of its types that it may see, newest first; about fewer where that takes too
    /// long.
    pub(crate) async fn dry_run_last(
        &self,
        rule: &Arc<Rule>,
        last: usize,
    ) -> Result<Vec<DryRun>, RulesError> {
        let begun = Instant::now();
        let mut runs = Vec::new();
        let mut lookups = Lookups::default();
        for event in self.past(rule, last).await? {
            if begun.elapsed() > LONGEST {
                break;
            }
            lookups.forget_counts();
            runs.push(self.dry_run(rule, event, &mut lookups).await?);
        }
        Ok(runs)
    }

    /// The last events of a rule's types that it may see.
    async fn past(&self, rule: &Arc<Rule>, last: usize) -> Result<Vec<EventDocument>, RulesError> {
        // One type: the ledger finds them by it. Several, or beginnings of types: it is read from its end.
        let kind = match rule.triggers.as_slice() {
            [one] if !one.prefix => Some(one.name.clone()),
            _ => None,
        };
        let mut query = ledger::Query { kind, ..ledger::Query::default() };
        let (mut found, mut seen) = (Vec::new(), 0);
        while found.len() < last && seen < SCANNED {
            let page = ledger::list(&self.0.spine, &query, PAGE).await?;
            let Some(end) = page.last() else { break };
            query.before = Some(end.position);
            seen += page.len();
            for recorded in &page {
                let of_its_types =
                    rule.triggers.iter().any(|trigger| trigger.takes(&recorded.event.kind));
                if !of_its_types || found.len() >= last {
                    continue;
                }
                let Some(event) = EventDocument::of(&recorded.event) else { continue };
                let sight = sight(rule, &event, &Place::of(&event));
                if self.sees(rule.identity.owner, sight).await? {
                    found.push(event);
                }
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        Ok(found)
    }
}
