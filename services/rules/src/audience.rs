//! Whose rules an event concerns. A rule sees what belongs to its own space, to the household or to everybody; a rule of
//! the household sees no person's own. What names nobody is no rule's business, but for what concerns the node as such.

use contracts::access::{SPECIAL_CATEGORIES, SpaceId};
use contracts::events::devices::DeviceReported;
use contracts::events::present::StateChanged;
use contracts::events::rules::ScheduleReached;
use serde_json::Value as Json;
use spine::{EventData, Snowflake};

use crate::engine::{EventDocument, Request, Rule};

/// Fields of payloads that name the account an event belongs to, where it names no space.
const ACCOUNTS: &[&str] = &["owner", "person", "account", "subject"];
/// Types of event, or beginnings of them, that concern the node as such and nobody in particular.
const OF_NODE: &[&str] = &["plugins.", "policy.PolicyChanged.", "etl.MappingChanged."];

/// Where an event belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To a space.
    Space(SpaceId),
    /// To the node as such, and with it to the household.
    Node,
    /// Nobody can tell: to no rule.
    Unknown,
}

impl Place {
    /// Of an event. What names neither a space nor a person is not everybody's: it may be a letter to one of them.
    pub(crate) fn of(event: &EventDocument) -> Self {
        if let Some(space) = event.data.get("space").filter(|space| !space.is_null()) {
            let space = space.as_str().and_then(|space| space.parse().ok());
            return space.map_or(Self::Unknown, Self::Space);
        }
        if let Some(account) = account_of(event) {
            return Self::Space(SpaceId::of_person(account));
        }
        if let Some(author) = event.data.get("author").and_then(Json::as_str) {
            return Self::of_post(event, author);
        }
        let of_node = OF_NODE.iter().any(|kind| event.r#type.starts_with(kind));
        if of_node { Self::Node } else { Self::Unknown }
    }

    /// Of what an author wrote: everybody's, if they say so.
    fn of_post(event: &EventDocument, author: &str) -> Self {
        let visibility = event.data.get("visibility").and_then(Json::as_str);
        if matches!(visibility, Some("public" | "unlisted")) {
            return Self::Space(SpaceId::public());
        }
        author.parse().map_or(Self::Unknown, |author| Self::Space(SpaceId::of_person(author)))
    }
}

fn account_of(event: &EventDocument) -> Option<Snowflake> {
    let named = ACCOUNTS.iter().find_map(|field| match event.data.get(*field)? {
        Json::String(text) => text.parse().ok(),
        _ => None,
    });
    named.or_else(|| {
        let (kind, id) = event.subject.split_once(':')?;
        matches!(kind, "account" | "person").then(|| id.parse().ok())?
    })
}

/// What a rule may see of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It may see it.
    Yes,
    /// It may not.
    No,
    /// It may, if its owner is in this circle.
    InCircle(SpaceId),
}

/// Whether a rule may see an event that belongs there.
pub(crate) fn sight(rule: &Rule, event: &EventDocument, place: &Place) -> Sight {
    // A schedule belongs to its rule, wherever that is.
    if event.r#type == ScheduleReached::TYPE {
        let named = event.data.get("rule").and_then(Json::as_str);
        let own = named.and_then(|named| named.parse().ok()) == Some(rule.identity.rule);
        return if own { Sight::Yes } else { Sight::No };
    }
    sight_from(&rule.identity.space, place)
}

/// Whether something in this space may see what belongs there.
pub(crate) fn sight_from(own: &SpaceId, place: &Place) -> Sight {
    let visible = |yes: bool| if yes { Sight::Yes } else { Sight::No };
    match place {
        Place::Unknown => Sight::No,
        Place::Node => visible(own.as_str() == "household"),
        Place::Space(space) => match space.as_str() {
            "household" | "public" => Sight::Yes,
            name if name == own.as_str() => Sight::Yes,
            name if name.starts_with("circle:") && own.person().is_some() => {
                Sight::InCircle(space.clone())
            }
            _ => Sight::No,
        },
    }
}

/// What has to be readable by a rule's owner before their rule sees the event: an entity with a label of the special
/// categories, a state, what a device says of one.
pub(crate) fn guarded(event: &EventDocument) -> Option<Request> {
    let text = |field: &str| event.data.get(field).and_then(Json::as_str).map(str::to_owned);
    let special = |label: &str| SPECIAL_CATEGORIES.contains(&label);
    match event.r#type.as_str() {
        StateChanged::TYPE => {
            Some(Request::State { subject: text("subject")?, facet: text("facet")? })
        }
        DeviceReported::TYPE => {
            let (person, facet) = (text("person")?, text("facet")?);
            special(&facet).then(|| Request::State { subject: format!("person:{person}"), facet })
        }
        _ => {
            let labels = event.data.get("labels").and_then(Json::as_array)?;
            let guarded = labels.iter().filter_map(Json::as_str).any(special);
            text("entity").filter(|_| guarded).map(|id| Request::Entity { id })
        }
    }
}

/// Names of whom or what an event and its trace are about, as erasures call them.
pub(crate) fn about(event: &EventDocument) -> Vec<String> {
    let mut about = vec![event.subject.clone()];
    let Json::Object(fields) = &event.data else { return about };
    for field in ["owner", "person", "account", "author"] {
        if let Some(account) =
            fields.get(field).and_then(Json::as_str).and_then(|text| text.parse::<Snowflake>().ok())
        {
            about.push(format!("account:{account}"));
            about.push(format!("person:{account}"));
        }
    }
    for (field, kind) in [
        ("entity", "entity"),
        ("message", "message"),
        ("call", "call"),
        ("device", "device"),
        ("channel", "channel"),
    ] {
        if let Some(id) = fields.get(field).and_then(Json::as_str) {
            about.push(format!("{kind}:{id}"));
        }
    }
    about.retain(|name| !name.is_empty() && name.len() <= 1_000 && !name.contains('\0'));
    about.sort();
    about.dedup();
    about
}
