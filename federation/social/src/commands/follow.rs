//! Following and no longer following.

use super::transaction::transaction;
use crate::events::RelationshipChanged;
use crate::outbound;
use crate::write::follows::{self, End, FollowPair, NewFollow};
use crate::{AccountId, Social, SocialError};

/// What a follower wants of whom he follows; what is `None` stays, or is Mastodon's default.
#[derive(Clone, Debug, Default)]
pub struct FollowOptions {
    /// Whether boosts come into the home timeline too. Default yes.
    pub reblogs: Option<bool>,
    /// Whether every post is notified. Default no.
    pub notify: Option<bool>,
    /// Only posts in these languages. Default all.
    pub languages: Option<Vec<String>>,
}

impl Social {
    /// Follows an account, or changes the options of a follow. Accounts that answer requests by
    /// hand, and those elsewhere, are followed when they accept.
    ///
    /// # Errors
    /// Not found, [`SocialError::Forbidden`] where one of the two blocks the other or the target has
    /// moved, or the store failed.
    pub async fn follow(
        &self,
        actor: AccountId,
        target: AccountId,
        options: FollowOptions,
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let row = self.other(actor, target).await?;
        if row.blocks_actor || row.blocked_by_actor {
            return Err(SocialError::Forbidden("This action is not allowed"));
        }
        if row.moved_to.is_some() && row.follow_accepted.is_none() {
            return Err(SocialError::Forbidden("This account has moved"));
        }
        let id = self.spine().snowflakes().next();
        let is_known = row.follow_uri.is_some();
        let uri = row.follow_uri.clone().unwrap_or_else(|| format!("{}#follows/{id}", me.uri));
        let mut follow = NewFollow::new(actor, target, uri.clone(), row.is_local && !row.locked);
        follow.accepted |= row.follow_accepted == Some(true);
        follow.show_boosts = options.reblogs.or(row.follow_shows_boosts).unwrap_or(true);
        follow.notify = options.notify.or(row.follow_notifies).unwrap_or(false);
        follow.languages = options
            .languages
            .or_else(|| row.follow_languages.clone())
            .filter(|languages| !languages.is_empty());
        transaction!(self, &me.uri, tx => {
            follow.cause = tx.cause().clone();
            follows::request(self, tx, std::slice::from_ref(&follow)).await?;
            if !row.is_local && !is_known {
                outbound::follow(self, tx, &me, &row, &uri).await?;
            }
            Ok(())
        });
        self.saw_relation(actor, target);
        Ok(())
    }

    /// Stops following, or takes a request back; where there is none changes nothing.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn unfollow(&self, actor: AccountId, target: AccountId) -> Result<(), SocialError> {
        self.end_follow(actor, actor, target, End::Unfollowed).await
    }

    /// Makes a follower follow no longer; where he does not changes nothing.
    ///
    /// # Errors
    /// Not found, or the store failed.
    pub async fn remove_follower(
        &self,
        actor: AccountId,
        follower: AccountId,
    ) -> Result<(), SocialError> {
        self.end_follow(actor, follower, actor, End::Rejected).await
    }

    /// Ends a follow that the actor is part of.
    pub(super) async fn end_follow(
        &self,
        actor: AccountId,
        follower: AccountId,
        target: AccountId,
        how: End,
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        transaction!(self, &me.uri, tx => {
            let pair = FollowPair { follower, target, cause: tx.cause().clone() };
            follows::end(tx, &[pair], how).await?;
            Ok(())
        });
        self.saw_relation(follower, target);
        Ok(())
    }

    /// Lets this process read what just changed between two accounts.
    pub(super) fn saw_relation(&self, account: AccountId, target: AccountId) {
        self.invalidate(&RelationshipChanged { account, target, change: String::new() });
    }
}
