//! Publications that come at the same moment share a transaction.
//!
//! Every commit waits for the disk, and every post locks its author's row until then: one
//! transaction a post would store the posts of one author one disk write after the other. So a
//! publication that comes while another is being stored waits for its end, and then goes together
//! with all others that came meanwhile. Alone it waits for nobody.

use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::{mpsc, oneshot};

use super::store::{Publication, store};
use crate::service::Inner;
use crate::{PostId, Social, SocialError};

/// Transactions under way at a time; the posts of one author go through one of them.
const LANES: usize = 4;
/// Most publications in one transaction.
const MOST: usize = 64;
/// Publications that wait in one lane before the next must wait to wait.
const WAITING: usize = 1_024;

struct Waiting {
    publication: Publication,
    answer: oneshot::Sender<Result<PostId, SocialError>>,
}

/// The publications of one process.
#[derive(Default)]
pub(crate) struct PublishQueue {
    lanes: [OnceLock<mpsc::Sender<Waiting>>; LANES],
}

impl PublishQueue {
    /// Stores a publication.
    ///
    /// # Errors
    /// What storing says; [`SocialError::Raced`] where the process ends meanwhile.
    pub(super) async fn publish(
        &self,
        social: &Social,
        publication: Publication,
    ) -> Result<PostId, SocialError> {
        let author = publication.post.author.number().unsigned_abs();
        // The lowest bits of an id say little: the sequence of a quiet process is mostly zero.
        let lane = usize::try_from(author % 61).unwrap_or(0) % LANES;
        let lane = self.lanes[lane].get_or_init(|| start(Arc::downgrade(&social.0)));
        let (answer, stored) = oneshot::channel();
        lane.send(Waiting { publication, answer }).await.map_err(|_| SocialError::Raced)?;
        stored.await.map_err(|_| SocialError::Raced)?
    }
}

/// Starts a lane; it ends with the service.
fn start(service: Weak<Inner>) -> mpsc::Sender<Waiting> {
    let (sender, mut waiting) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let mut batch: Vec<Waiting> = Vec::with_capacity(MOST);
        while waiting.recv_many(&mut batch, MOST).await > 0 {
            let Some(inner) = service.upgrade() else { return };
            store_all(&Social(inner), std::mem::take(&mut batch)).await;
        }
    });
    sender
}

async fn store_all(social: &Social, batch: Vec<Waiting>) {
    let (publications, answers): (Vec<Publication>, Vec<_>) =
        batch.into_iter().map(|item| (item.publication, item.answer)).unzip();
    match store(social, &publications).await {
        Ok(posts) => {
            for (answer, post) in answers.into_iter().zip(posts) {
                tell(answer, Ok(post));
            }
        }
        Err(error) if publications.len() == 1 => {
            if let Some(answer) = answers.into_iter().next() {
                tell(answer, Err(error));
            }
        }
        // Trying each alone would only take longer.
        Err(error) if error.is_unavailable() && !matches!(error, SocialError::Raced) => {
            tracing::warn!(%error, posts = answers.len(), "posts could not be stored");
            for answer in answers {
                tell(answer, Err(SocialError::Store(sqlx::Error::PoolTimedOut)));
            }
        }
        // One of them is to blame: each alone, so that it fails alone.
        Err(_) => {
            for (publication, answer) in publications.iter().zip(answers) {
                let stored = store(social, std::slice::from_ref(publication)).await;
                let id = publication.post.id;
                tell(answer, stored.map(|ids| ids.first().copied().unwrap_or(id)));
            }
        }
    }
}

fn tell(
    answer: oneshot::Sender<Result<PostId, SocialError>>,
    outcome: Result<PostId, SocialError>,
) {
    if answer.send(outcome).is_err() {
        tracing::debug!("whoever published has gone; the post stays");
    }
}
