//! The social service of one process.

use std::sync::Arc;

use activitypub as _;
use spine::Spine;
use spine::http::GuardedClient;

use crate::media::MediaStore;
use crate::read::cache::ReadCache;
use crate::{SocialError, SocialSettings};

/// The social service. Cheap to clone.
#[derive(Clone)]
pub struct Social(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) settings: SocialSettings,
    pub(crate) client: GuardedClient,
    pub(crate) cache: ReadCache,
    pub(crate) media: MediaStore,
}

impl Social {
    /// Brings the schema up to date, and makes the instance actor at first start.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(
        spine: Spine,
        settings: SocialSettings,
        client: GuardedClient,
    ) -> Result<Self, SocialError> {
        let cache = ReadCache::new(spine.clock().clone());
        let media = MediaStore::open(&settings)?;
        Ok(Self(Arc::new(Inner { spine, settings, client, cache, media })))
    }

    /// The settings.
    pub fn settings(&self) -> &SocialSettings {
        &self.0.settings
    }

    /// The spine.
    pub fn spine(&self) -> &Spine {
        &self.0.spine
    }
}
