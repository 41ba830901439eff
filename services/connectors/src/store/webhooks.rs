//! Requests of webhooks, remembered for as long as they may be delivered again.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// The state of an account, which stays as it is, with its webhooks, until the transaction ends; none:
/// it is gone.
pub(crate) async fn lock_account(
    conn: &mut PgConnection,
    account: Uuid,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT state FROM connectors.account WHERE id = $1 FOR NO KEY UPDATE",
        account
    )
    .fetch_optional(conn)
    .await
}

/// A request as it is remembered.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
    pub(crate) digest: &'a [u8],
    pub(crate) records_digest: Option<&'a [u8]>,
}

/// Remembers a request; `false`: the same one, or another that brought the same records, came after
/// `since`.
pub(crate) async fn remember(
    conn: &mut PgConnection,
    request: &Request<'_>,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let row = sqlx::query!(
        r#"WITH same AS (
               SELECT FROM connectors.webhook
                WHERE account = $2 AND records_digest = $4 AND received_at > $5
           ), remembered AS (
               INSERT INTO connectors.webhook AS known
                      (request, account, digest, records_digest, received_at)
               VALUES ($1, $2, $3, $4, $6)
               ON CONFLICT (account, digest) DO UPDATE
                  SET request = excluded.request, records_digest = excluded.records_digest,
                      received_at = excluded.received_at
                WHERE known.received_at <= $5
               RETURNING request
           )
           SELECT EXISTS (SELECT FROM remembered) AND NOT EXISTS (SELECT FROM same) AS "new!""#,
        request.id,
        request.account,
        request.digest,
        request.records_digest,
        since,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(row.new)
}

/// Forgets requests from before a time.
pub(crate) async fn forget(pool: &PgPool, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let done = sqlx::query!("DELETE FROM connectors.webhook WHERE received_at < $1", before)
        .execute(pool)
        .await?;
    Ok(done.rows_affected())
}
