//! Publishing a post.

mod check;
mod queue;
mod store;

use std::time::Duration;

use spine::Cause;

use crate::read::entities::Status;
use crate::store::write_commands::ActorRow;
use crate::text::{format_text, hashtags};
use crate::write::posts::{Application, Attachment, ReplyTo, StoredPost};
use crate::{AccountId, MediaId, PostId, Social, SocialError, Visibility};

pub(super) use check::{check_length, check_media, stored_poll};
pub(crate) use queue::PublishQueue;
use store::Publication;

/// A post as its author writes it.
#[derive(Clone, Debug, Default)]
pub struct NewPost {
    /// Its text, plain.
    pub text: String,
    /// Its content warning, plain.
    pub spoiler_text: String,
    /// Whether its attachments are hidden at first; the author's default where `None`.
    pub sensitive: Option<bool>,
    /// ISO 639 code; the author's default where `None`.
    pub language: Option<String>,
    /// Who it is for; the author's default where `None`.
    pub visibility: Option<Visibility>,
    /// The post it answers.
    pub in_reply_to: Option<PostId>,
    /// Uploads in order.
    pub media: Vec<MediaId>,
    /// Its poll.
    pub poll: Option<NewPoll>,
    /// The app it is written with: name and page.
    pub application: Option<(String, Option<String>)>,
    /// A key under which the same post sent again within an hour is not published again.
    pub idempotency_key: Option<String>,
}

/// A poll as its author writes it.
#[derive(Clone, Debug)]
pub struct NewPoll {
    /// Its options.
    pub options: Vec<String>,
    /// How long it runs.
    pub expires_in: Duration,
    /// Whether one person may choose several.
    pub multiple: bool,
    /// Whether counts are hidden until it ends.
    pub hide_totals: bool,
}

impl Social {
    /// Publishes a post: as its author sees it. With a key that was used within the hour, the post
    /// that it made, whatever else is sent: its uploads are taken by then, and what it answers may be gone.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where the post breaks a rule, not found where it answers what is not
    /// there for the actor, or the store failed.
    pub async fn publish_post(
        &self,
        actor: AccountId,
        new: NewPost,
    ) -> Result<Status, SocialError> {
        let me = self.actor(actor).await?;
        let Some(key) = new.idempotency_key.clone() else {
            let post = self.compose(&me, new).await?;
            return self.0.publishing.publish(self, Publication { post, key: None }).await;
        };
        if let Some(made) = store::made_by(self, actor, &key).await? {
            return self.status(Some(actor), made).await;
        }
        match self.compose(&me, new).await {
            Ok(post) => self.0.publishing.publish(self, Publication { post, key: Some(key) }).await,
            // What this request found taken, its twin may have taken a moment ago.
            Err(error) => {
                let made = store::made_by(self, actor, &key).await?.ok_or(error)?;
                self.status(Some(actor), made).await
            }
        }
    }

    /// The post that its author wants, checked and ready to be stored.
    async fn compose(&self, me: &ActorRow, new: NewPost) -> Result<StoredPost, SocialError> {
        let actor = AccountId::from_number(me.id);
        check_length(self.settings(), &new.text, &new.spoiler_text)?;
        if new.text.trim().is_empty() && new.media.is_empty() && new.poll.is_none() {
            return Err(SocialError::Invalid("Text can't be blank".to_owned()));
        }
        if new.poll.is_some() && !new.media.is_empty() {
            return Err(SocialError::Invalid(
                "A post cannot have both a poll and attachments".to_owned(),
            ));
        }
        let now = self.spine().clock().now();
        let poll = new.poll.map(|poll| stored_poll(self, poll, now)).transpose()?;
        let reply_to = match new.in_reply_to {
            Some(parent) => {
                let parent = self.visible_post(actor, parent).await?;
                ReplyTo::Known {
                    post: parent.post(),
                    author: parent.author(),
                    conversation: parent.conversation_id,
                }
            }
            None => ReplyTo::Nothing,
        };
        if !new.media.is_empty() {
            check_media(self, actor, &new.media, None).await?;
        }
        let named = self.people_named(&[&new.text]).await?;

        let id = PostId(self.spine().snowflakes().next());
        let default = Visibility::from_number(me.default_visibility);
        let visibility = new.visibility.or(default).unwrap_or(Visibility::Public);
        let mut post =
            StoredPost::new(id, format!("{}/statuses/{id}", me.uri), actor, visibility, now);
        post.url = format!("{}/{id}", me.url);
        post.local = true;
        post.kind = if poll.is_some() { "Question" } else { "Note" }.to_owned();
        post.reply_to = reply_to;
        post.content_html = format_text(&new.text, &named.known, self.own_origin());
        post.tags = hashtags(&new.text);
        post.content_text = Some(new.text);
        post.sensitive =
            new.sensitive.unwrap_or(me.default_sensitive) || !new.spoiler_text.is_empty();
        post.spoiler_text = new.spoiler_text;
        post.language = new.language.or_else(|| me.default_language.clone());
        post.application = new.application.map(|(name, website)| Application { name, website });
        post.mentions = named.mentions;
        post.media = new.media.into_iter().map(Attachment::Uploaded).collect();
        post.poll = poll;
        post.cause = Cause::by(&me.uri);
        Ok(post)
    }

    /// Our origin, without the slash at its end.
    pub(super) fn own_origin(&self) -> &str {
        self.settings().origin.as_str().trim_end_matches('/')
    }
}
