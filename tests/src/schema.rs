//! The published schema of the client API, where it lies beside the project.
//!
//! `../shared/data/mastodon-openapi.json` is not part of the project: where it is absent the check
//! is skipped, and says so once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use regex::Regex;
use serde_json::{Value, json};

/// The schema, and each operation's answers as they are first used.
struct Schema {
    document: Value,
    /// Path patterns, those with fewer parameters first.
    paths: Vec<(Regex, String)>,
    validators: Mutex<HashMap<String, Option<&'static jsonschema::Validator>>>,
}

static SCHEMA: LazyLock<Option<Schema>> = LazyLock::new(load);

fn load() -> Option<Schema> {
    // The checkout that is tested, which may not be the one that this was built in.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| ".".into());
    let path = PathBuf::from(own).join("../../shared/data/mastodon-openapi.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("answers are not checked against the API's schema: {} is absent", path.display());
        return None;
    };
    let document: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let mut names: Vec<String> =
        document["paths"].as_object().expect("paths").keys().cloned().collect();
    names.sort_by_key(|name| name.matches('{').count());
    let parameter = Regex::new(r"\\\{[^}]*\\\}").expect("a pattern");
    let paths = names
        .into_iter()
        .map(|name| {
            let escaped = regex::escape(&name);
            let pattern = format!("^{}$", parameter.replace_all(&escaped, "[^/]+"));
            (Regex::new(&pattern).expect("a pattern"), name)
        })
        .collect();
    Some(Schema { document, paths, validators: Mutex::default() })
}

/// Checks an answer against the schema of its operation.
///
/// # Panics
/// It has another shape.
pub fn check(method: &str, path: &str, status: u16, body: &Value) {
    let Some(schema) = &*SCHEMA else { return };
    // The node's own API has a description of its own.
    if status >= 400 || body.is_null() || path.starts_with("/api/sovereign/") {
        return;
    }
    let Some((_, name)) = schema.paths.iter().find(|(pattern, _)| pattern.is_match(path)) else {
        return;
    };
    let key = format!("{method} {name} {status}");
    let validator = {
        let mut validators = schema.validators.lock().unwrap_or_else(|lock| lock.into_inner());
        *validators.entry(key.clone()).or_insert_with(|| {
            let operation = &schema.document["paths"][name][method.to_lowercase()];
            let answer = &operation["responses"][status.to_string()]["content"];
            let answer = &answer["application/json"]["schema"];
            // The schema calls this a filter and its own description a list of them; the list is
            // what Mastodon answers.
            let list = json!({ "type": "array", "items": answer });
            let answer = if key == "GET /api/v1/filters 200" { &list } else { answer };
            if answer.is_null() {
                return None;
            }
            let whole = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "components": schema.document["components"],
                "allOf": [answer],
            });
            let validator = jsonschema::validator_for(&whole).expect("a valid schema");
            Some(Box::leak(Box::new(validator)))
        })
    };
    let Some(validator) = validator else { return };
    let errors: Vec<String> = validator
        .iter_errors(body)
        .take(5)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{key} does not have the API's shape: {errors:#?}\n{body:#}");
}
