//! Removing uploads that nobody attached.

use async_trait::async_trait;
use chrono::Duration;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use crate::store::media_uploads;
use crate::{Social, SocialError};

/// How long an upload waits for its post.
const WAITS_HOURS: i64 = 24;
/// Rows that are removed by one statement.
const BATCH: i64 = 500;

/// Removes uploads that no post took within a day, rows first, then files. Safe to run twice; a
/// crash in between leaves files that nobody can guess and nothing names.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RemoveUnattached {}

#[async_trait]
impl Job for RemoveUnattached {
    type Context = Social;
    const KIND: &'static str = "social.remove_unattached_media";
    const LANE: Lane = Lane::Background;

    async fn run(&self, social: &Social, _run: &mut JobRun) -> Result<(), JobError> {
        Ok(social.remove_unattached_media().await?)
    }
}

impl Social {
    /// Removes uploads that no post took within a day.
    ///
    /// # Errors
    /// A store failed.
    pub(crate) async fn remove_unattached_media(&self) -> Result<(), SocialError> {
        let before = self.spine().clock().now() - Duration::hours(WAITS_HOURS);
        loop {
            let pool = self.spine().pool();
            let files = media_uploads::remove_unattached(pool, before, BATCH).await?;
            if files.is_empty() {
                return Ok(());
            }
            for path in &files {
                self.0.media.remove(path).await?;
            }
            tracing::info!(files = files.len(), "unattached media was removed");
        }
    }
}
