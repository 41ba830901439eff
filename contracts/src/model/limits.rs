//! What a draft may be: the limits that keep one entity from harming the rest of the graph.
//!
//! Mappings check what they make, and the data service checks what it is told to write; the two use
//! the same words, so that a record is refused where somebody can see why.

use chrono::{DateTime, Datelike, Utc};
use serde_json::{Map, Value};

use super::{Alias, EdgeDraft, EntityDraft, SourceKey, TYPES, Target};

/// The most bytes that an entity's properties take as JSON.
const DATA_BYTES: usize = 512 << 10;
/// How deep properties are nested.
const DATA_DEPTH: usize = 16;

/// A part of a draft that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct Unacceptable {
    /// Which part.
    pub field: &'static str,
    /// What is wrong with it, without its content.
    pub problem: String,
}

fn refuse(field: &'static str, problem: impl Into<String>) -> Result<(), Unacceptable> {
    Err(Unacceptable { field, problem: problem.into() })
}

/// Text of `1..=most` bytes without control characters.
fn check_text(field: &'static str, text: &str, most: usize) -> Result<(), Unacceptable> {
    if text.is_empty() || text.len() > most {
        return refuse(field, format!("must have 1 to {most} bytes"));
    }
    if text.chars().any(char::is_control) {
        return refuse(field, "must be without control characters");
    }
    Ok(())
}

/// Labels: at most 50, each 1 to 64 bytes.
///
/// # Errors
/// What is wrong.
pub fn check_labels(labels: &[String]) -> Result<(), Unacceptable> {
    if labels.len() > 50 {
        return refuse("labels", "must be 50 at most");
    }
    labels.iter().try_for_each(|label| check_text("labels", label, 64))
}

/// An alias: a scheme of 1 to 32 small letters and digits, a value of 1 to 1000 bytes.
///
/// # Errors
/// What is wrong.
pub fn check_alias(alias: &Alias) -> Result<(), Unacceptable> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if !(1..=32).contains(&alias.scheme.len()) || !alias.scheme.bytes().all(plain) {
        return refuse("aliases", "must have a scheme of 1 to 32 of a-z, 0-9, `.`, `_`, `-`");
    }
    check_text("aliases", &alias.value, 1_000)
}

/// The name of a relation: 1 to 64 letters, digits, `_`, `:`, `.`, `-`.
///
/// # Errors
/// What is wrong.
pub fn check_rel(rel: &str) -> Result<(), Unacceptable> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_:.-".contains(&byte);
    if (1..=64).contains(&rel.len()) && rel.bytes().all(plain) {
        return Ok(());
    }
    refuse("rel", "must be 1 to 64 letters, digits, `_`, `:`, `.`, `-`")
}

/// A span of time: within the years 1 to 9999, and not ending before it begins.
///
/// # Errors
/// What is wrong.
pub fn check_times(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Result<(), Unacceptable> {
    for (field, time) in [("valid_from", from), ("valid_to", to)] {
        if time.is_some_and(|time| !(1..=9_999).contains(&time.year())) {
            return refuse(field, "must lie in the years 1 to 9999");
        }
    }
    match (from, to) {
        (Some(from), Some(to)) if to < from => {
            refuse("valid_to", "must not lie before `valid_from`")
        }
        _ => Ok(()),
    }
}

/// Properties: at most 512 KiB as JSON, 16 levels deep, names of 1 to 100 bytes, and nowhere the
/// character NUL, which Postgres does not keep.
///
/// # Errors
/// What is wrong; `field` names which properties they are.
pub fn check_data(field: &'static str, data: &Map<String, Value>) -> Result<(), Unacceptable> {
    let mut budget = DATA_BYTES;
    check_object(field, data, DATA_DEPTH, &mut budget)
}

fn check_object(
    field: &'static str,
    object: &Map<String, Value>,
    depth: usize,
    budget: &mut usize,
) -> Result<(), Unacceptable> {
    for (name, value) in object {
        if name.is_empty() || name.len() > 100 {
            return refuse(field, "must have property names of 1 to 100 bytes");
        }
        spend(field, budget, name.len() + 4)?;
        if name.contains('\0') {
            return refuse(field, "must be without the character NUL");
        }
        check_value(field, value, depth, budget)?;
    }
    Ok(())
}

fn check_value(
    field: &'static str,
    value: &Value,
    depth: usize,
    budget: &mut usize,
) -> Result<(), Unacceptable> {
    if depth == 0 {
        return refuse(field, format!("must be at most {DATA_DEPTH} levels deep"));
    }
    match value {
        Value::Null | Value::Bool(_) => spend(field, budget, 5),
        Value::Number(_) => spend(field, budget, 24),
        Value::String(text) => {
            spend(field, budget, text.len() + 3)?;
            if text.contains('\0') {
                return refuse(field, "must be without the character NUL");
            }
            Ok(())
        }
        Value::Array(items) => {
            spend(field, budget, 2)?;
            items.iter().try_for_each(|item| check_value(field, item, depth - 1, budget))
        }
        Value::Object(object) => {
            spend(field, budget, 2)?;
            check_object(field, object, depth - 1, budget)
        }
    }
}

fn spend(field: &'static str, budget: &mut usize, bytes: usize) -> Result<(), Unacceptable> {
    match budget.checked_sub(bytes) {
        Some(rest) => {
            *budget = rest;
            Ok(())
        }
        None => refuse(field, format!("must have {} KiB at most", DATA_BYTES >> 10)),
    }
}

impl SourceKey {
    /// Whether it can be a key: a source of 1 to 200 bytes, a kind of 1 to 100, an id of 1 to 2000.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), Unacceptable> {
        check_text("key.source", &self.source, 200)?;
        check_text("key.kind", &self.kind, 100)?;
        check_text("key.external_id", &self.external_id, 2_000)
    }
}

