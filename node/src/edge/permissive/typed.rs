//! From the tree to typed parameters, forgiving about how a value was written.
//!
//! `true`, `1`, `on` and their like are booleans; numbers may be texts and texts numbers; one value
//! does for a list of one; a group whose names are numbers does for a list.

use std::collections::{BTreeMap, btree_map};
use std::fmt;

use serde::de::value::{SeqDeserializer, StringDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::tree::Node;

/// A parameter of the wrong kind: which, and what was expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TypeError {
    name: String,
    message: String,
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{} {}", self.name, self.message)
    }
}

impl std::error::Error for TypeError {}

impl TypeError {
    fn new(message: impl Into<String>) -> Self {
        Self { name: String::new(), message: message.into() }
    }

    fn below(mut self, name: &str) -> Self {
        self.name = match self.name.as_str() {
            "" => name.to_owned(),
            inner => format!("{name}.{inner}"),
        };
        self
    }
}

impl de::Error for TypeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("must be {expected}, not {unexpected}"))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("must be {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("must be one of {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { name: field.to_owned(), message: "can't be blank".to_owned() }
    }
}

impl<'de> IntoDeserializer<'de, TypeError> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Node {
    /// Where several came and one is wanted, the last counts.
    fn single(self) -> Self {
        match self {
            Self::Repeated(mut values) => values.pop().unwrap_or(Self::Null),
            other => other,
        }
    }

    fn flag(self) -> Result<bool, TypeError> {
        match self.single() {
            Self::Flag(flag) => Ok(flag),
            Self::Number(number) => Ok(number.as_f64() != Some(0.0)),
            Self::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "t" | "1" | "on" | "yes" | "y" => Ok(true),
                "false" | "f" | "0" | "off" | "no" | "n" | "" => Ok(false),
                _ => Err(TypeError::new("must be true or false")),
            },
            _ => Err(TypeError::new("must be true or false")),
        }
    }

    fn number<T: std::str::FromStr>(self) -> Result<T, TypeError> {
        let text = match self.single() {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
            _ => return Err(TypeError::new("must be a number")),
        };
        text.trim().parse().map_err(|_| TypeError::new("must be a number in range"))
    }

    fn text(self) -> Result<String, TypeError> {
        match self.single() {
            Self::Text(text) => Ok(text),
            Self::Number(number) => Ok(number.to_string()),
            Self::Flag(flag) => Ok(flag.to_string()),
            _ => Err(TypeError::new("must be a text")),
        }
    }

    fn list(self) -> Result<Vec<Self>, TypeError> {
        match self {
            Self::List(items) | Self::Repeated(items) => Ok(items),
            Self::Null => Ok(Vec::new()),
            Self::Group(members) => numbered(members),
            one => Ok(vec![one]),
        }
    }
}

/// The members of a group whose names are numbers, in their order.
fn numbered(members: BTreeMap<String, Node>) -> Result<Vec<Node>, TypeError> {
    let mut items = members
        .into_iter()
        .map(|(name, node)| name.parse::<u32>().map(|number| (number, node)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TypeError::new("must be a list"))?;
    items.sort_by_key(|(number, _)| *number);
    Ok(items.into_iter().map(|(_, node)| node).collect())
}

macro_rules! numbers {
    ($($method:ident $visit:ident $kind:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
            visitor.$visit(self.number::<$kind>()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Node {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Flag(flag) => visitor.visit_bool(flag),
            Self::Number(number) => {
                number.deserialize_any(visitor).map_err(|error| TypeError::new(error.to_string()))
            }
            Self::Text(text) => visitor.visit_string(text),
            Self::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            Self::Repeated(_) => self.single().deserialize_any(visitor),
            Self::Group(members) => visitor.visit_map(Members::new(members)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_bool(self.flag()?)
    }

    numbers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
        deserialize_f32 visit_f32 f32, deserialize_f64 visit_f64 f64
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        if self == Self::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_seq(SeqDeserializer::new(self.list()?.into_iter()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self {
            Self::Group(members) => visitor.visit_map(Members::new(members)),
            _ => Err(TypeError::new("must be a group of values")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        let text: StringDeserializer<TypeError> = self.text()?.into_deserializer();
        visitor.visit_enum(text)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// Names the member in the errors below it.
struct Members {
    rest: btree_map::IntoIter<String, Node>,
    current: Option<(String, Node)>,
}

impl Members {
    fn new(members: BTreeMap<String, Node>) -> Self {
        Self { rest: members.into_iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = TypeError;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, TypeError> {
        self.current = self.rest.next();
        match &self.current {
            Some((name, _)) => seed.deserialize(name.as_str().into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, TypeError> {
        let (name, node) = self.current.take().ok_or_else(|| TypeError::new("has no value"))?;
        seed.deserialize(node).map_err(|error| error.below(&name))
    }
}

/// Reads a whole tree.
pub(super) fn read<T: de::DeserializeOwned>(
    members: BTreeMap<String, Node>,
) -> Result<T, TypeError> {
    T::deserialize(Node::Group(members))
}
