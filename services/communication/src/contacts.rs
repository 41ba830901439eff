//! Who is at the other end: asked of the graph, through the Sovereign API.

use std::collections::{BTreeSet, HashMap};

use contracts::access::{Caller, Purpose};
use contracts::api::{Api, Page};
use contracts::events::communication::Party;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};
use spine::Snowflake;
use uuid::Uuid;

use crate::{Address, CommunicationError};

/// An entity, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Contact {
    id: Uuid,
    #[serde(default)]
    data: Map<String, Value>,
}

/// Everybody who has one of these addresses, as their owner may know them. Who is not known, or hidden from the
/// owner, is an address and nothing more.
///
/// # Errors
/// The API could not be asked, or could not answer.
pub(crate) async fn parties<'a>(
    api: &Api,
    owner: Snowflake,
    addresses: impl IntoIterator<Item = &'a str>,
) -> Result<HashMap<String, Party>, CommunicationError> {
    let distinct: BTreeSet<&str> = addresses.into_iter().collect();
    let mut parties = HashMap::with_capacity(distinct.len());
    for address in distinct {
        parties.insert(address.to_owned(), party(api, owner, address).await?);
    }
    Ok(parties)
}

async fn party(api: &Api, owner: Snowflake, address: &str) -> Result<Party, CommunicationError> {
    let bare = Party { address: address.to_owned(), ..Party::default() };
    let Some(known) = Address::parse(address) else { return Ok(bare) };
    let caller = Caller::service("communication", Purpose::COMMUNICATE).on_behalf_of(owner);
    let alias = format!("{}:{}", known.scheme().name(), known.as_str());
    let path = format!("/entities?alias={}&limit=1", utf8_percent_encode(&alias, NON_ALPHANUMERIC));
    let found = match api.get::<Page<Contact>>(&caller, &path).await {
        Ok(page) => page.items.into_iter().next(),
        Err(error) if error.is_refusal() || error.is_not_found() => None,
        Err(error) => return Err(CommunicationError::Contacts(error)),
    };
    Ok(match found {
        None => bare,
        Some(contact) => Party {
            entity: Some(contact.id),
            name: contact.data.get("name").and_then(Value::as_str).map(str::to_owned),
            roles: roles(&contact.data),
            ..bare
        },
    })
}

/// What a contact is to its owner: schema.org's `keywords`, as a list or as one text with commas, and what
/// address books call categories.
fn roles(data: &Map<String, Value>) -> Vec<String> {
    let mut roles = Vec::new();
    for name in ["keywords", "category", "categories"] {
        match data.get(name) {
            Some(Value::String(text)) => roles.extend(text.split(',').map(str::to_owned)),
            Some(Value::Array(items)) => {
                roles.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => {}
        }
    }
    let mut seen = BTreeSet::new();
    roles
        .into_iter()
        .map(|role| role.trim().to_owned())
        .filter(|role| !role.is_empty() && seen.insert(role.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_are_read_from_lists_and_from_texts() {
        let of = |data: Value| match data {
            Value::Object(data) => roles(&data),
            _ => panic!("an object"),
        };
        assert_eq!(
            of(json!({ "keywords": ["Partner", "Family", "Partner"] })),
            ["Partner", "Family"]
        );
        assert_eq!(of(json!({ "keywords": "Partner, Family,," })), ["Partner", "Family"]);
        assert_eq!(
            of(json!({ "keywords": ["Partner"], "categories": ["Friends"] })),
            ["Partner", "Friends"]
        );
        assert!(of(json!({ "keywords": 5 })).is_empty());
    }
}
