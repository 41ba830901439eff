//! The connector service of one process.

use std::sync::Arc;
use std::time::Duration;

use contracts::events::devices::DeviceChanged;
use contracts::plugins::ConnectorPlugins;
use moka::sync::Cache;
use spine::{Event, Runtime, Spine};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::BroadcastStream;

use crate::device::Device;
use crate::handlers::PeopleErased;
use crate::jobs::{ForgetAccount, KeepHouse, ScheduleSyncs, SyncAccount, SyncAccountNow};
use crate::slots::Slots;
use crate::{ConnectorsError, MIGRATIONS};

/// Syncs of one plugin at a time, in this process.
const SYNCS_A_PLUGIN: usize = 4;
/// Webhooks of one account at a time, in this process.
const HOOKS_AN_ACCOUNT: usize = 8;

/// The connector service. Cheap to clone.
#[derive(Clone)]
pub struct Connectors(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) plugins: Arc<dyn ConnectorPlugins>,
    pub(crate) syncs: Slots,
    pub(crate) hooks: Slots,
    /// Devices by their token's hash. Dropped at once when this process removes one, and by the event
    /// `DeviceChanged` when another does; a minute bounds what a lost event could cost.
    pub(crate) devices: Cache<Vec<u8>, Device>,
}

impl Connectors {
    /// Brings the schema up to date.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open(
        spine: Spine,
        plugins: Arc<dyn ConnectorPlugins>,
    ) -> Result<Self, ConnectorsError> {
        spine::database::migrate(spine.pool(), "connectors", &MIGRATIONS).await?;
        let devices = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(Duration::from_secs(60))
            .support_invalidation_closures()
            .build();
        tokio::spawn(forget_changed(spine.tail(), devices.clone()));
        let (syncs, hooks) = (Slots::new(SYNCS_A_PLUGIN), Slots::new(HOOKS_AN_ACCOUNT));
        Ok(Self(Arc::new(Inner { spine, plugins, syncs, hooks, devices })))
    }

    /// The spine.
    pub fn spine(&self) -> &Spine {
        &self.0.spine
    }
}

/// Drops devices from the cache that some process changed. Ends with the spine.
async fn forget_changed(mut tail: BroadcastStream<Event>, devices: Cache<Vec<u8>, Device>) {
    while let Some(event) = tail.next().await {
        match event.map(|event| event.read::<DeviceChanged>()) {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(changed))) => forget(&devices, changed.device),
            // Some were missed, or one cannot be read: any may have changed.
            Ok(Err(_)) | Err(_) => devices.invalidate_all(),
        }
    }
}

/// Drops a device from the cache.
pub(crate) fn forget(devices: &Cache<Vec<u8>, Device>, device: uuid::Uuid) {
    let outcome = devices.invalidate_entries_if(move |_, known| known.id == device);
    if outcome.is_err() {
        // It takes no closures: better to forget all than to keep one that is removed.
        devices.invalidate_all();
    }
}

/// Adds what the service does to a process: its jobs, its handler and its schedules.
pub fn register(runtime: Runtime, service: &Connectors) -> Runtime {
    let context = Arc::new(service.clone());
    runtime
        .job::<SyncAccount>(Arc::clone(&context))
        .job::<SyncAccountNow>(Arc::clone(&context))
        .job::<ScheduleSyncs>(Arc::clone(&context))
        .job::<ForgetAccount>(Arc::clone(&context))
        .job::<KeepHouse>(context)
        .handler(PeopleErased(service.clone()))
        .cron("connectors.schedule_syncs", "* * * * *", ScheduleSyncs {})
        .cron("connectors.keep_house", "17 * * * *", KeepHouse {})
}
