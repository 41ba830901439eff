//! Questions with answers to choose from.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::limits;
use super::read::Document;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollOption {
    /// Its text, which is also how a vote names it.
    pub name: String,
    /// Votes so far, as the author's server counts them.
    pub votes: u64,
}

/// The answers of a `Question`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// What can be chosen.
    pub options: Vec<PollOption>,
    /// Whether several may be chosen.
    pub multiple: bool,
    /// When voting ends.
    pub end_time: Option<DateTime<Utc>>,
    /// Whether, or since when, it has ended. A server that writes `true` gives no time.
    pub closed: Option<DateTime<Utc>>,
    /// Whether the server says that it has ended.
    pub is_closed: bool,
    /// How many people voted.
    pub voters_count: Option<u64>,
}

impl Poll {
    pub(super) fn parse(document: Document<'_>) -> Option<Self> {
        let single = document.parts("oneOf", limits::POLL_OPTIONS);
        let many = document.parts("anyOf", limits::POLL_OPTIONS);
        let multiple = single.is_empty();
        let options: Vec<PollOption> = if multiple { many } else { single }
            .into_iter()
            .filter_map(|part| {
                let name = part.text_in_language("name", limits::NAME).0?;
                let replies = part.first("replies").and_then(Document::part);
                let votes = replies.and_then(|replies| replies.count("totalItems")).unwrap_or(0);
                Some(PollOption { name, votes })
            })
            .collect();
        let closed = document.time("closed");
        (!options.is_empty()).then(|| Self {
            options,
            multiple,
            end_time: document.time("endTime"),
            closed,
            is_closed: closed.is_some()
                || document.first("closed").is_some_and(|value| *value == Value::Bool(true)),
            voters_count: document.count("votersCount"),
        })
    }
}
