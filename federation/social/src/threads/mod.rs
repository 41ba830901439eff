//! The rest of a thread: the posts that one answers, and the answers to it.
//!
//! Everything here is bounded, because a stranger decides how long a thread is: so many posts a
//! job, so many pages a collection, and a rest for each post before its answers are read again
//! (facts 3.6, "thread fetch amplification").

mod arrived;
mod parents;
mod replies;

use std::sync::Arc;

use activitypub::fetch::CollectionBudget;
use activitypub::vocabulary::Reference;
use spine::{Cause, Concurrency, Runtime};
use sqlx::PgPool;
use url::Url;

pub use arrived::{FetchFirstReplies, FirstReplies};
pub use parents::FetchParents;
pub use replies::FetchReplies;

use crate::store::{inbound_posts, read_threads};
use crate::{PostId, Social, SocialError, Visibility};

/// How far up a thread its first known post is looked for.
const ANCESTORS: i32 = 500;
/// A post's answers are read again at most this often.
const COOL_DOWN: chrono::Duration = chrono::Duration::minutes(15);

/// Adds the jobs that read threads.
pub(crate) fn register(runtime: Runtime, social: &Arc<Social>) -> Runtime {
    runtime
        .job::<FetchParents>(social.clone())
        .job::<FetchReplies>(social.clone())
        .job::<FetchFirstReplies>(social.clone())
}

/// A thread can wait, and each asks many servers.
fn few_at_a_time() -> Concurrency {
    Concurrency { key: "threads".to_owned(), limit: 4 }
}

/// The ids that a collection lists, as far as it can be read.
async fn listed(social: &Social, collection: &Url, budget: CollectionBudget) -> Vec<Url> {
    let read = match social.check_address(collection).await {
        Ok(()) => social.0.remote.fetcher.fetch_collection_items(collection, budget).await,
        Err(error) => {
            tracing::debug!(%error, %collection, "a collection is not asked for");
            return Vec::new();
        }
    };
    match read {
        Ok(items) => items.iter().filter_map(Reference::id).collect(),
        Err(error) => {
            tracing::debug!(%error, %collection, "a collection could not be read");
            Vec::new()
        }
    }
}

/// The first post that we have of those that this one answers; itself where we have none.
async fn first_known(pool: &PgPool, post: PostId) -> sqlx::Result<PostId> {
    let up = read_threads::ancestors(pool, post.number(), ANCESTORS).await?;
    Ok(up.last().map_or(post, |first| PostId::from_number(*first)))
}

impl Social {
    /// Has the rest of a remote post's thread read in the background, because somebody looks at it
    /// now. Does nothing for our own posts, for posts that are not for everyone, and where this
    /// was asked a while ago.
    ///
    /// # Errors
    /// The store failed.
    pub async fn complete_thread(&self, post: PostId) -> Result<(), SocialError> {
        let spine = self.spine();
        let Some(row) = inbound_posts::in_thread(spine.pool(), post).await? else {
            return Ok(());
        };
        let now = spine.clock().now();
        let rests = row.replies_fetched_at.is_some_and(|at| now - at < COOL_DOWN);
        if row.local || row.visibility > Visibility::Unlisted as i16 || rests {
            return Ok(());
        }
        // The first post of the thread that we have may answer one that we have not.
        let first = first_known(spine.pool(), post).await?;
        let parent = inbound_posts::in_thread(spine.pool(), first).await?;
        let wants_parents = parent.is_some_and(|row| row.in_reply_to_uri.is_some());
        if !wants_parents && row.replies_url.is_none() {
            return Ok(());
        }
        let mut tx = spine.begin(Cause::system()).await?;
        if inbound_posts::claim_replies(tx.conn(), post, now, now - COOL_DOWN).await? {
            if row.replies_url.is_some() {
                tx.schedule(&FetchReplies { post })?;
            }
            if wants_parents {
                tx.schedule(&FetchParents { post: first, since: Some(now) })?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
