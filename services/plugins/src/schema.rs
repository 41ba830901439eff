//! Checks configurations against the JSON Schema of their plugin, without reaching for anything outside.

use std::collections::{HashMap, HashSet};

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

/// The largest configuration of an account, in bytes of JSON.
const CONFIG: usize = 64 * 1_024;
/// So many parts a schema has, with each reference written out: checking a value takes no more steps.
const PARTS: u64 = 4_000;
/// So many references lead one to another.
const DEEPEST: usize = 64;
/// So many patterns a schema has...
const PATTERNS: usize = 32;
/// ... each of so many bytes when it is compiled.
const PATTERN: usize = 1 << 20;

/// Makes a validator. References to other documents are refused; patterns are those that take linear time;
/// and however references lead through the schema, checking ends soon.
pub(crate) fn compile(schema: &Value) -> Result<Validator, String> {
    let Value::Object(root) = schema else { return Err("it is no object".to_owned()) };
    Size { schema, known: HashMap::new(), open: HashSet::new(), patterns: 0 }.of_root(root)?;
    jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN))
        .build(schema)
        .map_err(|error| error.to_string())
}

/// Says where a configuration is wrong. Values are not repeated: a person may have put a password into
/// the wrong field.
pub(crate) fn check(validator: &Validator, config: &Value) -> Result<(), String> {
    if !config.is_object() {
        return Err("a configuration is a JSON object".to_owned());
    }
    let text = config.to_string();
    if text.len() > CONFIG {
        return Err("the configuration has more than 64 KiB".to_owned());
    }
    let wrong: Vec<String> = validator
        .iter_errors(config)
        .take(5)
        .map(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "/" } else { &place };
            format!("{place}: {}", error.masked())
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// How large a schema is when each of its references is written out. A schema comes from a stranger: a hundred
/// lines that refer to each other can ask for more steps than there are.
struct Size<'a> {
    schema: &'a Value,
    /// What references lead to, counted once.
    known: HashMap<&'a str, u64>,
    /// References that are being followed.
    open: HashSet<&'a str>,
    patterns: usize,
}

impl<'a> Size<'a> {
    fn of_root(&mut self, root: &'a Map<String, Value>) -> Result<(), String> {
        let parts = self.of_fields(root, true)?;
        if parts > PARTS {
            return Err(format!("it has more than {PARTS} parts"));
        }
        if self.patterns > PATTERNS {
            return Err(format!("it has more than {PATTERNS} patterns"));
        }
        Ok(())
    }

    fn of(&mut self, part: &'a Value) -> Result<u64, String> {
        match part {
            Value::Object(fields) => self.of_fields(fields, false),
            Value::Array(items) => {
                items.iter().try_fold(1_u64, |sum, item| Ok(sum.saturating_add(self.of(item)?)))
            }
            _ => Ok(1),
        }
    }

