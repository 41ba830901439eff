//! From what came of asking to what happens: in one transaction it is written what came of it and scheduled what is to
//! be done.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use spine::{Cause, Event, Tx};
use uuid::{Builder, Uuid, Variant};

use crate::assess::Assessed;
use crate::engine::{Evaluation, Rule, Trace, Verdict};
use crate::fire::Firing;
use crate::store::outcomes::{NewOutcome, Of};
use crate::{Rules, RulesError, store};

/// Generations of causes that are looked through for rules.
const ANCESTORS: usize = 64;

/// What happens to one rule.
pub(crate) enum Outcome {
    Fired,
    Waiting,
    Refused(String),
    Throttled(String),
    Failed(String),
}

impl Outcome {
    fn name(&self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Waiting => "waiting",
            Self::Refused(_) => "refused",
            Self::Throttled(_) => "throttled",
            Self::Failed(_) => "failed",
        }
    }

    /// 0 fired or waits, 1 refused or throttled, 2 failed.
    fn class(&self) -> i16 {
        match self {
            Self::Fired | Self::Waiting => 0,
            Self::Refused(_) | Self::Throttled(_) => REFUSED,
            Self::Failed(_) => 2,
        }
    }

    fn why(self) -> Option<String> {
        match self {
            Self::Fired | Self::Waiting => None,
            Self::Refused(why) | Self::Throttled(why) | Self::Failed(why) => Some(why),
        }
    }
}

/// The class of what did not act.
const REFUSED: i16 = 1;

/// What everything that happens to one event's rules has in common.
pub(crate) struct Occasion<'a> {
    pub(crate) event: &'a Event,
    pub(crate) now: DateTime<Utc>,
    /// How many rules led to the event.
    pub(crate) depth: i32,
    pub(crate) about: &'a [String],
}

impl Occasion<'_> {
    /// The cause of what a rule does.
    pub(crate) fn cause(&self, rule: &Rule) -> Cause {
        Cause {
            actor: Some("service:rules".to_owned()),
            space: Some(rule.identity.space.to_string()),
            purpose: Some(contracts::access::Purpose::AUTOMATION.to_string()),
            ..self.event.as_cause()
        }
    }
}

impl Rules {
    /// How many rules led to an event, one after the other: its causes are followed back to the last event on which a
    /// rule acted.
    pub(crate) async fn depth(&self, event: &Event) -> Result<i32, RulesError> {
        let mut cause = event.cause.event;
        for _ in 0..ANCESTORS {
            let Some(before) = cause else { return Ok(0) };
            if let Some(depth) =
                store::outcomes::depth_at(self.0.spine.worker_pool(), before.0).await?
            {
                return Ok(depth);
            }
            cause = match spine::ledger::by_id(&self.0.spine, before).await? {
                Some(recorded) => recorded.event.cause.event,
                None => None,
            };
        }
        // A chain as long as this was made by no rule: rules end after a few.
        Ok(0)
    }

    /// Writes what came of asking, and schedules what is to be done. Whoever was asked about this event before, or
    /// changed since, does nothing.
    ///
    /// Only rules that do something, or failed, are held: most are refused, whatever else happens to them meanwhile.
    pub(crate) async fn conclude(
        &self,
        tx: &mut Tx,
        occasion: &Occasion<'_>,
        assessed: Vec<Assessed>,
    ) -> Result<(), RulesError> {
        let event = occasion.event;
        let (refused, acting): (Vec<_>, Vec<_>) =
            assessed.into_iter().partition(|made| made.evaluation.verdict == Verdict::Refused);
        let mut refusals = Vec::with_capacity(refused.len());
        let waiting: Vec<Uuid> = refused
            .iter()
            .filter(|made| made.rule.hold.is_some())
            .map(|made| made.rule.identity.rule)
            .collect();
        for Assessed { rule, evaluation } in refused {
            let why = evaluation.trace.stop.clone().unwrap_or_default();
            refusals.push(outcome_of(&rule, Outcome::Refused(why), evaluation)?);
        }
        let interrupted = match waiting.is_empty() || event.subject.is_empty() {
            true => Vec::new(),
            false => store::waiting::of_subject(tx.conn(), &waiting, &event.subject).await?,
        };
        let mut outcomes = Vec::with_capacity(acting.len());
        if !(acting.is_empty() && interrupted.is_empty()) {
            let held: Vec<Uuid> = acting
                .iter()
                .map(|made| made.rule.identity.rule)
                .chain(interrupted.iter().copied())
                .collect();
            let standing = store::outcomes::hold(tx.conn(), &held).await?;
            let asked = store::outcomes::asked(tx.conn(), event.id.0, &held).await?;
            let asked: HashSet<Uuid> = asked.into_iter().collect();
            let acting = acting.into_iter().filter(|made| {
                let identity = &made.rule.identity;
                // One that went beyond its limits was stopped just now, and its trace says why.
                let was_cut = made.evaluation.verdict == Verdict::Cut;
                let stands = standing
                    .binary_search_by_key(&identity.rule, |known| known.rule_id)
                    .is_ok_and(|at| {
                        let known = &standing[at];
                        (known.runs || was_cut) && known.version == identity.version
                    });
                stands && !asked.contains(&identity.rule)
            });
            for (rule, outcome, evaluation) in self.act(tx, occasion, acting.collect()).await? {
                outcomes.push(outcome_of(&rule, outcome, evaluation)?);
            }
            if !interrupted.is_empty() {
                let why = "the conditions did not go on holding";
                store::waiting::end_all(tx.conn(), &interrupted, Some(&event.subject), why).await?;
            }
        }
        let of = Of {
            event: event.id.0,
            event_type: &event.kind,
            at: occasion.now,
            about: occasion.about,
        };
        let (more, outcomes): (Vec<_>, Vec<_>) =
            outcomes.into_iter().partition(|outcome| outcome.class == REFUSED);
        refusals.extend(more);
        if !outcomes.is_empty() {
            store::outcomes::write(tx.conn(), &of, &outcomes).await?;
        }
        if !refusals.is_empty() {
            store::refusals::write(tx.conn(), &of, &refusals).await?;
        }
        Ok(())
    }

