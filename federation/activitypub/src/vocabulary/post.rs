//! Something said or shown.

use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use super::actor::web_page;
use super::audience::recipients;
use super::read::Document;
use super::{
    Activity, ActorKind, Attachment, Poll, Reference, Tag, Visibility, VocabularyError, limits,
};

/// What kind of object a post is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are ActivityStreams' own")]
pub enum PostKind {
    Note,
    Question,
    Article,
    Page,
    Image,
    Video,
    Audio,
    Event,
    Document,
}

impl PostKind {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Note" => Self::Note,
            "Question" => Self::Question,
            "Article" => Self::Article,
            "Page" => Self::Page,
            "Image" => Self::Image,
            "Video" => Self::Video,
            "Audio" => Self::Audio,
            "Event" => Self::Event,
            "Document" => Self::Document,
            _ => return None,
        })
    }
}

/// A remote post. Texts are HTML from a stranger: clean them before they are shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// Its id.
    pub id: Url,
    /// Its kind.
    pub kind: PostKind,
    /// Its author; of several, the first person.
    pub attributed_to: Url,
    /// The text.
    pub content: Option<String>,
    /// The text's language, where the post says it.
    pub language: Option<String>,
    /// A title; on a reply without text, a vote.
    pub name: Option<String>,
    /// A content warning, or an article's summary.
    pub summary: Option<String>,
    /// Whether media hide behind a warning.
    pub sensitive: bool,
    /// What it answers.
    pub in_reply_to: Option<Url>,
    /// When it was written.
    pub published: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated: Option<DateTime<Utc>>,
    /// Its web page.
    pub url: Option<Url>,
    /// Recipients. Everyone is always spelled [`super::PUBLIC`].
    pub to: Vec<Url>,
    /// More recipients.
    pub cc: Vec<Url>,
    /// Mentions, hashtags, emoji.
    pub tags: Vec<Tag>,
    /// Media and links.
    pub attachments: Vec<Attachment>,
    /// The answers, if it asks.
    pub poll: Option<Poll>,
    /// Its replies, as far as its author's server knows them.
    pub replies: Option<Reference>,
    /// The post it quotes (FEP-044f, and the older spellings).
    pub quote: Option<Url>,
    /// The quoted author's consent (FEP-044f), to be fetched and checked.
    pub quote_authorization: Option<Url>,
}

impl Post {
    /// Whether a document claims to be a post.
    pub fn is_post(value: &Value) -> bool {
        Document::part(value)
            .is_some_and(|document| document.types().iter().any(|t| PostKind::parse(t).is_some()))
    }

    /// What a post answers, read alone: for whoever must know before the rest matters.
    pub fn answered(value: &Value) -> Option<Url> {
        Document::part(value)?.url("inReplyTo")
    }

    /// Reads a post.
    pub fn parse(value: &Value) -> Result<Self, VocabularyError> {
        let document = Document::root(value)?;
        let kind = document
            .types()
            .into_iter()
            .find_map(PostKind::parse)
            .ok_or_else(|| VocabularyError::UnexpectedType(document.type_name()))?;
        let (content, language) = document.text_in_language("content", limits::CONTENT);
        let mut attachments = Attachment::list(document);
        if matches!(kind, PostKind::Video | PostKind::Audio | PostKind::Image) {
            attachments.extend(Attachment::of_media_object(document));
        }
        let quote = ["quote", "quoteUrl", "quoteUri", "_misskey_quote"];
        Ok(Self {
            id: document.id()?,
            kind,
            attributed_to: author(document).ok_or(VocabularyError::Missing("attributedTo"))?,
            content,
            language,
            name: document.text_in_language("name", limits::NAME).0,
            summary: document.text_in_language("summary", limits::SUMMARY).0,
            sensitive: document.boolean("sensitive").unwrap_or(false),
            in_reply_to: document.url("inReplyTo"),
            published: document.time("published"),
            updated: document.time("updated"),
            url: web_page(document),
            to: recipients(document, "to"),
            cc: recipients(document, "cc"),
            tags: Tag::list(document),
            attachments,
            poll: Poll::parse(document),
            replies: document.first("replies").and_then(Reference::parse),
            quote: quote.into_iter().find_map(|name| document.url(name)),
            quote_authorization: document.url("quoteAuthorization"),
        })
    }

