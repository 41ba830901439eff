//! Boosts.

use spine::JobOptions;

use super::transaction::transaction;
use crate::events::PostDeleted;
use crate::outbound::{self, Boost, FederatePost};
use crate::store::write_commands as store;
use crate::store::write_outbound;
use crate::write::posts::{self, DeletedPost, Outcome, StoredPost};
use crate::{AccountId, PostId, Social, SocialError, Visibility};

impl Social {
    /// Boosts a post: the boost's own id. Again gives the boost that is there. Followers-only posts
    /// are boosted by their author alone, to the same followers; direct ones by nobody. `visibility`
    /// is the actor's default unless said otherwise.
    ///
    /// # Errors
    /// Not found (or not for the actor), [`SocialError::Forbidden`] where it may not be boosted, or
    /// the store failed.
    pub async fn boost(
        &self,
        actor: AccountId,
        post: PostId,
        visibility: Option<Visibility>,
    ) -> Result<PostId, SocialError> {
        let me = self.actor(actor).await?;
        let post = self.visible_post(actor, post).await?;
        let visibility = match post.audience() {
            Visibility::Public | Visibility::Unlisted => {
                let default = Visibility::from_number(me.default_visibility);
                let wanted = visibility.or(default).unwrap_or(Visibility::Public);
                wanted.min(Visibility::Private)
            }
            Visibility::Private if post.is_author => Visibility::Private,
            Visibility::Private | Visibility::Direct => {
                return Err(SocialError::Forbidden("This post cannot be boosted"));
            }
        };
        let id = PostId(self.spine().snowflakes().next());
        let mut boost = StoredPost::new(
            id,
            format!("{}/statuses/{id}/activity", me.uri),
            actor,
            visibility,
            self.spine().clock().now(),
        );
        boost.url = format!("{}/{id}", me.url);
        boost.local = true;
        boost.kind = "Announce".to_owned();
        boost.boost_of = Some(post.post());
        Ok(transaction!(self, &me.uri, tx => {
            boost.cause = tx.cause().clone();
            let inserted = posts::insert(self, tx, std::slice::from_ref(&boost)).await?;
            let Some(inserted) = inserted.first() else { return Err(SocialError::NotFound) };
            match inserted.outcome {
                Outcome::New => {
                    let known = write_outbound::followed_elsewhere(tx.conn(), &[me.id]).await?;
                    if !known.is_empty() || !post.author_is_local {
                        let job = FederatePost { post: inserted.post };
                        tx.schedule_item(&job, JobOptions::default())?;
                    }
                    Ok(inserted.post)
                }
                Outcome::Known => Ok(inserted.post),
                Outcome::Deleted | Outcome::Refused => Err(SocialError::NotFound),
            }
        }))
    }

    /// Takes the actor's boost of a post back; where there is none changes nothing.
    ///
    /// # Errors
    /// Not found (or not for the actor), or the store failed.
    pub async fn unboost(&self, actor: AccountId, post: PostId) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let post = self.visible_post(actor, post).await?;
        let gone = transaction!(self, &me.uri, tx => {
            let boost = store::boost_of(tx.conn(), actor.number(), post.id).await?;
            let Some((id, uri, visibility)) = boost else { return Ok(None) };
            let visibility = Visibility::from_number(visibility).unwrap_or(Visibility::Private);
            let boost = Boost { uri: &uri, visibility };
            outbound::take_back_boost(self, tx, &me, &post, boost).await?;
            let post = PostId::from_number(id);
            let cause = tx.cause().clone();
            posts::delete(self, tx, &[DeletedPost { post, cause }]).await?;
            Ok(Some((post, uri)))
        });
        if let Some((id, uri)) = gone {
            self.invalidate(&PostDeleted {
                post: id,
                uri,
                author: actor,
                local: true,
                boost_of: Some(post.post()),
                in_reply_to: None,
            });
        }
        Ok(())
    }
}
