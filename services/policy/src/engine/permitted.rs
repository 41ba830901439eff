//! What a query may see: the same decisions, asked about each space and label instead of each row.
//!
//! A space is asked about as a thing in it without labels, then with each label that a policy could look
//! at. What decides a row beyond its space and labels cannot be in the answer: a thing's id, class,
//! keeper, and a subject other than the person whose space it is in. Nothing forbids by these (own
//! policies that try are refused), but for one case: the guard on special categories looks at the
//! subject of a thing in a shared space. So a service that stores a subject with rows of the household or
//! a circle decides those of special categories one by one; and what permits by them (a consent for some
//! types, a plugin's own records) is for decisions by id.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use contracts::access::{
    Action, Caller, Permitted, Principal, Purpose, Resource, SPECIAL_CATEGORIES, SpaceId,
};
use spine::Snowflake;

use super::question::Query;
use super::snapshot::Snapshot;
use super::vocabulary::Vocabulary;

/// A label that no policy knows.
const ANY_OTHER: &str = "\u{1}any other label";
/// So many labels of own policies are asked about in every combination (2^8 questions); more are hidden
/// where they could matter together.
const COMBINED: usize = 8;

/// A list's answer, and how long it holds at most.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) permitted: Permitted,
    until: Option<DateTime<Utc>>,
}

impl Seen {
    fn holds(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Snapshot {
    /// What a query of this caller may see. Nothing where the token's scope is too narrow.
    pub(crate) fn permitted(
        &self,
        vocabulary: &Vocabulary,
        caller: &Caller,
        action: Action,
        now: DateTime<Utc>,
    ) -> Arc<Seen> {
        if !caller.has_scope(action.scope) {
            return Arc::new(Seen { permitted: Permitted::default(), until: None });
        }
        let query = Query::new(caller, action);
        if let Some(known) = self.lists.get(&query).filter(|seen| seen.holds(now)) {
            return known;
        }
        let kind = action.name.split('.').next().unwrap_or_default();
        let asked = Asked { snapshot: self, vocabulary, caller, action, kind, now };
        let seen = Seen { permitted: asked.permitted(), until: self.next_change(now) };
        let seen = Arc::new(seen);
        if !self.policies.time {
            self.lists.insert(query, Arc::clone(&seen));
        }
        seen
    }

    /// The spaces that the caller might see anything of.
    fn candidates(&self, caller: &Caller, now: DateTime<Utc>) -> BTreeSet<SpaceId> {
        let mut spaces = BTreeSet::from([SpaceId::public(), SpaceId::household()]);
        // Whoever acts for a person sees no more than they.
        let person = caller.behalf.map(Principal::Person);
        let principal = person.as_ref().unwrap_or(&caller.principal);
        let bounded = match principal {
            Principal::Service(_) | Principal::Operator => false,
            _ => !self.policies.own_permits,
        };
        if !bounded {
            spaces.extend(self.people.keys().map(|account| SpaceId::of_person(*account)));
            spaces.extend(self.circles.keys().map(|circle| SpaceId::of_circle(*circle)));
        }
        if let Principal::Person(account) = principal {
            spaces.insert(SpaceId::of_person(*account));
            let circles = self.circles.values();
            let theirs =
                circles.filter(|circle| circle.members.iter().any(|(member, _)| member == account));
            spaces.extend(theirs.map(|circle| SpaceId::of_circle(circle.id)));
        }
        let purpose = if person.is_some() { Purpose::USE } else { caller.purpose.clone() };
        let subjects = self.consents.subjects_for(principal, purpose.as_str(), now);
        spaces.extend(subjects.map(SpaceId::of_person));
        spaces
    }
}

/// A query, as it is asked about space after space.
struct Asked<'a> {
    snapshot: &'a Snapshot,
    vocabulary: &'a Vocabulary,
    caller: &'a Caller,
    action: Action,
    kind: &'static str,
    now: DateTime<Utc>,
}

impl Asked<'_> {
    fn permitted(&self) -> Permitted {
        let mut permitted = Permitted::default();
        let mut hidden = BTreeSet::new();
        for space in self.snapshot.candidates(self.caller, self.now) {
            match self.hidden_in(&space) {
                None => {}
                Some(labels) if labels.is_empty() => permitted.whole.push(space),
                Some(labels) => {
                    permitted.partial.push(space);
                    hidden.extend(labels);
                }
            }
        }
        permitted.hidden_labels = hidden.into_iter().collect();
        permitted
    }

    /// The labels that hide in this space; `None`: nothing of it may be seen.
    fn hidden_in(&self, space: &SpaceId) -> Option<BTreeSet<String>> {
        if !self.allows(space, &[]) {
            return None;
        }
        let policies = &self.snapshot.policies;
        let mut labels: BTreeSet<&str> = SPECIAL_CATEGORIES.iter().copied().collect();
        if policies.labels {
            // Whether there is any label at all can matter too, and that cannot be hidden by.
            if !self.allows(space, &[ANY_OTHER]) {
                return None;
            }
            labels.extend(policies.texts.iter().map(String::as_str));
        }
        let (seen, hidden): (Vec<&str>, Vec<&str>) =
            labels.into_iter().partition(|label| self.allows(space, &[label]));
        let mut hidden: BTreeSet<String> = hidden.into_iter().map(str::to_owned).collect();
        if policies.labels {
            let together: Vec<&str> =
                seen.into_iter().filter(|label| policies.texts.contains(*label)).collect();
            if !self.allows_together(space, &together) {
                hidden.extend(together.into_iter().map(str::to_owned));
            }
        }
        Some(hidden)
    }

    /// Whether labels that are each allowed are so in every combination.
    fn allows_together(&self, space: &SpaceId, labels: &[&str]) -> bool {
        if labels.len() > COMBINED {
            return false;
        }
        (0_u32..1 << labels.len()).filter(|chosen| chosen.count_ones() > 1).all(|chosen| {
            let chosen: Vec<&str> = labels
                .iter()
                .enumerate()
                .filter(|(place, _)| chosen & (1 << place) != 0)
                .map(|(_, label)| *label)
                .collect();
            self.allows(space, &chosen)
        })
    }

    fn allows(&self, space: &SpaceId, labels: &[&str]) -> bool {
        let resource = Resource::new(self.kind, "*", space.clone())
            .labelled(labels.iter().map(|label| (*label).to_owned()));
        let (vocabulary, caller) = (self.vocabulary, self.caller);
        self.snapshot.judge(vocabulary, caller, self.action, &resource, self.now).allowed
    }
}

/// The people whose own spaces a query may see.
pub(crate) fn people_in(permitted: &Permitted) -> impl Iterator<Item = Snowflake> + '_ {
    permitted.whole.iter().chain(&permitted.partial).filter_map(SpaceId::person)
}
