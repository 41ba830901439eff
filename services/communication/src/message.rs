//! Messages: what they are and how far they have come. No I/O.

use chrono::{DateTime, Utc};
use contracts::access::{Resource, SpaceId};
use contracts::events::communication::{AttachedFile, Party};
use contracts::plugins::Delivery;
use serde::{Deserialize, Serialize};
use spine::Snowflake;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::CommunicationError;

/// The longest text, in characters.
pub const LONGEST_TEXT: usize = 10_000;
/// The longest subject.
const LONGEST_SUBJECT: usize = 500;
/// Most recipients of one message.
pub(crate) const MOST_RECIPIENTS: usize = 20;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To us.
    In,
    /// From us.
    Out,
}

impl Direction {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }

    pub(crate) fn from_stored(name: &str) -> Self {
        if name == "out" { Self::Out } else { Self::In }
    }
}

/// How far a message has come. It only ever moves forward; what failed or was refused stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It came in.
    Received,
    /// It waits to be sent.
    Queued,
    /// It is being handed to its service, which may have it already.
    Sending,
    /// Its service took it.
    Accepted,
    /// It is on its way.
    Sent,
    /// It arrived.
    Delivered,
    /// It was read.
    Read,
    /// It will not arrive.
    Failed,
    /// The policy does not permit it.
    Refused,
}

impl Status {
    const ALL: [Self; 9] = [
        Self::Received,
        Self::Queued,
        Self::Sending,
        Self::Accepted,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Refused,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// As stored. What is unknown is over: nothing is sent because of it.
    pub(crate) fn from_stored(name: &str) -> Self {
        Self::ALL.into_iter().find(|status| status.name() == name).unwrap_or(Self::Failed)
    }

    /// Whether a message in this state is still to be handed to its service.
    pub(crate) fn is_to_be_sent(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }

    /// The states from which a service's word leads to this one.
    pub(crate) fn may_follow(self) -> Vec<String> {
        let before: &[Self] = match self {
            Self::Sent => &[Self::Accepted],
            Self::Delivered => &[Self::Accepted, Self::Sent],
            Self::Read => &[Self::Accepted, Self::Sent, Self::Delivered],
            Self::Failed => &[Self::Accepted, Self::Sent],
            _ => &[],
        };
        before.iter().map(|status| status.name().to_owned()).collect()
    }
}

impl From<Delivery> for Status {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Accepted => Self::Accepted,
            Delivery::Sent => Self::Sent,
            Delivery::Delivered => Self::Delivered,
            Delivery::Read => Self::Read,
            Delivery::Failed => Self::Failed,
        }
    }
}

/// A message, in or out.
#[derive(Clone, Debug)]
pub struct Message {
    /// Names it for ever.
    pub id: Uuid,
    /// Which way it goes.
    pub direction: Direction,
    /// Through which channel; none where none was found that could carry it.
    pub channel: Option<Uuid>,
    /// The conversation it belongs to, where a channel carries it.
    pub conversation: Option<Uuid>,
    /// Whose it is.
    pub owner: Snowflake,
    /// Where it belongs.
    pub space: SpaceId,
    /// What it is labelled with.
    pub labels: Vec<String>,
    /// The service's id of it.
    pub external_id: Option<String>,
    /// From whom.
    pub from: Party,
    /// To whom.
    pub to: Vec<Party>,
    /// A subject, where the channel has one.
    pub subject: Option<String>,
    /// The text.
    pub text: String,
    /// What came with it.
    pub attachments: Vec<AttachedFile>,
    /// How far it has come.
    pub status: Status,
    /// More about that.
    pub detail: Option<String>,
    /// The rule that sends it.
    pub rule: Option<Uuid>,
    /// Which message it answers.
    pub in_reply_to: Option<Uuid>,
    /// When it was written down here.
    pub created_at: DateTime<Utc>,
    /// When its service took it, or when it came in.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

impl Message {
    /// As the policy sees it.
    pub(crate) fn resource(&self) -> Resource {
        Resource::new("message", self.id.to_string(), self.space.clone())
            .labelled(self.labels.iter().cloned())
    }

    /// The subject under which its events are sealed.
    pub(crate) fn subject_of(id: Uuid) -> String {
        format!("message:{id}")
    }
}

/// What is written: 1 to 10,000 characters.
pub(crate) fn check_text(text: &str) -> Result<(), CommunicationError> {
    if (1..=LONGEST_TEXT).contains(&text.chars().count()) && !text.contains('\0') {
        return Ok(());
    }
    Err(CommunicationError::Invalid(format!(
        "`text` must have 1 to {LONGEST_TEXT} characters, without NUL"
    )))
}

/// A subject of up to 500 characters on one line.
pub(crate) fn check_subject(subject: Option<&str>) -> Result<(), CommunicationError> {
    let fits = |subject: &str| {
        subject.chars().count() <= LONGEST_SUBJECT && !subject.chars().any(char::is_control)
    };
    if subject.is_none_or(fits) {
        return Ok(());
    }
    Err(CommunicationError::Invalid(format!(
        "`subject` must have at most {LONGEST_SUBJECT} characters, on one line"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_message_has_come_never_goes_back() {
        let order = [Status::Accepted, Status::Sent, Status::Delivered, Status::Read];
        for (place, status) in order.into_iter().enumerate() {
            let before = status.may_follow();
            for (other, earlier) in order.into_iter().enumerate() {
                let follows = before.contains(&earlier.name().to_owned());
                assert_eq!(follows, other < place, "{status:?} after {earlier:?}");
            }
        }
        let failed = Status::Failed.may_follow();
        assert_eq!(failed, ["accepted", "sent"], "what arrived did not fail");
        for status in Status::ALL {
            assert!(!status.may_follow().contains(&"failed".to_owned()), "failed is final");
            assert!(!status.may_follow().contains(&"refused".to_owned()), "refused is final");
            assert_eq!(Status::from_stored(status.name()), status);
        }
    }

    #[test]
    fn texts_and_subjects_have_their_bounds() {
        assert!(check_text("Hi").is_ok() && check_text(&"ü".repeat(10_000)).is_ok());
        assert!(check_text("").is_err() && check_text(&"x".repeat(10_001)).is_err());
        assert!(check_text("a\u{0}").is_err());
        assert!(check_subject(None).is_ok() && check_subject(Some("Hi")).is_ok());
        assert!(check_subject(Some("a\nBcc: b")).is_err());
    }
}
