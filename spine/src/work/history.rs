//! Keeping house: what is remembered by day, and what is forgotten.

use chrono::TimeDelta;

use super::Memory;
use super::erased::discard_old;
use crate::{Spine, SpineError};

/// Makes the partitions of the coming days, drops those that are too old, and throws away old dead
/// letters.
pub(crate) async fn housekeeping(spine: &Spine, memory: Memory) -> Result<(), SpineError> {
    let now = spine.clock().now();
    // Keys of events of the last day are relied on.
    let keep_days = i32::from(memory.days.max(1));
    let mut conn = spine.worker_pool().acquire().await?;
    sqlx::query!("SELECT spine.keep_job_days($1, $2)", now, keep_days).execute(&mut *conn).await?;
    let since = now - TimeDelta::days(memory.dead_days.into());
    let discarded = discard_old(&mut conn, since, now).await?;
    if discarded > 0 {
        tracing::info!(
            discarded,
            "dead letters too old, or about what was erased, were thrown away"
        );
    }
    Ok(())
}
