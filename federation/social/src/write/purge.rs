//! What remains to do after an account is deleted.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use crate::store::{write_accounts, write_follows, write_reactions};
use crate::write::accounts;
use crate::write::follows::{self, End, FollowPair};
use crate::write::posts::{self, DeletedPost};
use crate::write::reactions;
use crate::{AccountId, PostId, Social, SocialError};

/// How many things one transaction removes.
const PIECE: i64 = 200;

/// Removes everything that a deleted account leaves behind, piece by piece; a run that is cut short
/// goes on where it stopped.
///
/// What it records on the way, so that others see what changed for them, is sealed under the account
/// and becomes unreadable at the end: a list of whom it followed and what it liked is not what a
/// deletion should leave.
#[derive(Debug, Serialize, Deserialize)]
pub struct PurgeAccount {
    /// The deleted account.
    pub account: AccountId,
}

#[async_trait]
impl Job for PurgeAccount {
    type Context = Social;
    const KIND: &'static str = "social.purge_account";
    const LANE: Lane = Lane::Background;
    const LEASE: Duration = Duration::from_secs(600);

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        while self.purge_posts(social, run).await? {}
        while self.purge_follows(social, run).await? {}
        while self.purge_favourites(social, run).await? {}
        let mut tx = run.begin().await?;
        if let Some(purged) = write_accounts::purge(tx.conn(), self.account.number()).await? {
            accounts::forget(social, &mut tx, &purged).await?;
        }
        tx.commit().await?;
        // Its pictures: due at once.
        Ok(social.remove_unused_files().await?)
    }
}

impl PurgeAccount {
    /// Whether there may be more.
    async fn purge_posts(&self, social: &Social, run: &JobRun) -> Result<bool, SocialError> {
        let mut tx = social.spine().begin(run.cause().clone()).await?;
        let posts = write_accounts::posts_of(tx.conn(), self.account.number(), PIECE).await?;
        let leaving: Vec<DeletedPost> = posts
            .iter()
            .map(|post| DeletedPost {
                post: PostId::from_number(*post),
                cause: run.cause().clone(),
            })
            .collect();
        posts::delete(social, &mut tx, &leaving).await?;
        tx.commit().await?;
        Ok(!posts.is_empty())
    }

    async fn purge_follows(&self, social: &Social, run: &JobRun) -> Result<bool, SocialError> {
        let mut tx = social.spine().begin(run.cause().clone()).await?;
        let pairs: Vec<FollowPair> =
            write_follows::of_account(tx.conn(), self.account.number(), PIECE)
                .await?
                .into_iter()
                .map(|(follower, target)| FollowPair {
                    follower: AccountId::from_number(follower),
                    target: AccountId::from_number(target),
                    cause: run.cause().clone(),
                })
                .collect();
        follows::end(&mut tx, &pairs, End::Gone).await?;
        tx.commit().await?;
        Ok(!pairs.is_empty())
    }

    async fn purge_favourites(&self, social: &Social, run: &JobRun) -> Result<bool, SocialError> {
        let mut tx = social.spine().begin(run.cause().clone()).await?;
        let posts = write_reactions::favourites_of(tx.conn(), self.account.number(), PIECE).await?;
        let favourites: Vec<_> = posts
            .iter()
            .map(|post| (self.account, PostId::from_number(*post), run.cause().clone()))
            .collect();
        reactions::unfavourite(social, &mut tx, &favourites).await?;
        tx.commit().await?;
        Ok(!posts.is_empty())
    }
}
