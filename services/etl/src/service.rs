//! The ETL service of one process.

use std::sync::Arc;

use chrono::TimeDelta;
use moka::sync::Cache;
use spine::{Runtime, Spine};

use crate::incoming::Incoming;
use crate::jobs::{DropReplaced, FollowAccount, ProcessIncomingData, RerunMapping};
use crate::mapping::Mapping;
use crate::normal::{Phones, Region};
use crate::{EtlError, MIGRATIONS, mappings};

/// What the service needs to know.
#[derive(Clone, Debug)]
pub struct EtlSettings {
    /// The region (ISO 3166-1, such as `AT`) in which phone numbers without a country code are read. None: only
    /// numbers with a country code are normalised.
    pub default_region: Option<String>,
    /// For how many days a content is kept after a newer one of the same record replaced it; none: for ever. The
    /// newest is always kept: it is what mappings are run on again.
    pub keep_replaced_days: Option<u16>,
}

impl Default for EtlSettings {
    /// No region; replaced contents are kept for 90 days.
    fn default() -> Self {
        Self { default_region: None, keep_replaced_days: Some(90) }
    }
}

/// The ETL service. Cheap to clone.
#[derive(Clone)]
pub struct Etl(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) spine: Spine,
    pub(crate) phones: Phones,
    /// Compiled mappings by name and version. A version never changes, so nothing in it is ever out of date.
    pub(crate) compiled: Cache<(String, i32), Arc<Mapping>>,
    /// How long replaced contents are kept; none: for ever.
    pub(crate) keep_replaced: Option<TimeDelta>,
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
        let keep_replaced = settings.keep_replaced_days.map(|days| TimeDelta::days(days.into()));
        let phones = Phones::new(region);
        let etl = Self(Arc::new(Inner { spine, phones, compiled, keep_replaced }));
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
        .job::<RerunMapping>(Arc::clone(&context))
        .job::<FollowAccount>(Arc::clone(&context))
        .job::<DropReplaced>(context)
        .cron("etl.drop_replaced", "53 3 * * *", DropReplaced {})
        .handler(Incoming(service.clone()))
}
