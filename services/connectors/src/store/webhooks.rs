//! Requests of webhooks, remembered for as long as they may be delivered again.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::decoded;
use crate::account::{AccountState, Standing};

/// An account as its webhooks need it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) state: AccountState,
    pub(crate) config: Value,
    pub(crate) standing: Standing,
}

/// An account, which stays as it is, with its webhooks, until the transaction ends; none: it is gone.
pub(crate) async fn hold_account(
    conn: &mut PgConnection,
    account: Uuid,
) -> sqlx::Result<Option<Held>> {
    let row = sqlx::query!(
        r#"SELECT state, config, space, labels, consent
             FROM connectors.account WHERE id = $1 FOR NO KEY UPDATE"#,
        account
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let standing =
            Standing { space: decoded(&row.space)?, labels: row.labels, consent: row.consent };
        Ok(Held { state: AccountState::from_stored(&row.state), config: row.config, standing })
    })
    .transpose()
}

/// A request as it is remembered.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) id: Uuid,
    pub(crate) account: Uuid,
    pub(crate) digest: &'a [u8],
    /// Whether the digest holds a name that its source gives to each delivery.
    pub(crate) named: bool,
    pub(crate) records_digest: Option<&'a [u8]>,
}

/// Remembers a request; `false`: it is a repeat, of one that came after `since`.
///
/// A request with the name of its delivery is a repeat wherever it comes. One without is a repeat where
/// nothing else came in between: what is on, then off, then on again, is told in the same words twice. The
/// same holds for another request that brings the very records of the last one.
pub(crate) async fn remember(
    conn: &mut PgConnection,
    request: &Request<'_>,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let row = sqlx::query!(
        r#"WITH latest AS (
               SELECT digest, records_digest, received_at FROM connectors.webhook
                WHERE account = $2 AND records_digest IS NOT NULL
                ORDER BY received_at DESC, request DESC
                LIMIT 1
           ), remembered AS (
               INSERT INTO connectors.webhook AS known
                      (request, account, digest, records_digest, received_at)
               VALUES ($1, $2, $3, $4, $6)
               ON CONFLICT (account, digest) DO UPDATE
                  SET request = excluded.request, records_digest = excluded.records_digest,
                      received_at = excluded.received_at
                WHERE known.received_at <= $5
                   OR known.records_digest IS DISTINCT FROM excluded.records_digest
                   OR (NOT $7 AND excluded.records_digest IS NOT NULL
                       AND known.digest IS DISTINCT FROM (SELECT digest FROM latest))
               RETURNING request
           )
           SELECT EXISTS (SELECT FROM remembered)
                  AND NOT EXISTS (SELECT FROM latest
                                   WHERE records_digest = $4 AND received_at > $5) AS "new!""#,
        request.id,
        request.account,
        request.digest,
        request.records_digest,
        since,
        now,
        request.named,
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
