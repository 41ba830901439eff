//! Reading the posts that a post answers, up to the first of its thread.

use std::time::Duration;

use activitypub::vocabulary::parse_url;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use super::first_known;
use crate::remote::posts::Wanted;
use crate::remote::{RemoteError, patience};
use crate::store::inbound_posts;
use crate::write::posts;
use crate::{PostId, Social};

/// Most parents of one run. A longer thread goes on when somebody looks at its first known post.
const PARENTS: usize = 50;

/// Reads the parents of a post, one after the other, until one is known or there is none.
#[derive(Debug, Serialize, Deserialize)]
pub struct FetchParents {
    /// The post whose parent is missing, or that of one above it.
    pub post: PostId,
    /// When it was missed. Jobs of before this was noted have none.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
}

#[async_trait]
impl Job for FetchParents {
    type Context = Social;
    const KIND: &'static str = "social.fetch_parents";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = patience::ATTEMPTS;

    fn backoff(attempt: u16) -> Duration {
        patience::backoff(attempt)
    }

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let pool = social.spine().pool();
        let Some(mut row) = inbound_posts::in_thread(pool, self.post).await? else {
            return Ok(());
        };
        if row.in_reply_to_id.is_some() {
            // An earlier attempt found some of them.
            let first = first_known(pool, self.post).await?;
            let Some(higher) = inbound_posts::in_thread(pool, first).await? else { return Ok(()) };
            row = higher;
        }
        let mut next = row.in_reply_to_uri.as_deref().and_then(parse_url);
        for _ in 0..PARENTS {
            let Some(parent) = next.take() else { break };
            match social.remote_post(&parent, Wanted::ALONE, run.cause().clone()).await {
                Ok(read) => {
                    // It may have come by another way since the child was stored.
                    let mut tx = social.spine().begin(run.cause().clone()).await?;
                    posts::adopt(&mut tx, &[read.uri.as_str()]).await?;
                    tx.commit().await?;
                    next = read.parent;
                }
                Err(RemoteError::Social(error)) => return Err(error.into()),
                Err(error) => {
                    if let Some(later) = patience::later(&error, run, self.since) {
                        return Err(later);
                    }
                    tracing::debug!(%error, post = %parent, "a thread goes no further");
                    break;
                }
            }
        }
        Ok(())
    }
}
