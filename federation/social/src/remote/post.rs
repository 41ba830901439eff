//! A remote post on its way into our tables: cleaned, capped, its people found.

use std::collections::HashSet;

use activitypub::origin::same_origin;
use activitypub::vocabulary::{self, AttachmentKind, Emoji, Post, PostKind, Tag};
use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use spine::{Cause, Snowflakes};
use url::Url;

use super::hosts::BlockList;
use super::known::Known;
use super::limits::{self, cut};
use crate::store::inbound_accounts::AccountRow;
use crate::store::inbound_posts::PostRow;
use crate::text;
use crate::write::posts::{
    Attachment, Distribution, EditedPost, Mention, PollOption, RemoteMedia, ReplyTo, StoredPoll,
    StoredPost, remote_id,
};
use crate::{AccountId, PollId, Visibility};

/// Longest language tag.
const LANGUAGE: usize = 16;

/// What a post is read with.
pub(crate) struct Reading<'a> {
    /// Accounts that it names, as far as they are known.
    pub(crate) known: &'a Known,
    /// Hosts whose pictures are not shown.
    pub(crate) blocked: &'a BlockList,
    /// Makes ids.
    pub(crate) snowflakes: &'a Snowflakes,
    /// Now.
    pub(crate) now: DateTime<Utc>,
    /// Whom the post is handed to.
    pub(crate) distribution: Distribution,
    /// The local account whose own inbox it came to: addressed, whatever the post says.
    pub(crate) delivered_to: Option<AccountId>,
    /// Why.
    pub(crate) cause: Cause,
}

/// A post ready to store, and whom it names that we do not know.
#[derive(Debug)]
pub(crate) struct ReadPost {
    pub(crate) stored: StoredPost,
    /// Mentioned actors that are not stored here.
    pub(crate) unknown_people: Vec<Url>,
    /// Whether it names or addresses one of our own.
    pub(crate) addresses_us: bool,
}

