//! Who may see a post: the one rule behind API, ActivityPub, feeds, search and streams.

use serde::{Deserialize, Serialize};

/// Who a post is for. Mastodon's closed set of four, the widest first.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    sqlx::Type,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[repr(i16)]
pub enum Visibility {
    /// Everyone, and in public timelines.
    Public = 0,
    /// Everyone, not in public timelines.
    Unlisted = 1,
    /// Followers and those named.
    Private = 2,
    /// Only those named.
    Direct = 3,
}

/// What a viewer has to do with a post and its author; loaded together with the post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The viewer wrote it.
    pub is_author: bool,
    /// The viewer's follow of the author is accepted.
    pub follows_author: bool,
    /// The viewer is mentioned or addressed.
    pub is_mentioned: bool,
    /// The author blocks the viewer.
    pub blocked_by_author: bool,
    /// The author (or the node) is suspended or deleted.
    pub author_is_gone: bool,
}

impl Visibility {
    /// Whether someone of this standing may see a post of this visibility. Everyone who asks,
    /// by whatever way, is answered by this function; the SQL push-down in `store::visibility`
    /// says the same and is tested against it.
    pub fn admits(self, standing: Standing) -> bool {
        if standing.is_author {
            return true;
        }
        if standing.author_is_gone || standing.blocked_by_author {
            return false;
        }
        match self {
            Self::Public | Self::Unlisted => true,
            Self::Private => standing.follows_author || standing.is_mentioned,
            Self::Direct => standing.is_mentioned,
        }
    }

    /// The visibility with this number in the database.
    pub fn from_number(number: i16) -> Option<Self> {
        match number {
            0 => Some(Self::Public),
            1 => Some(Self::Unlisted),
            2 => Some(Self::Private),
            3 => Some(Self::Direct),
            _ => None,
        }
    }
}
