//! All that decisions rest on, as of one revision of the database.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{Entity, RestrictedExpression};
use chrono::{DateTime, Utc};
use contracts::access::{Principal, SpaceId};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use spine::Snowflake;
use uuid::Uuid;

use super::consent::{Consent, Consents};
use super::judge::Judgement;
use super::permitted::Seen;
use super::policies::Policies;
use super::question::{Query, Question};
use super::vocabulary::{Vocabulary, entity};
use crate::PolicyError;

/// Bytes of the decisions that are remembered for one snapshot, and of lists' answers.
const REMEMBERED: u64 = 16 << 20;
const REMEMBERED_LISTS: u64 = 8 << 20;

/// What a person may do on the node as a whole, as identity says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Made the node.
    Owner,
    /// Looks after it.
    Admin,
    /// Lives here.
    Member,
}

impl Role {
    /// As the database keeps it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Owner, Self::Admin, Self::Member]
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or(())
    }
}

/// Whether a person may do anything, as identity says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PersonState {
    /// Yes.
    Active,
    /// Waits for approval.
    Pending,
    /// Was locked out.
    Suspended,
    /// Is gone.
    Deleted,
}

impl PersonState {
    /// As the database keeps it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
        }
    }
}

impl FromStr for PersonState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Active, Self::Pending, Self::Suspended, Self::Deleted]
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or(())
    }
}

/// A circle with those in it; `true`: a keeper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) version: i32,
    pub(crate) members: Vec<(Snowflake, bool)>,
}

/// A person's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) id: Uuid,
    pub(crate) owner: Snowflake,
    pub(crate) removed: bool,
}

pub(super) struct Person {
    pub(super) role: Role,
    pub(super) active: bool,
    pub(super) entity: Entity,
}

/// What a snapshot is made of.
pub(crate) struct SnapshotParts {
    pub(crate) revision: i64,
    pub(crate) people: Vec<(Snowflake, Role, PersonState)>,
    pub(crate) circles: Vec<Circle>,
    pub(crate) devices: Vec<Device>,
    pub(crate) consents: Vec<Consent>,
    pub(crate) policies: Arc<Policies>,
}

/// All that decisions rest on.
pub(crate) struct Snapshot {
    pub(crate) revision: i64,
    pub(super) people: HashMap<Snowflake, Person>,
    pub(super) circles: HashMap<Uuid, Circle>,
    pub(super) devices: HashMap<Uuid, Device>,
    pub(super) consents: Consents,
    pub(crate) policies: Arc<Policies>,
    pub(super) judged: Cache<Question, Arc<Judgement>>,
    pub(super) lists: Cache<Query, Arc<Seen>>,
}

impl Snapshot {
    /// Puts it together.
    ///
    /// # Errors
    /// A fault in the program.
    pub(crate) fn new(vocabulary: &Vocabulary, parts: SnapshotParts) -> Result<Self, PolicyError> {
        let mut people = HashMap::new();
        for (account, role, state) in parts.people {
            let active = state == PersonState::Active;
            let entity = person(vocabulary, account, Some(role), active, &parts.circles)?;
            people.insert(account, Person { role, active, entity });
        }
        Ok(Self {
            revision: parts.revision,
            people,
            circles: parts.circles.into_iter().map(|circle| (circle.id, circle)).collect(),
            devices: parts.devices.into_iter().map(|device| (device.id, device)).collect(),
            consents: parts.consents.into_iter().collect(),
            policies: parts.policies,
            judged: Cache::builder()
                .max_capacity(REMEMBERED)
                .weigher(|question: &Question, judged: &Arc<Judgement>| {
                    bounded(question.weight() + judged.weight())
                })
                .build(),
            lists: Cache::builder()
                .max_capacity(REMEMBERED_LISTS)
                .weigher(|query: &Query, seen: &Arc<Seen>| bounded(query.weight() + seen.weight()))
                .build(),
        })
    }

    /// Whether this person is known as one who waits, was locked out or is gone.
    pub(crate) fn bars(&self, account: Snowflake) -> bool {
        self.people.get(&account).is_some_and(|person| !person.active)
    }

    /// Whether this person lives here and is active.
    pub(crate) fn is_member(&self, account: Snowflake) -> bool {
        self.people.get(&account).is_some_and(|person| person.active)
    }

