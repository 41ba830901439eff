//! Filling the profile of an actor that somebody here looks at: its numbers and its pinned posts.

use std::time::Duration;

use activitypub::fetch::CollectionBudget;
use activitypub::origin::same_origin;
use activitypub::vocabulary::{Collection, Post, Reference, parse_url};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spine::{Cause, Job, JobError, JobRun, Lane};
use url::Url;

use super::RemoteError;
use super::limits;
use super::posts::Wanted;
use crate::store::inbound_accounts::{self, Collections, Totals};
use crate::write::pins;
use crate::{AccountId, PostId, Social, SocialError};

/// Reads the collections of a remote actor as far as its profile shows them.
#[derive(Debug, Serialize, Deserialize)]
pub struct FillProfile {
    /// Whose.
    pub account: AccountId,
}

impl FillProfile {
    /// Schedules it for an actor that was just met.
    pub(super) async fn schedule(social: &Social, account: AccountId) -> Result<(), SocialError> {
        let mut tx = social.0.spine.begin(Cause::system()).await?;
        tx.schedule(&Self { account })?;
        tx.commit().await?;
        Ok(())
    }
}

#[async_trait]
impl Job for FillProfile {
    type Context = Social;
    const KIND: &'static str = "social.fill_profile";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = 2;
    const TIMEOUT: Duration = Duration::from_secs(300);

    async fn run(&self, social: &Social, _run: &mut JobRun) -> Result<(), JobError> {
        let pool = social.spine().worker_pool();
        let Some(row) = inbound_accounts::collections(pool, self.account).await? else {
            return Ok(());
        };
        let Some(actor) = parse_url(&row.uri) else { return Ok(()) };
        let totals = Totals {
            followers: social.total(&actor, row.followers_url.as_deref()).await,
            following: social.total(&actor, row.following_url.as_deref()).await,
            posts: social.total(&actor, row.outbox_url.as_deref()).await,
        };
        inbound_accounts::set_totals(pool, self.account, &totals).await?;
        match social.read_pinned(self.account, &actor, &row).await {
            Ok(()) => {}
            Err(RemoteError::Social(error)) => return Err(error.into()),
            Err(error) => tracing::debug!(%error, %actor, "pinned posts could not be read"),
        }
        Ok(())
    }
}

impl Social {
    /// How many items a collection of an actor says it has.
    async fn total(&self, actor: &Url, collection: Option<&str>) -> Option<i64> {
        let collection = collection.and_then(parse_url).filter(|url| same_origin(url, actor))?;
        self.check_address(&collection).await.ok()?;
        let fetched = self.0.remote.fetcher.fetch_object(&collection).await.ok()?;
        let total = Collection::parse(&fetched.value).ok()?.total_items?;
        i64::try_from(total).ok()
    }

    /// Makes the pinned posts of an actor what its collection says.
    async fn read_pinned(
        &self,
        account: AccountId,
        actor: &Url,
        row: &Collections,
    ) -> Result<(), RemoteError> {
        let featured = row.featured_url.as_deref().and_then(parse_url);
        let Some(featured) = featured.filter(|url| same_origin(url, actor)) else { return Ok(()) };
        self.check_address(&featured).await?;
        let budget = CollectionBudget { max_items: limits::PINNED, max_pages: 1 };
        let items = self.0.remote.fetcher.fetch_collection_items(&featured, budget).await?;
        let mut pinned: Vec<PostId> = Vec::new();
        for item in items {
            let read = match (&item, item.id()) {
                (Reference::Embedded(post), Some(id))
                    if same_origin(&id, actor) && is_by(post, actor) =>
                {
                    self.keep_post(post, Wanted::CONTEXT, Cause::system()).await
                }
                (_, Some(id)) => self.remote_post(&id, Wanted::CONTEXT, Cause::system()).await,
                (_, None) => continue,
            };
            match read {
                Ok(read) => pinned.push(read.post),
                Err(RemoteError::Social(error)) => return Err(error.into()),
                Err(error) => tracing::debug!(%error, %actor, "a pinned post was not kept"),
            }
        }
        let mut tx = self.0.spine.begin(Cause::system()).await?;
        pins::set(self, &mut tx, account, &pinned).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Whether a post says that it is by this actor. An actor's collection speaks for him alone, and for
/// nobody else on his host: others' posts are read from their own ids.
fn is_by(post: &Value, actor: &Url) -> bool {
    Post::parse(post).is_ok_and(|post| post.attributed_to == *actor)
}
