//! Editing a post.

use spine::JobOptions;

use super::publish::{NewPoll, check_length, check_media, stored_poll};
use super::transaction::transaction;
use crate::events::PostEdited;
use crate::media::{check_description, within_picture};
use crate::outbound::{ClosePoll, FederateEdit};
use crate::store::write_commands as store;
use crate::text::{format_text, hashtags};
use crate::write::posts::{self, Attachment, EditedPost, MediaChange};
use crate::{AccountId, MediaId, PostId, Social, SocialError, Visibility};

/// What of a post changes, as Mastodon's API has it: what is `None` stays, except that a content
/// warning, a poll or attachments that are not sent again are taken away.
#[derive(Clone, Debug, Default)]
pub struct PostEdit {
    /// Its text, plain.
    pub text: Option<String>,
    /// Its content warning, plain.
    pub spoiler_text: Option<String>,
    /// Whether its attachments are hidden at first.
    pub sensitive: Option<bool>,
    /// ISO 639 code.
    pub language: Option<String>,
    /// Uploads in order.
    pub media: Option<Vec<MediaId>>,
    /// What changes of these uploads, posted before or not.
    pub media_changes: Vec<MediaChange>,
    /// Its poll; other options than before drop the votes.
    pub poll: Option<NewPoll>,
}

impl Social {
    /// Edits a post of the actor's own. The version before is kept; whoever has the post elsewhere
    /// is told. An edit that changes nothing leaves no trace.
    ///
    /// # Errors
    /// Not found (or another's), [`SocialError::Invalid`] where the new version breaks a rule, or the
    /// store failed.
    pub async fn edit_post(
        &self,
        actor: AccountId,
        post: PostId,
        edit: PostEdit,
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let mut connection = self.spine().pool().acquire().await?;
        let current = store::source(&mut connection, post.number())
            .await?
            .filter(|row| row.author_id == actor.number() && row.local)
            .ok_or(SocialError::NotFound)?;
        drop(connection);
        let text = edit.text.or(current.content_text).unwrap_or_default();
        let spoiler_text = edit.spoiler_text.unwrap_or_default();
        check_length(self.settings(), &text, &spoiler_text)?;
        let media = edit.media.unwrap_or_default();
        if text.trim().is_empty() && media.is_empty() && edit.poll.is_none() {
            return Err(SocialError::Invalid("Text can't be blank".to_owned()));
        }
        if edit.poll.is_some() && !media.is_empty() {
            return Err(SocialError::Invalid(
                "A post cannot have both a poll and attachments".to_owned(),
            ));
        }
        if !media.is_empty() {
            check_media(self, actor, &media, Some(post)).await?;
        }
        let mut media_changes = edit.media_changes;
        for change in &mut media_changes {
            check_description(change.description.as_deref())?;
            change.focus = change.focus.map(within_picture);
        }
        let now = self.spine().clock().now();
        let poll = edit.poll.map(|poll| stored_poll(self, poll, now)).transpose()?;
        let ends_at = poll.as_ref().and_then(|poll| poll.ends_at);
        let named = self.people_named(&[&text]).await?;
        let mut edited = EditedPost {
            post,
            content_html: format_text(&text, &named.known, self.own_origin()),
            tags: hashtags(&text),
            content_text: Some(text),
            sensitive: edit.sensitive.unwrap_or(current.sensitive) || !spoiler_text.is_empty(),
            spoiler_text,
            language: edit.language.or(current.language),
            emojis: serde_json::Value::Array(Vec::new()),
            mentions: named.mentions,
            media: media.into_iter().map(Attachment::Uploaded).collect(),
            media_changes,
            poll,
            edited_at: now,
            cause: super::transaction::by(&me.uri),
        };
        transaction!(self, &me.uri, tx => {
            edited.cause = tx.cause().clone();
            if posts::edit(self, tx, &edited).await? {
                let job = FederateEdit { post, edited_at: now };
                tx.schedule_with(&job, JobOptions::default())?;
                if let Some(ends_at) = ends_at {
                    tx.schedule_with(&ClosePoll { post }, JobOptions::default().at(ends_at))?;
                }
            }
            Ok(())
        });
        self.0.documents.forget_post(post);
        self.invalidate(&PostEdited {
            post,
            uri: current.uri,
            author: actor,
            local: true,
            visibility: Visibility::from_number(current.visibility).unwrap_or(Visibility::Direct),
        });
        Ok(())
    }
}
