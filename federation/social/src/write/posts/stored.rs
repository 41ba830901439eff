//! A post as it is to be stored, made from a person's form or a remote document.

use chrono::{DateTime, Utc};
use spine::Cause;

use crate::{AccountId, MediaId, PollId, PostId, Visibility};

/// A post or boost to store. Strings and lists are already cleaned and capped.
#[derive(Clone, Debug)]
pub struct StoredPost {
    /// Its id: the next snowflake for a local post, [`super::remote_id`] for a remote one, which
    /// may be changed where it is taken.
    pub id: PostId,
    /// Its ActivityPub id.
    pub uri: String,
    /// Its page for people.
    pub url: String,
    /// Who wrote (or boosted) it.
    pub author: AccountId,
    /// Whether it was made here.
    pub local: bool,
    /// Its ActivityStreams type: `Note`, `Question`, `Article`, `Announce` and so on.
    pub kind: String,
    /// The boosted post, where this is a boost.
    pub boost_of: Option<PostId>,
    /// What it answers.
    pub reply_to: ReplyTo,
    /// Who it is for.
    pub visibility: Visibility,
    /// Its text, clean HTML.
    pub content_html: String,
    /// Local: the source as typed.
    pub content_text: Option<String>,
    /// Its content warning, plain text.
    pub spoiler_text: String,
    /// Whether its attachments are hidden at first.
    pub sensitive: bool,
    /// ISO 639 code.
    pub language: Option<String>,
    /// Custom emojis: a JSON array of `{shortcode, url}`.
    pub emojis: serde_json::Value,
    /// The app it was written with.
    pub application: Option<Application>,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// When it was last edited before we saw it.
    pub edited_at: Option<DateTime<Utc>>,
    /// Where its replies are listed.
    pub replies_url: Option<String>,
    /// Accounts it names or addresses.
    pub mentions: Vec<Mention>,
    /// Hashtags, lower case, without `#`.
    pub tags: Vec<String>,
    /// Attachments in order.
    pub media: Vec<Attachment>,
    /// Its poll.
    pub poll: Option<StoredPoll>,
    /// Whom it is handed to.
    pub distribution: Distribution,
    /// Why: carried by its events.
    pub cause: Cause,
}

impl StoredPost {
    /// A post without text that is handed to everyone it is for.
    pub fn new(
        id: PostId,
        uri: impl Into<String>,
        author: AccountId,
        visibility: Visibility,
        created_at: DateTime<Utc>,
    ) -> Self {
        let uri = uri.into();
        Self {
            id,
            url: uri.clone(),
            uri,
            author,
            local: false,
            kind: "Note".to_owned(),
            boost_of: None,
            reply_to: ReplyTo::Nothing,
            visibility,
            content_html: String::new(),
            content_text: None,
            spoiler_text: String::new(),
            sensitive: false,
            language: None,
            emojis: serde_json::Value::Array(Vec::new()),
            application: None,
            created_at,
            edited_at: None,
            replies_url: None,
            mentions: Vec::new(),
            tags: Vec::new(),
            media: Vec::new(),
            poll: None,
            distribution: Distribution::Everyone,
            cause: Cause::system(),
        }
    }
}

/// What a post answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyTo {
    /// Nothing.
    Nothing,
    /// The post with this ActivityPub id, stored or not.
    Uri(String),
    /// A stored post, loaded before.
    Known {
        /// Its id.
        post: PostId,
        /// Its author.
        author: AccountId,
        /// Its conversation.
        conversation: i64,
    },
}

/// Whom a new post is handed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Home timelines and notifications.
    Everyone,
    /// Nobody: fetched for context, or too old to be news.
    Nobody,
}

/// An account that a post names or addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Who.
    pub account: AccountId,
    /// Addressed, not named in the text.
    pub silent: bool,
}

/// The app that a post was written with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its page.
    pub website: Option<String>,
}

/// An attachment of a post.
#[derive(Clone, Debug, PartialEq)]
pub enum Attachment {
    /// A finished upload of the author.
    Uploaded(MediaId),
    /// A file elsewhere.
    Remote(RemoteMedia),
}

/// What an edit changes of an attachment. `None`: as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaChange {
    /// The attachment, an upload of the author.
    pub id: MediaId,
    /// What it shows; empty takes the description away.
    pub description: Option<String>,
    /// The point that must stay visible when it is cropped: x and y from -1 to 1.
    pub focus: Option<(f32, f32)>,
}

/// An attachment that lives elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoteMedia {
    /// Mastodon's kind: `image`, `gifv`, `video`, `audio`, `unknown`.
    pub kind: String,
    /// Its media type.
    pub content_type: String,
    /// Its address.
    pub url: String,
    /// Address of a smaller picture of it.
    pub preview_url: Option<String>,
    /// Text for those who cannot see it.
    pub description: Option<String>,
    /// Its blurhash.
    pub blurhash: Option<String>,
    /// What must stay visible when it is cropped: x and y from -1 to 1.
    pub focus: Option<(f32, f32)>,
    /// Width in pixels.
    pub width: Option<i32>,
    /// Height in pixels.
    pub height: Option<i32>,
}

/// A poll of a post.
#[derive(Clone, Debug)]
pub struct StoredPoll {
    /// Its id.
    pub id: PollId,
    /// Its options in order.
    pub options: Vec<PollOption>,
    /// Whether one person may choose several.
    pub multiple: bool,
    /// Whether counts are hidden until it ends.
    pub hide_totals: bool,
    /// When it ends.
    pub ends_at: Option<DateTime<Utc>>,
    /// People who voted, as far as its server says.
    pub voters_count: i64,
}

/// An option of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollOption {
    /// Its text.
    pub title: String,
    /// Its votes, as far as its server says.
    pub votes_count: i64,
}

/// What became of one [`StoredPost`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// The stored post's id; that of the earlier one where it was known. Meaningless for
    /// [`Outcome::Deleted`] and [`Outcome::Refused`].
    pub post: PostId,
    /// What happened.
    pub outcome: Outcome,
    /// The answered post's ActivityPub id, where that is not stored here: worth fetching.
    pub waits_for: Option<String>,
}

/// What happened with a post to store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored now.
    New,
    /// It was stored before; nothing changed.
    Known,
    /// Its author deleted it before; nothing changed.
    Deleted,
    /// Its author is suspended, deleted or unknown; nothing changed.
    Refused,
}
