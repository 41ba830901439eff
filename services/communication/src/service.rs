//! The communication service of one process.

use std::sync::Arc;

use contracts::access::Policy;
use contracts::api::Api;
use contracts::plugins::ChannelPlugins;
use spine::{Runtime, Spine};

use crate::handlers::PeopleErased;
use crate::jobs::{Erase, ForgetChannel, KeepHouse, SendMessage, TakeIn};
use crate::{CommunicationError, MIGRATIONS};

/// The communication service. Cheap to clone.
#[derive(Clone)]
pub struct Communication(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) plugins: Arc<dyn ChannelPlugins>,
    pub(crate) api: Api,
    pub(crate) policy: Arc<dyn Policy>,
}

impl Communication {
    /// Brings the schema up to date.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(
        spine: Spine,
        plugins: Arc<dyn ChannelPlugins>,
        api: Api,
        policy: Arc<dyn Policy>,
    ) -> Result<Self, CommunicationError> {
        spine::database::migrate(spine.pool(), "communication", &MIGRATIONS).await?;
        Ok(Self(Arc::new(Inner { spine, plugins, api, policy })))
    }

    /// The spine.
    pub fn spine(&self) -> &Spine {
        &self.0.spine
    }
}

/// Adds what the service does to a process: its jobs, its handler and its schedule.
pub fn register(runtime: Runtime, service: &Communication) -> Runtime {
    let context = Arc::new(service.clone());
    runtime
        .job::<SendMessage>(Arc::clone(&context))
        .job::<ForgetChannel>(Arc::clone(&context))
        .job::<Erase>(Arc::clone(&context))
        .job::<TakeIn>(Arc::clone(&context))
        .job::<KeepHouse>(context)
        .handler(PeopleErased(service.clone()))
        .cron("communication.keep_house", "23 3 * * *", KeepHouse {})
}
