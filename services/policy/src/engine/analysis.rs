//! What a policy of the household looks at: so that lists and single reads agree, and decisions are
//! remembered only where that is sound.

use std::collections::BTreeSet;

use serde_json::Value;

/// Attributes of a thing that a list can be filtered by.
const LISTABLE: &[&str] = &["kind", "space", "labels", "special"];

/// What a policy looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Looks {
    /// Attributes of the resource; `*` for the resource itself, by its id.
    pub(super) resource: BTreeSet<String>,
    /// Whether the time matters.
    pub(super) time: bool,
    /// Every text in it: what it may compare labels with.
    pub(super) texts: BTreeSet<String>,
}

impl Looks {
    /// Of a policy in Cedar's JSON form.
    pub(super) fn of(policy: &Value) -> Self {
        let mut looks = Self::default();
        if !matches!(policy["resource"]["op"].as_str(), Some("All" | "in" | "is")) {
            looks.resource.insert("*".to_owned());
        }
        if names_a_thing(&policy["resource"]) {
            looks.resource.insert("*".to_owned());
        }
        looks.walk(&policy["conditions"]);
        looks
    }

    /// The first thing it looks at that no list can be filtered by.
    pub(super) fn unlistable(&self) -> Option<&str> {
        let mut looked_at = self.resource.iter().map(String::as_str);
        looked_at.find(|attribute| !LISTABLE.contains(attribute))
    }

    /// Whether it looks at labels.
    pub(super) fn labels(&self) -> bool {
        self.resource.contains("labels") || self.resource.contains("special")
    }

    /// What this policy looks at, too.
    pub(super) fn add(&mut self, other: Self) {
        self.time |= other.time;
        // Only what labels may be compared with.
        if other.labels() {
            self.texts.extend(other.texts);
        }
        self.resource.extend(other.resource);
    }

    fn walk(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (operator, operand) in members {
                    self.operation(operator, operand);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            _ => {}
        }
    }

    fn operation(&mut self, operator: &str, operand: &Value) {
        match operator {
            "." | "has" if operand["left"]["Var"] == "resource" => {
                self.resource.insert(attribute(operand));
            }
            // Any other way to the context could lead to the time.
            "." | "has" if operand["left"]["Var"] == "context" => {
                self.time |= attribute(operand) == "time";
            }
            "Var" if operand == "context" => self.time = true,
            // The resource's place, not the resource.
            "in" if operand["left"]["Var"] == "resource" && !names_a_thing(&operand["right"]) => {
                self.resource.insert("space".to_owned());
                self.walk(&operand["right"]);
            }
            "is" if operand["left"]["Var"] == "resource" && operand.get("in").is_none() => {}
            "Var" if operand == "resource" => {
                self.resource.insert("*".to_owned());
            }
            "Value" => self.literal(operand),
            // Its members have names of the author's choice, which are no operators.
            "Record" => {
                operand.as_object().into_iter().flatten().for_each(|(_, member)| self.walk(member));
            }
            _ => self.walk(operand),
        }
    }

    fn literal(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                self.texts.insert(text.clone());
            }
            Value::Array(items) => items.iter().for_each(|item| self.literal(item)),
            Value::Object(members) => members.values().for_each(|member| self.literal(member)),
            _ => {}
        }
    }
}

/// The first attribute of an access; a longer path begins with it.
fn attribute(operand: &Value) -> String {
    let name = operand["attr"].as_str().or_else(|| operand["attr"][0].as_str());
    name.unwrap_or("*").to_owned()
}

/// Whether a thing is named somewhere in it, by its id.
fn names_a_thing(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.get("type").is_some_and(|kind| kind == "Thing") && members.contains_key("id")
                || members.values().any(names_a_thing)
        }
        Value::Array(items) => items.iter().any(names_a_thing),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy::Policy;

    use super::*;

    fn looks(text: &str) -> Looks {
        Looks::of(&Policy::parse(None, text).unwrap().to_json().unwrap())
    }

    #[test]
    fn what_a_policy_looks_at_is_found() {
        let by_label = looks(
            r#"forbid (principal, action, resource in Space::"household")
            when { resource.labels.contains("secret") && principal in Space::"household" };"#,
        );
        assert_eq!(by_label.unlistable(), None);
        assert!(by_label.labels() && by_label.texts.contains("secret"));
        for by_id in [
            r#"forbid (principal, action, resource == Thing::"entity:1");"#,
            r#"forbid (principal, action, resource in Thing::"entity:1");"#,
            r#"forbid (principal, action, resource) when { resource.id == "1" };"#,
            r#"forbid (principal, action, resource) when { resource in Thing::"entity:1" };"#,
            r#"forbid (principal, action, resource) when { [resource].contains(resource) };"#,
            r#"forbid (principal, action, resource) when { {"Value": resource.id}["Value"] == "1" };"#,
            r#"forbid (principal, action, resource) when { {"Var": resource}["Var"].id == "1" };"#,
        ] {
            let looks = looks(by_id);
            assert!(looks.unlistable().is_some(), "{by_id}");
        }
        let by_class = looks(
            r#"forbid (principal, action, resource) when { resource has class && resource.class == "Invoice" };"#,
        );
        assert_eq!(by_class.unlistable(), Some("class"));
        for by_time in [
            r#"forbid (principal, action, resource) when { context.time > datetime("2026-01-01") };"#,
            r#"forbid (principal, action, resource)
            when { (if true then context else context).time > datetime("2026-01-01") };"#,
        ] {
            assert!(looks(by_time).time, "{by_time}");
        }
        let by_purpose =
            looks(r#"forbid (principal, action, resource) when { context.purpose == "sync" };"#);
        assert!(!by_purpose.time);
    }
}
