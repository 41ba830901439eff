//! Events as NATS messages: CloudEvents 1.0 in binary mode (NATS protocol binding), attributes in
//! `ce-` headers and the payload as the body. Sealed payloads stay sealed on the bus.

use std::str::FromStr;

use async_nats::{HeaderMap, Subject};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use uuid::Uuid;

use crate::ledger::{Position, Stored};
use crate::{Cause, EventId, Filter, SpineError};

/// Payloads beyond this many bytes are not copied to the bus; their consumers read them from the
/// ledger.
const LARGEST: usize = 128 << 10;

const ID: &str = "ce-id";
const TYPE: &str = "ce-type";
const SOURCE: &str = "ce-source";
const SUBJECT: &str = "ce-subject";
const TIME: &str = "ce-time";
const ACTOR: &str = "ce-actor";
const SPACE: &str = "ce-space";
const PURPOSE: &str = "ce-purpose";
const CORRELATION: &str = "ce-correlationid";
const CAUSATION: &str = "ce-causationid";
const TRACE: &str = "ce-traceparent";
/// The key that seals the body.
const KEY: &str = "ce-keyid";
/// The event's place in the ledger.
const PLACE: &str = "ce-ledgerposition";
/// `ledger`: the body is empty and the payload is to be read from the ledger.
const PAYLOAD_IN: &str = "ce-payloadin";

/// What header values may not hold as it is (CloudEvents HTTP binding, section 3.1.3.2).
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// A message about to be published.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) subject: Subject,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Which event a message carries, and where in the ledger that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) position: Position,
    pub(super) event: EventId,
}

/// A message as it came: the event, and whether its payload has to be read from the ledger.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) stored: Stored,
    pub(super) payload_in_ledger: bool,
}

/// The message of an event.
pub(super) fn write(prefix: &str, event: Stored) -> Outgoing {
    let mut headers = HeaderMap::new();
    headers.insert(async_nats::header::NATS_MESSAGE_ID, event.id.to_string());
    headers.insert("ce-specversion", "1.0");
    headers.insert(ID, event.id.to_string());
    headers.insert(TYPE, encode(&event.kind));
    headers.insert(SOURCE, encode(&event.source));
    headers.insert(SUBJECT, encode(&event.subject));
    headers.insert(TIME, event.time.to_rfc3339_opts(SecondsFormat::Micros, true));
    headers.insert(PLACE, event.position.to_string());
    let cause = &event.cause;
    let texts = [
        (ACTOR, cause.actor.as_deref().map(encode)),
        (SPACE, cause.space.as_deref().map(encode)),
        (PURPOSE, cause.purpose.as_deref().map(encode)),
        (TRACE, cause.traceparent.as_deref().map(encode)),
        (CORRELATION, cause.correlation.map(|id| id.to_string())),
        (CAUSATION, cause.event.map(|id| id.to_string())),
        (KEY, event.key.map(|id| id.to_string())),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    let form = if event.key.is_some() { "application/octet-stream" } else { "application/json" };
    headers.insert("content-type", form);
    let subject = format!("{prefix}.{}.{}", tokens(&event.source), tokens(&event.kind));
    let body = if event.data.len() > LARGEST {
        headers.insert(PAYLOAD_IN, "ledger");
        Bytes::new()
    } else {
        event.data.into()
    };
    Outgoing { subject: subject.into(), headers, body }
}

/// The event of a message.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Incoming, SpineError> {
    let mark = mark_of(headers)?;
    let stored = Stored {
        position: mark.position,
        id: mark.event,
        kind: text(headers, TYPE)?,
        source: text(headers, SOURCE)?,
        subject: text(headers, SUBJECT)?,
        time: parse::<DateTime<Utc>>(headers, TIME)?,
        cause: Cause {
            event: parse_optional::<Uuid>(headers, CAUSATION)?.map(EventId),
            correlation: parse_optional::<Uuid>(headers, CORRELATION)?.map(EventId),
            actor: text_optional(headers, ACTOR)?,
            space: text_optional(headers, SPACE)?,
            purpose: text_optional(headers, PURPOSE)?,
            traceparent: text_optional(headers, TRACE)?,
        },
        key: parse_optional(headers, KEY)?,
        data: body.to_vec(),
    };
    Ok(Incoming { stored, payload_in_ledger: headers.get(PAYLOAD_IN).is_some() })
}

/// A message's event and its place in the ledger.
pub(super) fn mark_of(headers: &HeaderMap) -> Result<Mark, SpineError> {
    Ok(Mark { position: parse(headers, PLACE)?, event: EventId(parse(headers, ID)?) })
}

