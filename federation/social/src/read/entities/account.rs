//! Accounts.

use serde::Serialize;

use super::{Day, Shared, Timestamp};
use crate::{AccountId, Visibility};

/// An account, local or remote.
#[derive(Clone, Debug, Serialize)]
pub struct Account {
    /// Its id here.
    pub id: AccountId,
    /// The name without its domain.
    pub username: String,
    /// The name as it is mentioned here: without a domain when it is ours.
    pub acct: String,
    /// The name for people; may be empty.
    pub display_name: String,
    /// Whether follows wait for approval.
    pub locked: bool,
    /// Whether it is an automaton.
    pub bot: bool,
    /// Whether it wants to be found in directories.
    pub discoverable: bool,
    /// Whether its public posts may be searched by everyone.
    pub indexable: bool,
    /// Whether it is a group.
    pub group: bool,
    /// When it was made; only the day counts.
    pub created_at: Timestamp,
    /// The biography, HTML.
    pub note: String,
    /// Its page for people.
    pub url: String,
    /// Its ActivityPub id.
    pub uri: String,
    /// Its picture; never empty.
    pub avatar: String,
    /// Its picture without motion.
    pub avatar_static: String,
    /// Its banner; never empty.
    pub header: String,
    /// Its banner without motion.
    pub header_static: String,
    /// How many follow it.
    pub followers_count: i64,
    /// How many it follows.
    pub following_count: i64,
    /// How many posts it has made.
    pub statuses_count: i64,
    /// The day of its newest post.
    pub last_status_at: Option<Day>,
    /// Whether its followers and follows are for itself alone.
    pub hide_collections: bool,
    /// Whether web search engines should look away.
    pub noindex: bool,
    /// Custom emoji in its name, note and fields.
    pub emojis: Vec<CustomEmoji>,
    /// Roles shown as badges: none yet.
    pub roles: Vec<Role>,
    /// Name and value pairs of the profile.
    pub fields: Vec<Field>,
    /// Where it moved to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<Shared<Account>>,
    /// Present (and true) only where it is suspended; its profile is then empty.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
}

/// A name and value pair of a profile.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The value, HTML (as typed in [`Source`]).
    pub value: String,
    /// When the value, a link, was found to point back.
    pub verified_at: Option<Timestamp>,
}

/// A picture that stands for `:shortcode:`.
#[derive(Clone, Debug, Serialize)]
pub struct CustomEmoji {
    /// The name between the colons.
    pub shortcode: String,
    /// The picture.
    pub url: String,
    /// The picture without motion.
    pub static_url: String,
    /// Whether pickers offer it.
    pub visible_in_picker: bool,
}

/// The account of the one who asks, with what only its owner sees.
#[derive(Clone, Debug, Serialize)]
pub struct CredentialAccount {
    /// What everyone sees.
    #[serde(flatten)]
    pub account: Shared<Account>,
    /// What the owner edits. Only on the two credentials routes: it leaks elsewhere.
    pub source: Source,
    /// What the owner may do on this node; the edge, which knows it, sets it.
    pub role: Role,
}

/// The parts of a profile as their owner edits them.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// Visibility of new posts.
    pub privacy: Visibility,
    /// Whether new media is marked sensitive.
    pub sensitive: bool,
    /// Language of new posts.
    pub language: Option<String>,
    /// The biography as typed.
    pub note: String,
    /// The fields as typed.
    pub fields: Vec<Field>,
    /// Follow requests that wait.
    pub follow_requests_count: i64,
    /// Whether followers and follows are hidden.
    pub hide_collections: bool,
    /// Whether it wants to be found in directories.
    pub discoverable: bool,
    /// Whether its public posts may be searched by everyone.
    pub indexable: bool,
    /// Sites that may name it as an author: none yet.
    pub attribution_domains: Vec<String>,
}

/// A role on this node.
#[derive(Clone, Debug, Serialize)]
pub struct Role {
    /// Its id; `-99` is everyone's.
    pub id: String,
    /// Its name.
    pub name: String,
    /// A bit mask as a decimal string.
    pub permissions: String,
    /// Colour of its badge, or empty.
    pub color: String,
    /// Whether it is shown on profiles.
    pub highlighted: bool,
}

impl Role {
    /// The role of everyone: no rights beyond one's own things.
    pub fn everyone() -> Self {
        Self {
            id: "-99".into(),
            name: String::new(),
            permissions: "0".into(),
            color: String::new(),
            highlighted: false,
        }
    }
}

/// A muted account, with the end of the mute.
#[derive(Clone, Debug, Serialize)]
pub struct MutedAccount {
    /// The account.
    #[serde(flatten)]
    pub account: Shared<Account>,
    /// When the mute ends; none: never.
    pub mute_expires_at: Option<Timestamp>,
}

/// Followers of an account whom the asker follows.
#[derive(Clone, Debug, Serialize)]
pub struct FamiliarFollowers {
    /// The account.
    pub id: AccountId,
    /// Its followers whom the asker follows.
    pub accounts: Vec<Shared<Account>>,
}

/// An account worth following.
#[derive(Clone, Debug, Serialize)]
pub struct Suggestion {
    /// Why, in Mastodon's words.
    pub sources: Vec<&'static str>,
    /// The account.
    pub account: Shared<Account>,
}
