//! Why a rule was refused, worked out when somebody asks: an evaluation that looked nothing up follows from the event,
//! the rule's version and the time, and all three are kept.

use chrono::{DateTime, Utc};
use spine::{EventId, ledger};
use std::sync::Arc;
use std::time::Duration;

use crate::document::RuleDocument;
use crate::engine::{
    EventDocument, Explain, Identity, Lookups, Rule, Situation, Trace, Verdict, evaluate,
};
use crate::store::evaluations::StoredEvaluation;
use crate::store::rules::StoredRule;
use crate::{Rules, RulesError, store};

impl Rules {
    /// What was asked in an evaluation, and what was read. Where the event cannot be read any more, or this program
    /// finds something else than the one that asked, it is where the rule stopped, without what was read.
    pub(crate) async fn whole_trace(
        &self,
        stored: &StoredEvaluation,
        rule: &StoredRule,
    ) -> Result<Trace, RulesError> {
        let known: Trace = serde_json::from_value(stored.trace.clone())?;
        if !stored.derived {
            return Ok(known);
        }
        match self.asked_again(stored, rule).await? {
            Some(trace) if trace.stop == known.stop => Ok(trace),
            _ => Ok(Trace { cut: true, ..known }),
        }
    }

    async fn asked_again(
        &self,
        stored: &StoredEvaluation,
        rule: &StoredRule,
    ) -> Result<Option<Trace>, RulesError> {
        let pool = self.0.spine.pool();
        let version = store::rules::version(pool, stored.rule_id, stored.version).await?;
        let recorded = ledger::by_id(&self.0.spine, EventId(stored.event_id)).await?;
        let event = recorded.and_then(|recorded| EventDocument::of(&recorded.event));
        let (Some(version), Some(event)) = (version, event) else { return Ok(None) };
        let document: RuleDocument = serde_json::from_value(version.document)?;
        let identity = Identity {
            rule: stored.rule_id,
            version: stored.version,
            owner: rule.owner(),
            space: rule.space()?,
            since: version.made_at,
        };
        let (rule, _) = self.compile(identity, document).await?;
        let now = stored.at;
        let limit = Duration::from_secs(10);
        Ok(self.0.trials.run(limit, move |_| refusal(&rule, &event, now)).await?)
    }
}

fn refusal(rule: &Arc<Rule>, event: &EventDocument, now: DateTime<Utc>) -> Option<Trace> {
    let lookups = Lookups::default();
    let situation = Situation { event, lookups: &lookups, now, explain: Explain::Everything };
    let made = evaluate(std::slice::from_ref(rule), &situation, &Default::default()).pop()?;
    (made.verdict == Verdict::Refused).then_some(made.trace)
}
