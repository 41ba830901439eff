//! The rest of a thread: the posts that one answers, and the answers to it.
//!
//! Everything here is bounded, because a stranger decides how long a thread is: so many posts a
//! job, so many pages a collection, and a rest for each post before its answers are read again
//! (facts 3.6, "thread fetch amplification").

mod parents;
mod replies;

use std::sync::Arc;

use spine::{Cause, Runtime};

pub use parents::FetchParents;
pub use replies::FetchReplies;

use crate::store::inbound_posts;
use crate::{PostId, Social, SocialError, Visibility};

/// A post's answers are read again at most this often.
const COOL_DOWN: chrono::Duration = chrono::Duration::minutes(15);

/// Adds the jobs that read threads.
pub(crate) fn register(runtime: Runtime, social: &Arc<Social>) -> Runtime {
    runtime.job::<FetchParents>(social.clone()).job::<FetchReplies>(social.clone())
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
        let wants_parents = row.in_reply_to_id.is_none() && row.in_reply_to_uri.is_some();
        if !wants_parents && row.replies_url.is_none() {
            return Ok(());
        }
        let mut tx = spine.begin(Cause::system()).await?;
        if inbound_posts::claim_replies(tx.conn(), post, now, now - COOL_DOWN).await? {
            if row.replies_url.is_some() {
                tx.schedule(&FetchReplies { post })?;
            }
            if wants_parents {
                tx.schedule(&FetchParents { post })?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
