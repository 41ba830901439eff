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

use super::judge::Judgement;
use super::question::Query;
use super::snapshot::Snapshot;
use super::vocabulary::Vocabulary;

/// A label that no policy knows.
const ANY_OTHER: &str = "\u{1}any other label";
/// So many labels of own policies are asked about in every combination (2^8 questions); more are hidden
/// where they could matter together.
const COMBINED: usize = 8;

/// A list's answer, and how long it holds at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) permitted: Permitted,
    /// The policies that let the caller see something of each of these spaces, in the order of `whole`,
    /// then `partial`.
    because: Vec<Arc<Judgement>>,
    until: Option<DateTime<Utc>>,
}

impl Seen {
    /// The spaces of which something may be seen, each with the policies that decided.
    pub(crate) fn spaces(&self) -> impl Iterator<Item = (&SpaceId, &[String])> {
        let spaces = self.permitted.whole.iter().chain(&self.permitted.partial);
        spaces.zip(self.because.iter().map(|judged| judged.because.as_slice()))
    }

    /// Whether this, which is newer, still admits all that the other did.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let (now, then) = (&self.permitted, &other.permitted);
        let hides_no_more =
            now.hidden_labels.iter().all(|label| then.hidden_labels.contains(label));
        then.whole.iter().all(|space| now.whole.contains(space))
            && then.partial.iter().all(|space| {
                now.whole.contains(space) || (hides_no_more && now.partial.contains(space))
            })
    }

    /// About how many bytes it holds.
    pub(super) fn weight(&self) -> usize {
        let spaces =
            self.spaces().map(|(space, _)| space.as_str().len() + 2 * size_of::<SpaceId>());
        let labels = self.permitted.hidden_labels.iter();
        let labels = labels.map(|label| label.len() + size_of::<String>());
        size_of::<Self>() + spaces.sum::<usize>() + labels.sum::<usize>()
    }

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
            return Arc::default();
        }
        let query = Query::new(caller, action);
        if let Some(known) = self.lists.get(&query).filter(|seen| seen.holds(now)) {
            return known;
        }
        let kind = action.name.split('.').next().unwrap_or_default();
        let asked = Asked { snapshot: self, vocabulary, caller, action, kind, now };
        let seen = Arc::new(Seen { until: self.next_change(now), ..asked.seen() });
        if !self.policies.look_at_time() {
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
    fn seen(&self) -> Seen {
        let (mut whole, mut partial, mut hidden) = (Vec::new(), Vec::new(), BTreeSet::new());
        for space in self.snapshot.candidates(self.caller, self.now) {
            let judged = self.judge(&space, &[]);
            match self.hidden_in(&space, judged.allowed) {
                None => {}
                Some(labels) if labels.is_empty() => whole.push((space, judged)),
                Some(labels) => {
                    partial.push((space, judged));
                    hidden.extend(labels);
                }
            }
        }
        let (whole, mut because): (Vec<_>, Vec<_>) = whole.into_iter().unzip();
        let (partial, more): (Vec<_>, Vec<_>) = partial.into_iter().unzip();
        because.extend(more);
        let hidden_labels = hidden.into_iter().collect();
        Seen { permitted: Permitted { whole, partial, hidden_labels }, because, until: None }
    }

    /// The labels that hide in this space, of which a thing without any may be seen or not; `None`: nothing
    /// of it may be seen.
    fn hidden_in(&self, space: &SpaceId, allowed: bool) -> Option<BTreeSet<String>> {
        if !allowed {
            return None;
        }
        let Some(texts) = self.snapshot.policies.labels() else {
            // The program's policies refuse a thing of several categories where they refuse one of these.
            if self.allows(space, SPECIAL_CATEGORIES) {
                return Some(BTreeSet::new());
            }
            let refused = SPECIAL_CATEGORIES.iter().filter(|label| !self.allows(space, &[label]));
            return Some(refused.map(|label| (*label).to_owned()).collect());
        };
        // Whether there is any label at all can matter too, and that cannot be hidden by.
        if !self.allows(space, &[ANY_OTHER]) {
            return None;
        }
        let labels: BTreeSet<&str> =
            SPECIAL_CATEGORIES.iter().copied().chain(texts.iter().map(String::as_str)).collect();
        let (seen, hidden): (Vec<&str>, Vec<&str>) =
            labels.into_iter().partition(|label| self.allows(space, &[label]));
        let mut hidden: BTreeSet<String> = hidden.into_iter().map(str::to_owned).collect();
        let together: Vec<&str> = seen.into_iter().filter(|label| texts.contains(*label)).collect();
        if !self.allows_together(space, &together) {
            hidden.extend(together.into_iter().map(str::to_owned));
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
        self.judge(space, labels).allowed
    }

    fn judge(&self, space: &SpaceId, labels: &[&str]) -> Arc<Judgement> {
        let resource = Resource::new(self.kind, "*", space.clone())
            .labelled(labels.iter().map(|label| (*label).to_owned()));
        self.snapshot.judge(self.vocabulary, self.caller, self.action, &resource, self.now)
    }
}
