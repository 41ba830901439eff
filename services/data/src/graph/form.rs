//! One form for what means the same, so that what is equal compares as equal.

use std::collections::BTreeSet;

use chrono::SubsecRound as _;
use contracts::model::{EntityDraft, SourceKey};
use serde_json::{Map, Number, Value, json};
use sha2::{Digest, Sha256};

/// Integers up to here are exact as a floating point number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Brings a draft into form: whole numbers without a fraction (as Postgres gives them back), lists in
/// order and without repeats. A source's null says nothing; a person's says that there is none.
pub(crate) fn in_form(mut draft: EntityDraft) -> EntityDraft {
    let keeps_nulls = draft.key.source.starts_with("person:");
    draft.data.retain(|_, value| keeps_nulls || !value.is_null());
    draft.data.values_mut().for_each(whole_numbers);
    for edge in &mut draft.edges {
        edge.props.values_mut().for_each(whole_numbers);
    }
    // What Postgres keeps of a time.
    draft.valid_from = draft.valid_from.map(|time| time.trunc_subsecs(6));
    draft.valid_to = draft.valid_to.map(|time| time.trunc_subsecs(6));
    let source_time = &mut draft.provenance.source_time;
    *source_time = source_time.map(|time| time.trunc_subsecs(6));
    draft.labels = sorted(draft.labels);
    draft.aliases = sorted(draft.aliases);
    draft
}

fn sorted<T: Ord>(items: Vec<T>) -> Vec<T> {
    items.into_iter().collect::<BTreeSet<T>>().into_iter().collect()
}

fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|_| number.is_f64())
                && float.fract() == 0.0
                && float.abs() < EXACT
            {
                #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
                let whole = float as i64;
                *number = Number::from(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(object) => object.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// SHA-256 of everything that a draft says but for where it comes from: equal means unchanged.
pub(crate) fn fingerprint(draft: &EntityDraft) -> Vec<u8> {
    let mut edges: Vec<String> = draft.edges.iter().map(|edge| canonical(&json!(edge))).collect();
    edges.sort_unstable();
    let said = json!({
        "type": draft.r#type,
        "space": draft.space,
        "data": draft.data,
        "labels": draft.labels,
        "aliases": draft.aliases,
        "edges": edges,
        "valid_from": draft.valid_from,
        "valid_to": draft.valid_to,
    });
    Sha256::digest(canonical(&said)).to_vec()
}

/// JSON text with its names in order, whatever order the map keeps.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let mut names: Vec<(&String, &Value)> = object.iter().collect();
            names.sort_unstable_by_key(|(name, _)| *name);
            let parts: Vec<String> = names
                .into_iter()
                .map(|(name, value)| format!("{}:{}", json!(name), canonical(value)))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", parts.join(","))
        }
        plain => plain.to_string(),
    }
}

/// SHA-256 of a key: what is left of one whose content was erased.
pub(crate) fn key_hash(key: &SourceKey) -> Vec<u8> {
    key.digest().to_vec()
}

/// Changes properties as RFC 7396 says, yet keeps the nulls: they say that there is none, whatever
/// other sources hold.
pub(crate) fn patch(data: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        data.insert(name.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use contracts::access::SpaceId;
    use contracts::model::{Operation, Provenance};

    use super::*;

    fn draft(source: &str, data: Value) -> EntityDraft {
        EntityDraft {
            key: SourceKey {
                source: source.to_owned(),
                kind: "contact".to_owned(),
                external_id: "1".to_owned(),
            },
            operation: Operation::Upsert,
            r#type: "Person".to_owned(),
            space: SpaceId::household(),
            data: data.as_object().unwrap().clone(),
            labels: vec!["b".to_owned(), "a".to_owned(), "b".to_owned()],
            aliases: Vec::new(),
            edges: Vec::new(),
            valid_from: None,
            valid_to: None,
            provenance: Provenance::default(),
        }
    }

    #[test]
    fn equal_words_have_one_fingerprint_wherever_they_come_from() {
        let one = in_form(draft(
            "connector:1",
            json!({ "a": 100.0, "b": [1, { "c": null }], "d": null }),
        ));
        let mut two = in_form(draft("connector:2", json!({ "b": [1.0, { "c": null }], "a": 100 })));
        two.provenance.revision = Some("7".to_owned());
        assert_eq!(fingerprint(&one), fingerprint(&two));
        assert_eq!(one.labels, ["a", "b"]);
        two.data.insert("a".to_owned(), json!(101));
        assert_ne!(fingerprint(&one), fingerprint(&two));
    }

    #[test]
    fn a_persons_null_says_that_there_is_none() {
        assert!(in_form(draft("person:1", json!({ "a": null }))).data.contains_key("a"));
        assert!(in_form(draft("connector:1", json!({ "a": null }))).data.is_empty());
    }
}