    fn of_fields(&mut self, fields: &'a Map<String, Value>, is_root: bool) -> Result<u64, String> {
        let mut sum = 1_u64;
        for (name, value) in fields {
            let parts = match (name.as_str(), value) {
                // Values, not schemas.
                ("const" | "enum" | "default" | "examples", _) => 1,
                ("$ref", Value::String(target)) => self.of_target(target)?,
                ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                    return Err(format!("it uses {name}, which is not taken here"));
                }
                ("$id", Value::String(_)) if !is_root => {
                    return Err("a part of it has an `$id` of its own".to_owned());
                }
                ("pattern", Value::String(_)) => {
                    self.patterns += 1;
                    1
                }
                ("patternProperties", Value::Object(patterns)) => {
                    self.patterns += patterns.len();
                    self.of(value)?
                }
                _ => self.of(value)?,
            };
            sum = sum.saturating_add(parts);
        }
        Ok(sum)
    }

    fn of_target(&mut self, target: &'a str) -> Result<u64, String> {
        if let Some(parts) = self.known.get(target) {
            return Ok(*parts);
        }
        let place =
            target.strip_prefix('#').filter(|place| place.is_empty() || place.starts_with('/'));
        let found = place.and_then(|place| self.schema.pointer(place));
        let found =
            found.ok_or("a `$ref` of it does not lead to a part of it, as `#/$defs/name` does")?;
        if !self.open.insert(target) {
            return Err("it refers to itself".to_owned());
        }
        if self.open.len() > DEEPEST {
            return Err(format!("more than {DEEPEST} of its references follow each other"));
        }
        let parts = self.of(found)?;
        self.open.remove(target);
        self.known.insert(target, parts);
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_configuration_is_told_where_it_is_wrong_and_not_what_it_said() {
        let schema = json!({
            "type": "object",
            "properties": { "url": { "type": "string", "minLength": 10 } },
            "required": ["url"],
        });
        let validator = compile(&schema).unwrap();
        assert!(check(&validator, &json!({"url": "https://a.example"})).is_ok());
        let error = check(&validator, &json!({"url": "hunter2"})).unwrap_err();
        assert!(error.contains("/url") && !error.contains("hunter2"), "{error}");
        assert!(check(&validator, &json!([])).is_err());
    }

    #[test]
    fn a_schema_that_reaches_outside_is_refused() {
        assert!(compile(&json!({"$ref": "https://evil.example/schema"})).is_err());
        assert!(compile(&json!({"$ref": "file:///etc/passwd"})).is_err());
        assert!(compile(&json!({"type": "nonsense"})).is_err());
        assert!(compile(&json!(true)).is_err());
    }

    #[test]
    fn a_schema_that_never_ends_is_refused() {
        // Each of fifty lines asks for the next one twice: 2^50 steps.
        let mut parts = serde_json::Map::new();
        for line in 0..50 {
            let next = json!({ "$ref": format!("#/$defs/a{}", line + 1) });
            parts.insert(format!("a{line}"), json!({ "allOf": [next, next] }));
        }
        parts.insert("a50".to_owned(), json!({ "type": "object" }));
        let error = compile(&json!({ "$ref": "#/$defs/a0", "$defs": parts })).unwrap_err();
        assert!(error.contains("parts"), "{error}");
        for looped in [
            json!({ "$ref": "#" }),
            json!({ "properties": { "a": { "$ref": "#" } } }),
            json!({ "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" }),
        ] {
            let error = compile(&looped).unwrap_err();
            assert!(error.contains("itself"), "{error}");
        }
        let chain: serde_json::Map<_, _> = (0..20_000)
            .map(|n| (format!("a{n:05}"), json!({ "$ref": format!("#/$defs/a{:05}", n + 1) })))
            .collect();
        assert!(compile(&json!({ "$defs": chain })).unwrap_err().contains("follow each other"));
        for strange in [
            json!({ "$dynamicRef": "#a" }),
            json!({ "$ref": "#/$defs/nothing" }),
            json!({ "properties": { "a": { "$id": "https://a.example/" } } }),
            json!({ "properties": { "a": { "pattern": "\\p{L}{1000}{1000}" } } }),
        ] {
            assert!(compile(&strange).is_err(), "{strange}");
        }
        let many: Vec<_> = (0..40).map(|n| json!({ "pattern": format!("a{n}") })).collect();
        assert!(compile(&json!({ "allOf": many })).unwrap_err().contains("patterns"));
    }

    #[test]
    fn parts_that_are_used_twice_are_fine() {
        let schema = json!({
            "$id": "https://a.example/settings",
            "type": "object",
            "$defs": { "address": { "type": "string", "pattern": "^https://" } },
            "properties": {
                "a": { "$ref": "#/$defs/address" },
                "b": { "$ref": "#/$defs/address", "default": { "$ref": "nothing" } },
            },
        });
        let validator = compile(&schema).unwrap();
        assert!(check(&validator, &json!({ "a": "https://a.example" })).is_ok());
        assert!(check(&validator, &json!({ "b": "ftp://a.example" })).is_err());
    }
}
