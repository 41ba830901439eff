//! What decisions are remembered by.

use contracts::access::{Action, Caller, Principal, Purpose, Resource, SpaceId};
use spine::Snowflake;

use super::consent::Coverage;

/// Everything that a decision depends on within a snapshot, but for a thing's id and the time; where
/// policies look at these, nothing is remembered. What consents say at the moment is part of it, so that
/// one that begins or ends by itself is another question.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    query: Query,
    kind: &'static str,
    space: SpaceId,
    labels: Vec<String>,
    class: Option<String>,
    subject: Option<Snowflake>,
    keeper: Option<String>,
    coverage: Coverage,
    persons_coverage: Coverage,
    lapsed: bool,
}

impl Question {
    pub(super) fn new(
        caller: &Caller,
        action: Action,
        resource: &Resource,
        (coverage, persons_coverage, lapsed): (Coverage, Coverage, bool),
    ) -> Self {
        Self {
            query: Query::new(caller, action),
            kind: resource.kind,
            space: resource.space.clone(),
            labels: resource.labels.clone(),
            class: resource.class.clone(),
            subject: resource.subject,
            keeper: resource.keeper.clone(),
            coverage,
            persons_coverage,
            lapsed,
        }
    }
}

/// Everything that a list's answer depends on within a snapshot, but for the time.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Query {
    principal: Principal,
    behalf: Option<Snowflake>,
    via: Option<Snowflake>,
    purpose: Purpose,
    scoped: bool,
    action: &'static str,
}

impl Query {
    pub(super) fn new(caller: &Caller, action: Action) -> Self {
        Self {
            principal: caller.principal.clone(),
            behalf: caller.behalf,
            via: caller.via,
            purpose: caller.purpose.clone(),
            scoped: caller.scopes.is_some(),
            action: action.name,
        }
    }
}
