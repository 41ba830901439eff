//! Checks configurations against the JSON Schema of their plugin, without reaching for anything outside.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// The largest configuration of an account, in bytes of JSON.
const CONFIG: usize = 64 * 1_024;

/// Makes a validator. References to other documents are refused; patterns are those that take linear time.
pub(crate) fn compile(schema: &Value) -> Result<Validator, String> {
    if !schema.is_object() {
        return Err("it is no object".to_owned());
    }
    jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::regex())
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
}
