//! Publications that come at the same moment share a transaction.
//!
//! Every post locks its author's row until its commit is on disk: one transaction a post would store
//! the posts of one author one disk write after the other. What was stored together is also read
//! together for the answers.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use spine::{GroupCommit, GroupWrite, is_away};

use super::store::{Publication, store};
use crate::read::Wanted;
use crate::read::entities::Status;
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
    /// Stores a publication: the post as its author sees it.
    ///
    /// # Errors
    /// What storing says; too many wait.
    pub(super) async fn publish(
        &self,
        social: &Social,
        publication: Publication,
    ) -> Result<Status, SocialError> {
        let author = publication.post.author;
        // The lowest bits of an id say little: the sequence of a quiet process is mostly zero.
        let lane = usize::try_from(author.number().unsigned_abs() % 61).unwrap_or(0) % LANES;
        let start = || GroupCommit::start(Publishing(Arc::downgrade(&social.0)));
        let stored = self.lanes[lane].get_or_init(start).submit(publication).await?;
        match stored.status {
            Some(status) => Ok(status),
            None => social.status(Some(author), stored.id).await,
        }
    }
}

/// A post that is on disk.
struct Stored {
    id: PostId,
    /// As its author sees it; `None` where it could not be read with the others.
    status: Option<Status>,
}

/// Weak: the service owns the lanes, and ends with its last owner.
struct Publishing(Weak<Inner>);

#[async_trait]
impl GroupWrite for Publishing {
    type Item = Publication;
    type Done = Stored;
    type Error = SocialError;
    const MOST: usize = 64;

    fn weight(publication: &Publication) -> usize {
        let post = &publication.post;
        post.content_html.len() + post.content_text.as_ref().map_or(0, String::len)
    }

    async fn write(&self, publications: &[Publication]) -> Result<Vec<Stored>, SocialError> {
        let social = Social(self.0.upgrade().ok_or(SocialError::Raced)?);
        let ids = store(&social, publications).await?;
        let wanted: Vec<Wanted> = publications
            .iter()
            .zip(&ids)
            .map(|(item, post)| Wanted { viewer: Some(item.post.author), post: *post })
            .collect();
        // Their authors' numbers have changed: read beside the posts, they are there when needed.
        // What fails here fails there too, and is said there.
        let authors = publications.iter().map(|item| item.post.author).collect();
        let (shown, _) = tokio::join!(social.assemble_each(&wanted), social.account_views(authors));
        // They are stored, whatever comes of reading them.
        let mut shown = shown.unwrap_or_else(|error| {
            tracing::warn!(%error, posts = ids.len(), "new posts could not be read together");
            HashMap::new()
        });
        let status = |wanted| shown.remove(wanted).map(|shown| shown.status);
        let statuses: Vec<_> = wanted.iter().map(status).collect();
        Ok(ids.into_iter().zip(statuses).map(|(id, status)| Stored { id, status }).collect())
    }

    fn is_unavailable(error: &SocialError) -> bool {
        // Whoever was in the way of the group need not be in the way of each.
        is_away(error)
    }
}
