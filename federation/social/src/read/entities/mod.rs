//! Mastodon's entities, exactly as its clients decode them (API documentation, "Entities").
//!
//! Every field that a client may not find null or absent is a plain type here; what is optional is
//! left out when Mastodon leaves it out. Ids are decimal strings, times end in `.000Z`.

mod account;
mod conversation;
mod filter;
mod instance;
mod list;
mod media;
mod notification;
mod poll;
mod relationship;
mod report;
mod search;
mod shared;
mod status;
mod time;

pub use account::{
    Account, CredentialAccount, CustomEmoji, FamiliarFollowers, Field, MutedAccount, Role, Source,
    Suggestion,
};
pub use conversation::Conversation;
pub use filter::{Filter, FilterKeyword, FilterResult, FilterStatus, FilterV1};
pub use instance::{
    AccountLimits, ApiVersions, Configuration, ConfigurationUrls, Contact, Icon, Instance,
    InstanceActivity, InstanceV1, InstanceV1Urls, Language, MediaLimits, PollLimits, Registrations,
    Rule, Stats, StatusLimits, Thumbnail, Translation, Usage, Users,
};
pub use list::{List, Marker, Preferences};
pub use media::{Focus, MediaAttachment, MediaMeta, MediaSize};
pub use notification::{
    GroupedNotifications, Notification, NotificationGroup, NotificationPolicy,
    NotificationPolicySummary,
};
pub use poll::{Poll, PollOption};
pub use relationship::Relationship;
pub use report::Report;
pub use search::{Search, Tag, TagHistory};
pub use shared::Shared;
pub use status::{
    Application, Context, Mention, Status, StatusBody, StatusEdit, StatusEditPoll,
    StatusEditPollOption, StatusSource, StatusTag, ViewerFlags,
};
pub use time::{Day, Timestamp};
