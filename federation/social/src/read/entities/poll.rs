//! Polls.

use serde::Serialize;

use super::{CustomEmoji, Timestamp};
use crate::PollId;

/// A poll as one viewer sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Poll {
    /// Its id.
    pub id: PollId,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Whether it is over.
    pub expired: bool,
    /// Whether several options may be chosen.
    pub multiple: bool,
    /// All votes.
    pub votes_count: i64,
    /// All voters; none where the poll's server does not say.
    pub voters_count: Option<i64>,
    /// The options, in order.
    pub options: Vec<PollOption>,
    /// Custom emoji in the options.
    pub emojis: Vec<CustomEmoji>,
    /// Whether the viewer has voted (or made it). Absent for strangers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voted: Option<bool>,
    /// The options the viewer chose. Absent for strangers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_votes: Option<Vec<i16>>,
}

/// An option of a poll.
#[derive(Clone, Debug, Serialize)]
pub struct PollOption {
    /// Its text.
    pub title: String,
    /// Its votes; none while the poll hides them.
    pub votes_count: Option<i64>,
}