    /// Lets rules act, wait or fail, whose rows are held.
    async fn act(
        &self,
        tx: &mut Tx,
        occasion: &Occasion<'_>,
        acting: Vec<Assessed>,
    ) -> Result<Vec<(Arc<Rule>, Outcome, Evaluation)>, RulesError> {
        let mut done = Vec::with_capacity(acting.len());
        let mut firing = Vec::new();
        for Assessed { rule, mut evaluation } in acting {
            // Taken out of the verdict, which says no more then.
            match std::mem::replace(&mut evaluation.verdict, Verdict::Refused) {
                Verdict::Holds(_) if rule.hold.is_some() => {
                    let outcome = self.wait(tx, occasion, &rule).await?;
                    done.push((rule, outcome, evaluation));
                }
                Verdict::Holds(held) => firing.push(Firing { rule, held, evaluation }),
                _ => {
                    let why = evaluation.trace.stop.clone().unwrap_or_default();
                    done.push((rule, Outcome::Failed(why), evaluation));
                }
            }
        }
        done.extend(self.fire(tx, occasion, firing).await?);
        Ok(done)
    }

    /// Concludes a wait: the rule was asked again.
    pub(crate) async fn conclude_wait(
        &self,
        tx: &mut Tx,
        occasion: &Occasion<'_>,
        made: Option<Assessed>,
        rule: Uuid,
    ) -> Result<(), RulesError> {
        let event = occasion.event.id.0;
        let standing = store::outcomes::hold(tx.conn(), &[rule]).await?;
        // Ended meanwhile, or its rule was removed.
        if standing.is_empty() || !store::waiting::end(tx.conn(), rule, event).await? {
            return Ok(());
        }
        let stands = |made: &Assessed| {
            standing.iter().any(|known| known.runs && known.version == made.rule.identity.version)
        };
        let Some(Assessed { rule, mut evaluation }) = made.filter(stands) else {
            let why = "its event is not there for it any more";
            store::waiting::came_to_nothing(tx.conn(), rule, event, why).await?;
            return Ok(());
        };
        let why = evaluation.trace.stop.clone().unwrap_or_default();
        let (rule, outcome, evaluation) =
            match std::mem::replace(&mut evaluation.verdict, Verdict::Refused) {
                Verdict::Holds(held) => {
                    let firing = vec![Firing { rule, held, evaluation }];
                    let Some(fired) = self.fire(tx, occasion, firing).await?.pop() else {
                        return Ok(());
                    };
                    fired
                }
                Verdict::Refused => (rule, Outcome::Refused(why), evaluation),
                _ => (rule, Outcome::Failed(why), evaluation),
            };
        let outcome = outcome_of(&rule, outcome, evaluation)?;
        store::outcomes::rewrite(tx.conn(), event, &outcome, occasion.now, occasion.about).await?;
        Ok(())
    }
}

fn outcome_of(
    rule: &Rule,
    outcome: Outcome,
    evaluation: Evaluation,
) -> Result<NewOutcome, RulesError> {
    let (name, class) = (outcome.name(), outcome.class());
    let stop = outcome.why();
    let trace = match evaluation.explained {
        true => Some(serde_json::to_value(Trace { stop: stop.clone(), ..evaluation.trace })?),
        false => None,
    };
    Ok(NewOutcome {
        rule: rule.identity.rule,
        version: rule.identity.version,
        outcome: name,
        class,
        micros: i32::try_from(evaluation.micros).unwrap_or(i32::MAX),
        stop: stop.unwrap_or_default(),
        trace,
    })
}

/// The id of what a rule makes of an event: the same each time.
pub(crate) fn derived_id(rule: Uuid, event: Uuid, part: &str) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(rule.as_bytes());
    hash.update(event.as_bytes());
    hash.update(part.as_bytes());
    let mut bytes = *event.as_bytes();
    bytes[6..].copy_from_slice(&hash.finalize()[..10]);
    Builder::from_custom_bytes(bytes).with_variant(Variant::RFC4122).into_uuid()
}

/// The id of the evaluation of a rule for an event.
pub(crate) fn evaluation_id(rule: Uuid, event: Uuid) -> Uuid {
    derived_id(rule, event, "evaluation")
}
