//! Posts and polls.

use chrono::{DateTime, Utc};

use super::account::{display_acct, emojis};
use super::{Addresses, media_view, read_json};
use crate::read::cache::epochs::{Slot, Thing};
use crate::read::entities::{
    Application, MediaAttachment, Mention, Poll, PollOption, Shared, StatusBody, StatusEditPoll,
    StatusEditPollOption, StatusTag, Timestamp,
};
use crate::store::read_posts::{MediaRow, MentionRow, PollRow, PostRow, TagRow};
use crate::{AccountId, PollId, PostId, Visibility};

/// What every viewer of a post sees alike, with what else its entity is put together from.
#[derive(Debug)]
pub(crate) struct PostView {
    pub body: Shared<StatusBody>,
    pub author: AccountId,
    /// Whether it replies to somebody else: also where that post is not known here.
    pub replies_to_others: bool,
    pub poll: Option<PollView>,
    /// What it was made from.
    pub things: Box<[Slot]>,
}

impl PostView {
    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        1_024
            + self.body.content.len()
            + self.body.media_attachments.len() * 640
            + self.body.mentions.len() * 256
            + self.body.tags.len() * 128
            + self.poll.as_ref().map_or(0, |poll| poll.options.len() * 128)
    }
}

/// A poll before a viewer looks at it.
#[derive(Debug)]
pub(crate) struct PollView {
    pub id: PollId,
    multiple: bool,
    hide_totals: bool,
    /// When it ends.
    pub ends_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    voters: i64,
    options: Vec<(String, i64)>,
}

impl PollView {
    fn new(row: PollRow) -> Self {
        Self {
            id: PollId::from_number(row.id),
            multiple: row.multiple,
            hide_totals: row.hide_totals,
            ends_at: row.ends_at,
            closed_at: row.closed_at,
            voters: row.voters_count,
            options: row.titles.into_iter().zip(row.votes).collect(),
        }
    }

    /// The texts of its options.
    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.options.iter().map(|(title, _)| title.as_str())
    }

    /// The poll as a viewer sees it now. `voted`: the options it chose, none for strangers.
    pub fn show(&self, now: DateTime<Utc>, voted: Option<Vec<i16>>, is_author: bool) -> Poll {
        let ends_at = self.closed_at.or(self.ends_at);
        let expired = ends_at.is_some_and(|end| end <= now);
        let hidden = self.hide_totals && !expired;
        Poll {
            id: self.id,
            expires_at: ends_at.map(Timestamp),
            expired,
            multiple: self.multiple,
            votes_count: self.options.iter().map(|(_, votes)| votes).sum(),
            voters_count: Some(self.voters),
            options: self
                .options
                .iter()
                .map(|(title, votes)| PollOption {
                    title: title.clone(),
                    votes_count: (!hidden).then_some(*votes),
                })
                .collect(),
            emojis: Vec::new(),
            voted: voted.as_ref().map(|positions| is_author || !positions.is_empty()),
            own_votes: voted,
        }
    }
}

/// What a post is made of beside its row.
#[derive(Default)]
pub(crate) struct PostParts {
    pub media: Vec<MediaRow>,
    pub mentions: Vec<MentionRow>,
    pub tags: Vec<TagRow>,
    pub poll: Option<PollRow>,
}

/// The view of a row; none (with a line in the log) for a row that no client could read.
pub(crate) fn post_view(row: PostRow, parts: PostParts, addresses: &Addresses) -> Option<PostView> {
    let Some(visibility) = Visibility::from_number(row.visibility) else {
        tracing::error!(
            post.id = row.id,
            visibility = row.visibility,
            "a post is left out: its visibility is unknown"
        );
        return None;
    };
    let id = PostId::from_number(row.id);
    let mut things = vec![Thing::Post(id)];
    things.extend(
        parts.mentions.iter().map(|m| Thing::Profile(AccountId::from_number(m.account_id))),
    );
    let is_reply = row.in_reply_to_id.is_some() || row.in_reply_to_uri.is_some();
    let replies_to_others = is_reply && row.in_reply_to_account_id != Some(row.author_id);
    if row.in_reply_to_id.is_none() {
        things.extend(row.in_reply_to_uri.map(Thing::Address));
    }
    let body = StatusBody {
        id,
        created_at: row.created_at.into(),
        in_reply_to_id: row.in_reply_to_id.map(PostId::from_number),
        in_reply_to_account_id: row.in_reply_to_account_id.map(AccountId::from_number),
        sensitive: row.sensitive,
        spoiler_text: row.spoiler_text,
        visibility,
        language: row.language.filter(|language| !language.is_empty()),
        uri: row.uri,
        url: row.url,
        replies_count: row.replies_count,
        reblogs_count: row.boosts_count,
        favourites_count: row.favourites_count,
        edited_at: row.edited_at.map(Timestamp),
        content: row.content_html,
        application: row
            .application_name
            .map(|name| Application { name, website: row.application_website }),
        media_attachments: parts
            .media
            .into_iter()
            .map(|media| media_view(media, addresses))
            .collect(),
        mentions: parts
            .mentions
            .into_iter()
            .map(|mention| Mention {
                id: AccountId::from_number(mention.account_id),
                acct: display_acct(&mention.username, mention.domain.as_deref()),
                username: mention.username,
                url: mention.url,
            })
            .collect(),
        tags: parts
            .tags
            .into_iter()
            .map(|tag| StatusTag { url: addresses.tag(&tag.name), name: tag.name })
            .collect(),
        emojis: emojis(row.emojis, "post.emojis", row.id),
        card: row.card.filter(serde_json::Value::is_object),
    };
    Some(PostView {
        body: Shared::new(body),
        author: AccountId::from_number(row.author_id),
        replies_to_others,
        poll: parts.poll.map(PollView::new),
        things: things.iter().map(Slot::from).collect(),
    })
}

/// The attachments of an earlier version, kept as rows of `social.media`.
pub(crate) fn edit_media(
    stored: serde_json::Value,
    addresses: &Addresses,
    post: i64,
) -> Vec<MediaAttachment> {
    let rows: Vec<MediaRow> = read_json(stored, "post_edit.media", post);
    rows.into_iter().map(|row| media_view(row, addresses)).collect()
}

/// The poll of an earlier version.
pub(crate) fn edit_poll(stored: Option<serde_json::Value>, post: i64) -> Option<StatusEditPoll> {
    let titles: Vec<String> = read_json(stored?, "post_edit.poll_options", post);
    (!titles.is_empty()).then(|| StatusEditPoll {
        options: titles.into_iter().map(|title| StatusEditPollOption { title }).collect(),
    })
}
