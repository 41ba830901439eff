//! What each source says of an entity, and what they say together.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::model::{Alias, Provenance, SourceKey};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Content;

/// What is known without anything being known of it.
const ANYTHING: &str = "Thing";

/// One key at a source, and what the source says under it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contribution {
    pub(crate) key_id: i64,
    pub(crate) key: SourceKey,
    /// The entity that the source means, before any merge.
    pub(crate) entity: Uuid,
    /// Whether it says anything at present.
    pub(crate) live: bool,
    /// The fingerprint of what it said last.
    pub(crate) hash: Option<Vec<u8>>,
    /// The event that brought it.
    pub(crate) event: Option<Uuid>,
    pub(crate) said: Option<Said>,
}

/// What a source says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) r#type: String,
    pub(crate) space: SpaceId,
    pub(crate) data: Map<String, Value>,
    pub(crate) labels: Vec<String>,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) valid_from: Option<DateTime<Utc>>,
    pub(crate) valid_to: Option<DateTime<Utc>>,
    /// When it changed at the source, else when it came here.
    pub(crate) said_at: DateTime<Utc>,
    pub(crate) provenance: Provenance,
}

/// What the sources say together; `None`: nothing any more.
///
/// Of each property the newest word counts, and a null of it says that there is none. Labels, aliases and
/// keys come from all. Where the sources disagree about the place, the entity stays where it is: what
/// one source shares must not carry along what another one keeps to itself. `moved` is a person's
/// decision about that.
pub(crate) fn together<'a>(
    contributions: impl IntoIterator<Item = &'a Contribution>,
    place: Option<&SpaceId>,
    moved: Option<&SpaceId>,
) -> Option<Content> {
    let mut live: Vec<(&Contribution, &Said)> = contributions
        .into_iter()
        .filter(|contribution| contribution.live)
        .filter_map(|contribution| Some((contribution, contribution.said.as_ref()?)))
        .collect();
    live.sort_unstable_by_key(|(contribution, said)| (said.said_at, contribution.key_id));
    let (_, newest) = live.last()?;
    let agreed = live.iter().all(|(_, said)| said.space == newest.space);
    let space = match (moved, place) {
        (Some(moved), _) => moved,
        (None, Some(place)) if !agreed => place,
        _ => &newest.space,
    };
    let mut data = Map::new();
    for (name, value) in live.iter().flat_map(|(_, said)| &said.data) {
        if value.is_null() {
            data.remove(name);
        } else {
            data.insert(name.clone(), value.clone());
        }
    }
    let says = |said: &Said| said.r#type != ANYTHING;
    let r#type = live.iter().rev().find(|(_, said)| says(said)).unwrap_or(live.last()?).1;
    Some(Content {
        r#type: r#type.r#type.clone(),
        space: space.clone(),
        data,
        labels: union(live.iter().flat_map(|(_, said)| &said.labels)),
        aliases: union(live.iter().flat_map(|(_, said)| &said.aliases)),
        keys: union(live.iter().map(|(contribution, _)| &contribution.key)),
        valid_from: live.iter().rev().find_map(|(_, said)| said.valid_from),
        valid_to: live.iter().rev().find_map(|(_, said)| said.valid_to),
    })
}

fn union<'a, T: Ord + Clone + 'a>(items: impl Iterator<Item = &'a T>) -> Vec<T> {
    items.collect::<BTreeSet<&T>>().into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(key_id: i64, at: i64, data: Value) -> Contribution {
        Contribution {
            key_id,
            key: SourceKey {
                source: format!("s{key_id}"),
                kind: "contact".to_owned(),
                external_id: "1".to_owned(),
            },
            entity: Uuid::nil(),
            live: true,
            hash: None,
            event: None,
            said: Some(Said {
                r#type: "Person".to_owned(),
                space: SpaceId::household(),
                data: data.as_object().unwrap().clone(),
                labels: vec![format!("l{key_id}")],
                aliases: Vec::new(),
                valid_from: None,
                valid_to: None,
                said_at: DateTime::from_timestamp(at, 0).unwrap(),
                provenance: Provenance::default(),
            }),
        }
    }

    #[test]
    fn of_each_property_the_newest_word_counts() {
        let old = says(1, 10, json!({ "name": "Ada", "telephone": "1", "email": "a@b" }));
        let new = says(2, 20, json!({ "name": "Ada Lovelace", "email": null }));
        let content = together([&new, &old], None, None).unwrap();
        assert_eq!(
            Value::Object(content.data),
            json!({ "name": "Ada Lovelace", "telephone": "1" })
        );
        assert_eq!(content.labels, ["l1", "l2"]);
        assert_eq!(content.keys.len(), 2);
    }

    #[test]
    fn what_one_source_shares_does_not_carry_along_what_another_keeps() {
        let own: SpaceId = "person:1".parse().unwrap();
        let mut private = says(1, 10, json!({ "note": "secret" }));
        private.said.as_mut().unwrap().space = own.clone();
        let shared = says(2, 20, json!({ "name": "Ada" }));
        let both = || [&private, &shared];
        assert_eq!(together(both(), Some(&own), None).unwrap().space, own);
        let moved = together(both(), Some(&own), Some(&SpaceId::household())).unwrap();
        assert_eq!(moved.space, SpaceId::household());
        let alone = together([&shared], Some(&own), None).unwrap();
        assert_eq!(alone.space, SpaceId::household(), "one source alone says where it belongs");
    }

    #[test]
    fn what_no_source_holds_any_more_is_gone() {
        let mut gone = says(1, 10, json!({}));
        gone.live = false;
        assert_eq!(together([&gone], None, None), None);
    }
}
