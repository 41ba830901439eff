//! What the node is and how much it takes.

use serde::Serialize;

use super::{Account, Shared};

/// The node (`/api/v2/instance`). Strict clients want every field.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    /// The host of the handles.
    pub domain: String,
    /// Its name.
    pub title: String,
    /// `4.x.y (compatible; Name 1.2)`: clients read the leading number.
    pub version: String,
    /// Where the source of what runs is (AGPL-3.0, section 13).
    pub source_url: String,
    /// What it is, in a sentence or two.
    pub description: String,
    /// Who uses it.
    pub usage: Usage,
    /// Its picture.
    pub thumbnail: Thumbnail,
    /// Its icons.
    pub icon: Vec<Icon>,
    /// Languages of its people.
    pub languages: Vec<String>,
    /// Limits and addresses.
    pub configuration: Configuration,
    /// Whether people may join.
    pub registrations: Registrations,
    /// Which Mastodon API it speaks.
    pub api_versions: ApiVersions,
    /// Whom to write to.
    pub contact: Contact,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// Who uses the node.
#[derive(Clone, Debug, Serialize)]
pub struct Usage {
    /// People.
    pub users: Users,
}

/// People who use the node.
#[derive(Clone, Debug, Serialize)]
pub struct Users {
    /// Who posted within the last four weeks.
    pub active_month: i64,
}

/// The node's picture.
#[derive(Clone, Debug, Serialize)]
pub struct Thumbnail {
    /// Where it is.
    pub url: String,
}

/// An icon.
#[derive(Clone, Debug, Serialize)]
pub struct Icon {
    /// Where it is.
    pub src: String,
    /// `WIDTHxHEIGHT`.
    pub size: &'static str,
}

/// Limits and addresses.
#[derive(Clone, Debug, Serialize)]
pub struct Configuration {
    /// Addresses.
    pub urls: ConfigurationUrls,
    /// Limits of accounts.
    pub accounts: AccountLimits,
    /// Limits of posts.
    pub statuses: StatusLimits,
    /// Limits of media.
    pub media_attachments: MediaLimits,
    /// Limits of polls.
    pub polls: PollLimits,
    /// Whether posts can be translated.
    pub translation: Translation,
}

/// Addresses.
#[derive(Clone, Debug, Serialize)]
pub struct ConfigurationUrls {
    /// Where streams are: `wss://…`.
    pub streaming: String,
}

/// Limits of accounts.
#[derive(Clone, Debug, Serialize)]
pub struct AccountLimits {
    /// Hashtags on a profile.
    pub max_featured_tags: u32,
    /// Posts on a profile.
    pub max_pinned_statuses: usize,
    /// Name and value pairs on a profile.
    pub max_profile_fields: usize,
}

/// Limits of posts.
#[derive(Clone, Debug, Serialize)]
pub struct StatusLimits {
    /// Characters.
    pub max_characters: usize,
    /// Attachments.
    pub max_media_attachments: usize,
    /// What each link counts.
    pub characters_reserved_per_url: usize,
}

/// Limits of media.
#[derive(Clone, Debug, Serialize)]
pub struct MediaLimits {
    /// What may be uploaded.
    pub supported_mime_types: Vec<&'static str>,
    /// Characters of a description.
    pub description_limit: usize,
    /// Bytes of a picture.
    pub image_size_limit: usize,
    /// Pixels of a picture.
    pub image_matrix_limit: u64,
    /// Bytes of a video.
    pub video_size_limit: usize,
    /// Frames a second.
    pub video_frame_rate_limit: u32,
    /// Pixels of a video.
    pub video_matrix_limit: u64,
}

/// Limits of polls.
#[derive(Clone, Debug, Serialize)]
pub struct PollLimits {
    /// Options.
    pub max_options: usize,
    /// Characters of an option.
    pub max_characters_per_option: usize,
    /// Shortest, in seconds.
    pub min_expiration: u64,
    /// Longest, in seconds.
    pub max_expiration: u64,
}

/// Whether posts can be translated: not here.
#[derive(Clone, Debug, Serialize)]
pub struct Translation {
    /// Whether they can.
    pub enabled: bool,
}

/// Whether people may join.
#[derive(Clone, Debug, Serialize)]
pub struct Registrations {
    /// Whether they may.
    pub enabled: bool,
    /// Whether someone must approve.
    pub approval_required: bool,
    /// Whether they must say why.
    pub reason_required: bool,
    /// What to tell them where they may not.
    pub message: Option<String>,
    /// Youngest age: none asked for.
    pub min_age: Option<u32>,
    /// Where to join, when not in the app.
    pub url: Option<String>,
}

/// Which Mastodon API the node speaks.
#[derive(Clone, Debug, Serialize)]
pub struct ApiVersions {
    /// Mastodon's counter; only what is true is claimed.
    pub mastodon: u32,
}

/// Whom to write to.
#[derive(Clone, Debug, Serialize)]
pub struct Contact {
    /// An address.
    pub email: String,
    /// An account.
    pub account: Option<Shared<Account>>,
}

/// A rule of the node.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    /// Its number.
    pub id: String,
    /// What it says.
    pub text: String,
    /// More about it.
    pub hint: String,
}

/// The node as older clients ask for it (`/api/v1/instance`).
#[derive(Clone, Debug, Serialize)]
pub struct InstanceV1 {
    /// The host of the handles.
    pub uri: String,
    /// Its name.
    pub title: String,
    /// What it is.
    pub short_description: String,
    /// What it is, at length.
    pub description: String,
    /// An address to write to.
    pub email: String,
    /// See [`Instance::version`].
    pub version: String,
    /// Addresses.
    pub urls: InstanceV1Urls,
    /// Numbers.
    pub stats: Stats,
    /// Its picture.
    pub thumbnail: String,
    /// Languages of its people.
    pub languages: Vec<String>,
    /// Whether people may join.
    pub registrations: bool,
    /// Whether someone must approve.
    pub approval_required: bool,
    /// Whether people may invite others.
    pub invites_enabled: bool,
    /// Limits.
    pub configuration: Configuration,
    /// An account to write to.
    pub contact_account: Option<Shared<Account>>,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// Addresses of the older form.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceV1Urls {
    /// Where streams are: `wss://…`.
    pub streaming_api: String,
}

/// Numbers of the node.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// People.
    pub user_count: i64,
    /// Posts of ours.
    pub status_count: i64,
    /// Other servers that we know.
    pub domain_count: i64,
}

/// A week of the node's activity; numbers as decimal strings.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceActivity {
    /// The week's first midnight, in Unix seconds.
    pub week: String,
    /// Posts of ours.
    pub statuses: String,
    /// People who posted.
    pub logins: String,
    /// People who joined.
    pub registrations: String,
}

/// A language that a post can be in.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Language {
    /// Its code (ISO 639-1).
    pub code: &'static str,
    /// Its name in English.
    pub name: &'static str,
}
