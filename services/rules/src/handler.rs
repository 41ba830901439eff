//! The durable consumer of all events: which rules an event triggers is decided here, in the ledger's order; what comes
//! of it in a job an event.
//!
//! Conditions look things up by calls that may take seconds. A handler's transaction is open while it runs, and holds up
//! the ledger's readers; so it only finds the candidates by the index and schedules `rules.evaluate`, keyed by the
//! event. That job looks up and evaluates first and opens its short transaction afterwards.

use async_trait::async_trait;
use chrono::TimeDelta;
use contracts::events::rules::{RuleChanged, RuleFired};
use spine::bus::Begin;
use spine::event::SubjectErased;
use spine::{Event, EventData, Filter, Handler, HandlerError, Tx};

use crate::audience::{Sight, sight};
use crate::engine::{EventDocument, RuleSet};
use crate::jobs::{EvaluateEvent, RuleAt};
use crate::{Rules, store};

/// Nothing is done because of events that are older: they come from a replay of the ledger.
const OLDEST: TimeDelta = TimeDelta::days(30);

/// Finds the rules that events trigger.
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
        let set = self.0.current().await.map_err(|error| HandlerError::Retry(error.into()))?;
        let oldest = self.0.0.spine.clock().now() - OLDEST;
        for event in events {
            if &*event.kind == SubjectErased::TYPE {
                store::outcomes::forget(tx.conn(), &event.subject).await?;
            }
            // What rules themselves tell triggers none.
            let noise = matches!(&*event.kind, RuleFired::TYPE | RuleChanged::TYPE);
            if noise || event.time < oldest || !set.wants(&event.kind) {
                continue;
            }
            let rules = triggered(&set, event);
            if !rules.is_empty() {
                tx.set_cause(event.as_cause());
                tx.schedule(&EvaluateEvent { event: event.id, rules })?;
            }
        }
        Ok(())
    }
}

/// The rules that an event triggers, each in the version that runs.
fn triggered(set: &RuleSet, event: &Event) -> Vec<RuleAt> {
    let Some(document) = EventDocument::of(event) else { return Vec::new() };
    let rules = set
        .candidates(&document)
        .into_iter()
        .filter(|rule| rule.identity.since <= event.time && sight(rule, &document) != Sight::No);
    rules.map(|rule| RuleAt { rule: rule.identity.rule, version: rule.identity.version }).collect()
}
