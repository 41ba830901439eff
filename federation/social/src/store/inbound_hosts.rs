//! What the node as a whole thinks of hosts.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// The domains that the whole node blocks.
pub(crate) async fn blocked_domains(pool: &PgPool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("SELECT domain FROM social.domain_block WHERE account_id IS NULL")
        .fetch_all(pool)
        .await
}

/// The form of signature that a host understands, as a number.
pub(crate) async fn signature_form(pool: &PgPool, domain: &str) -> sqlx::Result<Option<i16>> {
    sqlx::query_scalar!("SELECT signature_form FROM social.remote_host WHERE domain = $1", domain)
        .fetch_optional(pool)
        .await
}

/// Remembers the form of signature that a host understands.
pub(crate) async fn set_signature_form(
    pool: &PgPool,
    domain: &str,
    form: i16,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO social.remote_host (domain, signature_form, updated_at) VALUES ($1, $2, $3)
         ON CONFLICT (domain) DO UPDATE SET signature_form = $2, updated_at = $3",
        domain,
        form,
        now
    )
    .execute(pool)
    .await?;
    Ok(())
}
