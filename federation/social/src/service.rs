//! The social service of one process.

use std::sync::Arc;

use spine::http::GuardedClient;
use spine::{Runtime, Spine};
use sqlx::migrate::Migrator;

use crate::commands::{Actors, PublishQueue};
use crate::documents::cache::DocumentCache;
use crate::inbound::Inbound;
use crate::media::MediaStore;
use crate::outbound::Bodies;
use crate::outbound::hosts::HostHealth;
use crate::read::cache::ReadCache;
use crate::read::views::Addresses;
use crate::remote::{self, Remote};
use crate::signing::SigningKeys;
use crate::{SocialError, SocialSettings, inbound, outbound, read, write};

/// The schema `social`, as it came to be.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/social");

/// Adds what the service runs beside requests: its jobs, its handlers, its schedules.
#[must_use]
pub fn register(runtime: Runtime, social: &Social) -> Runtime {
    let runtime = write::register(runtime, social);
    let runtime = outbound::register(runtime, social);
    let runtime = inbound::register(runtime, social);
    read::register(runtime, social)
}

/// The social service. Cheap to clone.
#[derive(Clone)]
pub struct Social(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) settings: SocialSettings,
    pub(crate) client: GuardedClient,
    pub(crate) addresses: Addresses,
    pub(crate) cache: ReadCache,
    pub(crate) media: MediaStore,
    pub(crate) remote: Remote,
    pub(crate) signing: SigningKeys,
    pub(crate) bodies: Bodies,
    pub(crate) hosts: HostHealth,
    pub(crate) actors: Actors,
    pub(crate) publishing: PublishQueue,
    pub(crate) inbound: Inbound,
    pub(crate) documents: DocumentCache,
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
        spine::database::migrate(spine.pool(), "social", &MIGRATIONS).await?;
        let addresses = Addresses::new(&settings.origin);
        let cache = ReadCache::new(spine.clock().clone());
        let media = MediaStore::open(&settings)?;
        let instance_key = remote::instance::instance_key(&spine, &settings).await?;
        let remote = Remote::new(&spine, client.clone(), instance_key);
        Ok(Self(Arc::new(Inner {
            spine,
            settings,
            client,
            addresses,
            cache,
            media,
            remote,
            signing: SigningKeys::new(),
            bodies: Bodies::new(),
            hosts: HostHealth::new(),
            actors: Actors::new(),
            publishing: PublishQueue::default(),
            inbound: Inbound::new(),
            documents: DocumentCache::new(),
        })))
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
