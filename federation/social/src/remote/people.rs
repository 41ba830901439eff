//! Finding the people whom a post names.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};
use url::Url;

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
}

#[async_trait]
impl Job for FindPeople {
    type Context = Social;
    const KIND: &'static str = "social.find_people";
    const LANE: Lane = Lane::Background;
    const MAX_ATTEMPTS: u16 = 3;

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let mut found = Vec::new();
        let mut failed = None;
        for id in self.people.iter().take(PEOPLE) {
            match social.remote_account(id).await {
                Ok(account) if account.is_active() => found.push(account.id.number()),
                Ok(_) => {}
                Err(error) if error.is_passing() => failed = Some(error),
                Err(error) => tracing::debug!(%error, actor = %id, "a mention leads nowhere"),
            }
        }
        // Somebody who cannot be asked now holds up the others only until the last attempt.
        if let Some(error) = failed
            && run.attempt() < Self::MAX_ATTEMPTS
        {
            return Err(error.into());
        }
        let mut tx = run.begin().await?;
        inbound_posts::add_mentions(tx.conn(), self.post, &found).await?;
        tx.commit().await?;
        Ok(())
    }
}
