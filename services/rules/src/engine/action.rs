//! What a rule does, compiled; and what of it is to be done for one event.

use std::collections::BTreeSet;

use contracts::model::Operation;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::compile::{Expression, compile};
use super::template::{JsonTemplate, Template};
use crate::document::{Action, EntityToWrite, JobAction, Message};

/// One thing to do, its texts compiled.
#[derive(Debug)]
pub(crate) enum CompiledAction {
    Message(Box<CompiledMessage>),
    Emit { name: String, data: JsonTemplate },
    Intention { title: Template, data: JsonTemplate },
    WriteEntities(Vec<CompiledEntity>),
}

/// A message, its texts compiled.
#[derive(Debug)]
pub(crate) struct CompiledMessage {
    pub(crate) channel: Option<Channel>,
    pub(crate) to: Recipients,
    pub(crate) subject: Option<Template>,
    pub(crate) text: Template,
}

/// Through which channel.
#[derive(Debug)]
pub(crate) enum Channel {
    Fixed(Uuid),
    Worked(Expression),
}

/// To whom.
#[derive(Debug)]
pub(crate) enum Recipients {
    Text(Template),
    Worked(Expression),
}

/// An entity to write.
#[derive(Debug)]
pub(crate) struct CompiledEntity {
    pub(crate) kind: String,
    pub(crate) id: Template,
    pub(crate) operation: Operation,
    pub(crate) data: JsonTemplate,
    pub(crate) labels: Vec<String>,
    pub(crate) aliases: Vec<(String, Template)>,
}

impl CompiledAction {
    /// Compiles an action.
    ///
    /// # Errors
    /// What is wrong with it, in words for people.
    pub(crate) fn compile(action: &Action, names: &BTreeSet<String>) -> Result<Self, String> {
        match action {
            Action::Message(message) => Self::message(message, names),
            Action::Emit(emit) => Ok(Self::Emit {
                name: emit.name.clone(),
                data: JsonTemplate::fields(&emit.data, names)?,
            }),
            Action::Intention(intention) => Ok(Self::Intention {
                title: Template::compile(&intention.title, names)?,
                data: JsonTemplate::fields(&intention.data, names)?,
            }),
            Action::Job(JobAction::WriteEntities(entities)) => {
                let entities = entities.iter().map(|entity| CompiledEntity::compile(entity, names));
                Ok(Self::WriteEntities(entities.collect::<Result<_, _>>()?))
            }
        }
    }

    fn message(message: &Message, names: &BTreeSet<String>) -> Result<Self, String> {
        let worked =
            |source: &str| compile(source, names).map_err(|error| format!("`{source}`: {error}"));
        let channel = match message.channel.as_deref() {
            None => None,
            Some(text) => Some(match Uuid::parse_str(text) {
                Ok(channel) => Channel::Fixed(channel),
                Err(_) => Channel::Worked(worked(text)?),
            }),
        };
        let to = if message.to.contains("{{") || is_address(&message.to) {
            Recipients::Text(Template::compile(&message.to, names)?)
        } else {
            Recipients::Worked(worked(&message.to)?)
        };
        let subject =
            message.subject.as_deref().map(|text| Template::compile(text, names)).transpose()?;
        let text = Template::compile(&message.text, names)?;
        Ok(Self::Message(Box::new(CompiledMessage { channel, to, subject, text })))
    }
}

impl CompiledEntity {
    fn compile(entity: &EntityToWrite, names: &BTreeSet<String>) -> Result<Self, String> {
        let aliases = entity
            .aliases
            .iter()
            .map(|(scheme, value)| Ok((scheme.clone(), Template::compile(value, names)?)));
        Ok(Self {
            kind: entity.r#type.clone(),
            id: Template::compile(&entity.id, names)?,
            operation: entity.operation,
            data: JsonTemplate::fields(&entity.data, names)?,
            labels: entity.labels.clone(),
            aliases: aliases.collect::<Result<_, String>>()?,
        })
    }
}

/// Whether a text is an address as it stands, and no CEL: a phone number, or something with `@` and no quotes.
fn is_address(text: &str) -> bool {
    let number = text
        .strip_prefix('+')
        .is_some_and(|rest| rest.len() >= 3 && rest.bytes().all(|byte| byte.is_ascii_digit()));
    number || (text.contains('@') && !text.contains(|c: char| "\"'() ".contains(c)))
}

/// What is to be done for one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Planned {
    /// Send a message.
    Message(PlannedMessage),
    /// Say something.
    Emit {
        /// What it is called.
        name: String,
        /// What it says.
        #[schema(value_type = Object)]
        data: Map<String, Json>,
    },
    /// Propose something.
    Intention {
        /// What is intended.
        title: String,
        /// More about it.
        #[schema(value_type = Object)]
        data: Map<String, Json>,
    },
    /// Write entities into the rule's space.
    WriteEntities(Vec<PlannedEntity>),
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlannedMessage {
    /// Through which channel; none: the owner's default.
    pub channel: Option<Uuid>,
    /// To whom.
    pub to: Vec<String>,
    /// The subject.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
}

/// An entity to write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PlannedEntity {
    /// Its type.
    pub r#type: String,
    /// Its id among the rule's entities.
    pub id: String,
    /// Whether it is there or gone.
    pub operation: Operation,
    /// Its properties.
    #[schema(value_type = Object)]
    pub data: Map<String, Json>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Other names, as scheme and value.
    pub aliases: Vec<(String, String)>,
}
