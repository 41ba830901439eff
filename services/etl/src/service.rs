//! The ETL service of one process.

use std::sync::Arc;

use moka::sync::Cache;
use spine::{Runtime, Spine};

use crate::incoming::Incoming;
use crate::jobs::{ProcessIncomingData, RerunMapping};
use crate::mapping::Mapping;
use crate::normal::{Phones, Region};
use crate::{EtlError, MIGRATIONS, mappings};

/// What the service needs to know.
#[derive(Clone, Debug, Default)]
pub struct EtlSettings {
    /// The region (ISO 3166-1, such as `AT`) in which phone numbers without a country code are read. None: only
    /// numbers with a country code are normalised.
    pub default_region: Option<String>,
}

/// The ETL service. Cheap to clone.
#[derive(Clone)]
pub struct Etl(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) phones: Phones,
    /// Compiled mappings by name and version. A version never changes, so nothing in it is ever out of date.
    pub(crate) compiled: Cache<(String, i32), Arc<Mapping>>,
}

impl Etl {
    /// Brings the schema up to date and installs the mappings that come with the node, where they are newer than
    /// those that it has.
    ///
    /// # Errors
    /// The database failed, or the region is none.
    pub async fn open(spine: Spine, settings: EtlSettings) -> Result<Self, EtlError> {
        let region = match settings.default_region.as_deref() {
            None => None,
            Some(code) => Some(Region::parse(code).ok_or_else(|| {
                EtlError::Invalid(format!("{code:?} is no region; say a code such as AT"))
            })?),
        };
        spine::database::migrate(spine.pool(), "etl", &MIGRATIONS).await?;
        let compiled = Cache::new(200);
        let etl = Self(Arc::new(Inner { spine, phones: Phones::new(region), compiled }));
        mappings::install_built_ins(&etl).await?;
        Ok(etl)
    }

    /// The spine.
    pub fn spine(&self) -> &Spine {
        &self.0.spine
    }
}

/// Adds what the service does to a process: its jobs and its handler.
pub fn register(runtime: Runtime, service: &Etl) -> Runtime {
    let context = Arc::new(service.clone());
    runtime
        .job::<ProcessIncomingData>(Arc::clone(&context))
        .job::<RerunMapping>(context)
        .handler(Incoming(service.clone()))
}
