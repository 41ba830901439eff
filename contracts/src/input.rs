//! Checks of what people, apps and devices send, and of what plugins and outside services say.

use serde_json::Value;

/// Input that is understood and not acceptable: a sentence that says what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

/// The longest name of anything.
pub const LONGEST_NAME: usize = 200;
/// Most labels of one thing, and the longest of them, in bytes.
const MOST_LABELS: usize = 20;
const LONGEST_LABEL: usize = 64;

/// A name for people: trimmed, of 1 to 200 characters, none of which controls anything.
///
/// # Errors
/// It is none.
pub fn name(text: &str) -> Result<String, Unusable> {
    let name = text.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
    if fits && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(Unusable(
            "`name` must have 1 to 200 characters, and none that control anything".to_owned(),
        ))
    }
}

/// Labels: sorted, each once.
///
/// # Errors
/// There are too many, or one is none.
pub fn labels(mut labels: Vec<String>) -> Result<Vec<String>, Unusable> {
    let usable = |label: &String| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.trim() == label
            && !label.chars().any(char::is_control)
    };
    if labels.len() > MOST_LABELS || !labels.iter().all(usable) {
        return Err(Unusable(format!(
            "`labels` must be at most {MOST_LABELS}, each of 1 to {LONGEST_LABEL} bytes"
        )));
    }
    labels.sort();
    labels.dedup();
    Ok(labels)
}

/// Whether the character NUL is anywhere in it, which Postgres cannot keep.
pub fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Text that Postgres keeps, cut to so many characters: for what plugins and services say.
pub fn kept(text: &str, longest: usize) -> String {
    text.chars().take(longest).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_labels_are_trimmed_sorted_and_bounded() {
        assert_eq!(name("  Work mail ").unwrap(), "Work mail");
        assert!(name(" ").is_err() && name("a\u{0}b").is_err() && name(&"x".repeat(201)).is_err());
        let sorted = labels(vec!["work".to_owned(), "mail".to_owned(), "work".to_owned()]).unwrap();
        assert_eq!(sorted, ["mail", "work"]);
        assert!(labels(vec![String::new()]).is_err());
        assert!(labels((0..21).map(|n| n.to_string()).collect()).is_err());
    }

    #[test]
    fn nul_is_found_wherever_it_hides() {
        assert!(has_nul(&json!({ "a": [{ "b": "x\u{0}" }] })));
        assert!(has_nul(&json!({ "a\u{0}": 1 })));
        assert!(!has_nul(&json!({ "a": [null, 1, "b"] })));
        assert_eq!(kept("a\u{0}bc", 3), "a\u{fffd}b");
    }
}
