//! Cedar's names for our things, parsed once.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema, Validator,
};
use contracts::access::{Action, SPECIAL_CATEGORIES, SpaceId, actions};

use super::schema;
use crate::PolicyError;

/// Special categories as bits, in the order of [`SPECIAL_CATEGORIES`].
pub(super) type Categories = u8;

/// Those of the labels that are special categories.
pub(super) fn special<'a>(labels: impl IntoIterator<Item = &'a str>) -> Categories {
    labels.into_iter().fold(0, |bits, label| bits | bit_of(label))
}

/// The bit of a special category; 0 for any other label.
pub(super) fn bit_of(label: &str) -> Categories {
    SPECIAL_CATEGORIES.iter().position(|name| *name == label).map_or(0, |place| 1 << place)
}

/// Their names.
fn names(bits: Categories) -> impl Iterator<Item = &'static str> {
    SPECIAL_CATEGORIES
        .iter()
        .enumerate()
        .filter(move |(place, _)| bits & (1 << place) != 0)
        .map(|(_, name)| *name)
}

/// Cedar's names, the schema, and what can be made once for all requests.
pub(crate) struct Vocabulary {
    pub(super) validator: Validator,
    space: EntityTypeName,
    person: EntityTypeName,
    app: EntityTypeName,
    device: EntityTypeName,
    plugin: EntityTypeName,
    service: EntityTypeName,
    remote: EntityTypeName,
    thing: EntityTypeName,
    pub(super) anonymous: EntityUid,
    pub(super) operator: EntityUid,
    actions: HashMap<&'static str, Entity>,
    /// Every set of special categories, by its bits.
    sets: Vec<RestrictedExpression>,
}

impl Vocabulary {
    /// Parses names and schema.
    ///
    /// # Errors
    /// A fault in the program.
    pub(crate) fn new() -> Result<Self, PolicyError> {
        let fault = |why: String| PolicyError::BuiltIn(why);
        let name = |name: &str| EntityTypeName::from_str(name).map_err(|e| fault(e.to_string()));
        let schema = Schema::from_str(&schema::text()).map_err(|error| {
            fault(format!(
                "{error}: {:?}",
                std::error::Error::source(&error).map(ToString::to_string)
            ))
        })?;
        let action_type = name("Action")?;
        let action_uid =
            |name: &str| EntityUid::from_type_name_and_id(action_type.clone(), EntityId::new(name));
        let actions = actions::ALL
            .iter()
            .map(|action| {
                let groups = schema::groups(*action).into_iter().map(action_uid).collect();
                (action.name, Entity::new_no_attrs(action_uid(action.name), groups))
            })
            .collect();
        let bits = 1_u8 << SPECIAL_CATEGORIES.len();
        let sets = (0..bits).map(|bits| strings(names(bits))).collect();
        let only =
            |kind: EntityTypeName| EntityUid::from_type_name_and_id(kind, EntityId::new("-"));
        Ok(Self {
            validator: Validator::new(schema),
            space: name("Space")?,
            person: name("Person")?,
            app: name("App")?,
            device: name("Device")?,
            plugin: name("Plugin")?,
            service: name("Service")?,
            remote: name("Remote")?,
            thing: name("Thing")?,
            anonymous: only(name("Anonymous")?),
            operator: only(name("Operator")?),
            actions,
            sets,
        })
    }

    /// The action with the groups it is in; `None` for one that the program does not have.
    pub(super) fn action(&self, action: Action) -> Option<&Entity> {
        self.actions.get(action.name)
    }

    /// The action's own name, then those of the groups that it is in.
    pub(super) fn action_names(&self, action: Action) -> Vec<EntityUid> {
        let kind = self.actions.get(action.name).map(|action| action.uid().type_name().clone());
        let own = std::iter::once(action.name);
        let names = own.chain(schema::groups(action));
        kind.map_or_else(Vec::new, |kind| names.map(|name| uid(&kind, name)).collect())
    }

    /// The types of principals, each by the kind that [`contracts::access::Principal::kind`] tells.
    pub(super) fn kinds(&self) -> [(&'static str, &EntityTypeName); 8] {
        [
            ("person", &self.person),
            ("app", &self.app),
            ("device", &self.device),
            ("plugin", &self.plugin),
            ("service", &self.service),
            ("remote", &self.remote),
            ("anonymous", self.anonymous.type_name()),
            ("operator", self.operator.type_name()),
        ]
    }

    /// A set of special categories.
    pub(super) fn categories(&self, bits: Categories) -> RestrictedExpression {
        let set = self.sets.get(usize::from(bits)).cloned();
        set.unwrap_or_else(|| strings(names(bits)))
    }

    pub(super) fn space(&self, space: &SpaceId) -> EntityUid {
        uid(&self.space, space.as_str())
    }

    pub(super) fn person(&self, account: spine::Snowflake) -> EntityUid {
        uid(&self.person, &account.to_string())
    }

    pub(super) fn app(&self, app: spine::Snowflake) -> EntityUid {
        uid(&self.app, &app.to_string())
    }

    pub(super) fn device(&self, device: uuid::Uuid) -> EntityUid {
        uid(&self.device, &device.to_string())
    }

    pub(super) fn plugin(&self, plugin: &str) -> EntityUid {
        uid(&self.plugin, plugin)
    }

    pub(super) fn service(&self, service: &str) -> EntityUid {
        uid(&self.service, service)
    }

    pub(super) fn remote(&self, actor: &str) -> EntityUid {
        uid(&self.remote, actor)
    }

    pub(super) fn thing(&self, kind: &str, id: &str) -> EntityUid {
        uid(&self.thing, &format!("{kind}:{id}"))
    }
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// A set of texts.
pub(super) fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> RestrictedExpression {
    RestrictedExpression::new_set(
        texts.into_iter().map(|text| RestrictedExpression::new_string(text.to_owned())),
    )
}

/// An entity with attributes.
///
/// # Errors
/// An attribute cannot be evaluated, which texts, sets and names always can.
pub(super) fn entity(
    uid: EntityUid,
    attributes: HashMap<String, RestrictedExpression>,
    parents: HashSet<EntityUid>,
) -> Result<Entity, PolicyError> {
    Entity::new(uid, attributes, parents)
        .map_err(|error| PolicyError::BuiltIn(format!("an entity cannot be made: {error}")))
}
