//! What conditions look up: declared calls, done before the expression runs, each as the rule's owner.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::TimeDelta;
use contracts::access::SpaceId;
use serde_json::{Map, Value as Json};
use spine::Snowflake;

use super::compile::Expression;
use super::guard::Guard;
use crate::document::Span;

/// The longest text that a lookup takes.
const TEXT: usize = 500;
/// How far back `count` looks.
const WINDOW: i64 = 31 * 86_400;

/// Which lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookupKind {
    State,
    StateSince,
    Entity,
    EntityByAlias,
    Count,
    Operator,
}

impl LookupKind {
    /// By the name of its call.
    pub(crate) fn of(function: &str) -> Option<Self> {
        Some(match function {
            "state" => Self::State,
            "state_since" => Self::StateSince,
            "entity" => Self::Entity,
            "entity_by_alias" => Self::EntityByAlias,
            "count" => Self::Count,
            "operator" => Self::Operator,
            _ => return None,
        })
    }

    /// Whether it takes so many arguments.
    pub(crate) fn check(self, arguments: usize) -> Result<(), String> {
        let (usage, least, most) = match self {
            Self::State => ("state(\"facet\")` or `state(\"subject\", \"facet\")", 1, 2),
            Self::StateSince => {
                ("state_since(\"facet\")` or `state_since(\"subject\", \"facet\")", 1, 2)
            }
            Self::Entity => ("entity(\"id\")", 1, 1),
            Self::EntityByAlias => ("entity_by_alias(\"scheme\", \"value\")", 2, 2),
            Self::Count => {
                ("count(\"type\", \"1h\")` or `count(\"type\", {\"field\": value}, \"1h\")", 2, 3)
            }
            Self::Operator => ("operator(\"plugin/operator\", {…})", 2, 2),
        };
        if (least..=most).contains(&arguments) {
            Ok(())
        } else {
            Err(format!("it is written `{usage}`"))
        }
    }

    /// What is to be looked up, of these arguments.
    ///
    /// # Errors
    /// The arguments are none; in words for people.
    pub(crate) fn request(self, arguments: &[Json], owner: Snowflake) -> Result<Request, String> {
        let text = |index: usize, what: &str| match arguments.get(index) {
            Some(Json::String(text))
                if !text.is_empty() && text.len() <= TEXT && !text.contains('\0') =>
            {
                Ok(text.clone())
            }
            Some(other) => {
                let shown: String = other.to_string().chars().take(60).collect();
                Err(format!("{shown} is no {what}"))
            }
            None => Err(format!("the {what} is missing")),
        };
        Ok(match self {
            Self::State | Self::StateSince => {
                let (subject, facet) = match arguments.len() {
                    1 => (format!("person:{owner}"), text(0, "facet")?),
                    _ => (text(0, "subject")?, text(1, "facet")?),
                };
                match self {
                    Self::State => Request::State { subject, facet },
                    _ => Request::StateSince { subject, facet },
                }
            }
            Self::Entity => Request::Entity { id: text(0, "entity's id")? },
            Self::EntityByAlias => Request::EntityByAlias {
                scheme: text(0, "scheme of aliases")?,
                value: text(1, "alias")?,
            },
            Self::Count => {
                let kind = text(0, "type of event")?;
                crate::document::event_type(&kind)?;
                if kind.ends_with('*') {
                    return Err("`count` takes a whole type of event".to_owned());
                }
                let window: Span = text(arguments.len() - 1, "length of time")?
                    .parse()
                    .map_err(|error: crate::document::UnreadableSpan| error.to_string())?;
                if window.delta() > TimeDelta::seconds(WINDOW) {
                    return Err("`count` looks back 31 days at most".to_owned());
                }
                let guards = match arguments {
                    [_, Json::Object(fields), _] => guards(fields)?,
                    [_, _, _] => return Err("the fields of `count` are a map".to_owned()),
                    _ => Vec::new(),
                };
                Request::Count { kind, guards, window }
            }
            Self::Operator => {
                let name = text(0, "operator")?;
                let Some((plugin, operator)) = name.split_once('/') else {
                    return Err(format!("{name:?} is no operator; say `plugin/operator`"));
                };
                Request::Operator {
                    plugin: plugin.to_owned(),
                    operator: operator.to_owned(),
                    arguments: arguments.get(1).cloned().unwrap_or_default().to_string(),
                }
            }
        })
    }
}

fn guards(fields: &Map<String, Json>) -> Result<Vec<Guard>, String> {
    fields.iter().map(|(field, value)| Guard::read(field, value)).collect()
}

/// A lookup as it stands in an expression.
#[derive(Debug)]
pub(crate) struct LookupSite {
    /// The variable that stands for it.
    pub(crate) name: String,
    /// As it is written.
    pub(crate) text: String,
    pub(crate) kind: LookupKind,
    pub(crate) arguments: Vec<Expression>,
    /// Its arguments come from the event alone: all rules of an owner share what it finds.
    pub(crate) shared: bool,
}

/// What is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// The state of a subject.
    State {
        /// Whose, such as `person:12`.
        subject: String,
        /// Which, such as `location`.
        facet: String,
    },
    /// Since when it is so.
    StateSince {
        /// Whose.
        subject: String,
        /// Which.
        facet: String,
    },
    /// An entity.
    Entity {
        /// Its id.
        id: String,
    },
    /// The entity with this alias.
    EntityByAlias {
        /// `tel`, `email`…
        scheme: String,
        /// The alias.
        value: String,
    },
    /// How many events of a type there were.
    Count {
        /// The type.
        kind: String,
        /// What they are like.
        guards: Vec<Guard>,
        /// How far back.
        window: Span,
    },
    /// What a plugin's operator gives.
    Operator {
        /// The plugin.
        plugin: String,
        /// The operator.
        operator: String,
        /// Its arguments, as JSON.
        arguments: String,
    },
}

/// A lookup for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lookup {
    /// The owner of the rule: it can see no more than they can.
    pub owner: Snowflake,
    /// The space of the rule.
    pub space: SpaceId,
    /// What.
    pub request: Request,
}

/// What came of a lookup.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// This; null where there is nothing.
    Value(Json),
    /// This at least: there was more than is looked at.
    AtLeast(Json),
    /// The policy refused, in its words.
    Refused(String),
    /// It could not be done.
    Failed(String),
}

/// What was looked up for one event, for all its rules.
#[derive(Clone, Debug, Default)]
pub struct Lookups {
    found: HashMap<Lookup, Arc<Found>>,
}

impl Lookups {
    /// What came of it, if it was done.
    pub(crate) fn get(&self, lookup: &Lookup) -> Option<&Found> {
        self.found.get(lookup).map(AsRef::as_ref)
    }

    /// Remembers what came of it.
    pub fn insert(&mut self, lookup: Lookup, found: Found) {
        self.found.insert(lookup, Arc::new(found));
    }

    /// Everything that was looked up and what came of it.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Lookup, &Found)> {
        self.found.iter().map(|(lookup, found)| (lookup, found.as_ref()))
    }

    /// Forgets what depends on the event itself: for the next event.
    pub(crate) fn forget_counts(&mut self) {
        self.found.retain(|lookup, _| !matches!(lookup.request, Request::Count { .. }));
    }
}
