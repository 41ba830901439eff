//! Hosts that the whole node blocks because its configuration says so.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Tells these blocks apart from those that an admin makes while the node runs.
const REASON: &str = "configuration";

/// Makes the configuration's blocks exactly these; what an admin blocked stays.
pub async fn replace(
    conn: &mut PgConnection,
    ids: &[i64],
    domains: &[String],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.domain_block
          WHERE account_id IS NULL AND reason = $1 AND NOT domain = ANY($2)",
        REASON,
        domains,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO social.domain_block (id, account_id, domain, reason, created_at)
         SELECT new.id, NULL, new.domain, $3, $4
           FROM unnest($1::bigint[], $2::text[]) AS new (id, domain)
             ON CONFLICT DO NOTHING",
        ids,
        domains,
        REASON,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
