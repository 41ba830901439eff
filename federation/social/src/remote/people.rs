//! Finding the people whom a post names.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};
use url::Url;

use super::{RemoteError, patience};
use crate::store::inbound_posts;
use crate::{PostId, Social};

/// Most people of one post who are looked up.
const PEOPLE: usize = 20;

/// Reads actors that a stored post mentions and that were unknown when it came, and adds them to
/// its mentions.
#[derive(Debug, Serialize, Deserialize)]
pub struct FindPeople {
    /// The post.
    pub post: PostId,
    /// Their ids.
    pub people: Vec<Url>,
    /// When the post came. Jobs of before this was noted have none.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
}

#[async_trait]
impl Job for FindPeople {
    type Context = Social;
    const KIND: &'static str = "social.find_people";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = patience::ATTEMPTS;

    fn backoff(attempt: u16) -> Duration {
        patience::backoff(attempt)
    }

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let mut found = Vec::new();
        let mut failed = None;
        for id in self.people.iter().take(PEOPLE) {
            match social.remote_account(id).await {
                Ok(account) if account.is_active() => found.push(account.id.number()),
                Ok(_) => {}
                Err(RemoteError::Social(error)) => return Err(error.into()),
                Err(error) if error.is_passing() => failed = Some(error),
                Err(error) => tracing::debug!(%error, actor = %id, "a mention leads nowhere"),
            }
        }
        // Those who were found do not wait for those who cannot be asked now.
        if let Some(error) = failed
            && let Some(later) = patience::later(&error, run, self.since)
        {
            let mut tx = social.spine().begin(run.cause().clone()).await?;
            inbound_posts::add_mentions(tx.conn(), self.post, &found).await?;
            tx.commit().await?;
            return Err(later);
        }
        let mut tx = run.begin().await?;
        inbound_posts::add_mentions(tx.conn(), self.post, &found).await?;
        tx.commit().await?;
        Ok(())
    }
}