    /// Who lives here, with what they may do.
    pub(crate) fn members(&self) -> Vec<(Snowflake, Role)> {
        let active = self.people.iter().filter(|(_, person)| person.active);
        let mut members: Vec<_> = active.map(|(account, person)| (*account, person.role)).collect();
        members.sort_by_key(|(account, _)| *account);
        members
    }

    /// The circle.
    pub(crate) fn circle(&self, id: Uuid) -> Option<&Circle> {
        self.circles.get(&id)
    }

    /// In how many circles somebody is.
    pub(crate) fn circles_of(&self, account: Snowflake) -> usize {
        let circles = self.circles.values();
        circles.filter(|circle| circle.members.iter().any(|(member, _)| *member == account)).count()
    }

    /// Until when an answer of now may be remembered.
    pub(crate) fn next_change(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.consents.next_change(now)
    }

    /// The principal with what policies may look at.
    ///
    /// Somebody whom identity knows and whose event has not come yet is in nobody's space but their own.
    pub(super) fn principal(
        &self,
        vocabulary: &Vocabulary,
        principal: &Principal,
    ) -> Result<Entity, PolicyError> {
        let named = |uid| {
            let name = RestrictedExpression::new_string(principal.to_string());
            entity(uid, HashMap::from([("name".to_owned(), name)]), HashSet::new())
        };
        match principal {
            Principal::Person(account) => match self.people.get(account) {
                Some(person) => Ok(person.entity.clone()),
                None => person(vocabulary, *account, None, true, &[]),
            },
            Principal::Device(id) => self.device(vocabulary, *id),
            Principal::App(app) => named(vocabulary.app(*app)),
            Principal::Plugin(plugin) => named(vocabulary.plugin(plugin)),
            Principal::Service(service) => named(vocabulary.service(service)),
            Principal::Remote(actor) => named(vocabulary.remote(actor)),
            Principal::Anonymous => Ok(Entity::with_uid(vocabulary.anonymous.clone())),
            Principal::Operator => Ok(Entity::with_uid(vocabulary.operator.clone())),
        }
    }

    fn device(&self, vocabulary: &Vocabulary, id: Uuid) -> Result<Entity, PolicyError> {
        let device = self.devices.get(&id);
        let removed = device.is_some_and(|device| device.removed);
        let mut attributes = HashMap::from([
            ("id".to_owned(), RestrictedExpression::new_string(id.to_string())),
            ("removed".to_owned(), RestrictedExpression::new_bool(removed)),
        ]);
        let mut parents = HashSet::new();
        if let Some(device) = device {
            let own = vocabulary.space(&SpaceId::of_person(device.owner));
            attributes.insert("own".to_owned(), RestrictedExpression::new_entity_uid(own));
            parents.insert(vocabulary.person(device.owner));
        }
        entity(vocabulary.device(id), attributes, parents)
    }
}

/// A weight as the caches count it.
fn bounded(weight: usize) -> u32 {
    u32::try_from(weight).unwrap_or(u32::MAX)
}

/// A person, in the household where they are active, and in their circles.
fn person(
    vocabulary: &Vocabulary,
    account: Snowflake,
    role: Option<Role>,
    active: bool,
    circles: &[Circle],
) -> Result<Entity, PolicyError> {
    let mut parents = HashSet::new();
    let mut keeps = Vec::new();
    if active && role.is_some() {
        parents.insert(vocabulary.space(&SpaceId::household()));
        for circle in circles {
            if let Some((_, keeper)) = circle.members.iter().find(|(member, _)| *member == account)
            {
                let space = vocabulary.space(&SpaceId::of_circle(circle.id));
                if *keeper {
                    keeps.push(RestrictedExpression::new_entity_uid(space.clone()));
                }
                parents.insert(space);
            }
        }
    }
    let own = vocabulary.space(&SpaceId::of_person(account));
    let role = role.map_or("", Role::name).to_owned();
    let attributes = HashMap::from([
        ("role".to_owned(), RestrictedExpression::new_string(role)),
        ("active".to_owned(), RestrictedExpression::new_bool(active)),
        ("own".to_owned(), RestrictedExpression::new_entity_uid(own)),
        ("keeps".to_owned(), RestrictedExpression::new_set(keeps)),
    ]);
    entity(vocabulary.person(account), attributes, parents)
}
