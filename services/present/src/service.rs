//! The present service of one process.

use std::sync::Arc;

use spine::{Cause, Runtime, Spine};

use crate::handler::Follow;
use crate::jobs::rebuild::RebuildStates;
use crate::jobs::sweep::SweepStates;
use crate::states::StateStore;
use crate::states::embedded::EmbeddedStates;
use crate::states::redis::RedisStates;
use crate::store::instance;
use crate::{Expiry, MIGRATIONS, PresentError};

/// Settings of the present service.
#[derive(Clone, Default)]
pub struct PresentSettings {
    /// The Redis or Valkey that keeps the states, as `redis://…`; none: Postgres.
    pub redis_url: Option<String>,
}

impl std::fmt::Debug for PresentSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.debug_struct("PresentSettings").field("redis", &self.redis_url.is_some()).finish()
    }
}

/// The present service. Cheap to clone.
#[derive(Clone)]
pub struct Present(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) states: Box<dyn StateStore>,
    pub(crate) expiry: Expiry,
}

impl Present {
    /// Brings the schema up to date; states hold as long as [`Expiry::default`] says.
    ///
    /// # Errors
    /// The database failed, or the settings cannot be used. That Redis is away is no error.
    pub async fn open(spine: Spine, settings: PresentSettings) -> Result<Self, PresentError> {
        Self::open_with_expiry(spine, settings, Expiry::default()).await
    }

    /// [`Present::open`], with states that hold otherwise long.
    ///
    /// # Errors
    /// The database failed, or the settings cannot be used.
    pub async fn open_with_expiry(
        spine: Spine,
        settings: PresentSettings,
        expiry: Expiry,
    ) -> Result<Self, PresentError> {
        spine::database::migrate(spine.pool(), "present", &MIGRATIONS).await?;
        let states: Box<dyn StateStore> = match &settings.redis_url {
            Some(url) => {
                Box::new(RedisStates::new(url, instance::id(spine.pool()).await?, spine.clone())?)
            }
            None => Box::new(EmbeddedStates { spine: spine.clone() }),
        };
        let present = Self(Arc::new(Inner { spine, states, expiry }));
        if settings.redis_url.is_some() {
            // It may be new, or have lost everything while this node was down.
            let mut tx = present.0.spine.begin(Cause::system()).await?;
            tx.schedule(&RebuildStates {})?;
            tx.commit().await?;
        }
        Ok(present)
    }

    /// The spine.
    pub fn spine(&self) -> &Spine {
        &self.0.spine
    }
}

/// Adds the service's handler, jobs and schedules.
pub fn register(runtime: Runtime, service: &Present) -> Runtime {
    let context = Arc::new(service.clone());
    runtime
        .handler(Follow(service.clone()))
        .job::<SweepStates>(Arc::clone(&context))
        .job::<RebuildStates>(context)
        .cron("present.sweep", "* * * * *", SweepStates {})
}
