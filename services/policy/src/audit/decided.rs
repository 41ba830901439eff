//! A decision between the moment at which it was made and the disk.
//!
//! It holds what was asked, so that nobody waits for its entry to be put into words, and so that it can be
//! asked again where another process changed meanwhile what it rests on.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};
use contracts::access::{Action, Caller, Principal, Purpose, Resource, SpaceId, actions};
use uuid::Uuid;

use super::entry::Entry;
use crate::engine::{Judgement, Seen, Snapshot, Vocabulary, is_read};

/// What stands for a policy where the log was full.
pub(crate) const OVERFLOW: &str = "audit-log-full";
/// What stands for the policies where only the number of refusals is told.
const MORE: &str = "more-refusals";

/// Longer texts are cut: some come from outside.
const LONGEST: usize = 500;

/// A decision that is to be written down.
#[derive(Debug)]
pub(crate) struct Decided {
    id: Uuid,
    /// To the microsecond, as the database keeps it.
    time: DateTime<Utc>,
    caller: Arc<Caller>,
    action: Action,
    what: What,
    /// The revision of what it rests on.
    pub(crate) revision: i64,
}

#[derive(Debug)]
enum What {
    One {
        resource: Resource,
        judged: Arc<Judgement>,
    },
    List(Arc<Seen>),
    /// Of a list, the own space of another person than who asks.
    Another {
        seen: Arc<Seen>,
        place: usize,
    },
    Overflow(u64),
    Strangers(u64),
}

impl Decided {
    fn new(
        caller: Arc<Caller>,
        action: Action,
        what: What,
        (revision, now): (i64, DateTime<Utc>),
    ) -> Self {
        Self { id: Uuid::now_v7(), time: now.trunc_subsecs(6), caller, action, what, revision }
    }

    /// One access, where it is to be kept: on personal data, or a refusal, or a change.
    pub(crate) fn one(
        (caller, action, resource): (&Caller, Action, &Resource),
        judged: &Arc<Judgement>,
        at: (i64, DateTime<Utc>),
    ) -> Option<Self> {
        let public = resource.space == SpaceId::public() && resource.subject.is_none();
        if judged.allowed && public && is_read(action) {
            return None;
        }
        let what = What::One { resource: resource.clone(), judged: Arc::clone(judged) };
        Some(Self::new(Arc::new(caller.clone()), action, what, at))
    }

    /// A query: one for whoever is behind it, one for each other person whose own space it may see.
    pub(crate) fn list(
        (caller, action): (&Caller, Action),
        seen: &Arc<Seen>,
        at: (i64, DateTime<Utc>),
    ) -> Vec<Self> {
        let (public, permitted) = (SpaceId::public(), &seen.permitted);
        let mut spaces = seen.spaces().map(|(space, _)| space);
        if !permitted.is_nothing() && spaces.all(|space| *space == public) {
            return Vec::new();
        }
        let (caller, behind) = (Arc::new(caller.clone()), caller.responsible());
        let query = Self::new(Arc::clone(&caller), action, What::List(Arc::clone(seen)), at);
        let others = seen.spaces().enumerate().filter_map(|(place, (space, _))| {
            space.person().filter(|person| Some(*person) != behind)?;
            let what = What::Another { seen: Arc::clone(seen), place };
            Some(Self::new(Arc::clone(&caller), action, what, at))
        });
        std::iter::once(query).chain(others).collect()
    }

    /// That decisions were refused because no more could wait to be written.
    pub(crate) fn overflow(refused: u64, now: DateTime<Utc>) -> Self {
        let caller = Arc::new(Caller::service("policy", Purpose::OPERATE));
        Self::new(caller, actions::AUDIT_READ, What::Overflow(refused), (i64::MAX, now))
    }

    /// That so many more were refused, who were nobody in particular.
    pub(crate) fn strangers(refused: u64, now: DateTime<Utc>) -> Self {
        let caller = Arc::new(Caller::anonymous());
        Self::new(caller, actions::AUDIT_READ, What::Strangers(refused), (i64::MAX, now))
    }

