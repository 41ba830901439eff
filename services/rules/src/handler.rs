//! The durable consumer of all events: whether an event triggers rules is decided here, in the ledger's order; what comes
//! of it in a job an event.
//!
//! Conditions look things up by calls that may take seconds. A handler's transaction is open while it runs, and holds up
//! the ledger's readers; so it only looks into the index and schedules `rules.evaluate`, keyed by the event. That job
//! finds the rules again, looks up and evaluates first, and opens its short transaction afterwards.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use contracts::events::rules::{RuleChanged, RuleFired};
use spine::bus::Begin;
use spine::event::SubjectErased;
use spine::{Event, EventData, Filter, Handler, HandlerError, Snowflake, Tx};

use crate::audience::{Place, Sight, sight};
use crate::engine::{EventDocument, Rule, RuleSet};
use crate::jobs::EvaluateEvent;
use crate::{Rules, store};

/// Nothing is done because of events that are older: they come from a replay of the ledger, and the queue does not
/// remember any more that they were done (a week, by default).
const OLDEST: TimeDelta = TimeDelta::days(6);

/// Finds out which events trigger rules.
pub(crate) struct EventHandler(pub(crate) Rules);

#[async_trait]
impl Handler for EventHandler {
    fn name(&self) -> &'static str {
        "rules.events"
    }

    fn filter(&self) -> Filter {
        Filter::All
    }

    fn begin(&self) -> Begin {
        Begin::Next
    }

    async fn handle(&self, events: &[Event], tx: &mut Tx) -> Result<(), HandlerError> {
        let retry = |error: crate::RulesError| HandlerError::Retry(error.into());
        let set = self.0.current().await.map_err(retry)?;
        let oldest = self.0.0.spine.clock().now() - OLDEST;
        for event in events {
            if &*event.kind == SubjectErased::TYPE {
                let subject = [event.subject.to_string()];
                store::upkeep::forget_refusals(tx.conn(), &subject).await?;
                let person = event.subject.strip_prefix("account:").map(str::parse::<Snowflake>);
                if let Some(Ok(person)) = person {
                    tx.set_cause(event.as_cause());
                    self.0.erase_person(tx, person).await.map_err(retry)?;
                }
                store::upkeep::forget(tx.conn(), &subject).await?;
            }
            if event.kind.starts_with("policy.") {
                self.0.0.members.invalidate_all();
            }
            // What rules themselves tell triggers none.
            let noise = matches!(&*event.kind, RuleFired::TYPE | RuleChanged::TYPE);
            if noise || event.time < oldest || !set.wants(&event.kind) {
                continue;
            }
            let triggers = EventDocument::of(event)
                .is_some_and(|document| !triggered(&set, event, &document).is_empty());
            if triggers {
                tx.set_cause(event.as_cause());
                tx.schedule(&EvaluateEvent { event: event.id })?;
            }
        }
        Ok(())
    }
}

/// The rules that an event triggers: those that ran as they are when it happened, and may see it.
pub(crate) fn triggered(set: &RuleSet, event: &Event, document: &EventDocument) -> Vec<Arc<Rule>> {
    let place = Place::of(document);
    let mut rules = set.candidates(document);
    rules.retain(|rule| {
        rule.identity.since <= event.time && sight(rule, document, &place) != Sight::No
    });
    rules
}
