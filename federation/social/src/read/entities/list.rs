//! Lists, reading positions, preferences.

use serde::Serialize;

use super::Timestamp;
use crate::{ListId, Visibility};

/// A list of accounts with a timeline of its own.
#[derive(Clone, Debug, Serialize)]
pub struct List {
    /// Its id.
    pub id: ListId,
    /// Its name.
    pub title: String,
    /// Which replies it shows: `followed`, `list`, `none`.
    pub replies_policy: String,
    /// Whether its members' posts stay out of the home timeline.
    pub exclusive: bool,
}

/// How far someone has read a timeline.
#[derive(Clone, Debug, Serialize)]
pub struct Marker {
    /// The newest id that was read.
    pub last_read_id: String,
    /// Rises with every change.
    pub version: i32,
    /// When it changed.
    pub updated_at: Timestamp,
}

/// What someone prefers, as clients read it.
#[derive(Clone, Debug, Serialize)]
pub struct Preferences {
    /// Visibility of new posts.
    #[serde(rename = "posting:default:visibility")]
    pub visibility: Visibility,
    /// Whether new media is marked sensitive.
    #[serde(rename = "posting:default:sensitive")]
    pub sensitive: bool,
    /// Language of new posts.
    #[serde(rename = "posting:default:language")]
    pub language: Option<String>,
    /// Whether media is shown at once: `default`, `show_all`, `hide_all`.
    #[serde(rename = "reading:expand:media")]
    pub expand_media: &'static str,
    /// Whether content behind warnings is shown at once.
    #[serde(rename = "reading:expand:spoilers")]
    pub expand_spoilers: bool,
}
