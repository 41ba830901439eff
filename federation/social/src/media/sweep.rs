//! Removing files that nobody shows: uploads that no post has, pictures that no profile has.

use async_trait::async_trait;
use chrono::Duration;
use serde::{Deserialize, Serialize};
use spine::{Cause, Job, JobError, JobRun, Lane, Tx};

use crate::store::{media_uploads, unused_files};
use crate::{Social, SocialError};

/// How long an upload waits for its post.
const WAITS_HOURS: i64 = 24;
/// Rows that are removed by one statement.
const BATCH: i64 = 100;

/// Removes uploads that no post took within a day: those that were never attached, and those whose
/// post was deleted or edited since. Removes what profiles left behind, too.
///
/// Rows and files go together: a row is gone for others only after its files are, so that a run
/// that is cut short is made good by the next, and no post takes an upload meanwhile.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RemoveUnattached {}

#[async_trait]
impl Job for RemoveUnattached {
    type Context = Social;
    const KIND: &'static str = "social.remove_unattached_media";
    const LANE: Lane = Lane::Background;

    async fn run(&self, social: &Social, _run: &mut JobRun) -> Result<(), JobError> {
        social.remove_unattached_media().await?;
        Ok(social.remove_unused_files().await?)
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
            let mut tx = self.spine().begin(Cause::system()).await?;
            let files = media_uploads::remove_unattached(tx.conn(), before, BATCH).await?;
            if files.is_empty() {
                return Ok(());
            }
            self.remove_files(tx, &files).await?;
            tracing::info!(files = files.len(), "unattached media was removed");
        }
    }

    /// Removes the pictures that no profile shows, and whose time has come.
    ///
    /// # Errors
    /// A store failed.
    pub(crate) async fn remove_unused_files(&self) -> Result<(), SocialError> {
        let now = self.spine().clock().now();
        loop {
            let mut tx = self.spine().begin(Cause::system()).await?;
            let files = unused_files::remove_due(tx.conn(), now, BATCH).await?;
            if files.is_empty() {
                return Ok(());
            }
            self.remove_files(tx, &files).await?;
            tracing::info!(files = files.len(), "unused profile pictures were removed");
        }
    }

    /// Removes files, and for others the rows that the transaction took away.
    pub(super) async fn remove_files(&self, tx: Tx, files: &[String]) -> Result<(), SocialError> {
        for path in files {
            if let Err(error) = self.0.media.remove(path).await {
                // At once, and not when the connection is used again: until then the next run passes over
                // rows that are locked.
                tx.rollback().await?;
                return Err(error);
            }
        }
        Ok(tx.commit().await?)
    }
}