/// The subjects under which everything that passes the filter is published, and perhaps more; none
/// contains another, as the server wants it.
pub(super) fn subjects(prefix: &str, filter: &Filter) -> Vec<String> {
    let Filter::Types(patterns) = filter else {
        return vec![format!("{prefix}.>")];
    };
    let mut subjects: Vec<String> = patterns
        .iter()
        .map(|pattern| match pattern.strip_suffix('*') {
            None => format!("{prefix}.*.{}", tokens(pattern)),
            // A prefix that ends within a word is widened to the word before.
            Some(start) => match start.rsplit_once('.') {
                Some((whole, _)) => format!("{prefix}.*.{}.>", tokens(whole)),
                None => format!("{prefix}.>"),
            },
        })
        .collect();
    subjects.sort();
    subjects.dedup();
    let wide: Vec<String> = subjects
        .iter()
        .filter_map(|subject| subject.strip_suffix('>').map(ToOwned::to_owned))
        .collect();
    subjects.retain(|subject| {
        !wide.iter().any(|start| subject.starts_with(start) && *subject != format!("{start}>"))
    });
    subjects
}

/// A name as subject tokens: dots part them, everything unusual becomes `_`.
fn tokens(name: &str) -> String {
    name.split('.')
        .map(|token| {
            let token: String = token
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
                .collect();
            if token.is_empty() { "_".to_owned() } else { token }
        })
        .collect::<Vec<_>>()
        .join(".")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn text_optional(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, SpineError> {
    headers
        .get(name)
        .map(|value| {
            percent_decode_str(value.as_str())
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| malformed(name))
        })
        .transpose()
}

fn text(headers: &HeaderMap, name: &'static str) -> Result<String, SpineError> {
    text_optional(headers, name)?.ok_or_else(|| malformed(name))
}

fn parse_optional<T: FromStr>(
    headers: &HeaderMap,
    name: &'static str,
) -> Result<Option<T>, SpineError> {
    headers.get(name).map(|value| value.as_str().parse().map_err(|_| malformed(name))).transpose()
}

fn parse<T: FromStr>(headers: &HeaderMap, name: &'static str) -> Result<T, SpineError> {
    parse_optional(headers, name)?.ok_or_else(|| malformed(name))
}

fn malformed(name: &'static str) -> SpineError {
    SpineError::Bus(format!("a message on the bus has no usable {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: Vec<u8>) -> Stored {
        Stored {
            position: Position { transaction_order: 77, sequence: 3 },
            id: EventId::new(),
            kind: "social.PostCreated.v1".to_owned(),
            source: "social".to_owned(),
            subject: "https://exämple.test/p?q=1 2%\r\nNats-Rollup: all".to_owned(),
            time: DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap(),
            cause: Cause {
                event: Some(EventId::new()),
                correlation: None,
                actor: Some("ünïcode \"name\"".to_owned()),
                space: None,
                purpose: Some("tests".to_owned()),
                traceparent: None,
            },
            key: Some(Uuid::new_v4()),
            data,
        }
    }

    #[test]
    fn an_event_reads_back_as_it_was_written() {
        let event = event(b"sealed".to_vec());
        let sent = write("n.ev", event.clone());
        assert_eq!(sent.subject.as_str(), "n.ev.social.social.PostCreated.v1");
        for (_, values) in sent.headers.iter() {
            assert!(values.iter().all(|value| !value.as_str().contains(['\r', '\n'])));
        }
        let back = read(&sent.headers, &sent.body).unwrap();
        assert!(!back.payload_in_ledger);
        assert_eq!(format!("{:?}", back.stored), format!("{event:?}"));
        let mark = Mark { position: event.position, event: event.id };
        assert_eq!(mark_of(&sent.headers).unwrap(), mark);
    }

    #[test]
    fn a_large_payload_stays_in_the_ledger() {
        let sent = write("n.ev", event(vec![1; LARGEST + 1]));
        assert!(sent.body.is_empty());
        assert!(read(&sent.headers, &sent.body).unwrap().payload_in_ledger);
    }

    #[test]
    fn a_foreign_message_is_an_error_and_no_panic() {
        assert!(read(&HeaderMap::new(), b"x").is_err());
    }

    #[test]
    fn subjects_never_contain_each_other() {
        let filter = Filter::Types(&["social.*", "social.Post.v1", "identity.Log*", "data.A.v1"]);
        assert_eq!(
            subjects("n.ev", &filter),
            ["n.ev.*.data.A.v1", "n.ev.*.identity.>", "n.ev.*.social.>"]
        );
        assert_eq!(subjects("n.ev", &Filter::Types(&["*", "a.B.v1"])), ["n.ev.>"]);
        assert_eq!(subjects("n.ev", &Filter::All), ["n.ev.>"]);
    }
}
