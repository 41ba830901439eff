//! What the outbound side forgets.

use async_trait::async_trait;
use chrono::Duration;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use crate::Social;
use crate::store::{write_commands, write_outbound as store};

/// Longer than any delivery takes.
const ACTIVITIES: Duration = Duration::days(4);
/// A host that nothing was heard of for so long is met anew.
const HOSTS: Duration = Duration::days(60);
/// Hosts remembered at most.
const MOST_HOSTS: i64 = 200_000;
/// Mastodon's memory of an Idempotency-Key, with room for a slow clock.
const KEYS: Duration = Duration::hours(2);

/// Removes delivered activities, hosts of long ago, used keys and ended mutes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PruneOutgoing {}

#[async_trait]
impl Job for PruneOutgoing {
    type Context = Social;
    const KIND: &'static str = "social.prune_outgoing";
    const LANE: Lane = Lane::Background;

    async fn run(&self, social: &Social, run: &mut JobRun) -> Result<(), JobError> {
        let now = social.spine().clock().now();
        let mut tx = run.begin().await?;
        store::prune_activities(tx.conn(), now - ACTIVITIES).await?;
        store::prune_hosts(tx.conn(), now - HOSTS, MOST_HOSTS).await?;
        write_commands::prune_keys(tx.conn(), now - KEYS).await?;
        write_commands::prune_mutes(tx.conn(), now).await?;
        tx.commit().await?;
        Ok(())
    }
}
