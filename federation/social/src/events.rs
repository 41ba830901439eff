//! The events that the social service publishes: contracts, only ever added to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spine::EventData;

use crate::{AccountId, FilterId, NotificationId, PostId, Visibility};

macro_rules! social_event {
    ($name:ident, $kind:literal, |$event:ident| $subject:expr, sealed: None) => {
        impl EventData for $name {
            const TYPE: &'static str = $kind;
            const SOURCE: &'static str = "social";

            fn subject(&self) -> String {
                let $event = self;
                $subject
            }

            fn sealed_under(&self) -> Option<String> {
                None
            }
        }
    };
    ($name:ident, $kind:literal, |$event:ident| $subject:expr, sealed: $sealed:expr) => {
        impl EventData for $name {
            const TYPE: &'static str = $kind;
            const SOURCE: &'static str = "social";

            fn subject(&self) -> String {
                let $event = self;
                $subject
            }

            fn sealed_under(&self) -> Option<String> {
                let $event = self;
                $sealed
            }
        }
    };
}

/// A signed activity arrived in an inbox and was verified. Its job applies it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ActivityReceived {
    /// The activity's id.
    pub activity: String,
    /// Its type, such as `Create`.
    pub kind: String,
    /// Who signed it and acts.
    pub actor: String,
    /// The post or actor whose erasure makes this payload unreadable.
    pub about: String,
    /// The body as it was signed, JSON text.
    pub body: String,
}
social_event!(ActivityReceived, "federation.ActivityReceived.v1", |e| e.activity.clone(), sealed: Some(e.about.clone()));

/// A post or boost, local or remote, is stored and readable.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PostStored {
    /// Its id here.
    pub post: PostId,
    /// Its ActivityPub id.
    pub uri: String,
    /// Who wrote (or boosted) it.
    pub author: AccountId,
    /// Whether it was made here.
    pub local: bool,
    /// Who it is for.
    pub visibility: Visibility,
    /// The boosted post, where this is a boost.
    pub boost_of: Option<PostId>,
    /// The post it replies to, where known.
    pub in_reply_to: Option<PostId>,
    /// Its hashtags, lower case.
    pub tags: Vec<String>,
    /// Whether it has attachments.
    pub has_media: bool,
    /// Local accounts whose home timeline got it.
    pub home: Vec<AccountId>,
    /// Local accounts it mentions or addresses.
    pub mentioned: Vec<AccountId>,
}
social_event!(PostStored, "social.PostStored.v1", |e| e.uri.clone(), sealed: Some(e.uri.clone()));

/// A post's text, attachments or poll changed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PostEdited {
    /// Its id here.
    pub post: PostId,
    /// Its ActivityPub id.
    pub uri: String,
    /// Who wrote it.
    pub author: AccountId,
    /// Whether it was made here.
    pub local: bool,
    /// Who it is for.
    pub visibility: Visibility,
}
social_event!(PostEdited, "social.PostEdited.v1", |e| e.uri.clone(), sealed: None);

/// A post or boost is gone, and its content with it. Sealed under its author, because it outlives the
/// post and says who wrote or boosted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PostDeleted {
    /// Its id here.
    pub post: PostId,
    /// Its ActivityPub id.
    pub uri: String,
    /// Who wrote it.
    pub author: AccountId,
    /// Whether it was made here.
    pub local: bool,
    /// The boosted post, where this was a boost.
    pub boost_of: Option<PostId>,
    /// The post it replied to, where known: its number of replies changed.
    #[serde(default)]
    pub in_reply_to: Option<PostId>,
}
social_event!(PostDeleted, "social.PostDeleted.v1", |e| e.uri.clone(), sealed: Some(format!("account:{}", e.author)));

/// A favourite, boost, bookmark, pin, poll vote or conversation mute changed a post's numbers or
/// a person's relation to it. Sealed under whoever reacted, not under the post, which is another's.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PostReacted {
    /// The post.
    pub post: PostId,
    /// Its ActivityPub id.
    pub uri: String,
    /// Who reacted.
    pub account: AccountId,
    /// `favourite`, `boost`, `bookmark`, `pin`, `vote`, `mute`, each with `un` in front when undone.
    pub reaction: String,
}
social_event!(PostReacted, "social.PostReacted.v1", |e| e.uri.clone(), sealed: Some(format!("account:{}", e.account)));

/// A local account has a new notification.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NotificationMade {
    /// Its id.
    pub notification: NotificationId,
    /// Whose it is.
    pub account: AccountId,
    /// Mastodon's type name.
    pub kind: String,
    /// Who caused it.
    pub from: AccountId,
    /// The post it is about.
    pub post: Option<PostId>,
}
social_event!(NotificationMade, "social.NotificationMade.v1", |e| format!("account:{}", e.account), sealed: Some(format!("account:{}", e.account)));

/// An account appeared or changed (profile, keys, move, suspension, deletion).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccountChanged {
    /// The account.
    pub account: AccountId,
    /// Its ActivityPub id.
    pub uri: String,
    /// Whether it is ours.
    pub local: bool,
    /// `created`, `updated`, `moved`, `suspended`, `deleted`.
    pub change: String,
}
social_event!(AccountChanged, "social.AccountChanged.v1", |e| e.uri.clone(), sealed: None);

/// A follow, block, mute or domain block changed between two accounts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RelationshipChanged {
    /// Who acts.
    pub account: AccountId,
    /// Towards whom.
    pub target: AccountId,
    /// `follow_requested`, `followed`, `unfollowed`, `follow_rejected`, `blocked`, `unblocked`,
    /// `muted`, `unmuted`, `domain_blocked`, `domain_unblocked`.
    pub change: String,
}
social_event!(RelationshipChanged, "social.RelationshipChanged.v1", |e| format!("account:{}", e.account), sealed: Some(format!("account:{}", e.account)));

/// Someone made, changed or removed a filter; what it holds back is nobody's business.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FilterChanged {
    /// Whose it is.
    pub account: AccountId,
    /// The filter.
    pub filter: FilterId,
    /// `created`, `updated`, `deleted`.
    pub change: String,
}
social_event!(FilterChanged, "social.FilterChanged.v1", |e| format!("account:{}", e.account), sealed: Some(format!("account:{}", e.account)));

/// Someone, here or elsewhere, reported an account to the node's moderators.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReportFiled {
    /// The report's id.
    pub report: String,
    /// Who reports.
    pub account: AccountId,
    /// Who is reported.
    pub target: AccountId,
    /// Whether the reported account's server is told.
    pub forwarded: bool,
}
social_event!(ReportFiled, "social.ReportFiled.v1", |e| format!("report:{}", e.report), sealed: Some(format!("account:{}", e.account)));
