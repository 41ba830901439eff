//! The connector service of one process.

use std::sync::Arc;

use contracts::events::devices::DeviceChanged;
use contracts::plugins::ConnectorPlugins;
use spine::{Event, Runtime, Spine};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::BroadcastStream;

use crate::handlers::{Foundations, PeopleErased};
use crate::jobs::{ForgetAccount, KeepHouse, ScheduleSyncs, SyncAccount, SyncAccountNow};
use crate::known_devices::KnownDevices;
use crate::slots::Slots;
use crate::{ConnectorsError, MIGRATIONS};

/// Syncs of one plugin at a time, in this process: so many of its workers may wait for one slow source. Another
/// process has workers of its own; that an account is synchronised once at a time holds over all of them.
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
    pub(crate) devices: Arc<KnownDevices>,
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
        let devices = Arc::new(KnownDevices::new());
        tokio::spawn(forget_changed(spine.tail(), Arc::clone(&devices)));
        let (syncs, hooks) = (Slots::new(SYNCS_A_PLUGIN), Slots::new(HOOKS_AN_ACCOUNT));
        Ok(Self(Arc::new(Inner { spine, plugins, syncs, hooks, devices })))
    }

    /// The spine.
    pub fn spine(&self) -> &Spine {
        &self.0.spine
    }
}

/// Drops devices that some process changed. Ends with the spine.
async fn forget_changed(mut tail: BroadcastStream<Event>, devices: Arc<KnownDevices>) {
    while let Some(event) = tail.next().await {
        match event.map(|event| event.read::<DeviceChanged>()) {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(changed))) => devices.forget(changed.device),
            // Some were missed, or one cannot be read: any may have changed.
            Ok(Err(_)) | Err(_) => devices.forget_all(),
        }
    }
}

/// Adds what the service does to a process: its jobs, its handlers and its schedules.
pub fn register(runtime: Runtime, service: &Connectors) -> Runtime {
    let context = Arc::new(service.clone());
    runtime
        .job::<SyncAccount>(Arc::clone(&context))
        .job::<SyncAccountNow>(Arc::clone(&context))
        .job::<ScheduleSyncs>(Arc::clone(&context))
        .job::<ForgetAccount>(Arc::clone(&context))
        .job::<KeepHouse>(context)
        .handler(PeopleErased(service.clone()))
        .handler(Foundations)
        .cron("connectors.schedule_syncs", "* * * * *", ScheduleSyncs {})
        .cron("connectors.keep_house", "17 * * * *", KeepHouse {})
}
