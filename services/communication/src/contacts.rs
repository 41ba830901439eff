//! Who is at the other end: asked of the graph, through the Sovereign API.

use std::collections::{BTreeSet, HashMap};

use contracts::access::{Caller, Purpose, SpaceId};
use contracts::api::{Api, Page};
use contracts::events::communication::Party;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};
use spine::Snowflake;
use uuid::Uuid;

use crate::{Address, CommunicationError};

/// Most addresses of one webhook or message that are looked up; what is beyond is an address and nothing more.
const MOST_LOOKED_UP: usize = 64;
/// Most entities with one address that are looked at.
const MOST_NAMESAKES: u32 = 20;

/// An entity, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Contact {
    id: Uuid,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    space: Option<SpaceId>,
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
    for address in distinct.into_iter().take(MOST_LOOKED_UP) {
        parties.insert(address.to_owned(), party(api, owner, address).await?);
    }
    Ok(parties)
}

async fn party(api: &Api, owner: Snowflake, address: &str) -> Result<Party, CommunicationError> {
    let bare = Party { address: address.to_owned(), ..Party::default() };
    let known = Address::parse(address).filter(|address| !address.is_room());
    let Some(known) = known else { return Ok(bare) };
    let caller = Caller::service("communication", Purpose::COMMUNICATE).on_behalf_of(owner);
    let alias = format!("{}:{}", known.scheme().name(), known.as_str());
    let alias = utf8_percent_encode(&alias, NON_ALPHANUMERIC);
    let path = format!("/entities?alias={alias}&limit={MOST_NAMESAKES}");
    match api.get::<Page<Contact>>(&caller, &path).await {
        Ok(page) => Ok(whose(page.items, owner, bare)),
        Err(error) if error.is_refusal() || error.is_not_found() => Ok(bare),
        Err(error) => Err(CommunicationError::Contacts(error)),
    }
}

/// Who of those that have an address it is: rather a contact of the owner's own than one of the household, rather
/// one of the household than of anybody else, and rather a person than a thing. What somebody is to the owner is
/// told by all of the owner's and the household's contacts, and by nobody else: a stranger who publishes this
/// address is not their partner.
fn whose(mut contacts: Vec<Contact>, owner: Snowflake, bare: Party) -> Party {
    let nearness = |contact: &Contact| match &contact.space {
        Some(space) if *space == SpaceId::of_person(owner) => 0,
        Some(space) if *space == SpaceId::household() => 1,
        _ => 2,
    };
    contacts.sort_by_key(|contact| (nearness(contact), contact.r#type != "Person"));
    let mut told = Vec::new();
    for contact in contacts.iter().filter(|contact| nearness(contact) < 2) {
        for role in roles(&contact.data) {
            if !told.contains(&role) {
                told.push(role);
            }
        }
    }
    match contacts.into_iter().next() {
        None => bare,
        Some(contact) => Party {
            entity: Some(contact.id),
            space: contact.space,
            name: contact.data.get("name").and_then(Value::as_str).map(str::to_owned),
            roles: told,
            ..bare
        },
    }
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

    fn contact(space: SpaceId, class: &str, name: &str, keywords: &[&str]) -> Contact {
        let data = json!({ "name": name, "keywords": keywords });
        Contact {
            id: Uuid::now_v7(),
            r#type: class.to_owned(),
            space: Some(space),
            data: data.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn the_owners_own_contact_counts_and_a_strangers_word_makes_nobody_a_partner() {
        let owner = Snowflake(7);
        let of = |contacts| whose(contacts, owner, Party::default());
        let party = of(vec![
            contact(SpaceId::public(), "Person", "Mallory", &["Partner"]),
            contact(SpaceId::household(), "Person", "Anna", &["Family"]),
            contact(SpaceId::of_person(owner), "Organization", "Ana Ltd.", &[]),
            contact(SpaceId::of_person(owner), "Person", "Ana", &["Friend", "Family"]),
        ]);
        assert_eq!(party.name.as_deref(), Some("Ana"));
        assert_eq!(party.roles, ["Friend", "Family"]);
        assert_eq!(party.space, Some(SpaceId::of_person(owner)));
        let stranger = of(vec![contact(SpaceId::public(), "Person", "Mallory", &["Partner"])]);
        assert_eq!((stranger.name.as_deref(), stranger.roles.len()), (Some("Mallory"), 0));
    }

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