    /// Whether it refuses somebody who is nobody in particular what is nobody's in particular.
    pub(crate) fn refuses_stranger(&self) -> bool {
        let refused = match &self.what {
            What::One { resource, judged } => !judged.allowed && resource.subject.is_none(),
            What::List(seen) => seen.permitted.is_nothing(),
            What::Another { .. } | What::Overflow(_) | What::Strangers(_) => false,
        };
        refused && self.caller.principal == Principal::Anonymous
    }

    /// Whether it lets somebody do or see something.
    pub(crate) fn allows(&self) -> bool {
        match &self.what {
            What::One { judged, .. } => judged.allowed,
            What::List(seen) => !seen.permitted.is_nothing(),
            // It is decided with its list.
            What::Another { .. } | What::Overflow(_) | What::Strangers(_) => false,
        }
    }

    /// Whether it would be made again by what is known now.
    pub(crate) fn still_holds(
        &self,
        snapshot: &Snapshot,
        vocabulary: &Vocabulary,
        now: DateTime<Utc>,
    ) -> bool {
        let (caller, action) = (&self.caller, self.action);
        match &self.what {
            What::One { resource, judged } => {
                !judged.allowed || snapshot.judge(vocabulary, caller, action, resource, now).allowed
            }
            What::List(seen) => snapshot.permitted(vocabulary, caller, action, now).covers(seen),
            What::Another { .. } | What::Overflow(_) | What::Strangers(_) => true,
        }
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        let what = match &self.what {
            What::One { resource, .. } => {
                let texts = [Some(&resource.id), resource.class.as_ref(), resource.keeper.as_ref()];
                let texts = texts.into_iter().flatten().chain(&resource.labels);
                texts.map(|text| text.len() + size_of::<String>()).sum()
            }
            // Its entry names all spaces.
            What::List(seen) => seen.spaces().count() * 48,
            What::Another { .. } | What::Overflow(_) | What::Strangers(_) => 0,
        };
        let scopes = self.caller.scopes.iter().flatten().map(|scope| scope.len() + 24);
        size_of::<Self>() + size_of::<Caller>() + 64 + scopes.sum::<usize>() + what
    }

    /// Its entry: the same each time it is asked for.
    pub(crate) fn entry(&self) -> Entry {
        let number = |id: Option<spine::Snowflake>| id.map(|id| id.0);
        let caller = &*self.caller;
        let kind = self.action.name.split('.').next().unwrap_or_default();
        let entry = Entry {
            id: self.id,
            time: self.time,
            principal: text(&caller.principal.to_string()),
            behalf: number(caller.behalf),
            via: number(caller.via),
            action: self.action.name.to_owned(),
            kind: kind.to_owned(),
            resource: "*".to_owned(),
            spaces: Vec::new(),
            subject: None,
            purpose: caller.purpose.to_string(),
            allowed: true,
            policies: Vec::new(),
        };
        match &self.what {
            What::One { resource, judged } => Entry {
                kind: resource.kind.to_owned(),
                resource: text(&resource.id),
                spaces: vec![resource.space.to_string()],
                subject: number(resource.subject),
                allowed: judged.allowed,
                policies: judged.because.clone(),
                ..entry
            },
            What::List(seen) => {
                let spaces = seen.spaces().map(|(space, _)| space.to_string()).collect();
                let decided = seen.spaces().flat_map(|(_, policies)| policies);
                let decided: std::collections::BTreeSet<&String> = decided.collect();
                Entry {
                    spaces,
                    subject: number(caller.responsible()),
                    allowed: !seen.permitted.is_nothing(),
                    policies: decided.into_iter().cloned().collect(),
                    ..entry
                }
            }
            What::Another { seen, place } => match seen.spaces().nth(*place) {
                Some((space, policies)) => Entry {
                    spaces: vec![space.to_string()],
                    subject: number(space.person()),
                    policies: policies.to_vec(),
                    ..entry
                },
                None => entry,
            },
            What::Overflow(refused) => Entry {
                action: "audit.overflow".to_owned(),
                allowed: false,
                policies: vec![format!("{OVERFLOW}:{refused}")],
                ..entry
            },
            What::Strangers(refused) => Entry {
                action: "audit.more".to_owned(),
                allowed: false,
                policies: vec![format!("{MORE}:{refused}")],
                ..entry
            },
        }
    }
}

