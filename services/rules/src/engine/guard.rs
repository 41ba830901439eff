//! Fields of an event that must be equal to something: what the index looks at before any expression runs.

use std::fmt;

use serde_json::Value as Json;

use super::event::EventDocument;

/// The event's own fields; every other path is one of `data`.
const OWN: &[&str] = &["id", "type", "source", "subject", "data"];

/// A field that must be equal to a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Guard {
    /// The path from the event, such as `data`, `from`, `address`.
    pub(crate) path: Path,
    pub(crate) value: Scalar,
}

/// The names on the way to a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Path(Vec<String>);

/// A value that fields are compared with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Whole(i64),
    Text(String),
}

impl Scalar {
    /// Of JSON, where it is a scalar; a number counts where it is whole.
    pub(crate) fn of(json: &Json) -> Option<Self> {
        match json {
            Json::Null => Some(Self::Null),
            Json::Bool(value) => Some(Self::Bool(*value)),
            Json::String(text) => Some(Self::Text(text.clone())),
            Json::Number(number) => number.as_i64().map(Self::Whole).or_else(|| {
                let float =
                    number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15)?;
                Some(Self::Whole(float as i64))
            }),
            Json::Array(_) | Json::Object(_) => None,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Whole(value) => value.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl Path {
    /// Reads a path with dots, or a JSON pointer.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut names: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => text.split('.').map(str::to_owned).collect(),
        };
        let usable = names.len() <= 16 && names.iter().all(|name| (1..=200).contains(&name.len()));
        if !usable {
            return Err(format!(
                "{:?} is no field of an event",
                text.chars().take(60).collect::<String>()
            ));
        }
        if !OWN.contains(&names[0].as_str()) {
            names.insert(0, "data".to_owned());
        }
        Ok(Self(names))
    }

    pub(crate) fn of(names: Vec<String>) -> Self {
        Self(names)
    }

    /// What the event has there.
    pub(crate) fn scalar(&self, event: &EventDocument) -> Option<Scalar> {
        let (first, rest) = self.0.split_first()?;
        let own = match first.as_str() {
            "id" => Some(event.id.clone()),
            "type" => Some(event.r#type.clone()),
            "source" => Some(event.source.clone()),
            "subject" => Some(event.subject.clone()),
            _ => None,
        };
        if let Some(own) = own {
            return rest.is_empty().then_some(Scalar::Text(own));
        }
        let mut value = &event.data;
        for name in rest {
            value = match value {
                Json::Object(fields) => fields.get(name)?,
                Json::Array(items) => items.get(name.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Scalar::of(value)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl Guard {
    /// Reads a guard as `where` has it.
    pub(crate) fn read(field: &str, value: &Json) -> Result<Self, String> {
        let path = Path::read(field)?;
        let value = Scalar::of(value).ok_or_else(|| {
            format!("{path} can be compared with a text, a whole number, true, false or null; write anything else as a condition")
        })?;
        Ok(Self { path, value })
    }

    /// Whether the event has this value there.
    pub(crate) fn admits(&self, event: &EventDocument) -> bool {
        self.path.scalar(event).as_ref() == Some(&self.value)
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.path, self.value)
    }
}