impl Reading<'_> {
    /// Reads a post by this author, who was checked to be its owner.
    pub(crate) fn read(&self, post: &Post, author: &AccountRow) -> ReadPost {
        let followers = author.followers_url.as_deref().and_then(vocabulary::parse_url);
        let visibility = visibility(post.visibility(followers.as_ref()));
        let published = self.moment(post.published);
        let people = self.people(post, author, visibility);
        let spoiler_text = spoiler(post);
        let mut stored = StoredPost::new(
            remote_id(published, self.now),
            post.id.as_str(),
            author.id,
            visibility,
            published,
        );
        stored.url = post.url.as_ref().unwrap_or(&post.id).as_str().to_owned();
        stored.kind = format!("{:?}", post.kind);
        stored.reply_to = match &post.in_reply_to {
            Some(parent) => ReplyTo::Uri(parent.as_str().to_owned()),
            None => ReplyTo::Nothing,
        };
        stored.content_html = content(post);
        stored.sensitive = post.sensitive || !spoiler_text.is_empty();
        stored.spoiler_text = spoiler_text;
        stored.language = post.language.as_deref().and_then(language);
        stored.emojis = emojis(post.tags.iter().filter_map(|tag| match tag {
            Tag::Emoji(emoji) => Some(emoji),
            Tag::Mention { .. } | Tag::Hashtag { .. } => None,
        }));
        stored.edited_at =
            post.updated.filter(|updated| *updated > published && *updated <= self.now);
        stored.replies_url = post
            .replies
            .as_ref()
            .and_then(vocabulary::Reference::id)
            .filter(|replies| same_origin(replies, &post.id))
            .map(String::from);
        stored.mentions = people.mentions;
        stored.tags = hashtags(&post.tags);
        stored.media = self.media(post);
        stored.poll = self.poll(post);
        stored.distribution = self.distribution;
        stored.cause = self.cause.clone();
        ReadPost { stored, unknown_people: people.unknown, addresses_us: people.addresses_us }
    }

    /// When something happened, as its server says, within reason: never in the future, never
    /// before there were such servers.
    fn moment(&self, claimed: Option<DateTime<Utc>>) -> DateTime<Utc> {
        let oldest = self.now - Duration::days(20 * 366);
        claimed.map_or(self.now, |time| time.clamp(oldest, self.now))
    }

    fn people(&self, post: &Post, author: &AccountRow, visibility: Visibility) -> People {
        let mut people = People::default();
        let mut seen: HashSet<&Url> = HashSet::new();
        for tag in &post.tags {
            let Tag::Mention { href, .. } = tag else { continue };
            if !seen.insert(href) || seen.len() > limits::MENTIONS {
                continue;
            }
            match self.known.account(href) {
                Some(account) if account.is_active() => people.add(account.id, false, account),
                Some(_) => {}
                None if self.blocked.blocks(href) => {}
                None => people.unknown.push(href.clone()),
            }
        }
        // Addressed without being named: they may see it. Strangers among the addressed are their
        // own server's business.
        for recipient in post.to.iter().chain(&post.cc) {
            if let Some(account) = self.known.local_account(recipient)
                && account.id != author.id
                && seen.insert(recipient)
            {
                people.add(account.id, true, account);
            }
        }
        // Whoever gets it in his own inbox is meant, also where the post keeps that to itself (`bcc`).
        if let Some(account) = self.delivered_to
            && matches!(visibility, Visibility::Private | Visibility::Direct)
        {
            people.addresses_us = true;
            if people.mentions.iter().all(|mention| mention.account != account) {
                people.mentions.push(Mention { account, silent: true });
            }
        }
        people
    }

    fn media(&self, post: &Post) -> Vec<Attachment> {
        post.attachments
            .iter()
            .filter(|item| item.kind == AttachmentKind::Media && !self.blocked.blocks(&item.url))
            .take(limits::ATTACHMENTS)
            .map(|item| {
                let content_type = item
                    .media_type
                    .clone()
                    .or_else(|| guess_type(&item.url).map(str::to_owned))
                    .unwrap_or_else(|| "application/octet-stream".to_owned());
                Attachment::Remote(RemoteMedia {
                    kind: media_kind(&content_type).to_owned(),
                    content_type,
                    url: item.url.as_str().to_owned(),
                    preview_url: None,
                    description: item.name.clone(),
                    blurhash: item.blurhash.clone().filter(|hash| hash.is_ascii()),
                    focus: item.focal_point.map(|point| (point.x, point.y)),
                    width: item.width.and_then(|pixels| i32::try_from(pixels).ok()),
                    height: item.height.and_then(|pixels| i32::try_from(pixels).ok()),
                })
            })
            .collect()
    }

    fn poll(&self, post: &Post) -> Option<StoredPoll> {
        let poll = post.poll.as_ref().filter(|_| post.kind == PostKind::Question)?;
        let options: Vec<PollOption> = poll
            .options
            .iter()
            .take(limits::POLL_OPTIONS)
            .map(|option| PollOption {
                title: cut(&option.name, limits::POLL_OPTION_TEXT),
                votes_count: bounded(option.votes),
            })
            .collect();
        let votes = options.iter().map(|option| option.votes_count).sum();
        Some(StoredPoll {
            id: PollId(self.snowflakes.next()),
            multiple: poll.multiple,
            hide_totals: false,
            ends_at: poll.closed.or(poll.end_time).or(poll.is_closed.then_some(self.now)),
            voters_count: poll.voters_count.map_or(votes, bounded),
            options,
        })
    }
}

/// The same as a change of a stored post. The server says when it changed; one that forgets is
/// taken to have changed now.
pub(crate) fn edited(
    stored: &PostRow,
    new: StoredPost,
    document: &Post,
    now: DateTime<Utc>,
) -> EditedPost {
    let edited_at = document.updated.filter(|updated| *updated <= now).unwrap_or(now);
    EditedPost {
        post: stored.id,
        content_html: new.content_html,
        content_text: None,
        spoiler_text: new.spoiler_text,
        sensitive: new.sensitive,
        language: new.language,
        emojis: new.emojis,
        mentions: new.mentions,
        tags: new.tags,
        media: new.media,
        media_changes: Vec::new(),
        poll: new.poll,
        edited_at,
        cause: new.cause,
    }
}

