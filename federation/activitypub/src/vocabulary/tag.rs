//! Mentions, hashtags and custom emoji.

use chrono::{DateTime, Utc};
use url::Url;

use super::limits;
use super::read::Document;

/// An entry of `tag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tag {
    /// Somebody is addressed.
    Mention {
        /// The actor's id.
        href: Url,
        /// How the text calls them.
        name: Option<String>,
    },
    /// A subject.
    Hashtag {
        /// The word, without its hash sign.
        name: String,
        /// The sender's page about it.
        href: Option<Url>,
    },
    /// A picture in the text.
    Emoji(Emoji),
}

/// A custom emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emoji {
    /// Its id, if it has one.
    pub id: Option<Url>,
    /// Its name in texts, without colons.
    pub shortcode: String,
    /// The picture.
    pub icon: Url,
    /// The picture's media type, as the sender says.
    pub media_type: Option<String>,
    /// When the picture last changed.
    pub updated: Option<DateTime<Utc>>,
}

impl Tag {
    pub(super) fn list(document: Document<'_>) -> Vec<Self> {
        document.parts("tag", limits::TAGS).into_iter().filter_map(Self::parse).collect()
    }

    pub(super) fn emojis(document: Document<'_>) -> Vec<Emoji> {
        Self::list(document)
            .into_iter()
            .filter_map(|tag| match tag {
                Self::Emoji(emoji) => Some(emoji),
                Self::Mention { .. } | Self::Hashtag { .. } => None,
            })
            .collect()
    }

    fn parse(part: Document<'_>) -> Option<Self> {
        let name = part.text("name", limits::NAME);
        if part.is("Mention") {
            Some(Self::Mention { href: part.url("href")?, name })
        } else if part.is("Hashtag") {
            let name = name?.trim_start_matches('#').to_owned();
            (!name.is_empty()).then(|| Self::Hashtag { name, href: part.url("href") })
        } else if part.is("Emoji") {
            let icon = part.first("icon").and_then(Document::part)?;
            let shortcode = name?.trim_matches(':').to_owned();
            Some(Self::Emoji(Emoji {
                id: part.url("id"),
                shortcode: Some(shortcode).filter(|code| !code.is_empty())?,
                icon: icon.links("url").into_iter().next()?.href,
                media_type: icon.text("mediaType", limits::TOKEN),
                updated: part.time("updated"),
            }))
        } else {
            None
        }
    }
}
