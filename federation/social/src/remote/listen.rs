//! Forgetting what the caches of this process hold once it changed anywhere.

use futures_util::StreamExt;
use spine::Event;

use super::keys::KeyCache;
use crate::Social;
use crate::documents::cache::DocumentCache;
use crate::events::{AccountChanged, PostDeleted, PostEdited, PostReacted};

impl Social {
    /// Follows the events of all processes from now on; called by whatever first fills a cache.
    /// Every entry also has a short life of its own, should news be lost.
    pub(crate) fn listen(&self) {
        self.0.remote.listening.get_or_init(|| {
            let mut tail = self.0.spine.tail();
            let keys = self.0.remote.keys.clone();
            let documents = self.0.documents.clone();
            // Ends with the spine.
            tokio::spawn(async move {
                while let Some(event) = tail.next().await {
                    match event {
                        Ok(event) => forget(&keys, &documents, &event),
                        Err(_missed_some) => {
                            keys.forget_all();
                            documents.forget_all();
                        }
                    }
                }
            });
        });
    }
}

fn forget(keys: &KeyCache, documents: &DocumentCache, event: &Event) {
    if let Ok(Some(change)) = event.read::<AccountChanged>() {
        keys.forget(&change.uri);
        if change.local {
            documents.forget_all();
        }
    } else if let Ok(Some(change)) = event.read::<PostEdited>() {
        documents.forget_post(change.post);
    } else if let Ok(Some(change)) = event.read::<PostDeleted>() {
        documents.forget_post(change.post);
    } else if let Ok(Some(change)) = event.read::<PostReacted>()
        && change.reaction.ends_with("vote")
    {
        documents.forget_post(change.post);
    }
}
