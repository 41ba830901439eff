//! Editing a post: the version before is kept.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use spine::{Cause, Tx};

use super::stored::{Attachment, MediaChange, Mention, StoredPoll};
use crate::events::PostEdited;
use crate::store::media_uploads;
use crate::store::write_edits::{self as store, Current, NewText};
use crate::store::write_notifications::local_boosters;
use crate::store::write_posts::{self, MediaColumns, PollColumns};
use crate::store::write_votes;
use crate::write::notifications::{self, Wanted};
use crate::write::record;
use crate::{AccountId, PostId, Social, SocialError, Visibility};

/// A post's new version, whole.
#[derive(Clone, Debug)]
pub struct EditedPost {
    /// The post.
    pub post: PostId,
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
    /// Accounts it names or addresses.
    pub mentions: Vec<Mention>,
    /// Hashtags, lower case, without `#`.
    pub tags: Vec<String>,
    /// Attachments in order.
    pub media: Vec<Attachment>,
    /// What changes of its uploads. What names another file than its attachments means nothing.
    pub media_changes: Vec<MediaChange>,
    /// Its poll; other options than before drop the votes.
    pub poll: Option<StoredPoll>,
    /// When it was edited.
    pub edited_at: DateTime<Utc>,
    /// Why: carried by its events.
    pub cause: Cause,
}

/// Edits a post. `false` where there is nothing new: the post is unknown, a version as new is
/// already stored, or only a poll's counts differ (those are taken over).
///
/// # Errors
/// [`SocialError::Invalid`] where an upload is not the author's; the store failed. The transaction
/// must then be dropped.
pub async fn edit(social: &Social, tx: &mut Tx, edited: &EditedPost) -> Result<bool, SocialError> {
    let number = edited.post.number();
    let Some(current) = store::lock(tx.conn(), number).await? else { return Ok(false) };
    let Some(visibility) = Visibility::from_number(current.visibility) else { return Ok(false) };
    if current.edited_at.is_some_and(|known| known >= edited.edited_at) {
        return Ok(false);
    }
    let same_poll = has_same_poll(&current, edited.poll.as_ref());
    let before = media_before(&current);
    let same_media = has_same_media(&before, &edited.media);
    let changes = real_changes(&before, edited);
    if same_poll && same_media && changes.is_empty() && has_same_text(&current, edited) {
        if let Some(poll) = edited.poll.as_ref().filter(|_| !current.local) {
            take_counts(social, tx, number, poll).await?;
        }
        return Ok(false);
    }

    let now = social.spine().clock().now();
    store::keep_version(tx.conn(), number).await?;
    let text = NewText {
        content_html: &edited.content_html,
        content_text: edited.content_text.as_deref(),
        spoiler_text: &edited.spoiler_text,
        sensitive: edited.sensitive,
        language: edited.language.as_deref(),
        emojis: &edited.emojis,
        edited_at: edited.edited_at,
    };
    store::change(tx.conn(), number, &text).await?;
    let tags: Vec<&str> = edited.tags.iter().map(String::as_str).collect();
    store::set_tags(tx.conn(), number, &tags).await?;
    if !same_media {
        replace_media(social, tx, &current, edited, now).await?;
    }
    for change in changes {
        let (id, text) = (change.id.number(), change.description.as_deref());
        media_uploads::change_posted(tx.conn(), number, id, text, change.focus).await?;
    }
    if !same_poll {
        replace_poll(tx, number, edited.poll.as_ref(), now).await?;
    } else if let Some(poll) = edited.poll.as_ref().filter(|_| !current.local) {
        take_counts(social, tx, number, poll).await?;
    }
    let mut wanted = add_mentions(tx, &current, edited).await?;

    let before = tx.cause().clone();
    tx.set_cause(edited.cause.clone());
    record(
        social,
        tx,
        &PostEdited {
            post: edited.post,
            uri: current.uri.clone(),
            author: AccountId::from_number(current.author_id),
            local: current.local,
            visibility,
        },
    )?;
    tx.set_cause(before);

    // The newer "update" notification replaces the older one.
    let boosters: Vec<Wanted> = local_boosters(tx.conn(), number)
        .await?
        .into_iter()
        .map(|booster| Wanted {
            account: AccountId::from_number(booster),
            kind: "update",
            from: AccountId::from_number(current.author_id),
            post: Some(edited.post),
            cause: edited.cause.clone(),
        })
        .collect();
    notifications::withdraw(tx, &boosters).await?;
    wanted.extend(boosters);
    notifications::make(social, tx, &wanted).await?;
    Ok(true)
}

fn has_same_text(current: &Current, edited: &EditedPost) -> bool {
    current.content_html == edited.content_html
        && current.content_text == edited.content_text
        && current.spoiler_text == edited.spoiler_text
        && current.sensitive == edited.sensitive
        && current.language == edited.language
}

fn has_same_poll(current: &Current, poll: Option<&StoredPoll>) -> bool {
    match (&current.poll_options, poll) {
        (None, None) => true,
        (Some(before), Some(after)) => {
            current.poll_multiple == Some(after.multiple)
                && before.iter().eq(after.options.iter().map(|option| &option.title))
        }
        _ => false,
    }
}

