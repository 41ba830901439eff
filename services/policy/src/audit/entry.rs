//! An entry of the audit log.

use chrono::{DateTime, SubsecRound as _, Utc};
use contracts::access::{Action, Caller, Permitted, Resource, SpaceId};
use serde::Serialize;
use spine::Snowflake;
use tlog_tiles::{Hash, record_hash};
use uuid::Uuid;

use crate::PolicyError;
use crate::engine::{Judgement, is_read, people_in};

/// Longer texts are cut: some come from outside.
const LONGEST: usize = 500;

/// Who accessed what, what for, and what was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: Uuid,
    /// To the microsecond, as the database keeps it.
    pub(crate) time: DateTime<Utc>,
    pub(crate) principal: String,
    pub(crate) behalf: Option<i64>,
    pub(crate) via: Option<i64>,
    pub(crate) action: String,
    pub(crate) kind: String,
    pub(crate) resource: String,
    pub(crate) spaces: Vec<String>,
    pub(crate) subject: Option<i64>,
    pub(crate) purpose: String,
    pub(crate) allowed: bool,
    pub(crate) policies: Vec<String>,
}

/// The entry as its leaf hashes it: RFC 8785 (names sorted, no space; numbers of 64 bits as text).
#[derive(Serialize)]
struct Canonical<'a> {
    action: &'a str,
    allowed: bool,
    behalf: Option<String>,
    id: Uuid,
    kind: &'a str,
    policies: &'a [String],
    principal: &'a str,
    purpose: &'a str,
    resource: &'a str,
    spaces: &'a [String],
    subject: Option<String>,
    /// Microseconds since 1970.
    time: String,
    via: Option<String>,
}

impl Entry {
    fn new(caller: &Caller, action: Action, kind: &str, now: DateTime<Utc>) -> Self {
        let number = |id: Option<Snowflake>| id.map(|id| id.0);
        Self {
            id: Uuid::now_v7(),
            time: now.trunc_subsecs(6),
            principal: text(&caller.principal.to_string()),
            behalf: number(caller.behalf),
            via: number(caller.via),
            action: action.name.to_owned(),
            kind: kind.to_owned(),
            resource: "*".to_owned(),
            spaces: Vec::new(),
            subject: None,
            purpose: caller.purpose.to_string(),
            allowed: true,
            policies: Vec::new(),
        }
    }

    /// Of a decision, where it is to be kept: on personal data, or a refusal, or a change.
    pub(crate) fn of_decision(
        caller: &Caller,
        action: Action,
        resource: &Resource,
        judged: &Judgement,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let public = resource.space == SpaceId::public() && resource.subject.is_none();
        if judged.allowed && public && is_read(action) {
            return None;
        }
        Some(Self {
            resource: text(&resource.id),
            spaces: vec![resource.space.to_string()],
            subject: resource.subject.map(|subject| subject.0),
            allowed: judged.allowed,
            policies: judged.because.clone(),
            ..Self::new(caller, action, resource.kind, now)
        })
    }

    /// Of a query: one for whoever is behind it, one for each other person whose own space it may see.
    pub(crate) fn of_query(
        caller: &Caller,
        action: Action,
        permitted: &Permitted,
        now: DateTime<Utc>,
    ) -> Vec<Self> {
        let all = permitted.whole.iter().chain(&permitted.partial);
        let spaces: Vec<String> = all.map(ToString::to_string).collect();
        let public = SpaceId::public();
        let nothing_personal =
            !spaces.is_empty() && spaces.iter().all(|space| space == public.as_str());
        if nothing_personal {
            return Vec::new();
        }
        let kind = action.name.split('.').next().unwrap_or_default();
        let behind = caller.responsible();
        let query = Self {
            allowed: !spaces.is_empty(),
            spaces,
            subject: behind.map(|person| person.0),
            ..Self::new(caller, action, kind, now)
        };
        let others: Vec<Self> = people_in(permitted)
            .filter(|person| Some(*person) != behind)
            .map(|person| Self {
                id: Uuid::now_v7(),
                spaces: vec![SpaceId::of_person(person).to_string()],
                subject: Some(person.0),
                ..query.clone()
            })
            .collect();
        std::iter::once(query).chain(others).collect()
    }

