//! Postal addresses as schema.org names their parts.

use serde_json::{Map, Value};

use super::line;

/// The parts, each with what Microsoft Graph, Google, vCard's and iCalendar's readers call it.
const PARTS: [(&str, &[&str]); 6] = [
    ("streetAddress", &["streetAddress", "street", "thoroughfare"]),
    ("postOfficeBoxNumber", &["postOfficeBoxNumber", "postOfficeBox", "poBox"]),
    ("addressLocality", &["addressLocality", "city", "locality"]),
    ("addressRegion", &["addressRegion", "state", "region"]),
    ("postalCode", &["postalCode", "zip", "code"]),
    ("addressCountry", &["addressCountry", "countryOrRegion", "country", "countryName"]),
];

/// An address from its parts, or from the text that it is; `None` where it says nothing.
pub(crate) fn postal_address(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => super::written(text).map(Value::String),
        Value::Object(given) => {
            let mut address = Map::new();
            for (part, names) in PARTS {
                let found = names.iter().find_map(|name| given.get(*name)?.as_str().and_then(line));
                if let Some(found) = found {
                    address.insert(part.to_owned(), Value::String(found));
                }
            }
            (!address.is_empty()).then(|| {
                address.insert("@type".to_owned(), Value::String("PostalAddress".to_owned()));
                Value::Object(address)
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_get_schema_orgs_names_and_empty_ones_are_left_out() {
        let graph = json!({ "street": " Am  Hof 1 ", "city": "Wien", "state": "", "countryOrRegion": "Austria", "postalCode": "1010" });
        let address = json!({
            "@type": "PostalAddress", "streetAddress": "Am Hof 1", "addressLocality": "Wien",
            "postalCode": "1010", "addressCountry": "Austria",
        });
        assert_eq!(postal_address(&graph), Some(address));
        assert_eq!(postal_address(&json!({ "street": "" })), None);
        assert_eq!(
            postal_address(&json!("Am Hof 1\n1010 Wien")),
            Some(json!("Am Hof 1\n1010 Wien"))
        );
        assert_eq!(postal_address(&json!(7)), None);
    }
}
