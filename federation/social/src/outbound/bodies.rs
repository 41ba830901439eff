//! Bodies of activities that many deliveries share.

use bytes::Bytes;
use moka::future::Cache;
use sqlx::PgPool;

use crate::store::write_outbound as store;

/// Bytes of bodies kept in memory.
const CAPACITY: u64 = 16 * 1024 * 1024;

/// The bodies of one process. What another process withdraws may be read here for up to ten seconds.
pub(crate) struct Bodies(Cache<i64, Bytes>);

impl Bodies {
    pub(crate) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(CAPACITY)
                .weigher(|_, body: &Bytes| u32::try_from(body.len()).unwrap_or(u32::MAX))
                .time_to_live(std::time::Duration::from_secs(10))
                .build(),
        )
    }

    /// Forgets what is in memory: something of it was withdrawn.
    pub(crate) fn forget(&self) {
        self.0.invalidate_all();
    }

    /// An activity's body; `None` where it was withdrawn.
    pub(crate) async fn of(&self, pool: &PgPool, activity: i64) -> sqlx::Result<Option<Bytes>> {
        if let Some(body) = self.0.get(&activity).await {
            return Ok(Some(body));
        }
        let Some(body) = store::body(pool, activity).await? else { return Ok(None) };
        let body = Bytes::from(body);
        self.0.insert(activity, body.clone()).await;
        Ok(Some(body))
    }
}
