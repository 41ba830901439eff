//! Posts.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use url::Url;

use super::{Addressing, context, put, texts, time};
use crate::vocabulary::FocalPoint;

/// A post of a local actor: a `Note`, or a `Question` when it has a poll.
#[derive(Debug, Clone, PartialEq)]
pub struct NoteDocument {
    /// Its id.
    pub id: Url,
    /// Its author.
    pub attributed_to: Url,
    /// Rendered HTML.
    pub content: String,
    /// The language of the text.
    pub language: Option<String>,
    /// Content warning.
    pub summary: Option<String>,
    /// Whether media hide behind a warning.
    pub sensitive: bool,
    /// What it answers.
    pub in_reply_to: Option<Url>,
    /// When it was written.
    pub published: DateTime<Utc>,
    /// When it was last changed.
    pub updated: Option<DateTime<Utc>>,
    /// Its web page.
    pub url: Url,
    /// Recipients.
    pub addressing: Addressing,
    /// Mentions, hashtags, emoji.
    pub tags: Vec<TagDocument>,
    /// Media.
    pub attachments: Vec<AttachmentDocument>,
    /// The answers, if it asks.
    pub poll: Option<PollDocument>,
    /// The collection of its replies.
    pub replies: Option<RepliesDocument>,
    /// The post it quotes.
    pub quote: Option<Url>,
    /// The quoted author's consent (FEP-044f).
    pub quote_authorization: Option<Url>,
    /// Who may quote it without asking (FEP-044f): actors or collections. `None` says nothing.
    pub quotable_by: Option<Vec<Url>>,
}

/// The collection of a post's replies, as it comes along with the post.
///
/// It is an object with an empty first page, as Mastodon has it: strict readers refuse a plain
/// string here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepliesDocument {
    /// The collection.
    pub id: Url,
    /// The first page that can be fetched.
    pub next: Url,
}

/// An entry of `tag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagDocument {
    /// Somebody is addressed.
    Mention {
        /// The actor's id.
        href: Url,
        /// `@user@host`.
        name: String,
    },
    /// A subject.
    Hashtag {
        /// The word, without its hash sign.
        name: String,
        /// Our page about it.
        href: Url,
    },
    /// A custom emoji.
    Emoji {
        /// Its id.
        id: Url,
        /// Its name without colons.
        shortcode: String,
        /// The picture.
        icon: Url,
        /// The picture's media type.
        media_type: String,
        /// When the picture last changed.
        updated: DateTime<Utc>,
    },
}

/// Media of a post.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachmentDocument {
    /// Where it is.
    pub url: Url,
    /// Its media type.
    pub media_type: String,
    /// Description.
    pub name: Option<String>,
    /// Stand-in while it loads.
    pub blurhash: Option<String>,
    /// Where to crop.
    pub focal_point: Option<FocalPoint>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
}

/// The answers of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollDocument {
    /// What can be chosen.
    pub options: Vec<PollOptionDocument>,
    /// Whether several may be chosen.
    pub multiple: bool,
    /// When voting ends.
    pub end_time: Option<DateTime<Utc>>,
    /// When it ended.
    pub closed: Option<DateTime<Utc>>,
    /// How many people voted.
    pub voters_count: u64,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollOptionDocument {
    /// Its text.
    pub name: String,
    /// Votes so far.
    pub votes: u64,
}

