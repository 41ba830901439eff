//! Calls as states.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::events::communication::CallStarted;
use serde_json::{Value, json};
use spine::Snowflake;
use uuid::Uuid;

/// A call that has begun and not ended.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The call.
    pub(crate) call: Uuid,
    /// Whose channel.
    pub(crate) owner: Snowflake,
    /// The channel.
    pub(crate) channel: Uuid,
    /// Where it belongs.
    pub(crate) space: SpaceId,
    /// The value of its state.
    pub(crate) value: Value,
    /// When it began.
    pub(crate) started_at: DateTime<Utc>,
}

impl Call {
    /// The call of an event that happened at `time`.
    pub(crate) fn of(started: &CallStarted, time: DateTime<Utc>) -> Self {
        let from = &started.from;
        Self {
            call: started.call,
            owner: started.owner,
            channel: started.channel,
            space: started.space.clone(),
            value: json!({
                "call": started.call,
                "channel": started.channel,
                "status": "ringing",
                "from": {
                    "address": from.address,
                    "entity": from.entity,
                    "name": from.name,
                    "roles": from.roles,
                },
            }),
            started_at: started.at.min(time),
        }
    }

    /// What reports it, as the subject of its events.
    pub(crate) fn source(&self) -> String {
        format!("call:{}", self.call)
    }
}

/// Whether a call with this status is over.
pub(crate) fn is_over(status: &str) -> bool {
    matches!(status, "completed" | "busy" | "no_answer" | "failed" | "cancelled")
}
