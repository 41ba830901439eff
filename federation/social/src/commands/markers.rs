//! How far timelines were read, for a person's other apps.

use std::collections::BTreeMap;

use crate::store::write_commands as store;
use crate::{AccountId, Social, SocialError};

const TIMELINES: [&str; 2] = ["home", "notifications"];
/// Longest id of a post or notification.
const LONGEST_ID: usize = 64;

impl Social {
    /// Remembers the last id that was read of each timeline (`home`, `notifications`).
    ///
    /// # Errors
    /// [`SocialError::Invalid`] for another timeline or what is no id, or the store failed.
    pub async fn save_markers(
        &self,
        actor: AccountId,
        positions: &BTreeMap<String, String>,
    ) -> Result<(), SocialError> {
        self.actor(actor).await?;
        for (timeline, last_read) in positions {
            let is_id = !last_read.is_empty()
                && last_read.len() <= LONGEST_ID
                && last_read.bytes().all(|byte| byte.is_ascii_digit());
            if !TIMELINES.contains(&timeline.as_str()) || !is_id {
                return Err(SocialError::Invalid("This is not a marker".to_owned()));
            }
        }
        let now = self.spine().clock().now();
        let mut connection = self.spine().pool().acquire().await?;
        for (timeline, last_read) in positions {
            store::set_marker(&mut connection, actor.number(), timeline, last_read, now).await?;
            if timeline == "notifications"
                && let Ok(id) = last_read.parse::<i64>()
            {
                store::set_notifications_read(&mut connection, actor.number(), id).await?;
            }
        }
        Ok(())
    }
}
