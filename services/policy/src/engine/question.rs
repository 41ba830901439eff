//! What decisions are remembered by.

use contracts::access::{Action, Caller, Principal, Purpose, Resource, SpaceId};
use spine::Snowflake;

use super::consent::Coverage;
use super::policies::Policies;
use super::vocabulary::Categories;

/// Everything that a decision depends on within a snapshot, but for the time; where policies look at that,
/// nothing is remembered. What they do not look at is left out, so that things that are alike to them are
/// decided once. What consents say at the moment is part of it, so that one that begins or ends by itself
/// is another question.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    query: Query,
    kind: &'static str,
    space: SpaceId,
    special: Categories,
    subject: Option<Snowflake>,
    /// Where a policy looks at them.
    id: Option<String>,
    labels: Vec<String>,
    class: Option<String>,
    keeper: Option<String>,
    coverage: Coverage,
    persons_coverage: Coverage,
    lapsed: bool,
}

impl Question {
    pub(super) fn new(
        policies: &Policies,
        (caller, action, resource): (&Caller, Action, &Resource),
        special: Categories,
        (coverage, persons_coverage, lapsed): (Coverage, Coverage, bool),
    ) -> Self {
        let (is_device, is_plugin) = (
            matches!(caller.principal, Principal::Device(_)),
            matches!(caller.principal, Principal::Plugin(_)),
        );
        let looks_at_id = is_device || policies.look_at("id");
        let looks_at_keeper = is_plugin || policies.look_at("keeper");
        Self {
            query: Query::new(caller, action),
            kind: resource.kind,
            space: resource.space.clone(),
            special,
            subject: resource.subject,
            id: looks_at_id.then(|| resource.id.clone()),
            labels: match policies.labels() {
                Some(_) => resource.labels.clone(),
                None => Vec::new(),
            },
            class: resource.class.clone().filter(|_| policies.look_at("class")),
            keeper: resource.keeper.clone().filter(|_| looks_at_keeper),
            coverage,
            persons_coverage,
            lapsed,
        }
    }

    /// About how many bytes it holds.
    pub(super) fn weight(&self) -> usize {
        let texts = [&self.id, &self.class, &self.keeper].into_iter().flatten();
        let texts = texts.chain(&self.labels).map(|text| text.len() + size_of::<String>());
        size_of::<Self>() + self.query.weight() + self.space.as_str().len() + texts.sum::<usize>()
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
    /// About how many bytes it holds.
    pub(super) fn weight(&self) -> usize {
        let name = match &self.principal {
            Principal::Plugin(name) | Principal::Remote(name) => name.len(),
            _ => 0,
        };
        size_of::<Self>() + name + self.purpose.as_str().len()
    }
}
