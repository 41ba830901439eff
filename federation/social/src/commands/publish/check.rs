//! The rules that a post must keep.

use chrono::{DateTime, Utc};

use super::NewPoll;
use crate::limits::{POLL_OPTION_CHARACTERS, POLL_OPTIONS, POLL_SECONDS};
use crate::store::write_commands as store;
use crate::text::count_characters;
use crate::write::posts::{PollOption, StoredPoll};
use crate::{AccountId, MediaId, PollId, PostId, Social, SocialError, SocialSettings};

/// Refuses a post that is too long.
///
/// # Errors
/// [`SocialError::Invalid`].
pub(crate) fn check_length(
    settings: &SocialSettings,
    text: &str,
    spoiler_text: &str,
) -> Result<(), SocialError> {
    let length = count_characters(text) + count_characters(spoiler_text);
    if length > settings.max_post_characters {
        return Err(SocialError::Invalid(format!(
            "Text character limit of {} exceeded",
            settings.max_post_characters
        )));
    }
    Ok(())
}

/// Refuses attachments that are too many, not the author's, taken by another post than `post`, or a
/// video beside others.
///
/// # Errors
/// [`SocialError::Invalid`], or the store failed.
pub(crate) async fn check_media(
    social: &Social,
    author: AccountId,
    media: &[MediaId],
    post: Option<PostId>,
) -> Result<(), SocialError> {
    let most = social.settings().max_media_attachments;
    if media.len() > most {
        return Err(SocialError::Invalid(format!("Cannot attach more than {most} files")));
    }
    let ids: Vec<i64> = media.iter().map(|id| id.number()).collect();
    let mut connection = social.spine().pool().acquire().await?;
    let usable =
        store::usable_media(&mut connection, author.number(), &ids, post.map(PostId::number))
            .await?;
    if ids.iter().any(|id| !usable.iter().any(|(known, _)| known == id)) {
        return Err(SocialError::Invalid("An attachment was not found".to_owned()));
    }
    let is_single = |kind: &str| matches!(kind, "video" | "audio");
    if usable.len() > 1 && usable.iter().any(|(_, kind)| is_single(kind)) {
        return Err(SocialError::Invalid(
            "Cannot attach a video or sound beside other files".to_owned(),
        ));
    }
    Ok(())
}

/// A poll as it is stored.
///
/// # Errors
/// [`SocialError::Invalid`] where it breaks a rule.
pub(crate) fn stored_poll(
    social: &Social,
    poll: NewPoll,
    now: DateTime<Utc>,
) -> Result<StoredPoll, SocialError> {
    let invalid = |what: String| Err(SocialError::Invalid(what));
    let options: Vec<String> = poll
        .options
        .into_iter()
        .map(|option| option.trim().to_owned())
        .filter(|option| !option.is_empty())
        .collect();
    if !POLL_OPTIONS.contains(&options.len()) {
        return invalid(format!(
            "A poll has {} to {} options",
            POLL_OPTIONS.start(),
            POLL_OPTIONS.end()
        ));
    }
    if options.iter().any(|option| option.chars().count() > POLL_OPTION_CHARACTERS) {
        return invalid(format!(
            "An option of a poll has at most {POLL_OPTION_CHARACTERS} characters"
        ));
    }
    if (1..options.len()).any(|index| options[..index].contains(&options[index])) {
        return invalid("The options of a poll must differ".to_owned());
    }
    if !POLL_SECONDS.contains(&poll.expires_in.as_secs()) {
        return invalid("A poll runs five minutes to a month".to_owned());
    }
    let seconds = i64::try_from(poll.expires_in.as_secs()).unwrap_or(i64::MAX);
    Ok(StoredPoll {
        id: PollId(social.spine().snowflakes().next()),
        options: options.into_iter().map(|title| PollOption { title, votes_count: 0 }).collect(),
        multiple: poll.multiple,
        hide_totals: poll.hide_totals,
        ends_at: Some(now + chrono::Duration::seconds(seconds)),
        voters_count: 0,
    })
}
