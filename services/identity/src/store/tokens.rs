//! Access tokens.

use chrono::{DateTime, Utc};
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};

use crate::{Grant, Holder, PersonState, Scopes};

/// A token to be stored.
pub(crate) struct NewToken<'a> {
    pub(crate) id: Snowflake,
    pub(crate) hash: &'a [u8],
    pub(crate) app: Snowflake,
    pub(crate) account: Option<Snowflake>,
    pub(crate) scopes: &'a [String],
    pub(crate) created_at: DateTime<Utc>,
}

/// Inserts a token.
pub(crate) async fn insert(conn: &mut PgConnection, token: NewToken<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        r#"INSERT INTO identity.access_token
               (id, token_hash, app_id, account_id, scopes, created_at)
           VALUES ($1, $2, $3, $4, $5, $6)"#,
        token.id.0,
        token.hash,
        token.app.0,
        token.account.map(|account| account.0),
        token.scopes,
        token.created_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a standing token says: of a person who is active or waits, or of an app itself.
pub(crate) async fn grant(pool: &PgPool, hash: &[u8]) -> sqlx::Result<Option<Grant>> {
    let row = sqlx::query!(
        r#"SELECT token.id, token.account_id, token.app_id, token.scopes, app.name, app.website,
                  person.state AS "state?"
             FROM identity.access_token token
             JOIN identity.app app ON app.id = token.app_id
             LEFT JOIN identity.person person ON person.account_id = token.account_id
            WHERE token.token_hash = $1 AND token.revoked_at IS NULL"#,
        hash
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.and_then(|row| {
        let account = row.account_id.map(Snowflake);
        let state = row.state.as_deref().map(PersonState::from_stored);
        let holder = match (account, state) {
            (None, _) => Holder::App,
            (Some(account), Some(PersonState::Active)) => Holder::Person(account),
            (Some(account), Some(PersonState::Pending)) => Holder::Applicant(account),
            (Some(_), Some(PersonState::Suspended) | None) => return None,
        };
        Some(Grant {
            token_id: Snowflake(row.id),
            holder,
            app_id: Snowflake(row.app_id),
            app_name: row.name,
            app_website: row.website,
            scopes: Scopes::from_stored(row.scopes),
        })
    }))
}

/// Revokes one token of an app; its number and person where it stood.
pub(crate) async fn revoke(
    conn: &mut PgConnection,
    hash: &[u8],
    app: Snowflake,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<(Snowflake, Option<Snowflake>)>> {
    let row = sqlx::query!(
        r#"UPDATE identity.access_token SET revoked_at = $3
            WHERE token_hash = $1 AND app_id = $2 AND revoked_at IS NULL
        RETURNING id, account_id"#,
        hash,
        app.0,
        now
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (Snowflake(row.id), row.account_id.map(Snowflake))))
}

/// Revokes every token of a person; their numbers.
pub(crate) async fn revoke_all_of(
    conn: &mut PgConnection,
    account_id: Snowflake,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Snowflake>> {
    let ids = sqlx::query_scalar!(
        r#"UPDATE identity.access_token SET revoked_at = $2
            WHERE account_id = $1 AND revoked_at IS NULL
        RETURNING id"#,
        account_id.0,
        now
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(Snowflake).collect())
}
