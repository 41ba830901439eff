//! Calls: what they are and how they go on. No I/O.

use chrono::{DateTime, Utc};
use contracts::access::{Resource, SpaceId};
use contracts::events::communication::Party;
use serde::{Deserialize, Serialize};
use spine::Snowflake;
use utoipa::ToSchema;
use uuid::Uuid;

/// How a call stands. It only ever moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It rings.
    Ringing,
    /// Somebody speaks.
    Answered,
    /// It is over.
    Completed,
    /// The line was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// It could not be.
    Failed,
    /// The caller gave up.
    Cancelled,
}

impl CallStatus {
    const ALL: [Self; 7] = [
        Self::Ringing,
        Self::Answered,
        Self::Completed,
        Self::Busy,
        Self::NoAnswer,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether the call is over.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Ringing | Self::Answered)
    }

    /// The states from which this one may follow.
    pub(crate) fn may_follow(self) -> Vec<String> {
        let before: &[Self] = match self {
            Self::Ringing => &[],
            Self::Answered => &[Self::Ringing],
            _ => &[Self::Ringing, Self::Answered],
        };
        before.iter().map(|status| status.name().to_owned()).collect()
    }
}

/// A telephone call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Names it for ever.
    pub id: Uuid,
    /// Through which channel.
    pub channel: Uuid,
    /// Whose channel.
    pub owner: Snowflake,
    /// Where it belongs.
    pub space: SpaceId,
    /// What it is labelled with.
    pub labels: Vec<String>,
    /// The service's id of it.
    pub external_id: String,
    /// Who calls.
    pub from: Party,
    /// Who is called.
    pub to: Party,
    /// How it stands.
    pub status: CallStatus,
    /// How long it took, where it is over.
    pub seconds: Option<u32>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl Call {
    /// As the policy sees it.
    pub(crate) fn resource(&self) -> Resource {
        Resource::new("message", self.id.to_string(), self.space.clone())
            .of_class("PhoneCall")
            .labelled(self.labels.iter().cloned())
    }

    /// The subject under which its events are sealed.
    pub(crate) fn subject_of(id: Uuid) -> String {
        format!("call:{id}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_over_stays_over() {
        for status in CallStatus::ALL {
            assert_eq!(CallStatus::parse(status.name()), Some(status));
            for over in CallStatus::ALL.into_iter().filter(|status| status.is_over()) {
                assert!(!status.may_follow().contains(&over.name().to_owned()));
            }
        }
        assert_eq!(CallStatus::Completed.may_follow(), ["ringing", "answered"]);
        assert_eq!(CallStatus::parse("in-progress"), None);
    }
}
