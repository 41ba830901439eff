//! Search results and hashtags.

use serde::Serialize;

use super::{Account, Shared, Status};

/// What a search found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Search {
    /// Accounts.
    pub accounts: Vec<Shared<Account>>,
    /// Posts.
    pub statuses: Vec<Status>,
    /// Hashtags.
    pub hashtags: Vec<Tag>,
}

/// A hashtag.
#[derive(Clone, Debug, Serialize)]
pub struct Tag {
    /// Its id: its name.
    pub id: String,
    /// Its name, without `#`.
    pub name: String,
    /// Its page.
    pub url: String,
    /// Its use over the last seven days, newest first.
    pub history: Vec<TagHistory>,
    /// Whether the asker follows it. Absent for strangers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub following: Option<bool>,
    /// Whether the asker features it: never yet. Absent for strangers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub featuring: Option<bool>,
}

/// A day of a hashtag's use; numbers as decimal strings.
#[derive(Clone, Debug, Serialize)]
pub struct TagHistory {
    /// Midnight, in Unix seconds.
    pub day: String,
    /// Posts.
    pub uses: String,
    /// Different authors.
    pub accounts: String,
}
