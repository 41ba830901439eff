//! Filters in Meilisearch's language. Values come from people: they are quoted, so that none of them is
//! read as anything but a value.

use contracts::access::{Permitted, SpaceId};

use crate::Filters;

/// What every hit must meet: what is permitted, and what was asked for.
pub(super) fn filter(filters: &Filters, permitted: &Permitted) -> String {
    let mut all = vec![permission(permitted)];
    if !filters.types.is_empty() {
        all.push(format!("type IN {}", list(&filters.types)));
    }
    if !filters.spaces.is_empty() {
        all.push(format!("space IN {}", spaces(&filters.spaces)));
    }
    all.extend(filters.labels.iter().map(|label| format!("labels = {}", quoted(label))));
    all.extend(filters.from.map(|from| format!("when >= {}", from.timestamp())));
    all.extend(filters.to.map(|to| format!("when < {}", to.timestamp())));
    all.join(" AND ")
}

fn permission(permitted: &Permitted) -> String {
    let mut ways = Vec::new();
    if !permitted.whole.is_empty() {
        ways.push(format!("space IN {}", spaces(&permitted.whole)));
    }
    if !permitted.partial.is_empty() {
        let space = format!("space IN {}", spaces(&permitted.partial));
        ways.push(match permitted.hidden_labels.is_empty() {
            true => space,
            false => format!("({space} AND NOT labels IN {})", list(&permitted.hidden_labels)),
        });
    }
    // Nothing is permitted: no space has an empty name.
    if ways.is_empty() { "space = \"\"".to_owned() } else { format!("({})", ways.join(" OR ")) }
}

fn spaces(spaces: &[SpaceId]) -> String {
    list(&spaces.iter().map(SpaceId::to_string).collect::<Vec<_>>())
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "))
}

/// In double quotes, within which a backslash keeps a quote or backslash from meaning anything.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        let filters = Filters {
            types: vec!["Event\"] OR space EXISTS OR type IN [\"x".to_owned()],
            labels: vec!["\\\" OR space != \"".to_owned()],
            ..Filters::default()
        };
        let permitted = Permitted {
            partial: vec![SpaceId::household()],
            hidden_labels: vec!["he\"alth".to_owned()],
            ..Permitted::default()
        };
        assert_eq!(
            filter(&filters, &permitted),
            "((space IN [\"household\"] AND NOT labels IN [\"he\\\"alth\"])) \
             AND type IN [\"Event\\\"] OR space EXISTS OR type IN [\\\"x\"] \
             AND labels = \"\\\\\\\" OR space != \\\"\""
        );
    }

    #[test]
    fn nothing_permitted_finds_nothing() {
        assert_eq!(filter(&Filters::default(), &Permitted::default()), "space = \"\"");
    }
}
