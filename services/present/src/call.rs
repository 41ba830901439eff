//! Calls as states.

use chrono::{DateTime, Utc};
use contracts::access::SpaceId;
use contracts::events::communication::CallStarted;
use contracts::input::kept;
use serde_json::{Value, json};
use spine::Snowflake;
use uuid::Uuid;

/// The longest name, address or role of a caller that is kept, and the most roles.
const LONGEST: usize = 200;
const MOST_ROLES: usize = 50;

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
        let roles = from.roles.iter().take(MOST_ROLES).map(|role| kept(role, LONGEST));
        let roles: Vec<String> = roles.collect();
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
                    "address": kept(&from.address, LONGEST),
                    "entity": from.entity,
                    "name": from.name.as_deref().map(|name| kept(name, LONGEST)),
                    "roles": roles,
                },
            }),
            started_at: started.at.min(time),
        }
    }

    /// Its status, as its service says it.
    pub(crate) fn set_status(&mut self, status: &str) {
        self.value["status"] = kept(status, LONGEST).into();
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