/// Text as Postgres keeps it, of bounded length.
fn text(text: &str) -> String {
    let kept = text.chars().take(LONGEST);
    kept.map(|character| if character == '\0' { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use spine::Snowflake;

    use super::*;
    use crate::engine::{Policies, SnapshotParts};

    const AT: (i64, DateTime<Utc>) = (1, DateTime::UNIX_EPOCH);

    fn judged(allowed: bool, because: &[&str]) -> Arc<Judgement> {
        let because = because.iter().map(ToString::to_string).collect();
        Arc::new(Judgement { allowed, because, refusal: None })
    }

    #[test]
    fn an_entry_tells_who_did_what_with_which_thing_and_the_policy_that_decided() {
        let caller = Caller::service("rules", Purpose::AUTOMATION).on_behalf_of(Snowflake(7));
        let resource = Resource::new("entity", "e\0\"1\"", SpaceId::of_person(Snowflake(7)));
        let asked = (&caller, actions::ENTITY_READ, &resource);
        let decided = Decided::one(asked, &judged(true, &["a"]), AT).unwrap();
        let entry = decided.entry();
        assert_eq!(entry, decided.entry(), "written again it is the same");
        assert_eq!((entry.principal.as_str(), entry.behalf), ("service:rules", Some(7)));
        assert_eq!((entry.kind.as_str(), entry.resource.as_str()), ("entity", "e\u{fffd}\"1\""));
        assert_eq!((entry.spaces, entry.subject), (vec!["person:7".to_owned()], Some(7)));
        assert_eq!((entry.purpose.as_str(), entry.policies), ("automation", vec!["a".to_owned()]));
    }

    #[test]
    fn reads_of_what_is_public_are_not_kept_and_refusals_are() {
        let resource = Resource::new("entity", "1", SpaceId::public());
        let kept = |action, allowed| {
            let asked = (&Caller::anonymous(), action, &resource);
            Decided::one(asked, &judged(allowed, &[]), AT).is_some()
        };
        assert!(!kept(actions::ENTITY_READ, true));
        assert!(kept(actions::ENTITY_READ, false));
        assert!(kept(actions::ENTITY_WRITE, true));
    }

    #[test]
    fn a_query_is_one_entry_for_who_asks_and_one_for_each_other_person() {
        let vocabulary = Vocabulary::new().unwrap();
        let parts = SnapshotParts {
            revision: 1,
            people: [1, 2]
                .map(|account| {
                    (Snowflake(account), crate::Role::Member, crate::PersonState::Active)
                })
                .to_vec(),
            circles: Vec::new(),
            devices: Vec::new(),
            consents: Vec::new(),
            policies: Policies::with(&vocabulary, Vec::new()).unwrap(),
        };
        let snapshot = Snapshot::new(&vocabulary, parts).unwrap();
        let caller = Caller::service("search", Purpose::INDEX);
        let seen = snapshot.permitted(&vocabulary, &caller, actions::ENTITY_READ, AT.1);
        let entries: Vec<Entry> = Decided::list((&caller, actions::ENTITY_READ), &seen, AT)
            .iter()
            .map(Decided::entry)
            .collect();
        let subjects: Vec<_> = entries.iter().map(|entry| entry.subject).collect();
        assert_eq!(subjects, [None, Some(1), Some(2)]);
        assert_eq!(entries[0].spaces.len(), 4, "both, the household and what is public");
        assert_eq!(
            entries[0].policies,
            ["everybody-reads-what-is-public", "search-keeps-its-index"]
        );
        assert_eq!(entries[2].spaces, ["person:2"]);
        assert_eq!(entries[2].policies, ["search-keeps-its-index"]);
    }
}
