//! Rendered documents that many servers ask for at once.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use serde_json::Value;

use crate::PostId;

/// Posts and actors kept rendered.
const CAPACITY: u64 = 2_000;
/// How long a rendered document serves where the news of a change is lost.
const LIFE: Duration = Duration::from_secs(30);
/// How long the node's numbers serve.
const USAGE_LIFE: Duration = Duration::from_secs(300);

/// Documents for everyone, of one process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DocumentCache {
    pub(super) posts: Cache<PostId, Arc<Value>>,
    pub(super) actors: Cache<String, Arc<Value>>,
    pub(super) usage: Cache<(), Arc<activitypub::builders::NodeInfo>>,
}

impl DocumentCache {
    pub(crate) fn new() -> Self {
        Self {
            posts: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build(),
            actors: Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build(),
            usage: Cache::builder().max_capacity(1).time_to_live(USAGE_LIFE).build(),
        }
    }

    /// A post changed or is gone.
    pub(crate) fn forget_post(&self, post: PostId) {
        self.posts.invalidate(&post);
    }

    /// One of our accounts changed, whose posts name it; or nobody knows what changed.
    pub(crate) fn forget_all(&self) {
        self.actors.invalidate_all();
        self.posts.invalidate_all();
    }
}