/// What of an attachment an edit compares.
#[derive(Deserialize)]
struct CurrentMedia {
    id: i64,
    remote_url: Option<String>,
    description: Option<String>,
    focus_x: Option<f32>,
    focus_y: Option<f32>,
}

fn media_before(current: &Current) -> Vec<CurrentMedia> {
    serde_json::from_value(current.media.clone()).unwrap_or_default()
}

/// The changes of attachments that the post keeps or gets, without those that change nothing:
/// clients send all descriptions with every edit.
fn real_changes<'a>(before: &[CurrentMedia], edited: &'a EditedPost) -> Vec<&'a MediaChange> {
    let is_real = |change: &&MediaChange| {
        if !edited.media.contains(&Attachment::Uploaded(change.id)) {
            return false;
        }
        let Some(known) = before.iter().find(|media| media.id == change.id.number()) else {
            return true;
        };
        let known_text = known.description.as_deref().unwrap_or_default();
        change.description.as_ref().is_some_and(|text| text != known_text)
            || change.focus.is_some_and(|focus| known.focus_x.zip(known.focus_y) != Some(focus))
    };
    edited.media_changes.iter().filter(is_real).collect()
}

fn has_same_media(before: &[CurrentMedia], media: &[Attachment]) -> bool {
    before.len() == media.len()
        && before.iter().zip(media).all(|(before, after)| match after {
            Attachment::Uploaded(id) => before.id == id.number(),
            Attachment::Remote(after) => {
                before.remote_url.as_ref() == Some(&after.url)
                    && before.description == after.description
                    && before.focus_x.zip(before.focus_y) == after.focus
            }
        })
}

async fn replace_media(
    social: &Social,
    tx: &mut Tx,
    current: &Current,
    edited: &EditedPost,
    now: DateTime<Utc>,
) -> Result<(), SocialError> {
    let post = edited.post.number();
    let mut remote = MediaColumns::default();
    let mut uploads: (Vec<i64>, Vec<i64>, Vec<i16>) = Default::default();
    for (position, attachment) in (0_i16..).zip(&edited.media) {
        match attachment {
            Attachment::Uploaded(id) => {
                uploads.0.push(id.number());
                uploads.1.push(post);
                uploads.2.push(position);
            }
            Attachment::Remote(media) => {
                let id = social.spine().snowflakes().next().0;
                remote.push(id, current.author_id, post, position, media);
            }
        }
    }
    store::drop_remote_media(tx.conn(), post).await?;
    store::detach_media(tx.conn(), &[post], &uploads.0, now).await?;
    if !remote.id.is_empty() {
        write_posts::insert_media(tx.conn(), &remote, now).await?;
    }
    if !uploads.0.is_empty() {
        let attached =
            write_posts::attach_media(tx.conn(), &uploads.0, &uploads.1, &uploads.2).await?;
        if usize::try_from(attached).ok() != Some(uploads.0.len()) {
            return Err(SocialError::Invalid(
                "an attachment does not exist, is not yours or belongs to another post".to_owned(),
            ));
        }
    }
    Ok(())
}

async fn replace_poll(
    tx: &mut Tx,
    post: i64,
    poll: Option<&StoredPoll>,
    now: DateTime<Utc>,
) -> Result<(), SocialError> {
    store::drop_poll(tx.conn(), post).await?;
    if let Some(poll) = poll {
        let mut columns = PollColumns::default();
        columns.push(post, poll);
        write_posts::insert_polls(tx.conn(), &columns, now).await?;
    }
    Ok(())
}

async fn take_counts(
    social: &Social,
    tx: &mut Tx,
    post: i64,
    poll: &StoredPoll,
) -> Result<(), SocialError> {
    let counts: Vec<i64> = poll.options.iter().map(|option| option.votes_count).collect();
    let now = social.spine().clock().now();
    write_votes::set_totals(tx.conn(), post, &counts, poll.voters_count, now).await?;
    Ok(())
}

/// Adds those who are named now; notifications for the new ones among them.
async fn add_mentions(
    tx: &mut Tx,
    current: &Current,
    edited: &EditedPost,
) -> Result<Vec<Wanted>, SocialError> {
    let post = edited.post.number();
    let named: Vec<i64> = edited
        .mentions
        .iter()
        .filter(|mention| !mention.silent)
        .map(|mention| mention.account.number())
        .collect();
    store::set_mentions_silent(tx.conn(), post, &named).await?;
    if edited.mentions.is_empty() {
        return Ok(Vec::new());
    }
    let posts = vec![post; edited.mentions.len()];
    let accounts: Vec<i64> =
        edited.mentions.iter().map(|mention| mention.account.number()).collect();
    let silent: Vec<bool> = edited.mentions.iter().map(|mention| mention.silent).collect();
    let new = write_posts::insert_mentions(tx.conn(), &posts, &accounts, &silent).await?;
    Ok(new
        .into_iter()
        .filter(|mention| !mention.silent)
        .map(|mention| Wanted {
            account: AccountId::from_number(mention.account_id),
            kind: "mention",
            from: AccountId::from_number(current.author_id),
            post: Some(edited.post),
            cause: edited.cause.clone(),
        })
        .collect())
}
