//! From what came of asking to what happens: in one transaction the traces are written and the actions scheduled.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use spine::{Cause, Event, Tx};
use std::sync::Arc;
use uuid::{Builder, Uuid, Variant};

use crate::actions::schedule_actions;
use crate::assess::Assessed;
use crate::document::Mode;
use crate::engine::limits::{DEPTH, FIRINGS_PER_MINUTE, MESSAGES_PER_MINUTE};
use crate::engine::{Held, Rule, Trace, Verdict};
use crate::jobs::Recheck;
use crate::store::outcomes::{NewOutcome, Of};
use crate::{Rules, RulesError, store};

/// So many triggers of one rule wait at a time.
const WAITING: usize = 100;
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

    fn class(&self) -> i16 {
        match self {
            Self::Fired | Self::Waiting => 0,
            Self::Refused(_) | Self::Throttled(_) => 1,
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
    /// changed since, is left out.
    pub(crate) async fn conclude(
        &self,
        tx: &mut Tx,
        occasion: &Occasion<'_>,
        assessed: Vec<Assessed>,
    ) -> Result<(), RulesError> {
        let event = occasion.event;
        let ids: Vec<Uuid> = assessed.iter().map(|made| made.rule.identity.rule).collect();
        let standing = store::outcomes::hold(tx.conn(), &ids).await?;
        let asked = store::outcomes::asked(tx.conn(), event.id.0, &ids).await?;
        let mut outcomes = Vec::with_capacity(assessed.len());
        let mut refused = Vec::new();
        for Assessed { rule, evaluation } in assessed {
            let identity = &rule.identity;
            // One that went beyond its limits was stopped just now, and its trace says why.
            let was_cut = evaluation.verdict == Verdict::Cut;
            let stands = standing.iter().any(|known| {
                known.rule_id == identity.rule
                    && (known.runs || was_cut)
                    && known.version == identity.version
            });
            if !stands || asked.contains(&identity.rule) {
                continue;
            }
            let mut trace = evaluation.trace;
            let outcome = match evaluation.verdict {
                Verdict::Holds(_) if rule.hold.is_some() => self.wait(tx, occasion, &rule).await?,
                Verdict::Holds(held) => self.fire(tx, occasion, &rule, held, &mut trace).await?,
                Verdict::Refused => {
                    if rule.hold.is_some() {
                        refused.push(identity.rule);
                    }
                    Outcome::Refused(trace.stop.clone().unwrap_or_default())
                }
                Verdict::Failed | Verdict::Cut | Verdict::Needs(_) => {
                    Outcome::Failed(trace.stop.clone().unwrap_or_default())
                }
            };
            outcomes.push(outcome_of(occasion, &rule, outcome, trace, evaluation.micros)?);
        }
        if !refused.is_empty() && !event.subject.is_empty() {
            let why = "the conditions did not go on holding";
            store::waiting::end_all(tx.conn(), &refused, Some(&event.subject), why).await?;
        }
        if !outcomes.is_empty() {
            let of = Of {
                event: event.id.0,
                event_type: &event.kind,
                at: occasion.now,
                about: occasion.about,
            };
            store::outcomes::write(tx.conn(), &of, &outcomes).await?;
        }
        Ok(())
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
        let Some(Assessed { rule, evaluation }) = made.filter(stands) else {
            return Ok(());
        };
        let mut trace = evaluation.trace;
        let outcome = match evaluation.verdict {
            Verdict::Holds(held) => self.fire(tx, occasion, &rule, held, &mut trace).await?,
            Verdict::Refused => Outcome::Refused(trace.stop.clone().unwrap_or_default()),
            _ => Outcome::Failed(trace.stop.clone().unwrap_or_default()),
        };
        let outcome = outcome_of(occasion, &rule, outcome, trace, evaluation.micros)?;
        store::outcomes::rewrite(tx.conn(), event, &outcome, occasion.now).await?;
        Ok(())
    }

    /// A rule whose conditions hold, and must go on holding for a time.
    async fn wait(
        &self,
        tx: &mut Tx,
        occasion: &Occasion<'_>,
        rule: &Arc<Rule>,
    ) -> Result<Outcome, RulesError> {
        let (identity, event) = (&rule.identity, occasion.event);
        let hold = rule.hold.and_then(|hold| TimeDelta::from_std(hold).ok()).unwrap_or_default();
        let waiting = store::waiting::ends(tx.conn(), identity.rule).await?;
        let mut begin = occasion.now;
        match (rule.mode, waiting.first()) {
            (Mode::Single, Some(_)) => {
                return Ok(Outcome::Refused("it waits already (mode single)".to_owned()));
            }
            (Mode::Restart, Some(_)) => {
                let why = "a newer event began the wait anew (mode restart)";
                store::waiting::end_all(tx.conn(), &[identity.rule], None, why).await?;
            }
            (Mode::Queued, Some(last)) => begin = begin.max(*last),
            _ => {}
        }
        if waiting.len() >= WAITING && rule.mode != Mode::Restart {
            return Ok(Outcome::Throttled(format!("{WAITING} of its triggers wait already")));
        }
        let until = begin + hold;
        store::waiting::insert(
            tx.conn(),
            identity.rule,
            identity.version,
            event.id.0,
            &event.subject,
            until,
        )
        .await?;
        tx.set_cause(occasion.cause(rule));
        let recheck = Recheck { rule: identity.rule, version: identity.version, event: event.id };
        let options =
            spine::JobOptions::because_of(event.id).part(identity.rule.to_string()).at(until);
        tx.schedule_with(&recheck, options)?;
        Ok(Outcome::Waiting)
    }

    /// A rule acts, unless it has done so too often.
    async fn fire(
        &self,
        tx: &mut Tx,
        occasion: &Occasion<'_>,
        rule: &Arc<Rule>,
        held: Held,
        trace: &mut Trace,
    ) -> Result<Outcome, RulesError> {
        let (identity, now) = (&rule.identity, occasion.now);
        let depth = occasion.depth + 1;
        if depth > DEPTH {
            return Ok(Outcome::Failed(format!(
                "{DEPTH} rules led to this event, one after the other: it looks like a loop, and ends here"
            )));
        }
        let minute = now - TimeDelta::seconds(60);
        let most = if rule.sends() { MESSAGES_PER_MINUTE } else { FIRINGS_PER_MINUTE };
        if store::outcomes::firings_since(tx.conn(), identity.rule, minute, most).await? >= most {
            return Ok(Outcome::Throttled(format!("it acted {most} times within a minute")));
        }
        if let Some(throttle) = &rule.throttle {
            let every = TimeDelta::from_std(throttle.every).unwrap_or_default();
            let key = &held.throttle_key;
            if !store::outcomes::take_turn(tx.conn(), identity.rule, key, now, now - every).await? {
                return Ok(Outcome::Throttled("it acted not long ago (throttle)".to_owned()));
            }
        }
        store::outcomes::fired(tx.conn(), identity.rule, occasion.event.id.0, depth, now).await?;
        tx.set_cause(occasion.cause(rule));
        trace.actions = schedule_actions(tx, occasion, rule, held.actions)?;
        Ok(Outcome::Fired)
    }
}

fn outcome_of(
    occasion: &Occasion<'_>,
    rule: &Rule,
    outcome: Outcome,
    mut trace: Trace,
    micros: u32,
) -> Result<NewOutcome, RulesError> {
    let (name, class) = (outcome.name(), outcome.class());
    trace.stop = outcome.why();
    Ok(NewOutcome {
        id: evaluation_id(rule.identity.rule, occasion.event),
        rule: rule.identity.rule,
        version: rule.identity.version,
        outcome: name,
        class,
        micros: i32::try_from(micros).unwrap_or(i32::MAX),
        trace: serde_json::to_value(trace)?,
    })
}

/// The id of what a rule makes of an event: the same each time.
pub(crate) fn derived_id(rule: Uuid, event: &Event, part: &str) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(rule.as_bytes());
    hash.update(event.id.0.as_bytes());
    hash.update(part.as_bytes());
    let mut bytes = *event.id.0.as_bytes();
    bytes[6..].copy_from_slice(&hash.finalize()[..10]);
    Builder::from_custom_bytes(bytes).with_variant(Variant::RFC4122).into_uuid()
}

/// The id of the evaluation of a rule for an event.
pub(crate) fn evaluation_id(rule: Uuid, event: &Event) -> Uuid {
    derived_id(rule, event, "evaluation")
}