    /// Reads a post that comes with the activity that publishes or changes it. Where it does not say
    /// whom it is for, the activity does: as with Mastodon, each of `to` and `cc` for itself, and an
    /// empty list says something.
    pub fn parse_within(value: &Value, activity: &Activity) -> Result<Self, VocabularyError> {
        let mut post = Self::parse(value)?;
        let is_silent = |name: &str| value.get(name).is_none_or(Value::is_null);
        if is_silent("to") {
            post.to.clone_from(&activity.to);
        }
        if is_silent("cc") {
            post.cc.clone_from(&activity.cc);
        }
        Ok(post)
    }

    /// Who may see it, given its author's followers collection.
    pub fn visibility(&self, followers: Option<&Url>) -> Visibility {
        Visibility::of(&self.to, &self.cc, followers)
    }
}

/// The author. A film has its maker and its channel: the person counts.
fn author(document: Document<'_>) -> Option<Url> {
    let person = document
        .parts("attributedTo", limits::LINKS)
        .into_iter()
        .find(|part| part.is(ActorKind::Person.as_str()))
        .and_then(|part| part.url("id"));
    person.or_else(|| document.url("attributedTo"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::vocabulary::{AttachmentKind, FocalPoint, PUBLIC, PollOption};

    #[test]
    fn a_note_is_read_whole() {
        let post = Post::parse(&json!({
            "id": "https://a.example/posts/1",
            "type": "Note",
            "attributedTo": "https://a.example/users/x",
            "content": "<p>hello</p>",
            "contentMap": {"en": "<p>hello</p>"},
            "summary": "warning",
            "sensitive": true,
            "inReplyTo": null,
            "published": "2026-11-22T11:05:37Z",
            "to": ["as:Public"],
            "cc": ["https://a.example/users/x/followers"],
            "tag": [
                {"type": "Mention", "href": "https://b.example/users/y", "name": "@y@b.example"},
                {"type": "Hashtag", "name": "#Cats", "href": "https://a.example/tags/cats"},
                {"type": "Emoji", "name": ":x:", "icon": {"url": "https://a.example/x.png"}},
                {"type": "Mystery"},
                "https://a.example/loose",
            ],
            "attachment": {
                "type": "Document", "mediaType": "image/png", "url": "https://a.example/1.png",
                "name": "a cat", "blurhash": "UBL", "focalPoint": [-0.5, 7],
                "width": 640, "height": "480",
            },
            "replies": {"id": "https://a.example/posts/1/replies", "type": "Collection"},
            "quoteUri": "https://b.example/posts/2",
        }))
        .unwrap();
        assert_eq!(post.kind, PostKind::Note);
        assert_eq!(post.language.as_deref(), Some("en"));
        assert_eq!(post.visibility(None), Visibility::Public);
        assert_eq!(post.to[0].as_str(), PUBLIC);
        assert_eq!(post.tags.len(), 3);
        let attachment = &post.attachments[0];
        assert_eq!(attachment.kind, AttachmentKind::Media);
        assert_eq!(attachment.focal_point, Some(FocalPoint { x: -0.5, y: 1.0 }));
        assert_eq!((attachment.width, attachment.height), (Some(640), Some(480)));
        assert_eq!(post.quote.unwrap().as_str(), "https://b.example/posts/2");
        assert!(post.replies.unwrap().embedded().is_some());
    }

    #[test]
    fn a_post_that_says_nothing_of_its_readers_has_those_of_its_activity() {
        let read = |mut object: serde_json::Value| {
            object["id"] = json!("https://a.example/posts/1");
            object["type"] = json!("Note");
            object["attributedTo"] = json!("https://a.example/users/x");
            let activity = Activity::parse(json!({
                "id": "https://a.example/1", "type": "Create", "actor": "https://a.example/users/x",
                "object": object, "to": [PUBLIC], "cc": ["https://b.example/users/y"],
            }));
            Post::parse_within(&object, &activity.unwrap()).unwrap()
        };
        let silent = read(json!({"to": null}));
        assert_eq!(silent.visibility(None), Visibility::Public);
        assert_eq!(silent.cc[0].as_str(), "https://b.example/users/y");
        let direct = read(json!({"to": "https://b.example/users/z", "cc": []}));
        assert_eq!(direct.visibility(None), Visibility::Direct);
        assert_eq!((direct.to.len(), direct.cc.len()), (1, 0));
    }

    #[test]
    fn a_question_is_read_with_its_votes() {
        let post = Post::parse(&json!({
            "id": "https://a.example/posts/1",
            "type": "Question",
            "attributedTo": "https://a.example/users/x",
            "content": "tea?",
            "anyOf": [
                {"type": "Note", "name": "yes", "replies": {"totalItems": 3}},
                {"type": "Note", "name": "no"},
            ],
            "oneOf": [],
            "endTime": "2026-11-23T00:00:00Z",
            "closed": true,
            "votersCount": 3,
        }))
        .unwrap();
        let poll = post.poll.unwrap();
        assert!(poll.multiple && poll.is_closed && poll.closed.is_none());
        assert_eq!(poll.options[0], PollOption { name: "yes".into(), votes: 3 });
        assert_eq!(poll.options[1].votes, 0);
        assert_eq!(poll.voters_count, Some(3));
    }

    #[test]
    fn a_film_has_its_maker_page_and_file() {
        let post = Post::parse(&json!({
            "id": "https://v.example/videos/1",
            "type": "Video",
            "name": "Cats",
            "attributedTo": [
                {"type": "Group", "id": "https://v.example/channels/c"},
                {"type": "Person", "id": "https://v.example/accounts/p"},
            ],
            "url": [
                {"type": "Link", "mediaType": "video/mp4", "href": "https://v.example/1.mp4", "height": 720},
                {"type": "Link", "mediaType": "text/html", "href": "https://v.example/w/1"},
            ],
        }))
        .unwrap();
        assert_eq!(post.attributed_to.as_str(), "https://v.example/accounts/p");
        assert_eq!(post.url.unwrap().as_str(), "https://v.example/w/1");
        assert_eq!(post.attachments[0].url.as_str(), "https://v.example/1.mp4");
        assert_eq!(post.attachments[0].height, Some(720));
    }

    #[test]
    fn a_link_post_keeps_its_link() {
        let post = Post::parse(&json!({
            "id": "https://l.example/post/1", "type": "Page", "name": "News",
            "attributedTo": "https://l.example/u/x",
            "attachment": [{"type": "Link", "href": "https://news.example/story"}],
        }))
        .unwrap();
        assert_eq!(post.attachments[0].kind, AttachmentKind::Link);
    }

    #[test]
    fn lists_and_texts_are_capped() {
        let tag = json!({"type": "Hashtag", "name": "#x"});
        let post = Post::parse(&json!({
            "id": "https://a.example/1", "type": "Note", "attributedTo": "https://a.example/x",
            "content": "x".repeat(limits::CONTENT + 100),
            "tag": vec![tag; limits::TAGS + 100],
            "to": vec!["https://b.example/y"; limits::RECIPIENTS + 100],
        }))
        .unwrap();
        assert_eq!(post.content.unwrap().len(), limits::CONTENT);
        assert_eq!(post.tags.len(), limits::TAGS);
        assert_eq!(post.to.len(), limits::RECIPIENTS);
    }
}
