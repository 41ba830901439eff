//! Posts as documents: for those who fetch them and for those to whom they are delivered.

use activitypub::builders::{
    self, Addressing, AttachmentDocument, NoteDocument, PollDocument, PollOptionDocument,
    RepliesDocument, TagDocument,
};
use activitypub::vocabulary::{self, FocalPoint, parse_url};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::collections::first_page;
use crate::store::documents_posts::NoteRow;
use crate::{Social, Visibility};

#[derive(Deserialize)]
struct MentionPart {
    uri: String,
    username: String,
    domain: Option<String>,
    silent: bool,
}

#[derive(Deserialize)]
struct MediaPart {
    path: Option<String>,
    remote_url: Option<String>,
    content_type: String,
    description: Option<String>,
    blurhash: Option<String>,
    focus_x: Option<f32>,
    focus_y: Option<f32>,
    width: Option<u32>,
    height: Option<u32>,
}

#[derive(Deserialize)]
struct PollPart {
    multiple: bool,
    ends_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    voters_count: u64,
    options: Vec<OptionPart>,
}

#[derive(Deserialize)]
struct OptionPart {
    title: String,
    votes_count: u64,
}

impl Social {
    /// The object of a post (`Note` or `Question`), or the `Announce` of a boost. `None` where its
    /// id is no URL.
    pub(crate) fn render_post(&self, row: &NoteRow) -> Option<Value> {
        if row.boost_of_uri.is_some() { self.announce(row) } else { self.render_note(row) }
    }

    /// The activity that published it: a `Create` around the object, or the `Announce`.
    pub(crate) fn render_publication(&self, row: &NoteRow) -> Option<Value> {
        if row.boost_of_uri.is_some() {
            return self.announce(row);
        }
        let id = parse_url(&format!("{}/activity", row.uri))?;
        Some(builders::create(&id, &parse_url(&row.author_uri)?, &self.render_note(row)?))
    }

    fn announce(&self, row: &NoteRow) -> Option<Value> {
        let object = row.boost_of_uri.as_deref().and_then(parse_url)?;
        let boosted_author: Vec<Url> =
            row.boosted_author_uri.as_deref().and_then(parse_url).into_iter().collect();
        let addressing = self.addressing(row, &boosted_author)?;
        let actor = parse_url(&row.author_uri)?;
        Some(builders::announce(
            &parse_url(&row.uri)?,
            &actor,
            &object,
            row.created_at,
            &addressing,
        ))
    }

    fn render_note(&self, row: &NoteRow) -> Option<Value> {
        let mentions: Vec<MentionPart> = part(&row.mentions, "mentions", row);
        let mentioned: Vec<Url> =
            mentions.iter().filter_map(|mention| parse_url(&mention.uri)).collect();
        let mut tags: Vec<TagDocument> = mentions
            .iter()
            .filter(|mention| !mention.silent)
            .filter_map(|mention| self.mention_tag(mention))
            .collect();
        tags.extend(row.tags.iter().filter_map(|name| {
            let href = parse_url(&self.0.addresses.tag(name))?;
            Some(TagDocument::Hashtag { name: name.clone(), href })
        }));
        let media: Vec<MediaPart> = part(&row.media, "media", row);
        let poll: Option<PollPart> =
            row.poll.as_ref().and_then(|poll| part::<Option<PollPart>>(poll, "poll", row));
        let id = parse_url(&row.uri)?;
        Some(
            NoteDocument {
                attributed_to: parse_url(&row.author_uri)?,
                content: row.content_html.clone(),
                language: row.language.clone(),
                summary: Some(row.spoiler_text.clone()).filter(|text| !text.is_empty()),
                sensitive: row.sensitive,
                in_reply_to: row.in_reply_to_uri.as_deref().and_then(parse_url),
                published: row.created_at,
                updated: row.edited_at,
                url: self.own_url(&row.url),
                addressing: self.addressing(row, &mentioned)?,
                tags,
                attachments: media.into_iter().filter_map(|item| self.attachment(item)).collect(),
                poll: poll.map(poll_document),
                replies: parse_url(&format!("{}/replies", row.uri))
                    .map(|id| RepliesDocument { next: first_page(&id), id }),
                quote: None,
                quote_authorization: None,
                quotable_by: None,
                id,
            }
            .build(),
        )
    }

    fn addressing(&self, row: &NoteRow, mentioned: &[Url]) -> Option<Addressing> {
        let followers = match &row.author_followers_url {
            Some(stored) => parse_url(stored)?,
            None => parse_url(&format!("{}/followers", row.author_uri))?,
        };
        let visibility = match Visibility::from_number(row.visibility)? {
            Visibility::Public => vocabulary::Visibility::Public,
            Visibility::Unlisted => vocabulary::Visibility::Unlisted,
            Visibility::Private => vocabulary::Visibility::Private,
            Visibility::Direct => vocabulary::Visibility::Direct,
        };
        Some(Addressing::of(visibility, &followers, mentioned))
    }

    fn mention_tag(&self, mention: &MentionPart) -> Option<TagDocument> {
        let ours = self.settings().domain();
        let domain = mention.domain.as_deref().unwrap_or(&ours);
        let name = format!("@{}@{domain}", mention.username);
        Some(TagDocument::Mention { href: parse_url(&mention.uri)?, name })
    }

    fn attachment(&self, item: MediaPart) -> Option<AttachmentDocument> {
        let address = match (&item.path, &item.remote_url) {
            (Some(path), _) => self.0.addresses.media(path),
            (None, Some(remote)) => remote.clone(),
            (None, None) => return None,
        };
        Some(AttachmentDocument {
            url: parse_url(&address)?,
            media_type: item.content_type,
            name: item.description,
            blurhash: item.blurhash,
            focal_point: item.focus_x.zip(item.focus_y).map(|(x, y)| FocalPoint { x, y }),
            width: item.width,
            height: item.height,
        })
    }
}

fn poll_document(poll: PollPart) -> PollDocument {
    PollDocument {
        options: poll
            .options
            .into_iter()
            .map(|option| PollOptionDocument { name: option.title, votes: option.votes_count })
            .collect(),
        multiple: poll.multiple,
        end_time: poll.ends_at,
        closed: poll.closed_at,
        voters_count: poll.voters_count,
    }
}

/// A part of a row that is JSON; what is not of its shape counts as empty, with a line in the log.
fn part<T: serde::de::DeserializeOwned + Default>(
    value: &Value,
    what: &'static str,
    row: &NoteRow,
) -> T {
    T::deserialize(value).unwrap_or_else(|error| {
        tracing::warn!(what, post.id = %row.id, %error, "a stored part of a post cannot be read");
        T::default()
    })
}
