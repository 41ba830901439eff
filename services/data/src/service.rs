//! The data service of one process.

use std::sync::Arc;

use contracts::api::Api;
use spine::{Clock, Spine};

use crate::DataError;

/// The data service. Cheap to clone.
#[derive(Clone)]
pub struct Data(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) api: Api,
}

impl Data {
    /// Brings the schema up to date. Posts are read through `api`.
    ///
    /// # Errors
    /// The database failed, or lacks the extension pgvector.
    pub async fn open(spine: Spine, api: Api) -> Result<Self, DataError> {
        spine::database::migrate(spine.pool(), "data", &crate::MIGRATIONS).await?;
        Ok(Self(Arc::new(Inner { spine, api })))
    }

    pub(crate) fn spine(&self) -> &Spine {
        &self.0.spine
    }

    pub(crate) fn clock(&self) -> &Clock {
        self.0.spine.clock()
    }
}
