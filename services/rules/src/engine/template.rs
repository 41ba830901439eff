//! Texts with `{{ CEL }}` in them, and JSON with such texts.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::compile::{Expression, compile};

/// Expressions in one text.
const EXPRESSIONS: usize = 32;

/// A text with expressions in it.
#[derive(Debug)]
pub(crate) struct Template(pub(crate) Vec<Part>);

/// A part of a text.
#[derive(Debug)]
pub(crate) enum Part {
    Text(String),
    Value(Expression),
}

impl Template {
    /// Compiles a text.
    ///
    /// # Errors
    /// Braces that do not close, or an expression that is none; in words for people.
    pub(crate) fn compile(text: &str, names: &BTreeSet<String>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            if start > 0 {
                parts.push(Part::Text(rest[..start].to_owned()));
            }
            let inside = &rest[start + 2..];
            let end = closing(inside)
                .ok_or_else(|| format!("the `{{{{` in {:?} is never closed", shown(text)))?;
            let source = inside[..end].trim();
            let expression =
                compile(source, names).map_err(|error| format!("`{source}`: {error}"))?;
            parts.push(Part::Value(expression));
            if parts.len() > EXPRESSIONS * 2 {
                return Err(format!("a text holds at most {EXPRESSIONS} expressions"));
            }
            rest = &inside[end + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The only expression, where it is nothing else: it then keeps its type.
    pub(crate) fn single(&self) -> Option<&Expression> {
        match self.0.as_slice() {
            [Part::Value(expression)] => Some(expression),
            _ => None,
        }
    }
}

/// Where the `}}` is that closes: outside of texts and of the expression's own braces.
fn closing(inside: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let (mut depth, mut quote, mut at) = (0_usize, None, 0);
    while let Some(&byte) = bytes.get(at) {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), _) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            (None, _) => {}
        }
        at += 1;
    }
    None
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

/// JSON in which texts are templates.
#[derive(Debug)]
pub(crate) enum JsonTemplate {
    Plain(Json),
    Text(Template),
    List(Vec<Self>),
    Fields(Vec<(String, Self)>),
}

impl JsonTemplate {
    /// Compiles JSON. Depth is bounded by the document's reader.
    ///
    /// # Errors
    /// See [`Template::compile`].
    pub(crate) fn compile(json: &Json, names: &BTreeSet<String>) -> Result<Self, String> {
        Ok(match json {
            Json::String(text) if text.contains("{{") => {
                Self::Text(Template::compile(text, names)?)
            }
            Json::Array(items) => Self::List(
                items.iter().map(|item| Self::compile(item, names)).collect::<Result<_, _>>()?,
            ),
            Json::Object(fields) => Self::fields(fields, names)?,
            plain => Self::Plain(plain.clone()),
        })
    }

    /// Compiles the fields of an object.
    ///
    /// # Errors
    /// See [`Template::compile`].
    pub(crate) fn fields(
        fields: &Map<String, Json>,
        names: &BTreeSet<String>,
    ) -> Result<Self, String> {
        let compiled =
            fields.iter().map(|(name, value)| Ok((name.clone(), Self::compile(value, names)?)));
        Ok(Self::Fields(compiled.collect::<Result<_, String>>()?))
    }
}
