//! Ends contents that were replaced long ago.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use spine::{Job, JobError, JobRun, Lane};

use crate::{Etl, store};

/// So many at a time.
const AT_ONCE: i64 = 1_000;

/// Drops contents that newer ones replaced, when they were kept as long as the settings want it. The last word of
/// each source stays for ever: it is all that a mapping reads. What came is in the ledger as well.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DropReplaced {}

#[async_trait]
impl Job for DropReplaced {
    type Context = Etl;
    const KIND: &'static str = "etl.drop_replaced";
    const LANE: Lane = Lane::Background;

    async fn run(&self, etl: &Etl, run: &mut JobRun) -> Result<(), JobError> {
        let Some(keep) = etl.0.keep_replaced else { return Ok(()) };
        let Some(before) = run.spine().clock().now().checked_sub_signed(keep) else {
            return Ok(());
        };
        let mut dropped = 0;
        loop {
            let mut conn = etl.spine().worker_pool().acquire().await?;
            let some = store::erase::replaced(&mut conn, before, AT_ONCE).await?;
            dropped += some;
            if some < AT_ONCE.unsigned_abs() {
                break;
            }
        }
        tracing::debug!(dropped, "replaced contents of records dropped");
        Ok(())
    }
}
