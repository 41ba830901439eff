//! A mapping as it is written.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The longest document, in bytes.
pub(crate) const LONGEST_DOCUMENT: usize = 64 << 10;

/// A mapping: how records of one kind become entities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingDocument {
    /// Its name: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`.
    pub(crate) mapping: String,
    /// Its version. The node counts: what is written here only counts in mappings that come with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u32>,
    /// The kind of record that it takes, with the version of its form: `calendar.event/1`.
    pub(crate) record: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// What becomes of a record. The first one is the record's own: it has the record's key, and goes when the
    /// source says that the record is gone.
    #[schemars(length(min = 1, max = 8))]
    pub(crate) entities: Vec<EntityRule>,
}

/// An entity that a record becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntityRule {
    /// Its type, by schema.org's name.
    pub(crate) r#type: String,
    /// Other types that it has in certain cases; the first case that is met counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) type_when: Vec<TypeRule>,
    /// One entity for each of these (`authors[]`); paths then begin at the item, and those that begin with `$.`
    /// at the record. Not for the first entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) each: Option<String>,
    /// Only where this is so. Not for the first entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<Condition>,
    /// Its key at the source. Not for the first entity; without a value there is no entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyRule>,
    /// A space that it belongs to rather than to the account's. It counts only where it is closer: from what is
    /// public to any, from the household to a person's own or a circle. What is shared is the account's owner's
    /// decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) space: Option<String>,
    /// Labels, beside those of the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) labels: Vec<String>,
    /// Its properties, by schema.org's names. What has no value is left out.
    #[serde(default)]
    pub(crate) properties: BTreeMap<String, Source>,
    /// Other names by which it is recognised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) aliases: Vec<AliasRule>,
    /// Its relations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) edges: Vec<EdgeRule>,
    /// Since when it holds in the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_from: Option<Source>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid_to: Option<Source>,
}

/// A type in certain cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypeRule {
    /// The type.
    pub(crate) r#type: String,
    /// The case.
    pub(crate) when: Condition,
}

/// A key at the account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRule {
    /// The kind of thing there, such as `feed.source`.
    pub(crate) kind: String,
    /// Its id there.
    pub(crate) id: Source,
}

/// Another name by which something is recognised. It is normalised as its scheme asks for; what then is none
/// is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AliasRule {
    /// Which kind of name.
    pub(crate) scheme: Scheme,
    /// The name, or several.
    pub(crate) value: Source,
}

/// Kinds of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scheme {
    /// A phone number; E.164.
    Tel,
    /// A mail address, in lower case.
    Email,
    /// An address of the web.
    Url,
    /// A unique id, such as iCalendar's.
    Uid,
    /// An account in the fediverse: `ada@example.org`.
    Acct,
}

/// Relations to other entities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EdgeRule {
    /// What the relation is called, by schema.org's property.
    pub(crate) rel: String,
    /// One for each of these; paths then begin at the item, and those with `$.` at the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) each: Option<String>,
    /// Only where this is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<Condition>,
    /// To whatever has this key at the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyRule>,
    /// To whoever has this alias in the same space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) alias: Option<AliasRule>,
    /// More about the relation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) props: BTreeMap<String, Source>,
    /// How sure it is, above 0 and up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) confidence: Option<f32>,
}

/// Something that is so or not. Of many values one is enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    /// Where to look.
    pub(crate) path: String,
    /// It is exactly this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) is: Option<Value>,
    /// It is text that begins so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) starts_with: Option<String>,
    /// There is something (not null, not empty text), or there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exists: Option<bool>,
}

/// Where a value comes from: a path (`location.displayName`, `emails[].address`, `links[rel=alternate].href`, or a
/// JSON Pointer such as `/@odata.type`), or more than that.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Source {
    /// A path.
    Path(String),
    /// More than a path.
    Rule(Box<Rule>),
}

/// A value: exactly one of `path`, `constant`, `template`, `concat`, `first_of`, `object`, and what is done with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// A path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// Always this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) constant: Option<Value>,
    /// Text with paths in braces: `{givenName} {surname}`. Without any value in it there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<String>,
    /// All of these: with `separator` one text, else a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) concat: Option<Vec<Source>>,
    /// What stands between the parts of `concat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) separator: Option<String>,
    /// The first of these that has a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_of: Option<Vec<Source>>,
    /// An object with these members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) object: Option<BTreeMap<String, Source>>,
    /// A value for each of these; paths then begin at the item, and those with `$.` at the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) each: Option<String>,
    /// Only where this is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<Condition>,
    /// What is done with each value, in this order.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "as")]
    pub(crate) transforms: Option<Transforms>,
    /// For `datetime`: where the name of the time zone is, as IANA or Windows calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<String>,
    /// For `datetime` and `date`: where a number of seconds is by which it is later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) plus_seconds: Option<String>,
    /// Other values for certain ones; those that are not in it are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) table: Option<BTreeMap<String, Value>>,
    /// What it is where there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<Value>,
    /// Without a value the record is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) required: bool,
}

/// One transform or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Transforms {
    /// One.
    One(Transform),
    /// Several, in their order.
    Many(Vec<Transform>),
}

/// What is done with a value. What cannot be read as what it should be is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Transform {
    /// Text, of numbers too.
    Text,
    /// Text of one line.
    Line,
    /// HTML as text.
    Html,
    /// A name: one line, without quotation marks around it.
    Name,
    /// The subject of a conversation: one line, without `Re:` and its like before it.
    Thread,
    /// In lower case.
    Lower,
    /// A point in time, in UTC where the zone is known.
    Datetime,
    /// A day, as it is written.
    Date,
    /// A time zone by its IANA name.
    Zone,
    /// A phone number in E.164; what is none stays text.
    Phone,
    /// The region of a phone number: `AT`.
    PhoneRegion,
    /// A mail address in lower case.
    Email,
    /// The domain of a mail address.
    EmailDomain,
    /// An address of the web.
    Url,
    /// The host of an address of the web.
    UrlHost,
    /// A postal address.
    Address,
    /// A number, of text too.
    Number,
    /// True or false, of text too.
    Boolean,
    /// Of many values the first.
    First,
    /// A list, also of one value.
    List,
}

impl<'de> Deserialize<'de> for Source {
    /// By hand, because an untagged choice could not say what is wrong with a rule.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrRule;
        impl<'de> Visitor<'de> for PathOrRule {
            type Value = Source;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or a rule with `path`, `constant`, `template`, `concat`, `first_of` or `object`")
            }

            fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<Source, E> {
                Ok(Source::Path(path.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Source, A::Error> {
                let rule = Rule::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Source::Rule(Box::new(rule)))
            }
        }
        deserializer.deserialize_any(PathOrRule)
    }
}
