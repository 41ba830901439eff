//! The envelope of an event (CloudEvents 1.0) and what an event type must declare.

mod compatibility;
mod registry;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

pub use compatibility::{Break, breaks};
pub use registry::{Contract, Registry};

use crate::EventId;

/// A type of event: a contract between services, only ever added to.
///
/// A field is never removed, renamed or given another meaning; a breaking change is a new type
/// with the next version in its name.
pub trait EventData: Serialize + DeserializeOwned + schemars::JsonSchema + Send + Sync {
    /// The stable name with its version, such as `federation.ActivityReceived.v1`.
    const TYPE: &'static str;
    /// The service that publishes it, such as `social`.
    const SOURCE: &'static str;
    /// How long the payload can be read.
    const RETENTION: Retention = Retention::Forever;

    /// What the event is about: an entity's, post's or person's id or URI (CloudEvents `subject`).
    fn subject(&self) -> String;

    /// Whose key seals the payload, where it holds anything personal. Erasing that subject makes
    /// the payload unreadable for ever. `None`: nothing personal in it, stored in the open.
    fn sealed_under(&self) -> Option<String> {
        Some(self.subject())
    }
}

/// How long an event's payload is kept. The event itself stays for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// As long as the subject is not erased.
    Forever,
    /// This many days; then its key is destroyed.
    Days(u16),
}

/// Why something happens and who makes it happen; every event and job carries it on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The event that led to this, if any.
    pub event: Option<EventId>,
    /// The first event of the whole chain.
    pub correlation: Option<EventId>,
    /// Who acts: an account's or service's URI.
    pub actor: Option<String>,
    /// The space that policy is about.
    pub space: Option<String>,
    /// What for, in the policy's words.
    pub purpose: Option<String>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl Cause {
    /// Something a person or app did right now.
    pub fn by(actor: impl Into<String>) -> Self {
        Self { actor: Some(actor.into()), ..Self::default() }
    }

    /// Something the node does of itself (a schedule, a start).
    pub fn system() -> Self {
        Self::default()
    }
}

/// An event as it is read from the ledger or the bus. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id, which is also the idempotency key of the jobs it triggers.
    pub id: EventId,
    /// Its type's stable name.
    pub kind: Arc<str>,
    /// The service that published it.
    pub source: Arc<str>,
    /// What it is about.
    pub subject: Arc<str>,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Who and why.
    pub cause: Arc<Cause>,
    /// The payload, opened; `None` where its subject was erased or its time is over.
    pub data: Option<Arc<RawValue>>,
}

impl Event {
    /// The payload as the type it was published as; `None` for another type or an erased payload.
    ///
    /// # Errors
    /// The payload is of this type's name yet not of its shape.
    pub fn read<E: EventData>(&self) -> Result<Option<E>, serde_json::Error> {
        match &self.data {
            Some(data) if &*self.kind == E::TYPE => serde_json::from_str(data.get()).map(Some),
            _ => Ok(None),
        }
    }

    /// The cause that whatever this event triggers should carry.
    pub fn as_cause(&self) -> Cause {
        Cause {
            event: Some(self.id),
            correlation: self.cause.correlation.or(Some(self.id)),
            ..(*self.cause).clone()
        }
    }
}

/// A subject was erased: its payloads are unreadable, and whoever keeps copies drops them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SubjectErased {
    /// Whose keys were destroyed.
    pub subject: String,
}

impl EventData for SubjectErased {
    const TYPE: &'static str = "spine.SubjectErased.v1";
    const SOURCE: &'static str = "spine";

    fn subject(&self) -> String {
        self.subject.clone()
    }

    /// Open: it must be readable after the keys are gone.
    fn sealed_under(&self) -> Option<String> {
        None
    }
}