#[derive(Default)]
struct People {
    mentions: Vec<Mention>,
    unknown: Vec<Url>,
    addresses_us: bool,
}

impl People {
    fn add(&mut self, account: AccountId, silent: bool, row: &AccountRow) {
        self.mentions.push(Mention { account, silent });
        self.addresses_us |= row.is_local();
    }
}

/// Counts that a server claims; sums of them must not overflow.
fn bounded(count: u64) -> i64 {
    i64::try_from(count.min(1_000_000_000_000)).unwrap_or(i64::MAX)
}

fn visibility(claimed: vocabulary::Visibility) -> Visibility {
    match claimed {
        vocabulary::Visibility::Public => Visibility::Public,
        vocabulary::Visibility::Unlisted => Visibility::Unlisted,
        vocabulary::Visibility::Private => Visibility::Private,
        vocabulary::Visibility::Direct => Visibility::Direct,
    }
}

/// A note's summary warns of its content; an article's only sums it up.
fn spoiler(post: &Post) -> String {
    let warns = matches!(post.kind, PostKind::Note | PostKind::Question) || post.sensitive;
    post.summary
        .as_deref()
        .filter(|_| warns)
        .map(|summary| cut(summary, limits::SUMMARY))
        .unwrap_or_default()
}

/// The text for people. What is no note gets its title above and its page below, as Mastodon shows
/// such things.
fn content(post: &Post) -> String {
    let text = post.content.as_deref().map(text::clean_html).unwrap_or_default();
    if matches!(post.kind, PostKind::Note | PostKind::Question) {
        return text;
    }
    let mut html = String::new();
    if let Some(name) = &post.name {
        html.push_str("<p><strong>");
        html.push_str(&html_escape::encode_text(name));
        html.push_str("</strong></p>");
    }
    html.push_str(&text);
    let linked = post.attachments.iter().find(|item| item.kind == AttachmentKind::Link);
    let page = linked.map(|item| &item.url).or(post.url.as_ref()).unwrap_or(&post.id);
    let escaped = html_escape::encode_double_quoted_attribute(page.as_str());
    html.push_str(&format!(r#"<p><a href="{escaped}">{escaped}</a></p>"#));
    text::clean_html(&html)
}

/// A language tag, where it looks like one.
fn language(claimed: &str) -> Option<String> {
    let plain = claimed.len() <= LANGUAGE
        && claimed.chars().all(|character| character.is_ascii_alphanumeric() || character == '-');
    (plain && claimed.len() >= 2).then(|| claimed.to_owned())
}

/// Custom emojis as Mastodon's API lists them; of several with one name the first counts.
pub(crate) fn emojis<'a>(emojis: impl Iterator<Item = &'a Emoji>) -> serde_json::Value {
    let mut seen = HashSet::new();
    let list = emojis
        .filter(|emoji| {
            let code = emoji.shortcode.as_str();
            code.chars().count() <= limits::EMOJI_TEXT
                && code
                    .chars()
                    .all(|character| character.is_alphanumeric() || "_-+.".contains(character))
                && seen.insert(code)
        })
        .take(limits::EMOJIS)
        .map(|emoji| json!({ "shortcode": emoji.shortcode, "url": emoji.icon.as_str() }))
        .collect();
    serde_json::Value::Array(list)
}

fn hashtags(tags: &[Tag]) -> Vec<String> {
    let mut names = Vec::new();
    for tag in tags {
        let Tag::Hashtag { name, .. } = tag else { continue };
        let name = name.to_lowercase();
        let plain = name.chars().count() <= limits::HASHTAG_TEXT
            && name
                .chars()
                .all(|character| character.is_alphanumeric() || "_·・".contains(character));
        if plain && !names.contains(&name) && names.len() < limits::HASHTAGS {
            names.push(name);
        }
    }
    names
}

fn media_kind(content_type: &str) -> &'static str {
    match content_type.split('/').next() {
        Some("image") => "image",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "unknown",
    }
}

