//! Keeping house: what is remembered by day, and what is forgotten.

use crate::{Spine, SpineError};

/// Makes the partitions of the coming days and drops those older than `keep_days`.
pub(crate) async fn housekeeping(spine: &Spine, keep_days: u16) -> Result<(), SpineError> {
    let now = spine.clock().now();
    sqlx::query!("SELECT spine.keep_job_days($1, $2)", now, i32::from(keep_days))
        .execute(spine.worker_pool())
        .await?;
    Ok(())
}
