//! Messages, calls and conversations as entities of the unified model. No I/O.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::api::PREFIX;
use contracts::events::communication::{AttachedFile, Party};
use contracts::jobs::{EraseEntities, WriteEntities};
use contracts::model::{Alias, EdgeDraft, EntityDraft, Operation, Provenance, SourceKey, Target};
use serde_json::{Map, Value, json};
use spine::{EventId, JobOptions, SpineError, Tx};
use uuid::Uuid;

use crate::message::{Direction, Message};
use crate::store::conversations::Conversation;
use crate::{Address, Call};

/// The source of all that comes from here.
const SOURCE: &str = "communication";

/// What kind of thing an entity here stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    Call,
    Conversation,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Call => "call",
            Self::Conversation => "conversation",
        }
    }

    /// Its type by schema.org's name.
    fn type_name(self) -> &'static str {
        match self {
            Self::Message => "Message",
            Self::Call => "PhoneCall",
            Self::Conversation => "Conversation",
        }
    }
}

/// By which the graph knows it.
pub(crate) fn key(kind: Kind, id: Uuid) -> SourceKey {
    SourceKey {
        source: SOURCE.to_owned(),
        kind: kind.name().to_owned(),
        external_id: id.to_string(),
    }
}

fn draft(kind: Kind, id: Uuid, space: &SpaceId, labels: &[String], data: Value) -> EntityDraft {
    EntityDraft {
        key: key(kind, id),
        operation: Operation::Upsert,
        r#type: kind.type_name().to_owned(),
        space: space.clone(),
        data: object(data),
        labels: labels.to_vec(),
        aliases: Vec::new(),
        edges: Vec::new(),
        valid_from: None,
        valid_to: None,
        provenance: Provenance { by: format!("service:{SOURCE}"), ..Provenance::default() },
    }
}

/// The members of an object that say something.
fn object(data: Value) -> Map<String, Value> {
    match data {
        Value::Object(members) => {
            members.into_iter().filter(|(_, value)| !value.is_null()).collect()
        }
        _ => Map::new(),
    }
}

fn edge(rel: &str, to: Target) -> EdgeDraft {
    EdgeDraft { rel: rel.to_owned(), to, props: Map::new(), confidence: 1.0 }
}

/// To whoever has a party's address, in the space that the edge is in; and to the very one that is known, where that
/// is another space: a contact of the household, say. None where it is no address that anybody could have.
fn edges_to<'a>(
    rel: &'a str,
    party: &'a Party,
    space: &SpaceId,
) -> impl Iterator<Item = EdgeDraft> + 'a {
    let by_address =
        Address::parse(&party.address).filter(|address| !address.is_room()).map(|address| {
            let (scheme, value) = (address.scheme().name().to_owned(), address.as_str().to_owned());
            edge(rel, Target::Alias(Alias { scheme, value }))
        });
    let is_elsewhere = party.space.as_ref().is_some_and(|of_party| of_party != space);
    let by_id = party.entity.filter(|_| is_elsewhere).map(|id| edge(rel, Target::Entity(id)));
    by_address.into_iter().chain(by_id)
}

fn shown(party: &Party) -> Value {
    Value::Object(object(json!({ "name": party.name, "identifier": party.address })))
}

