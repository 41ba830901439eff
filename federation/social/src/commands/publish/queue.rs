//! Publications that come at the same moment share a transaction.
//!
//! Every post locks its author's row until its commit is on disk: one transaction a post would store
//! the posts of one author one disk write after the other.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use spine::{GroupCommit, GroupWrite};

use super::store::{Publication, store};
use crate::service::Inner;
use crate::{PostId, Social, SocialError};

/// Transactions under way at a time; the posts of one author go through one of them.
const LANES: usize = 4;

/// The publications of one process.
#[derive(Default)]
pub(crate) struct PublishQueue {
    lanes: [OnceLock<GroupCommit<Publishing>>; LANES],
}

impl PublishQueue {
    /// Stores a publication.
    ///
    /// # Errors
    /// What storing says; too many wait.
    pub(super) async fn publish(
        &self,
        social: &Social,
        publication: Publication,
    ) -> Result<PostId, SocialError> {
        let author = publication.post.author.number().unsigned_abs();
        // The lowest bits of an id say little: the sequence of a quiet process is mostly zero.
        let lane = usize::try_from(author % 61).unwrap_or(0) % LANES;
        let start = || GroupCommit::start(Publishing(Arc::downgrade(&social.0)));
        self.lanes[lane].get_or_init(start).submit(publication).await
    }
}

/// Weak: the service owns the lanes, and ends with its last owner.
struct Publishing(Weak<Inner>);

#[async_trait]
impl GroupWrite for Publishing {
    type Item = Publication;
    type Done = PostId;
    type Error = SocialError;
    const MOST: usize = 64;

    async fn write(&self, publications: &[Publication]) -> Result<Vec<PostId>, SocialError> {
        let inner = self.0.upgrade().ok_or(SocialError::Raced)?;
        store(&Social(inner), publications).await
    }

    fn is_unavailable(error: &SocialError) -> bool {
        // Whoever was in the way of the group need not be in the way of each.
        error.is_unavailable() && !matches!(error, SocialError::Raced)
    }
}