impl NoteDocument {
    /// The post with its context.
    pub fn build(&self) -> Value {
        let mut object = Map::new();
        put(&mut object, "@context", Some(context()));
        put(&mut object, "id", Some(self.id.as_str()));
        put(&mut object, "type", Some(if self.poll.is_some() { "Question" } else { "Note" }));
        put(&mut object, "attributedTo", Some(self.attributed_to.as_str()));
        put(&mut object, "summary", Some(Value::from(self.summary.as_deref())));
        let in_reply_to = self.in_reply_to.as_ref().map(Url::as_str);
        put(&mut object, "inReplyTo", Some(Value::from(in_reply_to)));
        put(&mut object, "published", Some(time(self.published)));
        put(&mut object, "updated", self.updated.map(time));
        put(&mut object, "url", Some(self.url.as_str()));
        self.addressing.put(&mut object);
        put(&mut object, "sensitive", Some(self.sensitive));
        put(&mut object, "content", Some(self.content.as_str()));
        if let Some(language) = &self.language {
            let mut map = Map::new();
            put(&mut map, language, Some(self.content.as_str()));
            put(&mut object, "contentMap", Some(map));
        }
        let attachments: Value = self.attachments.iter().map(AttachmentDocument::build).collect();
        put(&mut object, "attachment", Some(attachments));
        let tags: Value = self.tags.iter().map(TagDocument::build).collect();
        put(&mut object, "tag", Some(tags));
        put(&mut object, "replies", self.replies.as_ref().map(RepliesDocument::build));
        if let Some(quote) = &self.quote {
            for name in ["quote", "quoteUri", "_misskey_quote"] {
                put(&mut object, name, Some(quote.as_str()));
            }
        }
        let authorization = self.quote_authorization.as_ref().map(Url::as_str);
        put(&mut object, "quoteAuthorization", authorization);
        if let Some(approved) = &self.quotable_by {
            let policy = json!({"canQuote": {"automaticApproval": texts(approved)}});
            put(&mut object, "interactionPolicy", Some(policy));
        }
        if let Some(poll) = &self.poll {
            poll.put(&mut object);
        }
        Value::Object(object)
    }
}

impl RepliesDocument {
    fn build(&self) -> Value {
        json!({
            "id": self.id.as_str(),
            "type": "Collection",
            "first": {
                "type": "CollectionPage",
                "next": self.next.as_str(),
                "partOf": self.id.as_str(),
                "items": [],
            },
        })
    }
}

impl PollDocument {
    fn put(&self, object: &mut Map<String, Value>) {
        let options: Value = self
            .options
            .iter()
            .map(|option| {
                json!({
                    "type": "Note",
                    "name": option.name,
                    "replies": {"type": "Collection", "totalItems": option.votes},
                })
            })
            .collect();
        put(object, if self.multiple { "anyOf" } else { "oneOf" }, Some(options));
        put(object, "endTime", self.end_time.map(time));
        put(object, "closed", self.closed.map(time));
        put(object, "votersCount", Some(self.voters_count));
    }
}

impl TagDocument {
    pub(super) fn build(&self) -> Value {
        match self {
            Self::Mention { href, name } => {
                json!({"type": "Mention", "href": href.as_str(), "name": name})
            }
            Self::Hashtag { name, href } => {
                json!({"type": "Hashtag", "href": href.as_str(), "name": format!("#{name}")})
            }
            Self::Emoji { id, shortcode, icon, media_type, updated } => json!({
                "id": id.as_str(),
                "type": "Emoji",
                "name": format!(":{shortcode}:"),
                "updated": time(*updated),
                "icon": {"type": "Image", "mediaType": media_type, "url": icon.as_str()},
            }),
        }
    }
}

impl AttachmentDocument {
    fn build(&self) -> Value {
        let mut object = Map::new();
        put(&mut object, "type", Some("Document"));
        put(&mut object, "mediaType", Some(self.media_type.as_str()));
        put(&mut object, "url", Some(self.url.as_str()));
        put(&mut object, "name", Some(Value::from(self.name.as_deref())));
        put(&mut object, "blurhash", self.blurhash.as_deref());
        put(&mut object, "focalPoint", self.focal_point.map(|point| json!([point.x, point.y])));
        put(&mut object, "width", self.width);
        put(&mut object, "height", self.height);
        Value::Object(object)
    }
}

/// A vote: a note with nothing but the chosen answer's name, for the asker's eyes only. Goes out
/// inside a [`super::create`], one for each answer.
pub fn vote(id: &Url, voter: &Url, question: &Url, asker: &Url, answer: &str) -> Value {
    json!({
        "@context": context(),
        "id": id.as_str(),
        "type": "Note",
        "name": answer,
        "attributedTo": voter.as_str(),
        "to": [asker.as_str()],
        "inReplyTo": question.as_str(),
    })
}
