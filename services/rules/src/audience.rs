//! Whose rules an event concerns. A rule sees what belongs to its own space, to the household or to everybody; a rule of
//! the household sees no person's own. What belongs to nobody concerns the node, and with it the household.

use contracts::access::{SPECIAL_CATEGORIES, SpaceId};
use contracts::events::devices::DeviceReported;
use contracts::events::present::StateChanged;
use contracts::events::rules::ScheduleReached;
use serde_json::Value as Json;
use spine::{EventData, Snowflake};

use crate::engine::{EventDocument, Request, Rule};

/// Fields of payloads that name the account an event belongs to, where it names no space.
const ACCOUNTS: &[&str] = &["owner", "person", "account", "subject"];

/// Where an event belongs; none: to the node itself.
pub(crate) fn space_of(event: &EventDocument) -> Option<SpaceId> {
    let named = event.data.get("space").and_then(Json::as_str).and_then(|space| space.parse().ok());
    named.or_else(|| account_of(event).map(SpaceId::of_person))
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

/// Whether a rule may see an event.
pub(crate) fn sight(rule: &Rule, event: &EventDocument) -> Sight {
    sight_from(&rule.identity.space, event, || {
        // A schedule belongs to its rule, wherever that is.
        event.r#type == ScheduleReached::TYPE
            && event.data.get("rule").and_then(Json::as_str)
                == Some(&rule.identity.rule.to_string())
    })
}

/// Whether something in this space may see an event.
pub(crate) fn sight_from(
    own: &SpaceId,
    event: &EventDocument,
    is_its_own: impl Fn() -> bool,
) -> Sight {
    let visible = |yes: bool| if yes { Sight::Yes } else { Sight::No };
    match space_of(event) {
        _ if is_its_own() => Sight::Yes,
        None => visible(*own == SpaceId::household()),
        Some(space)
            if space == *own || space == SpaceId::household() || space == SpaceId::public() =>
        {
            Sight::Yes
        }
        Some(space) if space.as_str().starts_with("circle:") && own.person().is_some() => {
            Sight::InCircle(space)
        }
        Some(_) => Sight::No,
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