fn day(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// A message, with edges to who wrote and who is written to.
pub(crate) fn of_message(message: &Message) -> EntityDraft {
    let at = message.sent_at.unwrap_or(message.created_at);
    let mut data = json!({
        "name": message.subject,
        "text": message.text,
        "identifier": message.external_id,
        "sender": shown(&message.from),
        "recipient": message.to.iter().map(shown).collect::<Vec<_>>(),
        "creativeWorkStatus": message.status.name(),
        "messageAttachment": attachments(message),
    });
    let date = match message.direction {
        Direction::In => "dateReceived",
        Direction::Out => "dateSent",
    };
    data[date] = day(at).into();
    let space = &message.space;
    let mut edges: Vec<_> = edges_to("sender", &message.from, space).collect();
    edges.extend(message.to.iter().flat_map(|party| edges_to("recipient", party, space)));
    if let Some(conversation) = message.conversation {
        edges.push(edge("isPartOf", Target::Key(key(Kind::Conversation, conversation))));
    }
    let draft = draft(Kind::Message, message.id, &message.space, &message.labels, data);
    EntityDraft { edges, valid_from: Some(at), ..draft }
}

/// A call, with edges to who calls and who is called.
pub(crate) fn of_call(call: &Call) -> EntityDraft {
    let data = json!({
        "identifier": call.external_id,
        "sender": shown(&call.from),
        "recipient": shown(&call.to),
        "startTime": day(call.started_at),
        "endTime": call.ended_at.map(day),
        "duration": call.seconds.map(|seconds| format!("PT{seconds}S")),
        "actionStatus": call.status.name(),
    });
    let (from, to) =
        (edges_to("sender", &call.from, &call.space), edges_to("recipient", &call.to, &call.space));
    EntityDraft {
        edges: from.chain(to).collect(),
        valid_from: Some(call.started_at),
        valid_to: call.ended_at,
        ..draft(Kind::Call, call.id, &call.space, &call.labels, data)
    }
}

/// A conversation, with edges to those at the other end.
pub(crate) fn of_conversation(conversation: &Conversation) -> EntityDraft {
    let names: Vec<&str> = conversation
        .parties
        .iter()
        .map(|party| party.name.as_deref().unwrap_or(&party.address))
        .collect();
    let data = json!({ "name": names.join(", "), "dateCreated": day(conversation.started_at) });
    let (space, labels) = (&conversation.space, &conversation.labels);
    EntityDraft {
        edges: conversation
            .parties
            .iter()
            .flat_map(|party| edges_to("participant", party, space))
            .collect(),
        valid_from: Some(conversation.started_at),
        ..draft(Kind::Conversation, conversation.id, space, labels, data)
    }
}

/// The files of a message, none where there are none; what is kept here, by its address in the Sovereign API.
fn attachments(message: &Message) -> Value {
    if message.attachments.is_empty() {
        return Value::Null;
    }
    let shown = |(number, file): (usize, &AttachedFile)| {
        let here = format!("{PREFIX}/messages/{}/attachments/{number}", message.id);
        let address = if file.bytes > 0 { Some(here) } else { file.url.clone() };
        Value::Object(object(json!({
            "name": file.name,
            "encodingFormat": file.media_type,
            "contentSize": Some(file.bytes).filter(|bytes| *bytes > 0),
            "contentUrl": address,
        })))
    };
    message.attachments.iter().enumerate().map(shown).collect()
}

/// Orders what an event brought to be written into the graph, in the event's own transaction. `about` is the
/// subject that the event is sealed under.
pub(crate) fn order(
    tx: &mut Tx,
    event: EventId,
    about: String,
    mut entities: Vec<EntityDraft>,
) -> Result<(), SpineError> {
    for entity in &mut entities {
        entity.provenance.event = Some(event.0);
    }
    let options = JobOptions::because_of(event).about(about);
    tx.order(&WriteEntities { source: SOURCE.to_owned(), entities }, options)?;
    Ok(())
}

/// The same for what no event brought; `part` tells it apart from what else the transaction's cause orders.
pub(crate) fn order_part(
    tx: &mut Tx,
    part: String,
    entities: Vec<EntityDraft>,
) -> Result<(), SpineError> {
    let options = JobOptions::default().part(part);
    tx.order(&WriteEntities { source: SOURCE.to_owned(), entities }, options)?;
    Ok(())
}

/// Orders what is behind these keys to be erased from the graph, its history too.
pub(crate) fn erase(tx: &mut Tx, part: &str, keys: Vec<SourceKey>) -> Result<(), SpineError> {
    let options = JobOptions::default().part(part);
    tx.order(&EraseEntities { source: SOURCE.to_owned(), keys }, options)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use spine::Snowflake;

    use super::*;
    use crate::CallStatus;

    #[test]
    fn a_call_leads_to_those_who_can_be_known() {
        let call = Call {
            id: Uuid::nil(),
            channel: Uuid::nil(),
            owner: Snowflake(7),
            space: SpaceId::household(),
            labels: Vec::new(),
            external_id: "CA1".to_owned(),
            from: Party { address: "anonymous".to_owned(), ..Party::default() },
            to: Party { address: "+43 1 2345678".to_owned(), ..Party::default() },
            status: CallStatus::Ringing,
            seconds: None,
            started_at: DateTime::UNIX_EPOCH,
            ended_at: None,
        };
        let draft = of_call(&call);
        assert_eq!(draft.r#type, "PhoneCall");
        let alias = Alias { scheme: "tel".to_owned(), value: "+4312345678".to_owned() };
        assert_eq!(draft.edges, [edge("recipient", Target::Alias(alias))]);
        assert_eq!(draft.data.get("duration"), None, "what is not known is not said");
        assert_eq!(draft.data["startTime"], "1970-01-01T00:00:00.000Z");

        // A contact of the household is joined to a call in somebody's own space.
        let kim = Uuid::now_v7();
        let to = Party { entity: Some(kim), space: Some(SpaceId::household()), ..call.to.clone() };
        let call = Call { to, space: SpaceId::of_person(Snowflake(7)), ..call };
        let edges = of_call(&call).edges;
        assert_eq!((edges.len(), &edges[1]), (2, &edge("recipient", Target::Entity(kim))));
    }
}
