//! Whether an event type was only added to: old readers read new events, new readers old events.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

/// One way in which a new schema breaks readers or old events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// Where in the payload, as a JSON pointer with `*` for the items of a list.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.place.is_empty() { "/" } else { &self.place }, self.what)
    }
}

/// Everything in which `new` does more than add to `old` (both JSON Schemas as `schemars` writes
/// them). Empty: compatible.
///
/// Allowed are new optional fields, new variants of an enumeration and wider types. Not allowed are
/// fields that vanish, fields that become required or stop being so, and other types.
pub fn breaks(old: &Value, new: &Value) -> Vec<Break> {
    let mut comparison =
        Comparison { old_root: old, new_root: new, found: Vec::new(), visited: BTreeSet::new() };
    comparison.compare("", old, new);
    comparison.found
}

struct Comparison<'a> {
    old_root: &'a Value,
    new_root: &'a Value,
    found: Vec<Break>,
    /// Pairs of references compared already: types may contain themselves.
    visited: BTreeSet<(String, String)>,
}

impl<'a> Comparison<'a> {
    fn compare(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        if let (Some(from), Some(to)) = (reference(old), reference(new))
            && !self.visited.insert((from.to_owned(), to.to_owned()))
        {
            return;
        }
        let old = resolve(self.old_root, old);
        let new = resolve(self.new_root, new);
        let old_types = types(old);
        let new_types = types(new);
        if !new_types.is_empty() && (old_types.is_empty() || !old_types.is_subset(&new_types)) {
            self.report(place, format!("its type changed from {old_types:?} to {new_types:?}"));
            return;
        }
        for key in ["const", "format"] {
            if let Some(value) = new.get(key)
                && old.get(key) != Some(value)
            {
                self.report(place, format!("its {key} changed to {value}"));
            }
        }
        self.compare_values(place, old, new);
        self.compare_fields(place, old, new);
        self.compare_variants(place, old, new);
        if let (Some(old), Some(new)) = (old.get("items"), new.get("items")) {
            self.compare(&format!("{place}/*"), old, new);
        }
        if let (Some(old), Some(new)) =
            (old.get("additionalProperties"), new.get("additionalProperties"))
            && old.is_object()
            && new.is_object()
        {
            self.compare(&format!("{place}/*"), old, new);
        }
    }

    fn compare_values(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        let Some(Value::Array(new)) = new.get("enum") else { return };
        let Some(Value::Array(old)) = old.get("enum") else {
            self.report(place, "only some values are allowed now".to_owned());
            return;
        };
        for value in old.iter().filter(|value| !new.contains(value)) {
            self.report(place, format!("the value {value} vanished"));
        }
    }

    fn compare_fields(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        let empty = Map::new();
        let fields = |schema: &'a Value| schema.get("properties").and_then(Value::as_object);
        if let Some(old_fields) = fields(old) {
            for (name, old_field) in old_fields {
                let inner = format!("{place}/{name}");
                match fields(new).and_then(|fields| fields.get(name)) {
                    Some(new_field) => self.compare(&inner, old_field, new_field),
                    None => self.report(&inner, "the field vanished".to_owned()),
                }
            }
        }
        let (old_required, new_required) = (required(old), required(new));
        for name in new_required.difference(&old_required) {
            let known = fields(old).unwrap_or(&empty).contains_key(*name);
            let what = if known { "the field became required" } else { "a new field is required" };
            self.report(&format!("{place}/{name}"), what.to_owned());
        }
        for name in old_required.difference(&new_required) {
            if fields(new).unwrap_or(&empty).contains_key(*name) {
                let what = "the field is no longer required: old readers need it";
                self.report(&format!("{place}/{name}"), what.to_owned());
            }
        }
    }

    /// Variants are matched by what tells them apart; each old one must still be there.
    fn compare_variants(&mut self, place: &str, old: &'a Value, new: &'a Value) {
        for key in ["oneOf", "anyOf", "allOf"] {
            let Some(Value::Array(old_variants)) = old.get(key) else {
                if new.get(key).is_some() && old.get("properties").is_some() {
                    self.report(place, format!("became {key}"));
                }
                continue;
            };
            let Some(Value::Array(new_variants)) = new.get(key) else {
                self.report(place, format!("is no longer {key}"));
                continue;
            };
            for old_variant in old_variants {
                let best = new_variants
                    .iter()
                    .map(|new_variant| {
                        let mut attempt = Comparison {
                            old_root: self.old_root,
                            new_root: self.new_root,
                            found: Vec::new(),
                            visited: self.visited.clone(),
                        };
                        attempt.compare(place, old_variant, new_variant);
                        attempt.found
                    })
                    .min_by_key(Vec::len);
                match best {
                    Some(found) => self.found.extend(found),
                    None => self.report(place, "all variants vanished".to_owned()),
                }
            }
        }
    }

    fn report(&mut self, place: &str, what: String) {
        self.found.push(Break { place: place.to_owned(), what });
    }
}

fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref").and_then(Value::as_str)
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    // A chain longer than this is a circle.
    for _ in 0..16 {
        let Some(target) = reference(schema).and_then(|text| text.strip_prefix('#')) else { break };
        match root.pointer(target) {
            Some(found) => schema = found,
            None => break,
        }
    }
    schema
}

fn types(schema: &Value) -> BTreeSet<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => BTreeSet::from([one.as_str()]),
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    }
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;

    fn schema<T: JsonSchema>() -> Value {
        schemars::schema_for!(T).to_value()
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Inner {
        city: String,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    enum Kind {
        One,
        Two { size: u32 },
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema matters")]
    struct Old {
        name: String,
        inner: Inner,
        many: Vec<Inner>,
        kind: Kind,
    }

    mod added {
        use schemars::JsonSchema;

        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema matters")]
        pub struct Inner {
            city: String,
            street: Option<String>,
        }

        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema matters")]
        pub enum Kind {
            One,
            Two { size: u32, weight: Option<u32> },
            Three,
        }

        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema matters")]
        pub struct New {
            name: String,
            inner: Inner,
            many: Vec<Inner>,
            kind: Kind,
            #[serde(default)]
            note: Option<String>,
        }
    }

    #[test]
    fn what_only_adds_is_compatible() {
        assert_eq!(breaks(&schema::<Old>(), &schema::<Old>()), []);
        assert_eq!(breaks(&schema::<Old>(), &schema::<added::New>()), []);
    }

    #[test]
    fn what_is_taken_away_is_found_where_it_was() {
        let found = breaks(&schema::<added::New>(), &schema::<Old>());
        let places: Vec<_> = found.iter().map(|found| found.place.as_str()).collect();
        assert!(places.contains(&"/note"), "{found:?}");
        assert!(places.contains(&"/inner/street"), "{found:?}");
    }

    #[test]
    fn a_changed_type_and_a_new_required_field_break() {
        let old = json!({"type": "object", "properties": {"a": {"type": "string"}}});
        let new = json!({
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
            "required": ["b"],
        });
        let found = breaks(&old, &new);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].to_string().starts_with("/a: its type changed"));
        assert!(found[1].to_string().starts_with("/b: a new field is required"));
    }

    #[test]
    fn a_type_that_contains_itself_ends() {
        let tree = json!({
            "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
            "$ref": "#/$defs/Node",
        });
        assert_eq!(breaks(&tree, &tree), []);
    }
}
