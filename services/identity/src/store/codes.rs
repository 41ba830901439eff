//! Authorization codes.

use chrono::{DateTime, Utc};
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};

use crate::{AuthorizationRequest, Scopes};

/// A code that was taken.
pub(crate) struct Code {
    pub(crate) app_id: Snowflake,
    pub(crate) account_id: Snowflake,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Scopes,
    pub(crate) challenge: Option<String>,
}

/// Inserts a code, and removes those long over.
pub(crate) async fn insert(
    pool: &PgPool,
    hash: &[u8],
    request: &AuthorizationRequest,
    account_id: Snowflake,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"WITH over AS (
               DELETE FROM identity.authorization_code WHERE expires_at < $7::timestamptz - interval '1 day'
           )
           INSERT INTO identity.authorization_code
               (code_hash, app_id, account_id, redirect_uri, scopes, challenge, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)"#,
        hash,
        request.app.id.0,
        account_id.0,
        request.redirect_uri,
        request.scopes.names(),
        request.challenge,
        expires_at
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Takes a code that is neither used nor over; it is used from then on.
pub(crate) async fn take(
    conn: &mut PgConnection,
    hash: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Code>> {
    let row = sqlx::query!(
        r#"UPDATE identity.authorization_code SET used_at = $2
            WHERE code_hash = $1 AND used_at IS NULL AND expires_at > $2
        RETURNING app_id, account_id, redirect_uri, scopes, challenge"#,
        hash,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Code {
        app_id: Snowflake(row.app_id),
        account_id: Snowflake(row.account_id),
        redirect_uri: row.redirect_uri,
        scopes: Scopes::from_stored(row.scopes),
        challenge: row.challenge,
    }))
}