/// The media type that an address's ending suggests; many servers leave it out.
fn guess_type(url: &Url) -> Option<&'static str> {
    let (_, ending) = url.path().rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "mov" => "video/quicktime",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use spine::Clock;

    use super::*;

    fn author() -> AccountRow {
        AccountRow {
            id: AccountId::from_number(1),
            uri: "https://a.example/x".to_owned(),
            username: "x".to_owned(),
            domain: Some("a.example".to_owned()),
            locked: false,
            suspended: false,
            deleted: false,
            followers_url: Some("https://a.example/x/followers".to_owned()),
            featured_url: None,
            also_known_as: Vec::new(),
            fetched_at: None,
        }
    }

    fn read(document: serde_json::Value) -> ReadPost {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let reading = Reading {
            known: &Known::default(),
            blocked: &BlockList::new(["bad.example".to_owned()]),
            snowflakes: &Snowflakes::new(Clock::manual(now), 1),
            now,
            distribution: Distribution::Everyone,
            delivered_to: None,
            cause: Cause::system(),
        };
        reading.read(&Post::parse(&document).unwrap(), &author())
    }

    #[test]
    fn unbounded_fields_are_capped() {
        let tags: Vec<_> = (0..2_000)
            .map(|number| json!({"type": "Hashtag", "name": format!("#t{number}")}))
            .collect();
        let media: Vec<_> = (0..500)
            .map(|number| {
                json!({"type": "Image", "url": format!("https://a.example/{number}.png"),
                                 "name": "d".repeat(20_000)})
            })
            .collect();
        let read = read(json!({
            "id": "https://a.example/1", "type": "Note", "attributedTo": "https://a.example/x",
            "content": "x".repeat(900_000), "summary": "s".repeat(100_000),
            "tag": tags, "attachment": media, "published": "2999-01-01T00:00:00Z",
        }));
        assert!(read.stored.content_html.len() <= 300_000);
        assert_eq!(read.stored.spoiler_text.len(), limits::SUMMARY);
        assert!(read.stored.tags.len() <= limits::HASHTAGS);
        assert_eq!(read.stored.media.len(), limits::ATTACHMENTS);
        let Attachment::Remote(media) = &read.stored.media[0] else { panic!("not remote") };
        assert!(media.description.as_ref().unwrap().len() <= 10_000);
        assert_eq!(read.stored.created_at.timestamp(), 1_800_000_000);
    }

    #[test]
    fn text_is_cleaned_and_blocked_media_are_left_out() {
        let read = read(json!({
            "id": "https://a.example/1", "type": "Note", "attributedTo": "https://a.example/x",
            "content": "<p onclick='x()'>hi<script>alert(1)</script><form>f</form></p>",
            "attachment": [{"type": "Image", "url": "https://cdn.bad.example/1.png"},
                           {"type": "Document", "url": "https://a.example/1.mp4"}],
        }));
        let html = &read.stored.content_html;
        assert!(html.contains("hi"), "{html}");
        for bad in ["onclick", "<script", "<form"] {
            assert!(!html.contains(bad), "{html}");
        }
        assert_eq!(read.stored.media.len(), 1);
        let Attachment::Remote(media) = &read.stored.media[0] else { panic!("not remote") };
        assert_eq!(media.kind, "video");
    }

    #[test]
    fn an_article_shows_its_title_and_its_page() {
        let read = read(json!({
            "id": "https://a.example/1", "type": "Article", "attributedTo": "https://a.example/x",
            "name": "A <title>", "summary": "abstract", "content": "<p>text</p>",
            "url": "https://a.example/page",
        }));
        let html = &read.stored.content_html;
        assert!(html.contains("A &lt;title&gt;") && html.contains("text"), "{html}");
        assert!(html.contains("https://a.example/page"), "{html}");
        assert_eq!(read.stored.spoiler_text, "");
    }
}
