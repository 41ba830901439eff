//! An event as it is stored and carried: its payload still sealed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Position;
use crate::seal::{Binding, NodeKey, WrappedKey};
use crate::{Cause, Event, EventId};

/// One event, its payload as it lies in the ledger.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) position: Position,
    pub(crate) id: EventId,
    pub(crate) kind: String,
    pub(crate) source: String,
    pub(crate) subject: String,
    pub(crate) time: DateTime<Utc>,
    pub(crate) cause: Cause,
    /// Which key seals the payload; `None`: it is open.
    pub(crate) key: Option<Uuid>,
    pub(crate) data: Vec<u8>,
}

impl Stored {
    /// The event with its payload opened. A payload whose key is gone, or that does not open, is
    /// `None`: the log goes on either way, and a payload that should open is worth an alarm.
    pub(crate) fn open(self, node: &NodeKey, key: Option<&WrappedKey>) -> Event {
        let plain = match (self.key, key) {
            (None, _) => Some(self.data),
            (Some(_), None) => None,
            (Some(_), Some(key)) => {
                let binding = Binding { id: self.id, kind: &self.kind, subject: &self.subject };
                key.unwrap_with(node)
                    .and_then(|key| key.open(&binding, &self.data))
                    .inspect_err(|error| {
                        tracing::error!(event.id = %self.id, %error, "a payload does not open");
                    })
                    .ok()
            }
        };
        let data = plain.and_then(|plain| {
            String::from_utf8(plain)
                .map_err(serde::de::Error::custom)
                .and_then(RawValue::from_string)
                .inspect_err(|error: &serde_json::Error| {
                    tracing::error!(event.id = %self.id, %error, "a payload is not JSON");
                })
                .ok()
        });
        Event {
            id: self.id,
            kind: self.kind.into(),
            source: self.source.into(),
            subject: self.subject.into(),
            time: self.time,
            cause: Arc::new(self.cause),
            data: data.map(Arc::from),
        }
    }
}
