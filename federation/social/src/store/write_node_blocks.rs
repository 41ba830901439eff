//! Hosts that the whole node blocks.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// The reason that tells the configuration's blocks from those made while the node runs.
pub const CONFIGURATION: &str = "configuration";

/// Blocks hosts; those that are blocked stay as they are.
pub async fn insert(
    conn: &mut PgConnection,
    ids: &[i64],
    domains: &[String],
    reason: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.domain_block (id, account_id, domain, reason, created_at)
         SELECT new.id, NULL, new.domain, $3, $4
           FROM unnest($1::bigint[], $2::text[]) AS new (id, domain)
             ON CONFLICT DO NOTHING",
        ids,
        domains,
        reason,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends the configuration's blocks of all other hosts.
pub async fn keep_configured(conn: &mut PgConnection, domains: &[String]) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.domain_block
          WHERE account_id IS NULL AND reason = $1 AND NOT domain = ANY($2)",
        CONFIGURATION,
        domains,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Unblocks a host.
pub async fn delete(conn: &mut PgConnection, domain: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM social.domain_block WHERE account_id IS NULL AND domain = $1",
        domain,
    )
    .execute(conn)
    .await?;
    Ok(())
}
