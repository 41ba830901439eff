//! Whether there is anything to do: for tests that wait until there is not.

use crate::{Spine, SpineError};

/// No job runs, and none of these kinds would start: what is paused or deferred beyond the clock's
/// time does not count.
pub(crate) async fn is_idle(spine: &Spine, kinds: &[&str]) -> Result<bool, SpineError> {
    let idle = sqlx::query_scalar!(
        r#"SELECT NOT EXISTS (
                   SELECT FROM spine.job
                    WHERE state = 1 OR (state = 2 AND run_at <= $1 AND losses < 2)
                       OR ((state = 0 OR (state = 2 AND run_at <= $1)) AND kind = ANY ($2) AND lane <> ALL (ARRAY(
                               SELECT array_position(
                                          ARRAY['lane:realtime', 'lane:interactive',
                                                'lane:background'], subject::text) - 1
                                 FROM spine.job_pause WHERE subject LIKE 'lane:%')))
                       OR (state = 3 AND 'key:' || concurrency_key <> ALL (ARRAY(
                               SELECT subject FROM spine.job_pause WHERE subject LIKE 'key:%')))
               ) AS "idle!""#,
        spine.clock().now(),
        kinds as &[&str],
    )
    .fetch_one(spine.worker_pool())
    .await?;
    Ok(idle)
}
