//! OAuth apps.

use chrono::{DateTime, Utc};
use spine::Snowflake;
use sqlx::{PgConnection, PgPool};

use crate::{App, Scopes};

/// Inserts an app.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    app: &App,
    secret_hash: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"INSERT INTO identity.app
               (id, client_id, secret_hash, name, website, redirect_uris, scopes, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"#,
        app.id.0,
        app.client_id,
        secret_hash,
        app.name,
        app.website,
        &app.redirect_uris,
        app.scopes.names(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The app with this client id, and its secret's hash.
pub(crate) async fn by_client_id(
    pool: &PgPool,
    client_id: &str,
) -> sqlx::Result<Option<(App, Vec<u8>)>> {
    let row = sqlx::query!(
        r#"SELECT id, client_id, secret_hash, name, website, redirect_uris, scopes
             FROM identity.app WHERE client_id = $1"#,
        client_id
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| {
        let app = App {
            id: Snowflake(row.id),
            client_id: row.client_id,
            name: row.name,
            website: row.website,
            redirect_uris: row.redirect_uris,
            scopes: Scopes::from_stored(row.scopes),
        };
        (app, row.secret_hash)
    }))
}

/// The app with this number.
pub(crate) async fn by_number(pool: &PgPool, id: Snowflake) -> sqlx::Result<Option<App>> {
    let row = sqlx::query!(
        r#"SELECT id, client_id, name, website, redirect_uris, scopes
             FROM identity.app WHERE id = $1"#,
        id.0
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| App {
        id: Snowflake(row.id),
        client_id: row.client_id,
        name: row.name,
        website: row.website,
        redirect_uris: row.redirect_uris,
        scopes: Scopes::from_stored(row.scopes),
    }))
}