impl EdgeDraft {
    /// Whether it can be an edge.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), Unacceptable> {
        check_rel(&self.rel)?;
        if !(self.confidence > 0.0 && self.confidence <= 1.0) {
            return refuse("confidence", "must be above 0 and at most 1");
        }
        check_data("props", &self.props)?;
        match &self.to {
            Target::Entity(_) => Ok(()),
            Target::Key(key) => key.check(),
            Target::Alias(alias) => check_alias(alias),
        }
    }
}

impl EntityDraft {
    /// Whether it can be written.
    ///
    /// # Errors
    /// The first part that cannot.
    pub fn check(&self) -> Result<(), Unacceptable> {
        self.key.check()?;
        if !TYPES.contains(&self.r#type.as_str()) {
            return refuse("type", "must be one of the model's types, by schema.org's name");
        }
        check_data("data", &self.data)?;
        check_labels(&self.labels)?;
        if self.aliases.len() > 200 {
            return refuse("aliases", "must be 200 at most");
        }
        self.aliases.iter().try_for_each(check_alias)?;
        if self.edges.len() > 1_000 {
            return refuse("edges", "must be 1000 at most");
        }
        self.edges.iter().try_for_each(EdgeDraft::check)?;
        check_times(self.valid_from, self.valid_to)?;
        check_times(self.provenance.source_time, None)?;
        let provenance = [
            ("provenance.by", Some(&self.provenance.by), 2_000),
            ("provenance.revision", self.provenance.revision.as_ref(), 1_000),
            ("provenance.raw", self.provenance.raw.as_ref(), 64),
            ("provenance.mapping", self.provenance.mapping.as_ref(), 200),
            ("provenance.licence", self.provenance.licence.as_ref(), 500),
        ];
        for (field, text, most) in provenance {
            if text.is_some_and(|text| text.len() > most || text.contains('\0')) {
                return refuse(field, format!("must have {most} bytes at most, none of them NUL"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::SpaceId;

    fn draft() -> EntityDraft {
        EntityDraft {
            key: SourceKey {
                source: "test".to_owned(),
                kind: "contact".to_owned(),
                external_id: "1".to_owned(),
            },
            operation: super::super::Operation::Upsert,
            r#type: "Person".to_owned(),
            space: SpaceId::household(),
            data: Map::new(),
            labels: Vec::new(),
            aliases: Vec::new(),
            edges: Vec::new(),
            valid_from: None,
            valid_to: None,
            provenance: super::super::Provenance::default(),
        }
    }

    fn refused(change: impl FnOnce(&mut EntityDraft)) -> &'static str {
        let mut draft = draft();
        change(&mut draft);
        draft.check().unwrap_err().field
    }

    #[test]
    fn what_would_harm_the_graph_is_no_draft() {
        assert_eq!(draft().check(), Ok(()));
        assert_eq!(refused(|d| d.r#type = "Robot".to_owned()), "type");
        assert_eq!(refused(|d| d.key.external_id = "x".repeat(2_001)), "key.external_id");
        assert_eq!(refused(|d| d.key.source = "a\nb".to_owned()), "key.source");
        assert_eq!(refused(|d| d.labels = vec![String::new()]), "labels");
        let nul = json!({ "list": [{ "deep": "a\u{0}b" }] });
        assert_eq!(refused(|d| d.data = nul.as_object().unwrap().clone()), "data");
        let large = json!({ "text": "x".repeat(600 << 10) });
        assert_eq!(refused(|d| d.data = large.as_object().unwrap().clone()), "data");
        let mut deep = json!(1);
        for _ in 0..20 {
            deep = json!([deep]);
        }
        assert_eq!(refused(|d| d.data = Map::from_iter([("x".to_owned(), deep)])), "data");
        let alias = |scheme: &str| Alias { scheme: scheme.to_owned(), value: "v".to_owned() };
        assert_eq!(refused(|d| d.aliases = vec![alias("Tel Nr")]), "aliases");
        let edge = |confidence| EdgeDraft {
            rel: "knows".to_owned(),
            to: Target::Alias(alias("tel")),
            props: Map::new(),
            confidence,
        };
        assert_eq!(refused(|d| d.edges = vec![edge(f32::NAN)]), "confidence");
        assert_eq!(refused(|d| d.edges = vec![edge(0.0)]), "confidence");
        let year = |year: i32| DateTime::<Utc>::MIN_UTC.with_year(year);
        assert_eq!(refused(|d| d.valid_from = year(-5_000)), "valid_from");
        let (from, to) = (year(2_000), year(1_999));
        assert_eq!(refused(|d| (d.valid_from, d.valid_to) = (from, to)), "valid_to");
    }
}
