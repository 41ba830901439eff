//! Spaces: what policies are about.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use spine::Snowflake;
use uuid::Uuid;

/// A space: everything in the graph is in exactly one.
///
/// `person:<account>` is a person's own, `household` is shared by all who live here, `circle:<uuid>`
/// by those in it, `public` by the world.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    utoipa::ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
#[schema(value_type = String, example = "household", pattern = "^(public|household|person:[0-9]{1,19}|circle:[0-9a-f-]{36})$")]
pub struct SpaceId(String);

/// Text that names no space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no space; say `household`, `public`, `person:<account>` or `circle:<id>`")]
pub struct UnreadableSpace(String);

impl SpaceId {
    /// The space that all people of the household share.
    pub fn household() -> Self {
        Self("household".to_owned())
    }

    /// What the whole world may read.
    pub fn public() -> Self {
        Self("public".to_owned())
    }

    /// A person's own.
    pub fn of_person(account: Snowflake) -> Self {
        Self(format!("person:{account}"))
    }

    /// A circle's.
    pub fn of_circle(circle: Uuid) -> Self {
        Self(format!("circle:{circle}"))
    }

    /// The person whose own space it is.
    pub fn person(&self) -> Option<Snowflake> {
        self.0.strip_prefix("person:").and_then(|account| account.parse().ok())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SpaceId {
    type Err = UnreadableSpace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_space = match text.split_once(':') {
            None => matches!(text, "household" | "public"),
            Some(("person", account)) => {
                account.parse::<Snowflake>().is_ok_and(|parsed| parsed.to_string() == account)
            }
            Some(("circle", id)) => {
                Uuid::parse_str(id).is_ok_and(|parsed| parsed.to_string() == id)
            }
            Some(_) => false,
        };
        if is_space {
            Ok(Self(text.to_owned()))
        } else {
            Err(UnreadableSpace(text.chars().take(100).collect()))
        }
    }
}

impl TryFrom<String> for SpaceId {
    type Error = UnreadableSpace;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SpaceId> for String {
    fn from(space: SpaceId) -> Self {
        space.0
    }
}

impl fmt::Display for SpaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_spaces_of_a_known_kind_are_read() {
        for space in
            ["household", "public", "person:12", "circle:018f4e5e-0000-7000-8000-000000000001"]
        {
            assert_eq!(space.parse::<SpaceId>().unwrap().as_str(), space);
        }
        for nonsense in
            ["", "person:", "person:012", "person:-1", "circle:x", "planet:earth", "Household"]
        {
            assert!(nonsense.parse::<SpaceId>().is_err(), "{nonsense}");
        }
        assert_eq!(SpaceId::of_person(Snowflake(12)).person(), Some(Snowflake(12)));
        assert_eq!(SpaceId::household().person(), None);
    }
}
