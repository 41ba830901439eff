//! Posts.

use serde::Serialize;

use super::{
    Account, CustomEmoji, FilterResult, MediaAttachment, Poll, PollOption, Shared, Timestamp,
};
use crate::{AccountId, PostId, Visibility};

/// A post (or a boost) as one viewer sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// What every viewer sees alike.
    #[serde(flatten)]
    pub body: Shared<StatusBody>,
    /// The boosted post.
    pub reblog: Option<Box<Status>>,
    /// Who wrote or boosted it.
    pub account: Shared<Account>,
    /// Its poll.
    pub poll: Option<Poll>,
    /// What the viewer has to do with it. Absent for strangers.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<ViewerFlags>,
}

impl Status {
    /// Its id.
    pub fn id(&self) -> PostId {
        self.body.id
    }
}

/// The part of a post that is the same for everyone who may see it, without its author, who
/// changes for reasons of his own.
#[derive(Clone, Debug, Serialize)]
pub struct StatusBody {
    /// Its id here.
    pub id: PostId,
    /// When it was written.
    pub created_at: Timestamp,
    /// The post it replies to.
    pub in_reply_to_id: Option<PostId>,
    /// The author of that.
    pub in_reply_to_account_id: Option<AccountId>,
    /// Whether its media is covered.
    pub sensitive: bool,
    /// The warning in front of it, or empty.
    pub spoiler_text: String,
    /// Who it is for.
    pub visibility: Visibility,
    /// Its language, ISO 639-1.
    pub language: Option<String>,
    /// Its ActivityPub id.
    pub uri: String,
    /// Its page for people.
    pub url: String,
    /// Replies.
    pub replies_count: i64,
    /// Boosts.
    pub reblogs_count: i64,
    /// Favourites.
    pub favourites_count: i64,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// The text, HTML.
    pub content: String,
    /// The app it was written with. Absent for posts of others' servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<Application>,
    /// Its attachments.
    pub media_attachments: Vec<MediaAttachment>,
    /// Who is named in it.
    pub mentions: Vec<Mention>,
    /// Its hashtags.
    pub tags: Vec<StatusTag>,
    /// Its custom emoji.
    pub emojis: Vec<CustomEmoji>,
    /// A preview of what it links to.
    pub card: Option<serde_json::Value>,
}

/// What a viewer has to do with a post.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ViewerFlags {
    /// Marked as a favourite.
    pub favourited: bool,
    /// Boosted.
    pub reblogged: bool,
    /// Its thread is muted.
    pub muted: bool,
    /// Bookmarked.
    pub bookmarked: bool,
    /// On the viewer's profile; only for the viewer's own posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// The viewer's filters that match.
    pub filtered: Vec<FilterResult>,
}

/// The app a post was written with.
#[derive(Clone, Debug, Serialize)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its page.
    pub website: Option<String>,
}

/// Someone named in a post.
#[derive(Clone, Debug, Serialize)]
pub struct Mention {
    /// The account.
    pub id: AccountId,
    /// Its name without the domain.
    pub username: String,
    /// Its page.
    pub url: String,
    /// Its name as it is mentioned here.
    pub acct: String,
}

/// A hashtag of a post.
#[derive(Clone, Debug, Serialize)]
pub struct StatusTag {
    /// Its name, without `#`.
    pub name: String,
    /// Its page.
    pub url: String,
}

/// A post's thread: what it replies to, oldest first, and what replies to it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Context {
    /// From the thread's first post to the parent.
    pub ancestors: Vec<Status>,
    /// Replies, each after what it replies to.
    pub descendants: Vec<Status>,
}

/// A version of a post.
#[derive(Clone, Debug, Serialize)]
pub struct StatusEdit {
    /// The text, HTML.
    pub content: String,
    /// The warning, or empty.
    pub spoiler_text: String,
    /// Whether its media was covered.
    pub sensitive: bool,
    /// When this version became current.
    pub created_at: Timestamp,
    /// The author.
    pub account: Shared<Account>,
    /// Its poll. Absent where it had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<StatusEditPoll>,
    /// Its attachments.
    pub media_attachments: Vec<MediaAttachment>,
    /// Its custom emoji.
    pub emojis: Vec<CustomEmoji>,
}

/// The poll of a version: the options' texts.
#[derive(Clone, Debug, Serialize)]
pub struct StatusEditPoll {
    /// The options.
    pub options: Vec<StatusEditPollOption>,
}

/// An option of a version's poll.
#[derive(Clone, Debug, Serialize)]
pub struct StatusEditPollOption {
    /// Its text.
    pub title: String,
}

impl From<&PollOption> for StatusEditPollOption {
    fn from(option: &PollOption) -> Self {
        Self { title: option.title.clone() }
    }
}

/// A post as its author typed it.
#[derive(Clone, Debug, Serialize)]
pub struct StatusSource {
    /// The post.
    pub id: PostId,
    /// The text as typed.
    pub text: String,
    /// The warning as typed.
    pub spoiler_text: String,
}
