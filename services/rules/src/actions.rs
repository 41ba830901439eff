//! What a rule does, put into the transaction that also says that it did: events and jobs.

use contracts::events::rules::{IntentionProposed, RuleFired, Signalled};
use contracts::jobs::{SendOutgoingMessage, WriteEntities};
use contracts::model::{Alias, EntityDraft, Provenance, SourceKey};
use spine::{JobOptions, Tx};

use crate::RulesError;
use crate::engine::{ActionTrace, Planned, PlannedEntity, Rule};
use crate::outcome::{Occasion, derived_id, evaluation_id};

/// Where entities that rules write come from, as their keys say.
const SOURCE: &str = "rules";

/// Schedules everything, and says that the rule fired. What it makes has ids that follow from rule and event.
pub(crate) fn schedule_actions(
    tx: &mut Tx,
    occasion: &Occasion<'_>,
    rule: &Rule,
    actions: Vec<Planned>,
) -> Result<Vec<ActionTrace>, RulesError> {
    let mut done = Vec::with_capacity(actions.len());
    for (index, action) in actions.into_iter().enumerate() {
        done.push(schedule_action(tx, occasion, rule, action, index)?);
    }
    let identity = &rule.identity;
    tx.record(&RuleFired {
        rule: identity.rule,
        version: u32::try_from(identity.version).unwrap_or_default(),
        owner: identity.owner,
        evaluation: evaluation_id(identity.rule, occasion.event.id.0),
    })?;
    Ok(done)
}

fn schedule_action(
    tx: &mut Tx,
    occasion: &Occasion<'_>,
    rule: &Rule,
    action: Planned,
    index: usize,
) -> Result<ActionTrace, RulesError> {
    let (identity, event) = (&rule.identity, occasion.event);
    let now = tx.spine().clock().now();
    let id = derived_id(identity.rule, event.id.0, &format!("action:{index}"));
    let options = JobOptions::because_of(event.id)
        .part(format!("rule:{}:{index}", identity.rule))
        .about(event.subject.to_string());
    let did = |kind: &str, id: String| ActionTrace { kind: kind.to_owned(), id };
    Ok(match action {
        Planned::Message(message) => {
            let job = tx.order(
                &SendOutgoingMessage {
                    message: id,
                    channel: message.channel,
                    owner: identity.owner,
                    to: message.to,
                    subject: message.subject,
                    text: message.text,
                    rule: Some(identity.rule),
                    in_reply_to: None,
                    purpose: contracts::access::Purpose::AUTOMATION.to_string(),
                    ordered_at: Some(now),
                },
                options,
            )?;
            did("message", job.to_string())
        }
        Planned::Emit { name, data } => {
            let space = Some(identity.space.clone());
            let said = Signalled { rule: identity.rule, owner: identity.owner, space, name, data };
            did("emit", tx.record(&said)?.to_string())
        }
        Planned::Intention { title, data } => {
            let proposed = IntentionProposed {
                intention: id,
                rule: identity.rule,
                owner: identity.owner,
                space: Some(identity.space.clone()),
                title,
                data,
            };
            did("intention", tx.record(&proposed)?.to_string())
        }
        Planned::WriteEntities(entities) => {
            let entities =
                entities.into_iter().map(|entity| draft(rule, occasion, entity)).collect();
            let job = tx.order(&WriteEntities { source: SOURCE.to_owned(), entities }, options)?;
            did("write_entities", job.to_string())
        }
    })
}

/// A rule writes into its own space, under keys of its own.
fn draft(rule: &Rule, occasion: &Occasion<'_>, entity: PlannedEntity) -> EntityDraft {
    EntityDraft {
        key: SourceKey {
            source: SOURCE.to_owned(),
            kind: entity.r#type.clone(),
            external_id: format!("{}/{}", rule.identity.rule, entity.id),
        },
        operation: entity.operation,
        r#type: entity.r#type,
        space: rule.identity.space.clone(),
        data: entity.data,
        labels: entity.labels,
        aliases: entity
            .aliases
            .into_iter()
            .map(|(scheme, value)| Alias { scheme, value })
            .collect(),
        edges: Vec::new(),
        valid_from: None,
        valid_to: None,
        provenance: Provenance {
            by: "service:rules".to_owned(),
            event: Some(occasion.event.id.0),
            mapping: Some(format!("rule:{}@{}", rule.identity.rule, rule.identity.version)),
            ..Provenance::default()
        },
    }
}
