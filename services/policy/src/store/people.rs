//! People, as identity's events tell of them.

use chrono::{DateTime, Utc};
use spine::Snowflake;
use sqlx::PgConnection;

use crate::{PersonState, Role};

/// Learns of a person; one who is known already stays as they are.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    account: Snowflake,
    role: Role,
    state: PersonState,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO policy.person (account, role, state, changed_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (account) DO NOTHING"#,
        account.0,
        role.name(),
        state.name(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Changes a person's state. Who is gone stays gone.
pub(crate) async fn set_state(
    conn: &mut PgConnection,
    account: Snowflake,
    state: PersonState,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"UPDATE policy.person SET state = $2, changed_at = $3
            WHERE account = $1 AND state <> $2 AND state <> 'deleted'"#,
        account.0,
        state.name(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Changes a person's role.
pub(crate) async fn set_role(
    conn: &mut PgConnection,
    account: Snowflake,
    role: Role,
    at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE policy.person SET role = $2, changed_at = $3 WHERE account = $1 AND role <> $2",
        account.0,
        role.name(),
        at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// All. A role or state that this program does not know is the weakest.
pub(crate) async fn all(
    conn: &mut PgConnection,
) -> sqlx::Result<Vec<(Snowflake, Role, PersonState)>> {
    let rows =
        sqlx::query!("SELECT account, role, state FROM policy.person").fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                Snowflake(row.account),
                row.role.parse().unwrap_or(Role::Member),
                row.state.parse().unwrap_or(PersonState::Suspended),
            )
        })
        .collect())
}
