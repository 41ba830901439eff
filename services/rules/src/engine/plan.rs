//! What a rule whose conditions hold is to do: its texts filled in.

use cel::Context;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::action::{
    Channel, CompiledAction, CompiledEntity, CompiledMessage, Planned, PlannedEntity,
    PlannedMessage, Recipients,
};
use super::explain::Place;
use super::limits::TEXT_BYTES;
use super::run::{Run, Stop};
use super::template::{JsonTemplate, Part, Template};

/// The most recipients of a message, and the longest address.
const RECIPIENTS: usize = 20;
const ADDRESS: usize = 320;

impl<'r, 'v> Run<'r, 'v> {
    pub(super) fn plan(&mut self, scope: &mut Context<'_, 'v>) -> Result<Vec<Planned>, Stop> {
        let rule = self.rule;
        let mut planned = Vec::with_capacity(rule.actions.len());
        for (index, action) in rule.actions.iter().enumerate() {
            planned.push(self.plan_one(scope, action, index)?);
        }
        Ok(planned)
    }

    fn plan_one(
        &mut self,
        scope: &mut Context<'_, 'v>,
        action: &'r CompiledAction,
        index: usize,
    ) -> Result<Planned, Stop> {
        let part = |name| Place::Action(index, name);
        match action {
            CompiledAction::Message(message) => self.message(scope, message, index),
            CompiledAction::Emit { name, data } => Ok(Planned::Emit {
                name: name.clone(),
                data: self.fields(scope, data, part("data"))?,
            }),
            CompiledAction::Intention { title, data } => Ok(Planned::Intention {
                title: self.text(scope, title, part("title"))?,
                data: self.fields(scope, data, part("data"))?,
            }),
            CompiledAction::WriteEntities(entities) => {
                let mut planned = Vec::with_capacity(entities.len());
                for entity in entities {
                    planned.push(self.entity(scope, entity, part(""))?);
                }
                Ok(Planned::WriteEntities(planned))
            }
        }
    }

    fn message(
        &mut self,
        scope: &mut Context<'_, 'v>,
        message: &'r CompiledMessage,
        index: usize,
    ) -> Result<Planned, Stop> {
        let part = |name| Place::Action(index, name);
        let place = part("");
        let channel =
            match &message.channel {
                None => None,
                Some(Channel::Fixed(channel)) => Some(*channel),
                Some(Channel::Worked(expression)) => {
                    match self.json(scope, expression, part("channel"))? {
                        Json::Null => None,
                        Json::String(text) => Some(Uuid::parse_str(&text).map_err(|_| {
                            Stop::Failed(format!("{place}: {text:?} is no channel"))
                        })?),
                        _ => return Err(Stop::Failed(format!("{place}: the channel is no id"))),
                    }
                }
            };
        let to = match &message.to {
            Recipients::Text(template) => Json::String(self.text(scope, template, part("to"))?),
            Recipients::Worked(expression) => self.json(scope, expression, part("to"))?,
        };
        let to = addresses(to).map_err(|why| Stop::Failed(format!("{place}: {why}")))?;
        let subject = match &message.subject {
            None => None,
            Some(template) => Some(self.text(scope, template, part("subject"))?),
        };
        let text = self.text(scope, &message.text, part("text"))?;
        Ok(Planned::Message(PlannedMessage { channel, to, subject, text }))
    }

    fn entity(
        &mut self,
        scope: &mut Context<'_, 'v>,
        entity: &'r CompiledEntity,
        place: Place<'r>,
    ) -> Result<PlannedEntity, Stop> {
        let id = self.text(scope, &entity.id, place)?;
        if id.is_empty() || id.len() > 500 {
            return Err(Stop::Failed(format!("{place}: an entity's id has 1 to 500 bytes")));
        }
        let mut aliases = Vec::with_capacity(entity.aliases.len());
        for (scheme, value) in &entity.aliases {
            let value = self.text(scope, value, place)?;
            if !value.is_empty() {
                aliases.push((scheme.clone(), value));
            }
        }
        Ok(PlannedEntity {
            r#type: entity.kind.clone(),
            id,
            operation: entity.operation,
            data: self.fields(scope, &entity.data, place)?,
            labels: entity.labels.clone(),
            aliases,
        })
    }

    fn text(
        &mut self,
        scope: &mut Context<'_, 'v>,
        template: &'r Template,
        place: Place<'r>,
    ) -> Result<String, Stop> {
        let mut text = String::new();
        for part in &template.0 {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Value(expression) => match self.json(scope, expression, place)? {
                    Json::String(value) => text.push_str(&value),
                    Json::Null => {}
                    other => text.push_str(&other.to_string()),
                },
            }
            if text.len() > TEXT_BYTES {
                return Err(Stop::Failed(format!("{place}: a text grows beyond 32 KiB")));
            }
        }
        Ok(text)
    }

    fn fields(
        &mut self,
        scope: &mut Context<'_, 'v>,
        template: &'r JsonTemplate,
        place: Place<'r>,
    ) -> Result<Map<String, Json>, Stop> {
        match self.filled(scope, template, place)? {
            Json::Object(fields) => Ok(fields),
            _ => Ok(Map::new()),
        }
    }

    fn filled(
        &mut self,
        scope: &mut Context<'_, 'v>,
        template: &'r JsonTemplate,
        place: Place<'r>,
    ) -> Result<Json, Stop> {
        Ok(match template {
            JsonTemplate::Plain(json) => json.clone(),
            JsonTemplate::Text(template) => match template.single() {
                Some(expression) => self.json(scope, expression, place)?,
                None => Json::String(self.text(scope, template, place)?),
            },
            JsonTemplate::List(items) => {
                let mut filled = Vec::with_capacity(items.len());
                for item in items {
                    filled.push(self.filled(scope, item, place)?);
                }
                Json::Array(filled)
            }
            JsonTemplate::Fields(fields) => {
                let mut filled = Map::new();
                for (name, value) in fields {
                    filled.insert(name.clone(), self.filled(scope, value, place)?);
                }
                Json::Object(filled)
            }
        })
    }
}

fn addresses(to: Json) -> Result<Vec<String>, String> {
    let list = match to {
        Json::String(one) => vec![Json::String(one)],
        Json::Array(many) => many,
        other => return Err(format!("{other} is no address")),
    };
    if list.is_empty() || list.len() > RECIPIENTS {
        return Err(format!(
            "a message goes to 1 to {RECIPIENTS} addresses, and not to {}",
            list.len()
        ));
    }
    let one = |address: Json| match address {
        Json::String(text) => {
            let text = text.trim();
            let usable = (1..=ADDRESS).contains(&text.len()) && !text.chars().any(char::is_control);
            if usable { Ok(text.to_owned()) } else { Err(format!("{text:?} is no address")) }
        }
        other => Err(format!("{other} is no address")),
    };
    list.into_iter().map(one).collect()
}