    /// That decisions were refused because no more entries could wait to be written.
    pub(crate) fn of_overflow(refused: u64, now: DateTime<Utc>) -> Self {
        let caller = Caller::service("policy", contracts::access::Purpose::OPERATE);
        let action = contracts::access::actions::AUDIT_READ;
        Self {
            action: "audit.overflow".to_owned(),
            allowed: false,
            policies: vec![format!("{OVERFLOW}:{refused}")],
            ..Self::new(&caller, action, "audit", now)
        }
    }

    /// About how many bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        let texts = [&self.principal, &self.resource, &self.purpose];
        let lists = self.spaces.iter().chain(&self.policies);
        size_of::<Self>()
            + 64
            + texts.into_iter().chain(lists).map(|text| text.len() + 32).sum::<usize>()
    }

    /// The leaf of the Merkle log.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(crate) fn leaf(&self) -> Result<Hash, PolicyError> {
        let number = |id: Option<i64>| id.map(|id| id.to_string());
        let canonical = serde_json::to_vec(&Canonical {
            action: &self.action,
            allowed: self.allowed,
            behalf: number(self.behalf),
            id: self.id,
            kind: &self.kind,
            policies: &self.policies,
            principal: &self.principal,
            purpose: &self.purpose,
            resource: &self.resource,
            spaces: &self.spaces,
            subject: number(self.subject),
            time: self.time.timestamp_micros().to_string(),
            via: number(self.via),
        })?;
        Ok(record_hash(&canonical))
    }
}

/// What stands for a policy where the log was full.
pub(crate) const OVERFLOW: &str = "audit-log-full";

/// Text as Postgres keeps it, of bounded length.
fn text(text: &str) -> String {
    let kept = text.chars().take(LONGEST);
    kept.map(|character| if character == '\0' { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use contracts::access::{Purpose, actions};

    use super::*;

    #[test]
    fn a_leaf_is_the_hash_of_sorted_json_without_space() {
        let now = DateTime::from_timestamp_micros(1_767_225_600_000_123).unwrap();
        let caller = Caller::service("rules", Purpose::AUTOMATION).on_behalf_of(Snowflake(7));
        let judged = Judgement {
            allowed: true,
            because: vec!["a".to_owned(), "b".to_owned()],
            refusal: None,
        };
        let resource = Resource::new("entity", "e\0\"1\"", SpaceId::of_person(Snowflake(7)));
        let mut entry =
            Entry::of_decision(&caller, actions::ENTITY_READ, &resource, &judged, now).unwrap();
        entry.id = Uuid::nil();
        let json = "{\"action\":\"entity.read\",\"allowed\":true,\"behalf\":\"7\",\"id\":\"00000000-0000-0000-0000-000000000000\",\
                    \"kind\":\"entity\",\"policies\":[\"a\",\"b\"],\"principal\":\"service:rules\",\"purpose\":\"automation\",\
                    \"resource\":\"e\u{fffd}\\\"1\\\"\",\"spaces\":[\"person:7\"],\"subject\":\"7\",\"time\":\"1767225600000123\",\"via\":null}";
        assert_eq!(entry.leaf().unwrap(), record_hash(json.as_bytes()));
    }

    #[test]
    fn reads_of_what_is_public_are_not_kept_and_refusals_are() {
        let now = DateTime::UNIX_EPOCH;
        let resource = Resource::new("entity", "1", SpaceId::public());
        let kept = |action, allowed| {
            let judged = Judgement { allowed, because: Vec::new(), refusal: None };
            Entry::of_decision(&Caller::anonymous(), action, &resource, &judged, now).is_some()
        };
        assert!(!kept(actions::ENTITY_READ, true));
        assert!(kept(actions::ENTITY_READ, false));
        assert!(kept(actions::ENTITY_WRITE, true));
    }

    #[test]
    fn a_query_is_one_entry_for_who_asks_and_one_for_each_other_person() {
        let spaces = |accounts: &[i64]| {
            let people = accounts.iter().map(|account| SpaceId::of_person(Snowflake(*account)));
            Permitted { whole: people.collect(), ..Permitted::default() }
        };
        let entries = Entry::of_query(
            &Caller::person(Snowflake(1)),
            actions::ENTITY_READ,
            &spaces(&[1, 2]),
            DateTime::UNIX_EPOCH,
        );
        let subjects: Vec<_> = entries.iter().map(|entry| entry.subject).collect();
        assert_eq!(subjects, [Some(1), Some(2)]);
        assert_eq!(entries[0].spaces, ["person:1", "person:2"]);
        assert_eq!(entries[1].spaces, ["person:2"]);
    }
}
