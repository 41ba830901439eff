//! An entry of the audit log.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tlog_tiles::{Hash, record_hash};
use uuid::Uuid;

use crate::PolicyError;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_the_hash_of_sorted_json_without_space() {
        let entry = Entry {
            id: Uuid::nil(),
            time: DateTime::from_timestamp_micros(1_767_225_600_000_123).unwrap(),
            principal: "service:rules".to_owned(),
            behalf: Some(7),
            via: None,
            action: "entity.read".to_owned(),
            kind: "entity".to_owned(),
            resource: "e\"1\"".to_owned(),
            spaces: vec!["person:7".to_owned()],
            subject: Some(7),
            purpose: "automation".to_owned(),
            allowed: true,
            policies: vec!["a".to_owned(), "b".to_owned()],
        };
        let json = "{\"action\":\"entity.read\",\"allowed\":true,\"behalf\":\"7\",\"id\":\"00000000-0000-0000-0000-000000000000\",\
                    \"kind\":\"entity\",\"policies\":[\"a\",\"b\"],\"principal\":\"service:rules\",\"purpose\":\"automation\",\
                    \"resource\":\"e\\\"1\\\"\",\"spaces\":[\"person:7\"],\"subject\":\"7\",\"time\":\"1767225600000123\",\"via\":null}";
        assert_eq!(entry.leaf().unwrap(), record_hash(json.as_bytes()));
    }
}
