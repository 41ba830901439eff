//! Reading the answers to a post that its author's server lists.

use std::collections::{HashSet, VecDeque};

use activitypub::fetch::CollectionBudget;
use activitypub::origin::same_origin;
use activitypub::vocabulary::parse_url;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Concurrency, Job, JobError, JobRun, Lane};
use url::Url;

use super::listed;
use crate::remote::posts::Wanted;
use crate::store::inbound_posts;
use crate::{PostId, Social};

/// Most answers of one post. Mastodon's limit.
const OF_ONE_POST: usize = 500;
/// Most answers of one run.
const IN_ALL: usize = 1_000;
/// Most collections of one run: the post's own, and those of answers to it.
const COLLECTIONS: usize = 20;
/// Most pages of one collection.
const PAGES: usize = 25;

/// Reads the answers to a post, and the answers to them on the same host.
#[derive(Debug, Serialize, Deserialize)]
pub struct FetchReplies {
    /// The post.
    pub post: PostId,
}

#[async_trait]
impl Job for FetchReplies {
    type Context = Social;
    const KIND: &'static str = "social.fetch_replies";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = 2;

    fn concurrency(&self) -> Option<Concurrency> {
        Some(super::few_at_a_time())
    }

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let pool = social.spine().pool();
        let Some(row) = inbound_posts::in_thread(pool, self.post).await? else { return Ok(()) };
        let mut waiting: VecDeque<Url> = VecDeque::new();
        let mut seen: HashSet<Url> = parse_url(&row.uri).into_iter().collect();
        waiting.extend(row.replies_url.as_deref().and_then(parse_url));
        let mut left = IN_ALL;
        for _ in 0..COLLECTIONS {
            let Some(collection) = waiting.pop_front() else { break };
            let budget = CollectionBudget { max_items: OF_ONE_POST.min(left), max_pages: PAGES };
            for id in listed(social, &collection, budget).await {
                if left == 0 || !seen.insert(id.clone()) {
                    continue;
                }
                left -= 1;
                match social.remote_post(&id, Wanted::CONTEXT, run.cause().clone()).await {
                    Ok(read) => {
                        let found = inbound_posts::in_thread(pool, read.post).await?;
                        let more = found.and_then(|row| parse_url(row.replies_url.as_deref()?));
                        waiting.extend(more.filter(|more| same_origin(more, &collection)));
                    }
                    Err(error) => tracing::debug!(%error, post = %id, "an answer was not kept"),
                }
            }
        }
        Ok(())
    }
}
